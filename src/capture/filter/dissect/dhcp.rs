//! DHCP messages (RFC 2131, RFC 2132).

use super::{Dissector, array_at, u32_at};
use crate::capture::filter::field::Field;
use crate::capture::filter::fields::Fields;

/// The server's and the client's.
pub(super) const PORTS: [u16; 2] = [67, 68];

/// Hardware types whose addresses are MAC addresses.
const HARDWARE_ETHERNET: u8 = 1;
const HARDWARE_IEEE_802: u8 = 6;

pub(super) fn message(dissector: &mut Dissector, bytes: &[u8]) -> Option<()> {
    const REQUEST: u8 = 1;
    const COOKIE: u32 = 0x6382_5363;
    const HARDWARE_ADDRESS_AT: usize = 28;
    const OPTIONS_AT: usize = 240;

    let fields = &mut dissector.fields;
    let [op, hardware, hardware_len] = array_at(bytes, 0)?;
    if op == REQUEST {
        // tshark reads the address for its summary before it says anything.
        bytes.get(HARDWARE_ADDRESS_AT..HARDWARE_ADDRESS_AT + usize::from(hardware_len))?;
    }
    fields.protocol(Field::Dhcp);
    fields.number(Field::DhcpType, op.into());
    fields.number(Field::DhcpId, u32_at(bytes, 4)?);
    fields.ipv4(Field::DhcpIpClient, array_at(bytes, 12)?);
    fields.ipv4(Field::DhcpIpYour, array_at(bytes, 16)?);
    fields.ipv4(Field::DhcpIpServer, array_at(bytes, 20)?);
    fields.ipv4(Field::DhcpIpRelay, array_at(bytes, 24)?);
    if hardware_len == 6 && matches!(hardware, HARDWARE_ETHERNET | HARDWARE_IEEE_802) {
        fields.mac(Field::DhcpHwMacAddr, array_at(bytes, HARDWARE_ADDRESS_AT)?);
    }
    if u32_at(bytes, OPTIONS_AT - 4)? != COOKIE {
        return None;
    }
    options(fields, bytes, &bytes[OPTIONS_AT..], false)
}

/// RFC 2132, sections 2 and 3. `overload` says that these stand in the message's `sname` or `file`.
fn options(fields: &mut Fields, message: &[u8], area: &[u8], overload: bool) -> Option<()> {
    const PAD: u8 = 0;
    const END: u8 = 255;
    /// tshark gives this code to the end option, and one to each run of pads.
    const PAD_OR_END: u32 = 0;

    let mut rest = area;
    while let Some(&code) = rest.first() {
        if code == PAD || code == END {
            fields.number(Field::DhcpOptionType, PAD_OR_END);
            if code == END {
                break;
            }
            let pads = rest.iter().take_while(|byte| **byte == PAD).count();
            rest = &rest[pads..];
            continue;
        }
        let Some(&len) = rest.get(1) else {
            break;
        };
        fields.number(Field::DhcpOptionType, code.into());
        let Some((value, behind)) = rest[2..].split_at_checked(len.into()) else {
            break;
        };
        option(fields, message, code, value, overload)?;
        rest = behind;
    }
    Some(())
}

fn option(
    fields: &mut Fields,
    message: &[u8],
    code: u8,
    value: &[u8],
    overload: bool,
) -> Option<()> {
    const REQUESTED_ADDRESS: u8 = 50;
    const LEASE_TIME: u8 = 51;
    const OVERLOAD: u8 = 52;
    const MESSAGE_TYPE: u8 = 53;
    const SERVER_ID: u8 = 54;
    const VENDOR_CLASS: u8 = 60;
    const CLIENT_ID: u8 = 61;

    match (code, value) {
        (REQUESTED_ADDRESS, &[a, b, c, d]) => {
            fields.ipv4(Field::DhcpOptionRequestedIpAddress, [a, b, c, d]);
        }
        (LEASE_TIME, &[a, b, c, d]) => {
            let seconds = u32::from_be_bytes([a, b, c, d]);
            fields.number(Field::DhcpOptionIpAddressLeaseTime, seconds);
        }
        (OVERLOAD, &[which, ..]) if !overload => overloaded(fields, message, which)?,
        // A message without a type in it is where tshark gives up.
        (MESSAGE_TYPE, value) => {
            fields.number(Field::DhcpOptionDhcp, (*value.first()?).into());
        }
        (SERVER_ID, &[a, b, c, d]) => fields.ipv4(Field::DhcpOptionDhcpServerId, [a, b, c, d]),
        (VENDOR_CLASS, value) => fields.ascii(Field::DhcpOptionVendorClassId, value),
        (CLIENT_ID, &[HARDWARE_ETHERNET | HARDWARE_IEEE_802, ref mac @ ..]) if mac.len() == 6 => {
            fields.mac(Field::DhcpHwMacAddr, array_at(mac, 0)?);
        }
        _ => {}
    }
    Some(())
}

/// RFC 2132, section 9.3: options that stand in `sname` and `file`. tshark reads them where it meets option 52.
fn overloaded(fields: &mut Fields, message: &[u8], which: u8) -> Option<()> {
    const FILE: u8 = 1;
    const SNAME: u8 = 2;
    const BOTH: u8 = 3;

    if matches!(which, SNAME | BOTH) {
        options(fields, message, message.get(44..108)?, true)?;
    }
    if matches!(which, FILE | BOTH) {
        options(fields, message, message.get(108..236)?, true)?;
    }
    Some(())
}
