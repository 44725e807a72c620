//! Client against server: their datagrams are handed over by a small link without delay.
//!
//! The test language: `link.run_until(time)` lets both act until then; `link.log` is what the client said and
//! what the server decided, each with its time in seconds.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::*;
use crate::app::{App, AppEffect, Datagram, HostAddress, HostEvent};
use crate::outbox::{Out, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::time::{Duration, Instant, earlier};
use crate::wire::Mac;
use crate::wire::dhcp::Message;
use crate::wire::vendor;

const MAC: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 1]);

#[test]
fn a_client_gets_an_address_and_renews_it_at_half_of_the_lease() {
    let mut link = Link::new(vec![server(1, true, ALL)]);
    link.run_until(secs(100));
    assert_eq!(
        link.log,
        [
            "0 discovering",
            "0 server 0: offered 10.1.0.50",
            "0 accepts offer 1 of 10.1.0.2",
            "0 server 0: granted 10.1.0.50 for 100 s",
            "0 bound 10.1.0.50/24 via 10.1.0.1",
            "50 server 0: granted 10.1.0.50 for 100 s",
            "50 renewed 10.1.0.50",
            "100 server 0: granted 10.1.0.50 for 100 s",
            "100 renewed 10.1.0.50",
        ]
    );
}

#[test]
fn a_dead_server_is_asked_at_t1_all_are_at_t2_and_the_lease_ends_on_the_second() {
    let mut link = Link::new(vec![server(1, true, ALL)]);
    link.run_until(secs(1));
    link.log.clear();
    link.plugged = None;
    link.run_until(secs(99));
    assert_eq!(
        link.log,
        ["50 REQUEST to 10.1.0.2", "87.5 REQUEST to 255.255.255.255"]
    );
    assert_eq!(
        link.address.map(|host| host.address),
        Some(Ipv4Addr::new(10, 1, 0, 50))
    );
    link.log.clear();
    link.run_until(secs(101));
    assert_eq!(
        link.log,
        [
            "100 server 0: expired 10.1.0.50",
            "100 lost: lease expired",
            "101 DISCOVER to 255.255.255.255",
            "101 discovering",
        ]
    );
    assert_eq!(link.address, None);
}

#[test]
fn mv_11_an_authoritative_server_of_the_new_subnet_refuses_the_old_address_at_rebinding() {
    let mut link = Link::new(vec![server(1, true, ALL), server(2, true, ALL)]);
    link.run_until(secs(1));
    link.log.clear();
    link.plugged = Some(1);
    link.run_until(secs(90));
    assert_eq!(
        link.log,
        [
            "87.5 server 1: refused 10.1.0.50: address is of another subnet",
            "87.5 lost: server refused the address",
            "88.5 discovering",
            "88.5 server 1: offered 10.2.0.50",
            "88.5 accepts offer 1 of 10.2.0.2",
            "88.5 server 1: granted 10.2.0.50 for 100 s",
            "88.5 bound 10.2.0.50/24 via 10.2.0.1",
        ]
    );
}

#[test]
fn mv_11_with_a_server_that_is_not_authoritative_the_lease_runs_out() {
    let mut link = Link::new(vec![server(1, true, ALL), server(2, false, ALL)]);
    link.run_until(secs(1));
    link.log.clear();
    link.plugged = Some(1);
    link.run_until(secs(102));
    assert_eq!(
        link.log,
        [
            "87.5 server 1: ignored: not authoritative, and address is of another subnet",
            "100 server 0: expired 10.1.0.50",
            "100 lost: lease expired",
            "101 discovering",
            "101 server 1: offered 10.2.0.50",
            "101 accepts offer 1 of 10.2.0.2",
            "101 server 1: granted 10.2.0.50 for 100 s",
            "101 bound 10.2.0.50/24 via 10.2.0.1",
        ]
    );
}

#[test]
fn mv_8_back_in_its_subnet_before_t2_the_client_renews_as_if_nothing_had_been() {
    let mut link = Link::new(vec![server(1, true, ALL), server(2, true, ALL)]);
    link.run_until(secs(1));
    link.plugged = Some(1);
    link.run_until(secs(30));
    assert_eq!(
        link.address.map(|host| host.address),
        Some(Ipv4Addr::new(10, 1, 0, 50))
    );
    link.plugged = Some(0);
    link.log.clear();
    link.run_until(secs(60));
    assert_eq!(
        link.log,
        [
            "50 server 0: granted 10.1.0.50 for 100 s",
            "50 renewed 10.1.0.50"
        ]
    );
}

