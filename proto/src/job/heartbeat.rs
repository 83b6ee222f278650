//! The heartbeat that a job may ask for, in `properties` because Azure ML's language has no key
//! for it: `jobd.heartbeat` and `jobd.heartbeat_kill`. Azure ML itself calls a run NotResponding
//! when its heartbeat is missed, and says that it may come back.

use std::collections::BTreeMap;

use super::field::Field;
use super::suggest;

/// Seconds of silence after which a job counts as not responding.
const SILENCE: &str = "jobd.heartbeat";
/// Seconds that a job which does not respond has to come back before it is stopped.
const KILL: &str = "jobd.heartbeat_kill";
/// What the names of our own properties begin with.
const OURS: &str = "jobd.";
/// The greatest number of seconds of either: thirty days.
pub const HEARTBEAT_SECS_MAX: u64 = 30 * 86_400;

/// What a job asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Seconds of silence after which the job counts as not responding.
    pub silence_secs: u64,
    /// Further seconds of silence after which it is stopped; none for never.
    pub kill_secs: Option<u64>,
}

impl Heartbeat {
    /// The heartbeat that the properties of a job ask for. Properties of a job that was read are
    /// right; what is not is taken as absent.
    #[must_use]
    pub fn of(properties: &BTreeMap<String, Option<String>>) -> Option<Heartbeat> {
        let seconds = |name| seconds(properties.get(name)?.as_deref()?);
        Some(Heartbeat {
            silence_secs: seconds(SILENCE)?,
            kill_secs: seconds(KILL),
        })
    }
}

/// Refuses a heartbeat that could not be kept, and warns of a name of ours that means nothing.
pub(super) fn check(properties: &Field<'_>) {
    let silence = properties.peek(SILENCE);
    let kill = properties.peek(KILL);
    if let (None, Some(kill)) = (&silence, &kill) {
        let help = format!("add {SILENCE}: \"30\"");
        kill.error("missing", format!("this needs {SILENCE}"), help);
    }
    silence.iter().chain(&kill).for_each(check_seconds);
    for (name, value) in properties.children() {
        if name.starts_with(OURS) && ![SILENCE, KILL].contains(&name.as_str()) {
            let help = suggest::help(&name, &[SILENCE, KILL]);
            value.report(
                crate::diagnostic::Severity::Warning,
                "no-effect",
                format!("jobd has no property {name}"),
                help,
            );
        }
    }
}

fn check_seconds(field: &Field<'_>) {
    if let Some(Some(text)) = field.nullable_text()
        && seconds(&text).is_none()
    {
        let message =
            format!("`{text}` is not a number of seconds between 1 and {HEARTBEAT_SECS_MAX}");
        field.error("out-of-range", message, "write a whole number in quotes");
    }
}

fn seconds(text: &str) -> Option<u64> {
    let seconds = text.trim().parse().ok()?;
    (1..=HEARTBEAT_SECS_MAX)
        .contains(&seconds)
        .then_some(seconds)
}
