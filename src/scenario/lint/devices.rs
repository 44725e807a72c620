//! Devices that can't do what other sets can: no registration across the cluster (DV-1), no PIN in their
//! memory (DV-2).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::network::is_kernel;
use super::stays::{count, name};
use super::{Lint, place};
use crate::phone::{keeps_pin, supports_cluster};
use crate::scenario::plan::{Element, Phone, Plan};
use crate::scenario::problem::Problem;
use crate::wire::Mac;

pub(super) fn look(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    for (table, given) in file.phones.iter().enumerate() {
        let first = lint.stays.first(table);
        let sets = &plan.phones[first..(first + count(given)).min(plan.phones.len())];
        let Some(set) = sets.first() else {
            continue;
        };
        if !supports_cluster(&set.model.name) {
            primary(lint, table, sets);
        }
        if !keeps_pin(&set.model.name) {
            reservations(lint, table, sets);
        }
    }
}

/// DV-1: its element's address is programmed by hand, and the element has its DN.
fn primary(lint: &mut Lint<'_>, table: usize, sets: &[Phone]) {
    let given = &lint.file.phones[table];
    let model = place(given.model.as_ref(), &given.span);
    let Some(server) = sets.first().and_then(|set| set.call_server) else {
        let name = name(given);
        let message = format!(
            "{name} does not register across the cluster, and has no call server of its own"
        );
        let effect =
            "it ignores the call server of DHCP, reaches no element, and shows `No call server`";
        let help = "add `manual = { call_srv = \"…\" }`".to_owned();
        lint.warn("DV-1", Problem::new(&model, message).help(help), effect);
        return;
    };
    let span = place(given.call_server.as_ref(), &given.span);
    if !lint.plan.elements.iter().any(|it| it.address == server) {
        if !is_kernel(lint.plan, server) {
            let message = format!("the call server {server} is no element");
            let help = "name the element that has its DN".to_owned();
            let effect = "a set that goes by it reaches nobody, and shows `Waiting for Link`";
            lint.warn("DV-1", Problem::new(&span, message).help(help), effect);
        }
        return;
    }
    let away = sets.iter().find_map(|set| {
        let mut pins = [&set.stored_pin, &set.user_pin].into_iter().flatten();
        pins.find_map(|pin| Some((set, pin, elsewhere(lint.plan, server, pin)?)))
    });
    if let Some((set, pin, other)) = away {
        let message = format!(
            "{} is programmed with {server}, and the DN of its PIN {pin} is one of {other}",
            set.name
        );
        let help = format!("write call_srv = \"{other}\"");
        let effect = format!(
            "it is redirected to {other}, goes nowhere, and shows `Redirect ignored`, again and again"
        );
        lint.warn("DV-1", Problem::new(&span, message).help(help), effect);
    }
}

/// The other element whose number the PIN is for, as the element with this address sees it.
fn elsewhere<'a>(plan: &'a Plan, server: Ipv4Addr, pin: &str) -> Option<&'a str> {
    let own = plan.elements.iter().find(|it| it.address == server)?;
    let codes = [&own.registration_code, &own.replacement_code];
    let mut dns = codes
        .into_iter()
        .filter_map(|code| pin.strip_prefix(code.as_str()));
    let dn = dns.next()?;
    let has = |element: &&Element| element.directory.iter().any(|(own, _)| own == dn);
    let primary = plan.elements.iter().find(has)?;
    (primary.address != server).then_some(primary.name.as_str())
}

/// DV-2: a reservation in each subnet where it is ever plugged in.
fn reservations(lint: &mut Lint<'_>, table: usize, sets: &[Phone]) {
    let (plan, file) = (lint.plan, lint.file);
    let given = &file.phones[table];
    let stays = lint.stays.iter().filter(|stay| stay.table == table);
    let subnets: Vec<_> = stays.map(|stay| (stay.subnet, stay.span.clone())).collect();
    for (subnet, span) in subnets {
        let subnet = &plan.subnets[subnet.0];
        if subnet.dhcp.is_empty() {
            continue;
        }
        let reserved = subnet.dhcp.iter().flat_map(|dhcp| &dhcp.reservations);
        let reserved: BTreeSet<Mac> = reserved.map(|(mac, _)| *mac).collect();
        let mut without = sets.iter().filter(|set| !reserved.contains(&set.mac));
        let Some(set) = without.next() else { continue };
        let message = format!(
            "{} stores no PIN, and has no reservation in the DHCP of {}",
            set.name, subnet.name
        );
        let model = place(given.model.as_ref(), &given.span);
        let mut problem = Problem::new(&model, message);
        if span.start != model.start {
            problem = problem.context(&span, format!("in {}", subnet.name));
        }
        let help = format!(
            "add `reserve = {{ {} = \"…\" }}` to the dhcp of {}",
            set.name, subnet.name
        );
        let effect = "it may come back with another address after each power-up, and its user is asked \
                      for the PIN again";
        lint.warn("DV-2", problem.help(help), effect);
    }
    if let Some(pin) = &given.stored_pin {
        let message = format!(
            "{} stores no PIN, so it has none in its memory",
            name(given)
        );
        let problem = Problem::new(&pin.span, message);
        let help = "take `memory` out, or give it a `user`".to_owned();
        let effect = "it registers with it once, and forgets it when it loses power";
        lint.warn("DV-2", problem.help(help), effect);
    }
}
