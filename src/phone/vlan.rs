//! The VLAN of a set's frames: who says which, and how the set goes there.
//!
//! A set is told a VLAN together with a priority, by hand, by LLDP-MED or by DHCP; of two that tell it, the one that comes first in
//! [`VlanSource`] counts. From DHCP it comes too late for the lease that brings it: the set gives that lease back
//! untagged (RELEASE), and runs DHCP again with tagged frames. If the second lease names yet another VLAN, the set goes
//! there in the same way, for as long as it is sent on. A VLAN without a priority, or a priority without a VLAN, sends
//! it nowhere.

use std::fmt;

use super::machine::Phone;
use crate::app::AppEffect;
use crate::outbox::{Outbox, PhoneEvent};
use crate::wire::ethernet::Tag;
use crate::wire::vendor::Chosen;

/// What a set tags its frames with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// 0 to 4095; 0 is a priority alone.
    pub id: u16,
    /// 0 to 7.
    pub priority: u8,
}

impl fmt::Display for Vlan {
    /// As a set's display has it: `Vlan 20 Priority 6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vlan {} Priority {}", self.id, self.priority)
    }
}

/// Who told it, strongest first (the vendor's order, without CDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VlanSource {
    Manual,
    LldpMed,
    Dhcp,
}

impl VlanSource {
    fn as_str(self) -> &'static str {
        match self {
            VlanSource::Manual => "its programming",
            VlanSource::LldpMed => "LLDP-MED",
            VlanSource::Dhcp => "DHCP",
        }
    }
}

impl Phone {
    /// What it tags its frames with.
    pub fn vlan(&self) -> Option<Vlan> {
        self.vlan.map(|(vlan, _)| vlan)
    }

    /// Whether it is in a VLAN that DHCP named.
    pub fn is_in_vlan_of_dhcp(&self) -> bool {
        matches!(self.vlan, Some((_, VlanSource::Dhcp)))
    }

    /// Tags its frames from now on.
    pub(super) fn enter_vlan(&mut self, vlan: Vlan, by: VlanSource, out: &mut Outbox<AppEffect>) {
        self.vlan = Some((vlan, by));
        out.push(AppEffect::Tag(Some(Tag {
            pcp: vlan.priority,
            dei: false,
            vid: vlan.id,
        })));
        let Vlan { id, priority } = vlan;
        let by = by.as_str();
        self.tell(PhoneEvent::EntersVlan { id, priority, by }, out);
    }

    /// Tags its frames no more.
    pub(super) fn leave_vlan(&mut self, out: &mut Outbox<AppEffect>) {
        if self.vlan.take().is_some() {
            out.push(AppEffect::Tag(None));
        }
    }

    /// The VLAN to which what DHCP says sends the set, if it is to go to another one.
    pub(super) fn sent_on(&self, chosen: &Chosen) -> Option<Vlan> {
        let (id, l2p) = (chosen.vlan?, chosen.l2p?);
        let priority = l2p.default;
        match self.vlan {
            Some((vlan, by)) if by < VlanSource::Dhcp || vlan.id == id => None,
            Some(_) | None => Some(Vlan { id, priority }),
        }
    }

    /// What the lower line says while DHCP runs.
    pub(super) fn vlan_line(&self) -> String {
        self.vlan()
            .map_or_else(String::new, |vlan| vlan.to_string())
    }
}
