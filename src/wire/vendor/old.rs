//! The oldest form: options 128 to 135, one for each value, with `MITEL IP PHONE` in option 130.
//!
//! Addresses are binary, four bytes each. No document says how wide the numbers of 132 to 134 are: one,
//! two and four bytes are read, highest first.

use std::net::Ipv4Addr;

use super::encode::{EncodeError, check};
use super::text::{APP_PROXY_MAX, CALL_SERVERS_MAX, DSCP_MAX, L2P_MAX, VLAN_MAX, is_name};
use super::{CallServers, Decoded, Defect, Marking, Settings, Severity, Source, WithPort};
use crate::wire::dhcp::Message;

const SW_TFTP: u8 = 128;
const CALL_SRV: u8 = 129;
const MARK: u8 = 130;
const IPA_SRV: u8 = 131;
const VLAN: u8 = 132;
const L2P: u8 = 133;
const DSCP: u8 = 134;
const APP_PROXY: u8 = 135;
const MARK_TEXT: &[u8] = b"MITEL IP PHONE";

/// Reads options 128 to 135 of a message; `None` if it has neither 128 nor 129 nor 130.
///
/// A defect's offset counts from the first byte of the option that its text names.
pub(super) fn decode_old(message: &Message) -> Option<Decoded> {
    let mark = message.option(MARK);
    let (sw_tftp, call_srv) = (message.option(SW_TFTP), message.option(CALL_SRV));
    if sw_tftp.is_none() && call_srv.is_none() && mark.is_none() {
        return None;
    }
    let mut defects = Vec::new();
    if mark.as_deref() != Some(MARK_TEXT) {
        defects.push(Defect {
            offset: 0,
            problem: "option 130 is not `MITEL IP PHONE`".to_owned(),
            mend: "send this text in option 130".to_owned(),
            severity: Severity::Fatal,
        });
    }
    let mut reader = Reader { message, defects };
    let marking = |max| move |value: &[u8]| number(value, u32::from(max)).map(plain);
    let settings = Settings {
        call_srv: reader.take(CALL_SRV, "one to four IPv4 addresses", |value| {
            let list = addresses(value).filter(|list| list.len() <= CALL_SERVERS_MAX);
            list.map(CallServers::Addresses)
        }),
        sw_tftp: reader
            .take(SW_TFTP, "a list of IPv4 addresses", addresses)
            .unwrap_or_default(),
        ipa_srv: reader.take(IPA_SRV, "an IPv4 address", |value| {
            match addresses(value)?[..] {
                [host] => Some(WithPort { host, port: None }),
                _ => None,
            }
        }),
        vlan: reader.take(VLAN, "0 to 4095", |value| {
            number(value, u32::from(VLAN_MAX)).map(|vlan| vlan as u16)
        }),
        l2p: reader.take(L2P, "0 to 7", marking(L2P_MAX)),
        dscp: reader.take(DSCP, "0 to 63", marking(DSCP_MAX)),
        app_proxy: reader.take(APP_PROXY, "a name of at most 40 characters", |value| {
            let name = std::str::from_utf8(value).ok()?;
            let good = name.len() <= APP_PROXY_MAX && is_name(name);
            good.then(|| WithPort {
                host: name.to_owned(),
                port: None,
            })
        }),
    };
    Some(Decoded {
        source: Source::Old,
        text: None,
        tags: Vec::new(),
        settings,
        defects: reader.defects,
    })
}

/// Options 128 to 135 with these values, each with its number, in order.
///
/// # Errors
/// If a value is none that a set takes, or none that these options can say: a name of a call server, a priority by
/// kind of traffic.
pub fn encode_old(settings: &Settings) -> Result<Vec<(u8, Vec<u8>)>, EncodeError> {
    check(settings)?;
    let octets = |list: &[Ipv4Addr]| list.iter().flat_map(Ipv4Addr::octets).collect::<Vec<u8>>();
    let wrong = |tag, wants| EncodeError::Value { tag, wants };
    let plain = |tag, marking: &Option<Marking>| match marking {
        None => Ok(None),
        Some(Marking {
            default,
            voice: None,
            signalling: None,
        }) => Ok(Some(vec![*default])),
        Some(_) => Err(wrong(
            tag,
            "one number for all traffic in options 128 to 135",
        )),
    };
    let call_srv = match &settings.call_srv {
        None => None,
        Some(CallServers::Addresses(list)) => Some(octets(list)),
        Some(CallServers::Name(_)) => {
            return Err(wrong("call_srv", "addresses in options 128 to 135"));
        }
    };
    let sw_tftp = &settings.sw_tftp;
    let ipa_srv = settings.ipa_srv.as_ref();
    let app_proxy = settings.app_proxy.as_ref();
    let values = [
        (SW_TFTP, (!sw_tftp.is_empty()).then(|| octets(sw_tftp))),
        (CALL_SRV, call_srv),
        (MARK, Some(MARK_TEXT.to_vec())),
        (IPA_SRV, ipa_srv.map(|server| server.host.octets().to_vec())),
        (
            VLAN,
            settings
                .vlan
                .map(|vlan| u32::from(vlan).to_be_bytes().to_vec()),
        ),
        (L2P, plain("l2p", &settings.l2p)?),
        (DSCP, plain("dscp", &settings.dscp)?),
        (
            APP_PROXY,
            app_proxy.map(|proxy| proxy.host.clone().into_bytes()),
        ),
    ];
    let given = values.into_iter();
    Ok(given
        .filter_map(|(code, value)| Some((code, value?)))
        .collect())
}

/// Reads one option after the other, and notes what is wrong.
struct Reader<'a> {
    message: &'a Message,
    defects: Vec<Defect>,
}

impl Reader<'_> {
    /// The value of an option; `None` if it is missing, or wrong, which is noted.
    fn take<T>(
        &mut self,
        code: u8,
        wants: &str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let value = read(&self.message.option(code)?);
        if value.is_none() {
            self.defects.push(Defect {
                offset: 0,
                problem: format!("option {code} is not {wants}"),
                mend: format!("send {wants}"),
                severity: Severity::Warning,
            });
        }
        value
    }
}

fn addresses(value: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let (whole, rest) = value.as_chunks::<4>();
    let list = whole.iter().map(|octets| Ipv4Addr::from(*octets)).collect();
    (!whole.is_empty() && rest.is_empty()).then_some(list)
}

fn number(value: &[u8], max: u32) -> Option<u32> {
    if !matches!(value.len(), 1 | 2 | 4) {
        return None;
    }
    let number = value
        .iter()
        .fold(0, |sum: u32, byte| (sum << 8) | u32::from(*byte));
    (number <= max).then_some(number)
}

const fn plain(default: u32) -> Marking {
    Marking {
        default: default as u8, // at most 63
        voice: None,
        signalling: None,
    }
}
