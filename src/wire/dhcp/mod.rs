//! DHCP messages (RFC 2131, options RFC 2132): a codec that keeps what it reads.
//!
//! ```text
//!   0                   1                   2                   3
//!   +---------------+---------------+---------------+---------------+
//!   |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |
//!   +---------------+---------------+---------------+---------------+
//!   |                            xid (4)                            |
//!   +-------------------------------+-------------------------------+
//!   |           secs (2)            |           flags (2)           |
//!   +-------------------------------+-------------------------------+
//!   |      ciaddr (4), yiaddr (4), siaddr (4), giaddr (4)           |
//!   +---------------------------------------------------------------+
//!   |          chaddr (16), sname (64), file (128)                  |
//!   +---------------------------------------------------------------+
//!   |      magic cookie 63 82 53 63 (4), options (variable)         |
//!   +---------------------------------------------------------------+
//! ```
//!
//! Options stay in the order they came in, duplicates, empty ones and unknown codes included
//! ([`Options`]). A defective option list does not lose the message: what was read before the defect is
//! kept, and [`Message::defect`] says what is wrong and where. `encode` writes well-formed messages only;
//! a test that wants to send nonsense patches the bytes.
//!
//! Not here: what the options of the sets mean (`wire/vendor`).

mod display;
mod options;

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Duration;

pub use options::{OptionError, Options};

use super::{DecodeError, Mac};

/// UDP port of servers and relays (RFC 2131 section 4.1).
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients (RFC 2131 section 4.1).
pub const CLIENT_PORT: u16 = 68;

/// `op` of messages from clients (RFC 2131 table 1).
pub const BOOTREQUEST: u8 = 1;
/// `op` of messages from servers (RFC 2131 table 1).
pub const BOOTREPLY: u8 = 2;
/// The bit of `flags` that asks for a broadcast answer (RFC 2131 figure 2).
pub const BROADCAST_FLAG: u16 = 0x8000;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const SNAME_AT: usize = 44;
const FILE_AT: usize = 108;
const COOKIE_AT: usize = 236;
const OPTIONS_AT: usize = 240;
/// The smallest BOOTP message (RFC 951 section 3, RFC 1542 section 2.1): relays may drop shorter ones.
const ENCODED_MIN: usize = 300;

/// Option codes that this program names (RFC 2132 unless said otherwise).
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const NAME_SERVER: u8 = 6;
    pub const VENDOR_SPECIFIC: u8 = 43;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_IDENTIFIER: u8 = 54;
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_MESSAGE_SIZE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const VENDOR_CLASS: u8 = 60;
    pub const CLIENT_IDENTIFIER: u8 = 61;
    /// RFC 4039.
    pub const RAPID_COMMIT: u8 = 80;
    /// RFC 3046.
    pub const RELAY_AGENT: u8 = 82;
    /// RFC 3925.
    pub const VENDOR_IDENTIFYING: u8 = 125;
    pub const END: u8 = 255;
}

/// What a message is (option 53, RFC 2132 section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageType {
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
    Inform,
    /// A later kind, for example FORCERENEW (RFC 3203).
    Other(u8),
}

impl MessageType {
    /// The kind with this number.
    pub const fn from_u8(value: u8) -> MessageType {
        match value {
            1 => MessageType::Discover,
            2 => MessageType::Offer,
            3 => MessageType::Request,
            4 => MessageType::Decline,
            5 => MessageType::Ack,
            6 => MessageType::Nak,
            7 => MessageType::Release,
            8 => MessageType::Inform,
            other => MessageType::Other(other),
        }
    }

    /// The number of this kind.
    pub const fn as_u8(self) -> u8 {
        match self {
            MessageType::Discover => 1,
            MessageType::Offer => 2,
            MessageType::Request => 3,
            MessageType::Decline => 4,
            MessageType::Ack => 5,
            MessageType::Nak => 6,
            MessageType::Release => 7,
            MessageType::Inform => 8,
            MessageType::Other(other) => other,
        }
    }
}

/// A DHCP message. The fields are those of RFC 2131 figure 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub op: u8,
    pub htype: u8,
    pub hlen: u8,
    pub hops: u8,
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    pub flags: u16,
    pub ciaddr: Ipv4Addr,
    pub yiaddr: Ipv4Addr,
    pub siaddr: Ipv4Addr,
    pub giaddr: Ipv4Addr,
    pub chaddr: [u8; 16],
    /// As on the wire, even if option 52 says that it holds options.
    pub sname: [u8; 64],
    /// As on the wire, even if option 52 says that it holds options.
    pub file: [u8; 128],
    /// The options field.
    pub options: Options,
    /// The options found in `file`, then `sname`; `encode` writes those fields as they are.
    overloaded: Options,
    /// What is wrong with an option list, if anything; the options before it were read.
    pub defect: Option<DecodeError>,
}

