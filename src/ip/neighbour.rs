//! One neighbour: the machine that finds out, and keeps finding out, which MAC an address has.
//!
//! ```text
//!            use, asks all             answer to us               time
//!   (none) ──────────────▶ INCOMPLETE ─────────────▶ REACHABLE ──────────▶ STALE ◀── asked by it
//!      ▲                       │ 3 requests, 1 s each     ▲                  │ use
//!      │ after a minute        ▼                          │ progress of TCP  ▼
//!   FAILED ◀───────────────────┴──────────── PROBE ◀──────┴─────────────── DELAY
//!              3 unicast requests, 1 s each            5 s without progress
//! ```
//!
//! The states are those of RFC 4861 section 7.3.2 with Linux's FAILED; which ARP message does what is
//! Linux's `arp_process` and `neigh_update`, measured on Linux 6.18. There is no negative cache: the next
//! packet after FAILED starts anew. Two things differ from the kernel: times are exact, not rounded to
//! ticks, and an entry whose time as REACHABLE ends always becomes STALE, where the kernel goes straight
//! to DELAY if the entry was used in the last 5 s without its header cache.
//!
//! [`step`] is the whole machine. Its table of entries is in `arp.rs`.

mod queue;
mod settings;

use crate::outbox::NeighbourState;
use crate::time::{Duration, Instant};
use crate::wire::Mac;
pub(super) use queue::{Queue, Waiting};
pub use settings::{AfterReachable, NeighbourSettings};

/// Where a neighbour stands.
#[derive(Debug, Clone)]
pub(super) enum State {
    Incomplete {
        requests: u8,
        next: Instant,
        // Boxed, so that the entries that wait for nothing stay small.
        waiting: Box<Queue>,
    },
    Reachable {
        mac: Mac,
        until: Instant,
    },
    Stale {
        mac: Mac,
    },
    Delay {
        mac: Mac,
        until: Instant,
        confirmed: Option<Instant>,
    },
    Probe {
        mac: Mac,
        requests: u8,
        next: Instant,
    },
    Failed {
        until: Instant,
    },
}

/// A neighbour: its state, and when its state or MAC last changed by ARP.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) state: State,
    pub(super) changed: Instant,
}

impl Entry {
    pub(super) fn name(&self) -> NeighbourState {
        match self.state {
            State::Incomplete { .. } => NeighbourState::Incomplete,
            State::Reachable { .. } => NeighbourState::Reachable,
            State::Stale { .. } => NeighbourState::Stale,
            State::Delay { .. } => NeighbourState::Delay,
            State::Probe { .. } => NeighbourState::Probe,
            State::Failed { .. } => NeighbourState::Failed,
        }
    }

    pub(super) fn mac(&self) -> Option<Mac> {
        match self.state {
            State::Reachable { mac, .. }
            | State::Stale { mac }
            | State::Delay { mac, .. }
            | State::Probe { mac, .. } => Some(mac),
            State::Incomplete { .. } | State::Failed { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Incomplete { next, .. } | State::Probe { next, .. } => Some(next),
            State::Reachable { until, .. }
            | State::Delay { until, .. }
            | State::Failed { until } => Some(until),
            State::Stale { .. } => None,
        }
    }
}

/// What can happen to a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// There is a packet for it.
    Use,
    /// An ARP message with its address as the sender's.
    Heard(Mac, Hearing),
    /// TCP: it has acknowledged something new (Linux `dst_confirm`).
    Progress,
    /// The entry's deadline has passed.
    Timeout,
    /// The interface lost its carrier.
    CarrierLost,
}

/// Which kind of ARP message was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// A reply, to this station alone.
    Reply,
    /// A request for an address that this station answers for.
    AsksUs,
    /// Sender and target address are the same (RFC 5227 section 3).
    Gratuitous,
    /// Any other: a request for another station's address, a reply to all.
    Other,
}

/// What the station must do.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    /// Send a request to all.
    AskAll,
    /// Send a request to this MAC.
    Ask(Mac),
    /// Send what waited to this MAC.
    Deliver(Mac, Box<Queue>),
    /// Report to the senders of what waited that the neighbour doesn't answer.
    Fail(Box<Queue>),
    /// Drop what waited, and tell nobody.
    Discard(Box<Queue>),
}

