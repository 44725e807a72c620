//! Header and fields to bytes and back.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::fields::{
    Fields, NAME_LEN_MAX, PIN_LEN_MAX, TEXT_LEN_MAX, error, field, put, put_dn, put_reason,
    put_target, put_text,
};
use super::{DeviceRegistration, Envelope, FLAG_RESET, Message, Reason, ResetKind};
use crate::wire::{DecodeError, Mac};

/// Bytes of the header.
pub const HEADER_LEN: usize = 12;
/// A message has at most this many bytes, header included.
pub const MESSAGE_LEN_MAX: usize = 1024;

const MAGIC: [u8; 2] = *b"JF";
const VERSION: u8 = 1;

/// Reads the message at the front of `bytes` and says how many bytes it took; `None` if it is not all there yet.
///
/// # Errors
/// What is wrong, as soon as it can be seen: a first byte that begins no message is refused at once.
pub fn decode(bytes: &[u8]) -> Result<Option<(Envelope, usize)>, DecodeError> {
    check_start(bytes)?;
    let Some(length) = length(bytes) else {
        return Ok(None);
    };
    if !(HEADER_LEN..=MESSAGE_LEN_MAX).contains(&length) {
        return Err(error(6, "length is not between 12 and 1024"));
    }
    let Some(bytes) = bytes.get(..length) else {
        return Ok(None);
    };
    let mut fields = Fields::read(bytes)?;
    let mut flags = u16::from_be_bytes([bytes[4], bytes[5]]);
    let message = read_message(bytes[3], &mut flags, &mut fields)?;
    let envelope = Envelope {
        sequence: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        flags,
        message,
        unknown: fields.into_unknown(),
    };
    Ok(Some((envelope, length)))
}

/// The length that the header states, once the header is all there.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER_LEN)?;
    Some(usize::from(u16::from_be_bytes([header[6], header[7]])))
}

/// Checks as much of magic and version as has arrived.
fn check_start(bytes: &[u8]) -> Result<(), DecodeError> {
    for (offset, (byte, wanted)) in bytes.iter().zip(MAGIC).enumerate() {
        if *byte != wanted {
            return Err(error(offset, "does not begin with \"JF\""));
        }
    }
    match bytes.get(2) {
        Some(version) if *version != VERSION => Err(error(2, UNSUPPORTED_VERSION)),
        _ => Ok(()),
    }
}

const UNSUPPORTED_VERSION: &str = "version is not 1";

/// What an Error message says about bytes that were refused for `error`.
impl From<DecodeError> for Reason {
    fn from(error: DecodeError) -> Reason {
        if error.problem == UNSUPPORTED_VERSION {
            Reason::UnsupportedVersion
        } else {
            Reason::Malformed
        }
    }
}

fn read_message(
    kind: u8,
    flags: &mut u16,
    fields: &mut Fields<'_>,
) -> Result<Message, DecodeError> {
    Ok(match kind {
        1 => {
            let reset = *flags & FLAG_RESET != 0;
            *flags &= !FLAG_RESET;
            Message::DeviceRegistration(DeviceRegistration {
                mac: Mac(fields.array(field::MAC)?),
                pin: Some(fields.dialled(field::PIN, 0, PIN_LEN_MAX)?)
                    .filter(|pin| !pin.is_empty()),
                device_type: fields.text(field::DEVICE_TYPE, NAME_LEN_MAX)?,
                firmware: fields.text(field::FIRMWARE, NAME_LEN_MAX)?,
                address: Ipv4Addr::from(fields.array::<4>(field::ADDRESS)?),
                reset,
                redirects: fields.array::<1>(field::REDIRECTS)?[0],
            })
        }
        2 => Message::PinRequest {
            reason: fields.reason()?,
        },
        3 => Message::PinEntry {
            pin: fields.dialled(field::PIN, 0, PIN_LEN_MAX)?,
        },
        4 => Message::SavePin {
            pin: fields.dialled(field::PIN, 1, PIN_LEN_MAX)?,
        },
        5 => Message::ClearPin {
            reason: fields.reason()?,
        },
        6 => Message::Redirect {
            to: fields.target()?,
            dn: fields.dn()?,
        },
        7 => Message::Registered {
            dn: fields.dn()?,
            heartbeat: Duration::from_millis(
                u32::from_be_bytes(fields.array(field::HEARTBEAT_MS)?).into(),
            ),
        },
        8 => Message::CommunicationsUp,
        9 => Message::Heartbeat,
        10 => Message::HeartbeatAnswer,
        11 => Message::Reset {
            kind: match fields.array::<1>(field::RESET_KIND)?[0] {
                1 => ResetKind::Soft,
                2 => ResetKind::Hard,
                other => ResetKind::Other(other),
            },
            reason: fields.reason()?,
        },
        12 => Message::DnChanged { dn: fields.dn()? },
        13 => Message::Error {
            reason: fields.reason()?,
            text: fields.text(field::TEXT, TEXT_LEN_MAX)?,
        },
        kind => Message::Unknown { kind },
    })
}

