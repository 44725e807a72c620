//! The tables of the network: subnets with their cables and DHCP, routers, boot servers, hosts.

use std::net::Ipv4Addr;
use std::time::Duration;

use toml::de::DeValue;

use super::dhcp::{Dhcp, dhcp};
use super::fields::{Fields, entries};
use super::program::program;
use super::value::{Item, boolean, list, number, of, one_or_more, text, word, wrong_type};
use super::{At, keys, name};
use crate::scenario::plan::{ArpMode, Firmware, HostProgram, MadeFile, Prefix, ReversePath, Route};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::scenario::units::{self, Wrong};
use crate::wire::Mac;
use crate::wire::tftp::{BLKSIZE_MAX, BLKSIZE_MIN};

#[derive(Debug)]
pub(crate) struct Subnet {
    pub(crate) name: Option<At<String>>,
    pub(crate) prefix: Option<At<Prefix>>,
    pub(crate) switch: Option<At<String>>,
    pub(crate) vlan: Option<At<u16>>,
    /// Subnets whose VLANs the ports of its sets carry tagged.
    pub(crate) voice: Vec<At<String>>,
    pub(crate) lldp_med: Option<At<LldpMed>>,
    pub(crate) gateway: Option<At<Gateway>>,
    pub(crate) cable: Cable,
    /// Of each server.
    pub(crate) dhcp: Vec<At<Dhcp>>,
}

/// What the switch tells the sets of a subnet.
#[derive(Debug)]
pub(crate) struct LldpMed {
    pub(crate) vlan: Option<At<u16>>,
    pub(crate) l2p: Option<At<u8>>,
    pub(crate) dscp: Option<At<u8>>,
}

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) router: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) arp: Option<At<ArpMode>>,
    pub(crate) reverse_path: Option<At<ReversePath>>,
    pub(crate) mac: Option<At<Mac>>,
    pub(crate) relay: Option<At<Relay>>,
}

#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) circuit_id: Option<At<String>>,
    pub(crate) remote_id: Option<At<String>>,
    pub(crate) trusted: Option<At<bool>>,
}

#[derive(Debug, Default)]
pub(crate) struct Cable {
    pub(crate) latency: Option<At<Duration>>,
    pub(crate) rate: Option<At<Option<u64>>>,
    pub(crate) queue: Option<At<usize>>,
}

#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) interfaces: Vec<At<Interface>>,
    pub(crate) routes: Option<Vec<At<Route>>>,
}

#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) subnet: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) arp: Option<At<ArpMode>>,
    pub(crate) reverse_path: Option<At<ReversePath>>,
    pub(crate) mac: Option<At<Mac>>,
}

#[derive(Debug)]
pub(crate) struct Tftp {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) at: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) firmware: Option<At<Firmware>>,
    pub(crate) ports: Option<Vec<At<u16>>>,
    pub(crate) block_size: Option<At<u16>>,
    pub(crate) mac: Option<At<Mac>>,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) span: Span,
    pub(crate) name: Option<At<String>>,
    pub(crate) at: Option<At<String>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) mac: Option<At<Mac>>,
    /// Subnets whose VLANs its port carries tagged.
    pub(crate) trunk: Vec<At<String>>,
    pub(crate) program: Option<HostProgram>,
}

const REVERSE_PATHS: &[(&str, ReversePath)] = &[
    ("off", ReversePath::Off),
    ("loose", ReversePath::Loose),
    ("strict", ReversePath::Strict),
];

const ARP_MODES: &[(&str, ArpMode)] = &[
    ("strict", ArpMode::Strict),
    ("any-own-address", ArpMode::AnyOwnAddress),
    ("proxy", ArpMode::Proxy),
];

pub(super) fn subnet(item: &Item<'_>, problems: &mut Problems) -> Option<Subnet> {
    let mut fields = Fields::of(item, &keys::SUBNET, problems)?;
    let voice = fields.optional("voice", problems, one_or_more(text));
    let dhcp = fields.optional("dhcp", problems, one_or_more(dhcp));
    Some(Subnet {
        name: fields.required("name", problems, of(name)),
        prefix: fields.required("prefix", problems, of(units::prefix)),
        switch: fields.optional("switch", problems, of(name)),
        vlan: fields.optional("vlan", problems, number(1, 4094)),
        voice: voice.map(|voice| voice.value).unwrap_or_default(),
        lldp_med: fields.optional("lldp-med", problems, lldp_med),
        gateway: fields
            .optional("gateway", problems, gateway)
            .and_then(|At { value, span }| Some(At::new(value?, span))),
        cable: fields
            .optional("cable", problems, cable)
            .map(|cable| cable.value)
            .unwrap_or_default(),
        dhcp: dhcp.map(|servers| servers.value).unwrap_or_default(),
    })
}

fn lldp_med(item: &Item<'_>, problems: &mut Problems) -> Option<LldpMed> {
    let mut fields = Fields::of(item, &keys::LLDP_MED, problems)?;
    Some(LldpMed {
        vlan: fields.optional("vlan", problems, number(0, 4094)),
        l2p: fields.required("l2p", problems, number(0, 7)),
        dscp: fields.optional("dscp", problems, number(0, 63)),
    })
}

/// `"none"` or a table.
fn gateway(item: &Item<'_>, problems: &mut Problems) -> Option<Option<Gateway>> {
    if let DeValue::String(text) = item.get_ref() {
        if text == "none" {
            return Some(None);
        }
        let help = format!("write {{ router = \"{text}\" }}");
        let message = "expected a table or \"none\", found text";
        problems.push(Problem::new(&item.span(), message).help(help));
        return None;
    }
    let mut fields = Fields::of(item, &keys::GATEWAY, problems)?;
    Some(Some(Gateway {
        router: fields.required("router", problems, of(name)),
        address: fields.optional("address", problems, of(units::address)),
        arp: fields.optional("arp", problems, word(ARP_MODES)),
        reverse_path: fields.optional("reverse-path", problems, word(REVERSE_PATHS)),
        mac: fields.optional("mac", problems, of(units::mac)),
        relay: fields.optional("relay", problems, relay),
    }))
}

