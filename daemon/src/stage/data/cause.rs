//! Why a request failed, and whether to try again.

use std::error::Error;
use std::time::Duration;

use super::redact;

/// The most redirects that are followed.
pub const REDIRECTS_MAX: usize = 10;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// 404, 410.
    #[error("there is nothing at this address (404)")]
    NotFound,
    /// 404 without credentials, which some stores say of what they hide.
    #[error("nothing at this address can be read without credentials (404): {0}")]
    Hidden(&'static str),
    /// 401, 403 with credentials.
    #[error("the store refused the credentials ({0})")]
    Refused(u16),
    /// 401, 403 without credentials.
    #[error("the store wants credentials ({status}), and there are none for it: {hint}")]
    Anonymous {
        /// The status.
        status: u16,
        /// Where they would come from.
        hint: &'static str,
    },
    /// Any other status.
    #[error("the server answered {0}")]
    Status(u16),
    /// Redirects without an end.
    #[error("more than {REDIRECTS_MAX} redirects")]
    Redirects,
    /// Not a byte.
    #[error("the store has sent nothing for {0} s")]
    Stalled(u64),
    /// The connection ended early, or what came is not what was said.
    #[error("{got} bytes came of {wanted}")]
    Length {
        /// Bytes that were to come.
        wanted: u64,
        /// Bytes that came.
        got: u64,
    },
    /// What came is not what was said.
    #[error("the content is not what the server says it is (MD5)")]
    Md5,
    /// The file was replaced while it was fetched.
    #[error("it was changed while it was fetched")]
    Replaced,
    /// The connection.
    #[error("{0}")]
    Connection(String),
    /// Something that another try would not change.
    #[error("{0}")]
    Other(String),
}

impl Cause {
    /// Whether another try may do better.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Cause::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Cause::Stalled(_)
            | Cause::Length { .. }
            | Cause::Md5
            | Cause::Replaced
            | Cause::Connection(_) => true,
            Cause::NotFound
            | Cause::Hidden(_)
            | Cause::Refused(_)
            | Cause::Anonymous { .. }
            | Cause::Redirects
            | Cause::Other(_) => false,
        }
    }

    /// What a status says; `anonymous` tells where credentials would have come from.
    pub(super) fn of_status(status: u16, anonymous: Option<&'static str>) -> Cause {
        match (status, anonymous) {
            (404 | 410, _) => Cause::NotFound,
            (401 | 403 | 407, None) => Cause::Refused(status),
            (401 | 403 | 407, Some(hint)) => Cause::Anonymous { status, hint },
            _ => Cause::Status(status),
        }
    }

    /// What the HTTP client says.
    pub(super) fn of_http(error: reqwest::Error) -> Cause {
        if error.is_redirect() {
            return Cause::Redirects;
        }
        if error.is_builder() {
            return Cause::Other(innermost(&error.without_url()));
        }
        Cause::Connection(innermost(&error.without_url()))
    }

    /// What the library of the stores says.
    pub(super) fn of_store(error: &object_store::Error, anonymous: Option<&'static str>) -> Cause {
        use object_store::Error as Store;
        match error {
            Store::NotFound { .. } => anonymous.map_or(Cause::NotFound, Cause::Hidden),
            // Of a store: an account that lets nobody in without credentials.
            Store::AlreadyExists { .. } => match anonymous {
                Some(hint) => Cause::Anonymous { status: 409, hint },
                None => Cause::Status(409),
            },
            Store::PermissionDenied { .. } => Cause::of_status(403, anonymous),
            Store::Unauthenticated { .. } => Cause::of_status(401, anonymous),
            Store::Precondition { .. } => Cause::Replaced,
            Store::Generic { source, .. } => Cause::of_text(source.as_ref(), anonymous),
            _ => Cause::Other(innermost(error)),
        }
    }

    /// The library hides the status of an answer in its text.
    fn of_text(error: &(dyn Error + 'static), anonymous: Option<&'static str>) -> Cause {
        let text = chain(error);
        let said = text.split_once("status code: ");
        let status = said.and_then(|(_, rest)| rest.get(..3)?.parse().ok());
        if let Some(status) = status {
            return Cause::of_status(status, anonymous);
        }
        let is_final = ["credential", "Credential", "builder error", "Configuration"];
        if is_final.iter().any(|word| text.contains(word)) && !text.contains("HTTP error") {
            return Cause::Other(redact::text(&text));
        }
        Cause::Connection(innermost(error))
    }
}

