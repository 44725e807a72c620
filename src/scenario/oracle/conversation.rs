//! What a set and an element say to each other, read off the wire of the set's segment.
//!
//! Each direction is followed by its sequence numbers, so that a message counts once however it was cut
//! into segments, repeated, or overtaken (RFC 9293 section 3.4).

use std::net::Ipv4Addr;

use crate::time::Instant;
use crate::wire::reg::{Decoder, Envelope, Message};
use crate::wire::tcp::{SYN, Segment};

/// Segments of one direction that are kept while an earlier one is missing.
const EARLY_MAX: usize = 32;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// The number of the SYN.
    start: Option<u32>,
    /// The number of the next byte; `None` before the connection began.
    next: Option<u32>,
    decoder: Decoder,
    /// Payloads that came too early, by the number of their first byte.
    early: Vec<(u32, Vec<u8>)>,
}

/// A message, and the number of the byte behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) envelope: Envelope,
    pub(super) end: u32,
}

/// What an element said last to a set, heartbeats apart: all that came at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scenario) struct LastSaid {
    pub(in crate::scenario) at: Instant,
    pub(in crate::scenario) element: Ipv4Addr,
    pub(in crate::scenario) messages: Vec<Message>,
}

impl LastSaid {
    /// Takes note of one more message.
    pub(super) fn note(
        last: &mut Option<LastSaid>,
        at: Instant,
        element: Ipv4Addr,
        message: &Message,
    ) {
        match last {
            _ if *message == Message::HeartbeatAnswer => {}
            Some(last) if (last.at, last.element) == (at, element) => {
                last.messages.push(message.clone());
            }
            Some(_) | None => {
                let messages = vec![message.clone()];
                *last = Some(LastSaid {
                    at,
                    element,
                    messages,
                });
            }
        }
    }
}

impl Way {
    /// Takes a segment of this direction; the messages that are whole now are added to `said`.
    pub(super) fn take(&mut self, segment: &Segment<'_>, said: &mut Vec<Said>) {
        if segment.flags & SYN != 0 {
            if self.start == Some(segment.seq) {
                // A late copy: the connection goes on.
                return;
            }
            *self = Way {
                start: Some(segment.seq),
                next: Some(segment.seq.wrapping_add(1)),
                ..Way::default()
            };
            return;
        }
        let Some(next) = self.next else { return };
        if is_after(segment.seq, next) {
            if self.early.len() < EARLY_MAX && !segment.payload.is_empty() {
                self.early.push((segment.seq, segment.payload.to_vec()));
            }
            return;
        }
        self.read(segment.seq, segment.payload, said);
        while let Some(next) = self.next
            && let Some(n) = self.early.iter().position(|(seq, _)| !is_after(*seq, next))
        {
            let (seq, payload) = self.early.swap_remove(n);
            self.read(seq, &payload, said);
        }
    }

    /// Reads nothing more before the next connection begins.
    pub(super) fn stop_reading(&mut self) {
        self.next = None;
    }

    /// Reads what is new of a payload that begins at `seq`, which is not after the next byte.
    fn read(&mut self, seq: u32, payload: &[u8], said: &mut Vec<Said>) {
        let Some(next) = self.next else { return };
        let Some(mut rest) = payload.get(next.wrapping_sub(seq) as usize..) else {
            return;
        };
        let end = next.wrapping_add(rest.len() as u32);
        self.next = Some(end);
        loop {
            match self.decoder.next(&mut rest) {
                Ok(Some(envelope)) => said.push(Said {
                    envelope,
                    end: end.wrapping_sub(rest.len() as u32),
                }),
                Ok(None) => return,
                // Where the next message begins is not known: nothing more is read of this connection.
                Err(_) => {
                    self.next = None;
                    return;
                }
            }
        }
    }
}

/// Whether the sequence number `a` lies behind `b` (RFC 9293 section 3.4).
pub(super) fn is_after(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::reg::Message;

    #[test]
    fn a_message_counts_once_however_it_was_cut_repeated_or_overtaken() {
        let bytes: Vec<u8> = ["***6000", "***6001"]
            .iter()
            .flat_map(|pin| save(pin))
            .collect();
        let one = bytes.len() / 2;
        let cuts: [&[(usize, usize)]; 5] = [
            &[(0, 2 * one)],
            &[(0, 5), (5, one), (one, 2 * one)],
            &[(0, one), (0, one), (0, 2 * one), (one, 2 * one)],
            &[(one + 3, 2 * one), (0, one + 3)],
            &[(one, 2 * one), (3, one), (0, 3)],
        ];
        for start in [7, u32::MAX - 10] {
            for cut in cuts {
                let mut way = Way::default();
                let mut said = Vec::new();
                way.take(&segment(start, SYN, &[]), &mut said);
                for (from, to) in cut {
                    let seq = start.wrapping_add(1).wrapping_add(*from as u32);
                    way.take(&segment(seq, 0, &bytes[*from..*to]), &mut said);
                }
                let ends: Vec<u32> = said.iter().map(|it| it.end.wrapping_sub(start)).collect();
                assert_eq!(ends, [1 + one as u32, 1 + 2 * one as u32], "{cut:?}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_message_end_the_reading_of_that_connection_only() {
        let mut way = Way::default();
        let mut said = Vec::new();
        way.take(&segment(1, SYN, &[]), &mut said);
        way.take(&segment(2, 0, &[0xff; 40]), &mut said);
        way.take(&segment(42, 0, &save("***6000")), &mut said);
        assert_eq!(said, []);
        way.take(&segment(900, SYN, &[]), &mut said);
        way.take(&segment(901, 0, &save("***6000")), &mut said);
        assert_eq!(said.len(), 1);
    }

    #[test]
    fn a_late_copy_of_the_first_segment_begins_nothing_anew() {
        let mut way = Way::default();
        let mut said = Vec::new();
        way.take(&segment(1, SYN, &[]), &mut said);
        way.take(&segment(2, 0, &save("***6000")), &mut said);
        way.take(&segment(1, SYN, &[]), &mut said);
        way.take(&segment(2, 0, &save("***6000")), &mut said);
        assert_eq!(said.len(), 1);
    }

    fn save(pin: &str) -> Vec<u8> {
        let message = Message::SavePin {
            pin: pin.to_owned(),
        };
        Envelope::new(1, message).encode()
    }

    fn segment(seq: u32, flags: u8, payload: &[u8]) -> Segment<'_> {
        Segment {
            src_port: 6800,
            dst_port: 40_000,
            seq,
            ack: 0,
            flags,
            window: 0,
            options: &[],
            payload,
        }
    }
}
