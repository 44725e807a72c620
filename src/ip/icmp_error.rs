//! ICMP errors: which packets may be answered with one, what it quotes, and how many are sent.
//!
//! Hosts and gateways share this. The errors look like the Linux kernel's: TTL 64, TOS 0xc0 (internetwork
//! control, RFC 1812 section 4.3.2.5), as much of the packet quoted as makes 576 bytes in all
//! (RFC 1812 section 4.3.2.3). Linux's limits hold: a destination gets a burst of 6 and then one a
//! second, all of them together a burst of 50 and then 1000 a second.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::time::{Duration, Instant};
use crate::wire::icmp::Message;
use crate::wire::ipv4;

/// Bytes of an ICMP error's IP packet: the least that every station must take (RFC 1122 section 3.3.2).
const PACKET_LEN_MAX: usize = 576;
/// Bytes of the error's own IP and ICMP headers.
const HEADERS_LEN: usize = 28;
/// Internetwork control.
const TOS: u8 = 0xc0;
/// Linux's `ip_default_ttl`.
pub(super) const TTL: u8 = 64;

/// An error about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// Unreachable, with this code.
    Unreachable(u8),
    /// The next link takes no more than this many bytes (RFC 1191 section 4).
    TooBig {
        mtu: u16,
    },
    TtlExceeded,
    /// Not all fragments came in time.
    FragmentsMissing,
}

/// Whether an error about this packet may be sent (RFC 1122 section 3.2.2): not about an ICMP error, nor
/// about a later fragment, nor to or from more than one station. `payload` is the packet's.
///
/// Whether the packet came as a broadcast of the link or the subnet is for the caller to know.
pub(super) fn may_report(header: &ipv4::Header, payload: &[u8]) -> bool {
    let is_error =
        header.protocol == ipv4::ICMP && !payload.first().is_some_and(|kind| is_query(*kind));
    let one_sender = !(header.src.is_unspecified() || is_impossible_source(header.src));
    let to_one = !header.dst.is_multicast() && !header.dst.is_broadcast();
    !is_error && header.fragment_offset == 0 && one_sender && to_one
}

/// Echo, router, timestamp, information and address mask messages, which ask or answer.
fn is_query(kind: u8) -> bool {
    matches!(kind, 0 | 8 | 9 | 10 | 13..=18)
}

/// Whether no station may send from this address (RFC 1812 section 5.3.7): a group's, everybody's, the
/// loopback's, class E. The unspecified address is a host's that has none yet.
pub(super) fn is_impossible_source(address: Ipv4Addr) -> bool {
    address.is_multicast() || address.is_loopback() || address.octets()[0] >= 240
}

/// Appends the IP packet of an error from `src` about `packet`.
pub(super) fn write(
    src: Ipv4Addr,
    to: Ipv4Addr,
    id: u16,
    problem: Problem,
    packet: &[u8],
    out: &mut Vec<u8>,
) {
    let quoted = &packet[..packet.len().min(PACKET_LEN_MAX - HEADERS_LEN)];
    let header = ipv4::Header {
        tos: TOS,
        id,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: TTL,
        protocol: ipv4::ICMP,
        src,
        dst: to,
    };
    header.encode(HEADERS_LEN - 20 + quoted.len(), out);
    match problem {
        Problem::Unreachable(code) => Message::Unreachable { code, quoted }.encode(out),
        Problem::TtlExceeded => Message::TimeExceeded { code: 0, quoted }.encode(out),
        Problem::FragmentsMissing => Message::TimeExceeded { code: 1, quoted }.encode(out),
        Problem::TooBig { mtu } => {
            let [high, low] = mtu.to_be_bytes();
            let rest = [&[0, 0, high, low], quoted].concat();
            let (kind, code) = (3, crate::wire::icmp::FRAGMENTATION_NEEDED);
            Message::Other {
                kind,
                code,
                rest: &rest,
            }
            .encode(out);
        }
    }
}

/// How many ICMP errors may be sent (Linux `icmp_ratelimit` 1000 ms, `icmp_msgs_per_sec` 1000,
/// `icmp_msgs_burst` 50).
#[derive(Debug, Default)]
pub(super) struct Limits {
    all: Option<Bucket>,
    /// One a destination. A bucket that is full again says nothing and is left out.
    by_destination: BTreeMap<Ipv4Addr, Bucket>,
}

const ALL: Rate = Rate {
    every: Duration::from_millis(1),
    burst: 50,
};
const ONE_DESTINATION: Rate = Rate {
    every: Duration::from_secs(1),
    burst: 6,
};
/// Full buckets are looked for when there are this many.
const DESTINATIONS_MAX: usize = 1024;

impl Limits {
    /// Takes the right to send one error to `to`; false if there is none left.
    pub(super) fn allow(&mut self, now: Instant, to: Ipv4Addr) -> bool {
        let full = Bucket { full_at: now };
        let mut all = self.all.unwrap_or(full);
        if !all.take(now, ALL) {
            return false;
        }
        if self.by_destination.len() >= DESTINATIONS_MAX {
            self.by_destination.retain(|_, bucket| bucket.full_at > now);
        }
        let one = self.by_destination.entry(to).or_insert(full);
        let allowed = one.take(now, ONE_DESTINATION);
        if allowed {
            // What a destination is refused costs the others nothing (Linux since 6.12).
            self.all = Some(all);
        }
        allowed
    }
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    /// A token comes this often.
    every: Duration,
    /// Tokens in a full bucket.
    burst: u32,
}

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let after = self.full_at.max(now) + rate.every;
        let allowed = after.since(now) <= rate.every * rate.burst;
        if allowed {
            self.full_at = after;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_gets_six_errors_at_once_and_then_one_a_second() {
        let mut limits = Limits::default();
        let to = Ipv4Addr::new(10, 0, 0, 1);
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let sent = (0..100).filter(|_| limits.allow(at(5), to)).count();
        assert_eq!(sent, 6);
        assert!(limits.allow(at(6), to));
        assert!(!limits.allow(at(6), to));
        assert!(limits.allow(at(6), Ipv4Addr::new(10, 0, 0, 2)));
    }

    #[test]
    fn all_destinations_together_get_fifty_at_once() {
        let mut limits = Limits::default();
        let sent = (0..200u32)
            .filter(|n| limits.allow(Instant::ZERO, Ipv4Addr::from_bits(0x0a00_0000 + n)))
            .count();
        assert_eq!(sent, 50);
    }

    #[test]
    fn what_one_destination_is_refused_is_left_to_the_others() {
        let mut limits = Limits::default();
        let to = |last| Ipv4Addr::new(10, 0, 0, last);
        assert_eq!(
            (0..100)
                .filter(|_| limits.allow(Instant::ZERO, to(1)))
                .count(),
            6
        );
        assert!(limits.allow(Instant::ZERO, to(2)));
    }
}
