//! What the command has written goes where it belongs, all or nothing; nothing is deleted.

use proto::stage::{Failure, FinalizeOrder, FinalizeReport, StageOrder};

use super::data;
use super::meter::Meter;
use super::prepare::failure;

pub(super) fn finalize(
    order: &StageOrder,
    finalize: &FinalizeOrder,
    meter: &Meter,
) -> Result<FinalizeReport, Failure> {
    let mut report = FinalizeReport::default();
    let mut data = data::Data::new(order, meter).map_err(|error| failure("outputs", &error))?;
    for (name, output) in &finalize.outputs {
        let published = data.publish(name, output);
        let field = format!("outputs.{name}");
        let published = published.map_err(|error| failure(&field, &error))?;
        report.outputs.insert(name.clone(), published);
    }
    report.notes = data.into_notes();
    Ok(report)
}
