//! DHCP: pools, reservations and times that fit their subnet and each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Resolver;
use super::options;
use super::stations::{ANY, check_host};
use crate::dhcp::Class;
use crate::ip::Relay;
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Dhcp, Subnet};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::time::Duration;
use crate::wire::Mac;

/// Sub-options of option 82 (RFC 3046 section 2).
const CIRCUIT_ID: u8 = 1;
const REMOTE_ID: u8 = 2;
const LEASE: Duration = Duration::from_secs(8 * 3600);

/// A DHCP server, by the first subnet that names it.
pub(super) struct Server<'f> {
    /// Index of the subnet.
    pub(super) subnet: usize,
    /// Which of the subnet's servers it is, from 0.
    nth: usize,
    pub(super) dhcp: &'f At<file::Dhcp>,
}

impl Server<'_> {
    /// What steps call it: `dhcp.office`; the second of the subnet's `dhcp.office.2`.
    pub(super) fn name(&self, subnet: &str) -> String {
        match self.nth {
            0 => format!("dhcp.{subnet}"),
            n => format!("dhcp.{subnet}.{}", n + 1),
        }
    }
}

/// The DHCP servers of a file.
pub(super) fn servers(file: &file::File) -> impl Iterator<Item = Server<'_>> {
    let mut known = BTreeSet::new();
    let all = file.subnets.iter().enumerate().flat_map(|(i, subnet)| {
        let servers = subnet.dhcp.iter().enumerate();
        servers.map(move |(nth, dhcp)| {
            let server = Server {
                subnet: i,
                nth,
                dhcp,
            };
            (server, address(subnet, dhcp))
        })
    });
    // Where the address can't be known, a problem has been told, and the server is nobody else's.
    let new = all.filter(move |(_, at)| at.as_ref().is_none_or(|at| known.insert(at.value)));
    new.map(|(server, _)| server)
}

/// The address of a DHCP server of a subnet: the second of its hosts if the file does not say.
pub(super) fn address(subnet: &file::Subnet, dhcp: &At<file::Dhcp>) -> Option<At<Ipv4Addr>> {
    if let Some(server) = &dhcp.value.server {
        return Some(server.clone());
    }
    let prefix = subnet.prefix.as_ref()?.value;
    let second = prefix.nth(2).unwrap_or(prefix.address);
    Some(At::new(second, dhcp.span.clone()))
}

/// The address of a server of a subnet, if it stands in another one: the gateway relays to it.
pub(super) fn elsewhere(subnet: &file::Subnet, dhcp: &At<file::Dhcp>) -> Option<At<Ipv4Addr>> {
    let prefix = subnet.prefix.as_ref()?.value;
    address(subnet, dhcp).filter(|server| !prefix.contains(server.value))
}

/// The relay agent of a subnet's gateway, if a server stands in another one.
pub(super) fn relay(subnet: &file::Subnet) -> Option<Relay> {
    let servers = subnet.dhcp.iter();
    let servers = servers.filter_map(|dhcp| Some(elsewhere(subnet, dhcp)?.value));
    let servers: Vec<Ipv4Addr> = servers.collect();
    if servers.is_empty() {
        return None;
    }
    let given = subnet.gateway.as_ref()?.value.relay.as_ref();
    let given = given.map(|given| &given.value);
    let mut information = Vec::new();
    for (code, text) in [
        (CIRCUIT_ID, given.and_then(|it| it.circuit_id.as_ref())),
        (REMOTE_ID, given.and_then(|it| it.remote_id.as_ref())),
    ] {
        if let Some(text) = text {
            information.extend([code, text.value.len() as u8]); // at most 100
            information.extend(text.value.bytes());
        }
    }
    Some(Relay {
        servers,
        information: (!information.is_empty()).then_some(information),
        trusts: given.is_some_and(|it| it.trusted.as_ref().is_some_and(|yes| yes.value)),
    })
}

