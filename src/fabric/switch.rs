//! A learning switch with access VLANs (IEEE 802.1Q, as far as one spanning-tree-free switch goes).
//!
//! Each port belongs to one VLAN. An untagged frame, or one with VLAN id 0 (a priority tag), belongs to its
//! port's VLAN; a tagged frame passes only with that VLAN's own id, and leaves untagged. The switch learns
//! source addresses a VLAN, forgets them after 300 s (802.1Q section 8.8.3, the recommended value) or when
//! the carrier of their port goes, and floods what it has not learnt.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::outbox::{DropReason, Outbox};
use crate::sim::{Node, PortId, Transmit};
use crate::time::{Deadline, Duration, Instant};
use crate::wire::ethernet::ETHERTYPE_VLAN;
use crate::wire::{Frame, Mac};

/// A learnt address is forgotten this long after it was last seen.
const AGEING_TIME: Duration = Duration::from_secs(300);

/// Which VLAN a port belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortMode {
    /// Untagged, one VLAN: 1 to 4094.
    Access(u16),
}

/// A switch.
#[derive(Debug, Default)]
pub struct Switch {
    ports: Vec<Port>,
    /// The ports of each VLAN, shared with every flood.
    members: BTreeMap<u16, Arc<[PortId]>>,
    /// By [`key`].
    learnt: BTreeMap<u64, Learnt>,
}

#[derive(Debug, Clone, Copy)]
struct Port {
    mode: PortMode,
    /// How often it has lost its carrier: what was learnt before counts no more. So a loss costs no walk
    /// over the addresses.
    losses: u32,
}

#[derive(Debug, Clone, Copy)]
struct Learnt {
    port: PortId,
    losses: u32,
    seen: Instant,
}

impl Switch {
    /// A switch with these ports, counted from 0.
    pub fn new(modes: Vec<PortMode>) -> Switch {
        let mut members: BTreeMap<u16, Vec<PortId>> = BTreeMap::new();
        for (port, PortMode::Access(vlan)) in (0..).map(PortId).zip(&modes) {
            members.entry(*vlan).or_default().push(port);
        }
        let members = members.into_iter();
        Switch {
            ports: modes.into_iter().map(Port::new).collect(),
            members: members.map(|(vlan, ports)| (vlan, ports.into())).collect(),
            learnt: BTreeMap::new(),
        }
    }

    /// Adds one port, and returns its number.
    pub fn add_port(&mut self, mode: PortMode) -> PortId {
        let port = PortId(u32::try_from(self.ports.len()).expect("fewer than 2^32 ports"));
        self.ports.push(Port::new(mode));
        let PortMode::Access(vlan) = mode;
        let members = self.members.entry(vlan).or_default();
        *members = members.iter().copied().chain([port]).collect();
        port
    }

    /// The VLAN of a frame that came in at `port`, and the frame as it goes on, or why it does not.
    fn admit(&self, port: PortId, frame: &Frame) -> Result<(u16, Frame), DropReason> {
        let Some(Port { mode, .. }) = self.ports.get(port.0 as usize) else {
            return Err(DropReason::NotConnected);
        };
        let PortMode::Access(vlan) = *mode;
        let Some((header, _)) = frame.split_first_chunk::<14>() else {
            return Err(DropReason::Undecodable);
        };
        if u16::from_be_bytes([header[12], header[13]]) != ETHERTYPE_VLAN {
            return Ok((vlan, frame.clone()));
        }
        let Some(tci) = frame.get(14..16) else {
            return Err(DropReason::Undecodable);
        };
        let id = u16::from_be_bytes([tci[0], tci[1]]) & 0x0fff;
        if id != 0 && id != vlan {
            return Err(DropReason::VlanNotAllowed);
        }
        Ok((vlan, [&frame[..12], &frame[16..]].concat().into()))
    }

    fn losses(&self, port: PortId) -> u32 {
        self.ports.get(port.0 as usize).map_or(0, |it| it.losses)
    }
}

/// A VLAN and an address in it, as one number: a frame is looked up twice.
fn key(vlan: u16, mac: Mac) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    let [v, w] = vlan.to_be_bytes();
    u64::from_be_bytes([v, w, a, b, c, d, e, f])
}

impl Port {
    fn new(mode: PortMode) -> Port {
        Port { mode, losses: 0 }
    }
}

impl Node for Switch {
    type Ear = ();

    fn handle_frame(
        &mut self,
        now: Instant,
        port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    ) {
        let (vlan, frame) = match self.admit(port, frame) {
            Ok(admitted) => admitted,
            Err(reason) => return out.drop(reason, frame),
        };
        let address = |at: usize| {
            let mut mac = Mac::ZERO;
            mac.0.copy_from_slice(&frame[at..at + 6]);
            mac
        };
        let (dst, src) = (address(0), address(6));
        if !src.is_group() {
            let losses = self.losses(port);
            let seen = now;
            let learnt = Learnt { port, losses, seen };
            self.learnt.insert(key(vlan, src), learnt);
        }
        let known = if dst.is_group() {
            None
        } else {
            self.learnt
                .get(&key(vlan, dst))
                .filter(|learnt| now - learnt.seen < AGEING_TIME)
                .filter(|learnt| learnt.losses == self.losses(learnt.port))
        };
        match known {
            Some(learnt) if learnt.port == port => out.drop(DropReason::SamePort, &frame),
            Some(learnt) => out.push(Transmit::Port {
                port: learnt.port,
                frame,
            }),
            None => out.push(Transmit::Flood {
                ports: self.members.get(&vlan).cloned().unwrap_or_default(),
                except: port,
                frame,
            }),
        }
    }

    fn handle_carrier(&mut self, _: Instant, port: PortId, up: bool, _: &mut Outbox<Transmit>) {
        if let (false, Some(port)) = (up, self.ports.get_mut(port.0 as usize)) {
            port.losses += 1;
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut Outbox<Transmit>) {}

    fn poll_timeout(&self) -> Deadline {
        None
    }

    fn ear(&self) {}
}

#[cfg(test)]
mod tests;
