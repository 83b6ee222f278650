//! `resources.docker_args` as the words that a container runtime is given.

use proto::job::DockerArgs;

/// The words; a text is split as a shell splits it, without expanding anything. None where a
/// quote is not closed.
pub(super) fn of(args: &DockerArgs) -> Option<Vec<String>> {
    match args {
        DockerArgs::List(words) => Some(words.clone()),
        DockerArgs::Text(text) => split(text),
    }
}

fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => word.push(chars.next()?),
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_as_a_shell_does() {
        let text = |text: &str| of(&DockerArgs::Text(text.into()));
        let words = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        assert_eq!(
            text(" --ipc=host  -v a:b "),
            words(&["--ipc=host", "-v", "a:b"])
        );
        assert_eq!(
            text(r#"-e "A=b \"c\"" 'd e'f"#),
            words(&["-e", "A=b \"c\"", "d ef"])
        );
        assert_eq!(text(r"a\ b ''"), words(&["a b", ""]));
        assert_eq!(text(""), words(&[]));
        assert_eq!(text("'open"), None);
        assert_eq!(of(&DockerArgs::List(vec!["a b".into()])), words(&["a b"]));
    }
}
