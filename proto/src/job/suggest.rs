//! "Did you mean": the known word that a mistyped one resembles.

use std::collections::BTreeSet;

/// How alike two words of the same beginning must be (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.87;
/// Bytes of a word that is compared at most: comparing is quadratic.
const COMPARED_BYTES: usize = 100;
/// Words that one is compared with at most.
const COMPARED_WORDS: usize = 200;
/// Names that a help lists at most.
const LISTED_NAMES: usize = 20;

/// The known word that is most like `word`, if any is like it at all.
pub(super) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = normalize(word);
    let measured = known
        .into_iter()
        .take(COMPARED_WORDS)
        .map(|name| (strsim::damerau_levenshtein(&plain, &normalize(name)), name));
    let (distance, name) = measured.min_by_key(|(distance, _)| *distance)?;
    let tolerated = (plain.chars().count() / 3).max(1);
    // With every letter another it is no misspelling.
    let letters = plain.chars().count().max(normalize(name).chars().count());
    let near = distance <= tolerated && distance < letters
        || strsim::jaro_winkler(&plain, &normalize(name)) >= ALIKE;
    (near && plain.len() <= COMPARED_BYTES).then_some(name)
}

fn normalize(word: &str) -> String {
    let cut = word.chars().take(COMPARED_BYTES + 1);
    cut.filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Keys that are read only to be dropped: never a suggestion.
const DROPPED: &[&str] = &[
    "$schema",
    "id",
    "status",
    "log_files",
    "creation_context",
    "parameters",
    "endpoint",
    "error_message",
];

/// The help for a word that is not among the known ones.
pub(super) fn help(word: &str, known: &[&str]) -> String {
    let offered: Vec<_> = known
        .iter()
        .copied()
        .filter(|name| !DROPPED.contains(name))
        .collect();
    match closest(word, offered.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("allowed: {}", offered.join(", ")),
    }
}

/// The help for a name that the file does not define.
pub(super) fn defined(word: &str, known: &BTreeSet<String>) -> String {
    if known.is_empty() {
        return "nothing of this kind is defined".into();
    }
    match closest(word, known.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<_> = known
                .iter()
                .take(LISTED_NAMES)
                .map(String::as_str)
                .collect();
            format!("defined: {}", names.join(", "))
        }
    }
}
