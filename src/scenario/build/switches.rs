//! The switches of a lab, and the cables from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Builder;
use crate::fabric::{Advertisement, Bitrate, Cable, CableSettings, PortMode, Switch};
use crate::scenario::lab::{Cabled, Jack, Lab, Segment, Station, Who};
use crate::scenario::plan::{PhoneId, Plan, SubnetId};
use crate::sim::{End, NodeId, Observer, PortId};
use crate::wire::Mac;

/// The MAC of the first switch, by which it calls itself in LLDP.
const FIRST_CHASSIS: Mac = Mac([0x02, 0x02, 0, 0, 0, 1]);

impl Builder<'_> {
    /// The switches, with a port in a subnet's VLAN for each station that stands there.
    pub(super) fn switches(&mut self) -> Vec<Segment> {
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
    pub(super) fn plug_everything_in(
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
