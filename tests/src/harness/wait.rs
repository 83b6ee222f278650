//! Waiting for conditions: the one place where tests let time pass.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything that should happen soon may take on a small, busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the condition holds.
///
/// # Panics
/// When it does not within the deadline.
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < deadline,
            "waited {} s in vain for: {what}",
            deadline.as_secs()
        );
        thread::sleep(PAUSE);
    }
}

/// Waits until there is a value, within [`DEADLINE`].
///
/// # Panics
/// When there is none by then.
pub fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    wait_until(what, DEADLINE, || {
        found = find();
        found.is_some()
    });
    found.unwrap()
}