/// Why a store cannot be opened. Credentials are JSON, and what is wrong with it may quote it.
pub(super) fn unusable(error: &object_store::Error) -> String {
    let object_store::Error::Generic { source, .. } = error else {
        return redact::text(&error.to_string());
    };
    let mut inner: Option<&(dyn Error + 'static)> = Some(source.as_ref());
    while let Some(error) = inner {
        if let Some(json) = error.downcast_ref::<serde_json::Error>() {
            let (line, column) = (json.line(), json.column());
            return format!("they are not the JSON they should be at {line}:{column}");
        }
        inner = error.source();
    }
    redact::text(&source.to_string())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// What lies at the bottom says most: `Connection refused (os error 111)`.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(inner) = error.source() {
        error = inner;
    }
    redact::text(&error.to_string())
}

/// How long and how often a store is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Without a byte for so long a store has stalled.
    pub(super) stall: Duration,
}

/// Seconds without a byte after which a store has stalled, unless it is set.
pub const STALL_SECS_DEFAULT: u64 = 60;
/// The most tries in a row that bring not one byte, and the most that bring what is not to be had.
pub const TRIES_MAX: u32 = 5;
/// The most tries that bring something and end early, of one file.
pub const CUTS_MAX: u32 = 1_000;
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);
/// The first try has this part of the time: another connection may do better.
const FIRST_TRY: u32 = 3;

impl Patience {
    pub(super) fn new(stall_secs: Option<u64>) -> Patience {
        Patience {
            stall: Duration::from_secs(stall_secs.unwrap_or(STALL_SECS_DEFAULT).max(1)),
        }
    }

    /// How long the first try waits for the next byte. Once one has stalled, the next ones wait as
    /// long as a store may be silent.
    pub(super) fn first_try(&self) -> Duration {
        self.stall / FIRST_TRY
    }

    pub(super) fn stalled(&self) -> Cause {
        Cause::Stalled(self.stall.as_secs())
    }
}

/// The tries of one thing.
#[derive(Debug, Default)]
pub(super) struct Tries {
    in_a_row: u32,
    in_all: u32,
    /// Those that began from the first byte again, after whatever progress.
    anew: u32,
}

impl Tries {
    /// A try failed; answers the pause before the next, or the cause when there is none.
    pub(super) fn failed(&mut self, cause: Cause, progressed: bool) -> Result<Duration, Cause> {
        self.in_all += 1;
        self.in_a_row = if progressed { 1 } else { self.in_a_row + 1 };
        self.anew += u32::from(matches!(cause, Cause::Md5 | Cause::Replaced));
        let is_enough = self.in_a_row.max(self.anew) >= TRIES_MAX || self.in_all >= CUTS_MAX;
        if is_enough || !cause.is_passing() {
            return Err(cause);
        }
        let doubled = PAUSE_FIRST.saturating_mul(1 << (self.in_a_row - 1));
        Ok(doubled.min(PAUSE_LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_bounded_and_progress_is_rewarded() {
        let mut tries = Tries::default();
        let cut = || Cause::Connection("cut".into());
        let mut pauses = Vec::new();
        while let Ok(pause) = tries.failed(cut(), false) {
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600]);
        let mut tries = Tries::default();
        let cuts = std::iter::from_fn(|| tries.failed(cut(), true).ok()).count();
        assert_eq!(cuts, usize::try_from(CUTS_MAX).unwrap() - 1);
        // Whoever begins anew has made no progress in the end.
        let mut tries = Tries::default();
        let begun_anew = std::iter::from_fn(|| {
            tries.failed(cut(), true).ok()?;
            tries.failed(Cause::Md5, false).ok()
        });
        assert_eq!(begun_anew.count(), usize::try_from(TRIES_MAX).unwrap() - 1);
        for cause in [Cause::NotFound, Cause::Refused(403), Cause::Redirects] {
            assert!(Tries::default().failed(cause, true).is_err());
        }
    }

    #[test]
    fn a_status_is_one_readable_cause() {
        assert_eq!(Cause::of_status(404, None), Cause::NotFound);
        assert_eq!(Cause::of_status(403, None), Cause::Refused(403));
        assert!(
            Cause::of_status(401, Some("set X"))
                .to_string()
                .contains("set X")
        );
        assert!(Cause::of_status(503, None).is_passing());
        assert!(!Cause::of_status(400, None).is_passing());
    }
}
