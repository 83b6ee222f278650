//! Nothing secret in any message: addresses lose their user part and their query, and a text of
//! a store is shown only in part.

/// The most characters of what a store says that are shown.
const SAID_CHARS: usize = 200;
/// What stands for something left out.
const MARK: &str = "***";

/// An address without user part, query and fragment: tokens and keys are in those.
pub(super) fn address(text: &str) -> String {
    let bare = text.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else {
        return bare.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        // The user part of these is the container.
        Some((user, host)) if scheme.starts_with("wasb") || scheme.starts_with("abfs") => {
            let container = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{container}@{host}{path}")
        }
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => bare.to_owned(),
    }
}

/// A text in which addresses may stand, on one line and not too long.
pub(super) fn text(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(word).collect();
    let line = words.join(" ");
    match line.char_indices().nth(SAID_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn word(word: &str) -> String {
    const SECRET: [&str; 8] = [
        "sig=",
        "signature",
        "token",
        "authorization",
        "accountkey",
        "credential",
        "secret",
        "bearer",
    ];
    // In an address only the words before it may be a secret: it loses its own.
    let (before, shown) = match word.split_once("://") {
        Some((before, _)) => (before, address(word)),
        None => (word, word.to_owned()),
    };
    let lower = before.to_ascii_lowercase();
    match SECRET.iter().any(|secret| lower.contains(secret)) && before.contains(['=', ':']) {
        true => MARK.to_owned(),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        for (full, shown) in [
            ("https://u:p@h/a?sig=x#y", "https://h/a"),
            ("https://h/a", "https://h/a"),
            ("https://a@b@h", "https://h"),
            (
                "wasbs://c@a.blob.core.windows.net/p?sv=1",
                "wasbs://c@a.blob.core.windows.net/p",
            ),
            ("s3://b/k", "s3://b/k"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(address(full), shown);
        }
        let said = text("Error performing GET https://h/a?sig=abc in\n 3ms <Sig>sig=abc</Sig> ok");
        assert_eq!(said, "Error performing GET https://h/a in 3ms *** ok");
        assert!(!text("Bearer:abc").contains("abc"));
        let connection = "AccountKey=abc;BlobEndpoint=https://h/x";
        assert_eq!(text(connection), "***");
        assert_eq!(text("(https://h/tokens.csv)"), "(https://h/tokens.csv)");
        assert_eq!(text(&"é".repeat(500)).chars().count(), SAID_CHARS + 1);
    }
}