/// The machine. `None` is a neighbour without an entry; `reachable` is what the interface drew.
#[expect(clippy::too_many_lines, reason = "the machine at one glance")]
pub(super) fn step(
    entry: Option<Entry>,
    event: Event,
    now: Instant,
    settings: &NeighbourSettings,
    reachable: Duration,
) -> (Option<Entry>, Action) {
    use Action::{Ask, AskAll, Deliver, Discard, Fail, Nothing};
    let Some(Entry { state, changed }) = entry else {
        return match event {
            Event::Use => (at(now, asking(now, settings)), AskAll),
            // Only who asks for us becomes a neighbour unasked (arp_accept = 0).
            Event::Heard(mac, Hearing::AsksUs) => (
                at(now, learnt(mac, false, now, settings, reachable)),
                Nothing,
            ),
            Event::Heard(..) | Event::Progress | Event::Timeout | Event::CarrierLost => {
                (None, Nothing)
            }
        };
    };
    let next = now + settings.retransmit;
    let same = |state| Some(Entry { state, changed });
    match (state, event) {
        (State::Failed { .. }, Event::Use) => (at(now, asking(now, settings)), AskAll),
        (State::Stale { mac }, Event::Use) => (at(now, delay(mac, now, settings)), Nothing),

        // What waits is the first use of what was learnt.
        (State::Incomplete { waiting, .. }, Event::Heard(mac, hearing)) => {
            let fresh = learnt(mac, hearing == Hearing::Reply, now, settings, reachable);
            let state = if let State::Stale { mac } = fresh {
                delay(mac, now, settings)
            } else {
                fresh
            };
            (at(now, state), Deliver(mac, waiting))
        }
        (State::Failed { .. }, Event::Heard(mac, hearing)) => {
            let solicited = hearing == Hearing::Reply;
            (
                at(now, learnt(mac, solicited, now, settings, reachable)),
                Nothing,
            )
        }
        (state, Event::Heard(mac, hearing)) => {
            let fresh = learnt(mac, hearing == Hearing::Reply, now, settings, reachable);
            let locked = changed + settings.locktime;
            (
                heard(Entry { state, changed }, mac, hearing, fresh, locked, now),
                Nothing,
            )
        }

        (State::Reachable { mac, .. }, Event::Progress) => {
            let until = now + reachable;
            (same(State::Reachable { mac, until }), Nothing)
        }
        (State::Delay { mac, until, .. }, Event::Progress) => {
            let confirmed = Some(now);
            (
                same(State::Delay {
                    mac,
                    until,
                    confirmed,
                }),
                Nothing,
            )
        }

        (
            State::Incomplete {
                requests, waiting, ..
            },
            Event::Timeout,
        ) => {
            if requests < settings.broadcast_requests {
                let requests = requests + 1;
                (
                    same(State::Incomplete {
                        requests,
                        next,
                        waiting,
                    }),
                    AskAll,
                )
            } else {
                (at(now, failed(now, settings)), Fail(waiting))
            }
        }
        (State::Reachable { mac, .. }, Event::Timeout) => match settings.after_reachable {
            AfterReachable::Verify => (at(now, State::Stale { mac }), Nothing),
            AfterReachable::Forget => (None, Nothing),
        },
        (State::Delay { mac, confirmed, .. }, Event::Timeout) => match confirmed {
            Some(confirmed) => {
                let until = confirmed + reachable;
                (at(now, State::Reachable { mac, until }), Nothing)
            }
            None => (
                at(
                    now,
                    State::Probe {
                        mac,
                        requests: 1,
                        next,
                    },
                ),
                Ask(mac),
            ),
        },
        (State::Probe { mac, requests, .. }, Event::Timeout) => {
            if requests < settings.unicast_requests {
                let requests = requests + 1;
                (
                    same(State::Probe {
                        mac,
                        requests,
                        next,
                    }),
                    Ask(mac),
                )
            } else {
                (at(now, failed(now, settings)), Nothing)
            }
        }
        (State::Failed { .. }, Event::Timeout) => (None, Nothing),

        (state, Event::CarrierLost) if settings.kept_without_carrier => (same(state), Nothing),
        (State::Incomplete { waiting, .. }, Event::CarrierLost) => (None, Discard(waiting)),
        (_, Event::CarrierLost) => (None, Nothing),

        // Use of what is known or asked for already; progress that nobody asked about; no deadline.
        (state, Event::Use | Event::Progress | Event::Timeout) => (same(state), Nothing),
    }
}

fn at(now: Instant, state: State) -> Option<Entry> {
    Some(Entry {
        state,
        changed: now,
    })
}

fn asking(now: Instant, settings: &NeighbourSettings) -> State {
    State::Incomplete {
        requests: 1,
        next: now + settings.retransmit,
        waiting: Box::default(),
    }
}

fn delay(mac: Mac, now: Instant, settings: &NeighbourSettings) -> State {
    State::Delay {
        mac,
        until: now + settings.delay_first_probe,
        confirmed: None,
    }
}

fn failed(now: Instant, settings: &NeighbourSettings) -> State {
    State::Failed {
        until: now + settings.failed_shown,
    }
}

/// A MAC from an ARP message: known to hear us only if it answered us. A station that verifies nothing
/// trusts any message.
fn learnt(
    mac: Mac,
    solicited: bool,
    now: Instant,
    settings: &NeighbourSettings,
    reachable: Duration,
) -> State {
    if solicited || settings.after_reachable == AfterReachable::Forget {
        let until = now + reachable;
        State::Reachable { mac, until }
    } else {
        State::Stale { mac }
    }
}

/// An ARP message about a neighbour whose MAC is known already.
fn heard(
    entry: Entry,
    mac: Mac,
    hearing: Hearing,
    fresh: State,
    locked: Instant,
    now: Instant,
) -> Option<Entry> {
    let may_wait = matches!(hearing, Hearing::Reply | Hearing::Other);
    if known_mac(&entry.state) != Some(mac) {
        // Of several answers the first counts: a proxy may answer as well (locktime).
        return if may_wait && now < locked {
            Some(entry)
        } else {
            at(now, fresh)
        };
    }
    match (&entry.state, fresh) {
        // The MAC we know, and nothing that shows that its owner hears us.
        (_, State::Stale { .. }) => Some(entry),
        (State::Reachable { .. }, state) => Some(Entry { state, ..entry }),
        (_, state) => at(now, state),
    }
}

fn known_mac(state: &State) -> Option<Mac> {
    match *state {
        State::Reachable { mac, .. }
        | State::Stale { mac }
        | State::Delay { mac, .. }
        | State::Probe { mac, .. } => Some(mac),
        State::Incomplete { .. } | State::Failed { .. } => None,
    }
}
