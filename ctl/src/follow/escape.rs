//! Making a log harmless for a terminal: control characters are shown, not obeyed.

use crate::output::text::is_dangerous;

/// Escapes a stream of bytes piece by piece.
#[derive(Debug, Default)]
pub struct Escaper {
    /// The beginning of a character whose rest has not arrived.
    held: Vec<u8>,
}

impl Escaper {
    /// Appends `bytes` to `out` with every C0 and C1 control character but newline and tab, and
    /// every byte that is not UTF-8, as `\xNN`, and what reorders text as `\uNNNN`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.held);
        let chunks: Vec<_> = pending.utf8_chunks().collect();
        for (index, chunk) in chunks.iter().enumerate() {
            escape_text(chunk.valid(), out);
            if index + 1 == chunks.len() && is_unfinished(chunk.invalid()) {
                self.held = chunk.invalid().to_vec();
            } else {
                escape_bytes(chunk.invalid(), out);
            }
        }
    }

    /// Appends what was held back, at the end of the log.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        escape_bytes(&std::mem::take(&mut self.held), out);
    }
}

/// Whether more bytes could make a character of it.
fn is_unfinished(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Err(error) => error.error_len().is_none(),
        Ok(_) => false,
    }
}

fn escape_text(text: &str, out: &mut Vec<u8>) {
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        if is_dangerous(character) && !matches!(character, '\n' | '\t') {
            out.extend_from_slice(&text.as_bytes()[plain..at]);
            let shown = match u32::from(character) {
                byte @ ..=0xff => format!("\\x{byte:02x}"),
                wider => format!("\\u{wider:04x}"),
            };
            out.extend_from_slice(shown.as_bytes());
            plain = at + character.len_utf8();
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
}

fn escape_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escape(pieces: &[&[u8]]) -> String {
        let mut escaper = Escaper::default();
        let mut out = Vec::new();
        for piece in pieces {
            escaper.push(piece, &mut out);
        }
        escaper.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(
            escape(&[b"a\tb\n\x1b[31m\x07\r\x7f\xc2\x9b"]),
            "a\tb\n\\x1b[31m\\x07\\x0d\\x7f\\x9b"
        );
        assert_eq!(escape(&["a\u{202e}b".as_bytes()]), "a\\u202eb");
    }

    #[test]
    fn characters_survive_any_cut() {
        let text = "gr\u{fc}n \u{20ac} \u{1f600}\n";
        for cut in 1..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(escape(&[head, tail]), text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(escape(&[b"a\x9bb", b"\xff"]), "a\\x9bb\\xff");
        assert_eq!(escape(&[b"a\xe2\x82"]), "a\\xe2\\x82");
    }
}
