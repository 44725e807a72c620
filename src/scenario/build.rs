//! A plan becomes a lab: nodes, cables, forms. Everything but the phones has power when it is done.

mod dhcp;
mod firmware;
mod forms;
mod switches;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use self::dhcp::dhcp_server;
pub(super) use self::firmware::make;
pub use self::firmware::{firmware, readable_firmware};
pub(super) use self::forms::outside_forms;
use self::forms::{forms, others, target};
use super::lab::{Lab, Service, Station, Who};
use super::plan::{
    self, ElementId, Host as PlannedHost, HostId, HostKind, Model, PhoneId, Plan, Subnet, SubnetId,
};
use crate::app::HostAddress;
use crate::capture::filter::FilterError;
use crate::controller::{Element, ElementConfig, FormError, TrunkConfig};
use crate::dns::{self, server::DnsServer};
use crate::fabric::Cable;
use crate::ip::{
    Gateway, GatewayConfig, GatewayError, GatewayInterface, Host, HostConfig, NeighbourSettings,
    Route, RouteTo, TcpSettings,
};
use crate::phone::{Memory, Phone, PhoneSettings, PhoneTimes};
use crate::rng::Rng;
use crate::sim::{Edge, End, NodeId, Observer, PortId, World};
use crate::tftp::server::{self, TftpServer};
use crate::wire::Mac;

/// Bytes of the largest IP packet on an Ethernet (RFC 894).
const MTU: u16 = 1_500;
/// Bytes of a send buffer of a set, and of an element: each of 100,000 connections has both. Messages are shorter;
/// what is longer, such as a synchronisation, goes out as it is acknowledged.
const SET_SEND_BUFFER: usize = 256;
const ELEMENT_SEND_BUFFER: usize = 512;

/// The boot files of each TFTP host: name and content.
pub type Files = BTreeMap<HostId, BTreeMap<String, Arc<[u8]>>>;

/// Why a plan can't be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("display filter: {0}")]
    Filter(#[from] FilterError),
    #[error("forms of {element}: {source}")]
    Form { element: String, source: FormError },
    #[error("routes of {router}: {source}")]
    Route {
        router: String,
        source: GatewayError,
    },
    #[error("firmware folder {folder}: {source}")]
    Firmware { folder: String, source: io::Error },
}

/// Builds the lab of a plan.
pub(super) fn build<O: Observer + Meets>(
    plan: &Plan,
    files: &Files,
    observer: &mut O,
) -> Result<Lab, BuildError> {
    let mut builder = Builder {
        plan,
        world: World::new(),
        who: Vec::new(),
        cables: plan.subnets.iter().map(|_| Vec::new()).collect(),
    };
    let mut routers = Vec::new();
    for router in 0..plan.routers.len() {
        routers.push(builder.router(router)?);
    }
    let hosts: Vec<NodeId> = (0..plan.hosts.len())
        .map(|n| builder.host(HostId(n), files))
        .collect();
    let mut elements = Vec::new();
    for n in 0..plan.elements.len() {
        elements.push(builder.element(ElementId(n))?);
    }
    let models = Models::of(plan);
    let phones: Vec<NodeId> = (0..plan.phones.len())
        .map(|n| builder.phone(PhoneId(n), &models))
        .collect();
    let mut lab = Lab {
        edges: Vec::new(),
        segments: builder.switches(),
        world: builder.world,
        who: builder.who,
        routers,
        hosts,
        elements,
        phones: Vec::with_capacity(phones.len()),
        fixed: Vec::new(),
        pulled: BTreeSet::new(),
        stopped: BTreeSet::new(),
        bare: BTreeMap::new(),
    };
    observer.meet(plan, &lab);
    lab.edges = plan.outside().map(|id| (id, lab.station(id))).collect();
    lab.plug_everything_in(plan, &builder.cables, observer);
    for node in lab.hosts.clone() {
        lab.power(node, true, observer);
    }
    // Beside elements that have to be started first, the run gives each its power in its turn.
    if plan
        .elements
        .iter()
        .all(|element| element.outside.is_none())
    {
        for node in lab.elements.clone() {
            lab.power(node, true, observer);
        }
    }
    Ok(lab)
}

