//! The network: what DHCP tells the sets of each subnet (CL-7, CL-10), and whether they reach whom it names.

use std::net::Ipv4Addr;

use super::stays::{Stay, count, name};
use super::{Lint, names, place};
use crate::dhcp::Class;
use crate::scenario::file::{self, At};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::plan::{self, Dhcp, HostKind, Plan, Router, SubnetId};
use crate::scenario::problem::{Problem, Span};
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREPLY, Message};
use crate::wire::vendor::{CallServers, Chosen, Refusal, VENDOR, choose};

pub(super) fn look(lint: &mut Lint<'_>) {
    if lint.plan.steps.is_empty() {
        no_steps(lint);
    }
    lonely_routers(lint);
    for subnet in 0..lint.plan.subnets.len() {
        let subnet = SubnetId(subnet);
        let Some(who) = who(lint, subnet) else {
            continue;
        };
        for (dhcp, given) in servers(lint, subnet) {
            relay(lint, subnet, dhcp, given);
            configuration(lint, subnet, (dhcp, given), &who);
        }
        // A kernel may serve DHCP.
        if servers(lint, subnet).next().is_some() {
            room(lint, subnet);
        } else if !has_kernel(lint.plan, subnet) {
            no_dhcp(lint, subnet, &who);
        }
    }
    for subnet in 0..lint.plan.subnets.len() {
        several_servers(lint, SubnetId(subnet));
    }
}

/// The DHCP servers of a subnet, each with what the file says of it.
pub(super) fn servers<'a>(
    lint: &Lint<'a>,
    subnet: SubnetId,
) -> impl Iterator<Item = (&'a Dhcp, &'a At<file::Dhcp>)> + use<'a> {
    let (planned, given) = (&lint.plan.subnets[subnet.0], &lint.file.subnets[subnet.0]);
    planned.dhcp.iter().zip(&given.dhcp)
}

/// What a set of this subnet would go by.
pub(super) fn told(dhcp: &Dhcp) -> Result<Chosen, Refusal> {
    let mut offer = Message::new(BOOTREPLY, Mac::ZERO, 0);
    let of_class = class_of_sets(dhcp).map_or(&[][..], |class| &class.options);
    let of_subnet = dhcp.options.iter();
    let of_subnet = of_subnet.filter(|(code, _)| of_class.iter().all(|(other, _)| other != code));
    for (code, value) in of_subnet.chain(of_class) {
        offer.options.push(*code, value);
    }
    choose(&offer)
}

/// The class that sets are of, by their option 60.
fn class_of_sets(dhcp: &Dhcp) -> Option<&Class> {
    let mut classes = dhcp.classes.iter();
    classes.find(|class| class.vendor_class == VENDOR.as_bytes())
}

/// Whether a kernel of this machine stands here: nobody knows what its programs do.
pub(super) fn has_kernel(plan: &Plan, subnet: SubnetId) -> bool {
    let mut hosts = plan.hosts.iter();
    hosts.any(|host| host.at == subnet && matches!(host.kind, HostKind::Kernel { .. }))
}

/// Whether a kernel of this machine has this address.
pub(super) fn is_kernel(plan: &Plan, address: Ipv4Addr) -> bool {
    let mut hosts = plan.hosts.iter();
    hosts.any(
        |host| matches!(host.kind, HostKind::Kernel { address: Some(own), .. } if own == address),
    )
}

/// The sets of a subnet, in words, and the place that brings them there; `None`: no set is ever there.
fn who(lint: &Lint<'_>, subnet: SubnetId) -> Option<(String, Span)> {
    let words = |stay: &Stay| {
        let verb = match (stay.moved, count(&lint.file.phones[stay.table])) {
            (true, _) => "comes here",
            (false, 1) => "is here",
            (false, _) => "are here",
        };
        format!("{} {verb}", name(&lint.file.phones[stay.table]))
    };
    let first = lint.stays.in_(subnet).next()?;
    Some((words(first), first.span.clone()))
}