impl Envelope {
    /// The message's bytes. Text that is longer than its field allows is cut, and unknown fields that
    /// would take the message past 1024 bytes are left out.
    pub fn encode(&self) -> Vec<u8> {
        let reset = matches!(&self.message, Message::DeviceRegistration(device) if device.reset);
        let flags = self.flags | if reset { FLAG_RESET } else { 0 };
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, self.message.kind()]);
        bytes.extend_from_slice(&flags.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        put_fields(&mut bytes, &self.message);
        for field in &self.unknown {
            if bytes.len() + 2 + field.value.len() <= MESSAGE_LEN_MAX {
                put(&mut bytes, field.kind, &field.value);
            }
        }
        let length = u16::try_from(bytes.len()).expect("a message has at most 1024 bytes");
        bytes[6..8].copy_from_slice(&length.to_be_bytes());
        bytes
    }
}

fn put_fields(bytes: &mut Vec<u8>, message: &Message) {
    match message {
        Message::DeviceRegistration(device) => {
            put(bytes, field::MAC, &device.mac.0);
            put_text(
                bytes,
                field::PIN,
                device.pin.as_deref().unwrap_or(""),
                PIN_LEN_MAX,
            );
            put_text(bytes, field::DEVICE_TYPE, &device.device_type, NAME_LEN_MAX);
            put_text(bytes, field::FIRMWARE, &device.firmware, NAME_LEN_MAX);
            put(bytes, field::ADDRESS, &device.address.octets());
            put(bytes, field::REDIRECTS, &[device.redirects]);
        }
        Message::PinRequest { reason } | Message::ClearPin { reason } => put_reason(bytes, *reason),
        Message::PinEntry { pin } | Message::SavePin { pin } => {
            put_text(bytes, field::PIN, pin, PIN_LEN_MAX);
        }
        Message::Redirect { to, dn } => {
            put_target(bytes, to);
            put_dn(bytes, dn);
        }
        Message::Registered { dn, heartbeat } => {
            put_dn(bytes, dn);
            let millis = u32::try_from(heartbeat.as_millis()).unwrap_or(u32::MAX);
            put(bytes, field::HEARTBEAT_MS, &millis.to_be_bytes());
        }
        Message::Reset { kind, reason } => {
            let kind = match kind {
                ResetKind::Soft => 1,
                ResetKind::Hard => 2,
                ResetKind::Other(code) => *code,
            };
            put(bytes, field::RESET_KIND, &[kind]);
            put_reason(bytes, *reason);
        }
        Message::DnChanged { dn } => put_dn(bytes, dn),
        Message::Error { reason, text } => {
            put_reason(bytes, *reason);
            put_text(bytes, field::TEXT, text, TEXT_LEN_MAX);
        }
        Message::CommunicationsUp
        | Message::Heartbeat
        | Message::HeartbeatAnswer
        | Message::Unknown { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{Decoder, UnknownField};
    use super::*;
    use crate::wire::fixture::{self, Fixture};

    #[test]
    fn every_fixture_decodes_to_its_line_and_encodes_to_its_bytes() {
        for Fixture { name, bytes, line } in fixture::all("reg") {
            let (envelope, consumed) = decode(&bytes).unwrap().unwrap();
            assert_eq!(envelope.to_string(), line, "{name}");
            assert_eq!(consumed, bytes.len(), "{name}");
            assert_eq!(envelope.encode(), bytes, "{name}");
        }
    }

    #[test]
    fn the_examples_of_the_document_decode_to_their_lines() {
        let document = fs::read_to_string("docs/registration-protocol.md").unwrap();
        let examples: Vec<_> = document.split("```hex\n").skip(1).collect();
        assert!(examples.len() >= 13, "one for each message");
        for example in examples {
            let (bytes, line) = fixture::read(example.split("```").next().unwrap());
            let (envelope, consumed) = decode(&bytes).unwrap().unwrap();
            assert_eq!(envelope.to_string(), line);
            assert_eq!(consumed, bytes.len(), "{line}");
            assert_eq!(envelope.encode(), bytes, "{line}");
        }
    }

    #[test]
    fn document_and_dissector_list_every_reason_with_its_code_and_words() {
        let document = fs::read_to_string("docs/registration-protocol.md").unwrap();
        let dissector = fs::read_to_string("scripts/jackfield.lua").unwrap();
        for (_, code, text) in Reason::ALL {
            let row = format!("| {code} | {text} |");
            assert!(document.contains(&row), "{row}");
            let row = format!("[{code}] = \"{text}\",");
            assert!(dissector.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_incomplete_and_its_header_cut_short_is_refused() {
        for Fixture { name, bytes, .. } in fixture::all("reg") {
            for len in 0..bytes.len() {
                assert_eq!(decode(&bytes[..len]), Ok(None), "{name} at {len}");
                let mut short = bytes[..len].to_vec();
                if len >= HEADER_LEN {
                    short[7] = u8::try_from(len).unwrap();
                    // Some cuts fall between two fields, and what is left of an unknown type is a message.
                    if let Ok(Some((envelope, _))) = decode(&short) {
                        assert_eq!(envelope.encode(), short, "{name} at {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_stream_survives_a_split_at_every_byte() {
        let (mut all, mut lines) = (Vec::new(), Vec::new());
        for Fixture { bytes, line, .. } in fixture::all("reg") {
            all.extend(bytes);
            lines.push(line);
        }
        for split in 0..=all.len() {
            assert_eq!(read_stream([&all[..split], &all[split..]]), lines);
        }
        assert_eq!(read_stream(all.chunks(1)), lines);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (hex, problem) in [
            ("47", "jfreg: does not begin with \"JF\" at byte 0"),
            ("4a47", "jfreg: does not begin with \"JF\" at byte 1"),
            ("4a4602", "jfreg: version is not 1 at byte 2"),
            (
                "4a46010900000000 00000001",
                "jfreg: length is not between 12 and 1024 at byte 6",
            ),
            (
                "4a46010900000401 00000001",
                "jfreg: length is not between 12 and 1024 at byte 6",
            ),
            (
                "4a4601090000000d 00000001 c8",
                "jfreg: field without a length at byte 12",
            ),
            (
                "4a4601090000000e 00000001 c801",
                "jfreg: field is longer than the message at byte 13",
            ),
            (
                "4a4601020000000c 00000001",
                "jfreg: a field is missing at byte 12",
            ),
            (
                "4a46010200000014 00000001 08020001 08020001",
                "jfreg: a field stands twice at byte 16",
            ),
            (
                "4a4601020000000f 00000001 080101",
                "jfreg: a field has the wrong length at byte 13",
            ),
            (
                "4a4601040000000e 00000001 0200",
                "jfreg: a field has the wrong length at byte 13",
            ),
            (
                "4a46010c00000010 00000001 07023641",
                "jfreg: not a digit, * or # at byte 15",
            ),
            (
                "4a46010d00000013 00000001 08020064 0a01ff",
                "jfreg: not UTF-8 at byte 18",
            ),
            (
                "4a46010600000018 00000001 0504 0a000001 0601 61 070136",
                "jfreg: address and FQDN in one message at byte 12",
            ),
            (
                "4a46010600000012 00000001 0601 20 070136",
                "jfreg: not a character of a name at byte 14",
            ),
        ] {
            let error = decode(&fixture::unhex(hex)).unwrap_err();
            assert_eq!(error.to_string(), problem, "{hex}");
        }
    }

    #[test]
    fn text_that_is_too_long_is_cut_and_the_message_stays_within_its_bound() {
        let message = Message::Error {
            reason: Reason::Malformed,
            text: "é".repeat(400),
        };
        let mut envelope = Envelope::new(1, message);
        envelope.unknown = (0..9)
            .map(|kind| UnknownField {
                kind: 100 + kind,
                value: vec![0; 255],
            })
            .collect();
        let bytes = envelope.encode();
        assert!(bytes.len() <= MESSAGE_LEN_MAX);
        let (read, _) = decode(&bytes).unwrap().unwrap();
        assert_eq!(read.unknown.len(), 2);
        let Message::Error { text, .. } = read.message else {
            panic!("an Error comes back as one");
        };
        assert_eq!(text, "é".repeat(127));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            read_all_that_can_be(&bytes);
        }

        #[test]
        fn what_was_decoded_from_any_fields_encodes_to_an_equal_message(
            kind in 0..16_u8, flags: u16, sequence: u32,
            fields in vec((0..16_u8, vec(prop_oneof![Just(b'6'), Just(b'*'), any::<u8>()], 0..9)), 0..9)
        ) {
            let mut bytes = b"JF\x01".to_vec();
            bytes.push(kind);
            bytes.extend(flags.to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend(sequence.to_be_bytes());
            for (kind, value) in &fields {
                put(&mut bytes, *kind, value);
            }
            bytes[7] = u8::try_from(bytes.len()).unwrap();
            if let Ok(Some((envelope, _))) = decode(&bytes) {
                let again = envelope.encode();
                prop_assert_eq!(again.len(), bytes.len());
                prop_assert_eq!(decode(&again), Ok(Some((envelope, again.len()))));
            }
        }

        #[test]
        fn a_damaged_fixture_never_panics(which: usize, at: usize, with: u8) {
            let mut fixtures = fixture::all("reg");
            let which = which % fixtures.len();
            let mut bytes = fixtures.swap_remove(which).bytes;
            let at = at % bytes.len();
            bytes[at] = with;
            read_all_that_can_be(&bytes);
        }
    }

    fn read_all_that_can_be(bytes: &[u8]) {
        let mut decoder = Decoder::default();
        for mut chunk in bytes.chunks(7) {
            // An error comes again from the same decoder, and is still no panic.
            while let Ok(Some(envelope)) = decoder.next(&mut chunk) {
                let _ = envelope.to_string();
            }
        }
    }

    fn read_stream<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut lines = Vec::new();
        for mut segment in segments {
            while let Some(envelope) = decoder.next(&mut segment).unwrap() {
                lines.push(envelope.to_string());
            }
        }
        lines
    }
}
