//! Texts made from texts by chance, the same for the same seed.

/// A source of chance: xorshift64*, which is enough to choose by.
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Chance {
        // The state must not be 0.
        Chance {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below a limit; 0 where the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.next() >> 16) % limit).unwrap_or(0)
    }

    /// One of some; there must be one.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The longest text that is made, in bytes: reading a longer one finds nothing more.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Changes of one text at most.
const CHANGES_MAX: usize = 6;

/// A text with some changes; `others` gives pieces, `words` what often means something.
pub fn mutate(chance: &mut Chance, text: &[u8], others: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=chance.below(CHANGES_MAX) {
        change(chance, &mut text, others, words);
    }
    text.truncate(TEXT_BYTES_MAX);
    text
}

fn change(chance: &mut Chance, text: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    let at = chance.below(text.len() + 1);
    match chance.below(8) {
        0 | 1 => insert(text, at, chance.choose(words).as_bytes()),
        2 => {
            let end = (at + 1 + chance.below(20)).min(text.len());
            text.drain(at.min(end)..end);
        }
        3 => replace_word(chance, text, at, words),
        4 => {
            let other = chance.choose(others);
            let piece = piece(chance, other);
            insert(text, at, &piece);
        }
        5 => {
            let lines = piece_of_lines(chance, text);
            insert(text, at, &lines);
        }
        6 if !text.is_empty() => {
            let at = at.min(text.len() - 1);
            text[at] ^= 1 << chance.below(8);
        }
        _ => {
            let piece = piece(chance, text).repeat(1 + chance.below(8));
            insert(text, at, &piece);
        }
    }
}

fn insert(text: &mut Vec<u8>, at: usize, piece: &[u8]) {
    text.splice(at..at, piece.iter().copied());
}

fn piece(chance: &mut Chance, text: &[u8]) -> Vec<u8> {
    let from = chance.below(text.len() + 1);
    let to = (from + chance.below(60)).min(text.len());
    text[from..to].to_vec()
}

/// Whole lines, which fit in another place more often than a piece does.
fn piece_of_lines(chance: &mut Chance, text: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let from = chance.below(lines.len() + 1);
    let to = (from + 1 + chance.below(3)).min(lines.len());
    lines[from.min(to)..to].concat()
}

/// Puts another word in the place of the one there.
fn replace_word(chance: &mut Chance, text: &mut Vec<u8>, at: usize, words: &[&str]) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let from = text[..at].iter().rposition(|byte| !is_word(byte));
    let from = from.map_or(0, |before| before + 1);
    let length = text[from..].iter().position(|byte| !is_word(byte));
    let to = length.map_or(text.len(), |length| from + length);
    let word = chance.choose(words).as_bytes().to_vec();
    text.splice(from..to, word);
}
