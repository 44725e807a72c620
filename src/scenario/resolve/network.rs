//! Subnets and routers.

use super::Resolver;
use super::dhcp;
use super::stations;
use crate::ip::Relay;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{
    ArpMode, Cable, Policy, Prefix, ReversePath, Router, RouterInterface, Subnet, SubnetId,
};
use crate::scenario::problem::{Problem, Problems};
use crate::time::Duration;
use crate::wire::lldp::VOICE;

/// A cable in a building.
const LATENCY: Duration = Duration::from_micros(50);
/// Fast Ethernet, as these sets have it.
const RATE: u64 = 100_000_000;
const QUEUE_BYTES: usize = 256 << 10;
/// The VLAN that a switch's ports belong to as it comes from its maker.
const VLAN: u16 = 1;

/// Expedited forwarding, for voice (RFC 4594 section 4.1).
const DSCP: u8 = 46;

/// The subnets, without their DHCP.
pub(super) fn subnets(file: &file::File, problems: &mut Problems) -> Vec<Subnet> {
    let mut subnets: Vec<Subnet> = Vec::new();
    for subnet in &file.subnets {
        if let Some(prefix) = &subnet.prefix {
            check_prefix(prefix, &subnets, problems);
        }
        let prefix = subnet
            .prefix
            .as_ref()
            .map_or(stations::ANY, |prefix| prefix.value);
        let gateway = subnet.gateway.as_ref().and_then(|gateway| {
            let given = gateway.value.address.as_ref().map(|address| address.value);
            given.or_else(|| prefix.nth(1))
        });
        let name = subnet.name.as_ref();
        let name = name.map(|name| name.value.clone()).unwrap_or_default();
        let switch = subnet.switch.as_ref();
        let switch = switch.map_or_else(|| name.clone(), |switch| switch.value.clone());
        let vlan = subnet.vlan.as_ref().map_or(VLAN, |vlan| vlan.value);
        check_vlan(subnet, (&switch, vlan), &subnets, problems);
        subnets.push(Subnet {
            name,
            prefix,
            switch,
            vlan,
            voice: Vec::new(),
            policy: None,
            gateway,
            cable: cable(&subnet.cable),
            dhcp: Vec::new(),
        });
    }
    subnets
}

/// A VLAN of one switch is one segment.
fn check_vlan(
    subnet: &file::Subnet,
    (switch, vlan): (&str, u16),
    before: &[Subnet],
    problems: &mut Problems,
) {
    let same = |other: &&Subnet| other.switch == switch && other.vlan == vlan;
    let place = subnet.vlan.as_ref().map(|vlan| &vlan.span);
    let place = place.or(subnet.switch.as_ref().map(|switch| &switch.span));
    if let (Some(place), Some(other)) = (place, before.iter().find(same)) {
        let message = format!("VLAN {vlan} of switch {switch} is subnet {}", other.name);
        let help = "give each subnet of a switch a `vlan` of its own".to_owned();
        problems.push(Problem::new(place, message).help(help));
    }
}

/// Which subnets are the voice VLANs of others.
pub(super) fn voice(resolver: &mut Resolver<'_>) {
    for (i, subnet) in resolver.file.subnets.iter().enumerate() {
        resolver.subnets[i].voice = tagged(resolver, SubnetId(i), &subnet.voice);
        let policy = subnet.lldp_med.as_ref();
        resolver.subnets[i].policy = policy.and_then(|it| policy_of(resolver, i, it));
    }
}

/// What the switch tells the sets of a subnet.
fn policy_of(
    resolver: &mut Resolver<'_>,
    subnet: usize,
    At { value: told, span }: &At<file::LldpMed>,
) -> Option<Policy> {
    let voice = resolver.subnets[subnet].voice.first();
    let voice = voice.map(|voice| resolver.subnets[voice.0].vlan);
    let Some(vlan) = told.vlan.as_ref().map(|vlan| vlan.value).or(voice) else {
        let help = "give it a `vlan`, or the subnet a `voice` VLAN".to_owned();
        let problem = Problem::new(span, "which VLAN are the sets told?").help(help);
        resolver.problems.push(problem);
        return None;
    };
    Some(Policy {
        application: VOICE,
        unknown: false,
        tagged: true,
        reserved: false,
        vlan,
        priority: told.l2p.as_ref().map_or(0, |l2p| l2p.value),
        dscp: told.dscp.as_ref().map_or(DSCP, |dscp| dscp.value),
    })
}

/// Subnets whose VLANs a port of another one carries tagged.
pub(super) fn tagged(
    resolver: &mut Resolver<'_>,
    port: SubnetId,
    names: &[At<String>],
) -> Vec<SubnetId> {
    let mut tagged = Vec::new();
    for name in names {
        let subnet = one_tagged(resolver, port, name);
        tagged.extend(subnet.filter(|subnet| !tagged.contains(subnet)));
    }
    tagged
}

/// It must be of the same switch.
fn one_tagged(resolver: &mut Resolver<'_>, port: SubnetId, name: &At<String>) -> Option<SubnetId> {
    let carried = resolver.names.subnet(name, resolver.problems)?;
    let [here, there] = [port, carried].map(|id| &resolver.subnets[id.0]);
    let message = if port == carried {
        format!("{} is what the port carries untagged", here.name)
    } else if here.switch != there.switch {
        let (a, b) = (&here.name, &there.name);
        format!(
            "{b} is a VLAN of switch {}, and {a} of {}",
            there.switch, here.switch
        )
    } else {
        return Some(carried);
    };
    let help = "name another subnet of the same `switch`".to_owned();
    resolver
        .problems
        .push(Problem::new(&name.span, message).help(help));
    None
}

