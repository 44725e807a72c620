//! A DHCP client (RFC 2131 section 4.4, figure 5): a machine that a phone or a host owns.
//!
//! ```text
//!            start                OFFER taken               ACK
//!   IDLE ──► INIT ──► SELECTING ─────────────► REQUESTING ─────────► BOUND ◄────────┐
//!             ▲                                    │ NAK, no answer    │ T1         │ ACK
//!             ├────────────────────────────────────┘                   ▼            │
//!             │ NAK, lease expired                                  RENEWING ───────┤
//!             ├────────────────────────────────────────────────────────┤ T2         │
//!             │                                                        ▼            │
//!             └─────────────────────────────────────────────────── REBINDING ───────┘
//!
//!           reboot           REQUEST for the old address        ACK
//!   IDLE ──► INIT-REBOOT ──► REBOOTING ─────────────────────────────► BOUND; NAK, no answer: INIT
//!           inform                          ACK: settings
//!   IDLE ──► INFORMING ─────────────────────────────────► IDLE
//!
//!   With `check` an ACK leads to CHECKING: an ARP probe; an answer: DECLINE, INIT; none: BOUND.
//! ```
//!
//! It binds UDP port 68, sends, and sets its host's address itself (`AppEffect::Configure`): when bound,
//! and away again when the lease is lost, released or stopped. Its owner hears of everything through
//! [`ClientEvent`], and gets the ACK with [`ClientEvent::Bound`]; the client keeps no copy of it. After a loss it begins anew by itself; an owner that
//! wants otherwise calls [`Client::stop`].
//!
//! It is not told of the cable. A set discovers at power-up, when its owner calls [`Client::start`], and
//! does nothing when a link merely comes back: so a set that was unplugged and moved keeps its old address
//! (rules MV-2, MV-11) until its lease comes to rebinding. RFC 2131 section 3.7 would have it ask again.
//!
//! Which offers it takes is its owner's policy; the first that passes is requested, without waiting for
//! others. What no set is known to do is asked for: INIT-REBOOT and INFORM by [`Client::reboot`] and
//! [`Client::inform`], the ARP check with its DECLINE, rapid commit and a client identifier by [`ClientConfig`].

mod actions;
mod message;
mod optional;
mod state;

use std::net::Ipv4Addr;
use std::sync::Arc;

use state::{Due, Event, Search, State};

use crate::app::{AppEffect, Datagram};
use crate::outbox::{LeaseEvent, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::time::{Deadline, Duration, Instant};
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREPLY, Message, MessageType, code};

/// What a client is told; clients can share it.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Option 60; empty: not sent.
    pub vendor_class: Vec<u8>,
    /// Option 55; empty: not sent.
    pub parameter_request_list: Vec<u8>,
    /// Whether an offer will do; else why not, as a lower-case fragment.
    pub policy: fn(&Message) -> Result<(), String>,
    /// Whether to ask for broadcast answers (RFC 2131 section 4.1).
    pub broadcast: bool,
    /// Option 61; empty: not sent, and the server goes by the hardware address.
    pub client_id: Vec<u8>,
    /// Option 57: bytes of an IP datagram, 576 or more; `None`: not sent.
    pub max_message_size: Option<u16>,
    /// Whether to take an ACK in answer to the DISCOVER (RFC 4039).
    pub rapid_commit: bool,
    /// How long to wait, after the ACK, for somebody else to answer from the address; `None`: nobody is asked
    /// (RFC 2131 section 4.4.1).
    pub check: Option<Duration>,
    pub timing: Timing,
}

/// The client's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The first DISCOVER waits a random time between these.
    pub start_delay: (Duration, Duration),
    /// The first wait for an answer; each further one is twice as long.
    pub retransmit_first: Duration,
    /// The longest wait for an answer.
    pub retransmit_max: Duration,
    /// Each wait is longer or shorter by up to this, at random.
    pub jitter: Duration,
    /// How many times a REQUEST is sent before the client begins anew.
    pub requests_max: u32,
    /// The shortest time between two renewals.
    pub renewal_gap_min: Duration,
    /// How long after a loss the client begins anew.
    pub restart_delay: Duration,
}

impl Default for Timing {
    /// RFC 2131: 4, 8, 16, 32, 64 s, each ±1 s (section 4.1); a REQUEST at most four times again (section 3.1
    /// step 5); renewals at least 60 s apart (section 4.4.5). Not from there: no delay at the start, where
    /// section 4.4.1 proposes 1 to 10 s; and 1 s after a loss, lest a server that always says no is asked
    /// in an endless burst.
    fn default() -> Timing {
        Timing {
            start_delay: (Duration::ZERO, Duration::ZERO),
            retransmit_first: Duration::from_secs(4),
            retransmit_max: Duration::from_secs(64),
            jitter: Duration::from_secs(1),
            requests_max: 5,
            renewal_gap_min: Duration::from_secs(60),
            restart_delay: Duration::from_secs(1),
        }
    }
}