/// An observer that is told who the nodes are before anything happens.
pub(super) trait Meets {
    /// These are the nodes.
    fn meet(&mut self, plan: &Plan, lab: &Lab);
}

/// What the builder has made so far.
struct Builder<'p> {
    plan: &'p Plan,
    world: World<Station, Cable>,
    who: Vec<Who>,
    /// For each subnet: the ends that its switch's ports get a cable to, in order.
    cables: Vec<Vec<End>>,
}

fn sending(send_buffer: usize) -> TcpSettings {
    TcpSettings {
        send_buffer,
        ..TcpSettings::default()
    }
}

/// What phones share: times, and by model its name and those of its files.
struct Models<'p> {
    times: Arc<PhoneTimes>,
    names: BTreeMap<&'p str, [Arc<str>; 3]>,
}

impl<'p> Models<'p> {
    fn of(plan: &'p Plan) -> Models<'p> {
        let shared = |model: &Model| {
            [&model.name, &model.boot_file, &model.main_file].map(|text| Arc::from(text.as_str()))
        };
        let models = plan.phones.iter().map(|phone| &phone.model);
        Models {
            times: Arc::default(),
            names: models
                .map(|model| (model.name.as_str(), shared(model)))
                .collect(),
        }
    }
}

impl Builder<'_> {
    fn add(&mut self, who: Who, station: Station, ends: &[(SubnetId, PortId)]) -> NodeId {
        let node = self.world.add(station);
        self.who.push(who);
        for (subnet, port) in ends {
            self.cables[subnet.0].push(End { node, port: *port });
        }
        node
    }

    fn rng(&self, name: &str) -> Rng {
        Rng::stream(self.plan.seed, name)
    }

    fn router(&mut self, n: usize) -> Result<NodeId, BuildError> {
        let plan = self.plan;
        let router = &plan.routers[n];
        let interface = |interface: &plan::RouterInterface| GatewayInterface {
            mac: interface.mac,
            address: interface.address,
            prefix_len: plan.subnets[interface.subnet.0].prefix.len,
            arp: interface.arp,
            reverse_path: interface.reverse_path,
            relay: interface.relay.clone(),
        };
        let route = |route: &plan::Route| Route {
            prefix: route.to.address,
            prefix_len: route.to.len,
            to: RouteTo::Via(route.via),
        };
        let gateway = Gateway::new(GatewayConfig {
            interfaces: router.interfaces.iter().map(interface).collect(),
            routes: router.routes.iter().map(route).collect(),
            neighbours: NeighbourSettings::linux(),
            mtu: MTU,
            rng: self.rng(&format!("router {}", router.name)),
        })
        .map_err(|source| BuildError::Route {
            router: router.name.clone(),
            source,
        })?;
        let ends: Vec<(SubnetId, PortId)> = (0..)
            .map(PortId)
            .zip(&router.interfaces)
            .map(|(port, interface)| (interface.subnet, port))
            .collect();
        Ok(self.add(Who::Router(n), Station::Gateway(Box::new(gateway)), &ends))
    }

