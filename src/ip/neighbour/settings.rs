//! How a station keeps its neighbours: like the Linux kernel, like a simple set, or otherwise.

use crate::time::Duration;

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
    /// Bytes, counted by `truesize` in `queue.rs`, that may wait for one neighbour's answer (`unres_qlen_bytes`).
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
