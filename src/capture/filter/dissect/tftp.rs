//! TFTP (RFC 1350, RFC 2347).
//!
//! A transfer begins with a request to a well-known port; the server answers from a port of its own.
//! So what a datagram between two other ports is depends on the requests before it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Dissector, Packet, u16_at};
use crate::capture::filter::field::Field;
use crate::capture::filter::fields::Fields;

/// The port of RFC 1350, and the one on which elements serve TFTP.
pub(super) const PORTS: [u16; 2] = [69, 20001];

/// The transfers that were seen: by client, its port and server, the port that the request went to.
#[derive(Debug, Default)]
pub(super) struct Transfers(BTreeMap<(Ipv4Addr, u16, Ipv4Addr), u16>);

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;

/// Whether a datagram belongs to a transfer that was seen.
pub(super) fn is_of_transfer(dissector: &Dissector, packet: Packet, src: u16, dst: u16) -> bool {
    let Transfers(transfers) = &dissector.transfers;
    // What the client sends to where its request went belongs there by its port, if at all.
    transfers.contains_key(&(packet.dst, dst, packet.src))
        || transfers
            .get(&(packet.src, src, packet.dst))
            .is_some_and(|asked| *asked != dst)
}

/// A datagram that is of a transfer, or of a well-known port.
pub(super) fn datagram(
    dissector: &mut Dissector,
    packet: Packet,
    src: u16,
    dst: u16,
    payload: &[u8],
) -> Option<()> {
    let request = matches!(u16_at(payload, 0), Some(READ | WRITE)) && is_request_body(payload);
    if request && PORTS.contains(&dst) {
        dissector.learn(packet, src, dst);
    }
    message(&mut dissector.fields, payload)
}

/// Any other datagram: tshark takes what reads like a request for one, whatever its opcode is.
pub(super) fn guess(
    dissector: &mut Dissector,
    packet: Packet,
    src: u16,
    dst: u16,
    payload: &[u8],
) -> Option<()> {
    if !is_request_body(payload) {
        return None;
    }
    dissector.learn(packet, src, dst);
    message(&mut dissector.fields, payload)
}

impl Dissector {
    fn learn(&mut self, packet: Packet, src: u16, dst: u16) {
        let Transfers(transfers) = &mut self.transfers;
        transfers.insert((packet.src, src, packet.dst), dst);
    }
}

/// Whether a name, a mode and pairs of option and value follow the opcode, all printable.
fn is_request_body(payload: &[u8]) -> bool {
    let Some((_, body)) = payload.split_at_checked(2) else {
        return false;
    };
    let printable = |byte: &u8| matches!(byte, 0 | b' '..=b'~');
    let ends = body.iter().filter(|byte| **byte == 0).count();
    if ends == 0 || ends % 2 != 0 || !body.iter().all(printable) {
        return false;
    }
    let mode = body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    ["netascii", "octet", "mail"]
        .iter()
        .any(|known| mode.eq_ignore_ascii_case(known.as_bytes()))
}

fn message(fields: &mut Fields, bytes: &[u8]) -> Option<()> {
    fields.protocol(Field::Tftp);
    let opcode = u16_at(bytes, 0)?;
    fields.number(Field::TftpOpcode, opcode.into());
    match opcode {
        READ => fields.ascii(Field::TftpSourceFile, terminated(&bytes[2..])?),
        DATA | ACK => fields.number(Field::TftpBlock, u16_at(bytes, 2)?.into()),
        ERROR => {
            fields.number(Field::TftpErrorCode, u16_at(bytes, 2)?.into());
            fields.ascii(Field::TftpErrorMessage, terminated(&bytes[4..])?);
        }
        _ => {}
    }
    Some(())
}

/// The bytes before the first NUL.
fn terminated(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some(&bytes[..end])
}
