//! The table of a subnet's DHCP.

use std::net::Ipv4Addr;
use std::time::Duration;

use toml::de::DeValue;

use super::fields::{Fields, entries};
use super::value::{Item, any_text, boolean, list, number, of, one_or_more, text};
use super::{At, keys};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::units::{self, Wrong};
use crate::wire::vendor::{self, Marking};

#[derive(Debug)]
pub(crate) struct Dhcp {
    pub(crate) server: Option<At<Ipv4Addr>>,
    pub(crate) pool: Option<At<(Ipv4Addr, Ipv4Addr)>>,
    pub(crate) lease: Option<At<Duration>>,
    pub(crate) renew: Option<At<Duration>>,
    pub(crate) rebind: Option<At<Duration>>,
    /// Addresses, or names of DNS servers.
    pub(crate) name_servers: Vec<At<String>>,
    pub(crate) authoritative: Option<At<bool>>,
    pub(crate) told: ClientOptions,
    pub(crate) reserve: Vec<(At<String>, At<Ipv4Addr>)>,
    /// By client identifier.
    pub(crate) reserve_client_id: Vec<(Vec<u8>, At<Ipv4Addr>)>,
    pub(crate) probe: Option<At<Duration>>,
    pub(crate) rapid_commit: Option<At<bool>>,
    pub(crate) classes: Vec<At<Class>>,
}

/// Clients that get something else, by their option 60.
#[derive(Debug)]
pub(crate) struct Class {
    /// Their option 60.
    pub(crate) name: Option<At<String>>,
    pub(crate) pool: Option<At<(Ipv4Addr, Ipv4Addr)>>,
    pub(crate) told: ClientOptions,
}

/// What clients are told besides their address.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    /// Names, addresses or FQDNs.
    pub(crate) call_srv: Option<At<Vec<At<String>>>>,
    pub(crate) sw_tftp: Option<At<Vec<At<String>>>>,
    pub(crate) vlan: Option<At<u16>>,
    pub(crate) l2p: Option<At<Marking>>,
    pub(crate) dscp: Option<At<Marking>>,
    pub(crate) layout: Option<At<Layout>>,
    pub(crate) option_60: Option<At<String>>,
    pub(crate) options: Vec<(At<u8>, Vec<u8>)>,
}

impl ClientOptions {
    /// Whether there is anything to tell the sets.
    pub(crate) fn has_settings(&self) -> bool {
        let servers = self.call_srv.is_some() || self.sw_tftp.is_some();
        servers || self.vlan.is_some() || self.l2p.is_some() || self.dscp.is_some()
    }
}

/// Which option the sets' configuration stands in, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Option125(vendor::Layout),
    Option43(vendor::Layout),
    /// Options 128 to 135.
    Old,
}

impl Layout {
    /// What most servers send.
    pub(crate) const DEFAULT: Layout = Layout::Option125(vendor::Layout::Raw);
}

pub(super) fn dhcp(item: &Item<'_>, problems: &mut Problems) -> Option<Dhcp> {
    let mut fields = Fields::of(item, &keys::DHCP, problems)?;
    let name_servers = fields.optional("name-servers", problems, one_or_more(text));
    let reserve_client_id = fields.optional("reserve-client-id", problems, client_reservations);
    let classes = fields.optional("class", problems, list(class));
    let reserve = fields.optional("reserve", problems, reservations);
    Some(Dhcp {
        server: fields.optional("server", problems, of(units::address)),
        pool: fields.optional("pool", problems, of(units::address_range)),
        lease: fields.optional("lease", problems, of(units::duration)),
        renew: fields.optional("renew", problems, of(units::duration)),
        rebind: fields.optional("rebind", problems, of(units::duration)),
        name_servers: name_servers.map(|list| list.value).unwrap_or_default(),
        authoritative: fields.optional("authoritative", problems, boolean),
        told: told(&mut fields, problems),
        reserve_client_id: reserve_client_id.map(|it| it.value).unwrap_or_default(),
        probe: fields.optional("probe", problems, of(units::duration)),
        rapid_commit: fields.optional("rapid-commit", problems, boolean),
        classes: classes.map(|classes| classes.value).unwrap_or_default(),
        reserve: reserve.map(|reserve| reserve.value).unwrap_or_default(),
    })
}

fn class(item: &Item<'_>, problems: &mut Problems) -> Option<Class> {
    let mut fields = Fields::of(item, &keys::CLASS, problems)?;
    Some(Class {
        name: fields.required("name", problems, text),
        pool: fields.optional("pool", problems, of(units::address_range)),
        told: told(&mut fields, problems),
    })
}