impl Message {
    /// A message of an Ethernet client, all else zero, no options.
    pub fn new(op: u8, mac: Mac, xid: u32) -> Message {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&mac.0);
        Message {
            op,
            htype: 1, // Ethernet (RFC 1700)
            hlen: 6,
            hops: 0,
            xid,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
            sname: [0; 64],
            file: [0; 128],
            options: Options::default(),
            overloaded: Options::default(),
            defect: None,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// If the fixed part is cut short or the magic cookie is missing. A defect in the options is no
    /// error: it is in [`Message::defect`].
    pub fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
        let fail = |offset, problem| DecodeError::new("dhcp", offset, problem);
        if bytes.len() < OPTIONS_AT {
            return Err(fail(bytes.len(), "message ends before its options"));
        }
        if bytes[COOKIE_AT..OPTIONS_AT] != COOKIE {
            return Err(fail(COOKIE_AT, "magic cookie is missing"));
        }
        let address =
            |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        let (options, mut defect) = Options::decode(&bytes[OPTIONS_AT..], OPTIONS_AT);
        let mut message = Message {
            op: bytes[0],
            htype: bytes[1],
            hlen: bytes[2],
            hops: bytes[3],
            xid: u32::from_be_bytes(array(&bytes[4..8])),
            secs: u16::from_be_bytes(array(&bytes[8..10])),
            flags: u16::from_be_bytes(array(&bytes[10..12])),
            ciaddr: address(12),
            yiaddr: address(16),
            siaddr: address(20),
            giaddr: address(24),
            chaddr: array(&bytes[28..SNAME_AT]),
            sname: array(&bytes[SNAME_AT..FILE_AT]),
            file: array(&bytes[FILE_AT..COOKIE_AT]),
            options,
            overloaded: Options::default(),
            defect: None,
        };
        // RFC 2132 section 9.3: 1 = file, 2 = sname, 3 = both; RFC 2131 section 4.1: options, file, sname.
        let overload = message.options.get(code::OVERLOAD);
        let overload = overload.and_then(|data| data.first().copied()).unwrap_or(0);
        for (bit, field, at) in [
            (1, &message.file[..], FILE_AT),
            (2, &message.sname[..], SNAME_AT),
        ] {
            if overload & bit != 0 {
                let (more, wrong) = Options::decode(field, at);
                message.overloaded.append(&more);
                defect = defect.or(wrong);
            }
        }
        message.defect = defect;
        Ok(message)
    }

