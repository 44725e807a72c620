//! The registration protocol on TCP port 6800, its messages put together from segments.
//!
//! It says what `scripts/jackfield.lua` tells tshark. A message belongs to the segment that ends it. What
//! was sent before, and what arrives late, is not looked into: tshark does neither.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Dissector, Packet, u16_at, u32_at};
use crate::capture::filter::field::Field;
use crate::capture::filter::fields::Fields;
use crate::wire::reg::{HEADER_LEN, MESSAGE_LEN_MAX, PORT};

/// The streams that were seen: by source and destination, each direction for itself.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<(Ipv4Addr, u16, Ipv4Addr, u16), Stream>);

#[derive(Debug)]
struct Stream {
    /// The sequence number that follows all that was seen.
    next: u32,
    /// The beginning of a message whose rest has not been seen.
    pending: Vec<u8>,
}

/// What TCP says of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) src: u16,
    pub(super) dst: u16,
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) payload: &'a [u8],
}

pub(super) fn segment(dissector: &mut Dissector, packet: Packet, segment: Segment<'_>) {
    let Segment { src, dst, .. } = segment;
    if src != PORT && dst != PORT {
        return;
    }
    let Streams(streams) = &mut dissector.streams;
    let stream = streams
        .entry((packet.src, src, packet.dst, dst))
        .or_insert_with(|| Stream {
            next: segment.sequence,
            pending: Vec::new(),
        });
    if segment.syn {
        stream.next = segment.sequence.wrapping_add(1);
        stream.pending.clear();
        return;
    }
    let Ok(len) = u32::try_from(segment.payload.len()) else {
        return;
    };
    if len == 0 {
        return;
    }
    // Sequence numbers go round: the distance is negative in the upper half (RFC 9293, section 3.4).
    let ahead = segment.sequence.wrapping_sub(stream.next).cast_signed();
    let next = segment.sequence.wrapping_add(len);
    let advances = next.wrapping_sub(stream.next).cast_signed() > 0;
    if !advances {
        return;
    }
    stream.next = next;
    if ahead != 0 {
        stream.pending.clear();
    }
    if ahead >= 0 {
        stream.take(&mut dissector.fields, segment.payload);
    }
}

impl Stream {
    fn take(&mut self, fields: &mut Fields, payload: &[u8]) {
        if self.pending.is_empty() {
            let rest = messages(fields, payload);
            self.pending.extend_from_slice(rest);
        } else {
            self.pending.extend_from_slice(payload);
            let rest = messages(fields, &self.pending).len();
            self.pending.drain(..self.pending.len() - rest);
        }
    }
}

/// Says what whole messages `bytes` begin with; the rest is the beginning of one.
fn messages<'a>(fields: &mut Fields, mut bytes: &'a [u8]) -> &'a [u8] {
    while bytes.len() >= HEADER_LEN {
        let len = u16_at(bytes, 6).map_or(0, usize::from);
        let begins = bytes.starts_with(b"JF") && (HEADER_LEN..=MESSAGE_LEN_MAX).contains(&len);
        // What begins no message is one bad message, to the segment's end.
        let len = if begins { len } else { bytes.len() };
        let Some((whole, rest)) = bytes.split_at_checked(len) else {
            break;
        };
        fields.protocol(Field::Jfreg);
        message(fields, whole);
        bytes = rest;
    }
    bytes
}

fn message(fields: &mut Fields, bytes: &[u8]) -> Option<()> {
    const BEGIN: &[u8] = b"JF\x01";

    if !bytes.starts_with(BEGIN) {
        return None;
    }
    let kind = *bytes.get(3)?;
    fields.number(Field::JfregType, kind.into());
    fields.number(Field::JfregSeq, u32_at(bytes, 8)?);
    let mut rest = bytes.get(HEADER_LEN..)?;
    while let [code, len, behind @ ..] = rest {
        let (value, next) = behind.split_at_checked(usize::from(*len))?;
        if defined(kind).contains(code) {
            field(fields, *code, value);
        }
        rest = next;
    }
    Some(())
}

/// A message's field. One of a wrong length has no value.
fn field(fields: &mut Fields, code: u8, value: &[u8]) {
    match (code, value) {
        (1, &[a, b, c, d, e, f]) => fields.mac(Field::JfregMac, [a, b, c, d, e, f]),
        (2, pin) => fields.ascii(Field::JfregPin, pin),
        (3, model) => fields.ascii(Field::JfregDeviceType, model),
        (5, &[a, b, c, d]) => fields.ipv4(Field::JfregAddress, [a, b, c, d]),
        (6, name) => fields.ascii(Field::JfregFqdn, name),
        (7, dn) => fields.ascii(Field::JfregDn, dn),
        (8, &[a, b]) => {
            let reason = u16::from_be_bytes([a, b]);
            fields.number(Field::JfregReason, reason.into());
        }
        (9, &[a, b, c, d]) => {
            let interval = u32::from_be_bytes([a, b, c, d]);
            fields.number(Field::JfregHeartbeatMs, interval);
        }
        (12, &[count]) => fields.number(Field::JfregRedirects, count.into()),
        _ => {}
    }
}

/// The codes of the fields that a message of this type defines (`docs/registration-protocol.md`).
fn defined(kind: u8) -> &'static [u8] {
    match kind {
        1 => &[1, 2, 3, 4, 5, 12],
        2 | 5 => &[8],
        3 | 4 => &[2],
        6 => &[5, 6, 7],
        7 => &[7, 9],
        11 => &[8, 11],
        12 => &[7],
        13 => &[8, 10],
        _ => &[],
    }
}