fn told<'t>(fields: &mut Fields<'_, 't>, problems: &mut Problems) -> ClientOptions {
    let options = fields.optional("options", problems, raw_options);
    ClientOptions {
        call_srv: fields.optional("call_srv", problems, one_or_more(text)),
        sw_tftp: fields.optional("sw_tftp", problems, one_or_more(text)),
        vlan: fields.optional("vlan", problems, number(0, 4095)),
        l2p: fields.optional("l2p", problems, marking("l2p", 7)),
        dscp: fields.optional("dscp", problems, marking("dscp", 63)),
        layout: fields.optional("layout", problems, of(layout)),
        option_60: fields.optional("option-60", problems, text),
        options: options.map(|options| options.value).unwrap_or_default(),
    }
}

/// A number, or text like `46v46s26`: default, voice, signalling.
fn marking(what: &str, most: u8) -> impl Fn(&Item<'_>, &mut Problems) -> Option<Marking> {
    move |item, problems| {
        if let DeValue::Integer(_) = item.get_ref() {
            return number(0, most)(item, problems).map(|default| Marking {
                default,
                voice: None,
                signalling: None,
            });
        }
        let text = any_text(item, problems)?;
        let fits = |part: &str| part.parse::<u8>().ok().filter(|value| *value <= most);
        let parts = text
            .split_once('v')
            .and_then(|(default, rest)| Some((default, rest.split_once('s')?)))
            .and_then(|(default, (voice, signalling))| {
                Some(Marking {
                    default: fits(default)?,
                    voice: Some(fits(voice)?),
                    signalling: Some(fits(signalling)?),
                })
            });
        if parts.is_none() {
            let help = format!(
                "a number from 0 to {most}, or three for default, voice and signalling: \"{most}v{most}s{most}\""
            );
            let message = format!("`{text}` is not a value of {what}");
            problems.push(Problem::new(&item.span(), message).help(help));
        }
        parts
    }
}

fn layout(text: &str) -> Result<Layout, Wrong> {
    /// The number that servers are seen to use.
    const USUAL_SUB_OPTION: u8 = 130;
    use vendor::Layout::{Raw, SubOption};
    match text {
        "A" => return Ok(Layout::Option125(Raw)),
        "B" => return Ok(Layout::Option125(SubOption(USUAL_SUB_OPTION))),
        "option 43" => return Ok(Layout::Option43(Raw)),
        "options 128-135" => return Ok(Layout::Old),
        _ => {}
    }
    let number = |text: &str| text.parse().ok().map(SubOption);
    let of_125 = text
        .strip_prefix("B:")
        .and_then(number)
        .map(Layout::Option125);
    let of_43 = text
        .strip_prefix("option 43:")
        .and_then(number)
        .map(Layout::Option43);
    of_125.or(of_43).ok_or_else(|| {
        let help = "write \"A\", \"B\", \"B:1\" (sub-option 1), \"option 43\", \"option 43:1\" or \"options 128-135\"";
        Wrong::new(
            format!("`{text}` is not a layout of the sets' configuration"),
            help,
        )
    })
}

pub(super) fn raw_options(
    item: &Item<'_>,
    problems: &mut Problems,
) -> Option<Vec<(At<u8>, Vec<u8>)>> {
    let mut options = Vec::new();
    for (key, item) in entries(item, problems) {
        let code: Option<u8> = key
            .value
            .parse()
            .ok()
            .filter(|code| (1..=254).contains(code));
        let bytes = of(units::hex)(item, problems);
        match (code, bytes) {
            (None, _) => {
                let message = format!("`{}` is not the number of a DHCP option", key.value);
                problems.push(Problem::new(&key.span, message).help("1 to 254".to_owned()));
            }
            (Some(_), Some(bytes)) if bytes.len() > 255 => {
                let message = format!(
                    "an option holds 255 bytes at most, this has {}",
                    bytes.len()
                );
                problems.push(Problem::new(&item.span(), message));
            }
            (Some(code), Some(bytes)) => options.push((At::new(code, key.span), bytes)),
            (Some(_), None) => {}
        }
    }
    Some(options)
}

fn client_reservations(
    item: &Item<'_>,
    problems: &mut Problems,
) -> Option<Vec<(Vec<u8>, At<Ipv4Addr>)>> {
    let mut reservations = Vec::new();
    for (key, item) in entries(item, problems) {
        let address = of(units::address)(item, problems);
        match units::hex(&key.value) {
            Ok(id) if !id.is_empty() => {
                reservations.extend(address.map(|address| (id, At::new(address, item.span()))));
            }
            Ok(_) | Err(_) => {
                let message = format!("`{}` is not a client identifier", key.value);
                let help =
                    "the bytes of option 61 in hexadecimal, for example \"01 08 00 0f 00 00 01\"";
                problems.push(Problem::new(&key.span, message).help(help.to_owned()));
            }
        }
    }
    Some(reservations)
}

type Reservations = Vec<(At<String>, At<Ipv4Addr>)>;

fn reservations(item: &Item<'_>, problems: &mut Problems) -> Option<Reservations> {
    let mut reservations = Vec::new();
    for (key, item) in entries(item, problems) {
        if let Some(address) = of(units::address)(item, problems) {
            reservations.push((key, At::new(address, item.span())));
        }
    }
    Some(reservations)
}
