//! Elements that are named by FQDN (CL-9): each name needs a DNS server that DHCP tells the sets of, and a record there.
//!
//! Names come from the call server of DHCP, and from redirects: over an IP trunk an element with an FQDN is named by
//! it, over DPNSS by what stands in ICP/PBX Networking.

use std::net::Ipv4Addr;

use super::cluster::owner;
use super::network::is_kernel;
use super::{Lint, place};
use crate::scenario::file::At;
use crate::scenario::plan::{
    Action, Dhcp, Element, ElementId, HostKind, Plan, StepKind, SubnetId, TrunkKind,
};
use crate::scenario::problem::{Problem, Span};

/// Redirects to a name, which sets of some subnet can't resolve.
pub(super) fn look(lint: &mut Lint<'_>) {
    for (fqdn, span) in targets(lint) {
        let subnets = lint.plan.subnets.iter().enumerate();
        let with_sets = subnets.filter(|(n, _)| lint.stays.in_(SubnetId(*n)).next().is_some());
        let mut gaps = with_sets.filter_map(|(_, subnet)| {
            let mut servers = subnet.dhcp.iter();
            let gap = servers.find_map(|dhcp| gap(lint.plan, dhcp, &fqdn))?;
            Some((&subnet.name, gap))
        });
        let Some((subnet, gap)) = gaps.next() else {
            continue;
        };
        let (message, help) = match gap {
            Gap::NoServer => (
                format!("sets of {subnet} are redirected to {fqdn}, and have no name server"),
                format!("add `name-servers` to the dhcp of {subnet}"),
            ),
            Gap::NoRecord => (
                format!(
                    "sets of {subnet} are redirected to {fqdn}, of which their name servers know nothing"
                ),
                format!("add \"{fqdn}\" to the `records` of a [[dns]]"),
            ),
        };
        let effect = "they do not find out the element's address, and register nowhere";
        lint.warn("CL-9", Problem::new(&span, message).help(help), effect);
    }
}

/// A call server of DHCP that is a name.
pub(super) fn call_server(lint: &mut Lint<'_>, dhcp: &Dhcp, fqdn: &str, span: &Span) {
    let (message, help) = match gap(lint.plan, dhcp, fqdn) {
        None => return,
        Some(Gap::NoServer) => (
            format!("the DHCP that names {fqdn} gives no name server"),
            "add `name-servers`".to_owned(),
        ),
        Some(Gap::NoRecord) => (
            format!("no name server that DHCP names has a record for {fqdn}"),
            format!("add \"{fqdn}\" to the `records` of a [[dns]]"),
        ),
    };
    let effect = "the set does not find out the element's address, and registers nowhere";
    lint.warn("CL-9", Problem::new(span, message).help(help), effect);
}

/// The names that sets are redirected to, each with the place that says so.
fn targets(lint: &Lint<'_>) -> Vec<(String, Span)> {
    let (plan, file) = (lint.plan, lint.file);
    let mut targets = Vec::new();
    for (n, (planned, given)) in plan.elements.iter().zip(&file.elements).enumerate() {
        let own = ElementId(n);
        let leads_here = |(other, it): (usize, &Element)| {
            other != n
                && plan.trunk(own, ElementId(other)) == TrunkKind::Ip
                && it
                    .remote
                    .iter()
                    .any(|(_, digits)| *digits == planned.ceid_digits)
        };
        if let Some(At { value, span }) = &given.fqdn
            && plan.elements.iter().enumerate().any(leads_here)
        {
            targets.push((value.clone(), span.clone()));
        }
        let rows = given.networking.iter().flat_map(|list| &list.value);
        for (row, (icp, entry)) in rows.zip(&planned.networking) {
            let digits = planned.cluster.iter().find(|(_, to)| to == icp);
            let other = digits.and_then(|(digits, _)| owner(lint, digits));
            let by_form =
                other.is_some_and(|other| plan.trunk(own, ElementId(other)) == TrunkKind::Dpnss);
            if by_form && entry.address.parse::<Ipv4Addr>().is_err() {
                let span = place(Some(&row.value.address), &row.span);
                targets.push((entry.address.clone(), span));
            }
        }
    }
    targets
}

/// What a set lacks that wants to know the address of a name.
#[derive(Debug, Clone, Copy)]
enum Gap {
    NoServer,
    NoRecord,
}

/// `None`: one of the name servers has a record, now or after a step, or is a kernel's, of which nobody knows.
fn gap(plan: &Plan, dhcp: &Dhcp, fqdn: &str) -> Option<Gap> {
    if dhcp.name_servers.is_empty() {
        return Some(Gap::NoServer);
    }
    let knows = |server: &Ipv4Addr| is_kernel(plan, *server) || has_record(plan, *server, fqdn);
    (!dhcp.name_servers.iter().any(knows)).then_some(Gap::NoRecord)
}

fn has_record(plan: &Plan, server: Ipv4Addr, fqdn: &str) -> bool {
    let found = plan
        .hosts
        .iter()
        .enumerate()
        .find_map(|(n, host)| match &host.kind {
            HostKind::Dns {
                address, records, ..
            } if *address == server => Some((n, records)),
            HostKind::Tftp { .. }
            | HostKind::Dns { .. }
            | HostKind::Dhcp { .. }
            | HostKind::Kernel { .. }
            | HostKind::Interface { .. } => None,
        });
    let Some((host, records)) = found else {
        return false;
    };
    let adds = |kind: &StepKind| {
        matches!(kind, StepKind::Act(Action::SetRecord { server, name, to: Some(_) })
            if server.0 == host && name.eq_ignore_ascii_case(fqdn))
    };
    records
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(fqdn))
        || plan.steps.iter().any(|step| adds(&step.kind))
}