    /// The bytes of the message, always with an end option, always padded to the 300 bytes that BOOTP
    /// asks for: relays may drop shorter messages, and no receiver minds the padding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity((OPTIONS_AT + self.options.wire_len() + 1).max(ENCODED_MIN));
        bytes.extend([self.op, self.htype, self.hlen, self.hops]);
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.chaddr);
        bytes.extend(self.sname);
        bytes.extend(self.file);
        bytes.extend(COOKIE);
        self.options.encode(&mut bytes);
        bytes.push(code::END);
        if bytes.len() < ENCODED_MIN {
            bytes.resize(ENCODED_MIN, code::PAD);
        }
        bytes
    }

    /// The bytes of the message with `last` behind its options, in at most `max` bytes.
    ///
    /// What does not fit into the options field goes into `file` and `sname` if they are empty (option 52, RFC 2132
    /// section 9.3), the parts of a long option in order (RFC 3396 section 5). What fits nowhere is left out, last
    /// of all `last`, which stays in the options field: that is where a relay looks for its own (RFC 3046
    /// section 2.1).
    pub fn encode_within(&mut self, max: usize, last: &Options) -> Vec<u8> {
        let end = 1;
        let fits = OPTIONS_AT + self.options.wire_len() + last.wire_len() + end <= max;
        if !fits {
            self.spread(max.saturating_sub(OPTIONS_AT + last.wire_len() + end));
        }
        self.options.append(last);
        self.encode()
    }

    /// Leaves `room` bytes of options in the options field, and moves the others to `file` and `sname`.
    fn spread(&mut self, room: usize) {
        const OVERLOAD_LEN: usize = 3;
        let is_free = |field: &[u8]| field.iter().all(|byte| *byte == 0);
        let of = |field: &[u8]| if is_free(field) { field.len() - 1 } else { 0 };
        let mut rooms = [
            room.saturating_sub(OVERLOAD_LEN),
            of(&self.file),
            of(&self.sname),
        ];
        let mut fields: [Options; 3] = Default::default();
        let mut field_of: [usize; 256] = [0; 256];
        for (code, data) in self.options.iter() {
            let len = 2 + data.len();
            let from = field_of[usize::from(code)];
            let place = (from..rooms.len()).find(|place| len <= rooms[*place]);
            field_of[usize::from(code)] = place.unwrap_or(rooms.len());
            if let Some(place) = place {
                rooms[place] -= len;
                fields[place].push(code, data);
            }
        }
        // An option that is not whole says something else than it should.
        for code in 0..=u8::MAX {
            if field_of[usize::from(code)] == rooms.len() {
                fields.iter_mut().for_each(|field| field.remove(code));
            }
        }
        let [mut options, file, sname] = fields;
        let overload = u8::from(!file.is_empty()) + 2 * u8::from(!sname.is_empty());
        if overload != 0 {
            options.push(code::OVERLOAD, &[overload]);
            overload_field(&mut self.file, &file);
            overload_field(&mut self.sname, &sname);
        }
        self.options = options;
    }

    /// Every option in the order of RFC 2131 section 4.1: options field, `file`, `sname`.
    pub fn all_options(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.options.iter().chain(self.overloaded.iter())
    }

    /// The value of an option; if it came in several parts, these joined in order (RFC 3396 section 7).
    pub fn option(&self, code: u8) -> Option<Cow<'_, [u8]>> {
        options::joined(self.all_options(), code)
    }

    /// The hardware address of an Ethernet client.
    pub fn mac(&self) -> Mac {
        Mac(array(&self.chaddr[..6]))
    }

    /// Whether the client asks for a broadcast answer.
    pub const fn wants_broadcast(&self) -> bool {
        self.flags & BROADCAST_FLAG != 0
    }

    /// What the message is.
    ///
    /// # Errors
    /// If option 53 is missing (plain BOOTP) or not one byte.
    pub fn message_type(&self) -> Result<MessageType, OptionError> {
        let [value] = self.fixed(code::MESSAGE_TYPE)?;
        Ok(MessageType::from_u8(value))
    }

    /// An option that holds one IPv4 address, such as 54 (server identifier) or 50 (requested address).
    ///
    /// # Errors
    /// If the option is missing or not four bytes long.
    pub fn address(&self, code: u8) -> Result<Ipv4Addr, OptionError> {
        Ok(Ipv4Addr::from(self.fixed::<4>(code)?))
    }

    /// An option that holds one or more IPv4 addresses, such as 3 (routers) or 6 (name servers).
    ///
    /// # Errors
    /// If the option is missing, empty, or not a whole number of addresses.
    pub fn addresses(&self, code: u8) -> Result<Vec<Ipv4Addr>, OptionError> {
        let data = self.option(code).ok_or(OptionError::Missing { code })?;
        let (whole, rest) = data.as_chunks::<4>();
        if whole.is_empty() || !rest.is_empty() {
            return Err(OptionError::Length {
                code,
                length: data.len(),
                wants: "4, 8, 12 or so on",
            });
        }
        Ok(whole.iter().map(|octets| Ipv4Addr::from(*octets)).collect())
    }

    /// An option that holds a time in whole seconds, such as 51 (lease), 58 (T1) or 59 (T2).
    ///
    /// Infinity (0xffffffff, RFC 2131 section 3.3) is read as what it says: 136 years.
    ///
    /// # Errors
    /// If the option is missing or not four bytes long.
    pub fn duration(&self, code: u8) -> Result<Duration, OptionError> {
        let secs = u32::from_be_bytes(self.fixed::<4>(code)?);
        Ok(Duration::from_secs(secs.into()))
    }

    /// The length of the prefix that option 1 (subnet mask) gives, 0 to 32.
    ///
    /// # Errors
    /// If the option is missing, not four bytes long, or has a one after a zero.
    pub fn prefix_len(&self) -> Result<u8, OptionError> {
        let mask = u32::from_be_bytes(self.fixed::<4>(code::SUBNET_MASK)?);
        let ones = mask.leading_ones();
        if mask.count_ones() != ones {
            return Err(OptionError::Value {
                code: code::SUBNET_MASK,
                problem: "has a one after a zero",
            });
        }
        Ok(ones as u8)
    }

    fn fixed<const N: usize>(&self, code: u8) -> Result<[u8; N], OptionError> {
        let data = self.option(code).ok_or(OptionError::Missing { code })?;
        data.as_ref().try_into().map_err(|_| OptionError::Length {
            code,
            length: data.len(),
            wants: if N == 1 { "1" } else { "4" },
        })
    }
}

/// Writes options into a field that has room for them and the end option; leaves the field alone if there are none.
fn overload_field(field: &mut [u8], options: &Options) {
    if options.is_empty() {
        return;
    }
    let mut bytes = Vec::with_capacity(field.len());
    options.encode(&mut bytes);
    bytes.push(code::END);
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = from;
    }
}

/// The first `N` bytes of a slice that is at least that long; zeros behind a shorter one.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    let len = bytes.len().min(N);
    array[..len].copy_from_slice(&bytes[..len]);
    array
}

#[cfg(test)]
mod tests;