/// What a client holds when bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub address: Ipv4Addr,
    /// From option 1; 32 if the server did not send it.
    pub prefix_len: u8,
    pub router: Option<Ipv4Addr>,
    pub name_servers: Vec<Ipv4Addr>,
    /// The server identifier.
    pub server: Ipv4Addr,
    /// How long it lasts from the sending of the REQUEST.
    pub lease: Duration,
}

/// What a client tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// It begins to look for servers: the first DISCOVER is on its way.
    Discovering,
    /// It does not take an offer: the `count`th since it began to look.
    OfferRefused {
        server: Ipv4Addr,
        reason: String,
        count: u32,
    },
    /// It takes an offer: the `count`th since it began to look.
    OfferAccepted { server: Ipv4Addr, count: u32 },
    /// It has an address now. The ACK comes with it, for whatever else it holds.
    Bound(Lease, Box<Message>),
    /// It has the settings that it asked for, and is done.
    Informed(Box<Message>),
    /// It has more time on its address.
    Renewed(Lease),
    /// It has no address now, or does not get the one that it was offered.
    Lost { reason: &'static str },
}

/// A DHCP client.
#[derive(Debug)]
pub struct Client {
    mac: Mac,
    config: Arc<ClientConfig>,
    rng: Rng,
    state: State,
}

impl Client {
    /// A client that does nothing until `start`.
    pub fn new(mac: Mac, config: impl Into<Arc<ClientConfig>>, rng: Rng) -> Client {
        Client {
            mac,
            config: config.into(),
            rng,
            state: State::Idle,
        }
    }

