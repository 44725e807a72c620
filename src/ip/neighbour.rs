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

use std::collections::VecDeque;

use crate::outbox::NeighbourState;
use crate::time::{Duration, Instant};
use crate::wire::{Frame, Mac};

/// How a station keeps its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighbourSettings {
    /// Time between requests, and from the last one to FAILED (Linux `retrans_time`).
    pub retransmit: Duration,
    /// Requests to all before the neighbour is FAILED (`mcast_solicit`).
    pub broadcast_requests: u8,
    /// Requests to a known MAC before the neighbour is FAILED (`ucast_solicit`).
    pub unicast_requests: u8,
    /// How long an entry stays REACHABLE: each interface draws once from this range (half to one and a
    /// half of `base_reachable_time`, RFC 4861 section 6.3.2).
    pub reachable: (Duration, Duration),
    /// What comes after REACHABLE.
    pub after_reachable: AfterReachable,
    /// From the first use of a STALE entry to its first probe (`delay_first_probe_time`).
    pub delay_first_probe: Duration,
    /// How long an entry withstands another MAC after a change, unless the ARP is gratuitous or asks for
    /// an address of ours (`locktime`).
    pub locktime: Duration,
    /// Bytes, counted by [`truesize`], that may wait for one neighbour's answer (`unres_qlen_bytes`).
    pub queue_bytes_max: usize,
    /// How long a FAILED entry is shown (`gc_stale_time`). It makes no difference to packets.
    pub failed_shown: Duration,
    /// Whether the entries outlive the loss of the carrier (`arp_evict_nocarrier` = 0).
    pub kept_without_carrier: bool,
}

/// What becomes of an entry whose time as REACHABLE is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterReachable {
    /// It is STALE, and verified when it is next used.
    Verify,
    /// It is forgotten; the next packet asks all.
    Forget,
}

impl NeighbourSettings {
    /// The Linux kernel's defaults (6.18, measured).
    pub const fn linux() -> NeighbourSettings {
        NeighbourSettings {
            retransmit: Duration::from_secs(1),
            broadcast_requests: 3,
            unicast_requests: 3,
            reachable: (Duration::from_secs(15), Duration::from_secs(45)),
            after_reachable: AfterReachable::Verify,
            delay_first_probe: Duration::from_secs(5),
            locktime: Duration::from_secs(1),
            queue_bytes_max: 212_992,
            failed_shown: Duration::from_secs(60),
            kept_without_carrier: false,
        }
    }

    /// A simple set: an entry lives 30 s after it was last confirmed and is then forgotten, with no unicast
    /// requests. It outlives the loss of the carrier, so that a set that is moved may still send to the
    /// MAC of its old gateway.
    pub const fn phone() -> NeighbourSettings {
        NeighbourSettings {
            reachable: (Duration::from_secs(30), Duration::from_secs(30)),
            after_reachable: AfterReachable::Forget,
            locktime: Duration::ZERO,
            kept_without_carrier: true,
            ..NeighbourSettings::linux()
        }
    }
}

/// What a frame of `len` bytes counts against `queue_bytes_max`: what the kernel's buffers for it cost.
///
/// The kernel counts `skb->truesize`: a power of two that holds the bytes and 320 bytes of shared info,
/// and 256 for the buffer's head. Small packets were measured at 832 bytes each, so that
/// 212,992 bytes are 256 small packets; a full frame of 1514 bytes counts 2304, so 92 of them wait.
pub(super) fn truesize(len: usize) -> usize {
    const SMALL: usize = 832;
    ((len + 320).next_power_of_two() + 256).max(SMALL)
}

/// A frame that waits for its destination MAC, which is zero in it.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) frame: Frame,
    /// The interface it came in by; `None` if the station itself sends it.
    pub(super) ingress: Option<u16>,
}

/// What waits for one neighbour's answer, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    frames: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    /// Adds a frame; gives back the oldest ones that must go to make room.
    pub(super) fn push(&mut self, waiting: Waiting, bytes_max: usize) -> Vec<Waiting> {
        let size = truesize(waiting.frame.len());
        let mut gone = Vec::new();
        while self.bytes + size > bytes_max {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= truesize(oldest.frame.len());
            gone.push(oldest);
        }
        self.bytes += size;
        self.frames.push_back(waiting);
        gone
    }

    /// Everything, oldest first.
    pub(super) fn into_frames(self) -> VecDeque<Waiting> {
        self.frames
    }
}

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
