//! `jobd-stage` prepares and finalizes a job as the job's user; it is a step under a shim.

use std::process::ExitCode;

fn main() -> ExitCode {
    jobd::stage::main()
}
