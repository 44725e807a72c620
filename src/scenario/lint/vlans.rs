//! VLANs that sets are told, and that their ports do not carry.
//!
//! A set goes where the strongest of those sends it who name a VLAN together with a priority: its programming by hand, its
//! switch by LLDP-MED, DHCP. In its new VLAN DHCP may send it on. What leaves it with a tag that its port does not carry
//! is dropped by the switch.

use std::collections::BTreeSet;

use super::network::{servers, told};
use super::stays::name;
use super::{Lint, place};
use crate::scenario::plan::{Phone, SubnetId};
use crate::scenario::problem::{Problem, Span};

/// Who names a VLAN, and where the file says so.
struct Told {
    vlan: u16,
    by: String,
    span: Span,
}

pub(super) fn look(lint: &mut Lint<'_>) {
    let stays: Vec<_> = lint.stays.iter().map(|it| (it.subnet, it.table)).collect();
    let mut found = BTreeSet::new();
    for (at, table) in stays {
        let set = &lint.plan.phones[lint.stays.first(table)];
        if let Some(told) = astray(lint, at, table, set)
            && found.insert((told.span.start, told.vlan, at))
        {
            warn(lint, at, table, told);
        }
    }
}

/// Who sends these sets into a VLAN that the ports of `at` do not carry with a tag, if anybody does.
fn astray(lint: &Lint<'_>, at: SubnetId, table: usize, set: &Phone) -> Option<Told> {
    let mut told = by_hand(lint, table, set).or_else(|| by_lldp(lint, at, set));
    let is_sent_on = told.is_none();
    let mut here = at;
    let mut been = BTreeSet::new();
    loop {
        // Only whom DHCP has sent somewhere it may send on.
        if told.is_none() && (here == at || is_sent_on) {
            told = by_dhcp(lint, here);
        }
        // 0 is a priority alone.
        let next = told.take().filter(|told| told.vlan != 0)?;
        if here != at && next.vlan == lint.plan.subnets[here.0].vlan {
            return None;
        }
        let mut carried = lint.plan.subnets[at.0].voice.iter();
        match carried.find(|voice| lint.plan.subnets[voice.0].vlan == next.vlan) {
            Some(there) if been.insert(*there) => here = *there,
            Some(_) => return None,
            None => return Some(next),
        }
    }
}

fn warn(lint: &mut Lint<'_>, at: SubnetId, table: usize, told: Told) {
    let Told { vlan, by, span } = told;
    let port = &lint.plan.subnets[at.0];
    let (here, switch) = (&port.name, &port.switch);
    let message = format!("the ports of {here} do not carry VLAN {vlan} with a tag");
    let mut others = lint.plan.subnets.iter();
    let help = match others.find(|it| it.switch == *switch && it.vlan == vlan) {
        Some(own) if own.name == *here => {
            format!("VLAN {vlan} is what they carry untagged: name none for it")
        }
        Some(other) => format!("write voice = \"{}\" in {here}", other.name),
        None => format!("no subnet of switch {switch} is VLAN {vlan}: give one that `vlan`"),
    };
    let set = name(&lint.file.phones[table]);
    let problem = Problem::new(&span, message).label(format!("{by} so, and {set} goes there"));
    let effect = "the switch drops what it sends, and it asks for an address for ever";
    lint.warn("no-vlan", problem.help(help), effect);
}

fn by_hand(lint: &Lint<'_>, table: usize, set: &Phone) -> Option<Told> {
    let given = &lint.file.phones[table];
    Some(Told {
        vlan: set.vlan?.id,
        by: "its programming says".to_owned(),
        span: place(given.vlan.as_ref(), &given.span),
    })
}

fn by_lldp(lint: &Lint<'_>, at: SubnetId, set: &Phone) -> Option<Told> {
    let policy = lint.plan.subnets[at.0].policy.filter(|_| set.lldp)?;
    let given = lint.file.subnets[at.0].lldp_med.as_ref()?;
    Some(Told {
        vlan: policy.vlan,
        by: format!("the switch of {} says", lint.plan.subnets[at.0].name),
        span: place(given.value.vlan.as_ref(), &given.span),
    })
}

fn by_dhcp(lint: &Lint<'_>, at: SubnetId) -> Option<Told> {
    servers(lint, at).find_map(|(dhcp, given)| {
        let chosen = told(dhcp).ok()?;
        chosen.l2p?;
        Some(Told {
            vlan: chosen.vlan?,
            by: format!("the DHCP of {} says", lint.plan.subnets[at.0].name),
            span: place(given.value.told.vlan.as_ref(), &given.span),
        })
    })
}
