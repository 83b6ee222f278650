//! `jobd-shim DIR` supervises one step: the process that the step directory DIR describes.

use std::process::ExitCode;

fn main() -> ExitCode {
    jobd::shim::main(std::env::args_os())
}
