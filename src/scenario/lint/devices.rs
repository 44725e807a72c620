//! Devices that can't do what other sets can: no registration across the cluster (DV-1), no PIN in their
//! memory (DV-2).

use std::collections::BTreeSet;

use super::stays::{count, name};
use super::{Lint, place};
use crate::phone::{PhoneSettings, PhoneTimes};
use crate::scenario::plan::Phone;
use crate::scenario::problem::Problem;
use crate::wire::Mac;

pub(super) fn look(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    for (table, given) in file.phones.iter().enumerate() {
        let first = lint.stays.first(table);
        let sets = &plan.phones[first..(first + count(given)).min(plan.phones.len())];
        let Some(settings) = sets.first().map(settings) else {
            continue;
        };
        if !settings.supports_cluster() {
            primary(lint, table);
        }
        if !settings.keeps_pin() {
            reservations(lint, table, sets);
        }
    }
}

/// DV-1: its element's address is programmed by hand, which a scenario file can't say.
fn primary(lint: &mut Lint<'_>, table: usize) {
    let given = &lint.file.phones[table];
    let span = place(given.model.as_ref(), &given.span);
    let name = name(given);
    let message =
        format!("{name} does not register across the cluster, and has no element of its own");
    let effect = "it ignores the call server of DHCP, and reaches no element";
    let help = "take a model that registers across the cluster".to_owned();
    lint.warn("DV-1", Problem::new(&span, message).help(help), effect);
}

/// DV-2: a reservation in each subnet where it is ever plugged in.
fn reservations(lint: &mut Lint<'_>, table: usize, sets: &[Phone]) {
    let (plan, file) = (lint.plan, lint.file);
    let given = &file.phones[table];
    let stays = lint.stays.iter().filter(|stay| stay.table == table);
    let subnets: Vec<_> = stays.map(|stay| (stay.subnet, stay.span.clone())).collect();
    for (subnet, span) in subnets {
        let subnet = &plan.subnets[subnet.0];
        let Some(dhcp) = &subnet.dhcp else { continue };
        let reserved: BTreeSet<Mac> = dhcp.reservations.iter().map(|(mac, _)| *mac).collect();
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

fn settings(set: &Phone) -> PhoneSettings {
    PhoneSettings {
        mac: set.mac,
        model: set.model.name.as_str().into(),
        boot_file: set.model.boot_file.as_str().into(),
        main_file: set.model.main_file.as_str().into(),
        times: PhoneTimes::default(),
    }
}
