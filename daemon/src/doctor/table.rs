//! The findings for a person whose `jobctl` is not at hand.

use proto::finding::{Finding, Level};

/// One line a finding, and what to do beneath.
#[must_use]
pub fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max();
    let width = width.unwrap_or(0);
    let mut out = String::new();
    for finding in findings {
        let level = finding.level.name();
        let (check, found) = (&finding.check, &finding.found);
        out.push_str(&format!("{level:<6}  {check:<width$}  {found}\n"));
        if finding.level != Level::Ok {
            let (means, advice) = (&finding.means, &finding.advice);
            out.push_str(&format!("        means: {means}\n        do: {advice}\n"));
        }
    }
    out
}
