//! What a look at the machine found: the shape in which `doctor` speaks, of the daemon's program
//! to the client and of the client to programs.

use serde::{Deserialize, Serialize};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Jobs run; something is slower, less certain or less safe.
    Weaker,
    /// Jobs do not run, or what they leave is in danger.
    Broken,
}

impl Level {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Weaker => "weaker",
            Level::Broken => "broken",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check: a stable name in kebab case.
    pub check: String,
    /// How it came out.
    pub level: Level,
    /// What is there.
    pub found: String,
    /// What that means for jobs; empty where all is well.
    pub means: String,
    /// What to do; empty where there is nothing to do.
    pub advice: String,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &str, found: impl Into<String>) -> Finding {
        Finding {
            check: check.into(),
            level: Level::Ok,
            found: found.into(),
            means: String::new(),
            advice: String::new(),
        }
    }

    /// Something is weaker.
    pub fn weaker(
        check: &str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            level: Level::Weaker,
            means: means.into(),
            advice: advice.into(),
            ..Finding::ok(check, found)
        }
    }

    /// Something is broken.
    pub fn broken(
        check: &str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            level: Level::Broken,
            ..Finding::weaker(check, found, means, advice)
        }
    }
}

/// The worst level of all; `Ok` where there is no finding.
#[must_use]
pub fn worst(findings: &[Finding]) -> Level {
    let levels = findings.iter().map(|finding| finding.level);
    levels.max().unwrap_or(Level::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts() {
        let weaker = Finding::weaker("b", "", "", "");
        assert_eq!(worst(&[]), Level::Ok);
        assert_eq!(
            worst(&[weaker.clone(), Finding::ok("a", "")]),
            Level::Weaker
        );
        assert_eq!(
            worst(&[Finding::broken("c", "", "", ""), weaker]),
            Level::Broken
        );
    }
}