    fn host(&mut self, id: HostId, files: &Files) -> NodeId {
        let plan = self.plan;
        let host = &plan.hosts[id.0];
        let subnet = &plan.subnets[host.at.0];
        let station = match &host.kind {
            HostKind::Kernel { .. } | HostKind::Interface { .. } => Station::Edge(Edge::default()),
            HostKind::Tftp {
                address,
                ports,
                block_size,
                ..
            } => {
                let mut config =
                    server::ServerConfig::new(files.get(&id).cloned().unwrap_or_default());
                config.ports.clone_from(ports);
                config.blksize_max = *block_size;
                let server = Service::Tftp(TftpServer::new(config));
                self.server(host, host.mac, address_in(subnet, *address), server)
            }
            HostKind::Dns {
                address,
                ttl,
                delay,
                records,
            } => {
                let server = Service::Dns(DnsServer::new(dns::server::ServerConfig {
                    records: records.iter().cloned().collect(),
                    ttl: *ttl,
                    delay: *delay,
                }));
                self.server(host, host.mac, address_in(subnet, *address), server)
            }
            HostKind::Dhcp { address } => {
                let server = Service::Dhcp(dhcp_server(plan, *address));
                self.server(host, host.mac, address_in(subnet, *address), server)
            }
        };
        self.add(Who::Host(id), station, &[(host.at, PortId(0))])
    }

    fn server(
        &self,
        host: &PlannedHost,
        mac: Mac,
        address: HostAddress,
        service: Service,
    ) -> Station {
        let config = HostConfig {
            mac,
            address: Some(address),
            neighbours: NeighbourSettings::linux(),
            tcp: TcpSettings::default(),
            mtu: MTU,
            rng: self.rng(&format!("host {}", host.name)),
        };
        Station::Host(Box::new(Host::new(config, vec![service])))
    }

    fn element(&mut self, id: ElementId) -> Result<NodeId, BuildError> {
        let plan = self.plan;
        let element = &plan.elements[id.0];
        let ends = [(element.at, PortId(0))];
        if element.outside.is_some() {
            return Ok(self.add(Who::Element(id), Station::Edge(Edge::default()), &ends));
        }
        let forms = forms(plan, id)?;
        let app = Element::new(ElementConfig {
            forms,
            heartbeat: element.heartbeat,
            trunks: TrunkConfig {
                index: element.ceid_index,
                digits: element.ceid_digits.clone(),
                addresses: others(plan, element)
                    .map(|(icp, other)| (icp, plan.elements[other.0].address))
                    .collect(),
            },
        });
        let app = match element.fault {
            None => app,
            Some(fault) => app.with_fault(fault, target(element)),
        };
        let config = HostConfig {
            mac: element.mac,
            address: Some(address_in(&plan.subnets[element.at.0], element.address)),
            neighbours: NeighbourSettings::linux(),
            tcp: sending(ELEMENT_SEND_BUFFER),
            mtu: MTU,
            rng: self.rng(&format!("element {}", element.name)),
        };
        let host = Host::new(config, vec![Service::Element(Box::new(app))]);
        Ok(self.add(Who::Element(id), Station::Host(Box::new(host)), &ends))
    }

    fn phone(&mut self, id: PhoneId, models: &Models<'_>) -> NodeId {
        let phone = &self.plan.phones[id.0];
        let [model, boot_file, main_file] = models.names[phone.model.name.as_str()].clone();
        let settings = PhoneSettings {
            dhcp: phone.dhcp.clone(),
            mac: phone.mac,
            model,
            boot_file,
            main_file,
            lldp: phone.lldp,
            times: Arc::clone(&models.times),
        };
        let memory = Memory {
            address: None,
            pin: phone.stored_pin.clone(),
            flash: None,
            call_server: phone.call_server,
            vlan: phone.vlan,
        };
        let mut rng = self.rng(&format!("phone {}", phone.name));
        let set = Service::Phone(Phone::new(settings, memory, &mut rng));
        let config = HostConfig {
            mac: phone.mac,
            address: None,
            neighbours: NeighbourSettings::phone(),
            tcp: sending(SET_SEND_BUFFER),
            mtu: MTU,
            rng,
        };
        let host = Station::Host(Box::new(Host::new(config, vec![set])));
        self.add(Who::Phone(id), host, &[(phone.at, PortId(0))])
    }
}

fn address_in(subnet: &Subnet, address: std::net::Ipv4Addr) -> HostAddress {
    HostAddress {
        address,
        prefix_len: subnet.prefix.len,
        gateway: subnet.gateway,
    }
}
