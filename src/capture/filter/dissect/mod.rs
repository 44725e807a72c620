//! Says what values a frame has, layer by layer, as tshark 4.0 would.
//!
//! It walks bytes itself instead of using the codecs of `wire/`: a codec refuses a damaged message,
//! while a damaged frame still has the values that stand before the damage. Each layer is a function
//! that returns `None` where the bytes end too early; what it has said until then stays.

mod dhcp;
mod jfreg;
mod link;
mod network;
mod tftp;
mod transport;

use std::net::Ipv4Addr;

use super::field::Field;
use super::fields::Fields;
use jfreg::Streams;
use tftp::Transfers;

/// Dissects the frames of a capture in their order.
///
/// It remembers the TFTP transfers and the streams of the registration protocol that it has seen:
/// memory grows with their number, as in tshark.
#[derive(Debug, Default)]
pub struct Dissector {
    fields: Fields,
    transfers: Transfers,
    streams: Streams,
}

impl Dissector {
    /// A dissector that has seen nothing.
    pub fn new() -> Dissector {
        Dissector::default()
    }

    /// The values of the capture's next frame, which was seen on the link `interface`.
    /// They are there until the next frame.
    pub fn dissect(&mut self, interface: &str, frame: &[u8]) -> &Fields {
        self.fields.clear();
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.fields.number(Field::FrameLen, len);
        self.fields.utf8(Field::FrameInterfaceName, interface);
        link::ethernet(self, frame);
        &self.fields
    }
}

/// Where an IP packet comes from and goes to, for the layers above.
#[derive(Debug, Clone, Copy)]
struct Packet {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    /// An ICMP error quotes the packet.
    quoted: bool,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