fn no_steps(lint: &mut Lint<'_>) {
    let title = lint.file.title.as_ref();
    let span = title.map_or(0..0, |title| title.span.clone());
    let problem = Problem::new(&span, "this scenario has no steps")
        .help("add a [[step]] with `power-up`, and one with `expect`".to_owned());
    let effect = "nothing happens, nothing is expected, and the run passes";
    lint.warn("no-steps", problem, effect);
}

/// A router that one gateway alone names, where others join the subnets: probably a slip of the hand.
fn lonely_routers(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    for (subnet, planned) in file.subnets.iter().zip(&plan.subnets) {
        let gateway = subnet.gateway.as_ref();
        let Some(At {
            value: router,
            span,
        }) = gateway.and_then(|it| it.value.router.as_ref())
        else {
            continue;
        };
        if !is_lonely(lint, router) {
            continue;
        }
        let others = plan.routers.iter().map(|router| router.name.as_str());
        let mut others = others.filter(|other| other != router);
        let help = did_you_mean(router, others.clone())
            .or_else(|| Some(format!("did you mean `{}`?", others.next()?)));
        let message = format!("the router {router} joins {} to nothing", planned.name);
        let problem = Problem::new(span, message).label("makes a router of this name");
        let effect = format!("nobody in {} reaches another subnet", planned.name);
        lint.warn("lonely-router", problem.help(help), effect);
    }
}

/// One interface, where another router is.
fn is_lonely(lint: &Lint<'_>, name: &str) -> bool {
    let routers = &lint.plan.routers;
    let listed = |router: &file::Router| router.name.as_ref().is_some_and(|own| own.value == name);
    let found = routers.iter().find(|router| router.name == name);
    found.is_some_and(|router| router.interfaces.len() == 1)
        && routers.len() > 1
        && !lint.file.routers.iter().any(listed)
}

/// CL-10: every set is in some DHCP domain, wherever it goes.
fn no_dhcp(lint: &mut Lint<'_>, subnet: SubnetId, (who, from): &(String, Span)) {
    let file = &lint.file.subnets[subnet.0];
    let span = place(file.name.as_ref(), &(0..0));
    let message = format!("{} has no DHCP", lint.plan.subnets[subnet.0].name);
    let problem = Problem::new(&span, message)
        .context(from, who.as_str())
        .help("give it a `dhcp` with `call_srv` and `sw_tftp`".to_owned());
    let effect = "a set that has power here asks for an address for ever";
    lint.warn("CL-10", problem, effect);
}

/// CL-10: a way from the relay to the server, and back.
fn relay(lint: &mut Lint<'_>, from: SubnetId, dhcp: &Dhcp, given: &At<file::Dhcp>) {
    let (plan, server) = (lint.plan, dhcp.server);
    let mut subnets = plan.subnets.iter();
    let holds_it = |subnet: &plan::Subnet| subnet.prefix.contains(server);
    let Some(to) = subnets.position(holds_it).map(SubnetId) else {
        return;
    };
    let gap = way(plan, from, to).and_then(|()| way(plan, to, from));
    let Err(gap) = gap else {
        return;
    };
    if is_told(lint, from) || is_told(lint, to) {
        return;
    }
    let (here, there) = (&plan.subnets[from.0].name, &plan.subnets[to.0].name);
    let message = format!("there is no way between {here} and its DHCP server {server}");
    let span = place(given.value.server.as_ref(), &given.span);
    let problem = Problem::new(&span, message)
        .label(format!("{gap}; the server is in {there}"))
        .help("join the two by the `gateway` of each subnet".to_owned());
    let effect =
        "what the gateway relays gets no answer, and a set here asks for an address for ever";
    lint.warn("no-way", problem, effect);
}

