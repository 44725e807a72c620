//! UDP and TCP, and which protocol of ours they carry.

use super::{Dissector, Packet, dhcp, jfreg, tftp, u16_at, u32_at};
use crate::capture::filter::field::Field;

/// RFC 768.
pub(super) fn udp(dissector: &mut Dissector, bytes: &[u8], packet: Packet) -> Option<()> {
    const HEADER_LEN: usize = 8;

    let fields = &mut dissector.fields;
    let src = u16_at(bytes, 0)?;
    let dst = u16_at(bytes, 2)?;
    fields.protocol(Field::Udp);
    fields.number(Field::UdpSrcport, src.into());
    fields.number(Field::UdpDstport, dst.into());
    let len = u16_at(bytes, 4)?;
    fields.number(Field::UdpLength, len.into());
    let len = usize::from(len).min(bytes.len());
    let payload = bytes.get(HEADER_LEN..len)?;

    if payload.is_empty() {
        return None;
    }
    let transfer = tftp::is_of_transfer(dissector, packet, src, dst);
    // As tshark: a transfer that was seen comes first, then the lower port, then the higher.
    let port = [src.min(dst), src.max(dst)]
        .into_iter()
        .find(|port| dhcp::PORTS.contains(port) || tftp::PORTS.contains(port));
    match port {
        Some(port) if !transfer && dhcp::PORTS.contains(&port) => dhcp::message(dissector, payload),
        _ if transfer || port.is_some() => tftp::datagram(dissector, packet, src, dst, payload),
        _ => tftp::guess(dissector, packet, src, dst, payload),
    }
}

/// RFC 9293, section 3.1.
pub(super) fn tcp(dissector: &mut Dissector, bytes: &[u8], packet: Packet) -> Option<()> {
    const FIN: u16 = 0x01;
    const SYN: u16 = 0x02;
    const RESET: u16 = 0x04;
    const PUSH: u16 = 0x08;
    const ACK: u16 = 0x10;
    const FLAGS: u16 = 0x0fff;
    const HEADER_LEN_MIN: usize = 20;

    let fields = &mut dissector.fields;
    let src = u16_at(bytes, 0)?;
    let dst = u16_at(bytes, 2)?;
    fields.protocol(Field::Tcp);
    fields.number(Field::TcpSrcport, src.into());
    fields.number(Field::TcpDstport, dst.into());
    let control = u16_at(bytes, 12)?;
    let header_len = usize::from(control >> 12) * 4;
    // tshark reads the window too before it goes on.
    u16_at(bytes, 14)?;
    let payload = bytes.get(header_len..).filter(|_| !packet.quoted);
    if let Some(payload) = payload {
        fields.number(Field::TcpLen, u32::try_from(payload.len()).ok()?);
    }
    if header_len < HEADER_LEN_MIN {
        return None;
    }
    let flags = control & FLAGS;
    let flag = |bit| u32::from(flags & bit != 0);
    fields.number(Field::TcpFlags, flags.into());
    fields.number(Field::TcpFlagsAck, flag(ACK));
    fields.number(Field::TcpFlagsPush, flag(PUSH));
    fields.number(Field::TcpFlagsReset, flag(RESET));
    fields.number(Field::TcpFlagsSyn, flag(SYN));
    fields.number(Field::TcpFlagsFin, flag(FIN));
    let payload = payload?;
    let segment = jfreg::Segment {
        src,
        dst,
        sequence: u32_at(bytes, 4)?,
        syn: flags & SYN != 0,
        payload,
    };
    jfreg::segment(dissector, packet, segment);
    Some(())
}
