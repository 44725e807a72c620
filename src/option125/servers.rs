//! Lines for DHCP servers that make them send an option as it is.

use super::{hex, hex_with};
use crate::wire::vendor::ENTERPRISE;

/// ISC dhcpd has a definition of option 125 of its own, which knows no raw text: another name for the same code.
pub(super) fn isc(value: &[u8]) -> String {
    let bytes = hex_with(value, ":");
    format!("option mitel-125 code 125 = string;\noption mitel-125 {bytes};\n")
}

/// Kea parses what it is given for option 125, and refuses a raw text. Its hook for flexible options does not. The
/// path is Debian's.
pub(super) fn kea_hook(value: &[u8]) -> String {
    let bytes = hex(value);
    format!(
        r#""hooks-libraries": [ {{
  "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_flex_option.so",
  "parameters": {{ "options": [ {{ "code": 125, "csv-format": false, "add": "0x{bytes}" }} ] }}
}} ]
"#
    )
}

/// A vendor option of RFC 3925, as Kea knows them. As bytes: commas in a text would divide it.
pub(super) fn kea_vendor(text: &str, sub_option: u8) -> String {
    let bytes = hex(text.as_bytes());
    format!(
        r#""option-def": [ {{
  "space": "vendor-{ENTERPRISE}", "code": {sub_option}, "name": "configuration", "type": "string"
}} ],
"option-data": [
  {{ "name": "vivso-suboptions", "data": "{ENTERPRISE}", "always-send": true }},
  {{ "space": "vendor-{ENTERPRISE}", "code": {sub_option}, "csv-format": false, "always-send": true,
    "data": "{bytes}" }}
]
"#
    )
}

/// `force`: also to a client that does not ask for it.
pub(super) fn dnsmasq(value: &[u8]) -> String {
    format!("dhcp-option-force=125,{}\n", hex_with(value, ":"))
}

/// For the whole server; `scope 10.1.0.0` before `set` is for one scope.
pub(super) fn netsh(value: &[u8]) -> String {
    let bytes = hex(value);
    format!(
        "netsh dhcp server add optiondef 125 \"Mitel option 125\" Binary 0\n\
         netsh dhcp server set optionvalue 125 Binary {bytes}\n"
    )
}

/// For the whole server; `-ScopeId 10.1.0.0` is for one scope.
pub(super) fn powershell(value: &[u8]) -> String {
    let bytes = hex_with(value, ",0x");
    format!(
        "Add-DhcpServerv4OptionDefinition -OptionId 125 -Name 'Mitel option 125' -Type BinaryData\n\
         Set-DhcpServerv4OptionValue -OptionId 125 -Value 0x{bytes}\n"
    )
}

/// In the pool's own configuration mode.
pub(super) fn cisco(value: &[u8]) -> String {
    format!("ip dhcp pool PHONES\n option 125 hex {}\n", hex(value))
}

/// RouterOS takes bytes behind `0x`; the option is then given to the networks.
pub(super) fn mikrotik(value: &[u8]) -> String {
    format!(
        "/ip dhcp-server option add name=mitel-125 code=125 value=0x{}\n\
         /ip dhcp-server network set [find] dhcp-option=mitel-125\n",
        hex(value)
    )
}