/// A subnet's DHCP. Every station has its address by now, every phone its MAC.
pub(super) fn dhcp(
    resolver: &mut Resolver<'_>,
    at: usize,
    dhcp: &At<file::Dhcp>,
    macs: &[Mac],
) -> Dhcp {
    let subnet = resolver.subnets[at].clone();
    let given = &dhcp.value;
    let options = options::options(resolver, &given.told, &dhcp.span);
    let name_servers = given.name_servers.iter();
    let name_servers = name_servers.filter_map(|server| resolver.name_server_address(server));
    let name_servers = name_servers.collect();
    let (lease, renew, rebind) = times(given, resolver.problems);
    check_server(resolver, at, dhcp);
    let everybodys = pool(
        resolver,
        given.pool.as_ref(),
        (&dhcp.span, given.probe.is_some()),
        &subnet,
    );
    let classes = classes(resolver, given, &subnet, everybodys);
    let server = address(&resolver.file.subnets[at], dhcp);
    Dhcp {
        server: server.map_or(Ipv4Addr::UNSPECIFIED, |server| server.value),
        pool: everybodys,
        router: subnet.gateway,
        name_servers,
        lease,
        renew,
        rebind,
        authoritative: given.authoritative.as_ref().is_none_or(|yes| yes.value),
        options,
        reservations: reservations(resolver, given, &subnet, macs),
        client_reservations: client_reservations(resolver, given, &subnet),
        classes,
        rapid_commit: given.rapid_commit.as_ref().is_some_and(|yes| yes.value),
        probe: given.probe.as_ref().map(|wait| wait.value),
    }
}

/// A subnet has a server once, and one in another subnet needs somebody who relays to it.
fn check_server(resolver: &mut Resolver<'_>, at: usize, dhcp: &At<file::Dhcp>) {
    let (subnet, file) = (&resolver.subnets[at], &resolver.file.subnets[at]);
    let own = address(file, dhcp);
    let mut before = subnet.dhcp.iter();
    if let Some(At { value, span }) = &own
        && before.any(|other| other.server == *value)
    {
        let message = format!("{value} serves {} already", subnet.name);
        let help = "give each server of a subnet a `server` address of its own".to_owned();
        resolver
            .problems
            .push(Problem::new(span, message).help(help));
    }
    let Some(At { value, span }) = elsewhere(file, dhcp) else {
        return;
    };
    if subnet.gateway.is_none() {
        let name = &subnet.name;
        let message = format!("{value} is not in {name}, which has no gateway to relay DHCP to it");
        let help = format!(
            "give {name} a `gateway`, or a server of its own ({})",
            subnet.prefix
        );
        resolver
            .problems
            .push(Problem::new(&span, message).help(help));
    }
}

fn pool(
    resolver: &mut Resolver<'_>,
    given: Option<&At<(Ipv4Addr, Ipv4Addr)>>,
    (table, probes): (&Span, bool),
    subnet: &Subnet,
) -> (Ipv4Addr, Ipv4Addr) {
    let problems = &mut *resolver.problems;
    if subnet.prefix == ANY {
        return (subnet.prefix.address, subnet.prefix.address);
    }
    let (pool, span) = match given {
        Some(At { value, span }) => (*value, span),
        None => match default_pool(subnet) {
            Some(pool) => (pool, table),
            None => {
                let message = format!("{} has no room for a pool", subnet.prefix);
                problems.push(Problem::new(table, message).help("give it a `pool`".to_owned()));
                return (subnet.prefix.address, subnet.prefix.address);
            }
        },
    };
    let first = check_host(&At::new(pool.0, span.clone()), subnet, problems);
    let last = pool.1 == pool.0 || check_host(&At::new(pool.1, span.clone()), subnet, problems);
    if !first || !last {
        return pool;
    }
    // A server that probes finds out by itself.
    if let Some((address, who, place)) = resolver.stations.first_in(pool).filter(|_| !probes) {
        let (from, to) = pool;
        let message = format!("the pool {from} - {to} contains {address}, the address of {who}");
        let problem = Problem::new(span, message).context(place, format!("{who} has {address}"));
        problems.push(problem);
    }
    pool
}

/// The classes of clients. No two pools of a subnet have an address in common.
fn classes(
    resolver: &mut Resolver<'_>,
    given: &file::Dhcp,
    subnet: &Subnet,
    everybodys: (Ipv4Addr, Ipv4Addr),
) -> Vec<Class> {
    let mut pools = vec![everybodys];
    let mut classes = Vec::new();
    let probes = given.probe.is_some();
    for At { value: class, span } in &given.classes {
        let own = class.pool.as_ref();
        let own_pool = own.map(|given| pool(resolver, Some(given), (span, probes), subnet));
        if let (Some((first, last)), Some(given)) = (own_pool, own) {
            let mut others = pools.iter();
            if let Some((from, to)) = others.find(|(from, to)| first <= *to && *from <= last) {
                let message =
                    format!("the pool {first} - {last} has addresses of the pool {from} - {to}");
                let help = "give each class a pool of its own, or none: then it has everybody's";
                let problem = Problem::new(&given.span, message).help(help.to_owned());
                resolver.problems.push(problem);
            }
            pools.push((first, last));
        }
        classes.push(Class {
            vendor_class: class
                .name
                .iter()
                .flat_map(|name| name.value.bytes())
                .collect(),
            pool: own_pool,
            options: options::options(resolver, &class.told, span),
        });
    }
    classes
}

