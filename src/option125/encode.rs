//! From settings or a text to bytes in each layout, and to lines for DHCP servers.

use super::{hex, servers};
use crate::wire::vendor::{
    Defect, ENTERPRISE, EncodeError, Layout, Severity, VENDOR, parse_text, wrap_43, wrap_125,
};

/// Tags and values as the user gives them, in the order in which they are written.
pub type Fields<'a> = &'a [(&'static str, Option<&'a str>)];

/// Why something is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is nothing to encode: give a text, or a call server and a boot server")]
    Nothing,
    #[error("a text and single values can't both be given")]
    Both,
    #[error("{0}")]
    Defective(Defect),
    #[error("a set wants a call server (`call_srv`) and a boot server (`sw_tftp`)")]
    NoServers,
    #[error("{0}")]
    Encode(#[from] EncodeError),
}

/// A configuration and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub text: String,
    /// The value of option 125 in layout A.
    pub a: Vec<u8>,
    /// In layout B.
    pub b: Vec<u8>,
    /// In layout C, which is defective: sets refuse it.
    pub c: Vec<u8>,
    /// The value of option 43, in a sub-option.
    pub option_43: Vec<u8>,
    sub_option: u8,
}

/// Encodes a text as it is, or the text that single values make.
///
/// # Errors
/// If a set would refuse it, or take no notice of a part of it.
pub fn encode(text: Option<&str>, fields: Fields<'_>, sub_option: u8) -> Result<Encoded, Refused> {
    let given: Vec<String> = (fields.iter())
        .filter_map(|(tag, value)| Some(format!(";{tag}={}", (*value)?)))
        .collect();
    let text = match (text.map(str::trim), given.as_slice()) {
        (None, []) => return Err(Refused::Nothing),
        (Some(_), [_, ..]) => return Err(Refused::Both),
        (Some(text), []) => text.to_owned(),
        (None, given) => format!("id:{VENDOR}{}", given.concat()),
    };
    let (_, settings, defects) = parse_text(&text);
    let bad = |defect: &Defect| defect.severity != Severity::Note;
    if let Some(defect) = defects.into_iter().find(bad) {
        return Err(Refused::Defective(defect));
    }
    if settings.call_srv.is_none() || settings.sw_tftp.is_empty() {
        return Err(Refused::NoServers);
    }
    let layout = Layout::SubOption(sub_option);
    Ok(Encoded {
        a: wrap_125(text.clone(), Layout::Raw)?,
        b: wrap_125(text.clone(), layout)?,
        c: [&ENTERPRISE.to_be_bytes(), text.as_bytes()].concat(),
        option_43: wrap_43(text.clone(), layout)?,
        text,
        sub_option,
    })
}

impl Encoded {
    /// The bytes in each layout, then the lines.
    pub fn shown(&self) -> String {
        let (a, b, c, option_43) = (
            hex(&self.a),
            hex(&self.b),
            hex(&self.c),
            hex(&self.option_43),
        );
        let n = self.sub_option;
        format!(
            "{}\n\n\
             option 125, layout A, the text alone: what most servers send\n  {a}\n\
             option 125, layout B, in sub-option {n} (RFC 3925)\n  {b}\n\
             option 125, layout C, without data-len: defective, a set refuses it\n  {c}\n\
             option 43, in sub-option {n}\n  {option_43}\n\n{}",
            self.text,
            self.lines()
        )
    }

    /// Ready lines for DHCP servers, each under its name.
    fn lines(&self) -> String {
        let sections = [
            ("ISC dhcpd, layout A", self.isc_a()),
            ("ISC dhcpd, layout B", self.isc_b()),
            ("Kea, layout A", self.kea_a()),
            ("Kea, layout B", self.kea_b()),
            ("dnsmasq, layout A", self.dnsmasq_a()),
            ("dnsmasq, layout B", self.dnsmasq_b()),
            ("Windows, netsh, layout A", servers::netsh(&self.a)),
            (
                "Windows, PowerShell, layout A",
                servers::powershell(&self.a),
            ),
            ("Cisco IOS, layout A", servers::cisco(&self.a)),
            ("MikroTik, layout A", servers::mikrotik(&self.a)),
        ];
        let sections = sections.map(|(title, lines)| format!("# {title}\n{lines}"));
        sections.join("\n")
    }

    /// ISC dhcpd's lines for layout A.
    pub fn isc_a(&self) -> String {
        servers::isc(&self.a)
    }

    /// ISC dhcpd's lines for layout B.
    pub fn isc_b(&self) -> String {
        servers::isc(&self.b)
    }

    /// Kea's lines for layout A: members of `Dhcp4`.
    pub fn kea_a(&self) -> String {
        servers::kea_hook(&self.a)
    }

    /// Kea's lines for layout B: members of `Dhcp4`.
    pub fn kea_b(&self) -> String {
        servers::kea_vendor(&self.text, self.sub_option)
    }

    /// dnsmasq's line for layout A.
    pub fn dnsmasq_a(&self) -> String {
        servers::dnsmasq(&self.a)
    }

    /// dnsmasq's line for layout B.
    pub fn dnsmasq_b(&self) -> String {
        servers::dnsmasq(&self.b)
    }
}
