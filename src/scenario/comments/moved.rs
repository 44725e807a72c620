//! What a capture says of a set that was moved without a power-down: where its packets go, and where the way
//! back to it is lost.
//!
//! The way back ends at the gateway of the subnet that the set left. That gateway asks there for a set that
//! stands elsewhere, and tells whoever sent that it can't be reached (MV-4, MV-5).

use std::net::Ipv4Addr;

use super::super::plan::{ArpMode, Router, SubnetId};
use super::{Explainer, Set};
use crate::wire::{arp, ethernet, icmp, ipv4, tcp};

/// Where an IPv4 header has its destination (RFC 791 section 3.1).
const DESTINATION_AT: usize = 16;

impl Explainer {
    pub(super) fn about_arp(&self, on: SubnetId, arp: &arp::Arp) -> Option<String> {
        let Some(set) = self.phones.get(&arp.sender_mac) else {
            return self.about_arp_for_moved(on, arp);
        };
        let left = *self.gateways.get(&arp.target_ip)?;
        let kept = self.subnets[left.0].prefix.contains(arp.sender_ip);
        if arp.operation != arp::REQUEST || left == on || !kept {
            return None;
        }
        let (target, here) = (arp.target_ip, &self.subnets[on.0].name);
        let then = match self.answerer(on, target) {
            Some(router) => format!("{} answers for it · MV-4", router.name),
            None => format!("nobody in {here} has that address · MV-3"),
        };
        Some(format!(
            "{} asks for {target}, the gateway of {}, the subnet that it left; {then}",
            set.name, self.subnets[left.0].name
        ))
    }

    /// The router that answers ARP for the address on this segment.
    fn answerer(&self, on: SubnetId, address: Ipv4Addr) -> Option<&Router> {
        let mut routers = self.routers.iter();
        routers.find(|router| self.answers(router, on, address))
    }

    /// Whether an interface of the router on this segment answers ARP for the address; see [`ArpMode`].
    fn answers(&self, router: &Router, on: SubnetId, address: Ipv4Addr) -> bool {
        let owns = || router.interfaces.iter().any(|it| it.address == address);
        let mut here = router.interfaces.iter().filter(|it| it.subnet == on);
        here.any(|interface| match interface.arp {
            ArpMode::Strict => interface.address == address,
            ArpMode::AnyOwnAddress => owns(),
            ArpMode::Proxy => owns() || self.leads_away(router, on, address),
        })
    }

    /// Whether the router's way to the address is out of another segment.
    fn leads_away(&self, router: &Router, from: SubnetId, address: Ipv4Addr) -> bool {
        let prefix = |subnet: SubnetId| self.subnets[subnet.0].prefix;
        let linked = |to: Ipv4Addr| {
            let mut subnets = router.interfaces.iter().map(|it| it.subnet);
            subnets.find(|subnet| prefix(*subnet).contains(to))
        };
        let ways = router.routes.iter().filter(|it| it.to.contains(address));
        let longest = ways.max_by_key(|it| it.to.len);
        let way = linked(address).or_else(|| linked(longest?.via));
        way.is_some_and(|to| to != from)
    }

    /// A router's request, in the subnet that a set left, for the address that the set has kept.
    fn about_arp_for_moved(&self, on: SubnetId, arp: &arp::Arp) -> Option<String> {
        if arp.operation != arp::REQUEST {
            return None;
        }
        let router = *self.router_macs.get(&(on, arp.sender_mac))?;
        let router = &self.routers[router].name;
        let (set, rule) = self.moved_away(arp.target_ip)?;
        let left = &self.subnets[on.0].name;
        Some(format!(
            "{router} asks for {}, which has left {left}: the way back ends here · {rule}",
            set.name
        ))
    }

    /// A router's word that a packet for a moved set could not be delivered.
    pub(super) fn about_icmp(&self, ip: &ipv4::Header, payload: &[u8]) -> Option<String> {
        let icmp::Message::Unreachable {
            code: icmp::HOST_UNREACHABLE,
            quoted,
        } = icmp::decode(payload).ok()?
        else {
            return None;
        };
        let to: [u8; 4] = *quoted.get(DESTINATION_AT..)?.first_chunk()?;
        let (set, rule) = self.moved_away(to.into())?;
        let (router, _) = *self.router_addresses.get(&ip.src)?;
        let router = &self.routers[router].name;
        let address = ip.dst.to_string();
        let told = self.elements.get(&ip.dst).unwrap_or(&address);
        Some(format!(
            "{router} tells {told} that {} can't be reached at {} · {rule}",
            set.name,
            Ipv4Addr::from(to)
        ))
    }

    /// The set that has this address and was last heard in another subnet than the address's, and the rule by
    /// which its way back is lost.
    fn moved_away(&self, address: Ipv4Addr) -> Option<(&Set, &'static str)> {
        let set = self.holder(address)?;
        let here = set.heard_on?;
        // Most sets are where they belong.
        if self.subnets[here.0].prefix.contains(address) {
            return None;
        }
        let mut subnets = self.subnets.iter();
        let left = SubnetId(subnets.position(|subnet| subnet.prefix.contains(address))?);
        let gateway = |subnet: SubnetId| self.subnets[subnet.0].gateway;
        let mut gateways = self.gateways.iter();
        let old_gateway = gateways.find(|(_, of)| **of == left);
        let rule = match old_gateway {
            Some(_) if gateway(left) == gateway(here) => "MV-5",
            Some((old, _)) if self.answerer(here, *old).is_some() => "MV-4",
            Some(_) | None => "MV-2",
        };
        Some((set, rule))
    }

    /// A set that opens a connection from an address of another subnet.
    pub(super) fn about_stale_sender(
        &self,
        on: SubnetId,
        ethernet: &ethernet::Header,
        ip: &ipv4::Header,
        segment: &tcp::Segment<'_>,
    ) -> Option<String> {
        let set = self.phones.get(&ethernet.src)?;
        let is_syn = segment.flags & (tcp::SYN | tcp::ACK) == tcp::SYN;
        let here = &self.subnets[on.0];
        if !is_syn || here.prefix.contains(ip.src) {
            return None;
        }
        let mut subnets = self.subnets.iter();
        let left = subnets.find(|subnet| subnet.prefix.contains(ip.src));
        let old_gateway = left.and_then(|left| left.gateway);
        let (name, to) = (&set.name, ethernet.dst);
        let is_here = self.router_macs.contains_key(&(on, to));
        let mut routers = self.router_macs.keys();
        let whose = match old_gateway == Some(to) {
            true if here.gateway == Some(to) => {
                "; it sends to the MAC that its old gateway had, which is the one's here too · MV-2, MV-5"
            }
            true if is_here => "; it sends to the MAC that its old gateway had · MV-2",
            true => "; it sends to the MAC that its old gateway had, which nobody has here · MV-2",
            false if !is_here && routers.any(|(_, mac)| *mac == to) => {
                "; it sends to a MAC that nobody has here · MV-2"
            }
            false => " · MV-2",
        };
        let (address, here) = (ip.src, &here.name);
        Some(format!(
            "{name} kept {address}, which is no address of {here}{whose}"
        ))
    }
}
