//! Making a log harmless for a terminal: control characters are shown, not obeyed, but for those
//! of colours and of progress bars: SGR (ECMA-48 8.3.117) and the carriage return.

use crate::output::text::is_dangerous;

/// Bytes of a colour's sequence at most.
const SGR_BYTES: usize = 32;
/// What ends every colour.
const RESET: &[u8] = b"\x1b[0m";

/// Escapes a stream of bytes piece by piece.
#[derive(Debug, Default)]
pub struct Escaper {
    /// The beginning of a character or of a colour whose rest has not arrived.
    held: Vec<u8>,
    /// Whether a colour may be left on.
    is_coloured: bool,
}

impl Escaper {
    /// Appends `bytes` to `out` with every C0 and C1 control character but newline, tab, carriage
    /// return and what sets a colour, and
    /// every byte that is not UTF-8, as `\xNN`, and what reorders text as `\uNNNN`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.held);
        let chunks: Vec<_> = pending.utf8_chunks().collect();
        for (index, chunk) in chunks.iter().enumerate() {
            let is_last = index + 1 == chunks.len();
            let (text, rest) = match is_last && chunk.invalid().is_empty() {
                true => chunk.valid().split_at(whole(chunk.valid())),
                false => (chunk.valid(), ""),
            };
            self.is_coloured |= escape_text(text, out);
            self.held = rest.into();
            if is_last && is_unfinished(chunk.invalid()) {
                self.held = chunk.invalid().to_vec();
            } else {
                escape_bytes(chunk.invalid(), out);
            }
        }
    }

    /// Appends what was held back, at the end of the log.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        match std::str::from_utf8(&held) {
            Ok(text) => drop(escape_text(text, out)),
            Err(_) => escape_bytes(&held, out),
        }
        if std::mem::take(&mut self.is_coloured) {
            out.extend_from_slice(RESET);
        }
    }
}

/// The length of the colour that a text begins with; an error where more text could make it one.
fn colour(text: &str) -> Option<Result<usize, ()>> {
    let parameters = match text.strip_prefix("\x1b")?.strip_prefix('[') {
        Some(parameters) => parameters,
        None => return (text.len() == 1).then_some(Err(())),
    };
    let end = parameters.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'));
    match end {
        _ if text.len() - parameters.len() + end.unwrap_or(parameters.len()) > SGR_BYTES => None,
        Some(end) if parameters[end..].starts_with('m') => Some(Ok("\x1b[m".len() + end)),
        Some(_) => None,
        None => Some(Err(())),
    }
}

/// How much of a text is there without a colour whose rest has not arrived.
fn whole(text: &str) -> usize {
    let last = text.rfind('\x1b');
    let begun = last.filter(|at| matches!(colour(&text[*at..]), Some(Err(()))));
    begun.unwrap_or(text.len())
}

/// Whether more bytes could make a character of it.
fn is_unfinished(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Err(error) => error.error_len().is_none(),
        Ok(_) => false,
    }
}

/// Whether there was a colour in it.
fn escape_text(text: &str, out: &mut Vec<u8>) -> bool {
    let (mut plain, mut passed) = (0, 0);
    let mut is_coloured = false;
    for (at, character) in text.char_indices() {
        let stays = matches!(character, '\n' | '\t' | '\r') || at < passed;
        if stays || !is_dangerous(character) {
            continue;
        }
        if let Some(Ok(length)) = colour(&text[at..]) {
            passed = at + length;
            is_coloured = true;
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        let shown = match u32::from(character) {
            byte @ ..=0xff => format!("\\x{byte:02x}"),
            wider => format!("\\u{wider:04x}"),
        };
        out.extend_from_slice(shown.as_bytes());
        plain = at + character.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    is_coloured
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
    fn colours_and_progress_bars_are_seen_and_end_with_the_log() {
        let bar = "\r 10%\r 20%\n";
        assert_eq!(escape(&[bar.as_bytes()]), bar);
        let green = "\x1b[1;32mok\x1b[m\n";
        let seen = green.to_owned() + "\x1b[0m";
        assert_eq!(escape(&[green.as_bytes()]), seen);
        let bytes: Vec<&[u8]> = green.as_bytes().chunks(1).collect();
        assert_eq!(escape(&bytes), seen);
        // Whatever else such a sequence can be: the cursor, the window's title, a report.
        for other in [
            "\x1b[2J",
            "\x1b[1;1H",
            "\x1b[6n",
            "\x1b]0;x\x07",
            "\x1b[?25l",
            "\x1bc",
        ] {
            let pieces: Vec<&[u8]> = other.as_bytes().chunks(1).collect();
            let shown = escape(&pieces);
            assert!(!shown.contains('\x1b'), "{shown:?}");
            assert_eq!(shown, escape(&[other.as_bytes()]));
        }
        let long = format!("\x1b[{}m", "1;".repeat(40));
        assert!(!escape(&[long.as_bytes()]).contains('\x1b'));
        assert_eq!(escape(&[b"\x1b"]), "\\x1b");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(
            escape(&[b"a\tb\n\x1b[31\x07\x1b]0;t\x1b\x7f\xc2\x9b"]),
            "a\tb\n\\x1b[31\\x07\\x1b]0;t\\x1b\\x7f\\x9b"
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