/// CL-10: an address for every set that is here at first.
fn room(lint: &mut Lint<'_>, subnet: SubnetId) {
    let stays = lint.stays.in_(subnet).filter(|stay| !stay.moved);
    let sets = stays.map(|stay| count(&lint.file.phones[stay.table]));
    let addresses = servers(lint, subnet).map(|(dhcp, _)| addresses_for_sets(dhcp));
    let (sets, addresses) = (sets.sum::<usize>(), addresses.sum::<usize>());
    let Some((_, given)) = servers(lint, subnet).next().filter(|_| sets > addresses) else {
        return;
    };
    let span = place(given.value.pool.as_ref(), &given.span);
    let name = &lint.plan.subnets[subnet.0].name;
    let message = format!("the DHCP of {name} has {addresses} addresses for {sets} sets");
    let problem = Problem::new(&span, message).help("make the `pool` larger".to_owned());
    let effect = "those that come last get no offer until a lease of another ends";
    lint.warn("CL-10", problem, effect);
}

/// How many sets at most a server has addresses for.
fn addresses_for_sets(dhcp: &Dhcp) -> usize {
    let (first, last) = pool_of_sets(dhcp);
    let outside = |address: &Ipv4Addr| *address < first || *address > last;
    let reserved = dhcp.reservations.iter().filter(|(_, at)| outside(at));
    (u32::from(last) - u32::from(first)) as usize + 1 + reserved.count()
}

fn pool_of_sets(dhcp: &Dhcp) -> (Ipv4Addr, Ipv4Addr) {
    let own = class_of_sets(dhcp).and_then(|class| class.pool);
    own.unwrap_or(dhcp.pool)
}

/// Servers beside each other: none of them gives out an address of another's pool, and none says no for the others.
fn several_servers(lint: &mut Lint<'_>, subnet: SubnetId) {
    let all: Vec<_> = servers(lint, subnet).collect();
    let name = &lint.plan.subnets[subnet.0].name;
    for (n, (dhcp, given)) in all.iter().enumerate() {
        let (first, last) = pool_of_sets(dhcp);
        let overlaps = |(other, _): &&(&Dhcp, _)| {
            let (from, to) = pool_of_sets(other);
            first <= to && from <= last
        };
        if let Some((other, place_of_other)) = all[..n].iter().find(overlaps) {
            let span = place(given.value.pool.as_ref(), &given.span);
            let other_span = place(place_of_other.value.pool.as_ref(), &place_of_other.span);
            let message = format!(
                "{} and {} both give out addresses of {first} - {last}",
                other.server, dhcp.server
            );
            let problem = Problem::new(&span, message)
                .context(&other_span, format!("the pool of {}", other.server))
                .help("give each server of a subnet a `pool` of its own".to_owned());
            let effect = "two stations may get one address, for neither server knows what the other has given";
            lint.warn("several-servers", problem, effect);
        }
        if dhcp.authoritative && all.len() > 1 {
            let span = place(given.value.authoritative.as_ref(), &given.span);
            let message = format!("{} is not the only DHCP server of {name}", dhcp.server);
            let problem = Problem::new(&span, message)
                .label("is authoritative")
                .help("write authoritative = false".to_owned());
            let effect = "it refuses a set that asks all servers for more time on an address of another's, and the set loses it";
            lint.warn("several-servers", problem, effect);
        }
    }
}

/// CL-7: what DHCP tells is something that a set takes, and leads to an element.
fn configuration(
    lint: &mut Lint<'_>,
    subnet: SubnetId,
    (dhcp, given): (&Dhcp, &At<file::Dhcp>),
    who: &(String, Span),
) {
    match told(dhcp) {
        Err(refusal) => {
            let name = &lint.plan.subnets[subnet.0].name;
            let message = format!("a set takes no offer of the DHCP of {name}: {refusal}");
            let help = match refusal {
                Refusal::Absent | Refusal::NoCallServer { .. } => "add `call_srv`",
                Refusal::NoTftpServer { .. } => "add `sw_tftp`",
                Refusal::Defective { .. } => "let `call_srv` and `sw_tftp` make the option",
            };
            let problem = Problem::new(&given.span, message)
                .context(&who.1, who.0.as_str())
                .help(help.to_owned());
            let mut servers = servers(lint, subnet);
            let effect = match servers.any(|(other, _)| told(other).is_ok()) {
                true => "it shows `DHCP: Offer 1 Rej`, and waits for the offer of another server",
                false => {
                    "it shows `DHCP: Offer 1 Rej`, asks again, and never learns the address of an element"
                }
            };
            lint.warn("CL-7", problem, effect);
        }
        Ok(chosen) => {
            let list = given.value.told.call_srv.as_ref();
            let span = place(list, &given.span);
            match chosen.call_srv {
                CallServers::Name(fqdn) => names::call_server(lint, dhcp, &fqdn, &span),
                CallServers::Addresses(addresses) => {
                    for (i, address) in addresses.into_iter().enumerate() {
                        let item = list.and_then(|list| list.value.get(i));
                        call_server(lint, subnet, address, &place(item, &span));
                    }
                }
            }
        }
    }
}

