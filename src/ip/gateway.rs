//! A gateway: a router between Ethernet segments, as the Linux kernel is one.
//!
//! ```text
//!  frame ─▶ for this MAC? ─▶ ARP ──▶ own address · proxy · neighbours
//!                │
//!                └─▶ IPv4 ─▶ source possible? ─▶ for me? ──▶ ping, DHCP to relay; all else refused
//!                                                   └─▶ route? ─▶ TTL? ─▶ MTU? ─▶ neighbour ─▶ out
//!                                                         3/0      11/0  DF: 3/4    3/1 after 3 s
//! ```
//!
//! What can't be forwarded is dropped with its reason and, where RFC 1812 wants it, answered with an ICMP
//! error from the address of the interface it came in by. Errors are limited as Linux limits them
//! (`icmp_error.rs`). Addresses, ARP and limits were measured on Linux 6.18.
//!
//! A packet that is too long for the next link leaves in fragments, or, if its DF flag forbids that, not at all
//! (RFC 1812 section 5.2.6). Fragments are forwarded as they come; those for the gateway itself are joined.
//!
//! An address of another subnet is answered and forwarded, as `arp` allows, unless an interface checks the way back
//! ([`ReversePath`]).
//!
//! Deliberately absent: redirects (RFC 1812 section 5.2.7.2), multicast routing, forwarding of directed broadcasts, and
//! options in the IP header (they travel on unread).

mod forward;
mod power;
mod proxy;
mod relay;
mod routes;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::arp::Neighbours;
use super::ear::Ear;
use super::endpoint::{hearing, mask, same_subnet, why};
use super::icmp_error::{self, Limits};
use super::interface::Interface;
use super::neighbour::{Hearing, NeighbourSettings};
use super::reassembly::Reassembly;
use crate::outbox::{DropReason, NeighbourState, Outbox};
use crate::rng::Rng;
use crate::sim::{Node, PortId, Transmit};
use crate::time::{Deadline, Deadlines, Instant, earlier};
use crate::wire::arp::{self, Arp};
use crate::wire::{Frame, Mac, ethernet};
use forward::Taken;
use proxy::Pending;
use routes::{Routes, Target};

/// For which addresses an interface answers ARP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArpMode {
    /// For its own address alone (Linux `arp_ignore` = 1).
    Strict,
    /// For the address of any of the gateway's interfaces, with its own MAC (Linux's default).
    AnyOwnAddress,
    /// For those, and for any address that is routed out of another interface: after a random time of up
    /// to 0.8 s if it was asked by broadcast (Linux `proxy_arp` = 1).
    Proxy,
}

/// Whether an interface checks that a packet comes from where its source address is routed to (RFC 3704).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ReversePath {
    /// It does not (Linux `rp_filter` = 0).
    #[default]
    Off,
    /// There must be a route to the source, out of any interface (Linux `rp_filter` = 2).
    Loose,
    /// The route to the source must lead out of this very interface (Linux `rp_filter` = 1).
    Strict,
}

/// The DHCP relay agent of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The DHCP servers to which it relays what clients broadcast: to each of them.
    pub servers: Vec<Ipv4Addr>,
    /// The value of the option 82 that it adds: sub-options (RFC 3046 section 2). `None`: it adds none.
    pub information: Option<Vec<u8>>,
    /// Whether it takes an option 82 from this link as that of a bridge which may add one; else it drops such
    /// messages (RFC 3046 section 2.1).
    pub trusts: bool,
}

/// One interface of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayInterface {
    pub mac: Mac,
    pub address: Ipv4Addr,
    /// 0 to 32.
    pub prefix_len: u8,
    pub arp: ArpMode,
    pub reverse_path: ReversePath,
    pub relay: Option<Relay>,
}

/// A static route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub prefix: Ipv4Addr,
    /// 0 to 32.
    pub prefix_len: u8,
    pub to: RouteTo,
}

/// Where a static route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTo {
    /// To a router on one of the gateway's links.
    Via(Ipv4Addr),
    /// To the link of the interface with this number.
    Interface(u16),
}

