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
//! An *authoritative* server is the only one of its subnets: it refuses (NAK) whatever is not so, an
//! address of another subnet first of all, and takes over a client that it has no record of if the
//! address is free, as after a restart. One that is not stays silent in all these cases, for another
//! server may know better (RFC 2131 section 4.3.2).
//!
//! Not here: the conflict probe before an offer (RFC 2131 section 2.2 leaves it to the server; a client
//! that declines has its address set aside), dynamic BOOTP, leases that survive a restart, and fitting a
//! reply into the client's maximum message size (option 57): what is configured is sent.

mod reply;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::lease::{ClientKey, Hold, Leases};
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

/// What a server is told.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The server identifier: the address of its host.
    pub address: Ipv4Addr,
    /// In any order; prefixes do not overlap.
    pub scopes: Vec<Scope>,
    /// Whether it is the only server of its subnets, and so says no.
    pub authoritative: bool,
}

/// One subnet and what its clients are told.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Network and prefix length.
    pub prefix: (Ipv4Addr, u8),
    /// First and last address to give.
    pub pool: (Ipv4Addr, Ipv4Addr),
    pub router: Option<Ipv4Addr>,
    pub name_servers: Vec<Ipv4Addr>,
    pub lease: Duration,
    /// T1; if none is sent, clients take half of the lease (RFC 2131 section 4.4.5).
    pub renew: Option<Duration>,
    /// T2; if none is sent, clients take 0.875 of the lease.
    pub rebind: Option<Duration>,
    /// More options, as they go on the wire, in this order.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Addresses kept for one client each; of the prefix, in the pool or not.
    pub reservations: BTreeMap<Mac, Ipv4Addr>,
}

impl Scope {
    /// Whether an address is of this subnet.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let mask = self.mask();
        u32::from(address) & mask == u32::from(self.prefix.0) & mask
    }

    /// The subnet mask as a number.
    pub fn mask(&self) -> u32 {
        let host_bits = 32 - u32::from(self.prefix.1.min(32));
        u32::MAX.checked_shl(host_bits).unwrap_or(0)
    }
}

/// A DHCP server. It binds UDP port 67 when its host starts.
#[derive(Debug)]
pub struct DhcpServer {
    address: Ipv4Addr,
    authoritative: bool,
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

/// One message, and who sent it.
struct Request {
    message: Message,
    client: ClientKey,
    mac: Mac,
}

/// Which of its states a client sends a REQUEST from (RFC 2131 table 4), and the address that it names.
enum RequestKind {
    /// It chose the offer of this server.
    Selecting { server: Ipv4Addr, address: Ipv4Addr },
    /// It would like its old address back, without an offer.
    InitReboot { address: Ipv4Addr },
    /// It wants more time on its address: renewing if sent to a server, rebinding if broadcast.
    Extending { address: Ipv4Addr },
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
            authoritative: config.authoritative,
            subnets,
            by_network,
            deadlines: Deadlines::default(),
        }
    }

    /// The scopes with their leases.
    pub fn scopes(&self) -> impl Iterator<Item = (&Scope, &Leases)> {
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
        let of_client = if unicast {
            self.subnet_with(message.ciaddr)
        } else {
            None
        };
        of_client.or_else(|| self.subnet_with(self.address))
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
                let own = leases.of_client(&request.client);
                let offered = own.is_some_and(|(own, lease)| {
                    own == address && !matches!(lease.hold, Hold::Ended { .. })
                });
                // The client speaks to this server alone: it answers, authoritative or not.
                (
                    address,
                    if offered {
                        Ok(())
                    } else {
                        Err(Some("address was not offered"))
                    },
                )
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
            Ok(()) => "address is another client's",
            Err(Some(reason)) => reason,
            Err(None) => return Err("address is unknown here, and another server may know it"),
        };
        out.trace(TraceEvent::Lease(LeaseEvent::Refused {
            mac,
            address,
            reason: refusal,
        }));
        out.push(reply::nak(self.address, &request.message, refusal));
        Ok(())
    }

    /// Whether a client may go on with an address that it believes to be its own. `Err(None)`: say nothing.
    fn verify(
        &self,
        at: usize,
        request: &Request,
        address: Ipv4Addr,
    ) -> Result<(), Option<&'static str>> {
        let Subnet { scope, leases } = &self.subnets[at];
        let refuse = |reason| Err(self.authoritative.then_some(reason));
        if !scope.contains(address) {
            return refuse("address is of another subnet");
        }
        let known = leases.of_client(&request.client).map(|(own, _)| own);
        if known.is_some_and(|own| own != address) {
            return refuse("client has another address");
        }
        if !leases.may_have(&request.client, request.mac, address) {
            return refuse("address is not for this client");
        }
        if known.is_none() && !self.authoritative {
            return Err(None);
        }
        Ok(())
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
            return Err("releases an address that is not the client's");
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
            return Err("declines an address that is not the client's");
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

/// Tells the REQUESTs apart by what they hold (RFC 2131 section 4.3.6, table 4).
fn request_kind(message: &Message) -> Result<RequestKind, &'static str> {
    let server = message.address(code::SERVER_IDENTIFIER).ok();
    let requested = message.address(code::REQUESTED_ADDRESS).ok();
    match (server, requested, message.ciaddr) {
        (Some(server), Some(address), _) => Ok(RequestKind::Selecting { server, address }),
        (None, Some(address), Ipv4Addr::UNSPECIFIED) => Ok(RequestKind::InitReboot { address }),
        (_, None, Ipv4Addr::UNSPECIFIED) => Err("requests, and does not say which address"),
        (_, _, address) => Ok(RequestKind::Extending { address }),
    }
}

/// Who a client is (RFC 2131 section 4.2). A client identifier is mostly hardware type and address, so a
/// client that sends one only at times stays the same.
fn client_key(message: &Message) -> ClientKey {
    match message.option(code::CLIENT_IDENTIFIER) {
        Some(identifier) if !identifier.is_empty() => ClientKey(identifier.as_ref().into()),
        _ => {
            let length = usize::from(message.hlen).min(message.chaddr.len());
            let mut key = vec![message.htype];
            key.extend_from_slice(&message.chaddr[..length]);
            ClientKey(key.into())
        }
    }
}

impl App for DhcpServer {
    fn handle_host(&mut self, _: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => out.push(AppEffect::Bind { port: SERVER_PORT }),
            // Leases outlive a loss of power, as on a real server's disk.
            HostEvent::Stop | HostEvent::Carrier(_) | HostEvent::AddressConflict(_) => {}
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
