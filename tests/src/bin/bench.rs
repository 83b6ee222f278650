//! `bench`: how fast jobd is beside a bare fork+exec and xargs, measured in the same rounds.
//! Run it with `tests/bench`, which builds what it measures.

use std::process::ExitCode;

#[path = "../bench/mod.rs"]
mod bench;

fn main() -> ExitCode {
    match bench::run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
