//! A DHCP server (RFC 2131) without a socket: an app on some host.
//!
//! ```text
//!  datagram ─► decode ─► scope ─► by message type ─► leases ─► reply ─► relay, client or broadcast
//! ```
//!
//! The scope is the one that holds the relay's address (`giaddr`); without a relay, the client's own
//! (`ciaddr`) if it wrote to the server's address, else the server's own, since the client is then on the
//! server's link. Scopes do not overlap.
//!
//! An *authoritative* server is the only one of a subnet: it refuses (NAK) whatever is not so, an
//! address of another subnet first of all, and takes over a client that it has no record of if the
//! address is free, as after a restart. One that is not stays silent in all these cases, for another
//! server may know better (RFC 2131 section 4.3.2).
//!
//! Not here: the conflict probe before an offer (RFC 2131 section 2.2 leaves it to the server; a client
//! that declines has its address set aside), dynamic BOOTP, and fitting a reply into the client's maximum
//! message size (option 57): what is configured is sent. Leases outlive the program where somebody keeps them:
//! [`DhcpServer::keep_leases`].

mod config;
mod reply;
mod request;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub use config::{Scope, ServerConfig};
use request::{Objection, Request, RequestKind, client_key, request_kind};

use super::lease::{Hold, Leases};
use super::record::LeaseRecord;
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::outbox::{LeaseEvent, Outbox, TraceEvent};
use crate::time::{Deadline, Deadlines, Duration, Instant};
use crate::wire::Mac;
use crate::wire::dhcp::{BOOTREQUEST, Message, MessageType, SERVER_PORT, code};

/// How long an offered address is kept back for its client. RFC 2131 leaves it open; this covers the
/// client's four tries (section 3.1 step 5).
const OFFER_HOLD: Duration = Duration::from_secs(60);
/// How long a declined address is set aside. RFC 2131 leaves it open; this is Kea's default, one day.
const DECLINE_HOLD: Duration = Duration::from_secs(86_400);

/// A DHCP server. It binds UDP port 67 when its host starts.
#[derive(Debug)]
pub struct DhcpServer {
    address: Ipv4Addr,
    subnets: Vec<Subnet>,
    /// Subnets by their lowest address.
    by_network: BTreeMap<u32, usize>,
    /// The next thing that ends in each subnet.
    deadlines: Deadlines<usize>,
}

/// A scope and its leases.
#[derive(Debug)]
struct Subnet {
    scope: Scope,
    leases: Leases,
}

impl DhcpServer {
    /// A server with no leases yet.
    pub fn new(config: ServerConfig) -> DhcpServer {
        let subnets: Vec<Subnet> = config
            .scopes
            .into_iter()
            .map(|scope| {
                let leases = Leases::new(scope.pool, &scope.reservations);
                Subnet { scope, leases }
            })
            .collect();
        let networks = subnets.iter().enumerate();
        let by_network = networks
            .map(|(at, subnet)| (u32::from(subnet.scope.prefix.0) & subnet.scope.mask(), at))
            .collect();
        DhcpServer {
            address: config.address,
            subnets,
            by_network,
            deadlines: Deadlines::default(),
        }
    }

    /// Takes leases back from a store, and notes each change from now on. Records of other subnets are left
    /// alone. How many were taken.
    pub fn keep_leases(&mut self, now: Instant, records: &[LeaseRecord]) -> usize {
        let mut taken = 0;
        for (at, subnet) in self.subnets.iter_mut().enumerate() {
            let Subnet { scope, leases } = subnet;
            let own = records
                .iter()
                .filter(|record| scope.contains(record.address));
            taken += own.clone().count();
            leases.restore(now, own);
            leases.keep_changes();
            self.deadlines.set(at, subnet.leases.next_deadline());
        }
        taken
    }

    /// The server's clock jumps ahead: its leases end so much earlier than their clients think.
    pub fn jump_clock(&mut self, by: Duration) {
        for (at, subnet) in self.subnets.iter_mut().enumerate() {
            subnet.leases.jump_clock(by);
            self.deadlines.set(at, subnet.leases.next_deadline());
        }
    }

    /// Whether leases have changed since [`DhcpServer::lease_changes`] was last called.
    pub fn has_lease_changes(&self) -> bool {
        self.subnets
            .iter()
            .any(|subnet| subnet.leases.has_changes())
    }

