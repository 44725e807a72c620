//! The TFTP client inside a set: downloads one file at a time and says how that ended.
//!
//! ```text
//!   Idle --start--> Requesting --OACK or DATA 1--> Receiving --last block--> Idle, Done
//!                    ^  |  | silence, refused: next port| silence, refused, ERROR
//!                    |  +--+                            |
//!                    |     \ last port, ERROR           |
//!                    |      v                           v
//!                    +--- Waiting (15-30 s) <-----------+      after the last attempt: Idle, Failed
//! ```
//!
//! What sets do (documented by their maker): 20001 is tried first, then 69; three attempts at random intervals
//! of 15-30 s; at most 4 s between packets; 20 minutes for a download; block sizes 4096, 2048, 1024, 512.
//! The details are not documented, and chosen here:
//!
//! - *One attempt* asks on each port in turn. A port is given up when the server's host says that nobody listens
//!   there (ICMP port unreachable), or after 4 s of silence, in which the request goes out each second. So a
//!   server on 69 alone is found at once, and one that is down ends the download after three times 8 s and two
//!   waits: 54 to 84 s.
//! - Each request has a local port of its own, drawn by chance (RFC 1350 section 4), and an attempt that is over
//!   has none: what still comes from an earlier one never meets a later one.
//! - Once the server has sent something, 4 s without a packet that belongs to the transfer end the attempt.
//!   The last ACK is repeated each second meanwhile.
//! - An ERROR (but for number 8 in answer to a request) ends the attempt at once, on all ports.
//! - ERROR 8 has the client ask for the next smaller block size at once, last of all without options. A
//!   smaller size in an OACK is taken as it is; DATA instead of an OACK means blocks of 512 bytes. Where an OACK
//!   comes but no block ever does, its fragments may be lost on the way: the next size below it is asked for.
//!   What was learnt this way holds for the rest of the download.
//! - The 20 minutes begin with the first request and include the waits.
//!
//! Only the last block (or the OACK, before any block) is acknowledged again when it comes again. Older ones are
//! ignored, as are blocks ahead; together with a sender that ignores duplicate ACKs, nothing multiplies.
//!
//! The last ACK may be lost, so for 4 s after the end the client still answers a repeated last block (RFC 1350
//! section 6), also while the next download runs. Until then its port stays bound.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::app::{AppEffect, Datagram};
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Deadline, Instant, earlier};
use crate::wire::tftp::Message;

mod config;
mod image;
mod machine;
mod transfer;

pub use config::{ClientConfig, ClientEvent};
pub use image::Image;
use machine::Input;
use transfer::{Ended, Patience, Transfer, refuse_stray, send, unbind};

/// The ports that requests go out from: IANA's dynamic ports (RFC 6335 section 6).
const LOCAL_PORTS: RangeInclusive<u16> = 49_152..=65_535;

/// The client.
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    rng: Rng,
    state: State,
    /// Downloads that ended well, while their servers may still repeat the last block; the oldest first.
    /// Each has a port of its own.
    ended: VecDeque<Ended>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// A download runs.
    Busy(Box<Job>, Phase),
}

#[derive(Debug)]
enum Phase {
    /// The request is out, from this port.
    Requesting(u16, Patience),
    /// The server has answered.
    Receiving(Box<Transfer>, Patience),
    /// The attempt failed; the next one begins then.
    Waiting(Instant),
}

/// One download.
#[derive(Debug)]
struct Job {
    server: Ipv4Addr,
    file: String,
    /// Counted from 1.
    attempt: u32,
    /// Index into the configuration's ports.
    port: usize,
    /// Index into the configuration's block sizes; beyond the last: no options.
    blksize: usize,
    /// When the whole download has taken too long.
    limit: Instant,
}

impl Client {
    /// A client that does nothing yet. `rng` draws its ports, and the waits between attempts.
    pub fn new(config: impl Into<Arc<ClientConfig>>, rng: Rng) -> Client {
        Client {
            config: config.into(),
            rng,
            state: State::Idle,
            ended: VecDeque::new(),
        }
    }

    /// Begins to download `file`, in place of any download that runs.
    pub fn start(
        &mut self,
        now: Instant,
        server: Ipv4Addr,
        file: &str,
        out: &mut Outbox<AppEffect>,
    ) {
        self.abandon(out);
        let job = Job {
            server,
            file: file.to_owned(),
            attempt: 1,
            port: 0,
            blksize: 0,
            limit: now + self.config.download_limit,
        };
        self.request(now, Box::new(job), out);
    }

