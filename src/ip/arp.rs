//! The neighbour table of one interface: addresses, their MACs, and what waits for them.
//!
//! The machine of one neighbour is in `neighbour.rs`. This table feeds it, traces each change of a state
//! or MAC as [`TraceEvent::Neighbour`], and knows which deadline comes next without a walk. An entry that
//! is forgotten while it had a MAC (a simple set's time is over, the carrier is gone) is traced as FAILED
//! without one; a FAILED entry that is no longer shown is not traced.
//!
//! Not modelled: the kernel's bounds on the number of entries (`gc_thresh1` to `gc_thresh3`), and its
//! drawing the reachable time anew every 300 s.

use std::collections::BTreeMap;
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
            return self.drop(DropReason::NeighbourFailed, &waiting, out);
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
        let seen_before = before.as_ref().map(|entry| (entry.name(), entry.mac()));
        let (after, action) = step(before, event, now, &self.settings, self.reachable);
        let seen = after.as_ref().map(|entry| (entry.name(), entry.mac()));
        self.deadlines
            .set(address, after.as_ref().and_then(Entry::deadline));
        if let Some(entry) = after {
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
