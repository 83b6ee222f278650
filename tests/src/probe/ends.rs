//! Ways to end, and not to end.
#![expect(
    unsafe_code,
    reason = "a signal that std ignores needs its default back"
)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use super::run::Outcome;

/// How often `hold` looks.
const HOLD_PAUSE: Duration = Duration::from_millis(20);
/// The longest that anything here lives, should nobody kill it.
pub const LIFE_MAX: Duration = Duration::from_mins(10);

/// Dies of a signal, also a real-time one.
pub fn signal(number: i32) -> Outcome {
    // SAFETY: a standard disposition, and a signal to ourselves.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
        libc::kill(libc::getpid(), number);
    }
    Err(format!("signal {number} did not end the probe").into())
}

/// Sleeps, and ends well.
pub fn sleep(milliseconds: u64) -> Outcome {
    thread::sleep(Duration::from_millis(milliseconds));
    Ok(ExitCode::SUCCESS)
}

/// Does not hear SIGTERM, and does not end.
pub fn ignore_term(ready: Option<&Path>) -> Outcome {
    block_term()?;
    say_ready(ready)?;
    live_on()
}

/// Stops as by SIGSTOP; ends well when it is continued.
pub fn stop_self() -> Outcome {
    nix::sys::signal::raise(Signal::SIGSTOP)?;
    Ok(ExitCode::SUCCESS)
}

/// Ends well as soon as the file is there.
pub fn hold(file: &Path) -> Outcome {
    while !file.try_exists()? {
        thread::sleep(HOLD_PAUSE);
    }
    Ok(ExitCode::SUCCESS)
}

/// As good as ignored: it stays pending for ever.
pub fn block_term() -> Result<(), nix::Error> {
    SigSet::from(Signal::SIGTERM).thread_block()
}

/// Makes the file that a test waits for.
pub fn say_ready(file: Option<&Path>) -> std::io::Result<()> {
    file.map_or(Ok(()), |file| {
        fs::write(file, std::process::id().to_string())
    })
}

/// Lives until it is killed, or for a long time.
pub fn live_on() -> Outcome {
    thread::sleep(LIFE_MAX);
    Err("nobody ended the probe".into())
}
