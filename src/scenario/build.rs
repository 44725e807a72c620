//! A plan becomes a lab: nodes, cables, forms. Everything but the phones has power when it is done.

mod dhcp;
mod forms;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use self::dhcp::dhcp_server;
pub(super) use self::forms::outside_forms;
use self::forms::{forms, others, target};
use super::lab::{Cabled, Jack, Lab, Segment, Service, Station, Who};
use super::plan::{
    self, ElementId, Firmware, Host as PlannedHost, HostId, HostKind, MadeFile, Model, PhoneId,
    Plan, Subnet, SubnetId,
};
use crate::app::HostAddress;
use crate::capture::filter::FilterError;
use crate::controller::{Element, ElementConfig, FormError, TrunkConfig};
use crate::dns::{self, server::DnsServer};
use crate::fabric::{Advertisement, Bitrate, Cable, CableSettings, PortMode, Switch};
use crate::ip::{
    Gateway, GatewayConfig, GatewayError, GatewayInterface, Host, HostConfig, NeighbourSettings,
    Route, RouteTo, TcpSettings,
};
use crate::phone::{Memory, Phone, PhoneSettings, PhoneTimes};
use crate::rng::Rng;
use crate::sim::{Edge, End, NodeId, Observer, PortId, World};
use crate::tftp::server::{self, TftpServer};
use crate::wire::Mac;

/// The MAC of the first switch, by which it calls itself in LLDP.
const FIRST_CHASSIS: Mac = Mac([0x02, 0x02, 0, 0, 0, 1]);
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

