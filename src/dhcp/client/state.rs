//! The states of a DHCP client (RFC 2131 figure 5), what each of them owns, and what each waits for.

use std::net::Ipv4Addr;

use super::Lease;
use crate::time::Instant;
use crate::wire::dhcp::{Message, MessageType, code};

/// Where a client is.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Not started, or stopped.
    #[default]
    Idle,
    /// About to look for servers.
    Init { discover_at: Instant },
    /// Looks for servers.
    Selecting(Search),
    /// Has taken an offer, and waits for its server's word.
    Requesting(Asked),
    /// About to ask for the address that it had before.
    InitReboot { ask_at: Instant, address: Ipv4Addr },
    /// Asks any server for the address that it had before.
    Rebooting(Question),
    /// Has been granted an address, and waits whether somebody else answers from it.
    Checking(Held, Box<Message>, Instant),
    /// Has an address of its own, and asks for settings.
    Informing(Question),
    /// Has an address.
    Bound(Held),
    /// Asks its server for more time.
    Renewing(Held, Query),
    /// Asks any server for more time.
    Rebinding(Held, Query),
}

/// A search for servers: DISCOVER and what came in answer.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) xid: u32,
    pub(super) began: Instant,
    /// `secs` of the last DISCOVER.
    pub(super) secs: u16,
    /// DISCOVERs sent.
    pub(super) sent: u32,
    pub(super) resend_at: Instant,
    /// Offers that came.
    pub(super) offers: u32,
}

/// An offer that was taken.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) xid: u32,
    /// `secs` of the DISCOVER that was answered: "the DHCPREQUEST message MUST use the same value" (RFC 2131 section
    /// 3.1 step 3).
    pub(super) secs: u16,
    pub(super) server: Ipv4Addr,
    pub(super) address: Ipv4Addr,
    /// The lease counts from here: the answer may be to the first REQUEST (RFC 2131 section 4.4.1).
    pub(super) first_sent: Instant,
    /// REQUESTs sent.
    pub(super) sent: u32,
    pub(super) resend_at: Instant,
}

impl Asked {
    /// Whether a reply is this server's to this request.
    pub(super) fn answered_by(&self, reply: &Message) -> bool {
        let server = reply.address(code::SERVER_IDENTIFIER);
        reply.xid == self.xid && server.is_ok_and(|server| server == self.server)
    }
}

/// What the client asks all servers about an address that it has, or had before, until somebody answers: a REQUEST in
/// INIT-REBOOT, or an INFORM.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) xid: u32,
    pub(super) address: Ipv4Addr,
    pub(super) first_sent: Instant,
    /// How often it was sent.
    pub(super) sent: u32,
    pub(super) resend_at: Instant,
}

/// A lease and its times.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    /// T1.
    pub(super) renew_at: Instant,
    /// T2.
    pub(super) rebind_at: Instant,
    pub(super) expires_at: Instant,
}

/// A REQUEST for more time. Each has a number of its own, so that its answer says when it was sent.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) xid: u32,
    /// When the first was sent, at T1: `secs` counts from "began address acquisition or renewal process" on (RFC 2131
    /// table 1).
    pub(super) began: Instant,
    pub(super) sent: Instant,
    pub(super) resend_at: Instant,
}

/// What happens to a client.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an event is handled at once, and never kept"
)]
pub(super) enum Event {
    Start,
    /// It begins with the address that it had before.
    Reboot(Ipv4Addr),
    /// It has this address, and wants settings.
    Inform(Ipv4Addr),
    /// Somebody else has this address.
    Conflict(Ipv4Addr),
    Reply(MessageType, Message),
    Timeout(Due),
    Release,
    Stop,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Discover,
    Reboot,
    Retransmission,
    Check,
    Renewal,
    Rebinding,
    Expiry,
}

impl Due {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Due::Discover => "DHCP discovery",
            Due::Reboot => "DHCP request for the old address",
            Due::Check => "ARP check of the address",
            Due::Retransmission => "DHCP retransmission",
            Due::Renewal => "DHCP renewal (T1)",
            Due::Rebinding => "DHCP rebinding (T2)",
            Due::Expiry => "DHCP lease expiry",
        }
    }
}

impl State {
    /// What it waits for, and until when. Of two at one instant the end of a stage comes first.
    pub(super) fn deadline(&self) -> Option<(Instant, Due)> {
        let sooner = |resend_at: Instant, end: Instant, due| {
            Some(if resend_at < end {
                (resend_at, Due::Retransmission)
            } else {
                (end, due)
            })
        };
        match self {
            State::Idle => None,
            State::Init { discover_at } => Some((*discover_at, Due::Discover)),
            State::Selecting(search) => Some((search.resend_at, Due::Retransmission)),
            State::Requesting(asked) => Some((asked.resend_at, Due::Retransmission)),
            State::InitReboot { ask_at, .. } => Some((*ask_at, Due::Reboot)),
            State::Rebooting(reboot) => Some((reboot.resend_at, Due::Retransmission)),
            State::Informing(inform) => Some((inform.resend_at, Due::Retransmission)),
            State::Checking(_, _, until) => Some((*until, Due::Check)),
            State::Bound(held) => Some((held.renew_at, Due::Renewal)),
            State::Renewing(held, query) => sooner(query.resend_at, held.rebind_at, Due::Rebinding),
            State::Rebinding(held, query) => sooner(query.resend_at, held.expires_at, Due::Expiry),
        }
    }

    /// The lease, in the states in which the host has its address.
    pub(super) fn held(&self) -> Option<&Held> {
        match self {
            State::Idle
            | State::Init { .. }
            | State::Selecting(_)
            | State::Requesting(_)
            | State::InitReboot { .. }
            | State::Rebooting(_)
            | State::Checking(..)
            | State::Informing(_) => None,
            State::Bound(held) | State::Renewing(held, _) | State::Rebinding(held, _) => Some(held),
        }
    }
}
