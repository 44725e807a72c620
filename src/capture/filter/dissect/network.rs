//! IPv4 and ICMP, with the packets that ICMP errors quote.

use super::{Dissector, Packet, array_at, transport, u16_at};
use crate::capture::filter::field::Field;

const PROTO_ICMP: u8 = 1;
const PROTO_TCP: u8 = 6;
const PROTO_UDP: u8 = 17;

/// Quotes within quotes that are followed: a bound on recursion.
const QUOTES_MAX: u8 = 32;

/// RFC 791. Fragments are not put together. Nothing is said of what is in them, but for the first one
/// where it was cut short, as a quote is.
pub(super) fn ipv4(dissector: &mut Dissector, bytes: &[u8], quoted: u8) -> Option<()> {
    const MORE_FRAGMENTS: u16 = 0x2000;
    const FRAGMENT_OFFSET: u16 = 0x1fff;
    const HEADER_LEN_MIN: usize = 20;

    let fields = &mut dissector.fields;
    let first = *bytes.first()?;
    fields.protocol(Field::Ip);
    let header_len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_len < HEADER_LEN_MIN {
        return None;
    }
    fields.number(Field::IpDsfield, (*bytes.get(1)?).into());
    let len = match u16_at(bytes, 2)? {
        // Left to the network card to fill in; tshark takes what is there.
        0 => u16::try_from(bytes.len()).ok()?,
        len => len,
    };
    fields.number(Field::IpLen, len.into());
    let len = usize::from(len);
    if len < header_len {
        return None;
    }
    let whole = bytes.len() >= len;
    let bytes = &bytes[..bytes.len().min(len)];
    fields.number(Field::IpId, u16_at(bytes, 4)?.into());
    let fragment = u16_at(bytes, 6)?;
    fields.number(Field::IpTtl, (*bytes.get(8)?).into());
    let proto = *bytes.get(9)?;
    fields.number(Field::IpProto, proto.into());
    let src: [u8; 4] = array_at(bytes, 12)?;
    fields.ipv4(Field::IpSrc, src);
    // tshark looks for a source route among the options before it names the destination.
    let (header, payload) = bytes.split_at_checked(header_len)?;
    let dst: [u8; 4] = array_at(header, 16)?;
    fields.ipv4(Field::IpDst, dst);

    if fragment & FRAGMENT_OFFSET != 0 || fragment & MORE_FRAGMENTS != 0 && whole {
        return None;
    }
    let packet = Packet {
        src: src.into(),
        dst: dst.into(),
        quoted: quoted > 0,
    };
    match proto {
        PROTO_ICMP => icmp(dissector, payload, quoted),
        PROTO_TCP => transport::tcp(dissector, payload, packet),
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
    // tshark reads up to the length of RFC 4884 before it says anything.
    let (header, quote) = (bytes.get(..6)?, bytes.get(8..));
    fields.protocol(Field::Icmp);
    fields.number(Field::IcmpType, header[0].into());
    fields.number(Field::IcmpCode, header[1].into());
    match header[0] {
        _ if quoted == QUOTES_MAX => None,
        UNREACHABLE | SOURCE_QUENCH | TIME_EXCEEDED | PARAMETER_PROBLEM => {
            ipv4(dissector, quote?, quoted + 1)
        }
        REDIRECT => {
            // Of these tshark shows eight bytes after the header and no more.
            let quote = quote?;
            let header_len = usize::from(quote.first()? & 0x0f) * 4;
            ipv4(
                dissector,
                &quote[..quote.len().min(header_len + 8)],
                quoted + 1,
            )
        }
        _ => None,
    }
}
