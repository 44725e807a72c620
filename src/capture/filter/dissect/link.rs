//! Ethernet, VLAN tags, ARP and LLDP.

use super::{Dissector, array_at, network, u16_at};
use crate::capture::filter::field::Field;

const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const TYPE_VLAN: u16 = 0x8100;
const TYPE_LLDP: u16 = 0x88cc;

/// Tags within tags; tshark stops at some depth too.
const TAGS_MAX: usize = 16;

pub(super) fn ethernet(dissector: &mut Dissector, frame: &[u8]) -> Option<()> {
    let fields = &mut dissector.fields;
    let kind = u16_at(frame, 12)?;
    fields.protocol(Field::Eth);
    fields.mac(Field::EthDst, array_at(frame, 0)?);
    fields.mac(Field::EthSrc, array_at(frame, 6)?);
    if is_length(kind) {
        return None;
    }
    fields.number(Field::EthType, kind.into());
    payload(dissector, kind, &frame[14..], 0)
}

fn payload(dissector: &mut Dissector, kind: u16, bytes: &[u8], tags: usize) -> Option<()> {
    match kind {
        TYPE_IPV4 => network::ipv4(dissector, bytes, 0),
        TYPE_ARP => arp(dissector, bytes),
        TYPE_LLDP => lldp(dissector, bytes),
        TYPE_VLAN if tags < TAGS_MAX => vlan(dissector, bytes, tags + 1),
        _ => None,
    }
}

/// A tag control field of 3 bits priority, 1 bit, 12 bits VLAN, then the type of what follows (IEEE 802.1Q, 9.6).
fn vlan(dissector: &mut Dissector, bytes: &[u8], tags: usize) -> Option<()> {
    let fields = &mut dissector.fields;
    let control = u16_at(bytes, 0)?;
    fields.protocol(Field::Vlan);
    fields.number(Field::VlanPriority, (control >> 13).into());
    fields.number(Field::VlanId, (control & 0x0fff).into());
    let kind = u16_at(bytes, 2)?;
    if is_length(kind) {
        return None;
    }
    fields.number(Field::VlanEtype, kind.into());
    payload(dissector, kind, &bytes[4..], tags)
}

/// Whether a number is the length of an 802.3 frame and not a type (IEEE 802.3, 3.2.6). tshark takes 0
/// for a type.
fn is_length(kind: u16) -> bool {
    (1..0x0600).contains(&kind)
}

/// RFC 826. Addresses are named by their kind only where they are of Ethernet and IPv4, and none is
/// named unless all are there.
fn arp(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
    const HARDWARE_ETHERNET: u16 = 1;
    const HARDWARE_IEEE_802: u16 = 6;
    const REQUEST: u16 = 1;
    const REPLY: u16 = 2;

    let fields = &mut dissector.fields;
    let hardware = u16_at(bytes, 0)?;
    fields.protocol(Field::Arp);
    let protocol = u16_at(bytes, 2)?;
    let hardware_len = usize::from(*bytes.get(4)?);
    let protocol_len = usize::from(*bytes.get(5)?);
    let opcode = u16_at(bytes, 6)?;
    fields.number(Field::ArpOpcode, opcode.into());

    let (src_hardware, rest) = bytes[8..].split_at_checked(hardware_len)?;
    let (src_protocol, rest) = rest.split_at_checked(protocol_len)?;
    let (dst_hardware, rest) = rest.split_at_checked(hardware_len)?;
    let (dst_protocol, _) = rest.split_at_checked(protocol_len)?;
    if matches!(opcode, REQUEST | REPLY) && src_protocol == dst_protocol {
        fields.number(Field::ArpIsGratuitous, 1);
    }
    if matches!(hardware, HARDWARE_ETHERNET | HARDWARE_IEEE_802) && hardware_len == 6 {
        fields.mac(Field::ArpSrcHwMac, array_at(src_hardware, 0)?);
        fields.mac(Field::ArpDstHwMac, array_at(dst_hardware, 0)?);
    }
    if protocol == TYPE_IPV4 && protocol_len == 4 {
        fields.ipv4(Field::ArpSrcProtoIpv4, array_at(src_protocol, 0)?);
        fields.ipv4(Field::ArpDstProtoIpv4, array_at(dst_protocol, 0)?);
    }
    Some(())
}

/// IEEE 802.1AB and ANSI/TIA-1057. An element has values when it is whole.
fn lldp(dissector: &mut Dissector, mut bytes: &[u8]) -> Option<()> {
    const END: u16 = 0;
    const TIME_TO_LIVE: u16 = 3;
    const SYSTEM_NAME: u16 = 5;
    const ORGANIZATION: u16 = 127;
    const TIA_POLICY: [u8; 4] = [0x00, 0x12, 0xbb, 2];

    let fields = &mut dissector.fields;
    fields.protocol(Field::Lldp);
    loop {
        let head = u16_at(bytes, 0)?;
        let (kind, len) = (head >> 9, usize::from(head & 0x1ff));
        let (value, rest) = bytes[2..].split_at_checked(len)?;
        fields.number(Field::LldpTlvType, kind.into());
        match kind {
            END => return Some(()),
            TIME_TO_LIVE => fields.number(Field::LldpTimeToLive, u16_at(value, 0)?.into()),
            SYSTEM_NAME => fields.ascii(Field::LldpTlvSystemName, value),
            ORGANIZATION if value.starts_with(&TIA_POLICY) => {
                let [application, a, b, c] = array_at(value, 4)?;
                let bits = u32::from_be_bytes([0, a, b, c]);
                fields.number(Field::LldpMediaAppType, application.into());
                fields.number(Field::LldpMediaTagFlag, bits >> 22 & 1);
                fields.number(Field::LldpMediaVlanId, bits >> 9 & 0xfff);
                fields.number(Field::LldpMediaL2Prio, bits >> 6 & 7);
                fields.number(Field::LldpMediaDscp, bits & 0x3f);
            }
            _ => {}
        }
        bytes = rest;
    }
}
