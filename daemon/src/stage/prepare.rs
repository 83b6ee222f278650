//! Everything that the command finds: code, inputs, outputs, environment. The environment comes
//! last: it is built from the code's folder as often as from its own.

use proto::stage::{EnvironmentReport, Failure, PrepareOrder, PrepareReport, StageOrder};

use super::meter::Meter;
use super::offer::provides;
use super::{data, environment, snapshot};

pub(super) fn prepare(
    order: &StageOrder,
    prepare: &PrepareOrder,
    meter: &Meter,
) -> Result<PrepareReport, Failure> {
    let mut report = PrepareReport::default();
    if let Some(code) = &prepare.code {
        let taken = snapshot::take(order, code, prepare.snapshot.as_deref(), meter);
        report.code = Some(taken.map_err(|error| failure("code", &error))?);
    }
    let mut data = data::Data::new(order, meter).map_err(|error| failure("inputs", &error))?;
    for (name, input) in &prepare.inputs {
        let provided = data.provide(name, input);
        let field = format!("inputs.{name}");
        let provided = provided.map_err(|error| failure(&field, &error))?;
        report.inputs.insert(name.clone(), provided);
    }
    for (name, output) in &prepare.outputs {
        let field = format!("outputs.{name}");
        let path = data.make_output(name, output);
        let path = path.map_err(|error| failure(&field, &error))?;
        report.outputs.insert(name.clone(), path);
    }
    if let Some(wanted) = &prepare.environment {
        let digest = prepare.environment_digest.as_ref();
        if provides(&order.settings, wanted) {
            let provided = environment::provide(order, wanted, &report, meter);
            let (provided, notes) = provided.map_err(|error| failure("environment", &error))?;
            check_environment(digest, &provided)?;
            report.environment = Some(provided);
            report.notes.extend(notes);
        } else {
            check_environment(digest, &environment::host(wanted.summary()))?;
        }
    }
    report.notes.extend(data.into_notes());
    Ok(report)
}

/// A rerun takes no other environment than the job before it.
fn check_environment(wanted: Option<&String>, found: &EnvironmentReport) -> Result<(), Failure> {
    match wanted {
        Some(wanted) if found.digest.as_ref() != Some(wanted) => {
            let digest = found.digest.as_deref().unwrap_or(&found.backend);
            let reason = format!(
                "{} is {digest} now, and was {wanted} in the job that is run again",
                found.name
            );
            Err(failure("environment", &reason))
        }
        _ => Ok(()),
    }
}

pub(super) fn failure(field: &str, error: &impl std::fmt::Display) -> Failure {
    Failure {
        field: field.into(),
        reason: error.to_string(),
    }
}
