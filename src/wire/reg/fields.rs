//! Fields: one byte type, one byte length, the value.

use super::codec::HEADER_LEN;
use super::{Reason, Target, UnknownField};
use crate::wire::DecodeError;

/// Field types.
pub(super) mod field {
    pub(in crate::wire::reg) const MAC: u8 = 1;
    pub(in crate::wire::reg) const PIN: u8 = 2;
    pub(in crate::wire::reg) const DEVICE_TYPE: u8 = 3;
    pub(in crate::wire::reg) const FIRMWARE: u8 = 4;
    pub(in crate::wire::reg) const ADDRESS: u8 = 5;
    pub(in crate::wire::reg) const FQDN: u8 = 6;
    pub(in crate::wire::reg) const DN: u8 = 7;
    pub(in crate::wire::reg) const REASON: u8 = 8;
    pub(in crate::wire::reg) const HEARTBEAT_MS: u8 = 9;
    pub(in crate::wire::reg) const TEXT: u8 = 10;
    pub(in crate::wire::reg) const RESET_KIND: u8 = 11;
    pub(in crate::wire::reg) const REDIRECTS: u8 = 12;
}

/// An access code has at most 10 characters (CL-4), a DN at most 7; more is kept so that an element can refuse it itself.
pub(super) const PIN_LEN_MAX: usize = 32;
const DN_LEN_MAX: usize = 7;
pub(super) const NAME_LEN_MAX: usize = 32;
/// RFC 1035 section 2.3.4, in its text form.
const FQDN_LEN_MAX: usize = 253;
pub(super) const TEXT_LEN_MAX: usize = 255;

/// The fields of a message; what a message defines is taken out, the rest is kept.
pub(super) struct Fields<'a> {
    /// Offset of the value in the message, type, value.
    all: Vec<(usize, u8, &'a [u8])>,
    end: usize,
}

impl<'a> Fields<'a> {
    /// Cuts a whole message into fields.
    pub(super) fn read(message: &'a [u8]) -> Result<Fields<'a>, DecodeError> {
        let mut all = Vec::new();
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

    pub(super) fn array<const N: usize>(&mut self, kind: u8) -> Result<[u8; N], DecodeError> {
        let (offset, value) = self.take(kind)?;
        <[u8; N]>::try_from(value).map_err(|_| error(offset - 1, "a field has the wrong length"))
    }

    /// Characters that can be dialled: `0` to `9`, `*`, `#`.
    pub(super) fn dialled(
        &mut self,
        kind: u8,
        min: usize,
        max: usize,
    ) -> Result<String, DecodeError> {
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

    pub(super) fn dn(&mut self) -> Result<String, DecodeError> {
        self.dialled(field::DN, 1, DN_LEN_MAX)
    }

    pub(super) fn text(&mut self, kind: u8, max: usize) -> Result<String, DecodeError> {
        let (offset, value) = self.take(kind)?;
        if value.len() > max {
            return Err(error(offset - 1, "a field has the wrong length"));
        }
        let text = std::str::from_utf8(value);
        text.map(str::to_owned)
            .map_err(|bad| error(offset + bad.valid_up_to(), "not UTF-8"))
    }

    pub(super) fn reason(&mut self) -> Result<Reason, DecodeError> {
        let code = u16::from_be_bytes(self.array(field::REASON)?);
        Ok(Reason::from_code(code))
    }

    /// An address or a name, and not both.
    pub(super) fn target(&mut self) -> Result<Target, DecodeError> {
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

    pub(super) fn into_unknown(self) -> Vec<UnknownField> {
        let keep = |(_, kind, value): (usize, u8, &[u8])| UnknownField {
            kind,
            value: value.to_vec(),
        };
        self.all.into_iter().map(keep).collect()
    }
}

/// Appends a field; its length byte allows 255 bytes of value.
pub(super) fn put(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    bytes.extend_from_slice(&[kind, length]);
    bytes.extend_from_slice(&value[..usize::from(length)]);
}

pub(super) fn put_text(bytes: &mut Vec<u8>, kind: u8, text: &str, max: usize) {
    put(
        bytes,
        kind,
        &text.as_bytes()[..text.floor_char_boundary(max)],
    );
}

pub(super) fn put_reason(bytes: &mut Vec<u8>, reason: Reason) {
    put(bytes, field::REASON, &reason.code().to_be_bytes());
}

pub(super) fn put_dn(bytes: &mut Vec<u8>, dn: &str) {
    put_text(bytes, field::DN, dn, DN_LEN_MAX);
}

pub(super) fn put_target(bytes: &mut Vec<u8>, to: &Target) {
    match to {
        Target::Address(address) => put(bytes, field::ADDRESS, &address.octets()),
        Target::Fqdn(name) => put_text(bytes, field::FQDN, name, FQDN_LEN_MAX),
    }
}

pub(super) fn error(offset: usize, problem: &'static str) -> DecodeError {
    DecodeError::new("jfreg", offset, problem)
}
