//! TFTP (RFC 1350, RFC 2347).
//!
//! A transfer begins with a request to a well-known port; the server answers from a port of its own.
//! So what a datagram between two other ports is depends on the requests before it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Dissector, Packet, u16_at};
use crate::capture::filter::field::Field;

pub(super) const PORT: u16 = 69;
/// The port on which elements serve TFTP.
pub(super) const PORT_ALSO: u16 = 20001;

/// The transfers that were seen.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Client, its port, server: the server has not yet answered.
    asked: BTreeSet<(Ipv4Addr, u16, Ipv4Addr)>,
    /// Client, its port, server, its port.
    running: BTreeSet<(Ipv4Addr, u16, Ipv4Addr, u16)>,
}

/// Whether a datagram belongs to a transfer that was seen. Learns the server's port from its first answer.
pub(super) fn continues(dissector: &mut Dissector, packet: Packet, src: u16, dst: u16) -> bool {
    let transfers = &mut dissector.transfers;
    let Packet { src: a, dst: b, .. } = packet;
    if transfers.asked.remove(&(b, dst, a)) {
        transfers.running.insert((b, dst, a, src));
        return true;
    }
    transfers.running.contains(&(b, dst, a, src))
        || transfers.running.contains(&(a, src, b, dst))
        || transfers.asked.contains(&(a, src, b))
}

pub(super) fn message(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
    const READ: u16 = 1;
    const DATA: u16 = 3;
    const ACK: u16 = 4;
    const ERROR: u16 = 5;

    let fields = &mut dissector.fields;
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
