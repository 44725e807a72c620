//! The ports of a lab's switches: which VLANs they carry for whom, and what the switch says there.

use super::{Lab, Segment, Station, Who};
use crate::fabric::PortMode;
use crate::scenario::plan::{HostId, HostKind, Plan, SubnetId};
use crate::sim::{Observer, PortId};

impl Who {
    /// Whether sets stand at its port.
    pub(in crate::scenario) fn is_for_sets(self, plan: &Plan) -> bool {
        match self {
            Who::Phone(_) => true,
            Who::Host(HostId(n)) => matches!(plan.hosts[n].kind, HostKind::Interface { .. }),
            Who::Switch(_) | Who::Router(_) | Who::Element(_) => false,
        }
    }

    /// The subnets whose VLANs its port in `at` carries tagged.
    pub(in crate::scenario) fn carries(self, plan: &Plan, at: SubnetId) -> Vec<SubnetId> {
        if self.is_for_sets(plan) {
            return plan.subnets[at.0].voice.clone();
        }
        if let Who::Host(HostId(n)) = self
            && let HostKind::Kernel { trunk, .. } = &plan.hosts[n].kind
        {
            return trunk.clone();
        }
        Vec::new()
    }

    /// How the switch's port for it in `at` is.
    pub(in crate::scenario) fn port_mode(self, plan: &Plan, at: SubnetId) -> PortMode {
        let vlan = |id: &SubnetId| plan.subnets[id.0].vlan;
        let carried = self.carries(plan, at);
        match (self, carried.as_slice()) {
            (_, []) => PortMode::Access(vlan(&at)),
            (Who::Phone(_), [voice]) => PortMode::Voice {
                access: vlan(&at),
                voice: vlan(voice),
            },
            (_, tagged) => PortMode::Trunk {
                native: vlan(&at),
                tagged: tagged.iter().map(vlan).collect(),
            },
        }
    }
}

impl Lab {
    /// Has the switch say at a port for sets what it says there.
    pub(in crate::scenario) fn advertise(
        &mut self,
        segment: SubnetId,
        port: PortId,
        observer: &mut impl Observer,
    ) {
        let Segment { node, says, .. } = &self.segments[segment.0];
        if let Some(says) = says.clone() {
            self.world.with(*node, observer, |station, _, _| {
                if let Station::Switch(switch) = station {
                    switch.advertise(port, says);
                }
            });
        }
    }
}
