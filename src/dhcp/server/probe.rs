//! Whether an address is in use, asked before it is offered.
//!
//! "As a consistency check, the allocating server SHOULD probe the reused address before allocating the address, e.g.,
//! with an ICMP echo request" (RFC 2131 section 2.2). A client on the server's own link is asked about with ARP, which
//! nobody can decline to answer; behind a relay with an echo request. The host does both, and says if
//! there is an answer. The offer waits for it, as long as the scope says.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::request::Request;
use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::{Deadline, Deadlines, Instant};

/// Addresses that are asked about, and who is to get them.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// By address: the subnet, and the DISCOVER.
    waiting: BTreeMap<Ipv4Addr, (usize, Request)>,
    deadlines: Deadlines<Ipv4Addr>,
}

impl Probes {
    /// Asks about the address of a subnet until `until`; if it is being asked about, the answer goes to this
    /// DISCOVER, and nothing else changes.
    pub(super) fn begin(
        &mut self,
        until: Instant,
        (subnet, address): (usize, Ipv4Addr),
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) {
        let relayed = !request.message.giaddr.is_unspecified();
        let before = self.waiting.insert(address, (subnet, request.clone()));
        if before.is_some() {
            return;
        }
        self.deadlines.set(address, Some(until));
        out.push(if relayed {
            AppEffect::EchoProbe(address)
        } else {
            AppEffect::ArpProbe(address)
        });
    }

    /// The next one that nobody has answered in time: subnet, address, and DISCOVER.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(usize, Ipv4Addr, Request)> {
        let address = self.deadlines.pop_due(now)?;
        let (subnet, request) = self.waiting.remove(&address)?;
        Some((subnet, address, request))
    }

    /// Ends the question about an address; `None` if it is not asked about.
    pub(super) fn take(&mut self, address: Ipv4Addr) -> Option<(usize, Request)> {
        self.deadlines.set(address, None);
        self.waiting.remove(&address)
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadlines.next().map(|at| (at, "address probe"))
    }
}
