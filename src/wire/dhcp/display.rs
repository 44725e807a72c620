//! A DHCP message as one line, in the manner of tcpdump.

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

use super::{BOOTREPLY, BOOTREQUEST, Message, MessageType, code};

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MessageType::Discover => "Discover",
            MessageType::Offer => "Offer",
            MessageType::Request => "Request",
            MessageType::Decline => "Decline",
            MessageType::Ack => "ACK",
            MessageType::Nak => "NAK",
            MessageType::Release => "Release",
            MessageType::Inform => "Inform",
            MessageType::Other(value) => return write!(f, "type {value}"),
        })
    }
}

impl fmt::Display for Message {
    /// `DHCP Offer, xid 0x1, client 08:00:0f:00:00:01, your 10.1.0.50, options 53 Offer, 54 10.1.0.2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message_type(), self.op) {
            (Ok(kind), _) => write!(f, "DHCP {kind}")?,
            (Err(_), BOOTREQUEST) => f.write_str("BOOTP request")?,
            (Err(_), BOOTREPLY) => f.write_str("BOOTP reply")?,
            (Err(_), op) => write!(f, "BOOTP op {op}")?,
        }
        write!(f, ", xid 0x{:x}", self.xid)?;
        if self.hops != 0 {
            write!(f, ", hops {}", self.hops)?;
        }
        if self.secs != 0 {
            write!(f, ", secs {}", self.secs)?;
        }
        if self.wants_broadcast() {
            f.write_str(", broadcast")?;
        }
        if (self.htype, self.hlen) == (1, 6) {
            write!(f, ", client {}", self.mac())?;
        } else {
            write!(f, ", client type {} ", self.htype)?;
            hex(f, &self.chaddr[..usize::from(self.hlen).min(16)])?;
        }
        for (name, address) in [
            ("has", self.ciaddr),
            ("your", self.yiaddr),
            ("next", self.siaddr),
            ("relay", self.giaddr),
        ] {
            if !address.is_unspecified() {
                write!(f, ", {name} {address}")?;
            }
        }
        let mut before = ", options ";
        for (code, data) in self.all_options() {
            f.write_str(before)?;
            option(f, code, data)?;
            before = ", ";
        }
        if let Some(defect) = self.defect {
            write!(f, " [{defect}]")?;
        }
        Ok(())
    }
}

fn option(f: &mut fmt::Formatter<'_>, code: u8, data: &[u8]) -> fmt::Result {
    write!(f, "{code}")?;
    if data.is_empty() {
        return f.write_str(" empty");
    }
    match (code, data) {
        (code::MESSAGE_TYPE, [value]) => write!(f, " {}", MessageType::from_u8(*value)),
        (code::LEASE_TIME | code::RENEWAL_TIME | code::REBINDING_TIME, [a, b, c, d]) => {
            write!(f, " {} s", u32::from_be_bytes([*a, *b, *c, *d]))
        }
        (
            code::SUBNET_MASK
            | code::ROUTER
            | code::NAME_SERVER
            | code::REQUESTED_ADDRESS
            | code::SERVER_IDENTIFIER,
            data,
        ) if data.len() % 4 == 0 => data.as_chunks::<4>().0.iter().try_for_each(|octets| {
            f.write_char(' ')?;
            write!(f, "{}", Ipv4Addr::from(*octets))
        }),
        (code::PARAMETER_REQUEST_LIST, list) => {
            list.iter().try_for_each(|code| write!(f, " {code}"))
        }
        (_, data) if data.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            f.write_str(" \"")?;
            data.iter()
                .try_for_each(|byte| f.write_char(char::from(*byte)))?;
            f.write_char('"')
        }
        (_, data) => {
            f.write_char(' ')?;
            hex(f, data)
        }
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
