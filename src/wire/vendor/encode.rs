//! Writes a configuration: the text, and the options around it.

use std::fmt;

use super::text::{APP_PROXY_MAX, CALL_SERVERS_MAX, DSCP_MAX, L2P_MAX, VLAN_MAX, is_name};
use super::{
    CallServers, ENTERPRISE, Layout, Marking, Settings, TEXT_43_RAW_MAX, TEXT_43_SUB_MAX,
    TEXT_125_MAX, VENDOR,
};

/// Why a configuration can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("`{tag}` must be {wants}")]
    Value {
        tag: &'static str,
        wants: &'static str,
    },
    #[error("text is {length} bytes long, at most {max} are allowed")]
    TooLong { length: usize, max: usize },
}

impl fmt::Display for CallServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallServers::Addresses(list) => f.write_str(&joined(list)),
            CallServers::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Marking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.default)?;
        if let Some(voice) = self.voice {
            write!(f, "v{voice}")?;
        }
        match self.signalling {
            Some(signalling) => write!(f, "s{signalling}"),
            None => Ok(()),
        }
    }
}

/// The text: `id:ipphone.mitel.com;sw_tftp=…;call_srv=…` and so on, without a `;` at the end.
///
/// # Errors
/// If a value is none that a set takes.
pub(super) fn encode_text(settings: &Settings) -> Result<String, EncodeError> {
    check(settings)?;
    let mut text = format!("id:{VENDOR}");
    let mut push = |tag: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(";{tag}={value}"));
        }
    };
    let with_port = |host: String, port: Option<u16>| match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    let sw_tftp = &settings.sw_tftp;
    push("sw_tftp", (!sw_tftp.is_empty()).then(|| joined(sw_tftp)));
    push(
        "call_srv",
        settings.call_srv.as_ref().map(CallServers::to_string),
    );
    let ipa_srv = settings.ipa_srv.as_ref();
    push(
        "ipa_srv",
        ipa_srv.map(|server| with_port(server.host.to_string(), server.port)),
    );
    push("vlan", settings.vlan.map(|vlan| vlan.to_string()));
    push("l2p", settings.l2p.map(|l2p| l2p.to_string()));
    push("dscp", settings.dscp.map(|dscp| dscp.to_string()));
    let app_proxy = settings.app_proxy.as_ref();
    push(
        "app_proxy",
        app_proxy.map(|proxy| with_port(proxy.host.clone(), proxy.port)),
    );
    Ok(text)
}

/// The value of option 125, in layout A ([`Layout::Raw`]) or B.
///
/// # Errors
/// If a value is none that a set takes, or the text is longer than 250 bytes.
pub fn encode_125(settings: &Settings, layout: Layout) -> Result<Vec<u8>, EncodeError> {
    wrap_125(encode_text(settings)?, layout)
}

/// The value of option 125 with a text as it is.
///
/// # Errors
/// If the text is longer than 250 bytes.
pub fn wrap_125(text: String, layout: Layout) -> Result<Vec<u8>, EncodeError> {
    let data = in_layout(limited(text, TEXT_125_MAX)?, layout);
    let mut value = ENTERPRISE.to_be_bytes().to_vec();
    value.push(data.len() as u8); // at most 250 and two
    value.extend(data);
    Ok(value)
}

/// The value of option 43.
///
/// # Errors
/// If a value is none that a set takes, or the text is longer than 255 bytes, 253 in a sub-option.
pub fn encode_43(settings: &Settings, layout: Layout) -> Result<Vec<u8>, EncodeError> {
    wrap_43(encode_text(settings)?, layout)
}

/// The value of option 43 with a text as it is.
///
/// # Errors
/// If the text is longer than 255 bytes, 253 in a sub-option.
pub fn wrap_43(text: String, layout: Layout) -> Result<Vec<u8>, EncodeError> {
    let max = match layout {
        Layout::Raw => TEXT_43_RAW_MAX,
        Layout::SubOption(_) => TEXT_43_SUB_MAX,
    };
    Ok(in_layout(limited(text, max)?, layout))
}

fn in_layout(text: String, layout: Layout) -> Vec<u8> {
    match layout {
        Layout::Raw => text.into_bytes(),
        Layout::SubOption(number) => {
            let mut data = vec![number, text.len() as u8]; // at most 253
            data.extend(text.into_bytes());
            data
        }
    }
}

fn limited(text: String, max: usize) -> Result<String, EncodeError> {
    let length = text.len();
    if length > max {
        return Err(EncodeError::TooLong { length, max });
    }
    Ok(text)
}

pub(super) fn check(settings: &Settings) -> Result<(), EncodeError> {
    let require = |good: bool, tag, wants| {
        if good {
            Ok(())
        } else {
            Err(EncodeError::Value { tag, wants })
        }
    };
    let servers = match &settings.call_srv {
        None => true,
        Some(CallServers::Addresses(list)) => (1..=CALL_SERVERS_MAX).contains(&list.len()),
        Some(CallServers::Name(name)) => is_name(name),
    };
    require(
        servers,
        "call_srv",
        "one to four IPv4 addresses, or a fully qualified name",
    )?;
    let vlan = settings.vlan.is_none_or(|vlan| vlan <= VLAN_MAX);
    require(vlan, "vlan", "0 to 4095")?;
    let within = |marking: Option<Marking>, max| {
        let mut each = marking.into_iter().flat_map(|marking| {
            [Some(marking.default), marking.voice, marking.signalling]
                .into_iter()
                .flatten()
        });
        each.all(|value| value <= max)
    };
    require(within(settings.l2p, L2P_MAX), "l2p", "0 to 7")?;
    require(within(settings.dscp, DSCP_MAX), "dscp", "0 to 63")?;
    let proxy = settings.app_proxy.as_ref().is_none_or(|proxy| {
        let port = proxy.port.map_or(0, |port| format!(":{port}").len());
        is_name(&proxy.host) && proxy.host.len() + port <= APP_PROXY_MAX
    });
    require(
        proxy,
        "app_proxy",
        "a name of at most 40 characters, port included",
    )
}

fn joined(list: &[std::net::Ipv4Addr]) -> String {
    let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
    texts.join(",")
}
