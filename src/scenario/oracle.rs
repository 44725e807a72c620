//! The oracle: what must hold in every run, whatever its scenario expects.
//!
//! | rule | what must hold | how it is seen |
//! | --- | --- | --- |
//! | RG-3 | a DN has at most one MAC at an element, and a MAC at most one DN | an element's forms |
//! | RG-4 | a registered set and its element agree on its DN | both |
//! | DV-3 | the PIN that a set has stored, and sends, is one that it was told to save | the wire at the set |
//! | RG-5 | a PIN that a set was told to clear is not sent again from its memory | the wire at the set |
//! | CL-8 | a registration follows no more redirects than the limit | the wire at the set |
//! | ST-1 | an address in use is leased to its user, and is given up when the lease ends | leases, sets |
//!
//! The wire is read at the set's own segment: what an element says counts when it passes there, and an order to save or
//! clear a PIN when the set has acknowledged it, since it may be lost on the last cable. Set and element may disagree while one of them has not yet
//! heard what happened, so that is looked at from time to time, and held against them when it lasts.

mod conversation;
mod heard;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use self::conversation::{LastSaid, Said};
use self::heard::Heard;
use super::lab::Lab;
use super::outcome::{Evidence, Violation};
use super::plan::{ElementId, PhoneId, Plan};
use super::watch::{PhoneView, SetMessage};
use crate::outbox::{LeaseEvent, PhoneEvent, TraceEvent};
use crate::sim::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::reg;
use crate::wire::{Frame, Mac, ethernet, ipv4, tcp};

/// How often sets and elements are held against each other.
const SWEEP: Duration = Duration::from_secs(30);
/// A set may find out this late that its lease has ended.
const LEASE_GRACE: Duration = Duration::from_secs(10);
/// Besides the heartbeats that a set sends before it gives its element up.
const DISAGREE_GRACE: Duration = Duration::from_secs(60);
/// A set gives its element up after three heartbeats; one more may just have been answered.
const HEARTBEATS: u32 = 4;
/// Events that are kept as evidence.
const RECENT_MAX: usize = 256;

/// What the oracle knows.
#[derive(Debug)]
pub(super) struct Oracle {
    sets: BTreeMap<Mac, PhoneId>,
    /// By phone.
    macs: Vec<Mac>,
    /// The client identifiers of those sets that send one: two with the same one are one client (RFC 2131 section 4.2).
    client_ids: BTreeMap<Mac, Vec<u8>>,
    /// By phone; made when the set first says something.
    heard: Vec<Option<Box<Heard>>>,
    /// Whose each address is, says which server, and until when. Servers do not know what others give out.
    leases: BTreeMap<(Ipv4Addr, NodeId), (Mac, Instant)>,
    /// The address that each client was given last, and by which server.
    held: BTreeMap<Mac, (Ipv4Addr, NodeId)>,
    /// DHCP servers whose leases are known here.
    servers: Vec<Ipv4Addr>,
    elements: BTreeMap<Ipv4Addr, ElementId>,
    /// How long set and element may disagree; `None`: for ever, as sets send no heartbeats.
    patience: Option<Duration>,
    /// Since when a set has not had the DN that it is in service with.
    disagree: BTreeMap<PhoneId, Instant>,
    next_sweep: Instant,
    /// Something has happened since the last sweep that it could see.
    stirred: bool,
    /// What happened last, oldest first.
    recent: VecDeque<(NodeId, Evidence)>,
    violation: Option<Violation>,
    said: Vec<Said>,
}

impl Oracle {
    pub(super) fn new(plan: &Plan) -> Oracle {
        let sets = (0..).map(PhoneId).zip(&plan.phones);
        let servers = plan.subnets.iter().flat_map(|it| &it.dhcp);
        let elements = (0..).map(ElementId).zip(&plan.elements);
        let heard = plan.phones.iter().map(|phone| {
            phone.stored_pin.as_ref().map(|pin| {
                Box::new(Heard {
                    told: Some(pin.clone()),
                    ..Heard::default()
                })
            })
        });
        Oracle {
            sets: sets.map(|(id, phone)| (phone.mac, id)).collect(),
            macs: plan.phones.iter().map(|phone| phone.mac).collect(),
            client_ids: client_ids(plan),
            heard: heard.collect(),
            leases: BTreeMap::new(),
            held: BTreeMap::new(),
            servers: servers.map(|dhcp| dhcp.server).collect(),
            elements: elements.map(|(id, it)| (it.address, id)).collect(),
            patience: patience(plan),
            disagree: BTreeMap::new(),
            next_sweep: Instant::ZERO + SWEEP,
            stirred: false,
            recent: VecDeque::new(),
            violation: None,
            said: Vec::new(),
        }
    }