    /// Forgets everything at once, without a word to the server.
    pub fn stop(&mut self, out: &mut Outbox<AppEffect>) {
        self.abandon(out);
        for ended in self.ended.drain(..) {
            unbind(ended.local_port, out);
        }
    }

    /// Gives up the download that runs.
    fn abandon(&mut self, out: &mut Outbox<AppEffect>) {
        if let State::Busy(_, phase) = std::mem::take(&mut self.state) {
            phase.close(out);
        }
    }

    /// A datagram arrived; one for a port that is not the client's is ignored.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let (from, port) = (datagram.from, datagram.to.port());
        let message = Message::decode(datagram.payload);
        let mut ended = self.ended.iter();
        if let Some(ended) = ended.find(|ended| (ended.peer, ended.local_port) == (from, port)) {
            if matches!(message, Ok(Message::Data { block, .. }) if block == ended.last) {
                send(port, from, &Message::Ack { block: ended.last }, out);
            }
            return None;
        }
        if self.state.local_port() != Some(port) {
            return None;
        }
        if !self.state.may_be_peer(from) {
            if !matches!(message, Ok(Message::Error { .. })) {
                refuse_stray(port, from, out);
            }
            return None;
        }
        let input = match message {
            Ok(message) => Input::Message(from, message),
            Err(_) => Input::Undecodable(from),
        };
        self.step(now, input, out)
    }

    /// What was sent from `local_port` to `to` came to a port where nobody listens.
    pub fn handle_refusal(
        &mut self,
        now: Instant,
        local_port: u16,
        to: SocketAddrV4,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let State::Busy(job, phase) = &self.state else {
            return None;
        };
        let asked = match phase {
            Phase::Requesting(..) => SocketAddrV4::new(job.server, self.config.ports[job.port]),
            Phase::Receiving(transfer, _) => transfer.peer,
            Phase::Waiting(_) => return None,
        };
        if self.state.local_port() != Some(local_port) || asked != to {
            return None;
        }
        self.step(now, Input::Refused, out)
    }

    /// A deadline has passed. Calling it early does nothing.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        while let Some(ended) = self.ended.pop_front_if(|ended| now >= ended.until) {
            unbind(ended.local_port, out);
        }
        let (_, input) = self.state.next().filter(|(at, _)| now >= *at)?;
        self.step(now, input, out)
    }

    /// When the client next wants `handle_timeout`, and what for.
    pub fn poll_timeout(&self) -> Deadline {
        let ended = self.ended.front();
        let ended = ended.map(|ended| (ended.until, "TFTP farewell"));
        let next = self.state.next().map(|(at, input)| (at, input.name()));
        earlier(next, ended)
    }
}

impl Phase {
    /// The port that is bound for the attempt.
    fn local_port(&self) -> Option<u16> {
        match self {
            Phase::Requesting(port, _) => Some(*port),
            Phase::Receiving(transfer, _) => Some(transfer.local_port),
            Phase::Waiting(_) => None,
        }
    }

    /// Gives that port up.
    fn close(&self, out: &mut Outbox<AppEffect>) {
        if let Some(port) = self.local_port() {
            unbind(port, out);
        }
    }
}

impl State {
    /// The port that is bound for the download.
    fn local_port(&self) -> Option<u16> {
        match self {
            State::Busy(_, phase) => phase.local_port(),
            State::Idle => None,
        }
    }

    /// Whether a packet from there may belong to the download: it comes from its transfer's port once that is
    /// known, from any port of the server before.
    fn may_be_peer(&self, from: SocketAddrV4) -> bool {
        match self {
            State::Busy(job, Phase::Requesting(..)) => *from.ip() == job.server,
            State::Busy(_, Phase::Receiving(transfer, _)) => from == transfer.peer,
            State::Busy(_, Phase::Waiting(_)) | State::Idle => false,
        }
    }

    /// What is due next, and when.
    fn next(&self) -> Option<(Instant, Input<'static>)> {
        let State::Busy(job, phase) = self else {
            return None;
        };
        let next = match phase {
            Phase::Requesting(_, patience) | Phase::Receiving(_, patience) => patience.next(),
            Phase::Waiting(until) => (*until, Input::NextAttempt),
        };
        let limit = (job.limit, Input::Limit);
        Some(if limit.0 <= next.0 { limit } else { next })
    }
}

#[cfg(test)]
mod tests;
