//! Options 125 and 43 in the DHCP messages of a capture.
//!
//! Checksums are not looked at: a capture of a sender's own frames often has none yet.

use std::net::Ipv4Addr;

use super::{Code, Found};
use crate::capture::{ReadError, each_ipv4};
use crate::wire::dhcp::{BOOTREPLY, Message, MessageType, code};

/// UDP's number in IPv4 (RFC 790).
const UDP: u8 = 17;
/// The ports of server and client (RFC 2131 section 4.1).
const PORTS: [u16; 2] = [67, 68];

/// What a capture has.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct InFrames {
    pub found: Vec<Found>,
    /// DHCP messages that were read, with and without these options.
    pub messages: usize,
}

/// Every option 125 and 43 of a capture file, in the order of its frames.
///
/// # Errors
/// If the file is damaged.
pub fn in_frames(bytes: &[u8]) -> Result<InFrames, ReadError> {
    let mut all = InFrames::default();
    each_ipv4(bytes, |number, packet| {
        let Some((from, message)) = dhcp_of(packet) else {
            return;
        };
        all.messages += 1;
        for (option, code) in [
            (code::VENDOR_IDENTIFYING, Code::Option125),
            (code::VENDOR_SPECIFIC, Code::Option43),
        ] {
            if let Some(value) = message.option(option) {
                all.found.push(Found {
                    place: Some(format!("frame {number}, {}", words(&message, from))),
                    code,
                    value: value.into_owned(),
                });
            }
        }
    })?;
    Ok(all)
}

/// The sender and the message, if a packet is DHCP.
fn dhcp_of(packet: &[u8]) -> Option<(Ipv4Addr, Message)> {
    let first = packet.first()?;
    if first >> 4 != 4 || *packet.get(9)? != UDP {
        return None;
    }
    // A later fragment has no ports.
    if u16::from_be_bytes(*packet.get(6..)?.first_chunk()?) & 0x1fff != 0 {
        return None;
    }
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?);
    let datagram = packet.get(usize::from(first & 0x0f) * 4..)?;
    let (&[a, b, c, d, ..], payload) = datagram.split_first_chunk::<8>()?;
    let ports = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    if !ports.iter().any(|port| PORTS.contains(port)) {
        return None;
    }
    Some((from, Message::decode(payload).ok()?))
}

/// `OFFER of 10.1.0.2 for 08:00:0f:00:00:01`.
fn words(message: &Message, from: Ipv4Addr) -> String {
    let kind = match message.message_type() {
        Ok(MessageType::Discover) => "DISCOVER",
        Ok(MessageType::Offer) => "OFFER",
        Ok(MessageType::Request) => "REQUEST",
        Ok(MessageType::Decline) => "DECLINE",
        Ok(MessageType::Ack) => "ACK",
        Ok(MessageType::Nak) => "NAK",
        Ok(MessageType::Release) => "RELEASE",
        Ok(MessageType::Inform) => "INFORM",
        Ok(MessageType::Other(_)) | Err(_) => "message",
    };
    let mac = message.mac();
    if message.op == BOOTREPLY {
        format!("{kind} of {from} for {mac}")
    } else {
        format!("{kind} of {mac}")
    }
}
