//! The DNS server: it knows the addresses of some names, and asks nobody else.
//!
//! ```text
//!   question ─▶ known name? ─▶ its address, with the time for which it holds
//!                    └───────▶ the name does not exist (NXDOMAIN)
//! ```
//!
//! It answers on UDP port 53, questions for IPv4 addresses; other types of a known name have no records. It can be
//! told to answer late. A record may change at any time; what resolvers remember of it they remember.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::outbox::Outbox;
use crate::time::{Deadline, Duration, Instant};
use crate::wire::dns::{Answer, Asks, PORT, Query, Rcode, TTL_MAX, plain_name};

/// What a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    pub records: BTreeMap<String, Ipv4Addr>,
    /// For how long an answer holds, in whole seconds; at most [`TTL_MAX`] of them.
    pub ttl: Duration,
    /// How long the server thinks about each question.
    pub delay: Duration,
}

/// The server.
#[derive(Debug)]
pub struct DnsServer {
    config: ServerConfig,
    /// Answers that it still thinks about, each with its time; the oldest first.
    thinking: VecDeque<(Instant, AppEffect)>,
}

impl DnsServer {
    /// A server that does nothing before its host starts.
    pub fn new(config: ServerConfig) -> DnsServer {
        let records = config.records.into_iter();
        let records = records.map(|(name, address)| (plain_name(&name).into_owned(), address));
        DnsServer {
            config: ServerConfig {
                records: records.collect(),
                ..config
            },
            thinking: VecDeque::new(),
        }
    }

    /// From now on this is the address of `name`; `None`: the name does not exist.
    pub fn set_record(&mut self, name: &str, address: Option<Ipv4Addr>) {
        let name = plain_name(name).into_owned();
        match address {
            Some(address) => self.config.records.insert(name, address),
            None => self.config.records.remove(&name),
        };
    }

    fn answer(&self, query: Query) -> Answer {
        let address = self.config.records.get(&*plain_name(&query.name));
        let ttl = u32::try_from(self.config.ttl.as_secs()).map_or(TTL_MAX, |ttl| ttl.min(TTL_MAX));
        Answer {
            id: query.id,
            recursion: query.recursion,
            rcode: match address {
                Some(_) => Rcode::NoError,
                None => Rcode::NxDomain,
            },
            address: address
                .filter(|_| query.asks == Asks::ADDRESS)
                .map(|address| (*address, ttl)),
            name: query.name,
            asks: query.asks,
        }
    }
}

impl App for DnsServer {
    fn handle_host(&mut self, _now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => out.push(AppEffect::Bind { port: PORT }),
            HostEvent::Stop => self.thinking.clear(),
            HostEvent::Carrier(_) | HostEvent::AddressConflict(_) | HostEvent::Refused { .. } => {}
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        // What is no question gets no answer: it may be an answer itself.
        let Ok(query) = Query::decode(datagram.payload) else {
            return;
        };
        let Some(payload) = self.answer(query).encode() else {
            return;
        };
        let answer = AppEffect::Send {
            from_port: PORT,
            to: datagram.from,
            to_mac: None,
            payload,
        };
        if self.config.delay.is_zero() {
            return out.push(answer);
        }
        self.thinking.push_back((now + self.config.delay, answer));
    }

    fn handle_stream(
        &mut self,
        _now: Instant,
        _stream: StreamId,
        _event: StreamEvent<'_>,
        _out: &mut Outbox<AppEffect>,
    ) {
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        while let Some((_, answer)) = self.thinking.pop_front_if(|(at, _)| now >= *at) {
            out.push(answer);
        }
    }

    fn poll_timeout(&self) -> Deadline {
        let (at, _) = self.thinking.front()?;
        Some((*at, "DNS answer"))
    }
}