    /// A frame passes on a segment. `tell` hears each message that a set or an element has said with it.
    pub(super) fn frame(
        &mut self,
        now: Instant,
        frame: &Frame,
        mut tell: impl FnMut(&SetMessage<'_>),
    ) {
        if !may_be_registration(frame) {
            return;
        }
        let Some((link, ip, segment)) = read(frame) else {
            return;
        };
        let (phone, from_set) = match (self.sets.get(&link.src), self.sets.get(&link.dst)) {
            (Some(set), _) if segment.dst_port == reg::PORT => (*set, true),
            (_, Some(set)) if segment.src_port == reg::PORT => (*set, false),
            _ => return,
        };
        let heard = self.heard[phone.0].get_or_insert_default();
        let mut said = std::mem::take(&mut self.said);
        if from_set {
            if segment.flags & tcp::SYN != 0 && heard.begins(segment.src_port, segment.seq) {
                heard.port = segment.src_port;
                heard.orders.clear();
            }
            if segment.src_port == heard.port {
                // Without the flag the number means nothing (RFC 9293 section 3.1), and a reset acknowledges nothing: who sends
                // it does not know the connection.
                if segment.flags & (tcp::ACK | tcp::RST) == tcp::ACK {
                    heard.acknowledge(segment.ack);
                }
                heard.from_set.take(&segment, &mut said);
            }
        } else if segment.dst_port == heard.port {
            heard.to_set.take(&segment, &mut said);
        }
        for it in &said {
            tell(&SetMessage {
                phone,
                from_set,
                element: if from_set { ip.dst } else { ip.src },
                envelope: &it.envelope,
            });
        }
        let wrong = said.drain(..).find_map(|it| match from_set {
            true => heard.set_says(&it.envelope.message),
            false => {
                LastSaid::note(&mut heard.last, now, ip.src, &it.envelope.message);
                heard.set_is_told(it, ip.src)
            }
        });
        self.said = said;
        if let Some((rule, what)) = wrong {
            self.violated(now, phone, rule, what);
        }
    }

    /// Something happened at a station. `set`: the set, if it is one.
    pub(super) fn event(
        &mut self,
        now: Instant,
        node: NodeId,
        set: Option<PhoneId>,
        event: TraceEvent,
    ) {
        match &event {
            TraceEvent::Lease(lease) => self.lease(now, node, lease),
            TraceEvent::Phone(did) => {
                if let Some(phone) = set {
                    self.set_did(now, phone, did);
                }
            }
            TraceEvent::Decision(_) | TraceEvent::SetLost { .. } | TraceEvent::Administered(_) => {}
            TraceEvent::Dropped { .. }
            | TraceEvent::Neighbour { .. }
            | TraceEvent::Served(_)
            | TraceEvent::Trunk(_) => return,
        }
        if matches!(event, TraceEvent::Phone(PhoneEvent::Display(_))) {
            return;
        }
        self.stirred = true;
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((node, Evidence { at: now, event }));
    }

    /// A server's clock has jumped: what it granted before tells nothing any more.
    pub(super) fn forget_leases(&mut self) {
        self.leases.clear();
    }

    /// A set says by a step what it would not say by itself: nothing more of it is read on this connection.
    pub(super) fn disregard(&mut self, set: PhoneId) {
        let heard = self.heard[set.0].get_or_insert_default();
        heard.from_set.stop_reading();
    }

    fn lease(&mut self, now: Instant, server: NodeId, event: &LeaseEvent) {
        match event {
            LeaseEvent::Granted {
                mac,
                address,
                lease,
            } => {
                self.granted(now, *mac, (*address, server));
                self.leases.insert((*address, server), (*mac, now + *lease));
            }
            LeaseEvent::Released { address, .. } | LeaseEvent::Declined { address, .. } => {
                self.leases.remove(&(*address, server));
            }
            LeaseEvent::Offered { .. }
            | LeaseEvent::Refused { .. }
            | LeaseEvent::InUse { .. }
            | LeaseEvent::Expired { .. }
            | LeaseEvent::Exhausted { .. }
            | LeaseEvent::Ignored { .. } => {}
        }
    }

    /// An address is given to a client, which has no other any more.
    fn granted(&mut self, now: Instant, mac: Mac, lease: (Ipv4Addr, NodeId)) {
        if let Some(before) = self.held.insert(mac, lease)
            && before != lease
            && self
                .leases
                .get(&before)
                .is_some_and(|(owner, _)| *owner == mac)
        {
            self.leases.remove(&before);
        }
        if let Some((owner, until)) = self.leases.get(&lease)
            && *owner != mac
            && *until > now
            && !self.are_one_client(*owner, mac)
        {
            let address = lease.0;
            let what = format!("is given {address}, which is leased to {owner} until {until}");
            let set = self.sets.get(&mac).copied();
            self.accuse(now, set, "ST-1", what);
        }
    }

    /// Who has an address, and until when: of each server that has given it out.
    fn leases_of(&self, address: Ipv4Addr) -> impl Iterator<Item = &(Mac, Instant)> {
        let servers = (address, NodeId(0))..=(address, NodeId(u32::MAX));
        self.leases.range(servers).map(|(_, lease)| lease)
    }

    /// The addresses that servers have given out, and not been given back.
    pub(super) fn leased(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.leases.keys().map(|(address, _)| *address)
    }

    fn are_one_client(&self, a: Mac, b: Mac) -> bool {
        let id = self.client_ids.get(&a);
        id.is_some() && id == self.client_ids.get(&b)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else is about a PIN or an address"
    )]
    fn set_did(&mut self, now: Instant, phone: PhoneId, did: &PhoneEvent) {
        match did {
            PhoneEvent::PinSaved { pin } => {
                let heard = self.heard[phone.0].get_or_insert_default();
                heard.saved(pin);
                if heard.told.as_ref() != Some(pin) {
                    let what = format!("saves PIN {pin}, which no element told it to save");
                    self.violated(now, phone, "DV-3", what);
                }
            }
            PhoneEvent::PinCleared => {
                let heard = self.heard[phone.0].get_or_insert_default();
                heard.clear();
            }
            PhoneEvent::Bound {
                address, server, ..
            } if self.servers.contains(server) => {
                let own = self.macs[phone.0];
                if !self.leases_of(*address).any(|(mac, _)| *mac == own) {
                    let what = format!("takes {address}, which is not leased to it");
                    self.violated(now, phone, "ST-1", what);
                }
            }
            _ => {}
        }
    }