    /// Begins to look for servers, whatever it did before: as at power-up.
    pub fn start(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Option<ClientEvent> {
        self.handle(now, Event::Start, out)
    }

    /// Asks for the address that it had before, whatever it did meanwhile: as at power-up, if it was remembered
    /// (RFC 2131 section 3.2). If no server says yes it looks for servers.
    pub fn reboot(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        self.handle(now, Event::Reboot(address), out)
    }

    /// Asks for settings, for a host that has an address from elsewhere (RFC 2131 section 3.4). Only when idle.
    pub fn inform(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        self.handle(now, Event::Inform(address), out)
    }

    /// Another station has this address, says the host.
    pub fn handle_conflict(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        self.handle(now, Event::Conflict(address), out)
    }

    /// A datagram arrived at port 68. What is not for this client, or not a whole reply, is ignored and traced.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        match self.read(datagram.payload) {
            Ok((kind, message)) => self.handle(now, Event::Reply(kind, message), out),
            Err(reason) => {
                self.ignore(reason, out);
                None
            }
        }
    }

    /// A deadline has passed. Calling it early does nothing.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let (at, due) = self.state.deadline()?;
        if now < at {
            return None;
        }
        self.handle(now, Event::Timeout(due), out)
    }

    /// When the client next wants `handle_timeout`, and what for.
    pub fn poll_timeout(&self) -> Deadline {
        let (at, due) = self.state.deadline()?;
        Some((at, due.name()))
    }

    /// Gives the lease back to its server, if it has one, and stops.
    pub fn release(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        self.handle(now, Event::Release, out);
    }

    /// Gives the lease back to its server, if it has one, and keeps the address: the message may have to wait for ARP.
    /// Its owner calls [`Client::stop`] when it has had the time to leave.
    pub fn give_back(&mut self, out: &mut Outbox<AppEffect>) {
        let xid = self.rng.u32();
        if let Some(held) = self.state.held() {
            let message = message::release(self.mac, &self.config, held, xid);
            out.push(message::to_server(held.lease.server, &message));
        }
    }

    /// Stops without a word to the server; the host loses its address, if it came from here.
    pub fn stop(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        self.handle(now, Event::Stop, out);
    }

    /// Its host lost power: all is forgotten, and nothing is sent or asked of the host.
    pub fn power_down(&mut self) {
        self.state = State::Idle;
    }

    /// The lease that it holds, if it has an address.
    pub fn lease(&self) -> Option<&Lease> {
        self.state.held().map(|held| &held.lease)
    }

    /// A reply for this client: right direction, right hardware address, and not defective.
    fn read(&self, payload: &[u8]) -> Result<(MessageType, Message), &'static str> {
        let message = Message::decode(payload).map_err(|error| error.problem)?;
        if message.op != BOOTREPLY || message.mac() != self.mac {
            return Err("not a reply to this client");
        }
        if let Some(defect) = message.defect {
            return Err(defect.problem);
        }
        let kind = message
            .message_type()
            .map_err(|_| "reply has no message type")?;
        Ok((kind, message))
    }

    fn ignore(&self, reason: &'static str, out: &mut Outbox<AppEffect>) {
        let mac = self.mac;
        out.trace(TraceEvent::Lease(LeaseEvent::Ignored { mac, reason }));
    }

    /// The whole machine, but for replies. What it does in each case is in `client/actions.rs`.
    fn handle(
        &mut self,
        now: Instant,
        event: Event,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        use State::{
            Bound, Checking, Idle, Informing, Init, InitReboot, Rebinding, Rebooting, Renewing,
            Requesting, Selecting,
        };
        match (std::mem::take(&mut self.state), event) {
            (state, Event::Reply(kind, message)) => {
                self.handle_reply(now, state, kind, message, out)
            }
            (state, Event::Start) => self.begin(now, &state, out),
            (state, Event::Reboot(address)) => self.begin_reboot(now, &state, address, out),
            (Idle, Event::Inform(address)) => self.begin_inform(now, address, out),
            (Idle, Event::Release | Event::Stop) => None,
            (state, Event::Release) => self.release_and_end(&state, out),
            (state, Event::Stop) => self.end(&state, out),

            (Init { .. }, Event::Timeout(Due::Discover)) => self.discover(now, out),
            (InitReboot { address, .. }, Event::Timeout(Due::Reboot)) => {
                self.reboot_now(now, address, out)
            }
            (Selecting(search), Event::Timeout(_)) => self.discover_again(now, search, out),
            (Requesting(asked), Event::Timeout(_)) => self.request_again(now, asked, out),
            (Rebooting(reboot), Event::Timeout(_)) => self.reboot_again(now, reboot, out),
            (Informing(inform), Event::Timeout(_)) => self.inform_again(now, inform, out),

            (Checking(held, ..), Event::Conflict(address)) if address == held.lease.address => {
                self.decline(now, &held, out)
            }
            (Checking(held, ack, _), Event::Timeout(Due::Check)) => {
                self.take_checked(held, ack, out)
            }

            (Bound(held), Event::Timeout(_)) => self.renew(now, now, held, out),
            (Renewing(held, query), Event::Timeout(Due::Retransmission)) => {
                self.renew(now, query.began, held, out)
            }
            (Renewing(held, query), Event::Timeout(Due::Rebinding))
            | (Rebinding(held, query), Event::Timeout(Due::Retransmission)) => {
                self.rebind(now, query.began, held, out)
            }
            (Rebinding(..), Event::Timeout(Due::Expiry)) => {
                out.push(AppEffect::Configure(None));
                self.lose(now, "lease expired")
            }

            (state, Event::Timeout(_) | Event::Conflict(_) | Event::Inform(_)) => {
                self.state = state;
                None
            }
        }
    }

    /// What each state does with a server's reply. DHCPOFFER is for SELECTING alone; ACK and NAK answer one REQUEST.
    fn handle_reply(
        &mut self,
        now: Instant,
        state: State,
        kind: MessageType,
        reply: Message,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        use MessageType::{Ack, Nak, Offer};
        use State::{Informing, Rebinding, Rebooting, Renewing, Requesting, Selecting};
        match (state, kind) {
            (Selecting(search), Offer) if reply.xid == search.xid => {
                self.weigh(now, search, reply, out)
            }
            (Selecting(search), Ack) if self.commits_rapidly(&search, &reply) => {
                self.take_at_once(now, search, reply, out)
            }
            (Requesting(asked), Ack) if asked.answered_by(&reply) => {
                self.bind(now, asked.first_sent, Requesting(asked), reply, out)
            }
            (Requesting(asked), Nak) if asked.answered_by(&reply) => {
                self.lose(now, "server refused the request")
            }
            (Rebooting(reboot), Ack) if reply.xid == reboot.xid => {
                self.bind(now, reboot.first_sent, Rebooting(reboot), reply, out)
            }
            (Rebooting(reboot), Nak) if reply.xid == reboot.xid => {
                self.lose(now, "server refused the address")
            }
            (Informing(inform), Ack) if reply.xid == inform.xid => {
                self.informed(&Informing(inform), reply, out)
            }
            (Renewing(held, query), Ack) if reply.xid == query.xid => {
                self.bind(now, query.sent, Renewing(held, query), reply, out)
            }
            (Rebinding(held, query), Ack) if reply.xid == query.xid => {
                self.bind(now, query.sent, Rebinding(held, query), reply, out)
            }
            (Renewing(_, query) | Rebinding(_, query), Nak) if reply.xid == query.xid => {
                out.push(AppEffect::Configure(None));
                self.lose(now, "server refused the address")
            }
            (state, _) => {
                self.state = state;
                self.ignore("reply does not answer what this client asked", out);
                None
            }
        }
    }

    /// Whether an ACK answers the DISCOVER itself: "If the client receives a DHCPACK message without the Rapid Commit
    /// option, it discards it" (RFC 4039 section 3.1).
    fn commits_rapidly(&self, search: &Search, ack: &Message) -> bool {
        self.config.rapid_commit
            && ack.xid == search.xid
            && ack.option(code::RAPID_COMMIT).is_some()
    }
}

#[cfg(test)]
mod tests;
