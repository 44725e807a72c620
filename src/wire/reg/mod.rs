//! The registration protocol between a set and an element: messages on TCP port 6800.
//!
//! The protocol is this project's own and open; `docs/registration-protocol.md` describes it byte by byte.
//! The names of the messages follow the vendor's public words; their bytes have nothing to do with any
//! vendor's protocol.
//!
//! A message is a header and fields, in network byte order:
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+---------------+---------------+
//! |      magic 0x4A46, "JF"       |   version 1   |     type      |
//! +-------------------------------+---------------+---------------+
//! |             flags             |            length             |
//! +-------------------------------+-------------------------------+
//! |                           sequence                            |
//! +---------------+---------------+-------------------------------+
//! |  field type   | field length  | value ...                     |
//! ```
//!
//! `length` counts the whole message, header and all. Fields, message types and reasons that a reader
//! does not know are skipped and kept.

mod codec;
mod decoder;
mod fields;
mod reason;

pub use codec::{HEADER_LEN, MESSAGE_LEN_MAX, decode};
pub use decoder::Decoder;
pub use reason::Reason;

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::Mac;

/// The TCP port on which elements listen.
pub const PORT: u16 = 6800;

/// Flag of a Device Registration: the user held `*` during power-up, so a DN that has this MAC lets it go (ST-3).
const FLAG_RESET: u16 = 0x0001;

/// A message with what its header adds, and all that its reader did not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The set counts its messages from 1 on each connection. An element repeats the number of the
    /// message that it answers, and sends 0 where it answers none.
    pub sequence: u32,
    /// Flags other than those that the message itself defines.
    pub flags: u16,
    pub message: Message,
    /// Fields that the message does not define, in their order, after those that it does.
    pub unknown: Vec<UnknownField>,
}

/// A field kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    pub kind: u8,
    /// At most 255 bytes.
    pub value: Vec<u8>,
}

/// What a set and an element say to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Set: I am here. The first message of a connection, and only the first (ST-2).
    DeviceRegistration(DeviceRegistration),
    /// Element: prompt the user for a PIN.
    PinRequest { reason: Reason },
    /// Set: what the user typed at the prompt, possibly nothing.
    PinEntry { pin: String },
    /// Element: keep this PIN across power cycles.
    SavePin { pin: String },
    /// Element: forget the stored PIN.
    ClearPin { reason: Reason },
    /// Element: register there instead; the public name is Redirect Registration Request.
    Redirect { to: Target, dn: String },
    /// Element: registered at this DN; the acknowledgement. Send a heartbeat at this interval, in whole
    /// milliseconds up to 2^32 - 1.
    Registered { dn: String, heartbeat: Duration },
    /// Element: in service.
    CommunicationsUp,
    /// Set: still here.
    Heartbeat,
    /// Element: so am I.
    HeartbeatAnswer,
    /// Element: start over.
    Reset { kind: ResetKind, reason: Reason },
    /// Element: your DN is this one from now on, without a reset (AD-2).
    DnChanged { dn: String },
    /// Either: I don't understand, and close the connection.
    Error { reason: Reason, text: String },
    /// A type that is not in the list. All its fields are in [`Envelope::unknown`].
    Unknown { kind: u8 },
}

/// What a set says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRegistration {
    pub mac: Mac,
    /// The stored PIN; `None` is the null value, on the wire a PIN field of length 0.
    pub pin: Option<String>,
    /// The model, for example `5360`. At most 32 characters.
    pub device_type: String,
    /// The version of the main image. At most 32 characters.
    pub firmware: String,
    /// The set's own address.
    pub address: Ipv4Addr,
    /// The user held `*` during power-up (ST-3).
    pub reset: bool,
    /// How many redirects this attempt has followed so far (CL-8).
    pub redirects: u8,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Address(Ipv4Addr),
    /// A container-based element (CL-9). At most 253 characters.
    Fqdn(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Address(address) => write!(f, "{address}"),
            Target::Fqdn(name) => f.write_str(name),
        }
    }
}

/// How far a set starts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetKind {
    /// Closes the connection and registers again.
    Soft,
    /// Boots as after a power cycle.
    Hard,
    /// Not in the list. A set takes it as hard.
    Other(u8),
}

