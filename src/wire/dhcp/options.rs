//! An ordered list of DHCP options (RFC 2132), as it stands on the wire.
//!
//! The list is kept as the very bytes of the options field without padding and end: one allocation for a
//! message, copied out as it is. `push` splits values of more than 255 bytes (RFC 3396 section 5), and
//! reading joins the parts of one code wherever they stand (section 7). The list itself keeps the parts.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::code::{END, PAD};
use crate::wire::DecodeError;

/// The options of one field, in order. Always whole: code, length, and that many bytes, for each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Options {
    bytes: Vec<u8>,
}

/// Why an option is not what its reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    #[error("option {code} is missing")]
    Missing { code: u8 },
    #[error("option {code} has length {length}, wants {wants}")]
    Length {
        code: u8,
        length: usize,
        wants: &'static str,
    },
    #[error("option {code} {problem}")]
    Value { code: u8, problem: &'static str },
}

impl Options {
    /// Reads the options of a field that begins at byte `at` of the message, up to the end option.
    ///
    /// What stands before a defect is kept, and the defect is told.
    pub(super) fn decode(field: &[u8], at: usize) -> (Options, Option<DecodeError>) {
        let fail = |offset, problem| Some(DecodeError::new("dhcp", at + offset, problem));
        let mut options = Options {
            bytes: Vec::with_capacity(field.len()),
        };
        let mut offset = 0;
        loop {
            let rest = &field[offset..];
            match rest {
                [] => {
                    return (
                        options,
                        fail(offset, "options do not end with the end option"),
                    );
                }
                [PAD, ..] => offset += 1,
                [END, ..] => return (options, None),
                [_] => return (options, fail(offset, "option has no length")),
                [_, length, data @ ..] => {
                    let length = usize::from(*length);
                    if data.len() < length {
                        return (options, fail(offset, "option is longer than what is left"));
                    }
                    options.bytes.extend_from_slice(&rest[..2 + length]);
                    offset += 2 + length;
                }
            }
        }
    }

    /// Adds an option at the end; one of more than 255 bytes as several of the same code.
    ///
    /// Codes 0 and 255 are padding and end and carry nothing: they are not added.
    pub fn push(&mut self, code: u8, data: &[u8]) {
        if matches!(code, PAD | END) {
            return;
        }
        let mut rest = data;
        loop {
            let length = u8::try_from(rest.len()).unwrap_or(u8::MAX);
            let (part, after) = rest.split_at(usize::from(length));
            self.bytes.extend([code, length]);
            self.bytes.extend_from_slice(part);
            rest = after;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Adds an option that holds IPv4 addresses.
    pub fn push_addresses(&mut self, code: u8, addresses: &[Ipv4Addr]) {
        let octets: Vec<u8> = addresses.iter().flat_map(Ipv4Addr::octets).collect();
        self.push(code, &octets);
    }

    /// Adds an option that holds a time in whole seconds; at most 0xffffffff, which means for ever.
    pub fn push_duration(&mut self, code: u8, span: Duration) {
        let secs = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        self.push(code, &secs.to_be_bytes());
    }

    /// Takes every option of this code out.
    pub fn remove(&mut self, code: u8) {
        let mut kept = Vec::with_capacity(self.bytes.len());
        for (other, data) in self.iter().filter(|(other, _)| *other != code) {
            kept.extend([other, data.len() as u8]); // as it was read or pushed
            kept.extend_from_slice(data);
        }
        self.bytes = kept;
    }

    /// Each option as it stands: code and bytes.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let [code, length, after @ ..] = rest else {
                return None;
            };
            let (data, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some((*code, data))
        })
    }

    /// The value of an option, its parts joined in order (RFC 3396 section 7).
    pub fn get(&self, code: u8) -> Option<Cow<'_, [u8]>> {
        joined(self.iter(), code)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn append(&mut self, more: &Options) {
        self.bytes.extend_from_slice(&more.bytes);
    }

    pub(super) fn wire_len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.bytes);
    }
}

/// The value of `code` among `options`; borrowed unless it came in several parts.
pub(super) fn joined<'a>(
    options: impl Iterator<Item = (u8, &'a [u8])>,
    code: u8,
) -> Option<Cow<'a, [u8]>> {
    let mut found: Option<Cow<'a, [u8]>> = None;
    for (_, data) in options.filter(|(other, _)| *other == code) {
        match &mut found {
            None => found = Some(Cow::Borrowed(data)),
            Some(value) => value.to_mut().extend_from_slice(data),
        }
    }
    found
}
