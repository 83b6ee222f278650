//! Named places where a test makes this process die or its I/O fail. Without the feature
//! `failpoints` each is an empty function.
//!
//! * `JOBD_FAILPOINT=LABEL[:N]`: SIGKILL at the N-th time (1 if not given) that LABEL is reached.
//! * `JOBD_FAILIO=N:ERRNO`: the N-th I/O that passes a failpoint fails with that error number;
//!   `N-M:ERRNO`: those from N to M; `N+:ERRNO`: that one and all after it.
//! * `JOBD_FAILNOTE=FILE`: a line with the label is appended there before either happens, so that
//!   a test knows what it hit, and that nothing was left to hit.
//!
//! * `JOBD_CLOCK_FILE=FILE`: the wall clock is so many seconds off as the file says, read anew
//!   each time; shims, too.
//!
//! The daemon hands `JOBD_SHIM_FAILPOINT` and `JOBD_SHIM_FAILIO` to its shims under the plain
//! names, so that either program can be hit alone.

#[cfg(not(feature = "failpoints"))]
use std::io;

/// Every label of the daemon, in no order.
pub const DAEMON_LABELS: &[&str] = &[
    "app.locked",
    "app.ready",
    "engine.before-commit",
    "engine.after-commit",
    "engine.before-deed",
    "engine.before-replies",
    "exec.note-ahead",
    "exec.made-ahead",
    "exec.give-spare",
    "exec.before-folders",
    "exec.make-job-folder",
    "exec.make-folder",
    "exec.write-records",
    "exec.take-room",
    "exec.records-written",
    "exec.spawn",
    "exec.spawned",
    "exec.gone",
    "exec.before-news",
    "exec.before-stop",
    "exec.after-stop",
    "exec.before-adoption",
    "exec.leftovers-killed",
    "retention.marked",
    "retention.delete",
    "retention.deleted",
    "spool.read",
    "spool.admitted",
    "spool.remove",
    "spool.explain",
    "spool.explained",
    "spool.move-aside",
    "store.commit",
    "store.in-commit",
];

/// Every label of the shim.
pub const SHIM_LABELS: &[&str] = &[
    "shim.locked",
    "shim.go",
    "shim.fork",
    "shim.forked",
    "shim.write-started",
    "shim.started",
    "shim.released",
    "shim.before-terminate",
    "shim.before-kill",
    "shim.next-taken",
    "shim.passed",
    "shim.empty",
    "shim.write-silent",
    "shim.write-exit",
    "shim.exit-written",
];

/// A place where the process may be killed.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reach(_label: &'static str) {}

/// A place where the process may be killed, and where an I/O that follows may fail instead.
///
/// # Errors
/// The error that the test asked for; none without the feature.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn io(_label: &'static str) -> io::Result<()> {
    Ok(())
}

/// How far a test has moved the wall clock, in microseconds.
#[cfg(not(feature = "failpoints"))]
#[inline]
#[must_use]
pub fn clock_jump_micros() -> i64 {
    0
}

#[cfg(feature = "failpoints")]
pub use armed::{clock_jump_micros, io, reach};

#[cfg(feature = "failpoints")]
mod armed {
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the environment asks for.
    #[derive(Default)]
    struct Armed {
        kill: Option<(String, u64)>,
        fail: Option<Fail>,
        note: Option<std::path::PathBuf>,
        clock: Option<std::path::PathBuf>,
    }

    struct Fail {
        numbers: std::ops::RangeInclusive<u64>,
        errno: i32,
    }

    static REACHED: AtomicU64 = AtomicU64::new(0);
    static DONE: AtomicU64 = AtomicU64::new(0);

    fn armed() -> &'static Armed {
        static ARMED: OnceLock<Armed> = OnceLock::new();
        ARMED.get_or_init(|| Armed {
            kill: std::env::var("JOBD_FAILPOINT")
                .ok()
                .and_then(|text| kill(&text)),
            fail: std::env::var("JOBD_FAILIO")
                .ok()
                .and_then(|text| fail(&text)),
            note: std::env::var_os("JOBD_FAILNOTE").map(Into::into),
            clock: std::env::var_os("JOBD_CLOCK_FILE").map(Into::into),
        })
    }

    fn kill(text: &str) -> Option<(String, u64)> {
        match text.split_once(':') {
            Some((label, number)) => Some((label.into(), number.parse().ok()?)),
            None => Some((text.into(), 1)),
        }
    }

    fn fail(text: &str) -> Option<Fail> {
        let (number, errno) = text.split_once(':')?;
        let (first, last) = match (number.strip_suffix('+'), number.split_once('-')) {
            (Some(first), _) => (first.parse().ok()?, u64::MAX),
            (None, Some((first, last))) => (first.parse().ok()?, last.parse().ok()?),
            (None, None) => (number.parse().ok()?, number.parse().ok()?),
        };
        Some(Fail {
            numbers: first..=last,
            errno: errno.parse().ok()?,
        })
    }

    /// Tells the test what is about to happen; a note that cannot be written fails the test.
    fn note(label: &str) {
        let Some(path) = &armed().note else {
            return;
        };
        let noted = File::options()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{label}\n").as_bytes()));
        if let Err(error) = noted {
            tracing::error!(%error, "note a failpoint");
        }
    }

    /// How far a test has moved the wall clock, in microseconds.
    #[must_use]
    pub fn clock_jump_micros() -> i64 {
        let Some(path) = &armed().clock else {
            return 0;
        };
        let seconds = std::fs::read_to_string(path)
            .ok()
            .and_then(|text| text.trim().parse::<i64>().ok());
        seconds.unwrap_or(0).saturating_mul(1_000_000)
    }

    /// A place where the process may be killed.
    pub fn reach(label: &'static str) {
        let Some((wanted, number)) = &armed().kill else {
            return;
        };
        if wanted == label && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *number {
            note(label);
            // As kill -9 from outside: no destructor runs, nothing is flushed.
            let _unreached =
                nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::SIGKILL);
            std::process::abort();
        }
    }

    /// A place where the process may be killed, and where an I/O that follows may fail instead.
    ///
    /// # Errors
    /// The error that the test asked for.
    pub fn io(label: &'static str) -> io::Result<()> {
        reach(label);
        let Some(fail) = &armed().fail else {
            return Ok(());
        };
        let number = DONE.fetch_add(1, Ordering::Relaxed) + 1;
        if fail.numbers.contains(&number) {
            note(label);
            return Err(io::Error::from_raw_os_error(fail.errno));
        }
        Ok(())
    }
}
