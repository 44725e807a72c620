//! IPv4 and ICMP, with the packets that ICMP errors quote.

use super::{Dissector, Packet, array_at, transport, u16_at};
use crate::capture::filter::field::Field;

const PROTO_ICMP: u8 = 1;
const PROTO_TCP: u8 = 6;
const PROTO_UDP: u8 = 17;

/// Quotes within quotes that are followed: a bound on recursion.
const QUOTES_MAX: u8 = 32;

/// RFC 791. Nothing is said of what is in fragments: they are not put together.
pub(super) fn ipv4(dissector: &mut Dissector, bytes: &[u8], quoted: u8) -> Option<()> {
    const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

    let first = *bytes.first()?;
    if first >> 4 != 4 {
        return None;
    }
    let fields = &mut dissector.fields;
    fields.protocol(Field::Ip);
    let header_len = usize::from(first & 0x0f) * 4;
    if header_len < 20 {
        return None;
    }
    fields.number(Field::IpDsfield, (*bytes.get(1)?).into());
    let len = u16_at(bytes, 2)?;
    fields.number(Field::IpLen, len.into());
    if usize::from(len) < header_len {
        return None;
    }
    let bytes = &bytes[..bytes.len().min(len.into())];
    fields.number(Field::IpId, u16_at(bytes, 4)?.into());
    let fragment = u16_at(bytes, 6)? & MORE_FRAGMENTS_OR_OFFSET;
    fields.number(Field::IpTtl, (*bytes.get(8)?).into());
    let proto = *bytes.get(9)?;
    fields.number(Field::IpProto, proto.into());
    let src: [u8; 4] = array_at(bytes, 12)?;
    fields.ipv4(Field::IpSrc, src);
    let dst: [u8; 4] = array_at(bytes, 16)?;
    fields.ipv4(Field::IpDst, dst);

    let payload = bytes.get(header_len..)?;
    let packet = Packet {
        src: src.into(),
        dst: dst.into(),
        quoted,
    };
    match proto {
        _ if fragment != 0 => None,
        PROTO_ICMP => icmp(dissector, payload, quoted),
        PROTO_TCP => transport::tcp(dissector, payload, packet, usize::from(len) - header_len),
        PROTO_UDP => transport::udp(dissector, payload, packet),
        _ => None,
    }
}

/// RFC 792. Errors quote the header and the first bytes of the packet that they speak of.
fn icmp(dissector: &mut Dissector, bytes: &[u8], quoted: u8) -> Option<()> {
    const UNREACHABLE: u8 = 3;
    const SOURCE_QUENCH: u8 = 4;
    const REDIRECT: u8 = 5;
    const TIME_EXCEEDED: u8 = 11;
    const PARAMETER_PROBLEM: u8 = 12;

    let fields = &mut dissector.fields;
    fields.protocol(Field::Icmp);
    let kind = *bytes.first()?;
    fields.number(Field::IcmpType, kind.into());
    fields.number(Field::IcmpCode, (*bytes.get(1)?).into());
    match kind {
        UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM
            if quoted < QUOTES_MAX =>
        {
            ipv4(dissector, bytes.get(8..)?, quoted + 1)
        }
        _ => None,
    }
}
