//! The order in, the work, the report out.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::process::ExitCode;

use proto::stage::{
    Failure, FinalizeReport, PrepareReport, REPORT_FD, STAGE_RECORD_BYTES_MAX, StageOrder,
    StageReport, Work, Worker,
};

use super::data;
use super::meter::Meter;
use super::prepare::failure;
use crate::sys::passing;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum StageError {
    #[error("usage: jobd-stage < order.json 3> report.json")]
    Usage,
    #[error("read the order: {0}")]
    Read(io::Error),
    #[error("understand the order: {0}")]
    Parse(serde_json::Error),
    #[error("write the report: {0}")]
    Report(io::Error),
}

/// Takes its order from standard input and leaves its report on descriptor 3. The exit code is 0
/// when the work is done and 1 when it is not, which the report explains.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if let (Some(first), Some(folder)) = (arguments.next(), arguments.next())
        && first == data::PROBE_ARGUMENT
    {
        return data::probe(Path::new(&folder));
    }
    match run() {
        Ok(StageReport::Failed(failure)) => {
            eprintln!("{}: {}", failure.field, failure.reason);
            ExitCode::FAILURE
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jobd-stage: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<StageReport, StageError> {
    let mut report_to = passing::inherited(REPORT_FD)
        .map(File::from)
        .ok_or(StageError::Usage)?;
    let order = read_order()?;
    let report = work(&order).unwrap_or_else(StageReport::Failed);
    let Err(error) = leave(&mut report_to, &report) else {
        return Ok(report);
    };
    // A part of it would be no cause that anybody can read. A short one has room.
    let failed = StageReport::Failed(failure("report", &StageError::Report(error)));
    leave(&mut report_to, &failed).map_err(StageError::Report)?;
    Ok(failed)
}

/// Writes over whatever is there, whose room is taken already.
fn leave(report_to: &mut File, report: &StageReport) -> io::Result<()> {
    let bytes = serde_json::to_vec(report)?;
    report_to.rewind()?;
    report_to.write_all(&bytes)?;
    report_to.set_len(bytes.len() as u64)
}

fn read_order() -> Result<StageOrder, StageError> {
    let mut bytes = Vec::new();
    let stdin = io::stdin().lock();
    let read = stdin.take(STAGE_RECORD_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(StageError::Read)?;
    serde_json::from_slice(&bytes).map_err(StageError::Parse)
}

fn work(order: &StageOrder) -> Result<StageReport, Failure> {
    let meter = Meter::new(&order.folder);
    let report = half(order, &meter);
    meter.end();
    report
}

fn half(order: &StageOrder, meter: &Meter) -> Result<StageReport, Failure> {
    match &order.work {
        Work::Prepare(prepare) => {
            let done = super::prepare::prepare(order, prepare, meter)?;
            let by = worker();
            Ok(StageReport::Prepared(Box::new(PrepareReport {
                by,
                ..done
            })))
        }
        Work::Finalize(finalize) => {
            let done = super::finalize::finalize(order, finalize, meter)?;
            let by = worker();
            Ok(StageReport::Finalized(FinalizeReport { by, ..done }))
        }
    }
}

fn worker() -> Worker {
    let host = nix::unistd::gethostname().unwrap_or_default();
    Worker {
        host: host.to_string_lossy().into_owned(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}
