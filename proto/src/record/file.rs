//! The file of a step's records: one line for each, `{"NAME":RECORD}`, in the order of [`Entry`].
//!
//! A line counts when it is whole, with its end. What comes after the last whole line is the next
//! record, torn, or blanks that hold its room.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Format;

/// The records of a step, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// [`super::Spec`].
    Spec,
    /// The whole job, which only the daemon understands: a lost store is made anew from it.
    Job,
    /// [`super::Started`].
    Started,
    /// [`super::Exit`].
    Exit,
}

impl Entry {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Entry::Spec => "spec",
            Entry::Job => "job",
            Entry::Started => "started",
            Entry::Exit => "exit",
        }
    }

    fn opening(self) -> String {
        format!("{{\"{}\":", self.name())
    }

    /// Its line.
    ///
    /// # Errors
    /// When it cannot be told in JSON.
    pub fn line(self, record: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        let mut line = self.opening().into_bytes();
        serde_json::to_writer(&mut line, record)?;
        line.extend(b"}\n");
        Ok(line)
    }

    /// The record in its line.
    #[must_use]
    pub fn body(self, line: &[u8]) -> Option<&[u8]> {
        let body = line.strip_prefix(self.opening().as_bytes())?;
        body.trim_ascii_end().strip_suffix(b"}")
    }

    /// Finds it in the bytes of the file.
    #[must_use]
    pub fn find<T: DeserializeOwned>(self, file: &[u8]) -> Found<T> {
        let (whole, torn) = file.split_at(whole_bytes(file));
        let mut lines = whole.split(|byte| *byte == b'\n');
        if let Some(body) = lines.find_map(|line| self.body(line)) {
            return Found::of(body);
        }
        // It is the first that is missing, so it is the one that could not be written to its end.
        if torn.starts_with(self.opening().as_bytes()) {
            Found::Unreadable
        } else {
            Found::Absent
        }
    }
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// There is none.
    Absent,
    /// It is whole and of a format this release reads.
    Whole(T),
    /// It is torn, or of another major format.
    Unreadable,
}

#[derive(Deserialize)]
struct Versioned {
    format: Format,
}

impl<T: DeserializeOwned> Found<T> {
    /// A record that is there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Found<T> {
        let versioned = serde_json::from_slice::<Versioned>(bytes);
        match serde_json::from_slice(bytes) {
            Ok(record) if versioned.is_ok_and(|it| it.format.is_readable()) => Found::Whole(record),
            _ => Found::Unreadable,
        }
    }

    /// The record, where it is whole.
    #[must_use]
    pub fn whole(self) -> Option<T> {
        match self {
            Found::Whole(record) => Some(record),
            Found::Absent | Found::Unreadable => None,
        }
    }
}

/// Bytes up to the end of the last whole line: where the next record begins.
#[must_use]
pub fn whole_bytes(file: &[u8]) -> usize {
    let last = file.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        format: Format,
        text: String,
    }

    fn record(text: &str) -> Record {
        Record {
            format: Format::CURRENT,
            text: text.into(),
        }
    }

    fn file() -> Vec<u8> {
        let spec = Entry::Spec.line(&record("a\nb")).unwrap();
        let started = Entry::Started.line(&record("}")).unwrap();
        [spec, started].concat()
    }

    #[test]
    fn what_is_written_is_found() {
        let file = file();
        assert_eq!(Entry::Spec.find(&file), Found::Whole(record("a\nb")));
        assert_eq!(Entry::Started.find(&file), Found::Whole(record("}")));
        assert_eq!(Entry::Job.find::<Record>(&file), Found::Absent);
        assert_eq!(Entry::Exit.find::<Record>(&file), Found::Absent);
        assert_eq!(whole_bytes(&file), file.len());
    }

    #[test]
    fn every_cut_leaves_the_lines_before_it_and_never_a_wrong_one() {
        let whole = file();
        let first = Entry::Spec.line(&record("a\nb")).unwrap().len();
        for end in 0..whole.len() {
            let mut cut = whole[..end].to_vec();
            // The room for the rest.
            cut.extend(b"   ");
            let spec = Entry::Spec.find::<Record>(&cut);
            assert_eq!(spec == Found::Whole(record("a\nb")), end >= first, "{end}");
            assert_ne!(
                Entry::Started.find(&cut),
                Found::Whole(record("}")),
                "{end}"
            );
            assert_eq!(whole_bytes(&cut), if end < first { 0 } else { first });
        }
    }

    #[test]
    fn another_major_format_is_unreadable() {
        let mut other = record("x");
        other.format.major += 1;
        let line = Entry::Exit.line(&other).unwrap();
        assert_eq!(Entry::Exit.find::<Record>(&line), Found::Unreadable);
        assert_eq!(
            Entry::Exit.find::<Record>(b"{\"exit\":nothing}\n"),
            Found::Unreadable
        );
    }
}
