//! DHCP messages (RFC 2131, RFC 2132).

use super::{Dissector, array_at, u16_at, u32_at};
use crate::capture::filter::field::Field;
use crate::capture::filter::fields::Fields;

pub(super) const PORT_SERVER: u16 = 67;
pub(super) const PORT_CLIENT: u16 = 68;

const PAD: u8 = 0;
const OVERLOAD: u8 = 52;
const END: u8 = 255;

pub(super) fn message(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
    const COOKIE: u32 = 0x6382_5363;
    const OPTIONS_AT: usize = 240;

    let fields = &mut dissector.fields;
    fields.protocol(Field::Dhcp);
    fields.number(Field::DhcpType, (*bytes.first()?).into());
    let hardware = *bytes.get(1)?;
    let hardware_len = *bytes.get(2)?;
    fields.number(Field::DhcpId, u32_at(bytes, 4)?);
    u16_at(bytes, 10)?;
    fields.ipv4(Field::DhcpIpClient, array_at(bytes, 12)?);
    fields.ipv4(Field::DhcpIpYour, array_at(bytes, 16)?);
    fields.ipv4(Field::DhcpIpServer, array_at(bytes, 20)?);
    fields.ipv4(Field::DhcpIpRelay, array_at(bytes, 24)?);
    if hardware == 1 && hardware_len == 6 {
        fields.mac(Field::DhcpHwMacAddr, array_at(bytes, 28)?);
    }
    if u32_at(bytes, 236)? != COOKIE {
        return None;
    }
    options(fields, &bytes[OPTIONS_AT..])
}

fn options(fields: &mut Fields, bytes: &[u8]) -> Option<()> {
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes[at];
        fields.number(Field::DhcpOptionType, code.into());
        match code {
            PAD => at += 1,
            END => return Some(()),
            _ => {
                let len = usize::from(*bytes.get(at + 1)?);
                let value = bytes.get(at + 2..at + 2 + len)?;
                option(fields, code, value);
                at += 2 + len;
            }
        }
    }
    Some(())
}

fn option(fields: &mut Fields, code: u8, value: &[u8]) {
    const REQUESTED_ADDRESS: u8 = 50;
    const LEASE_TIME: u8 = 51;
    const MESSAGE_TYPE: u8 = 53;
    const SERVER_ID: u8 = 54;
    const VENDOR_CLASS: u8 = 60;

    let _ = OVERLOAD;
    match (code, value) {
        (REQUESTED_ADDRESS, &[a, b, c, d]) => {
            fields.ipv4(Field::DhcpOptionRequestedIpAddress, [a, b, c, d]);
        }
        (LEASE_TIME, &[a, b, c, d]) => {
            let seconds = u32::from_be_bytes([a, b, c, d]);
            fields.number(Field::DhcpOptionIpAddressLeaseTime, seconds);
        }
        (MESSAGE_TYPE, &[kind, ..]) => fields.number(Field::DhcpOptionDhcp, kind.into()),
        (SERVER_ID, &[a, b, c, d]) => fields.ipv4(Field::DhcpOptionDhcpServerId, [a, b, c, d]),
        (VENDOR_CLASS, value) => fields.ascii(Field::DhcpOptionVendorClassId, value),
        _ => {}
    }
}
