//! Making text harmless for a terminal: names and messages come from job files of other people.

use std::borrow::Cow;

/// Escapes what a terminal could obey, and line breaks: for text that has its place in one line.
pub fn in_line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Escapes what a terminal could obey; line breaks and tabs stay.
pub fn in_block(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

/// Replaces what a terminal could obey by as many bytes of `?`, so that every place in the text
/// stays where it is. Line breaks stay, a tab becomes a space.
pub fn in_place(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            c if is_dangerous(c) => out.extend(std::iter::repeat_n('?', c.len_utf8())),
            c => out.push(c),
        }
    }
    out
}

/// Control characters (C0, DEL, C1), and those that reorder text (Unicode Bidirectional Algorithm).
pub fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_dangerous(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            c if stays(c) || !is_dangerous(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\x1b[31m\r\n\tb\u{9b}\u{202e}é";

    #[test]
    fn nothing_dangerous_is_left() {
        assert_eq!(in_line(NASTY), "a\\u001b[31m\\r\\n\\tb\\u009b\\u202eé");
        assert_eq!(in_block(NASTY), "a\\u001b[31m\\r\n\tb\\u009b\\u202eé");
        assert!(matches!(in_line("plain é"), Cow::Borrowed(_)));
    }

    #[test]
    fn places_are_kept() {
        let safe = in_place(NASTY);
        assert_eq!(safe, "a?[31m?\n b?????é");
        assert_eq!(safe.len(), NASTY.len());
    }
}