    /// Each change of a lease since this was last called, in order. Nothing that the server has sent since may
    /// leave before they are in the store: an ACK promises what it says.
    pub fn lease_changes(&mut self) -> impl Iterator<Item = LeaseRecord> + '_ {
        let subnets = self.subnets.iter_mut();
        subnets.flat_map(|subnet| subnet.leases.changes())
    }

    /// The scopes with their leases.
    #[cfg(test)]
    fn scopes(&self) -> impl Iterator<Item = (&Scope, &Leases)> {
        self.subnets
            .iter()
            .map(|subnet| (&subnet.scope, &subnet.leases))
    }

    fn handle_message(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), (Mac, &'static str)> {
        let message =
            Message::decode(datagram.payload).map_err(|error| (Mac::ZERO, error.problem))?;
        let mac = message.mac();
        let ignore = |reason| Err((mac, reason));
        if let Some(defect) = message.defect {
            return ignore(defect.problem);
        }
        if message.op != BOOTREQUEST || message.hlen > 16 {
            return ignore("not a request of a client");
        }
        let Ok(kind) = message.message_type() else {
            return ignore("no message type: BOOTP is not served");
        };
        let Some(at) = self.subnet_of(&message, *datagram.to.ip()) else {
            return ignore("no scope for the client's subnet");
        };
        let request = Request {
            client: client_key(&message),
            mac,
            message,
        };
        let answered = match kind {
            MessageType::Discover => self.discover(now, at, &request, out),
            MessageType::Request => self.request(now, at, &request, out),
            MessageType::Release => self.release(now, at, &request, out),
            MessageType::Decline => self.decline(now, at, &request, out),
            MessageType::Inform => self.inform(at, &request, out),
            MessageType::Offer | MessageType::Ack | MessageType::Nak | MessageType::Other(_) => {
                Err("not a message for servers")
            }
        };
        self.deadlines
            .set(at, self.subnets[at].leases.next_deadline());
        answered.map_err(|reason| (mac, reason))
    }

    /// The subnet that a client is on, as this file's opening says.
    fn subnet_of(&self, message: &Message, sent_to: Ipv4Addr) -> Option<usize> {
        if !message.giaddr.is_unspecified() {
            return self.subnet_with(message.giaddr);
        }
        let unicast = !message.ciaddr.is_unspecified() && sent_to == self.address;
        self.subnet_with(if unicast {
            message.ciaddr
        } else {
            self.address
        })
    }

    fn subnet_with(&self, address: Ipv4Addr) -> Option<usize> {
        let (_, at) = self.by_network.range(..=u32::from(address)).next_back()?;
        self.subnets[*at].scope.contains(address).then_some(*at)
    }

    fn discover(
        &mut self,
        now: Instant,
        at: usize,
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), &'static str> {
        let Subnet { scope, leases } = &mut self.subnets[at];
        let mac = request.mac;
        let wanted = request.message.address(code::REQUESTED_ADDRESS).ok();
        let until = now + OFFER_HOLD;
        let Some(address) = leases.offer(&request.client, mac, wanted, until) else {
            out.trace(TraceEvent::Lease(LeaseEvent::Exhausted { mac }));
            return Ok(());
        };
        out.trace(TraceEvent::Lease(LeaseEvent::Offered { mac, address }));
        out.push(reply::offer(self.address, scope, &request.message, address));
        Ok(())
    }

    /// REQUEST (RFC 2131 section 4.3.2).
    fn request(
        &mut self,
        now: Instant,
        at: usize,
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), &'static str> {
        let (address, verdict) = match request_kind(&request.message)? {
            RequestKind::Selecting { server, .. } if server != self.address => {
                let leases = &mut self.subnets[at].leases;
                if let Some((address, lease)) = leases.of_client(&request.client)
                    && matches!(lease.hold, Hold::Offered { .. })
                {
                    leases.release(now, &request.client, address);
                }
                return Err("the client chose another server");
            }
            RequestKind::Selecting { address, .. } => {
                let leases = &self.subnets[at].leases;
                let own = leases.of_client(&request.client).map(|(own, _)| own);
                let verdict = if own == Some(address) {
                    Ok(())
                } else {
                    Err(Objection::NotOffered)
                };
                // The client speaks to this server alone: it answers, authoritative or not.
                (address, verdict)
            }
            RequestKind::InitReboot { address } | RequestKind::Extending { address } => {
                self.meant_for_us(&request.message)?;
                (address, self.verify(at, request, address))
            }
        };
        let Subnet { scope, leases } = &mut self.subnets[at];
        let (mac, lease) = (request.mac, scope.lease);
        let refusal = match verdict {
            Ok(()) if leases.grant(&request.client, mac, address, now + lease) => {
                out.trace(TraceEvent::Lease(LeaseEvent::Granted {
                    mac,
                    address,
                    lease,
                }));
                out.push(reply::ack(self.address, scope, &request.message, address));
                return Ok(());
            }
            Ok(()) => Objection::NotForClient.reason(),
            Err(objection) if scope.authoritative || objection == Objection::NotOffered => {
                objection.reason()
            }
            Err(objection) => return Err(objection.reason_for_silence()),
        };
        out.trace(TraceEvent::Lease(LeaseEvent::Refused {
            mac,
            address,
            reason: refusal,
        }));
        out.push(reply::nak(self.address, &request.message, refusal));
        Ok(())
    }

    /// Whether a client may go on with an address that it believes to be its own.
    fn verify(&self, at: usize, request: &Request, address: Ipv4Addr) -> Result<(), Objection> {
        let Subnet { scope, leases } = &self.subnets[at];
        if !scope.contains(address) {
            return Err(Objection::OtherSubnet);
        }
        match leases.of_client(&request.client) {
            Some((own, _)) if own != address => return Err(Objection::OtherAddress),
            None if !scope.authoritative => return Err(Objection::NoRecord),
            Some(_) | None => {}
        }
        if leases.may_have(&request.client, request.mac, address) {
            Ok(())
        } else {
            Err(Objection::NotForClient)
        }
    }

    fn release(
        &mut self,
        now: Instant,
        at: usize,
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), &'static str> {
        self.meant_for_us(&request.message)?;
        let address = request.message.ciaddr;
        if !self.subnets[at]
            .leases
            .release(now, &request.client, address)
        {
            return Err("releases an address that it does not hold");
        }
        out.trace(TraceEvent::Lease(LeaseEvent::Released {
            mac: request.mac,
            address,
        }));
        Ok(())
    }

    fn decline(
        &mut self,
        now: Instant,
        at: usize,
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), &'static str> {
        self.meant_for_us(&request.message)?;
        let address = request.message.address(code::REQUESTED_ADDRESS);
        let address = address.map_err(|_| "declines, and does not say which address")?;
        let leases = &mut self.subnets[at].leases;
        if !leases.decline(&request.client, address, now + DECLINE_HOLD) {
            return Err("declines an address that is not its own");
        }
        out.trace(TraceEvent::Lease(LeaseEvent::Declined {
            mac: request.mac,
            address,
        }));
        Ok(())
    }

    /// INFORM: settings without a lease, to the address that the client has (RFC 2131 section 4.3.5).
    fn inform(
        &self,
        at: usize,
        request: &Request,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), &'static str> {
        let scope = &self.subnets[at].scope;
        if !scope.contains(request.message.ciaddr) {
            return Err("informs from an address of no scope here");
        }
        out.push(reply::inform(self.address, scope, &request.message));
        Ok(())
    }

    fn meant_for_us(&self, message: &Message) -> Result<(), &'static str> {
        match message.address(code::SERVER_IDENTIFIER) {
            Ok(server) if server != self.address => Err("for another server"),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        while let Some(at) = self.deadlines.pop_due(now) {
            let leases = &mut self.subnets[at].leases;
            while let Some(ended) = leases.expire(now) {
                if ended.was_leased {
                    let (mac, address) = (ended.mac, ended.address);
                    out.trace(TraceEvent::Lease(LeaseEvent::Expired { mac, address }));
                }
            }
            self.deadlines.set(at, leases.next_deadline());
        }
    }
}

impl App for DhcpServer {
    fn handle_host(&mut self, _: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => out.push(AppEffect::Bind { port: SERVER_PORT }),
            // Leases outlive a loss of power, as on a real server's disk.
            HostEvent::Stop
            | HostEvent::Carrier(_)
            | HostEvent::AddressConflict(_)
            | HostEvent::Refused { .. } => {}
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        self.expire(now, out);
        if let Err((mac, reason)) = self.handle_message(now, datagram, out) {
            out.trace(TraceEvent::Lease(LeaseEvent::Ignored { mac, reason }));
        }
    }

    fn handle_stream(
        &mut self,
        _: Instant,
        _: StreamId,
        _: StreamEvent<'_>,
        _: &mut Outbox<AppEffect>,
    ) {
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        self.expire(now, out);
    }

    fn poll_timeout(&self) -> Deadline {
        self.deadlines.next().map(|at| (at, "lease expiry"))
    }
}

#[cfg(test)]
mod tests;
