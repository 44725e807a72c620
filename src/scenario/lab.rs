//! The lab: a plan's network as nodes and cables, and who stands where.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::controller::Element;
use crate::dhcp::{DhcpServer, LeaseRecord};
use crate::dns::server::DnsServer;
use crate::fabric::{Advertisement, Cable, CableSettings, PortMode, Switch};
use crate::ip::{Ear, Gateway, Host};
use crate::outbox::Outbox;
use crate::phone::Phone;
use crate::sim::{Edge, End, LinkId, Node, NodeId, Observer, PortId, Transmit, World};
use crate::tftp::server::TftpServer;
use crate::time::{Deadline, Instant};
use crate::wire::Frame;

use super::plan::{Cables, ElementId, HostId, HostKind, PhoneId, Place, Plan, StationId, SubnetId};

/// A node of a lab.
#[derive(Debug)]
pub(super) enum Station {
    Switch(Switch),
    Gateway(Box<Gateway>),
    Host(Box<Host<Service>>),
    Edge(Edge),
}

/// What runs on a host of a lab.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are phones, the largest"
)]
pub(super) enum Service {
    Phone(Phone),
    Dhcp(DhcpServer),
    Tftp(TftpServer),
    Dns(DnsServer),
    Element(Box<Element>),
}

/// Who a node is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Switch(SubnetId),
    /// Index into the plan's routers.
    Router(usize),
    Host(HostId),
    Element(ElementId),
    Phone(PhoneId),
}

/// A plan's network.
#[derive(Debug)]
pub(super) struct Lab {
    pub world: World<Station, Cable>,
    /// Who each node is, by [`NodeId`].
    pub who: Vec<Who>,
    /// By [`SubnetId`].
    pub segments: Vec<Segment>,
    pub hosts: Vec<NodeId>,
    pub elements: Vec<NodeId>,
    pub phones: Vec<Jack>,
    /// The edges of the stations that are outside: hosts, then elements, in the plan's order.
    pub edges: Vec<(StationId, NodeId)>,
    /// The cables of all stations that never move.
    pub fixed: Vec<Cabled>,
    /// Cables of sets that somebody has pulled, and not put back.
    pub pulled: BTreeSet<LinkId>,
    /// Stations that a step has stopped, and none has started again.
    pub stopped: BTreeSet<StationId>,
}

/// A station's cable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cabled {
    pub node: NodeId,
    /// The set, if it is one.
    pub phone: Option<PhoneId>,
    pub subnet: SubnetId,
    pub link: LinkId,
}

/// One subnet: a VLAN of a switch.
#[derive(Debug)]
pub(super) struct Segment {
    /// The switch.
    pub node: NodeId,
    /// How a port is that a set is plugged into.
    pub set_port: PortMode,
    /// What the switch says there by LLDP.
    pub says: Option<Arc<Advertisement>>,
    pub cable: Arc<CableSettings>,
    /// Who is at each of its ports; by [`PortId`]. Another VLAN's ports have nobody here.
    pub ports: Vec<Option<NodeId>>,
    /// Ports that a move has freed.
    pub free: Vec<PortId>,
}

/// Where a phone is plugged in, or was last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jack {
    pub node: NodeId,
    pub link: LinkId,
    pub subnet: SubnetId,
    pub port: PortId,
}

impl Who {
    /// Whether sets stand at its port.
    pub(super) fn is_for_sets(self, plan: &Plan) -> bool {
        match self {
            Who::Phone(_) => true,
            Who::Host(HostId(n)) => matches!(plan.hosts[n].kind, HostKind::Interface { .. }),
            Who::Switch(_) | Who::Router(_) | Who::Element(_) => false,
        }
    }

