//! A learning switch with VLANs (IEEE 802.1Q, as far as one spanning-tree-free switch goes).
//!
//! A port carries one VLAN untagged, and others tagged ([`PortMode`]). An untagged frame, or one with VLAN id 0
//! (a priority tag), belongs to the port's untagged VLAN; a tagged frame passes only in a VLAN that the port
//! carries. A frame leaves a port tagged or untagged as that port carries its VLAN; a tag that is put in has the
//! priority that the frame came with. The switch learns source addresses a VLAN, forgets them after 300 s (802.1Q
//! section 8.8.3, the recommended value) or when the carrier of their port goes, and floods what it has not learnt.
//!
//! Frames to the addresses that no bridge hands on end here; of them it understands LLDP (`lldp.rs`).

mod lldp;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use lldp::Advertisement;
use lldp::Speaker;
use table::{Learnt, Table};

use crate::outbox::{DropReason, Outbox};
use crate::sim::{Node, PortId, Transmit};
use crate::time::{Deadline, Instant};
use crate::wire::ethernet::ETHERTYPE_VLAN;
use crate::wire::{self, Frame, Mac};

/// What the addresses begin with that no bridge hands on, up to a last byte of 15 (IEEE 802.1Q-2022 table 8-1).
const RESERVED: [u8; 5] = [0x01, 0x80, 0xc2, 0x00, 0x00];
/// Of the tag control information: the VLAN id.
const VLAN_BITS: u16 = 0x0fff;

/// Which VLANs a port carries, and how. Their numbers are 1 to 4094.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortMode {
    /// One VLAN, untagged.
    Access(u16),
    /// One VLAN untagged and another tagged: for a set, and for what stands behind it.
    Voice { access: u16, voice: u16 },
    /// VLANs with tags, and one without: the native one, which is not among them.
    Trunk { native: u16, tagged: Arc<[u16]> },
}

impl PortMode {
    /// The VLAN of untagged frames.
    pub fn untagged(&self) -> u16 {
        match self {
            PortMode::Access(vlan) => *vlan,
            PortMode::Voice { access, .. } => *access,
            PortMode::Trunk { native, .. } => *native,
        }
    }

    /// The VLANs that it carries tagged.
    pub fn tagged(&self) -> &[u16] {
        match self {
            PortMode::Access(_) => &[],
            PortMode::Voice { voice, .. } => std::slice::from_ref(voice),
            PortMode::Trunk { tagged, .. } => tagged,
        }
    }
}

/// A switch.
#[derive(Debug, Default)]
pub struct Switch {
    ports: Vec<Port>,
    members: BTreeMap<u16, Members>,
    /// By [`key`].
    learnt: Table,
    speaker: Speaker,
}

/// The ports of a VLAN, shared with every flood.
#[derive(Debug, Default, Clone)]
struct Members {
    untagged: Arc<[PortId]>,
    tagged: Arc<[PortId]>,
}

#[derive(Debug)]
struct Port {
    mode: PortMode,
    /// How often it has lost its carrier: what was learnt before counts no more. So a loss costs no walk
    /// over the addresses.
    losses: u32,
}

impl Switch {
    /// A switch with these ports, counted from 0.
    pub fn new(modes: Vec<PortMode>) -> Switch {
        let mut untagged: BTreeMap<u16, Vec<PortId>> = BTreeMap::new();
        let mut tagged: BTreeMap<u16, Vec<PortId>> = BTreeMap::new();
        for (port, mode) in (0..).map(PortId).zip(&modes) {
            untagged.entry(mode.untagged()).or_default().push(port);
            for vlan in mode.tagged() {
                tagged.entry(*vlan).or_default().push(port);
            }
        }
        let mut members: BTreeMap<u16, Members> = BTreeMap::new();
        for (vlan, ports) in untagged {
            members.entry(vlan).or_default().untagged = ports.into();
        }
        for (vlan, ports) in tagged {
            members.entry(vlan).or_default().tagged = ports.into();
        }
        Switch {
            ports: modes.into_iter().map(Port::new).collect(),
            members,
            learnt: Table::default(),
            speaker: Speaker::default(),
        }
    }

    /// Adds one port, and returns its number.
    pub fn add_port(&mut self, mode: PortMode) -> PortId {
        let port = PortId(u32::try_from(self.ports.len()).expect("fewer than 2^32 ports"));
        let and = |ports: &Arc<[PortId]>| ports.iter().copied().chain([port]).collect();
        let members = self.members.entry(mode.untagged()).or_default();
        members.untagged = and(&members.untagged);
        for vlan in mode.tagged() {
            let members = self.members.entry(*vlan).or_default();
            members.tagged = and(&members.tagged);
        }
        self.ports.push(Port::new(mode));
        port
    }

    /// Has it say this by LLDP to a set at this port.
    pub fn advertise(&mut self, port: PortId, says: Arc<Advertisement>) {
        self.speaker.say(port, says);
    }

    /// The set that it hears by LLDP at this port has gone, without a word.
    pub fn set_has_gone(&mut self, port: PortId) {
        self.speaker.carrier_lost(port);
    }