#[test]
fn of_two_offers_the_first_that_passes_the_policy_is_taken() {
    let mut second = server(1, false, ALL);
    second.address = Ipv4Addr::new(10, 1, 0, 3);
    second.scopes[0].pool.0 = Ipv4Addr::new(10, 1, 0, 70);
    let mut link = Link::new(vec![server(1, false, &[]), second]);
    link.everywhere = true;
    link.run_until(secs(1));
    assert_eq!(
        link.log,
        [
            "0 discovering",
            "0 server 0: offered 10.1.0.50",
            "0 server 1: offered 10.1.0.70",
            "0 refuses offer 1 of 10.1.0.2: no option 125, 43 or 128",
            "0 accepts offer 2 of 10.1.0.3",
            "0 server 0: ignored: the client chose another server",
            "0 server 1: granted 10.1.0.70 for 100 s",
            "0 bound 10.1.0.70/24 via 10.1.0.1",
        ]
    );
}

#[test]
fn offers_are_refused_until_a_good_one_comes() {
    let mut link = Link::new(vec![server(1, true, &[]), server(2, true, ALL)]);
    link.run_until(secs(8));
    let refused = link
        .log
        .iter()
        .filter(|line| line.contains("refuses offer"));
    assert_eq!(refused.count(), 2, "{:?}", link.log);
    link.plugged = Some(1);
    link.log.clear();
    link.run_until(secs(20));
    assert_eq!(
        link.log[1],
        format!(
            "{} accepts offer 3 of 10.2.0.2",
            link.log[0].split(' ').next().unwrap()
        )
    );
}

#[test]
fn a_released_address_goes_to_its_client_again() {
    let mut link = Link::new(vec![server(1, true, ALL)]);
    link.run_until(secs(1));
    link.log.clear();
    link.act(|client, now, out| {
        client.release(now, out);
        None
    });
    link.run_until(secs(2));
    assert_eq!(link.log, ["1 server 0: released 10.1.0.50"]);
    assert_eq!(link.address, None);
    link.act(Client::start);
    link.run_until(secs(3));
    assert_eq!(
        link.log.last().map(String::as_str),
        Some("2 bound 10.1.0.50/24 via 10.1.0.1")
    );
}

/// Options that the client's policy wants.
const ALL: &[(u8, &[u8])] = &[(
    43,
    b"id:ipphone.mitel.com;sw_tftp=10.9.0.2;call_srv=10.9.0.10",
)];