/// What a gateway is made of.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Interface n is at port n.
    pub interfaces: Vec<GatewayInterface>,
    pub routes: Vec<Route>,
    pub neighbours: NeighbourSettings,
    /// Bytes of the largest IP packet, on every interface.
    pub mtu: u16,
    /// The gateway's own stream: neighbour times, proxy delays.
    pub rng: Rng,
}

/// Why a gateway can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// A route's next router is on none of the gateway's links.
    #[error("{0} is on none of the gateway's links")]
    NoLinkTo(Ipv4Addr),
    /// A route leads to an interface that the gateway has not.
    #[error("there is no interface {0}")]
    NoInterface(u16),
}

/// A router between Ethernet segments.
#[derive(Debug)]
pub struct Gateway {
    legs: Vec<Leg>,
    powered: bool,
    /// The gateway's own addresses, in order, and whose they are: each packet is looked up here twice.
    own: Vec<(Ipv4Addr, u16)>,
    routes: Routes,
    limits: Limits,
    proxied: Pending,
    rng: Rng,
    next_id: u16,
    /// There while fragments for the gateway itself wait.
    reassembly: Option<Box<Reassembly>>,
    /// When each interface's neighbours want to be called.
    due: Deadlines<u16>,
    forwarded: u64,
    dropped: BTreeMap<DropReason, u64>,
}

/// An interface with its address.
#[derive(Debug)]
struct Leg {
    interface: Interface,
    address: Ipv4Addr,
    prefix_len: u8,
    arp: ArpMode,
    reverse_path: ReversePath,
    relay: Option<Relay>,
    /// Its deadline in [`Gateway::due`].
    due: Option<Instant>,
}

impl Gateway {
    /// A gateway that has power, with a route to the subnet of each interface, and the static ones.
    ///
    /// # Errors
    ///
    /// If a static route leads nowhere.
    pub fn new(config: GatewayConfig) -> Result<Gateway, GatewayError> {
        let mut rng = config.rng;
        let mut gateway = Gateway {
            legs: Vec::new(),
            powered: true,
            own: Vec::new(),
            routes: Routes::default(),
            limits: Limits::default(),
            proxied: Pending::default(),
            next_id: rng.u32() as u16,
            rng,
            reassembly: None,
            due: Deadlines::default(),
            forwarded: 0,
            dropped: BTreeMap::new(),
        };
        for (number, leg) in (0u16..).zip(&config.interfaces) {
            gateway.add_leg(number, leg, config.neighbours, config.mtu);
        }
        for route in config.routes {
            let target = gateway.target(route.to)?;
            gateway.routes.add(route.prefix, route.prefix_len, target);
        }
        Ok(gateway)
    }

    fn add_leg(
        &mut self,
        number: u16,
        leg: &GatewayInterface,
        settings: NeighbourSettings,
        mtu: u16,
    ) {
        let neighbours = Neighbours::new(number, settings, &mut self.rng);
        let port = PortId(u32::from(number));
        self.legs.push(Leg {
            interface: Interface::new(port, leg.mac, mtu, neighbours),
            address: leg.address,
            prefix_len: leg.prefix_len,
            arp: leg.arp,
            reverse_path: leg.reverse_path,
            relay: leg.relay.clone(),
            due: None,
        });
        if let Err(place) = self.place_of(leg.address) {
            self.own.insert(place, (leg.address, number));
        }
        let target = Target {
            interface: number,
            via: None,
        };
        self.routes.add(leg.address, leg.prefix_len, target);
    }

    fn target(&self, to: RouteTo) -> Result<Target, GatewayError> {
        match to {
            RouteTo::Interface(interface) if usize::from(interface) < self.legs.len() => {
                let via = None;
                Ok(Target { interface, via })
            }
            RouteTo::Interface(interface) => Err(GatewayError::NoInterface(interface)),
            RouteTo::Via(router) => match self.routes.lookup(router) {
                Some(Target {
                    interface,
                    via: None,
                }) => {
                    let via = Some(router);
                    Ok(Target { interface, via })
                }
                _ => Err(GatewayError::NoLinkTo(router)),
            },
        }
    }