/// All boot files of a plan. `read` gives the files of a folder that the scenario names.
///
/// # Errors
/// If a folder can't be read.
pub fn firmware(
    plan: &Plan,
    mut read: impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Result<Files, BuildError> {
    let all = boot_servers(plan).map(|(id, firmware)| Ok((id, files_of(firmware, &mut read)?)));
    all.collect()
}

/// As [`firmware`], without the servers whose folder can't be read.
pub fn readable_firmware(
    plan: &Plan,
    mut read: impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Files {
    let all = boot_servers(plan);
    all.filter_map(|(id, firmware)| Some((id, files_of(firmware, &mut read).ok()?)))
        .collect()
}

fn boot_servers(plan: &Plan) -> impl Iterator<Item = (HostId, &Firmware)> {
    let hosts = plan.hosts.iter().enumerate();
    hosts.filter_map(|(n, host)| match &host.kind {
        HostKind::Tftp { firmware, .. } => Some((HostId(n), firmware)),
        HostKind::Dns { .. }
        | HostKind::Dhcp { .. }
        | HostKind::Kernel { .. }
        | HostKind::Interface { .. } => None,
    })
}

fn files_of(
    firmware: &Firmware,
    read: &mut impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Result<BTreeMap<String, Arc<[u8]>>, BuildError> {
    match firmware {
        Firmware::Made(made) => Ok(made.iter().map(|f| (f.name.clone(), make(f))).collect()),
        Firmware::Folder(folder) => read(folder).map_err(|source| BuildError::Firmware {
            folder: folder.clone(),
            source,
        }),
    }
}

/// The content of a made-up boot file: a line with its name and version, then bytes that follow from both.
fn make(file: &MadeFile) -> Arc<[u8]> {
    let mut bytes = format!("{} {}\n", file.name, file.version).into_bytes();
    let mut rng = Rng::stream(0, &format!("{} {}", file.name, file.version));
    while bytes.len() < file.bytes {
        bytes.extend(rng.u64().to_le_bytes());
    }
    bytes.truncate(file.bytes);
    bytes.into()
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
    for router in 0..plan.routers.len() {
        builder.router(router)?;
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
        hosts,
        elements,
        phones: Vec::with_capacity(phones.len()),
        fixed: Vec::new(),
        pulled: BTreeSet::new(),
        stopped: BTreeSet::new(),
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

    fn router(&mut self, n: usize) -> Result<(), BuildError> {
        let plan = self.plan;
        let router = &plan.routers[n];
        let interface = |interface: &plan::RouterInterface| GatewayInterface {
            mac: interface.mac,
            address: interface.address,
            prefix_len: plan.subnets[interface.subnet.0].prefix.len,
            arp: interface.arp,
            reverse_path: interface.reverse_path,
            relay_to: interface.relay_to,
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
        self.add(Who::Router(n), Station::Gateway(Box::new(gateway)), &ends);
        Ok(())
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
            mac: phone.mac,
            model,
            boot_file,
            main_file,
            lldp: phone.lldp,
            times: Arc::clone(&models.times),
        };
        let memory = Memory {
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

    /// The switches, with a port in a subnet's VLAN for each station that stands there.
    fn switches(&mut self) -> Vec<Segment> {
        let mut ports: BTreeMap<&str, Vec<PortMode>> = BTreeMap::new();
        let mut first = Vec::new();
        let numbered = (0..).map(SubnetId).zip(&self.plan.subnets);
        for ((at, subnet), stations) in numbered.zip(&self.cables) {
            let of_switch = ports.entry(&subnet.switch).or_default();
            first.push(of_switch.len());
            let who = |end: &End| self.who[end.node.0 as usize];
            let modes = stations.iter().map(|end| who(end).port_mode(self.plan, at));
            of_switch.extend(modes);
        }
        let mut nodes: BTreeMap<&str, (NodeId, Mac)> = BTreeMap::new();
        let mut segments = Vec::new();
        for (n, subnet) in self.plan.subnets.iter().enumerate() {
            let modes = ports.remove(subnet.switch.as_str());
            if let Some(modes) = modes {
                let node = self.world.add(Station::Switch(Switch::new(modes)));
                self.who.push(Who::Switch(SubnetId(n)));
                self.world.watch(node);
                let chassis = FIRST_CHASSIS.plus(nodes.len() as u64);
                nodes.insert(&subnet.switch, (node, chassis));
            }
            let (node, chassis) = nodes[subnet.switch.as_str()];
            let stations = self.cables[n].iter().map(|end| Some(end.node));
            segments.push(Segment {
                node,
                says: subnet.policy.map(|policy| {
                    Arc::new(Advertisement {
                        chassis,
                        system_name: subnet.switch.clone(),
                        policy,
                    })
                }),
                set_port: Who::Phone(PhoneId(0)).port_mode(self.plan, SubnetId(n)),
                cable: Arc::new(CableSettings {
                    latency: subnet.cable.latency,
                    rate: subnet.cable.rate.map(Bitrate),
                    queue_bytes_max: subnet.cable.queue_bytes,
                    impaired: false,
                }),
                ports: std::iter::repeat_n(None, first[n])
                    .chain(stations)
                    .collect(),
                free: Vec::new(),
            });
        }
        segments
    }
}

impl Lab {
    /// A cable from each switch port to its station.
    fn plug_everything_in(
        &mut self,
        plan: &Plan,
        cables: &[Vec<End>],
        observer: &mut impl Observer,
    ) {
        let mut jacks: BTreeMap<NodeId, Jack> = BTreeMap::new();
        for (n, stations) in cables.iter().enumerate() {
            let (node, cable) = (self.segments[n].node, self.segments[n].cable.clone());
            let first = self.segments[n].ports.len() - stations.len();
            for (port, station) in (first as u32..).map(PortId).zip(stations) {
                if self.who[station.node.0 as usize].is_for_sets(plan) {
                    self.advertise(SubnetId(n), port, observer);
                }
                let cable = Cable::new(cable.clone());
                let link = self
                    .world
                    .connect(*station, End { node, port }, cable, observer);
                let jack = Jack {
                    node: station.node,
                    link,
                    subnet: SubnetId(n),
                    port,
                };
                if let Who::Phone(_) = self.who[station.node.0 as usize] {
                    jacks.insert(station.node, jack);
                } else {
                    self.fixed.push(Cabled {
                        node: station.node,
                        phone: None,
                        subnet: SubnetId(n),
                        link,
                    });
                }
            }
        }
        // Phones are added in the plan's order, so their nodes are.
        self.phones = jacks.into_values().collect();
    }
}

fn address_in(subnet: &Subnet, address: std::net::Ipv4Addr) -> HostAddress {
    HostAddress {
        address,
        prefix_len: subnet.prefix.len,
        gateway: subnet.gateway,
    }
}
