//! A test pipe: one client and one server in virtual time, and a rule for the fate of each datagram.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::client::{Client, ClientConfig, ClientEvent};
use super::server::{ServerConfig, TftpServer};
use crate::app::{App, AppEffect, Datagram, HostEvent};
use crate::outbox::{Out, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::time::{Duration, Instant, earlier};
use crate::wire::tftp::Message;

pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const SET: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// How long a datagram travels.
const LATENCY: Duration = Duration::from_millis(1);

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Arrives that much later than others.
    Late(Duration),
}

/// Client, server, and what is on its way between them.
pub(super) struct Pipe {
    pub(super) now: Instant,
    pub(super) client: Client,
    pub(super) server: TftpServer,
    /// The fate of the `n`th datagram, counted from 0.
    pub(super) rule: Box<dyn Fn(usize) -> Fate>,
    pub(super) sent: usize,
    /// Payloads longer than this are lost, like fragments.
    pub(super) payload_max: usize,
    /// Whether the sender of a datagram hears that nobody listens where it came to.
    pub(super) refuses: bool,
    /// DATA messages that the server sent, repeats too.
    pub(super) data: usize,
    /// What the client told, and what the server traced.
    pub(super) told: Vec<ClientEvent>,
    pub(super) served: Vec<Result<u64, String>>,
    on_the_way: BTreeMap<(Instant, usize), (SocketAddrV4, SocketAddrV4, Vec<u8>)>,
    bound: BTreeSet<SocketAddrV4>,
    out: Outbox<AppEffect>,
}

impl Pipe {
    /// A server with the file `f`, and a client.
    pub(super) fn new(
        file: Vec<u8>,
        client: ClientConfig,
        tune: impl Fn(&mut ServerConfig),
    ) -> Pipe {
        let files = BTreeMap::from([("f".to_owned(), Arc::from(file))]);
        let mut config = ServerConfig::new(files);
        tune(&mut config);
        let mut pipe = Pipe {
            now: Instant::ZERO,
            client: Client::new(client, Rng::stream(1, "tftp client")),
            server: TftpServer::new(config),
            rule: Box::new(|_| Fate::Arrives),
            sent: 0,
            payload_max: usize::MAX,
            refuses: true,
            data: 0,
            told: Vec::new(),
            served: Vec::new(),
            on_the_way: BTreeMap::new(),
            bound: BTreeSet::new(),
            out: Outbox::default(),
        };
        pipe.server
            .handle_host(pipe.now, HostEvent::Start, &mut pipe.out);
        pipe.carry_out(SERVER);
        pipe
    }

    /// Asks for a file and runs until nothing is to come.
    pub(super) fn download(&mut self, file: &str) -> &ClientEvent {
        self.start(file);
        while self.next() {}
        self.told.last().expect("the client said nothing")
    }

    pub(super) fn start(&mut self, file: &str) {
        self.client.start(self.now, SERVER, file, &mut self.out);
        self.carry_out(SET);
    }

    /// Carries out the next thing; false if there is none.
    pub(super) fn next(&mut self) -> bool {
        let timer = earlier(self.client.poll_timeout(), self.server.poll_timeout());
        let timer = timer.map(|(at, _)| at);
        let arrival = self.on_the_way.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = timer.into_iter().chain(arrival).min() else {
            return false;
        };
        assert!(at >= self.now, "time went back");
        self.now = at;
        if arrival == Some(at) {
            let (_, (from, to, payload)) = self.on_the_way.pop_first().expect("it is there");
            self.arrive(from, to, &payload);
        } else {
            self.server.handle_timeout(at, &mut self.out);
            self.carry_out(SERVER);
            let told = self.client.handle_timeout(at, &mut self.out);
            self.told.extend(told);
            self.carry_out(SET);
        }
        true
    }

    /// Ports that an app of this host has bound.
    pub(super) fn bound(&self, host: Ipv4Addr) -> Vec<u16> {
        let bound = self.bound.iter().filter(|at| *at.ip() == host);
        bound.map(SocketAddrV4::port).collect()
    }

    fn arrive(&mut self, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        if !self.bound.contains(&to) {
            return self.refuse(from, to);
        }
        let datagram = Datagram { from, to, payload };
        if *to.ip() == SERVER {
            self.server
                .handle_datagram(self.now, &datagram, &mut self.out);
        } else {
            let told = self
                .client
                .handle_datagram(self.now, &datagram, &mut self.out);
            self.told.extend(told);
        }
        self.carry_out(*to.ip());
    }

    /// Nobody listens at `to`: the sender hears of it at once.
    fn refuse(&mut self, from: SocketAddrV4, to: SocketAddrV4) {
        if !self.refuses {
            return;
        }
        let from_port = from.port();
        if *from.ip() == SERVER {
            let event = HostEvent::Refused { from_port, to };
            self.server.handle_host(self.now, event, &mut self.out);
        } else {
            let told = self
                .client
                .handle_refusal(self.now, from_port, to, &mut self.out);
            self.told.extend(told);
        }
        self.carry_out(*from.ip());
    }

    fn carry_out(&mut self, host: Ipv4Addr) {
        let out: Vec<_> = self.out.drain().collect();
        for out in out {
            match out {
                Out::Effect(AppEffect::Bind { port }) => {
                    assert!(
                        self.bound.insert(SocketAddrV4::new(host, port)),
                        "bound twice"
                    );
                }
                Out::Effect(AppEffect::Unbind { port }) => {
                    assert!(
                        self.bound.remove(&SocketAddrV4::new(host, port)),
                        "not bound"
                    );
                }
                Out::Effect(AppEffect::Send {
                    from_port,
                    to,
                    payload,
                    ..
                }) => {
                    let from = SocketAddrV4::new(host, from_port);
                    assert!(self.bound.contains(&from), "sent from an unbound port");
                    self.send(from, to, payload);
                }
                Out::Trace(TraceEvent::Served(event)) => self.served.push(event.outcome),
                other @ (Out::Effect(_) | Out::Trace(_)) => panic!("unexpected: {other:?}"),
            }
        }
    }

    fn send(&mut self, from: SocketAddrV4, to: SocketAddrV4, payload: Vec<u8>) {
        self.data += usize::from(matches!(
            Message::decode(&payload),
            Ok(Message::Data { .. })
        ));
        let n = self.sent;
        self.sent += 1;
        let mut fate = (self.rule)(n);
        if payload.len() > self.payload_max {
            fate = Fate::Lost;
        }
        let at = self.now + LATENCY;
        let (at, copies) = match fate {
            Fate::Arrives => (at, 1),
            Fate::Lost => (at, 0),
            Fate::Twice => (at, 2),
            Fate::Late(by) => (at + by, 1),
        };
        for copy in 0..copies {
            self.on_the_way
                .insert((at, 2 * n + copy), (from, to, payload.clone()));
        }
    }
}

/// `len` bytes that don't repeat within a block.
pub(super) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256 * 3) as u8).collect()
}