    /// Takes a frame that it does not hand on, and says what that calls for.
    fn take(&mut self, now: Instant, port: PortId, frame: &Frame, out: &mut Outbox<Transmit>) {
        let is_lldp = frame.get(12..14) == Some(&wire::lldp::ETHERTYPE.to_be_bytes());
        if !is_lldp {
            return out.drop(DropReason::NoFurther, frame);
        }
        match self.speaker.hear(now, port, &frame[14..]) {
            Ok(()) => self.speak(now, out),
            Err(_) => out.drop(DropReason::Undecodable, frame),
        }
    }

    fn speak(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        while let Some((port, frame)) = self.speaker.pop_due(now) {
            out.push(Transmit::Own { port, frame });
        }
    }

    /// The VLAN of a frame that came in at `port`, and the priority that it came with; or why it goes no further.
    fn admit(&self, port: PortId, frame: &Frame) -> Result<Admitted, DropReason> {
        let Some(Port { mode, .. }) = self.ports.get(port.0 as usize) else {
            return Err(DropReason::NotConnected);
        };
        let Some((header, _)) = frame.split_first_chunk::<14>() else {
            return Err(DropReason::Undecodable);
        };
        if u16::from_be_bytes([header[12], header[13]]) != ETHERTYPE_VLAN {
            let (vlan, tci) = (mode.untagged(), None);
            return Ok(Admitted { vlan, tci });
        }
        let Some(tci) = frame.get(14..16) else {
            return Err(DropReason::Undecodable);
        };
        let tci = u16::from_be_bytes([tci[0], tci[1]]);
        let vlan = match tci & VLAN_BITS {
            0 => mode.untagged(),
            vlan => vlan,
        };
        if vlan != mode.untagged() && !mode.tagged().contains(&vlan) {
            return Err(DropReason::VlanNotAllowed);
        }
        let tci = Some(tci);
        Ok(Admitted { vlan, tci })
    }

    /// Sends a frame to all ports of its VLAN but the one that it came from, to each as it carries the VLAN.
    fn flood(&self, port: PortId, frame: &Frame, admitted: Admitted) -> Transmit {
        let members = self.members.get(&admitted.vlan);
        let Members { untagged, tagged } = members.cloned().unwrap_or_default();
        Transmit::Flood {
            ports: untagged,
            except: port,
            frame: admitted.untagged(frame),
            also: (!tagged.is_empty()).then(|| (tagged, admitted.tagged(frame))),
        }
    }

    /// The frame as a port carries its VLAN.
    fn as_carried_at(&self, port: PortId, frame: &Frame, admitted: Admitted) -> Frame {
        let mode = self.ports.get(port.0 as usize).map(|it| &it.mode);
        if mode.is_some_and(|mode| mode.untagged() == admitted.vlan) {
            admitted.untagged(frame)
        } else {
            admitted.tagged(frame)
        }
    }

    fn losses(&self, port: PortId) -> u32 {
        self.ports.get(port.0 as usize).map_or(0, |it| it.losses)
    }
}

/// What is known of a frame that may pass.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    vlan: u16,
    /// The tag control information that it came with.
    tci: Option<u16>,
}

impl Admitted {
    /// The frame without its tag.
    fn untagged(self, frame: &Frame) -> Frame {
        match self.tci {
            None => frame.clone(),
            Some(_) => [&frame[..12], &frame[16..]].concat().into(),
        }
    }

    /// The frame with the tag of its VLAN.
    fn tagged(self, frame: &Frame) -> Frame {
        let tci = self.tci.unwrap_or(0) & !VLAN_BITS | self.vlan;
        let rest = match self.tci {
            Some(own) if own == tci => return frame.clone(),
            Some(_) => 16,
            None => 12,
        };
        let tag = [ETHERTYPE_VLAN, tci].map(u16::to_be_bytes);
        [&frame[..12], tag.as_flattened(), &frame[rest..]]
            .concat()
            .into()
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
        if frame.starts_with(&RESERVED) && frame.get(5).is_some_and(|last| *last < 16) {
            return self.take(now, port, frame, out);
        }
        let admitted = match self.admit(port, frame) {
            Ok(admitted) => admitted,
            Err(reason) => return out.drop(reason, frame),
        };
        let vlan = admitted.vlan;
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
            self.learnt.learn(key(vlan, src), learnt);
        }
        let known = if dst.is_group() {
            None
        } else {
            self.learnt
                .find(now, key(vlan, dst))
                .filter(|learnt| learnt.losses == self.losses(learnt.port))
        };
        match known {
            Some(learnt) if learnt.port == port => out.drop(DropReason::SamePort, frame),
            Some(learnt) => out.push(Transmit::Port {
                port: learnt.port,
                frame: self.as_carried_at(learnt.port, frame, admitted),
            }),
            None => out.push(self.flood(port, frame, admitted)),
        }
    }

    fn handle_carrier(&mut self, _: Instant, port: PortId, up: bool, _: &mut Outbox<Transmit>) {
        if up {
            return;
        }
        self.speaker.carrier_lost(port);
        if let Some(port) = self.ports.get_mut(port.0 as usize) {
            port.losses += 1;
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        self.speak(now, out);
    }

    fn poll_timeout(&self) -> Deadline {
        self.speaker.next().map(|at| (at, "LLDP"))
    }

    fn ear(&self) {}
}

#[cfg(test)]
mod tests;
