//! One connection to an element, seen from the set: messages instead of bytes.

use crate::app::{AppEffect, StreamId};
use crate::outbox::Outbox;
use crate::wire::DecodeError;
use crate::wire::reg::{Decoder, Envelope, Message};

/// A connection and what has been said on it.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) stream: StreamId,
    decoder: Decoder,
    /// Sequence number of the message that was sent last; the first is 1.
    sequence: u32,
}

impl Conversation {
    /// A connection on which nothing has been said.
    pub(super) fn new(stream: StreamId) -> Conversation {
        Conversation {
            stream,
            decoder: Decoder::default(),
            sequence: 0,
        }
    }

    /// Sends a message.
    pub(super) fn say(&mut self, message: Message, out: &mut Outbox<AppEffect>) {
        self.sequence = self.sequence.wrapping_add(1);
        out.push(AppEffect::SendStream {
            stream: self.stream,
            bytes: Envelope::new(self.sequence, message).encode(),
        });
    }

    /// The next whole message out of `bytes`, which shrink by what was read.
    pub(super) fn hear(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, DecodeError> {
        let envelope = self.decoder.next(bytes)?;
        Ok(envelope.map(|envelope| envelope.message))
    }

    /// Ends the connection in good order.
    pub(super) fn close(self, out: &mut Outbox<AppEffect>) {
        out.push(AppEffect::Close {
            stream: self.stream,
        });
    }

    /// Ends the connection at once.
    pub(super) fn abort(self, out: &mut Outbox<AppEffect>) {
        out.push(AppEffect::Abort {
            stream: self.stream,
        });
    }
}
