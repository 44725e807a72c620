//! The lab: a plan's network as nodes and cables, and who stands where.

mod cables;
mod disturb;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
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

use super::plan::{ElementId, HostId, PhoneId, Powered, StationId, SubnetId};
pub(super) use cables::Cabled;

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
    pub routers: Vec<NodeId>,
    pub hosts: Vec<NodeId>,
    pub elements: Vec<NodeId>,
    pub phones: Vec<Jack>,
    /// The edges of the stations that are outside: hosts, then elements, in the plan's order.
    pub edges: Vec<(StationId, NodeId)>,
    /// The cables of all stations that never move.
    pub fixed: Vec<Cabled>,
    /// Cables of sets that somebody has pulled, and not put back.
    pub pulled: BTreeSet<LinkId>,
    /// Ports that are nobody's, from which steps send.
    pub bare: BTreeMap<SubnetId, PortId>,
    /// Stations that a step has stopped, and none has started again.
    pub stopped: BTreeSet<Powered>,
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

    /// The node of a station.
    pub(super) fn station(&self, station: StationId) -> NodeId {
        match station {
            StationId::Host(host) => self.hosts[host.0],
            StationId::Element(element) => self.elements[element.0],
        }
    }

    /// Gives a station power, or takes it. No effect on what has power, or none, already.
    pub(super) fn power(&mut self, node: NodeId, on: bool, observer: &mut impl Observer) {
        self.world
            .with(node, observer, |station, now, out| match station {
                Station::Host(host) => host.power(now, on, out),
                Station::Gateway(gateway) => gateway.power(on, out),
                Station::Switch(_) | Station::Edge(_) => {}
            });
    }

    /// Takes a phone's power, and so its LLDP from the port of its switch, to which it brings no signal any more. Its MAC stays
    /// there: frames to many sets without power would else go to all ports.
    pub(super) fn power_down(&mut self, phone: PhoneId, observer: &mut impl Observer) {
        let jack = self.phones[phone.0];
        self.power(jack.node, false, observer);
        let switch = self.segments[jack.subnet.0].node;
        self.world
            .with(switch, observer, |station, _, _| match station {
                Station::Switch(switch) => switch.set_has_gone(jack.port),
                Station::Gateway(_) | Station::Host(_) | Station::Edge(_) => {}
            });
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