fn client_reservations(
    resolver: &mut Resolver<'_>,
    given: &file::Dhcp,
    subnet: &Subnet,
) -> Vec<(Vec<u8>, Ipv4Addr)> {
    let mut reserved: Vec<(Vec<u8>, Ipv4Addr)> = Vec::new();
    for (id, address) in &given.reserve_client_id {
        let by_name = given
            .reserve
            .iter()
            .any(|(_, other)| other.value == address.value);
        if by_name || reserved.iter().any(|(_, other)| *other == address.value) {
            let message = format!("{} is reserved twice", address.value);
            resolver.problems.push(Problem::new(&address.span, message));
        }
        if check_host(address, subnet, resolver.problems) {
            reserved.push((id.clone(), address.value));
        }
    }
    reserved
}

/// From the 50th address, in a small subnet from its first quarter, to the last one before broadcast;
/// after gateway and server in any case.
fn default_pool(subnet: &Subnet) -> Option<(Ipv4Addr, Ipv4Addr)> {
    const FROM: u32 = 50;
    const FROM_LEAST: u32 = 3;
    let size = 1_u32.checked_shl(32 - u32::from(subnet.prefix.len))?;
    let first = FROM.min((size / 4).max(FROM_LEAST));
    let last = size.checked_sub(2).filter(|last| *last >= first)?;
    Some((subnet.prefix.nth(first)?, subnet.prefix.nth(last)?))
}

type Times = (Duration, Option<Duration>, Option<Duration>);

/// Whole seconds, in the order T1, T2, end (RFC 2131 section 4.4.5).
fn times(given: &file::Dhcp, problems: &mut Problems) -> Times {
    let lease = given.lease.as_ref();
    let (renew, rebind) = (given.renew.as_ref(), given.rebind.as_ref());
    for time in [lease, renew, rebind].into_iter().flatten() {
        let whole = time.value.subsec_nanos() == 0;
        if !whole || time.value.is_zero() || time.value.as_secs() >= u64::from(u32::MAX) {
            let message = "DHCP counts leases in whole seconds, from 1 s to 136 years";
            problems.push(Problem::new(&time.span, message));
        }
    }
    let value = |time: Option<&At<Duration>>| time.map(|time| time.value);
    let lease_time = value(lease).unwrap_or(LEASE);
    let t2 = value(rebind).unwrap_or(lease_time.saturating_mul(7) / 8);
    if let Some(rebind) = rebind.filter(|rebind| rebind.value >= lease_time) {
        let message = "rebinding begins before the lease ends";
        problems.push(
            Problem::new(&rebind.span, message)
                .help("make `rebind` shorter than `lease`".to_owned()),
        );
    } else if let Some(renew) = renew.filter(|renew| renew.value >= t2) {
        let message = "renewing begins before rebinding";
        let help = "make `renew` shorter than `rebind`, which is 7/8 of the lease if not given";
        problems.push(Problem::new(&renew.span, message).help(help.to_owned()));
    }
    (lease_time, value(renew), value(rebind))
}

fn reservations(
    resolver: &mut Resolver<'_>,
    given: &file::Dhcp,
    subnet: &Subnet,
    macs: &[Mac],
) -> Vec<(Mac, Ipv4Addr)> {
    let mut reserved = Vec::new();
    let mut taken: BTreeMap<Ipv4Addr, &Span> = BTreeMap::new();
    for (name, address) in &given.reserve {
        let phone = resolver.names.phone(name, resolver.problems);
        if !check_host(address, subnet, resolver.problems) {
            continue;
        }
        let At { value, span } = address;
        if let Some((_, who, place)) = resolver.stations.first_in((*value, *value)) {
            let problem = Problem::new(span, format!("{value} is the address of {who}"));
            resolver
                .problems
                .push(problem.context(place, format!("given to {who}")));
        }
        if let Some(first) = taken.insert(*value, span) {
            let problem = Problem::new(span, format!("{value} is reserved twice"));
            resolver
                .problems
                .push(problem.context(first, "the first time"));
        }
        reserved.extend(phone.and_then(|phone| Some((*macs.get(phone.0)?, *value))));
    }
    reserved
}