    /// Packets forwarded since the beginning, those included that still wait, or waited in vain, for ARP.
    pub fn forwarded(&self) -> u64 {
        self.forwarded
    }

    /// Frames dropped since the beginning, by reason.
    pub fn dropped(&self) -> BTreeMap<DropReason, u64> {
        let mut dropped = self.dropped.clone();
        for leg in &self.legs {
            for (reason, count) in leg.interface.neighbours.dropped() {
                *dropped.entry(*reason).or_default() += count;
            }
        }
        dropped
    }

    /// What an interface knows about a neighbour; `None` also if there is no such interface.
    pub fn neighbour(
        &self,
        interface: u16,
        address: Ipv4Addr,
    ) -> Option<(NeighbourState, Option<Mac>)> {
        let leg = self.legs.get(usize::from(interface))?;
        leg.interface.neighbours.state(address)
    }

    fn drop(&mut self, reason: DropReason, frame: &Frame, out: &mut Outbox<Transmit>) {
        *self.dropped.entry(reason).or_default() += 1;
        out.drop(reason, frame);
    }

    /// Takes a frame; `Err` says why it goes no further.
    fn receive(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        if !self.powered {
            return Err(DropReason::NotReady);
        }
        let number = u16::try_from(port.0).unwrap_or(u16::MAX);
        let Some(leg) = self.legs.get(usize::from(number)) else {
            return Err(DropReason::NotConnected);
        };
        let Some(&[d0, d1, d2, d3, d4, d5]) = frame.first_chunk::<6>() else {
            return Err(DropReason::Undecodable);
        };
        let dst = Mac([d0, d1, d2, d3, d4, d5]);
        if dst != leg.interface.mac && !dst.is_group() {
            return Err(DropReason::NotForThisMac);
        }
        let (header, payload) = ethernet::decode(frame).map_err(why)?;
        if header.tag.is_some_and(|tag| tag.vid != 0) {
            return Err(DropReason::UnknownProtocol);
        }
        match header.ethertype {
            ethernet::ETHERTYPE_ARP => self.receive_arp(now, number, dst, payload, out),
            ethernet::ETHERTYPE_IPV4 => {
                let packet = frame.len() - payload.len();
                match self.receive_ip(now, number, dst, payload, out)? {
                    Taken::Done => Ok(()),
                    Taken::Fragment => self.join(now, port, frame, packet, out),
                }
            }
            _ => Err(DropReason::UnknownProtocol),
        }
    }

    /// Which ARP message does what: Linux `arp_process`.
    fn receive_arp(
        &mut self,
        now: Instant,
        number: u16,
        dst: Mac,
        bytes: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let message = arp::decode(bytes).map_err(why)?;
        let leg = &self.legs[usize::from(number)];
        let (sender, target) = (message.sender_ip, message.target_ip);
        let request = message.operation == arp::REQUEST;
        // Nobody else may speak for our addresses; we don't defend them either.
        if self.is_own(sender) || icmp_error::is_impossible_source(sender) {
            return Err(DropReason::ArpNotForUs);
        }
        if message.sender_mac.is_group() {
            // No station has such a MAC (RFC 1812 section 3.3.2).
            return Err(DropReason::MartianSource);
        }
        let ours = match leg.arp {
            ArpMode::Strict => target == leg.address,
            ArpMode::AnyOwnAddress | ArpMode::Proxy => self.is_own(target),
        };
        let probe = sender.is_unspecified();
        if request && !probe && !self.comes_the_right_way(number, sender) {
            return Err(DropReason::ReversePath);
        }
        let proxied = request
            && !ours
            && !probe
            && leg.arp == ArpMode::Proxy
            && !icmp_error::is_impossible_source(target)
            && self
                .routes
                .lookup(target)
                .is_some_and(|target| target.interface != number);
        let asks_us = request && (ours || proxied);
        if !asks_us && (probe || !leg.interface.neighbours.knows(sender)) {
            return Err(DropReason::ArpNotForUs);
        }
        if !probe {
            let hearing = hearing(&message, dst, asks_us);
            self.hear(now, number, &message, hearing, out);
        }
        if asks_us {
            // Asked alone, a proxy need not let the owner go first.
            if proxied && dst.is_group() {
                let added = self.proxied.add(now, number, message, &mut self.rng);
                return added.then_some(()).ok_or(DropReason::NeighbourQueueFull);
            }
            self.legs[usize::from(number)]
                .interface
                .answer_arp(&message, out);
        }
        Ok(())
    }