fn cable(cable: &file::Cable) -> Cable {
    Cable {
        latency: cable
            .latency
            .as_ref()
            .map_or(LATENCY, |latency| latency.value),
        rate: cable.rate.as_ref().map_or(Some(RATE), |rate| rate.value),
        queue_bytes: cable
            .queue
            .as_ref()
            .map_or(QUEUE_BYTES, |queue| queue.value),
    }
}

/// Room for two stations, and no address in common with a subnet before it.
fn check_prefix(prefix: &At<Prefix>, before: &[Subnet], problems: &mut Problems) {
    /// Shorter ones hold more addresses than any network of one segment.
    const LEN: std::ops::RangeInclusive<u8> = 8..=30;
    let At { value, span } = prefix;
    if !LEN.contains(&value.len) {
        let message = format!(
            "a subnet's prefix has a length from 8 to 30, not {}",
            value.len
        );
        problems.push(Problem::new(span, message));
    }
    let known = before
        .iter()
        .filter(|subnet| subnet.prefix != stations::ANY);
    for other in known.filter(|other| other.prefix.overlaps(*value)) {
        let (name, prefix) = (&other.name, other.prefix);
        let message = format!("{value} overlaps {prefix}, the prefix of {name}");
        problems.push(Problem::new(span, message));
    }
}

/// The routers that the file lists, then those that only a gateway names, in order; without their routes.
pub(super) fn routers(resolver: &mut Resolver<'_>) -> Vec<Router> {
    let file = resolver.file;
    let mut routers: Vec<Router> = file
        .routers
        .iter()
        .map(|router| named(router.name.as_ref()))
        .collect();
    for (i, subnet) in file.subnets.iter().enumerate() {
        let Some(At {
            value: gateway,
            span,
        }) = &subnet.gateway
        else {
            continue;
        };
        let Some(name) = &gateway.router else {
            continue;
        };
        resolver.names.add_router(name, resolver.problems);
        let Some(address) = resolver.subnets[i].gateway else {
            continue;
        };
        let place = gateway
            .address
            .as_ref()
            .map_or(span, |address| &address.span);
        let interface = New {
            subnet: SubnetId(i),
            address: At::new(address, place.clone()),
            arp: gateway.arp.as_ref(),
            reverse_path: gateway.reverse_path.as_ref(),
            mac: gateway.mac.as_ref(),
            relay: dhcp::relay(subnet),
        };
        let known = routers.iter().position(|router| router.name == name.value);
        let known = known.unwrap_or_else(|| {
            routers.push(named(Some(name)));
            routers.len() - 1
        });
        interface.add_to(&mut routers[known], resolver);
    }
    for (router, plan) in file.routers.iter().zip(&mut routers) {
        for At {
            value: interface, ..
        } in &router.interfaces
        {
            let (Some(name), Some(address)) = (&interface.subnet, &interface.address) else {
                continue;
            };
            if let Some(subnet) = resolver.names.subnet(name, resolver.problems) {
                let interface = New {
                    subnet,
                    address: address.clone(),
                    arp: interface.arp.as_ref(),
                    reverse_path: interface.reverse_path.as_ref(),
                    mac: interface.mac.as_ref(),
                    relay: None,
                };
                interface.add_to(plan, resolver);
            }
        }
        if plan.interfaces.is_empty() {
            let message = "this router has no interface";
            let help = "give it `interfaces`, or name it in a subnet's `gateway`".to_owned();
            resolver
                .problems
                .push(Problem::new(&router.span, message).help(help));
        }
    }
    routers
}

fn named(name: Option<&At<String>>) -> Router {
    Router {
        name: name.map(|name| name.value.clone()).unwrap_or_default(),
        interfaces: Vec::new(),
        routes: Vec::new(),
    }
}

/// An interface that a router is to get.
struct New<'a> {
    subnet: SubnetId,
    address: At<std::net::Ipv4Addr>,
    arp: Option<&'a At<ArpMode>>,
    reverse_path: Option<&'a At<ReversePath>>,
    mac: Option<&'a At<crate::wire::Mac>>,
    relay: Option<Relay>,
}

impl New<'_> {
    fn add_to(self, router: &mut Router, resolver: &mut Resolver<'_>) {
        let New {
            subnet: at,
            address,
            arp,
            reverse_path,
            mac,
            relay,
        } = self;
        let subnet = &resolver.subnets[at.0];
        let who = format!("{} in {}", router.name, subnet.name);
        if router
            .interfaces
            .iter()
            .any(|interface| interface.subnet == at)
        {
            let message = format!(
                "{} has an interface in {} already",
                router.name, subnet.name
            );
            resolver.problems.push(Problem::new(&address.span, message));
            return;
        }
        let mac =
            resolver
                .stations
                .server(&who, (&address, mac), subnet, Some(at), resolver.problems);
        router.interfaces.push(RouterInterface {
            subnet: at,
            address: address.value,
            mac,
            arp: arp.map_or(ArpMode::Strict, |arp| arp.value),
            reverse_path: reverse_path.map_or(ReversePath::Off, |it| it.value),
            relay,
        });
    }
}
