//! One connection to an element, seen from the set: messages instead of bytes.

use std::net::Ipv4Addr;

use crate::app::{AppEffect, StreamId};
use crate::outbox::Outbox;
use crate::wire::DecodeError;
use crate::wire::reg::{Decoder, Envelope, Message, Reason};

/// A connection and what has been said on it.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) stream: StreamId,
    pub(super) element: Ipv4Addr,
    decoder: Decoder,
    /// Sequence number of the message that was sent last; the first is 1.
    sequence: u32,
}

impl Conversation {
    /// A connection on which nothing has been said.
    pub(super) fn new(stream: StreamId, element: Ipv4Addr) -> Conversation {
        Conversation {
            stream,
            element,
            decoder: Decoder::default(),
            sequence: 0,
        }
    }

    /// Sends a message.
    pub(super) fn say(&mut self, message: Message, out: &mut Outbox<AppEffect>) {
        self.sequence = self.sequence.wrapping_add(1);
        self.send(self.sequence, message, out);
    }

    /// The next whole message out of `bytes`, which shrink by what was read.
    pub(super) fn hear(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, DecodeError> {
        let envelope = self.decoder.next(bytes)?;
        Ok(envelope.map(|envelope| envelope.message))
    }

    /// Says that a message has no place here, and ends the connection.
    pub(super) fn refuse(mut self, message: &Message, out: &mut Outbox<AppEffect>) {
        let text = format!("{} has no place here", message.name());
        let reason = Reason::UnexpectedMessage;
        self.say(Message::Error { reason, text }, out);
        self.close(out);
    }

    /// Says that bytes are no message, and ends the connection. Such an Error answers no message, so its
    /// sequence is 0.
    pub(super) fn refuse_bytes(self, error: DecodeError, out: &mut Outbox<AppEffect>) {
        let text = error.to_string();
        let reason = Reason::from(error);
        self.send(0, Message::Error { reason, text }, out);
        self.close(out);
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

    fn send(&self, sequence: u32, message: Message, out: &mut Outbox<AppEffect>) {
        out.push(AppEffect::SendStream {
            stream: self.stream,
            bytes: Envelope::new(sequence, message).encode(),
        });
    }
}
