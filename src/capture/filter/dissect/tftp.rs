//! TFTP (RFC 1350, RFC 2347).
//!
//! A transfer begins with a request to a well-known port; the server answers from a port of its own.
//! So what a datagram between two other ports is depends on the requests before it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Dissector, Packet, u16_at};
use crate::capture::filter::field::Field;

pub(super) const PORT: u16 = 69;
/// The port on which elements serve TFTP.
pub(super) const PORT_ALSO: u16 = 20001;

/// The transfers that were seen: by client, its port and server, the port that the request went to.
#[derive(Debug, Default)]
pub(super) struct Transfers(BTreeMap<(Ipv4Addr, u16, Ipv4Addr), u16>);

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;

/// Whether a datagram is a request or belongs to a transfer that was seen. Learns from it.
pub(super) fn belongs(
    dissector: &mut Dissector,
    packet: Packet,
    src: u16,
    dst: u16,
    payload: &[u8],
) -> bool {
    let Transfers(transfers) = &mut dissector.transfers;
    let Packet { src: a, dst: b, .. } = packet;
    // What the client sends to where its request went belongs there by its port alone, if at all.
    let known = transfers.contains_key(&(b, dst, a))
        || transfers.get(&(a, src, b)).is_some_and(|asked| *asked != dst);
    let well_known = matches!(dst, PORT | PORT_ALSO);
    let opcode = u16_at(payload, 0);
    // tshark takes what reads like a request for one on any port, whatever its opcode is.
    let begins = is_request_body(payload)
        && (!known || well_known && matches!(opcode, Some(READ | WRITE)));
    if begins {
        transfers.insert((a, src, b), dst);
    }
    known || begins
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

pub(super) fn message(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
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
