//! Proxy ARP answers that wait (RFC 1027; Linux `proxy_delay`, `proxy_qlen`).
//!
//! A proxy lets the real owner of an address answer first: it waits a random time of up to 0.8 s. At most
//! 65 answers wait on an interface, for Linux looks for more than 64 before it adds one.

use std::collections::BTreeMap;

use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::arp::Arp;

const DELAY_MAX: Duration = Duration::from_millis(800);
const PENDING_MAX: u16 = 65;

/// The answers that wait.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By time, then in order of arrival: the interface, and the request to answer.
    answers: BTreeMap<(Instant, u64), (u16, Arp)>,
    by_interface: BTreeMap<u16, u16>,
    sequence: u64,
}

impl Pending {
    /// Puts an answer off; false if too many wait already.
    pub(super) fn add(
        &mut self,
        now: Instant,
        interface: u16,
        request: Arp,
        rng: &mut Rng,
    ) -> bool {
        let waiting = self.by_interface.entry(interface).or_default();
        if *waiting >= PENDING_MAX {
            return false;
        }
        *waiting += 1;
        self.sequence += 1;
        let at = now + rng.duration(Duration::ZERO, DELAY_MAX);
        self.answers
            .insert((at, self.sequence), (interface, request));
        true
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(u16, Arp)> {
        let first = self
            .answers
            .first_entry()
            .filter(|first| first.key().0 <= now)?;
        let (interface, request) = first.remove();
        if let Some(waiting) = self.by_interface.get_mut(&interface) {
            *waiting -= 1;
        }
        Some((interface, request))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.answers.keys().next().map(|(at, _)| *at)
    }
}
