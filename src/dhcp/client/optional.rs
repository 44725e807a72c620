//! What RFC 2131 lets a client do and no set is known to do: its owner or a setting asks for it.

use std::net::Ipv4Addr;

use super::actions::{host_address, leave, seconds_since};
use super::message;
use super::state::{Held, Question, Search, State};
use super::{Client, ClientEvent};
use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::dhcp::{CLIENT_PORT, Message, code};

/// "The client SHOULD wait a minimum of ten seconds before restarting the configuration process" (RFC 2131
/// section 3.1 step 5).
const DECLINE_DELAY: Duration = Duration::from_secs(10);

impl Client {
    /// Begins with the address that it had before (RFC 2131 section 3.2), after the delay at the start.
    pub(super) fn begin_reboot(
        &mut self,
        now: Instant,
        before: &State,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        leave(before, out);
        let delay = self.start_delay();
        if delay.is_zero() {
            return self.reboot_now(now, address, out);
        }
        self.state = State::InitReboot {
            ask_at: now + delay,
            address,
        };
        None
    }

    /// Sends the first REQUEST for the address that it had before.
    pub(super) fn reboot_now(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let reboot = self.question(now, address);
        self.reboot_again(now, reboot, out)
    }

    /// Sends another REQUEST for the address that it had before, or looks for servers if there were enough.
    pub(super) fn reboot_again(
        &mut self,
        now: Instant,
        reboot: Question,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        if reboot.sent >= self.config.timing.requests_max {
            return self.lose(now, "no answer to the request");
        }
        let secs = seconds_since(reboot.first_sent, now);
        out.push(message::to_all(&message::reboot(
            self.mac,
            &self.config,
            &reboot,
            secs,
        )));
        self.state = State::Rebooting(self.sent_again(now, reboot));
        None
    }

    /// Sends the first INFORM.
    pub(super) fn begin_inform(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        out.push(AppEffect::Bind { port: CLIENT_PORT });
        let inform = self.question(now, address);
        self.inform_again(now, inform, out)
    }

    /// Sends another INFORM, or gives up if there were enough.
    pub(super) fn inform_again(
        &mut self,
        now: Instant,
        inform: Question,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        if inform.sent >= self.config.timing.requests_max {
            self.end(&State::Informing(inform), out);
            return Some(ClientEvent::Lost {
                reason: "no answer to the inform",
            });
        }
        let secs = seconds_since(inform.first_sent, now);
        out.push(message::to_all(&message::inform(
            self.mac,
            &self.config,
            inform.address,
            inform.xid,
            secs,
        )));
        self.state = State::Informing(self.sent_again(now, inform));
        None
    }

    /// What is about to be asked for the first time.
    fn question(&mut self, now: Instant, address: Ipv4Addr) -> Question {
        Question {
            xid: self.rng.u32(),
            address,
            first_sent: now,
            sent: 0,
            resend_at: now,
        }
    }

    /// The same, once more on its way.
    fn sent_again(&mut self, now: Instant, question: Question) -> Question {
        let sent = question.sent + 1;
        Question {
            sent,
            resend_at: now + self.retransmission(sent),
            ..question
        }
    }

    /// Takes the settings that an INFORM brought, and stops.
    pub(super) fn informed(
        &mut self,
        before: &State,
        ack: Message,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        self.end(before, out);
        Some(ClientEvent::Informed(Box::new(ack)))
    }

    /// Takes an ACK to a DISCOVER as offer and grant in one, or refuses it (RFC 4039 section 3.1).
    pub(super) fn take_at_once(
        &mut self,
        now: Instant,
        mut search: Search,
        ack: Message,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let Ok(server) = ack.address(code::SERVER_IDENTIFIER) else {
            return self.keep(
                State::Selecting(search),
                "ACK does not name its server",
                out,
            );
        };
        if let Err(reason) = (self.config.policy)(&ack) {
            search.offers += 1;
            let count = search.offers;
            self.state = State::Selecting(search);
            return Some(ClientEvent::OfferRefused {
                server,
                reason,
                count,
            });
        }
        self.bind(now, search.began, State::Selecting(search), ack, out)
    }

    /// Somebody else has the address that was granted: "the client MUST send a DHCPDECLINE message to the server and
    /// restarts the configuration process" (RFC 2131 section 3.1 step 5).
    pub(super) fn decline(
        &mut self,
        now: Instant,
        held: &Held,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        out.push(AppEffect::ProbeEnd(held.lease.address));
        let xid = self.rng.u32();
        let message = message::decline(self.mac, &self.config, &held.lease, xid);
        out.push(message::to_all(&message));
        self.state = State::Init {
            discover_at: now + DECLINE_DELAY,
        };
        Some(ClientEvent::Lost {
            reason: "another station has the address",
        })
    }

    /// Nobody else has the address that was granted.
    pub(super) fn take_checked(
        &mut self,
        held: Held,
        ack: Box<Message>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let address = held.lease.address;
        let lease = held.lease.clone();
        out.push(AppEffect::Configure(Some(host_address(&held))));
        out.push(AppEffect::ArpAnnounce(address));
        self.state = State::Bound(held);
        Some(ClientEvent::Bound(lease, ack))
    }
}
