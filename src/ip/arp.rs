//! The neighbour table of one interface: addresses, their MACs, and what waits for them.
//!
//! The machine of one neighbour is in `neighbour.rs`. This table feeds it, traces each change of a state
//! or MAC as [`TraceEvent::Neighbour`], and knows which deadline comes next without a walk. An entry that
//! is forgotten while it had a MAC (a simple set's time is over, the carrier is gone) is traced as FAILED
//! without one; a FAILED entry that is no longer shown is not traced.
//!
//! The table is bounded: where there is no room, the entry that has been FAILED for the longest makes some, and if
//! none is, the one that has been STALE for the longest. If there is neither, nobody new is learnt, and a packet for one
//! is dropped. The kernel takes what is FAILED at once too; how long another entry must have been idle is not modelled.
//!
//! Not modelled: how the kernel bounds the number of entries (`gc_thresh1` to `gc_thresh3`, 1,024 for all
//! namespaces together), and its drawing the reachable time anew every 300 s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::neighbour::{
    Action, Entry, Event, Hearing, NeighbourSettings, Queue, State, Waiting, step,
};
use super::sieve::Sieve;
use crate::outbox::{DropReason, NeighbourState, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::sim::Transmit;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::Mac;

/// Neighbours of an interface: some more than sets that a scenario puts behind one gateway.
const ENTRIES_MAX: usize = 1 << 17;

/// One interface's neighbours.
#[derive(Debug)]
pub(super) struct Neighbours {
    interface: u16,
    settings: NeighbourSettings,
    /// Drawn once from the settings' range.
    reachable: Duration,
    entries: BTreeMap<Ipv4Addr, Entry>,
    known: Sieve,
    deadlines: Deadlines<Ipv4Addr>,
    /// Those that make room for others, in that order: whether it has a MAC, and when it last changed.
    spare: BTreeSet<(bool, Instant, Ipv4Addr)>,
    entries_max: usize,
    dropped: BTreeMap<DropReason, u64>,
}

impl Neighbours {
    pub(super) fn new(interface: u16, settings: NeighbourSettings, rng: &mut Rng) -> Neighbours {
        Neighbours {
            interface,
            settings,
            reachable: rng.duration(settings.reachable.0, settings.reachable.1),
            entries: BTreeMap::new(),
            known: Sieve::default(),
            deadlines: Deadlines::default(),
            spare: BTreeSet::new(),
            entries_max: ENTRIES_MAX,
            dropped: BTreeMap::new(),
        }
    }

    /// The MAC to send a packet to; `None` if the packet must wait, see [`Neighbours::wait`].
    pub(super) fn mac_for_use(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<Transmit>,
    ) -> (Option<Mac>, Action) {
        // The common case: use changes nothing in these states.
        if let Some(Entry {
            state:
                State::Reachable { mac, .. } | State::Delay { mac, .. } | State::Probe { mac, .. },
            ..
        }) = self.entries.get(&address)
        {
            return (Some(*mac), Action::Nothing);
        }
        let action = self.apply(now, address, Event::Use, out);
        (self.entries.get(&address).and_then(Entry::mac), action)
    }

    /// Keeps a frame until the address is resolved. If too much waits, the oldest goes.
    pub(super) fn wait(&mut self, address: Ipv4Addr, waiting: Waiting, out: &mut Outbox<Transmit>) {
        let Some(Entry {
            state: State::Incomplete { waiting: queue, .. },
            ..
        }) = self.entries.get_mut(&address)
        else {
            let reason = match self.entries.contains_key(&address) {
                true => DropReason::NeighbourFailed,
                false => DropReason::NeighboursFull,
            };
            return self.drop(reason, &waiting, out);
        };
        for gone in queue.push(waiting, self.settings.queue_bytes_max) {
            self.drop(DropReason::NeighbourQueueFull, &gone, out);
        }
    }

    /// An ARP message with this sender was heard.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        mac: Mac,
        hearing: Hearing,
        out: &mut Outbox<Transmit>,
    ) -> Action {
        self.apply(now, address, Event::Heard(mac, hearing), out)
    }

    /// TCP makes progress with this neighbour.
    pub(super) fn progress(&mut self, now: Instant, address: Ipv4Addr, out: &mut Outbox<Transmit>) {
        if let Some(Entry {
            state: State::Reachable { until, .. },
            ..
        }) = self.entries.get_mut(&address)
        {
            // The deadline that is set comes too early now; `pop_due` mends it when it gets there.
            *until = now + self.reachable;
        } else {
            self.apply(now, address, Event::Progress, out);
        }
    }

    /// The next entry whose deadline has passed, and what to do about it.
    pub(super) fn pop_due(
        &mut self,
        now: Instant,
        out: &mut Outbox<Transmit>,
    ) -> Option<(Ipv4Addr, Action)> {
        loop {
            let address = self.deadlines.pop_due(now)?;
            let deadline = self.entries.get(&address).and_then(Entry::deadline);
            if deadline.is_some_and(|at| at <= now) {
                return Some((address, self.apply(now, address, Event::Timeout, out)));
            }
            self.deadlines.set(address, deadline);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The carrier is gone: drops the entries, unless the settings keep them.
    pub(super) fn carrier_lost(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        let addresses: Vec<Ipv4Addr> = self.entries.keys().copied().collect();
        for address in addresses {
            if let Action::Discard(queue) = self.apply(now, address, Event::CarrierLost, out) {
                self.discard(DropReason::LinkDown, *queue, out);
            }
        }
    }

    /// Forgets everything, untraced: the station lost its power or its address.
    pub(super) fn clear(&mut self, out: &mut Outbox<Transmit>) {
        self.known.clear();
        for (_, entry) in std::mem::take(&mut self.entries) {
            if let State::Incomplete { waiting, .. } = entry.state {
                self.discard(DropReason::NotReady, *waiting, out);
            }
        }
        self.deadlines = Deadlines::default();
        self.spare.clear();
    }

    /// Which addresses it may have an entry for.
    pub(super) fn known(&self) -> Sieve {
        self.known
    }

    pub(super) fn knows(&self, address: Ipv4Addr) -> bool {
        self.known.may_hold(address.to_bits()) && self.entries.contains_key(&address)
    }

    pub(super) fn state(&self, address: Ipv4Addr) -> Option<(NeighbourState, Option<Mac>)> {
        let entry = self.entries.get(&address)?;
        Some((entry.name(), entry.mac()))
    }

    fn apply(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        event: Event,
        out: &mut Outbox<Transmit>,
    ) -> Action {
        let before = self.entries.remove(&address);
        if before.is_none() && !self.has_room(out) {
            return Action::Nothing;
        }
        if let Some(key) = before.as_ref().and_then(|entry| spare(entry, address)) {
            self.spare.remove(&key);
        }
        let seen_before = before.as_ref().map(|entry| (entry.name(), entry.mac()));
        let (after, action) = step(before, event, now, &self.settings, self.reachable);
        let seen = after.as_ref().map(|entry| (entry.name(), entry.mac()));
        self.deadlines
            .set(address, after.as_ref().and_then(Entry::deadline));
        if let Some(entry) = after {
            self.spare.extend(spare(&entry, address));
            self.known.add(address.to_bits());
            self.entries.insert(address, entry);
        }
        let had_mac = seen_before.is_some_and(|(_, mac)| mac.is_some());
        if seen != seen_before && (seen.is_some() || had_mac) {
            let (state, mac) = match seen {
                Some((state, mac)) => (Some(state), mac),
                None => (None, None),
            };
            out.trace(TraceEvent::Neighbour {
                interface: self.interface,
                address,
                state,
                mac,
            });
        }
        action
    }

    /// Whether there is room for one more, once the first of those that make room is forgotten.
    fn has_room(&mut self, out: &mut Outbox<Transmit>) -> bool {
        if self.entries.len() < self.entries_max {
            return true;
        }
        let Some((had_mac, _, address)) = self.spare.pop_first() else {
            return false;
        };
        self.entries.remove(&address);
        self.deadlines.set(address, None);
        if had_mac {
            out.trace(TraceEvent::Neighbour {
                interface: self.interface,
                address,
                state: None,
                mac: None,
            });
        }
        true
    }

    /// Drops what waited, and tells nobody.
    fn discard(&mut self, reason: DropReason, queue: Queue, out: &mut Outbox<Transmit>) {
        for waiting in queue.into_frames() {
            self.drop(reason, &waiting, out);
        }
    }

    fn drop(&mut self, reason: DropReason, waiting: &Waiting, out: &mut Outbox<Transmit>) {
        *self.dropped.entry(reason).or_default() += 1;
        out.drop(reason, &waiting.frame);
    }

    /// Frames that were dropped while they waited, since the beginning, by reason.
    pub(super) fn dropped(&self) -> &BTreeMap<DropReason, u64> {
        &self.dropped
    }
}

/// Where an entry stands among those that make room; `None` if it does not.
fn spare(entry: &Entry, address: Ipv4Addr) -> Option<(bool, Instant, Ipv4Addr)> {
    match entry.state {
        State::Failed { .. } => Some((false, entry.changed, address)),
        State::Stale { .. } => Some((true, entry.changed, address)),
        State::Incomplete { .. }
        | State::Reachable { .. }
        | State::Delay { .. }
        | State::Probe { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Out;

    #[test]
    fn a_full_table_forgets_what_is_stale_and_else_learns_nobody() {
        let mut out = Outbox::default();
        let mut rng = Rng::stream(1, "neighbours");
        let mut table = Neighbours::new(0, NeighbourSettings::linux(), &mut rng);
        table.entries_max = 3;
        let host = |n| Ipv4Addr::new(10, 0, 0, n);
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        // Who asks for us is STALE. The second is heard again later, with another MAC.
        for n in 1..=3 {
            table.hear(at(n.into()), host(n), mac(n), Hearing::AsksUs, &mut out);
        }
        table.hear(at(9), host(2), mac(22), Hearing::AsksUs, &mut out);
        table.hear(at(10), host(4), mac(4), Hearing::AsksUs, &mut out);
        table.hear(at(11), host(5), mac(5), Hearing::AsksUs, &mut out);
        let known = |table: &Neighbours| (1..=6).filter(|n| table.knows(host(*n))).collect();
        let left: Vec<u8> = known(&table);
        assert_eq!(left, [2, 4, 5]);
        // In use none is forgotten, so there is no room for a sixth.
        for n in [2, 4, 5] {
            table.mac_for_use(at(12), host(n), &mut out);
        }
        drop(out.drain());
        let (found, action) = table.mac_for_use(at(13), host(6), &mut out);
        assert!(found.is_none() && matches!(action, Action::Nothing));
        let waiting = Waiting {
            frame: vec![0; 60].into(),
            ingress: None,
        };
        table.wait(host(6), waiting, &mut out);
        let dropped: Vec<_> = out.drain().collect();
        let reason = DropReason::NeighboursFull;
        assert!(
            matches!(&dropped[..], [Out::Trace(TraceEvent::Dropped { reason: it, .. })] if *it == reason)
        );
        let left: Vec<u8> = known(&table);
        assert_eq!(left, [2, 4, 5]);
    }

    #[test]
    fn who_never_answered_makes_room_before_anybody_who_did() {
        let mut out = Outbox::default();
        let mut rng = Rng::stream(1, "neighbours");
        let settings = NeighbourSettings::linux();
        let mut table = Neighbours::new(0, settings, &mut rng);
        table.entries_max = 3;
        let host = |n| Ipv4Addr::new(10, 0, 0, n);
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        table.hear(at(0), host(1), mac(1), Hearing::AsksUs, &mut out);
        for (n, since) in [(2, 1), (3, 2)] {
            table.mac_for_use(at(since), host(n), &mut out);
        }
        for secs in 1..9 {
            while table.pop_due(at(secs), &mut out).is_some() {}
        }
        let failed = Some((NeighbourState::Failed, None));
        assert_eq!(
            (table.state(host(2)), table.state(host(3))),
            (failed, failed)
        );
        drop(out.drain());
        // One stranger after the other has the place of the one that failed first.
        table.mac_for_use(at(9), host(4), &mut out);
        table.mac_for_use(at(9), host(5), &mut out);
        let known = |table: &Neighbours| (1..=6).filter(|n| table.knows(host(*n))).collect();
        let left: Vec<u8> = known(&table);
        assert_eq!(left, [1, 4, 5]);
        let told = out.drain().filter(|it| {
            matches!(it, Out::Trace(TraceEvent::Neighbour { address, .. }) if *address < host(4))
        });
        assert_eq!(told.count(), 0, "they had no MAC to lose");
        // None of those who still may answer goes for a sixth: the one that is STALE does.
        table.mac_for_use(at(9), host(6), &mut out);
        let left: Vec<u8> = known(&table);
        assert_eq!(left, [4, 5, 6]);
        assert_eq!(table.next_deadline(), Some(at(9) + settings.retransmit));
    }

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, last])
    }
}
