//! "Did you mean": the known word that a mistyped one resembles.

/// How alike two words of the same beginning must be (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.87;

/// The known word that is most like `word`, if any is like it at all.
pub(super) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = normalize(word);
    let measured = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&plain, &normalize(name)), name));
    let (distance, name) = measured.min_by_key(|(distance, _)| *distance)?;
    let tolerated = (plain.chars().count() / 3).max(1);
    let near = distance <= tolerated || strsim::jaro_winkler(&plain, &normalize(name)) >= ALIKE;
    (near && plain.len() <= MAX_COMPARED).then_some(name)
}

/// Bytes of a word that is compared at most: comparing is quadratic.
const MAX_COMPARED: usize = 100;

fn normalize(word: &str) -> String {
    let cut = word.chars().take(MAX_COMPARED + 1);
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
    if offered.is_empty() {
        return "nothing of this kind is defined".into();
    }
    match closest(word, offered.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("allowed: {}", offered.join(", ")),
    }
}
