//! The resolver inside a set: a stub (RFC 1034 section 5.3.1) that asks the name servers that DHCP gave it.
//!
//! ```text
//!   start ─▶ remembered? ─▶ Answer at once
//!              └─▶ asking: a question a second, to the servers in turn ─▶ address, "does not exist", no answer
//! ```
//!
//! One number and one port, drawn by chance (RFC 5452), serve a whole search, so an answer that comes late
//! still counts until the search is over: 5 s after the first question, whatever the number of servers. A name that does not
//! exist ends the search; a server that fails or whose port is closed is passed over, and the next one asked at
//! once, each of them once in a search. An address is remembered for as long as its record says (TTL); that a name
//! does not exist is not remembered.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

use crate::app::{AppEffect, Datagram};
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Deadline, Duration, Instant};
use crate::wire::dns::{Answer, Asks, PORT, Query, Rcode, plain_name};

/// Between two questions.
const REPEAT: Duration = Duration::from_secs(1);
/// A search takes no longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The ports that questions go out from. They are not the TFTP client's.
const LOCAL_PORTS: RangeInclusive<u16> = 32_768..=49_151;
/// Names that are remembered; the one that holds for the shortest time goes first.
const REMEMBERED_MAX: usize = 16;

/// The resolver.
#[derive(Debug)]
pub struct Resolver {
    rng: Rng,
    remembered: BTreeMap<String, (Ipv4Addr, Instant)>,
    search: Option<Search>,
}

/// A search for one name.
#[derive(Debug)]
struct Search {
    query: Query,
    local_port: u16,
    /// At least one.
    servers: Vec<Ipv4Addr>,
    /// Questions asked so far.
    asked: usize,
    /// How many of them were asked since a server failed.
    passed_over: usize,
    again_at: Instant,
    until: Instant,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Address(Ipv4Addr),
    /// The name does not exist, or has no address.
    NoSuchName,
    /// No server answered, or there is none.
    NoAnswer,
}

impl Resolver {
    /// A resolver that remembers nothing. `rng` draws its numbers and ports.
    pub fn new(rng: Rng) -> Resolver {
        Resolver {
            rng,
            remembered: BTreeMap::new(),
            search: None,
        }
    }

    /// Looks for the address of `name`, in place of any search that runs. `Some` if it is known at once.
    pub fn start(
        &mut self,
        now: Instant,
        name: &str,
        servers: &[Ipv4Addr],
        out: &mut Outbox<AppEffect>,
    ) -> Option<Found> {
        self.stop(out);
        let name = plain_name(name).into_owned();
        self.remembered.retain(|_, (_, until)| now < *until);
        if let Some((address, _)) = self.remembered.get(&name) {
            return Some(Found::Address(*address));
        }
        if servers.is_empty() {
            return Some(Found::NoAnswer);
        }
        let ports = u64::from(LOCAL_PORTS.end() - LOCAL_PORTS.start()) + 1;
        let search = Search {
            query: Query {
                id: self.rng.u32() as u16,
                recursion: true,
                name,
                asks: Asks::ADDRESS,
            },
            // Below 16,384.
            local_port: LOCAL_PORTS.start() + self.rng.below(ports) as u16,
            servers: servers.to_vec(),
            asked: 0,
            passed_over: 0,
            again_at: now,
            until: now + PATIENCE,
        };
        let port = search.local_port;
        out.push(AppEffect::Bind { port });
        self.search = Some(search);
        self.ask(now, out)
    }

    /// Ends the search that runs, without a word.
    pub fn stop(&mut self, out: &mut Outbox<AppEffect>) {
        if let Some(search) = self.search.take() {
            let port = search.local_port;
            out.push(AppEffect::Unbind { port });
        }
    }

    /// A datagram arrived; one that does not answer the question that is out is ignored.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<Found> {
        let search = self.search.as_mut()?;
        let from_server = datagram.from.port() == PORT
            && search.asked_servers().contains(datagram.from.ip())
            && datagram.to.port() == search.local_port;
        if !from_server {
            return None;
        }
        let answer = Answer::decode(datagram.payload).ok()?;
        // "... verify that the question section corresponds to the information currently desired" (RFC 1035 section 7.3).
        let Query { id, name, asks, .. } = &search.query;
        if answer.id != *id || answer.asks != *asks || plain_name(&answer.name) != *name {
            return None;
        }
        match (answer.rcode, answer.address) {
            (Rcode::Failure, _) => self.pass_over(now, out),
            (Rcode::NoError, Some((address, ttl))) => {
                let name = search.query.name.clone();
                self.remember(now, name, address, ttl);
                self.end(Found::Address(address), out)
            }
            (Rcode::NoError | Rcode::NxDomain, _) => self.end(Found::NoSuchName, out),
        }
    }

    /// What was sent from `local_port` to `to` came to a port where nobody listens.
    pub fn handle_refusal(
        &mut self,
        now: Instant,
        local_port: u16,
        to: SocketAddrV4,
        out: &mut Outbox<AppEffect>,
    ) -> Option<Found> {
        let search = self.search.as_ref()?;
        let last = search.server_of(search.asked.saturating_sub(1));
        if search.local_port != local_port || *to.ip() != last {
            return None;
        }
        self.pass_over(now, out)
    }

    /// A deadline has passed. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Option<Found> {
        let search = self.search.as_ref()?;
        if now >= search.until {
            return self.end(Found::NoAnswer, out);
        }
        if now < search.again_at {
            return None;
        }
        self.ask(now, out)
    }

    /// When the resolver next wants `handle_timeout`, and what for.
    pub fn poll_timeout(&self) -> Deadline {
        let search = self.search.as_ref()?;
        Some((search.again_at.min(search.until), "DNS question"))
    }

    /// The server that was asked last is of no use.
    fn pass_over(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Option<Found> {
        let search = self.search.as_mut()?;
        search.passed_over += 1;
        // Once round; then each second as usual.
        if search.passed_over < search.servers.len() {
            return self.ask(now, out);
        }
        None
    }

    fn ask(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Option<Found> {
        let search = self.search.as_mut()?;
        let Some(payload) = search.query.encode() else {
            return self.end(Found::NoSuchName, out);
        };
        let to = SocketAddrV4::new(search.server_of(search.asked), PORT);
        out.push(AppEffect::Send {
            from_port: search.local_port,
            to,
            to_mac: None,
            payload,
        });
        search.asked += 1;
        search.again_at = now + REPEAT;
        None
    }

    fn end(&mut self, found: Found, out: &mut Outbox<AppEffect>) -> Option<Found> {
        self.stop(out);
        Some(found)
    }

    fn remember(&mut self, now: Instant, name: String, address: Ipv4Addr, ttl: u32) {
        if self.remembered.len() >= REMEMBERED_MAX {
            let soonest = self.remembered.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(name) = soonest.map(|(name, _)| name.clone()) {
                self.remembered.remove(&name);
            }
        }
        let until = now + Duration::from_secs(u64::from(ttl));
        self.remembered.insert(name, (address, until));
    }
}

impl Search {
    fn server_of(&self, question: usize) -> Ipv4Addr {
        self.servers[question % self.servers.len()]
    }

    fn asked_servers(&self) -> &[Ipv4Addr] {
        &self.servers[..self.asked.min(self.servers.len())]
    }
}

#[cfg(test)]
mod tests;
