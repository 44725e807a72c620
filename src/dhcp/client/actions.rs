//! What a DHCP client does in each case of its machine. Each action sets the next state.

use super::message;
use super::state::{Asked, Held, Query, Search, State};
use super::{Client, ClientEvent};
use crate::app::{AppEffect, HostAddress};
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::dhcp::{CLIENT_PORT, Message, code};

impl Client {
    /// Begins to look for servers, after the delay at the start.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        before: &State,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        leave(before, out);
        let delay = self.start_delay();
        if delay.is_zero() {
            return self.discover(now, out);
        }
        self.state = State::Init {
            discover_at: now + delay,
        };
        None
    }

    /// Sends the first DISCOVER.
    pub(super) fn discover(
        &mut self,
        now: Instant,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let xid = self.rng.u32();
        out.push(message::to_all(&message::discover(
            self.mac,
            &self.config,
            xid,
            0,
        )));
        let resend_at = now + self.retransmission(1);
        self.state = State::Selecting(Search {
            xid,
            began: now,
            secs: 0,
            sent: 1,
            resend_at,
            offers: 0,
        });
        Some(ClientEvent::Discovering)
    }

    /// Sends another DISCOVER of the same search; for ever, since a set without an address has nothing else to do.
    pub(super) fn discover_again(
        &mut self,
        now: Instant,
        search: Search,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let secs = seconds_since(search.began, now);
        out.push(message::to_all(&message::discover(
            self.mac,
            &self.config,
            search.xid,
            secs,
        )));
        let sent = search.sent.saturating_add(1);
        let resend_at = now + self.retransmission(sent);
        self.state = State::Selecting(Search {
            secs,
            sent,
            resend_at,
            ..search
        });
        None
    }

    /// Takes an offer or refuses it.
    pub(super) fn weigh(
        &mut self,
        now: Instant,
        mut search: Search,
        offer: Message,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let Ok(server) = offer.address(code::SERVER_IDENTIFIER) else {
            self.state = State::Selecting(search);
            self.ignore("offer does not name its server", out);
            return None;
        };
        search.offers += 1;
        let count = search.offers;
        let verdict = if offer.yiaddr.is_unspecified() {
            Err("offers no address".to_owned())
        } else {
            (self.config.policy)(&offer)
        };
        if let Err(reason) = verdict {
            self.state = State::Selecting(search);
            return Some(ClientEvent::OfferRefused {
                server,
                reason,
                count,
            });
        }
        let asked = Asked {
            xid: search.xid,
            secs: search.secs,
            server,
            address: offer.yiaddr,
            first_sent: now,
            sent: 1,
            resend_at: now + self.retransmission(1),
        };
        self.send_request(&asked, out);
        self.state = State::Requesting(asked);
        Some(ClientEvent::OfferAccepted { server, count })
    }

    /// Sends another REQUEST for an offer, or begins anew if there were enough.
    pub(super) fn request_again(
        &mut self,
        now: Instant,
        asked: Asked,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        if asked.sent >= self.config.timing.requests_max {
            return self.lose(now, "no answer to the request");
        }
        self.send_request(&asked, out);
        let sent = asked.sent + 1;
        let resend_at = now + self.retransmission(sent);
        self.state = State::Requesting(Asked {
            sent,
            resend_at,
            ..asked
        });
        None
    }

    /// Takes the lease that an ACK grants, counted from `sent`; stays as it is if the ACK can't be used.
    pub(super) fn bind(
        &mut self,
        now: Instant,
        sent: Instant,
        before: State,
        ack: Message,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let held = match message::read_lease(&ack, sent) {
            Ok(held) if held.expires_at > now => held,
            Ok(_) => return self.keep(before, "ACK grants a lease that is over already", out),
            Err(reason) => return self.keep(before, reason, out),
        };
        let address = host_address(&held);
        let lease = held.lease.clone();
        let old = before.held().map(host_address);
        if let (None, Some(wait)) = (old, self.config.check) {
            out.push(AppEffect::ArpProbe(lease.address));
            self.state = State::Checking(held, Box::new(ack), now + wait);
            return None;
        }
        if old != Some(address) {
            out.push(AppEffect::Configure(Some(address)));
        }
        self.state = State::Bound(held);
        // A server that changes the address on renewal breaks RFC 2131; the owner must hear of it as of a new one.
        if old.is_some_and(|old| old.address == address.address) {
            Some(ClientEvent::Renewed(lease))
        } else {
            Some(ClientEvent::Bound(lease, Box::new(ack)))
        }
    }

    /// Asks its server for more time (T1).
    pub(super) fn renew(
        &mut self,
        now: Instant,
        began: Instant,
        held: Held,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let query = self.query(now, began, held.rebind_at);
        let secs = seconds_since(began, now);
        let message = message::extend(self.mac, &self.config, &held, query.xid, secs);
        out.push(message::to_server(held.lease.server, &message));
        self.state = State::Renewing(held, query);
        None
    }

    /// Asks any server for more time (T2).
    pub(super) fn rebind(
        &mut self,
        now: Instant,
        began: Instant,
        held: Held,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let query = self.query(now, began, held.expires_at);
        let secs = seconds_since(began, now);
        let message = message::extend(self.mac, &self.config, &held, query.xid, secs);
        out.push(message::to_all(&message));
        self.state = State::Rebinding(held, query);
        None
    }

    /// Begins anew after a moment.
    pub(super) fn lose(&mut self, now: Instant, reason: &'static str) -> Option<ClientEvent> {
        let discover_at = now + self.config.timing.restart_delay;
        self.state = State::Init { discover_at };
        Some(ClientEvent::Lost { reason })
    }

    /// Gives the lease back, and stops. RELEASE is sent once: nothing answers it (RFC 2131 section 4.4.6).
    pub(super) fn release_and_end(
        &mut self,
        before: &State,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        if let Some(held) = before.held() {
            let message = message::release(self.mac, &self.config, held, self.rng.u32());
            out.push(message::to_server(held.lease.server, &message));
        }
        self.end(before, out)
    }

    /// Stops.
    pub(super) fn end(
        &mut self,
        before: &State,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        if before.held().is_some() {
            out.push(AppEffect::Configure(None));
        }
        if let State::Checking(held, ..) = before {
            out.push(AppEffect::ProbeEnd(held.lease.address));
        }
        out.push(AppEffect::Unbind { port: CLIENT_PORT });
        self.state = State::Idle;
        None
    }

    pub(super) fn keep(
        &mut self,
        before: State,
        reason: &'static str,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        self.state = before;
        self.ignore(reason, out);
        None
    }

    fn send_request(&self, asked: &Asked, out: &mut Outbox<AppEffect>) {
        let message = message::request(self.mac, &self.config, asked);
        out.push(message::to_all(&message));
    }

    /// A new question for more time. It is asked again after half of what is left of this stage, but not
    /// within a minute (RFC 2131 section 4.4.5).
    fn query(&mut self, now: Instant, began: Instant, stage_ends: Instant) -> Query {
        let gap = (stage_ends.since(now) / 2).max(self.config.timing.renewal_gap_min);
        Query {
            xid: self.rng.u32(),
            began,
            sent: now,
            resend_at: now + gap,
        }
    }

    pub(super) fn start_delay(&mut self) -> Duration {
        let (low, high) = self.config.timing.start_delay;
        self.rng.duration(low, high)
    }

    /// How long to wait for an answer to the `sent`th message (RFC 2131 section 4.1).
    pub(super) fn retransmission(&mut self, sent: u32) -> Duration {
        let timing = self.config.timing;
        let doublings = sent.saturating_sub(1).min(31);
        let wait = timing
            .retransmit_first
            .saturating_mul(1 << doublings)
            .min(timing.retransmit_max);
        self.rng
            .duration(wait.saturating_sub(timing.jitter), wait + timing.jitter)
    }
}

/// Readies the host for a beginning, from whatever state.
pub(super) fn leave(before: &State, out: &mut Outbox<AppEffect>) {
    match before {
        State::Idle => out.push(AppEffect::Bind { port: CLIENT_PORT }),
        State::Init { .. }
        | State::InitReboot { .. }
        | State::Selecting(_)
        | State::Requesting(_)
        | State::Rebooting(_)
        | State::Informing(_) => {}
        State::Checking(held, ..) => out.push(AppEffect::ProbeEnd(held.lease.address)),
        State::Bound(_) | State::Renewing(..) | State::Rebinding(..) => {
            out.push(AppEffect::Configure(None));
        }
    }
}

pub(super) fn host_address(held: &Held) -> HostAddress {
    HostAddress {
        address: held.lease.address,
        prefix_len: held.lease.prefix_len,
        gateway: held.lease.router,
    }
}

/// `secs` of a message.
pub(super) fn seconds_since(began: Instant, now: Instant) -> u16 {
    u16::try_from(now.since(began).as_secs()).unwrap_or(u16::MAX)
}
