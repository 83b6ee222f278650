//! Framing: one JSON object, ended by a NUL byte (<https://varlink.org/Method-Call>).
//!
//! The size is checked while the bytes arrive, so a peer cannot make us hold more than a frame.

use std::io::{self, BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes of one frame, without its NUL.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// What ends a frame.
pub const END: u8 = 0;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer sent more than a frame may hold.
    #[error("frame is larger than {FRAME_BYTES_MAX} bytes")]
    TooLarge,
    /// The peer closed the connection in the middle of a frame.
    #[error("connection closed inside a frame")]
    Truncated,
    /// The frame is not the JSON that was expected.
    #[error("frame is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// The connection failed.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Encodes a message with its end.
///
/// # Errors
/// `TooLarge`, or `Json` when the message has no JSON form.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = serde_json::to_vec(message)?;
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    bytes.push(END);
    Ok(bytes)
}

/// Decodes the bytes of a frame without its end.
///
/// # Errors
/// `Json` when the bytes are not that message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Collects the bytes of frames as they arrive, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no end.
    scanned: usize,
}

impl Decoder {
    /// Takes bytes that have arrived.
    ///
    /// # Errors
    /// `TooLarge` when the frame under way is over the limit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.pending.extend_from_slice(bytes);
        let unfinished = !self.pending[self.scanned..].contains(&END);
        if unfinished {
            self.scanned = self.pending.len();
            if self.pending.len() > FRAME_BYTES_MAX {
                return Err(FrameError::TooLarge);
            }
        }
        Ok(())
    }

    /// The next whole frame, without its end.
    ///
    /// # Errors
    /// `TooLarge` when it is over the limit.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(length) = self.pending[self.scanned..]
            .iter()
            .position(|byte| *byte == END)
        else {
            return Ok(None);
        };
        let length = self.scanned + length;
        self.scanned = 0;
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        let rest = self.pending.split_off(length + 1);
        let mut frame = std::mem::replace(&mut self.pending, rest);
        frame.truncate(length);
        Ok(Some(frame))
    }

    /// How many bytes are held: of whole frames that nobody has taken and of an unfinished one.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Whether bytes of an unfinished frame are held.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        !self.pending.is_empty()
    }
}

/// Writes one frame.
///
/// # Errors
/// What [`encode`] and the writer say.
pub fn write<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    writer.write_all(&encode(message)?)?;
    Ok(writer.flush()?)
}

/// Reads one frame; none when the peer closed the connection between frames.
///
/// # Errors
/// `TooLarge`, `Truncated`, `Json`, or what the reader says.
pub fn read<T: DeserializeOwned>(reader: &mut impl BufRead) -> Result<Option<T>, FrameError> {
    let mut frame = Vec::new();
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return if frame.is_empty() {
                Ok(None)
            } else {
                Err(FrameError::Truncated)
            };
        }
        let end = available.iter().position(|byte| *byte == END);
        let taken = end.unwrap_or(available.len());
        if frame.len() + taken > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        frame.extend_from_slice(&available[..taken]);
        reader.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return decode(&frame).map(Some);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_survive_any_cut(texts in prop::collection::vec(".{0,40}", 0..8), cut in 1usize..17) {
            let mut wire = Vec::new();
            for text in &texts {
                wire.extend(encode(text).unwrap());
            }
            let mut decoder = Decoder::default();
            let mut seen: Vec<String> = Vec::new();
            for part in wire.chunks(cut) {
                decoder.push(part).unwrap();
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push(decode(&frame).unwrap());
                }
            }
            prop_assert_eq!(&seen, &texts);
            prop_assert!(!decoder.is_inside_frame());

            let mut reader = io::BufReader::with_capacity(cut, wire.as_slice());
            let mut read_back: Vec<String> = Vec::new();
            while let Some(text) = read(&mut reader).unwrap() {
                read_back.push(text);
            }
            prop_assert_eq!(&read_back, &texts);
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_its_end_arrives() {
        let mut decoder = Decoder::default();
        let part = vec![b'x'; FRAME_BYTES_MAX];
        decoder.push(&part).unwrap();
        assert!(matches!(decoder.push(b"x"), Err(FrameError::TooLarge)));

        let mut reader = io::repeat(b'x');
        let mut reader = io::BufReader::new(&mut reader);
        assert!(matches!(
            read::<String>(&mut reader),
            Err(FrameError::TooLarge)
        ));
    }

    #[test]
    fn an_end_inside_a_frame_is_told_from_an_end_between_frames() {
        assert!(matches!(
            read::<String>(&mut &b"\"a"[..]),
            Err(FrameError::Truncated)
        ));
        assert!(matches!(read::<String>(&mut &b""[..]), Ok(None)));
    }
}