impl Envelope {
    /// A message without anything unknown.
    pub const fn new(sequence: u32, message: Message) -> Envelope {
        Envelope {
            sequence,
            flags: 0,
            message,
            unknown: Vec::new(),
        }
    }
}

impl Message {
    /// The message's type on the wire.
    pub const fn kind(&self) -> u8 {
        match self {
            Message::DeviceRegistration(_) => 1,
            Message::PinRequest { .. } => 2,
            Message::PinEntry { .. } => 3,
            Message::SavePin { .. } => 4,
            Message::ClearPin { .. } => 5,
            Message::Redirect { .. } => 6,
            Message::Registered { .. } => 7,
            Message::CommunicationsUp => 8,
            Message::Heartbeat => 9,
            Message::HeartbeatAnswer => 10,
            Message::Reset { .. } => 11,
            Message::DnChanged { .. } => 12,
            Message::Error { .. } => 13,
            Message::Unknown { kind } => *kind,
        }
    }

    /// The message's name in the documentation.
    pub const fn name(&self) -> &'static str {
        match self {
            Message::DeviceRegistration(_) => "Device Registration",
            Message::PinRequest { .. } => "PIN Request",
            Message::PinEntry { .. } => "PIN Entry",
            Message::SavePin { .. } => "Save PIN",
            Message::ClearPin { .. } => "Clear PIN",
            Message::Redirect { .. } => "Redirect",
            Message::Registered { .. } => "Registered",
            Message::CommunicationsUp => "Communications Up",
            Message::Heartbeat => "Heartbeat",
            Message::HeartbeatAnswer => "Heartbeat Answer",
            Message::Reset { .. } => "Reset",
            Message::DnChanged { .. } => "DN Changed",
            Message::Error { .. } => "Error",
            Message::Unknown { .. } => "Unknown",
        }
    }
}

impl fmt::Display for Envelope {
    /// One line: `Save PIN, seq 1, pin ***6000`. The alternate form (`{:#}`) leaves the number out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.name())?;
        if !f.alternate() {
            write!(f, ", seq {}", self.sequence)?;
        }
        self.message.details(f)?;
        if self.flags != 0 {
            write!(f, ", flags 0x{:04x}", self.flags)?;
        }
        for field in &self.unknown {
            write!(f, ", field {} ({} bytes)", field.kind, field.value.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Message {
    /// One line: `Save PIN, pin ***6000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.details(f)
    }
}

impl Message {
    /// The tail of a line: each part after a comma.
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::DeviceRegistration(device) => write!(f, "{device}")?,
            Message::PinRequest { reason } | Message::ClearPin { reason } => {
                write!(f, ", reason {reason}")?;
            }
            Message::PinEntry { pin } if pin.is_empty() => f.write_str(", pin empty")?,
            Message::PinEntry { pin } | Message::SavePin { pin } => write!(f, ", pin {pin}")?,
            Message::Redirect { to, dn } => write!(f, ", to {to}, dn {dn}")?,
            Message::Registered { dn, heartbeat } => {
                write!(f, ", dn {dn}, heartbeat {} ms", heartbeat.as_millis())?;
            }
            Message::CommunicationsUp | Message::Heartbeat | Message::HeartbeatAnswer => {}
            Message::Reset { kind, reason } => match kind {
                ResetKind::Soft => write!(f, ", soft, reason {reason}")?,
                ResetKind::Hard => write!(f, ", hard, reason {reason}")?,
                ResetKind::Other(code) => write!(f, ", kind {code}, reason {reason}")?,
            },
            Message::DnChanged { dn } => write!(f, ", dn {dn}")?,
            Message::Error { reason, text } => write!(f, ", reason {reason}, text {text:?}")?,
            Message::Unknown { kind } => write!(f, ", type {kind}")?,
        }
        Ok(())
    }
}

impl fmt::Display for DeviceRegistration {
    /// The tail of a line: each part after a comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            ", mac {}, pin {}, type {}, firmware {}, address {}, redirects {}",
            self.mac,
            self.pin.as_deref().unwrap_or("null"),
            self.device_type,
            self.firmware,
            self.address,
            self.redirects
        )?;
        if self.reset {
            f.write_str(", reset")
        } else {
            Ok(())
        }
    }
}
