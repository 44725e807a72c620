//! Messages out of a TCP stream, however it was cut into segments.

use super::{Envelope, HEADER_LEN, codec, decode};
use crate::wire::DecodeError;

/// Holds the beginning of a message until the rest arrives.
#[derive(Debug, Default, Clone)]
pub struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    /// Takes the next message off the front of what has arrived, or `None` if it is not all there yet: then
    /// the bytes are kept, and `bytes` is empty. Call it until it says `None`.
    ///
    /// # Errors
    /// What is wrong with the message. Where the next one begins is then unknown: the connection is lost.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Envelope>, DecodeError> {
        if self.pending.is_empty() {
            // The usual case: a segment holds whole messages, and nothing is copied.
            if let Some((envelope, consumed)) = decode(bytes)? {
                *bytes = &bytes[consumed..];
                return Ok(Some(envelope));
            }
        }
        while !bytes.is_empty() {
            let wanted = codec::length(&self.pending).unwrap_or(HEADER_LEN);
            let missing = wanted.saturating_sub(self.pending.len());
            let (now, later) = bytes.split_at(bytes.len().min(missing));
            self.pending.extend_from_slice(now);
            *bytes = later;
            if let Some((envelope, _)) = decode(&self.pending)? {
                self.pending.clear();
                return Ok(Some(envelope));
            }
        }
        Ok(None)
    }
}
