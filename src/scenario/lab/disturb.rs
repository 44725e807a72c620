//! What steps do to servers behind their backs, and frames that nobody here would send.

use std::sync::Arc;

use super::{Lab, Service, Station};
use crate::fabric::PortMode;
use crate::scenario::plan::{Cables, HostId, Place, StationId, SubnetId};
use crate::sim::{End, NodeId, Observer, PortId};
use crate::time::Duration;
use crate::wire::Frame;

impl Lab {
    /// A file of a boot server changes, also for those who are loading it. No effect if there is no such file.
    pub(in crate::scenario) fn change_file(
        &mut self,
        server: HostId,
        file: &str,
        change: impl FnOnce(&[u8]) -> Arc<[u8]>,
        observer: &mut impl Observer,
    ) {
        let node = self.station(StationId::Host(server));
        self.world.with(node, observer, |station, now, out| {
            if let Station::Host(host) = station {
                host.with_app(now, 0, out, |service, _| {
                    if let Service::Tftp(tftp) = service {
                        tftp.change_file(file, change);
                    }
                });
            }
        });
    }

    /// A DHCP server's clock jumps ahead: what it has leased ends so much earlier.
    pub(in crate::scenario) fn jump_lease_clock(
        &mut self,
        server: HostId,
        by: Duration,
        observer: &mut impl Observer,
    ) {
        let node = self.station(StationId::Host(server));
        self.world.with(node, observer, |station, now, out| {
            if let Station::Host(host) = station {
                host.with_app(now, 0, out, |service, _| {
                    if let Service::Dhcp(dhcp) = service {
                        dhcp.jump_clock(by);
                    }
                });
            }
        });
    }

    /// The port of a subnet that is nobody's, on its switch.
    pub(in crate::scenario) fn bare_port(
        &mut self,
        subnet: SubnetId,
        observer: &mut impl Observer,
    ) -> (NodeId, PortId) {
        let segment = &self.segments[subnet.0];
        let (switch, vlan) = (segment.node, segment.set_port.untagged());
        if let Some(port) = self.bare.get(&subnet) {
            return (switch, *port);
        }
        let port = self
            .world
            .with(switch, observer, |station, _, _| match station {
                Station::Switch(switch) => switch.add_port(PortMode::Access(vlan)),
                Station::Gateway(_) | Station::Host(_) | Station::Edge(_) => PortId(0),
            });
        self.bare.insert(subnet, port);
        (switch, port)
    }

    /// A frame comes in at a port that has no cable.
    pub(in crate::scenario) fn arrive(
        &mut self,
        (node, port): (NodeId, PortId),
        frame: &Frame,
        observer: &mut impl Observer,
    ) {
        self.world.arrive(End { node, port }, frame, observer);
    }

    /// A frame leaves a station's first port, as if the station had sent it.
    pub(in crate::scenario) fn send_from(
        &mut self,
        from: Place,
        frame: &Frame,
        observer: &mut impl Observer,
    ) {
        let of = vec![from];
        let cables = self.cables_of(&Cables { of, at: None });
        if let Some(cable) = cables.first() {
            let end = End {
                node: cable.node,
                port: PortId(0),
            };
            self.world.transmit(end, frame, observer);
        }
    }
}
