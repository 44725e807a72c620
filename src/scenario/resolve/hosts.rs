//! Stations that are no sets, elements or routers: boot servers, kernels, DHCP servers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Resolver;
use super::dhcp;
use super::network;
use super::stations::place;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Firmware, Host, HostKind, SubnetId};
use crate::scenario::problem::{Problem, Span};
use crate::time::Duration;
use crate::wire::Mac;
use crate::wire::dns::plain_name;

/// The largest TFTP block whose datagram fits an Ethernet frame.
const BLOCK_SIZE: u16 = 1_468;
/// The ports that sets try: 20001 first, then TFTP's own.
const TFTP_PORTS: &[u16] = &[20001, 69];
/// For how long a DNS record holds.
const TTL: Duration = Duration::from_secs(60);
/// The longest time of a record (RFC 2181 section 8).
const TTL_SECS_MAX: u64 = (1 << 31) - 1;
/// The first MAC of kernel hosts that the file gives neither MAC nor address.
const FIRST_KERNEL_MAC: Mac = Mac([0x02, 0x01, 0, 0, 0, 1]);

/// Boot servers, kernel hosts, DNS servers, DHCP servers: in this order, which the names count on.
pub(super) fn hosts(resolver: &mut Resolver<'_>) -> Vec<Host> {
    let file = resolver.file;
    let mut hosts = Vec::new();
    for tftp in &file.tftp {
        let address = tftp.address.as_ref();
        let given = Given {
            name: tftp.name.as_ref(),
            at: tftp.at.as_ref(),
            address,
            mac: tftp.mac.as_ref(),
            span: &tftp.span,
        };
        let ports = tftp.ports.as_ref();
        let firmware = tftp
            .firmware
            .as_ref()
            .map(|firmware| firmware.value.clone());
        let kind = HostKind::Tftp {
            address: address.map_or(Ipv4Addr::UNSPECIFIED, |address| address.value),
            ports: ports.map_or_else(
                || TFTP_PORTS.to_vec(),
                |ports| ports.iter().map(|port| port.value).collect(),
            ),
            block_size: tftp.block_size.as_ref().map_or(BLOCK_SIZE, |it| it.value),
            firmware: firmware.unwrap_or(Firmware::Made(Vec::new())),
        };
        hosts.push(given.host(resolver, hosts.len(), kind));
    }
    for host in &file.hosts {
        let address = host.address.as_ref();
        let given = Given {
            name: host.name.as_ref(),
            at: host.at.as_ref(),
            address,
            mac: host.mac.as_ref(),
            span: &host.span,
        };
        let address = address.map(|address| address.value);
        let program = host.program.clone();
        let kind = HostKind::Kernel {
            address,
            trunk: Vec::new(),
            program,
        };
        let planned = given.host(resolver, hosts.len(), kind);
        hosts.push(with_trunk(resolver, planned, &host.trunk));
    }
    for dns in &file.dns {
        let address = dns.address.as_ref();
        let given = Given {
            name: dns.name.as_ref(),
            at: dns.at.as_ref(),
            address,
            mac: dns.mac.as_ref(),
            span: &dns.span,
        };
        let address = address.map_or(Ipv4Addr::UNSPECIFIED, |address| address.value);
        let kind = dns_server(resolver, dns, address);
        hosts.push(given.host(resolver, hosts.len(), kind));
    }
    for server in dhcp::servers(file) {
        hosts.push(dhcp_server(resolver, &server));
    }
    hosts
}

/// The host with the VLANs of these subnets at its port.
fn with_trunk(resolver: &mut Resolver<'_>, mut host: Host, names: &[At<String>]) -> Host {
    if let HostKind::Kernel { trunk, .. } = &mut host.kind {
        *trunk = network::tagged(resolver, host.at, names);
    }
    host
}

fn dns_server(resolver: &mut Resolver<'_>, dns: &file::Dns, address: Ipv4Addr) -> HostKind {
    if let Some(At { value, span }) = &dns.ttl
        && (value.subsec_nanos() != 0 || value.as_secs() > TTL_SECS_MAX)
    {
        let message = "DNS counts the time of a record in whole seconds, up to 68 years";
        resolver.problems.push(Problem::new(span, message));
    }
    let mut records: BTreeMap<String, (Ipv4Addr, &Span)> = BTreeMap::new();
    for (name, to) in &dns.records {
        let plain = plain_name(&name.value).into_owned();
        if let Some((_, first)) = records.get(&plain) {
            let message = format!("`{plain}` has two records");
            let problem = Problem::new(&name.span, message).context(first, "the first");
            resolver.problems.push(problem);
        } else if let Some(to) = resolver.element_address(to) {
            records.insert(plain, (to, &name.span));
        }
    }
    let records = records.into_iter().map(|(name, (to, _))| (name, to));
    HostKind::Dns {
        address,
        ttl: dns.ttl.as_ref().map_or(TTL, |ttl| ttl.value),
        delay: dns
            .delay
            .as_ref()
            .map_or(Duration::ZERO, |delay| delay.value),
        records: records.collect(),
    }
}

/// A server, in the subnet that is the first to name it or where its address belongs.
fn dhcp_server(resolver: &mut Resolver<'_>, server: &dhcp::Server<'_>) -> Host {
    let first = SubnetId(server.subnet);
    let name = server.name(&resolver.subnets[first.0].name);
    let subnet = &resolver.file.subnets[first.0];
    let elsewhere = dhcp::elsewhere(subnet, server.dhcp).map(|server| {
        let where_ = (resolver.subnets.as_slice(), &resolver.names);
        place(None, Some(&server), where_, resolver.problems)
    });
    let at = elsewhere.unwrap_or(Some(first));
    let server = dhcp::address(subnet, server.dhcp);
    let mac = server.as_ref().zip(at).map(|(server, at)| {
        let (stations, subnet) = (&mut resolver.stations, &resolver.subnets[at.0]);
        stations.server(&name, (server, None), subnet, None, resolver.problems)
    });
    Host {
        name,
        at: at.unwrap_or(first),
        mac: mac.unwrap_or(Mac::ZERO),
        kind: HostKind::Dhcp {
            address: server.map_or(Ipv4Addr::UNSPECIFIED, |server| server.value),
        },
    }
}

/// What the file says of a host.
struct Given<'a> {
    name: Option<&'a At<String>>,
    at: Option<&'a At<String>>,
    address: Option<&'a At<Ipv4Addr>>,
    mac: Option<&'a At<Mac>>,
    span: &'a Span,
}

impl Given<'_> {
    /// The host, the `position`th of all.
    fn host(self, resolver: &mut Resolver<'_>, position: usize, kind: HostKind) -> Host {
        let name = self.name.map(|name| name.value.clone()).unwrap_or_default();
        let where_ = (resolver.subnets.as_slice(), &resolver.names);
        let at = place(self.at, self.address, where_, resolver.problems);
        let (stations, problems) = (&mut resolver.stations, &mut *resolver.problems);
        let mac = match (self.address, at) {
            (Some(address), Some(at)) => {
                let subnet = &resolver.subnets[at.0];
                stations.server(&name, (address, self.mac), subnet, None, problems)
            }
            (Some(_), None) | (None, _) => {
                let span = self.mac.map_or(self.span, |mac| &mac.span);
                let default = FIRST_KERNEL_MAC.plus(position as u64);
                let mac = self.mac.map_or(default, |mac| mac.value);
                stations.mac(name.clone(), mac, span, None, problems);
                mac
            }
        };
        Host {
            name,
            at: at.unwrap_or(SubnetId(0)),
            mac,
            kind,
        }
    }
}