    fn hear(
        &mut self,
        now: Instant,
        number: u16,
        message: &Arp,
        hearing: Hearing,
        out: &mut Outbox<Transmit>,
    ) {
        let leg = &mut self.legs[usize::from(number)];
        leg.interface.hear(now, leg.address, message, hearing, out);
        self.rearm(number);
    }

    /// Notes when an interface's neighbours want to be called: mostly when they wanted before.
    fn rearm(&mut self, number: u16) {
        let leg = &mut self.legs[usize::from(number)];
        let next = leg.interface.neighbours.next_deadline();
        if std::mem::replace(&mut leg.due, next) != next {
            self.due.set(number, next);
        }
    }

    /// Whether a packet from `src` may come in by this interface.
    fn comes_the_right_way(&self, number: u16, src: Ipv4Addr) -> bool {
        let route = || self.routes.lookup(src);
        match self.legs[usize::from(number)].reverse_path {
            ReversePath::Off => true,
            ReversePath::Loose => route().is_some(),
            ReversePath::Strict => route().is_some_and(|target| target.interface == number),
        }
    }

    fn is_own(&self, address: Ipv4Addr) -> bool {
        self.place_of(address).is_ok()
    }

    /// The interface that has this address.
    fn leg_with(&self, address: Ipv4Addr) -> Option<u16> {
        let place = self.place_of(address).ok()?;
        Some(self.own[place].1)
    }

    /// Where an address stands among the gateway's own, or would stand.
    fn place_of(&self, address: Ipv4Addr) -> Result<usize, usize> {
        self.own.binary_search_by_key(&address, |(own, _)| *own)
    }
}

impl Leg {
    fn is_subnet_broadcast(&self, address: Ipv4Addr) -> bool {
        self.prefix_len < 31
            && same_subnet(self.address, address, self.prefix_len)
            && address.to_bits() | mask(self.prefix_len) == u32::MAX
    }
}

impl Node for Gateway {
    type Ear = Ear;

    fn handle_frame(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    ) {
        if let Err(reason) = self.receive(now, port, frame, out) {
            self.drop(reason, frame, out);
        }
    }

    fn handle_carrier(&mut self, now: Instant, port: PortId, up: bool, out: &mut Outbox<Transmit>) {
        let number = u16::try_from(port.0).unwrap_or(u16::MAX);
        if let (false, Some(leg)) = (up, self.legs.get_mut(usize::from(number))) {
            leg.interface.neighbours.carrier_lost(now, out);
            self.rearm(number);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        while let Some((number, request)) = self.proxied.pop_due(now) {
            self.legs[usize::from(number)]
                .interface
                .answer_arp(&request, out);
        }
        self.expire_fragments(now, out);
        while let Some(number) = self.due.pop_due(now) {
            self.legs[usize::from(number)].due = None;
            let mut failed = Vec::new();
            let leg = &mut self.legs[usize::from(number)];
            leg.interface
                .handle_timeout(now, leg.address, &mut failed, out);
            self.rearm(number);
            for waiting in &failed {
                self.fail(now, waiting, out);
            }
        }
    }

    fn poll_timeout(&self) -> Deadline {
        let fragments = self.reassembly.as_ref();
        let fragments = fragments.and_then(|reassembly| reassembly.deadline());
        let next = earlier(
            self.proxied.next().map(|at| (at, "proxy ARP")),
            self.due.next().map(|at| (at, "neighbour")),
        );
        earlier(next, fragments.map(|at| (at, "fragments")))
    }

    fn ear(&self) -> Ear {
        Ear::OPEN
    }
}