    /// The subnets whose VLANs its port in `at` carries tagged.
    pub(super) fn carries(self, plan: &Plan, at: SubnetId) -> Vec<SubnetId> {
        if self.is_for_sets(plan) {
            return plan.subnets[at.0].voice.clone();
        }
        match self {
            Who::Host(HostId(n)) => match &plan.hosts[n].kind {
                HostKind::Kernel { trunk, .. } => trunk.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// How the switch's port for it in `at` is.
    pub(super) fn port_mode(self, plan: &Plan, at: SubnetId) -> PortMode {
        let vlan = |id: &SubnetId| plan.subnets[id.0].vlan;
        let carried = self.carries(plan, at);
        match (self, carried.as_slice()) {
            (_, []) => PortMode::Access(vlan(&at)),
            (Who::Phone(_), [voice]) => PortMode::Voice {
                access: vlan(&at),
                voice: vlan(voice),
            },
            (_, tagged) => PortMode::Trunk {
                native: vlan(&at),
                tagged: tagged.iter().map(vlan).collect(),
            },
        }
    }
}

impl Lab {
    /// Calls `act` on the set itself and carries out what it does.
    pub(super) fn with_phone<R: Default>(
        &mut self,
        phone: PhoneId,
        observer: &mut impl Observer,
        act: impl FnOnce(&mut Phone, Instant, &mut Outbox<AppEffect>) -> R,
    ) -> R {
        let node = self.phones[phone.0].node;
        self.world
            .with(node, observer, |station, now, out| match station {
                Station::Host(host) => host.with_app(now, 0, out, |service, app_out| {
                    let Service::Phone(phone) = service else {
                        return R::default();
                    };
                    act(phone, now, app_out)
                }),
                Station::Switch(_) | Station::Gateway(_) | Station::Edge(_) => R::default(),
            })
    }

    /// Changes a record of a DNS server.
    pub(super) fn set_record(
        &mut self,
        server: HostId,
        name: &str,
        to: Option<Ipv4Addr>,
        observer: &mut impl Observer,
    ) {
        let node = self.station(StationId::Host(server));
        self.world.with(node, observer, |station, now, out| {
            if let Station::Host(host) = station {
                host.with_app(now, 0, out, |service, _| {
                    if let Service::Dns(dns) = service {
                        dns.set_record(name, to);
                    }
                });
            }
        });
    }

    /// The host that a phone is.
    pub(super) fn phone(&self, phone: PhoneId) -> Option<(&Host<Service>, &Phone)> {
        let Station::Host(host) = self.world.node(self.phones[phone.0].node) else {
            return None;
        };
        let Service::Phone(phone) = host.app(0) else {
            return None;
        };
        Some((host, phone))
    }

    /// Gives the DHCP servers their leases back, and has them note each change. How many were taken.
    pub(super) fn keep_leases(
        &mut self,
        records: &[LeaseRecord],
        observer: &mut impl Observer,
    ) -> usize {
        let mut taken = 0;
        for node in self.hosts.clone() {
            self.world.with(node, observer, |station, now, out| {
                if let Station::Host(host) = station
                    && let Service::Dhcp(_) = host.app(0)
                {
                    taken += host.with_app(now, 0, out, |service, _| match service {
                        Service::Dhcp(server) => server.keep_leases(now, records),
                        Service::Phone(_)
                        | Service::Tftp(_)
                        | Service::Dns(_)
                        | Service::Element(_) => 0,
                    });
                }
            });
        }
        taken
    }

    /// Each change of a lease since this was last called.
    pub(super) fn lease_changes(&mut self, observer: &mut impl Observer) -> Vec<LeaseRecord> {
        let mut changes = Vec::new();
        for at in 0..self.hosts.len() {
            let node = self.hosts[at];
            let Station::Host(host) = self.world.node(node) else {
                continue;
            };
            if !matches!(host.app(0), Service::Dhcp(server) if server.has_lease_changes()) {
                continue;
            }
            self.world.with(node, observer, |station, now, out| {
                if let Station::Host(host) = station {
                    host.with_app(now, 0, out, |service, _| {
                        if let Service::Dhcp(server) = service {
                            changes.extend(server.lease_changes());
                        }
                    });
                }
            });
        }
        changes
    }

    /// The controller that an element is.
    pub(super) fn element(&self, element: ElementId) -> Option<&Element> {
        let Station::Host(host) = self.world.node(self.elements[element.0]) else {
            return None;
        };
        let Service::Element(element) = host.app(0) else {
            return None;
        };
        Some(element)
    }

    /// Calls `act` on an element itself and carries out what it does; `None` if it has no power.
    pub(super) fn with_element<R>(
        &mut self,
        element: ElementId,
        observer: &mut impl Observer,
        act: impl FnOnce(&mut Element, Instant, &mut Outbox<AppEffect>) -> R,
    ) -> Option<R> {
        let node = self.elements[element.0];
        self.world
            .with(node, observer, |station, now, out| match station {
                Station::Host(host) if host.is_on() => {
                    host.with_app(now, 0, out, |service, app_out| match service {
                        Service::Element(element) => Some(act(element, now, app_out)),
                        Service::Phone(_)
                        | Service::Dhcp(_)
                        | Service::Tftp(_)
                        | Service::Dns(_) => None,
                    })
                }
                Station::Host(_) | Station::Switch(_) | Station::Gateway(_) | Station::Edge(_) => {
                    None
                }
            })
    }

    /// The node of a station that a step can stop and start.
    pub(super) fn station(&self, station: StationId) -> NodeId {
        match station {
            StationId::Host(host) => self.hosts[host.0],
            StationId::Element(element) => self.elements[element.0],
        }
    }

    /// Gives a station power, or takes it. No effect on what has power, or none, already.
    pub(super) fn power(&mut self, node: NodeId, on: bool, observer: &mut impl Observer) {
        self.world.with(node, observer, |station, now, out| {
            if let Station::Host(host) = station {
                host.power(now, on, out);
            }
        });
    }

    /// A step takes a station's power.
    pub(super) fn stop(&mut self, station: StationId, observer: &mut impl Observer) {
        self.stopped.insert(station);
        self.power(self.station(station), false, observer);
    }

    /// A step gives it back.
    pub(super) fn start(&mut self, station: StationId, observer: &mut impl Observer) {
        self.stopped.remove(&station);
        self.power(self.station(station), true, observer);
    }

    /// The cable of an element.
    ///
    /// # Panics
    /// If the lab has no such element.
    pub(super) fn element_link(&self, element: ElementId) -> LinkId {
        let node = self.elements[element.0];
        let cable = self.fixed.iter().find(|cable| cable.node == node);
        cable.expect("each element has a cable").link
    }

    /// These stations' cables, as they are plugged in now.
    pub(super) fn cables_of(&self, cables: &Cables) -> Vec<Cabled> {
        let sets = (0..).map(PhoneId).zip(&self.phones);
        let sets = sets.map(|(id, jack)| Cabled {
            node: jack.node,
            phone: Some(id),
            subnet: jack.subnet,
            link: jack.link,
        });
        let all = self.fixed.iter().copied().chain(sets);
        let is_of = |cable: &Cabled, place: &Place| match (place, self.who[cable.node.0 as usize]) {
            (Place::Subnet(subnet), _) => cable.subnet == *subnet,
            (Place::Phone(id), Who::Phone(is)) => is == *id,
            (Place::Host(id), Who::Host(is)) => is == *id,
            (Place::Element(id), Who::Element(is)) => is == *id,
            (Place::Router(n), Who::Router(is)) => is == *n,
            (Place::Phone(_) | Place::Host(_) | Place::Element(_) | Place::Router(_), _) => false,
        };
        let wanted = |cable: &Cabled| {
            cables.at.is_none_or(|at| at == cable.subnet)
                && cables.of.iter().any(|place| is_of(cable, place))
        };
        all.filter(wanted).collect()
    }

    /// Whether a cable is where it was, and nobody has pulled it.
    pub(super) fn belongs_in(&self, link: LinkId, phone: Option<PhoneId>) -> bool {
        !self.pulled.contains(&link) && phone.is_none_or(|phone| self.phones[phone.0].link == link)
    }

    /// Pulls a phone's cable.
    pub(super) fn unplug(&mut self, phone: PhoneId, observer: &mut impl Observer) {
        self.pulled.insert(self.phones[phone.0].link);
        self.world.unplug(self.phones[phone.0].link, observer);
    }

    /// Puts a phone's cable back where it was.
    pub(super) fn plug(&mut self, phone: PhoneId, observer: &mut impl Observer) {
        self.pulled.remove(&self.phones[phone.0].link);
        self.world.plug(self.phones[phone.0].link, observer);
    }

    /// Has the switch say at a port for sets what it says there.
    pub(super) fn advertise(
        &mut self,
        segment: SubnetId,
        port: PortId,
        observer: &mut impl Observer,
    ) {
        let Segment { node, says, .. } = &self.segments[segment.0];
        if let Some(says) = says.clone() {
            self.world.with(*node, observer, |station, _, _| {
                if let Station::Switch(switch) = station {
                    switch.advertise(port, says);
                }
            });
        }
    }

    /// Puts a phone whose cable is pulled into another port: of `to`, never the one it came from.
    pub(super) fn plug_at(&mut self, phone: PhoneId, to: SubnetId, observer: &mut impl Observer) {
        let jack = self.phones[phone.0];
        self.pulled.remove(&jack.link);
        let segment = &mut self.segments[to.0];
        let mode = segment.set_port.clone();
        let port = match segment.free.pop() {
            Some(port) => port,
            None => self
                .world
                .with(segment.node, observer, |station, _, _| match station {
                    Station::Switch(switch) => switch.add_port(mode),
                    Station::Gateway(_) | Station::Host(_) | Station::Edge(_) => PortId(0),
                }),
        };
        segment.occupy(port, jack.node);
        let (node, cable) = (segment.node, segment.cable.clone());
        self.advertise(to, port, observer);
        let left = &mut self.segments[jack.subnet.0];
        left.ports[jack.port.0 as usize] = None;
        left.free.push(jack.port);
        let link = self.world.connect(
            station_end(jack.node),
            End { node, port },
            Cable::new(cable),
            observer,
        );
        self.phones[phone.0] = Jack {
            link,
            subnet: to,
            port,
            ..jack
        };
    }
}

impl Segment {
    /// Notes who is at a port.
    pub(super) fn occupy(&mut self, port: PortId, node: NodeId) {
        let index = port.0 as usize;
        if self.ports.len() <= index {
            self.ports.resize(index + 1, None);
        }
        self.ports[index] = Some(node);
    }
}

/// The one port of a station that has one.
pub(super) fn station_end(node: NodeId) -> End {
    End {
        node,
        port: PortId(0),
    }
}

macro_rules! each_station {
    ($self:ident, $node:ident => $call:expr) => {
        match $self {
            Station::Switch($node) => $call,
            Station::Gateway($node) => $call,
            Station::Host($node) => $call,
            Station::Edge($node) => $call,
        }
    };
}

impl Node for Station {
    type Ear = Ear;

    fn handle_frame(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    ) {
        each_station!(self, node => node.handle_frame(now, port, frame, out));
    }

    fn handle_carrier(&mut self, now: Instant, port: PortId, up: bool, out: &mut Outbox<Transmit>) {
        each_station!(self, node => node.handle_carrier(now, port, up, out));
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        each_station!(self, node => node.handle_timeout(now, out));
    }

    fn poll_timeout(&self) -> Deadline {
        each_station!(self, node => node.poll_timeout())
    }

    fn ear(&self) -> Ear {
        match self {
            Station::Host(host) => host.ear(),
            Station::Switch(_) | Station::Gateway(_) | Station::Edge(_) => Ear::OPEN,
        }
    }
}

macro_rules! each_service {
    ($self:ident, $app:ident => $call:expr) => {
        match $self {
            Service::Phone($app) => $call,
            Service::Dhcp($app) => $call,
            Service::Tftp($app) => $call,
            Service::Dns($app) => $call,
            Service::Element($app) => $call,
        }
    };
}

impl App for Service {
    fn handle_host(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        each_service!(self, app => app.handle_host(now, event, out));
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        each_service!(self, app => app.handle_datagram(now, datagram, out));
    }

    fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        each_service!(self, app => app.handle_stream(now, stream, event, out));
    }

    fn handle_lldp(&mut self, now: Instant, message: &[u8], out: &mut Outbox<AppEffect>) {
        each_service!(self, app => app.handle_lldp(now, message, out));
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        each_service!(self, app => app.handle_timeout(now, out));
    }

    fn poll_timeout(&self) -> Deadline {
        each_service!(self, app => app.poll_timeout())
    }
}