    /// Whether a sweep is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next_sweep && (self.stirred || !self.disagree.is_empty())
    }

    /// Holds sets, elements and leases against each other.
    pub(super) fn sweep(&mut self, now: Instant, plan: &Plan, lab: &Lab, views: &[PhoneView]) {
        self.next_sweep = now + SWEEP;
        self.stirred = false;
        for (element, programmed) in plan.elements.iter().enumerate() {
            let Some(controller) = lab.element(ElementId(element)) else {
                continue;
            };
            let mut at: BTreeMap<Mac, &str> = BTreeMap::new();
            for (dn, mac) in controller.forms().sets() {
                if let Some(other) = at.insert(mac, dn) {
                    let name = &programmed.name;
                    let what = format!("{name} has {mac} at DN {other} and at DN {dn}");
                    let phone = self.sets.get(&mac).copied();
                    self.accuse(now, phone, "RG-3", what);
                }
            }
        }
        for (id, view) in (0..).map(PhoneId).zip(views) {
            self.sweep_set(now, id, view, lab);
        }
    }

    fn sweep_set(&mut self, now: Instant, id: PhoneId, view: &PhoneView, lab: &Lab) {
        let mac = self.macs[id.0];
        if let Some(address) = view.address
            && let own = self.leases_of(address).filter(|(owner, _)| *owner == mac)
            && let Some(until) = own.map(|(_, until)| *until).max()
            && until + LEASE_GRACE < now
        {
            let what = format!("uses {address}, whose lease ended at {until}");
            self.violated(now, id, "ST-1", what);
        }
        let Some((dn, address)) = &view.registered else {
            self.disagree.remove(&id);
            return;
        };
        let element = self.elements.get(address);
        let controller = element.and_then(|element| lab.element(*element));
        if controller.is_none_or(|controller| controller.set_at(dn) == Some(mac)) {
            self.disagree.remove(&id);
            return;
        }
        let since = *self.disagree.entry(id).or_insert(now);
        if self.patience.is_some_and(|patience| since + patience < now) {
            let what = format!(
                "is in service with DN {dn} at {address}, which since {since} or before has another set, or none, there"
            );
            self.violated(now, id, "RG-4", what);
        }
    }

    fn violated(&mut self, now: Instant, phone: PhoneId, rule: &'static str, what: String) {
        self.accuse(now, Some(phone), rule, what);
    }

    /// Notes a violation, if it is the first, with what happened to that set.
    fn accuse(&mut self, now: Instant, set: Option<PhoneId>, rule: &'static str, what: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation {
                at: now,
                set,
                rule,
                what,
                evidence: Vec::new(),
            });
        }
    }

    /// What an element said last to this set.
    pub(super) fn last_said(&self, phone: PhoneId) -> Option<&LastSaid> {
        self.heard[phone.0].as_ref()?.last.as_ref()
    }

    /// Whether a rule was broken.
    pub(super) fn has_seen_one(&self) -> bool {
        self.violation.is_some()
    }

    /// The rule that was broken first, if any was, with what led to it. `node` is where the set stands.
    pub(super) fn take_violation(
        &mut self,
        plan: &Plan,
        node: impl Fn(PhoneId) -> NodeId,
    ) -> Option<Violation> {
        let mut violation = self.violation.take()?;
        let set = violation.set.map(|set| (node(set), plan.phones[set.0].mac));
        let about = |at: NodeId, event: &TraceEvent| match (set, event) {
            (None, _) => true,
            (Some((node, _)), TraceEvent::Phone(_)) => at == node,
            (Some((_, mac)), event) => mac_of(event) == Some(mac),
        };
        let recent = self.recent.drain(..);
        let about_it = recent.filter(|(at, evidence)| about(*at, &evidence.event));
        violation.evidence = about_it.map(|(_, evidence)| evidence).collect();
        Some(violation)
    }
}

