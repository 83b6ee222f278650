//! What is being done, on standard error, with the seconds since the first of these lines.

use std::sync::OnceLock;
use std::time::Instant;

/// Says it.
pub fn say(what: &str) {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let seconds = BEGUN.get_or_init(Instant::now).elapsed().as_secs();
    eprintln!("bench: {seconds:>4} s  {what}");
}