fn relay(item: &Item<'_>, problems: &mut Problems) -> Option<Relay> {
    let mut fields = Fields::of(item, &keys::RELAY, problems)?;
    Some(Relay {
        circuit_id: fields.optional("circuit-id", problems, of(agent_text)),
        remote_id: fields.optional("remote-id", problems, of(agent_text)),
        trusted: fields.optional("trusted", problems, boolean),
    })
}

/// What a relay agent says of a client: two of them fit into one option.
fn agent_text(text: &str) -> Result<String, Wrong> {
    const MOST: usize = 100;
    if (1..=MOST).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let message = format!("{} bytes are no text of a relay agent", text.len());
    Err(Wrong::new(message, "1 to 100 bytes"))
}

fn cable(item: &Item<'_>, problems: &mut Problems) -> Option<Cable> {
    let mut fields = Fields::of(item, &keys::CABLE, problems)?;
    Some(Cable {
        latency: fields.optional("latency", problems, of(units::duration)),
        rate: fields.optional("rate", problems, of(units::rate)),
        queue: fields.optional("queue", problems, of(units::size)),
    })
}

pub(super) fn router(item: &Item<'_>, problems: &mut Problems) -> Option<Router> {
    let mut fields = Fields::of(item, &keys::ROUTER, problems)?;
    let interfaces = fields.optional("interfaces", problems, list(interface));
    let routes = fields.optional("routes", problems, list(of(route)));
    Some(Router {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        interfaces: interfaces.map(|list| list.value).unwrap_or_default(),
        routes: routes.map(|list| list.value),
    })
}

fn interface(item: &Item<'_>, problems: &mut Problems) -> Option<Interface> {
    let mut fields = Fields::of(item, &keys::INTERFACE, problems)?;
    Some(Interface {
        subnet: fields.required("subnet", problems, text),
        address: fields.required("address", problems, of(units::address)),
        arp: fields.optional("arp", problems, word(ARP_MODES)),
        reverse_path: fields.optional("reverse-path", problems, word(REVERSE_PATHS)),
        mac: fields.optional("mac", problems, of(units::mac)),
    })
}

fn route(text: &str) -> Result<Route, Wrong> {
    let Some((to, via)) = text.split_once(" via ") else {
        let help =
            "a prefix and the next router's address, for example \"10.2.0.0/24 via 10.255.0.2\"";
        return Err(Wrong::new(format!("`{text}` is not a route"), help));
    };
    Ok(Route {
        to: units::prefix(to.trim())?,
        via: units::address(via.trim())?,
    })
}

pub(super) fn tftp(item: &Item<'_>, problems: &mut Problems) -> Option<Tftp> {
    let mut fields = Fields::of(item, &keys::TFTP, problems)?;
    let ports = fields.optional("ports", problems, list(number(1, u16::MAX)));
    Some(Tftp {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        at: fields.optional("at", problems, text),
        address: fields.required("address", problems, of(units::address)),
        firmware: fields.required("firmware", problems, firmware),
        ports: ports.map(|ports| ports.value),
        block_size: fields.optional("block-size", problems, number(BLKSIZE_MIN, BLKSIZE_MAX)),
        mac: fields.optional("mac", problems, of(units::mac)),
    })
}

/// A folder, or a table of files to make up.
fn firmware(item: &Item<'_>, problems: &mut Problems) -> Option<Firmware> {
    if let DeValue::String(_) = item.get_ref() {
        return text(item, problems).map(Firmware::Folder);
    }
    if !matches!(item.get_ref(), DeValue::Table(_)) {
        return wrong_type(item, "a folder in quotes, or a table of files", problems);
    }
    let mut made = Vec::new();
    for (file, item) in entries(item, problems) {
        let Some(mut fields) = Fields::of(item, &keys::MADE_FILE, problems) else {
            continue;
        };
        let version = fields.required("version", problems, text);
        let size = fields.required("size", problems, of(units::size));
        if let (Some(version), Some(size)) = (version, size) {
            made.push(MadeFile {
                name: file.value,
                version: version.value,
                bytes: size.value,
            });
        }
    }
    Some(Firmware::Made(made))
}

pub(super) fn host(item: &Item<'_>, problems: &mut Problems) -> Option<Host> {
    let mut fields = Fields::of(item, &keys::HOST, problems)?;
    let kernel = fields.required("kernel", problems, boolean);
    if let Some(At { value: false, span }) = kernel {
        let message = "a host is a kernel of this machine, or it is nothing";
        problems.push(Problem::new(&span, message).help("write kernel = true".to_owned()));
    }
    let places = ["at", "address"];
    if fields.present(&places).is_empty() && !fields.is_misspelt(&places) {
        let problem = Problem::new(&fields.span, "this does not say where it stands");
        problems.push(problem.label("needs `at` or `address`"));
    }
    let trunk = fields.optional("trunk", problems, one_or_more(text));
    Some(Host {
        span: fields.span.clone(),
        name: fields.required("name", problems, of(name)),
        at: fields.optional("at", problems, text),
        address: fields.optional("address", problems, of(units::address)),
        mac: fields.optional("mac", problems, of(units::mac)),
        trunk: trunk.map(|trunk| trunk.value).unwrap_or_default(),
        program: program(&mut fields, problems),
    })
}