/// How long a set may think that it has a DN which its element has given to another.
fn patience(plan: &Plan) -> Option<Duration> {
    let intervals = || plan.elements.iter().map(|element| element.heartbeat);
    let longest = intervals().max()?;
    let all_beat = intervals().all(|interval| interval > Duration::ZERO);
    all_beat.then(|| longest * HEARTBEATS + DISAGREE_GRACE)
}

fn client_ids(plan: &Plan) -> BTreeMap<Mac, Vec<u8>> {
    let own = plan.phones.iter().filter_map(|phone| {
        let dhcp = phone.dhcp.as_ref()?;
        Some((phone.mac, dhcp.client_id.clone()))
    });
    own.filter(|(_, id)| !id.is_empty()).collect()
}

/// Whose set a controller's or a DHCP server's event is about.
fn mac_of(event: &TraceEvent) -> Option<Mac> {
    match event {
        TraceEvent::Decision(decision) => Some(decision.mac),
        TraceEvent::SetLost { mac, .. } => Some(*mac),
        TraceEvent::Lease(lease) => match lease {
            LeaseEvent::Offered { mac, .. }
            | LeaseEvent::Granted { mac, .. }
            | LeaseEvent::Refused { mac, .. }
            | LeaseEvent::Released { mac, .. }
            | LeaseEvent::Declined { mac, .. }
            | LeaseEvent::InUse { mac, .. }
            | LeaseEvent::Expired { mac, .. }
            | LeaseEvent::Exhausted { mac }
            | LeaseEvent::Ignored { mac, .. } => Some(*mac),
        },
        TraceEvent::Administered(done) => done.set,
        TraceEvent::Dropped { .. }
        | TraceEvent::Neighbour { .. }
        | TraceEvent::Served(_)
        | TraceEvent::Trunk(_)
        | TraceEvent::Phone(_) => None,
    }
}

/// A look at a few bytes: whether this can be a segment from or to the registration port, without IP options.
fn may_be_registration(frame: &[u8]) -> bool {
    let tagged = frame.get(12..14) == Some(&ethernet::ETHERTYPE_VLAN.to_be_bytes());
    let type_at = if tagged { 16 } else { 12 };
    let Some(start) = frame.get(type_at..).and_then(|it| it.first_chunk::<26>()) else {
        return false;
    };
    let number = |at: usize| u16::from_be_bytes([start[at], start[at + 1]]);
    number(0) == ethernet::ETHERTYPE_IPV4
        && start[2] == 0x45
        && start[11] == ipv4::TCP
        && (number(22) == reg::PORT || number(24) == reg::PORT)
}

fn read(frame: &[u8]) -> Option<(ethernet::Header, ipv4::Header, tcp::Segment<'_>)> {
    let (link, packet) = ethernet::decode(frame).ok()?;
    let (ip, payload) = ipv4::decode(packet).ok()?;
    let segment = tcp::decode(payload, ip.src, ip.dst).ok()?;
    Some((link, ip, segment))
}

#[cfg(test)]
mod tests;
