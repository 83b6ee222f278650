//! What the configuration says about data and environments. It has keys only, no flags: a
//! datastore is more than a number. Nothing is opened here: the stage does that, as the user.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use proto::diagnostic::{Diagnostic, Span};
use proto::stage::{EnvironmentPolicy, StageSettings};
use proto::yaml::{Entry, Node, Value};

use super::datastore;

/// The keys of the file that are taken here.
pub(super) const KEYS: [&str; 9] = [
    "datastores",
    "default_datastore",
    "mirrors",
    "environments",
    "environment_policy",
    "code_bytes_max",
    "cache_bytes_max",
    "environments_bytes_max",
    "stall_seconds",
];

const BYTES: RangeInclusive<u64> = 1..=u64::MAX;
const STALL_SECS: RangeInclusive<u64> = 1..=86_400;
/// The most datastores, and the most mirrors: they travel in every order.
pub const DATASTORES_MAX: usize = 100;

/// Takes the value of one of [`KEYS`].
pub(super) fn take(set: &mut StageSettings, key: &str, value: &Node) -> Vec<Diagnostic> {
    let taken = match key {
        "datastores" => return datastore::take_all(&mut set.datastores, value),
        "mirrors" => return take_mirrors(set, value),
        "default_datastore" => filled(value).map(|name| set.default_datastore = Some(name)),
        "environments" => absolute(value).map(|path| set.environments = Some(path)),
        "environment_policy" => policy(value).map(|policy| set.environment_policy = policy),
        "code_bytes_max" => number(value, &BYTES).map(|max| set.code_bytes_max = Some(max)),
        "cache_bytes_max" => number(value, &BYTES).map(|max| set.cache_bytes_max = Some(max)),
        "environments_bytes_max" => {
            number(value, &BYTES).map(|max| set.environments_bytes_max = Some(max))
        }
        _ => number(value, &STALL_SECS).map(|secs| set.stall_secs = Some(secs)),
    };
    taken.err().map(|wrong| wrong.of(key)).into_iter().collect()
}

/// Whether what was taken fits together. `file` is the whole configuration.
pub(super) fn check(set: &StageSettings, file: &Node) -> Option<Diagnostic> {
    let name = set.default_datastore.as_ref()?;
    if set.datastores.contains_key(name) {
        return None;
    }
    let span = file.get("default_datastore")?.span;
    let names: Vec<_> = set.datastores.keys().map(String::as_str).collect();
    let help = match names.is_empty() {
        true => "add it under `datastores:`".to_owned(),
        false => format!("known are {}", names.join(", ")),
    };
    let message = format!("there is no datastore `{name}`");
    Some(Wrong::new("unknown-value", span, message, help).of("default_datastore"))
}

/// A refusal whose field is still to be named.
pub(super) struct Wrong(Box<Diagnostic>);

impl Wrong {
    pub(super) fn new(
        code: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Wrong {
        Wrong(Box::new(
            Diagnostic::error(code, span, message).with_help(help),
        ))
    }

    fn value(node: &Node, help: impl Into<String>) -> Wrong {
        let message = format!("{} is not allowed", node.describe());
        Wrong::new("bad-value", node.span, message, help)
    }

    pub(super) fn of(self, field: &str) -> Diagnostic {
        let mut diagnostic = *self.0;
        diagnostic.path = field.into();
        diagnostic
    }
}

/// The entries of a mapping; nothing has none.
pub(super) fn entries<'a>(node: &'a Node, help: &str) -> Result<&'a [Entry], Wrong> {
    match &node.value {
        Value::Map(entries) if entries.len() <= DATASTORES_MAX => Ok(entries),
        Value::Map(_) => Err(Wrong::new(
            "too-many",
            node.span,
            format!("more than {DATASTORES_MAX} entries"),
            help,
        )),
        Value::Null => Ok(&[]),
        _ => Err(Wrong::value(node, help)),
    }
}

/// A text that is not empty.
pub(super) fn filled(node: &Node) -> Result<String, Wrong> {
    match node.as_str() {
        Some(text) if !text.is_empty() => Ok(text.into()),
        _ => Err(Wrong::value(node, "a text")),
    }
}

/// An absolute path: a relative one would depend on where the daemon was started.
pub(super) fn absolute(node: &Node) -> Result<PathBuf, Wrong> {
    match node.as_str().map(PathBuf::from) {
        Some(path) if path.is_absolute() => Ok(path),
        _ => Err(Wrong::value(node, "an absolute path")),
    }
}

/// An address of a store, which must not hold a secret: the configuration may be read by others.
pub(super) fn address(node: &Node) -> Result<String, Wrong> {
    let text = filled(node)?;
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        let help = "an address such as https://store.example.org";
        return Err(Wrong::value(node, help));
    };
    if rest.contains(['@', '?', '#']) {
        let message = "an address must hold no user, key or token";
        return Err(Wrong::new("secret", node.span, message, CREDENTIALS_HELP));
    }
    Ok(text.trim_end_matches('/').into())
}

/// Where credentials belong.
pub(super) const CREDENTIALS_HELP: &str = "credentials come from the environment of whoever runs the job, \
     or from `credentials_file:`, a file of NAME=VALUE lines with mode 0600";

fn number(node: &Node, range: &RangeInclusive<u64>) -> Result<u64, Wrong> {
    let number = match node.value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (start, end) = (range.start(), range.end());
            Wrong::value(node, format!("a whole number from {start} to {end}"))
        })
}

fn policy(node: &Node) -> Result<EnvironmentPolicy, Wrong> {
    match node.as_str() {
        Some("best_effort") => Ok(EnvironmentPolicy::BestEffort),
        Some("strict") => Ok(EnvironmentPolicy::Strict),
        Some("host") => Ok(EnvironmentPolicy::Host),
        _ => Err(Wrong::value(node, "best_effort, strict or host")),
    }
}

fn take_mirrors(set: &mut StageSettings, node: &Node) -> Vec<Diagnostic> {
    const HELP: &str = "a URL prefix and what takes its place: `https://host/data/: /folder`";
    let entries = match entries(node, HELP) {
        Ok(entries) => entries,
        Err(wrong) => return vec![wrong.of("mirrors")],
    };
    let mut found = Vec::new();
    for entry in entries {
        match mirror(entry) {
            Ok((prefix, place)) => {
                set.mirrors.insert(prefix, place);
            }
            Err(wrong) => found.push(wrong.of(&format!("mirrors.{}", entry.key.text()))),
        }
    }
    found
}

fn mirror(entry: &Entry) -> Result<(String, String), Wrong> {
    let prefix = entry.key.text();
    if !prefix.contains("://") {
        let help = "a prefix such as https://host/data/";
        return Err(Wrong::value(&entry.key, help));
    }
    let place = filled(&entry.value)?;
    if !place.starts_with('/') && !place.contains("://") {
        let help = "an absolute path or another URL";
        return Err(Wrong::value(&entry.value, help));
    }
    if place.contains('?')
        || place
            .split('/')
            .nth(2)
            .is_some_and(|host| host.contains('@') && place.starts_with("http"))
    {
        let message = "a mirror must hold no user, key or token";
        return Err(Wrong::new(
            "secret",
            entry.value.span,
            message,
            CREDENTIALS_HELP,
        ));
    }
    Ok((prefix.into(), place))
}
