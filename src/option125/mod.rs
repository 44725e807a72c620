//! The sets' configuration in DHCP, as a tool: from hex, text or a capture to what a set makes of it, and from
//! settings to bytes and to lines for DHCP servers.
//!
//! ```text
//! hex, text ──input──▶ Found ──explain──▶ each byte, each defect with its mend, taken or refused
//! capture   ──frames──▶ ┘
//! settings, text ──encode──▶ bytes in each layout ──servers──▶ lines
//! ```
//!
//! What a set takes is decided in `wire::vendor`, here as in the emulated sets.

mod encode;
mod explain;
mod frames;
mod input;
mod servers;

pub use encode::{Encoded, Fields, Refused, encode};
pub use explain::{decode, explain};
pub use frames::{InFrames, in_frames};
pub use input::{InputError, parse};

use crate::wire::vendor::{Decoded, decode_43, decode_125};

/// The option that a value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Vendor-identifying vendor-specific information (RFC 3925).
    Option125,
    /// Vendor-specific information (RFC 2132 section 8.4).
    Option43,
}

impl Code {
    fn number(self) -> u8 {
        match self {
            Code::Option125 => 125,
            Code::Option43 => 43,
        }
    }
}

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where: a frame of a capture; `None` for what was typed.
    pub place: Option<String>,
    pub code: Code,
    pub value: Vec<u8>,
}

impl Found {
    fn decoded(&self) -> Decoded {
        match self.code {
            Code::Option125 => decode_125(&self.value),
            Code::Option43 => decode_43(&self.value),
        }
    }

    /// Whether a set takes it.
    pub fn is_taken(&self) -> bool {
        self.decoded().accept().is_ok()
    }
}

/// Bytes as two digits each, in one word.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as two digits each, with `between` between them.
fn hex_with(bytes: &[u8], between: &str) -> String {
    let each: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    each.join(between)
}

#[cfg(test)]
mod tests;
