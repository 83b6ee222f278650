//! `--set a.b=v` (azureml.md §10): values that are put into a job file's tree before it is
//! checked, so that they are judged as if the file held them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Span, clip};
use crate::yaml::{self, SetError, YAML_DEPTH_MAX};

/// Overrides of one job at most.
pub const OVERRIDES_MAX: usize = 100;

/// A value that takes the place of a job file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The keys on the way to the value, joined by dots: `limits.timeout`.
    pub path: String,
    /// The value. It is text, as Azure ML has it; an integer's key takes `60` all the same.
    pub value: String,
}

/// Why a text is no override.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It has no `=`, or no key before it.
    #[error("KEY=VALUE is needed, such as limits.timeout=60")]
    NoKey,
    /// Two dots meet, or one stands at an end.
    #[error("the key {path} has an empty part")]
    EmptyPart {
        /// The key.
        path: String,
    },
}

impl FromStr for Override {
    type Err = OverrideError;

    /// Reads `a.b=v`: the first `=` ends the key.
    fn from_str(text: &str) -> Result<Override, OverrideError> {
        let (path, value) = text.split_once('=').ok_or(OverrideError::NoKey)?;
        if path.is_empty() {
            return Err(OverrideError::NoKey);
        }
        if path.split('.').any(str::is_empty) {
            return Err(OverrideError::EmptyPart { path: path.into() });
        }
        Ok(Override {
            path: path.into(),
            value: value.into(),
        })
    }
}

impl Override {
    /// Whether this made the value at a path: there, below it, or on the way to it.
    /// `placed` tells that the file holds something at the path.
    pub(super) fn made(&self, path: &str, placed: bool) -> bool {
        let below = |whole: &str, part: &str| {
            let rest = whole.strip_prefix(part);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        below(path, &self.path) || (!placed && below(&self.path, path))
    }

    /// What a finding about its value says of it.
    pub(super) fn origin(&self) -> String {
        format!("from `--set {}`", clip(self.path.clone()))
    }

    fn apply(&self, root: &mut yaml::Node) -> Result<(), Box<Diagnostic>> {
        let path: Vec<_> = self.path.split('.').collect();
        let refuse = |code: &str, message: String, help: &str| {
            let mut finding = Diagnostic::error(code, Span::default(), message).with_help(help);
            finding.path = clip(self.path.clone());
            Err(Box::new(finding))
        };
        if path.len() > YAML_DEPTH_MAX {
            let message = format!("`--set` leads more than {YAML_DEPTH_MAX} keys deep");
            return refuse("too-deep", message, "name a key of a job");
        }
        if path.iter().any(|part| part.is_empty()) {
            let help = "write the keys on the way, with one dot between two";
            return refuse("bad-override", "`--set` names an empty key".into(), help);
        }
        match root.set(&path, &self.value) {
            Ok(()) => Ok(()),
            Err(error @ SetError::Text { .. }) => {
                let message = format!("cannot `--set` a part of a reference: {error}");
                refuse(
                    "bad-override",
                    message,
                    "set the whole value, or write it out in the file",
                )
            }
            Err(error @ SetError::NoKeys { .. }) => {
                let message = format!("cannot `--set` this: {error}");
                refuse("bad-override", message, "change the file")
            }
        }
    }
}

/// Puts values into a file's tree, in order; gives what is wrong with them.
pub(super) fn apply(root: &mut yaml::Node, overrides: &[Override]) -> Vec<Diagnostic> {
    if overrides.len() > OVERRIDES_MAX {
        let message = format!("more than {OVERRIDES_MAX} values are set");
        let finding = Diagnostic::error("too-many-overrides", Span::default(), message);
        return vec![finding.with_help("write them into the file")];
    }
    let refused = overrides.iter().filter_map(|one| one.apply(root).err());
    refused.map(|finding| *finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_ends_the_key() {
        let read = |text: &str| text.parse::<Override>();
        let made = read("inputs.x=a=b").unwrap();
        assert_eq!(
            (made.path.as_str(), made.value.as_str()),
            ("inputs.x", "a=b")
        );
        assert_eq!(read("a=").unwrap().value, "");
        for bad in ["", "a", "=v", ".=v", "a..b=v", "a.=v", ".a=v"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_it_made_is_known() {
        let made = |path: &str, placed| {
            let one: Override = "limits.x=1".parse().unwrap();
            one.made(path, placed)
        };
        assert!(made("limits.x", true) && made("limits.x.y", true) && made("limits.x[0]", true));
        assert!(made("limits", false));
        assert!(!made("limits", true) && !made("limits.xy", true) && !made("lim", false));
        assert!(!made("", true));
    }
}