fn secs(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

/// A server of 10.`net`.0.0/24 with a lease of 100 s.
fn server(net: u8, authoritative: bool, options: &[(u8, &[u8])]) -> ServerConfig {
    let address = |host| Ipv4Addr::new(10, net, 0, host);
    ServerConfig {
        address: address(2),
        scopes: vec![Scope {
            prefix: (address(0), 24),
            authoritative,
            pool: (address(50), address(99)),
            router: Some(address(1)),
            name_servers: vec![],
            lease: Duration::from_secs(100),
            renew: None,
            rebind: None,
            options: options
                .iter()
                .map(|(code, data)| (*code, data.to_vec()))
                .collect(),
            reservations: BTreeMap::new(),
            client_reservations: BTreeMap::new(),
            classes: Vec::new(),
            rapid_commit: false,
            probe: None,
        }],
    }
}

/// One client, and the servers of several subnets; the cable is in one of them, or in none.
struct Link {
    now: Instant,
    client: Client,
    addresses: Vec<Ipv4Addr>,
    servers: Vec<DhcpServer>,
    plugged: Option<usize>,
    /// All servers are on the client's link.
    everywhere: bool,
    address: Option<HostAddress>,
    log: Vec<String>,
}

impl Link {
    fn new(servers: Vec<ServerConfig>) -> Link {
        let config = ClientConfig {
            vendor_class: b"ipphone.mitel.com".to_vec(),
            parameter_request_list: vec![1, 3, 6],
            policy: |offer| match vendor::choose(offer) {
                Ok(_) => Ok(()),
                Err(refusal) => Err(refusal.to_string()),
            },
            broadcast: false,
            client_id: Vec::new(),
            max_message_size: None,
            rapid_commit: false,
            check: None,
            timing: Timing {
                jitter: Duration::ZERO,
                ..Timing::default()
            },
        };
        let mut link = Link {
            now: Instant::ZERO,
            client: Client::new(MAC, config, Rng::stream(1, "client")),
            addresses: servers.iter().map(|config| config.address).collect(),
            servers: servers.into_iter().map(DhcpServer::new).collect(),
            plugged: Some(0),
            everywhere: false,
            address: None,
            log: Vec::new(),
        };
        for server in &mut link.servers {
            let mut out = Outbox::default();
            server.handle_host(Instant::ZERO, HostEvent::Start, &mut out);
            let bound: Vec<_> = out.drain().collect();
            assert!(matches!(
                bound[..],
                [Out::Effect(AppEffect::Bind { port: 67 })]
            ));
        }
        link
    }

    fn run_until(&mut self, end: Instant) {
        if self.now == Instant::ZERO {
            self.act(Client::start);
        }
        loop {
            let servers = self.servers.iter().map(App::poll_timeout);
            let next = servers.fold(None, earlier);
            let Some((at, _)) = earlier(next, self.client.poll_timeout()) else {
                break;
            };
            if at > end {
                break;
            }
            self.now = at;
            for index in 0..self.servers.len() {
                let mut out = Outbox::default();
                self.servers[index].handle_timeout(at, &mut out);
                self.carry_from_server(index, out);
            }
            self.act(Client::handle_timeout);
        }
        self.now = end;
    }

    fn act(
        &mut self,
        action: impl FnOnce(&mut Client, Instant, &mut Outbox<AppEffect>) -> Option<ClientEvent>,
    ) {
        let mut out = Outbox::default();
        let event = action(&mut self.client, self.now, &mut out);
        let mut sent = Vec::new();
        for out in out.drain() {
            match out {
                Out::Effect(AppEffect::Send { to, payload, .. }) => sent.push((to, payload)),
                Out::Effect(AppEffect::Configure(address)) => self.address = address,
                Out::Effect(_) => {}
                Out::Trace(event) => self.say("client", &event),
            }
        }
        // A cable that is out swallows what is sent: the log shows it in place of an answer.
        if self.plugged.is_none() {
            for (to, payload) in &sent {
                let kind = Message::decode(payload).unwrap().message_type().unwrap();
                self.note(&format!(
                    "{} to {}",
                    kind.to_string().to_uppercase(),
                    to.ip()
                ));
            }
        }
        self.note_event(event);
        for (to, payload) in sent {
            self.carry_to_servers(to, &payload);
        }
    }

    fn carry_to_servers(&mut self, to: SocketAddrV4, payload: &[u8]) {
        let source = self
            .address
            .map_or(Ipv4Addr::UNSPECIFIED, |host| host.address);
        let from = SocketAddrV4::new(source, 68);
        let mut replies = Vec::new();
        for index in 0..self.servers.len() {
            let here = self.plugged.is_some() && self.everywhere || self.plugged == Some(index);
            let own = self.addresses[index];
            if here && (to.ip().is_broadcast() || *to.ip() == own) {
                let mut out = Outbox::default();
                let datagram = Datagram { from, to, payload };
                self.servers[index].handle_datagram(self.now, &datagram, &mut out);
                replies.push((index, out));
            }
        }
        let mut sent = Vec::new();
        for (index, mut out) in replies {
            for out in out.drain() {
                match out {
                    Out::Effect(AppEffect::Send { to, payload, .. }) => sent.push((to, payload)),
                    Out::Effect(_) => {}
                    Out::Trace(event) => self.say(&format!("server {index}"), &event),
                }
            }
        }
        for (to, payload) in sent {
            let from = SocketAddrV4::new(Ipv4Addr::new(10, 1, 0, 2), 67);
            let datagram = Datagram {
                from,
                to,
                payload: &payload,
            };
            self.act(|client, now, out| client.handle_datagram(now, &datagram, out));
        }
    }

    fn carry_from_server(&mut self, index: usize, mut out: Outbox<AppEffect>) {
        for out in out.drain() {
            if let Out::Trace(event) = out {
                self.say(&format!("server {index}"), &event);
            }
        }
    }

    fn note(&mut self, text: &str) {
        let at = self.now.since(Instant::ZERO).as_secs_f64();
        self.log.push(format!("{at} {text}"));
    }

    fn say(&mut self, who: &str, event: &TraceEvent) {
        use crate::outbox::LeaseEvent::*;
        let TraceEvent::Lease(event) = event else {
            panic!("{event:?}")
        };
        let text = match event {
            Offered { address, .. } => format!("offered {address}"),
            Granted { address, lease, .. } => {
                format!("granted {address} for {} s", lease.as_secs())
            }
            Refused {
                address, reason, ..
            } => format!("refused {address}: {reason}"),
            Released { address, .. } => format!("released {address}"),
            Declined { address, .. } => format!("declined {address}"),
            Expired { address, .. } => format!("expired {address}"),
            Exhausted { .. } => "exhausted".to_owned(),
            InUse { address, .. } => format!("in use {address}"),
            Ignored { reason, .. } => format!("ignored: {reason}"),
        };
        self.note(&format!("{who}: {text}"));
    }

    fn note_event(&mut self, event: Option<ClientEvent>) {
        let text = match event {
            None => return,
            Some(ClientEvent::Discovering) => "discovering".to_owned(),
            Some(ClientEvent::OfferRefused {
                server,
                reason,
                count,
            }) => {
                format!("refuses offer {count} of {server}: {reason}")
            }
            Some(ClientEvent::OfferAccepted { server, count }) => {
                format!("accepts offer {count} of {server}")
            }
            Some(ClientEvent::Bound(lease, _)) => {
                let via = lease.router.map(|router| format!(" via {router}"));
                format!(
                    "bound {}/{}{}",
                    lease.address,
                    lease.prefix_len,
                    via.unwrap_or_default()
                )
            }
            Some(ClientEvent::Informed(_)) => "informed".to_owned(),
            Some(ClientEvent::Renewed(lease)) => format!("renewed {}", lease.address),
            Some(ClientEvent::Lost { reason }) => format!("lost: {reason}"),
        };
        self.note(&text);
    }
}
