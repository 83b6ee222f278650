//! `jobd-stage` prepares and finalizes a job as the job's user; it is a step under a shim.
//! `jobd-stage --version` is for `jobd doctor`.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "--version")
    {
        println!("jobd-stage {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    jobd::stage::main()
}
