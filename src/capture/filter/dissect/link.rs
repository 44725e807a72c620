//! Ethernet, VLAN tags and ARP.

use super::{Dissector, array_at, network, u16_at};
use crate::capture::filter::field::Field;

const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const TYPE_VLAN: u16 = 0x8100;

/// The least number that is a type and not the length of an 802.3 frame (IEEE 802.3, 3.2.6).
const TYPE_MIN: u16 = 0x0600;

/// Tags within tags; tshark stops at some depth too.
const TAGS_MAX: usize = 16;

pub(super) fn ethernet(dissector: &mut Dissector, frame: &[u8]) -> Option<()> {
    let fields = &mut dissector.fields;
    fields.protocol(Field::Eth);
    let dst = array_at(frame, 0)?;
    let src = array_at(frame, 6)?;
    fields.mac(Field::EthDst, dst);
    fields.mac(Field::EthSrc, src);
    let kind = u16_at(frame, 12)?;
    if kind < TYPE_MIN {
        return None;
    }
    fields.number(Field::EthType, kind.into());
    payload(dissector, kind, &frame[14..], 0)
}

fn payload(dissector: &mut Dissector, kind: u16, bytes: &[u8], tags: usize) -> Option<()> {
    match kind {
        TYPE_IPV4 => network::ipv4(dissector, bytes, 0),
        TYPE_ARP => arp(dissector, bytes),
        TYPE_VLAN if tags < TAGS_MAX => vlan(dissector, bytes, tags + 1),
        _ => None,
    }
}

/// A tag control field of 3 bits priority, 1 bit, 12 bits VLAN, then the type of what follows (IEEE 802.1Q, 9.6).
fn vlan(dissector: &mut Dissector, bytes: &[u8], tags: usize) -> Option<()> {
    let fields = &mut dissector.fields;
    fields.protocol(Field::Vlan);
    let control = u16_at(bytes, 0)?;
    fields.number(Field::VlanPriority, (control >> 13).into());
    fields.number(Field::VlanId, (control & 0x0fff).into());
    let kind = u16_at(bytes, 2)?;
    if kind < TYPE_MIN {
        return None;
    }
    fields.number(Field::VlanEtype, kind.into());
    payload(dissector, kind, &bytes[4..], tags)
}

/// RFC 826. Addresses are named by their kind only where they are of Ethernet and IPv4.
fn arp(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
    const HARDWARE_ETHERNET: u16 = 1;
    const REQUEST: u16 = 1;
    const REPLY: u16 = 2;

    let hardware = u16_at(bytes, 0)?;
    let protocol = u16_at(bytes, 2)?;
    let hardware_len = usize::from(*bytes.get(4)?);
    let protocol_len = usize::from(*bytes.get(5)?);
    let opcode = u16_at(bytes, 6)?;
    let src_protocol_at = 8 + hardware_len;
    let dst_hardware_at = src_protocol_at + protocol_len;
    let dst_protocol_at = dst_hardware_at + hardware_len;

    let mut gratuitous = false;
    if matches!(opcode, REQUEST | REPLY) {
        // tshark looks at all addresses of these before it says anything.
        let src = bytes.get(src_protocol_at..dst_hardware_at)?;
        let dst = bytes.get(dst_protocol_at..dst_protocol_at + protocol_len)?;
        gratuitous = src == dst;
    }
    let fields = &mut dissector.fields;
    fields.protocol(Field::Arp);
    fields.number(Field::ArpOpcode, opcode.into());
    if gratuitous {
        fields.number(Field::ArpIsGratuitous, 1);
    }
    let is_mac = hardware == HARDWARE_ETHERNET && hardware_len == 6;
    let is_ipv4 = protocol == TYPE_IPV4 && protocol_len == 4;
    let mut mac = |field, at| {
        let found = array_at(bytes, at).filter(|_| is_mac);
        if let Some(mac) = found {
            fields.mac(field, mac);
        }
    };
    mac(Field::ArpSrcHwMac, 8);
    mac(Field::ArpDstHwMac, dst_hardware_at);
    let mut ipv4 = |field, at| {
        let found = array_at(bytes, at).filter(|_| is_ipv4);
        if let Some(address) = found {
            fields.ipv4(field, address);
        }
    };
    ipv4(Field::ArpSrcProtoIpv4, src_protocol_at);
    ipv4(Field::ArpDstProtoIpv4, dst_protocol_at);
    Some(())
}
