//! `jobd-shim DIR` supervises one step: the process that the step directory DIR describes.
//! `jobd-shim --version` is for `jobd doctor`.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "--version")
    {
        println!("jobd-shim {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    jobd::shim::main(std::env::args_os())
}
