//! `soak [MINUTES] [SEED]`: hours of work and of kills, then the proof that every job that was
//! acknowledged ran exactly once, or is lost for a reason that is known.

use std::process::ExitCode;
use std::time::Duration;

#[path = "../soak/mod.rs"]
mod soak;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1);
    let minutes: f64 = numbers
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1.0);
    let seed = numbers.next().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| std::process::id().into());
    let mut soak = soak::Soak::new(seed);
    soak.run(Duration::from_secs_f64(minutes * 60.0));
    if soak.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
