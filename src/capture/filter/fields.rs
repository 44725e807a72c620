//! What a frame contains: values by field, in the order in which they stand in the frame.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::field::{Field, Kind};
use crate::wire::Mac;

/// The values of one frame. Emptied and filled again for each frame, so that its memory is kept.
#[derive(Debug, Default)]
pub struct Fields {
    values: Vec<(Field, Stored)>,
    text: Vec<u8>,
}

/// A value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A protocol is there.
    Present,
    /// A number, or a flag as 0 or 1.
    Number(u32),
    Mac(Mac),
    Ipv4(Ipv4Addr),
    /// Text up to its first NUL, as Wireshark shows it: each byte beyond ASCII is U+FFFD.
    Text(&'a [u8]),
}

#[derive(Debug, Clone)]
enum Stored {
    Present,
    Number(u32),
    Mac(Mac),
    Ipv4(Ipv4Addr),
    Text(Range<usize>),
}

impl Fields {
    /// The values of `field`, in the frame's order. A both-ways field has those of the two it stands for.
    pub fn of(&self, field: Field) -> impl Iterator<Item = Value<'_>> + Clone {
        let (first, second) = field.sources();
        self.iter()
            .filter(move |(of, _)| *of == first || Some(*of) == second)
            .map(|(_, value)| value)
    }

    /// All values in the frame's order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Value<'_>)> + Clone {
        self.values.iter().map(|(field, stored)| {
            let value = match stored {
                Stored::Present => Value::Present,
                Stored::Number(number) => Value::Number(*number),
                Stored::Mac(mac) => Value::Mac(*mac),
                Stored::Ipv4(address) => Value::Ipv4(*address),
                Stored::Text(range) => Value::Text(&self.text[range.clone()]),
            };
            (*field, value)
        })
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.text.clear();
    }

    pub(super) fn protocol(&mut self, field: Field) {
        debug_assert_eq!(field.kind(), Kind::Protocol);
        self.values.push((field, Stored::Present));
    }

    pub(super) fn number(&mut self, field: Field, number: u32) {
        debug_assert!(matches!(field.kind(), Kind::Number { .. } | Kind::Flag));
        self.values.push((field, Stored::Number(number)));
    }

    pub(super) fn mac(&mut self, field: Field, mac: [u8; 6]) {
        debug_assert_eq!(field.kind(), Kind::Mac);
        self.values.push((field, Stored::Mac(Mac(mac))));
    }

    pub(super) fn ipv4(&mut self, field: Field, address: [u8; 4]) {
        debug_assert_eq!(field.kind(), Kind::Ipv4);
        self.values.push((field, Stored::Ipv4(address.into())));
    }

    /// Adds text that came as `bytes`, ASCII up to the first NUL.
    pub(super) fn ascii(&mut self, field: Field, bytes: &[u8]) {
        debug_assert_eq!(field.kind(), Kind::Text);
        let start = self.text.len();
        for &byte in bytes.iter().take_while(|byte| **byte != 0) {
            if byte.is_ascii() {
                self.text.push(byte);
            } else {
                self.text.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
        self.values
            .push((field, Stored::Text(start..self.text.len())));
    }

    /// Adds text that is UTF-8.
    pub(super) fn utf8(&mut self, field: Field, text: &str) {
        debug_assert_eq!(field.kind(), Kind::Text);
        let start = self.text.len();
        self.text.extend_from_slice(text.as_bytes());
        self.values
            .push((field, Stored::Text(start..self.text.len())));
    }
}
