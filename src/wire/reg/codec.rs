//! Header and fields to bytes and back.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{
    DeviceRegistration, Envelope, FLAG_RESET, Message, Reason, ResetKind, Target, UnknownField,
};
use crate::wire::{DecodeError, Mac};

/// Bytes of the header.
pub const HEADER_LEN: usize = 12;
/// A message has at most this many bytes, header included.
pub const MESSAGE_LEN_MAX: usize = 1024;

const MAGIC: [u8; 2] = *b"JF";
const VERSION: u8 = 1;

/// Field types.
mod field {
    pub(super) const MAC: u8 = 1;
    pub(super) const PIN: u8 = 2;
    pub(super) const DEVICE_TYPE: u8 = 3;
    pub(super) const FIRMWARE: u8 = 4;
    pub(super) const ADDRESS: u8 = 5;
    pub(super) const FQDN: u8 = 6;
    pub(super) const DN: u8 = 7;
    pub(super) const REASON: u8 = 8;
    pub(super) const HEARTBEAT_MS: u8 = 9;
    pub(super) const TEXT: u8 = 10;
    pub(super) const RESET_KIND: u8 = 11;
    pub(super) const REDIRECTS: u8 = 12;
}

/// An access code has at most 10 characters (CL-4), a DN at most 7; more is kept so that an element can refuse it itself.
const PIN_LEN_MAX: usize = 32;
const DN_LEN_MAX: usize = 7;
const NAME_LEN_MAX: usize = 32;
/// RFC 1035 section 2.3.4, in its text form.
const FQDN_LEN_MAX: usize = 253;
const TEXT_LEN_MAX: usize = 255;

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

/// The fields of a message; what a message defines is taken out, the rest is kept.
struct Fields<'a> {
    /// Offset of the value in the message, type, value.
    all: Vec<(usize, u8, &'a [u8])>,
    end: usize,
}

impl<'a> Fields<'a> {
    /// Cuts a whole message into fields.
    fn read(message: &'a [u8]) -> Result<Fields<'a>, DecodeError> {
        let mut all = Vec::with_capacity(8);
        let mut at = HEADER_LEN;
        while at < message.len() {
            let Some(length) = message.get(at + 1) else {
                return Err(error(at, "field without a length"));
            };
            let value = at + 2;
            let end = value + usize::from(*length);
            let Some(bytes) = message.get(value..end) else {
                return Err(error(at + 1, "field is longer than the message"));
            };
            all.push((value, message[at], bytes));
            at = end;
        }
        Ok(Fields { all, end: at })
    }

    /// Takes out the one field of this type.
    fn take(&mut self, kind: u8) -> Result<(usize, &'a [u8]), DecodeError> {
        match self.take_optional(kind)? {
            Some(found) => Ok(found),
            None => Err(error(self.end, "a field is missing")),
        }
    }

    fn take_optional(&mut self, kind: u8) -> Result<Option<(usize, &'a [u8])>, DecodeError> {
        let Some(index) = self.all.iter().position(|(_, of, _)| *of == kind) else {
            return Ok(None);
        };
        let (offset, _, value) = self.all.remove(index);
        match self.all.iter().find(|(_, of, _)| *of == kind) {
            Some((again, ..)) => Err(error(*again - 2, "a field stands twice")),
            None => Ok(Some((offset, value))),
        }
    }

    fn array<const N: usize>(&mut self, kind: u8) -> Result<[u8; N], DecodeError> {
        let (offset, value) = self.take(kind)?;
        <[u8; N]>::try_from(value).map_err(|_| error(offset - 1, "a field has the wrong length"))
    }

    /// Characters that can be dialled: `0` to `9`, `*`, `#`.
    fn dialled(&mut self, kind: u8, min: usize, max: usize) -> Result<String, DecodeError> {
        let (offset, value) = self.take(kind)?;
        if !(min..=max).contains(&value.len()) {
            return Err(error(offset - 1, "a field has the wrong length"));
        }
        let is_dialled = |c: &u8| c.is_ascii_digit() || matches!(c, b'*' | b'#');
        match value.iter().position(|c| !is_dialled(c)) {
            Some(index) => Err(error(offset + index, "not a digit, * or #")),
            None => Ok(String::from_utf8_lossy(value).into_owned()),
        }
    }

    fn dn(&mut self) -> Result<String, DecodeError> {
        self.dialled(field::DN, 1, DN_LEN_MAX)
    }

    fn text(&mut self, kind: u8, max: usize) -> Result<String, DecodeError> {
        let (offset, value) = self.take(kind)?;
        if value.len() > max {
            return Err(error(offset - 1, "a field has the wrong length"));
        }
        let text = std::str::from_utf8(value);
        text.map(str::to_owned)
            .map_err(|bad| error(offset + bad.valid_up_to(), "not UTF-8"))
    }

    fn reason(&mut self) -> Result<Reason, DecodeError> {
        let code = u16::from_be_bytes(self.array(field::REASON)?);
        Ok(Reason::from_code(code))
    }

    /// An address or a name, and not both.
    fn target(&mut self) -> Result<Target, DecodeError> {
        let Some((offset, name)) = self.take_optional(field::FQDN)? else {
            return Ok(Target::Address(self.array::<4>(field::ADDRESS)?.into()));
        };
        if let Some((address, _)) = self.take_optional(field::ADDRESS)? {
            return Err(error(address - 2, "address and FQDN in one message"));
        }
        if !(1..=FQDN_LEN_MAX).contains(&name.len()) {
            return Err(error(offset - 1, "a field has the wrong length"));
        }
        match name.iter().position(|c| !c.is_ascii_graphic()) {
            Some(index) => Err(error(offset + index, "not a character of a name")),
            None => Ok(Target::Fqdn(String::from_utf8_lossy(name).into_owned())),
        }
    }

    fn into_unknown(self) -> Vec<UnknownField> {
        let keep = |(_, kind, value): (usize, u8, &[u8])| UnknownField {
            kind,
            value: value.to_vec(),
        };
        self.all.into_iter().map(keep).collect()
    }
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
            match to {
                Target::Address(address) => put(bytes, field::ADDRESS, &address.octets()),
                Target::Fqdn(name) => put_text(bytes, field::FQDN, name, FQDN_LEN_MAX),
            }
            put_text(bytes, field::DN, dn, DN_LEN_MAX);
        }
        Message::Registered { dn, heartbeat } => {
            put_text(bytes, field::DN, dn, DN_LEN_MAX);
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
        Message::DnChanged { dn } => put_text(bytes, field::DN, dn, DN_LEN_MAX),
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

/// Appends a field; its length byte allows 255 bytes of value.
fn put(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    bytes.extend_from_slice(&[kind, length]);
    bytes.extend_from_slice(&value[..usize::from(length)]);
}

fn put_text(bytes: &mut Vec<u8>, kind: u8, text: &str, max: usize) {
    put(
        bytes,
        kind,
        &text.as_bytes()[..text.floor_char_boundary(max)],
    );
}

fn put_reason(bytes: &mut Vec<u8>, reason: Reason) {
    put(bytes, field::REASON, &reason.code().to_be_bytes());
}

fn error(offset: usize, problem: &'static str) -> DecodeError {
    DecodeError::new("jfreg", offset, problem)
}
