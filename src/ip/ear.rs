//! What a host hears: a few bytes that say of most of a segment's broadcasts that they are not for it.
//!
//! ARP between strangers and UDP broadcasts to ports that nobody is bound to reach every host of a segment
//! and concern few of them. The world asks a host's ear before it calls the host, so that such a frame costs
//! no look at the host itself: the memory of thousands of idle hosts is in no cache. Ear and host ask the
//! same question ([`Heading::refusal`]), the ear of two sieves and the host of its tables: what the ear lets
//! pass by mistake the host refuses for the same reason, and the ear never refuses what the host would take.

use std::net::Ipv4Addr;

use super::sieve::Sieve;
use crate::outbox::DropReason;
use crate::sim;
use crate::wire::{Frame, Mac, ethernet, ipv4, lldp};

/// The addresses and the port by which a station on a shared segment tells whether a frame concerns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) dst: Mac,
    /// 0 without a tag, and with a priority tag, which names none (IEEE 802.1Q-2022 section 9.3).
    vlan: u16,
    subject: Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// ARP, by these sender and target addresses.
    Arp {
        sender: Ipv4Addr,
        target: Ipv4Addr,
    },
    /// An unfragmented UDP datagram to this port.
    Udp(u16),
    /// From the other end of the cable, whatever the VLAN.
    Lldp,
    Other,
}

impl Heading {
    /// Reads a frame's first bytes; `None` if it has not even a header.
    pub(super) fn of(frame: &[u8]) -> Option<Heading> {
        let (&[d0, d1, d2, d3, d4, d5, .., t0, t1], rest) = frame.split_first_chunk::<14>()?;
        let (mut ethertype, mut rest, mut vlan) = (u16::from_be_bytes([t0, t1]), rest, 0);
        if ethertype == ethernet::ETHERTYPE_VLAN {
            let (&[c0, c1, t0, t1], behind) = rest.split_first_chunk::<4>()?;
            vlan = u16::from_be_bytes([c0, c1]) & 0x0fff;
            (ethertype, rest) = (u16::from_be_bytes([t0, t1]), behind);
        }
        let subject = match ethertype {
            ethernet::ETHERTYPE_ARP => arp_subject(rest),
            ethernet::ETHERTYPE_IPV4 => udp_subject(rest),
            lldp::ETHERTYPE => Some(Subject::Lldp),
            _ => None,
        };
        Some(Heading {
            dst: Mac([d0, d1, d2, d3, d4, d5]),
            vlan,
            subject: subject.unwrap_or(Subject::Other),
        })
    }

    /// Why the frame concerns nobody at a station with this MAC in this VLAN, which knows by `knows` of an IPv4 address that
    /// it is its own or a neighbour's, by `is_own` that it is its own, and by `is_bound` of a UDP port that
    /// an app wants it.
    pub(super) fn refusal(
        &self,
        (mac, vlan): (Mac, u16),
        is_own: impl Fn(Ipv4Addr) -> bool,
        knows: impl Fn(Ipv4Addr) -> bool,
        is_bound: impl Fn(u16) -> bool,
    ) -> Option<DropReason> {
        if self.dst != mac && !self.dst.is_group() {
            return Some(DropReason::NotForThisMac);
        }
        if self.vlan != vlan && self.subject != Subject::Lldp {
            return Some(DropReason::NotForThisVlan);
        }
        match self.subject {
            // Most of a segment's ARP asks a stranger's question about another stranger.
            Subject::Arp { sender, target }
                if !is_own(target) && !is_own(sender) && !knows(sender) =>
            {
                Some(DropReason::ArpNotForUs)
            }
            Subject::Udp(port) if self.dst.is_group() && !is_bound(port) => {
                Some(DropReason::BroadcastNotWanted)
            }
            Subject::Arp { .. } | Subject::Udp(_) | Subject::Lldp | Subject::Other => None,
        }
    }
}

fn arp_subject(message: &[u8]) -> Option<Subject> {
    let address = |at: usize| {
        let bytes = message.get(at..)?.first_chunk::<4>()?;
        Some(Ipv4Addr::from(*bytes))
    };
    let (sender, target) = (address(14)?, address(24)?);
    Some(Subject::Arp { sender, target })
}

fn udp_subject(packet: &[u8]) -> Option<Subject> {
    let &[0x45, _, _, _, _, _, f0, f1, _, ipv4::UDP, ..] = packet.first_chunk::<20>()? else {
        return None;
    };
    let port = packet.get(22..)?.first_chunk::<2>()?;
    let whole = u16::from_be_bytes([f0, f1]) & 0x3fff == 0;
    whole.then_some(Subject::Udp(u16::from_be_bytes(*port)))
}

/// What a host hears.
#[derive(Debug, Clone, Copy)]
pub struct Ear {
    attention: Attention,
    mac: Mac,
    vlan: u16,
    own: Ipv4Addr,
    /// Addresses in its neighbour table.
    known: Sieve,
    /// UDP ports that its apps are bound to.
    bound: Sieve,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attention {
    /// It has no power.
    None,
    /// It hears what concerns its addresses and ports.
    Some,
    /// It looks at everything itself.
    All,
}

impl Ear {
    /// The ear of a station that looks at everything itself.
    pub const OPEN: Ear = Ear::shut_or_open(Attention::All);
    /// The ear of a host without power.
    pub(super) const SHUT: Ear = Ear::shut_or_open(Attention::None);

    const fn shut_or_open(attention: Attention) -> Ear {
        Ear {
            attention,
            mac: Mac::ZERO,
            vlan: 0,
            own: Ipv4Addr::UNSPECIFIED,
            known: Sieve::EMPTY,
            bound: Sieve::EMPTY,
        }
    }

    /// The ear of a host with this MAC in this VLAN, this address, these neighbours and ports.
    pub(super) fn new((mac, vlan): (Mac, u16), own: Ipv4Addr, known: Sieve, bound: Sieve) -> Ear {
        Ear {
            attention: Attention::Some,
            mac,
            vlan,
            own,
            known,
            bound,
        }
    }
}

impl sim::Ear for Ear {
    fn refuses(&self, frame: &Frame) -> Option<DropReason> {
        match self.attention {
            Attention::All => None,
            Attention::None => Some(DropReason::NotReady),
            Attention::Some => Heading::of(frame)?.refusal(
                (self.mac, self.vlan),
                |address| address == self.own,
                |address| self.known.may_hold(address.to_bits()),
                |port| self.bound.may_hold(u32::from(port)),
            ),
        }
    }
}
