//! Versions of Python, and what is asked of them. Pure.

use std::cmp::Ordering;
use std::fmt;

/// Numbers of a version at most that count; the rest is ignored.
const PARTS: usize = 4;

/// `3.11.7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(Vec<u32>);

/// `>=3.8,<3.12`: the parts of [PEP 440](https://peps.python.org/pep-0440/#version-specifiers)
/// that conda files use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds(Vec<Bound>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    relation: Relation,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// The version begins so: `==3.8.*`, and `==3.8` too, since nobody means 3.8.0 by it.
    Is,
    Not,
    AtLeast,
    AtMost,
    Above,
    Below,
    /// `~=3.8.1`: at least that, and alike but for the last number.
    Like,
}

/// Longer signs first.
const SIGNS: &[(&str, Relation)] = &[
    ("==", Relation::Is),
    ("!=", Relation::Not),
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("~=", Relation::Like),
    (">", Relation::Above),
    ("<", Relation::Below),
];

impl Version {
    /// Reads numbers between points.
    pub(super) fn parse(text: &str) -> Option<Version> {
        let parts = text.trim().split('.').take(PARTS);
        let numbers: Option<Vec<u32>> = parts.map(|part| part.parse().ok()).collect();
        numbers.map(Version)
    }

    /// How far the second number is off, which is what programs care about.
    pub(super) fn distance(&self, bounds: &Bounds) -> u32 {
        let minor = |version: &Version| version.0.get(1).copied().unwrap_or_default();
        let all = bounds.0.iter();
        let distances = all.map(|bound| minor(self).abs_diff(minor(&bound.version)));
        distances.min().unwrap_or_default()
    }

    fn begins(&self, prefix: &Version) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// Compared over the numbers that the other has.
    fn order(&self, other: &Version) -> Ordering {
        let length = self.0.len().min(other.0.len());
        self.0[..length].cmp(&other.0)
    }
}

impl Bounds {
    /// Reads bounds between commas; nothing where one is not understood.
    pub(super) fn parse(text: &str) -> Option<Bounds> {
        let bounds: Option<Vec<Bound>> = text.split(',').map(Bound::parse).collect();
        bounds.map(Bounds)
    }

    /// Whether a version is within them all.
    pub(super) fn admit(&self, version: &Version) -> bool {
        self.0.iter().all(|bound| bound.admits(version))
    }
}

impl Bound {
    fn parse(text: &str) -> Option<Bound> {
        let text = text.trim();
        let (sign, relation) = SIGNS.iter().find(|(sign, _)| text.starts_with(sign))?;
        let version = text[sign.len()..].trim().trim_end_matches(".*");
        Some(Bound {
            relation: *relation,
            version: Version::parse(version)?,
        })
    }

    fn admits(&self, version: &Version) -> bool {
        let order = version.order(&self.version);
        match self.relation {
            Relation::Is => version.begins(&self.version),
            Relation::Not => !version.begins(&self.version),
            Relation::AtLeast => order.is_ge(),
            Relation::AtMost => order.is_le(),
            Relation::Above => order.is_gt(),
            Relation::Below => order.is_lt(),
            Relation::Like => {
                let alike = self.version.0.len().saturating_sub(1);
                order.is_ge() && version.0.starts_with(&self.version.0[..alike])
            }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

impl fmt::Display for Bounds {
    /// As uv and people read it: `3.8` or `>=3.8,<3.12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.iter().map(|bound| {
            let is = |(_, relation): &&(&str, Relation)| *relation == bound.relation;
            let sign = SIGNS.iter().find(is).map_or("", |(sign, _)| *sign);
            let sign = if sign == "==" { "" } else { sign };
            format!("{sign}{}", bound.version)
        });
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_admit_what_they_say() {
        for (bounds, version, admitted) in [
            ("==3.8.*", "3.8.18", true),
            ("==3.8", "3.8.18", true),
            ("==3.8", "3.10.1", false),
            ("==3", "3.11.7", true),
            ("==3.7.9", "3.7.16", false),
            (">=3.8,<3.12", "3.11.7", true),
            (">=3.8,<3.12", "3.12.1", false),
            ("<=3.11", "3.11.7", true),
            (">3.11", "3.11.7", false),
            ("!=3.9", "3.9.1", false),
            ("~=3.8.1", "3.8.18", true),
            ("~=3.8.1", "3.9.18", false),
            ("~=3.8", "3.11.7", true),
        ] {
            let version = Version::parse(version).unwrap();
            assert_eq!(
                Bounds::parse(bounds).unwrap().admit(&version),
                admitted,
                "{bounds}"
            );
        }
        assert_eq!(Bounds::parse("3.8"), None);
        assert_eq!(Bounds::parse("==three"), None);
    }

    #[test]
    fn they_are_shown_as_people_write_them() {
        let shown = |text| Bounds::parse(text).unwrap().to_string();
        assert_eq!(shown("==3.8.*"), "3.8");
        assert_eq!(shown(">=3.8, <3.12"), ">=3.8,<3.12");
    }
}