/// CL-7: a call server is an element, and there is a way to it and back.
fn call_server(lint: &mut Lint<'_>, from: SubnetId, address: Ipv4Addr, span: &Span) {
    let plan = lint.plan;
    let element = plan.elements.iter().find(|it| it.address == address);
    let Some(element) = element else {
        if !is_kernel(plan, address) {
            let message = format!("the call server {address} is no element");
            let names: Vec<&str> = plan.elements.iter().map(|it| it.name.as_str()).collect();
            let help = match names.as_slice() {
                [] => "add an [[element]] with this address".to_owned(),
                names => format!("the elements are {}", names.join(", ")),
            };
            let problem = Problem::new(span, message).help(help);
            let effect = "a set that goes by it reaches nobody, and shows `Waiting for Link`";
            lint.warn("CL-7", problem, effect);
        }
        return;
    };
    let (there, back) = (way(plan, from, element.at), way(plan, element.at, from));
    let (here, other) = (&plan.subnets[from.0].name, &plan.subnets[element.at.0].name);
    let gap = match (there, back) {
        (Err(gap), _) | (Ok(()), Err(gap)) => gap,
        (Ok(()), Ok(())) => return,
    };
    if is_told(lint, from) || is_told(lint, element.at) {
        return;
    }
    let message = format!("there is no way between {here} and {}", element.name);
    let problem = Problem::new(span, message)
        .label(format!("{gap}; the element is in {other}"))
        .help("join the two by the `gateway` of each subnet".to_owned());
    let effect = "a set from here does not reach the element, and shows `Waiting for Link`";
    lint.warn("no-way", problem, effect);
}

/// Whether the subnet's router is known to be lonely: what follows need not be told.
fn is_told(lint: &Lint<'_>, subnet: SubnetId) -> bool {
    let gateway = lint.file.subnets[subnet.0].gateway.as_ref();
    let router = gateway.and_then(|gateway| gateway.value.router.as_ref());
    router.is_some_and(|router| is_lonely(lint, &router.value))
}

/// Follows the routes from one subnet to another, as a packet does.
///
/// # Errors
/// Where it gets no further.
fn way(plan: &Plan, from: SubnetId, to: SubnetId) -> Result<(), String> {
    if from == to {
        return Ok(());
    }
    let Some(gateway) = plan.subnets[from.0].gateway else {
        return Err(format!("{} has no gateway", plan.subnets[from.0].name));
    };
    let mut next = gateway;
    // A way that comes twice by one router goes round for ever.
    for _ in 0..=plan.routers.len() {
        let has = |router: &&Router| router.interfaces.iter().any(|it| it.address == next);
        let Some(router) = plan.routers.iter().find(has) else {
            return Err(format!("no router has the address {next}"));
        };
        if router.interfaces.iter().any(|it| it.subnet == to) {
            return Ok(());
        }
        let target = plan.subnets[to.0].prefix;
        let routes = router.routes.iter();
        let routes = routes.filter(|route| route.to.contains(target.address));
        let Some(route) = routes.max_by_key(|route| route.to.len) else {
            return Err(format!("{} has no route there", router.name));
        };
        next = route.via;
    }
    Err("the routes go round in a circle".to_owned())
}
