//! The TFTP client inside a set: downloads one file at a time and says how that ended.
//!
//! ```text
//!   Idle --start--> Requesting --OACK or DATA 1--> Receiving --last block--> Idle, Done
//!                    ^  |  | silence: next port         | silence, ERROR
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
//! - *One attempt* asks on each port in turn. A port is given up after 4 s of silence, in which the request
//!   goes out each second. So a server on 69 alone is found after 4 s, and a server that is down ends
//!   the download after three times 8 s and two waits: 54 to 84 s.
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
    /// The request is out.
    Requesting(Patience),
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
    local_port: u16,
    /// Counted from 1.
    attempt: u32,
    /// Index into the configuration's ports.
    port: usize,
    /// Index into the configuration's block sizes; beyond the last: no options.
    blksize: usize,
    /// Where a transfer of this download came from that the client gave up: packets from there are stray.
    abandoned: Option<SocketAddrV4>,
    /// When the whole download has taken too long.
    limit: Instant,
}

impl Client {
    /// A client that does nothing yet. `rng` draws the waits between attempts.
    pub fn new(config: impl Into<Arc<ClientConfig>>, rng: Rng) -> Client {
        Client {
            config: config.into(),
            rng,
            state: State::Idle,
            ended: VecDeque::new(),
        }
    }

    /// Begins to download `file`, in place of any download that runs. `local_port` is bound for it.
    ///
    /// It should not be the port of the download before: RFC 1350 section 4 wants ports drawn anew, and
    /// with the same one the client can no longer answer repeats of that download's last block.
    pub fn start(
        &mut self,
        now: Instant,
        server: Ipv4Addr,
        file: &str,
        local_port: u16,
        out: &mut Outbox<AppEffect>,
    ) {
        if let State::Busy(job, _) = std::mem::take(&mut self.state) {
            unbind(job.local_port, out);
        }
        if self.is_bound(local_port) {
            self.ended.retain(|ended| ended.local_port != local_port);
            unbind(local_port, out);
        }
        out.push(AppEffect::Bind { port: local_port });
        let job = Job {
            server,
            file: file.to_owned(),
            local_port,
            attempt: 1,
            port: 0,
            blksize: 0,
            abandoned: None,
            limit: now + self.config.download_limit,
        };
        self.request(now, Box::new(job), out);
    }

    /// Forgets everything at once, without a word to the server.
    pub fn stop(&mut self, out: &mut Outbox<AppEffect>) {
        if let State::Busy(job, _) = std::mem::take(&mut self.state) {
            unbind(job.local_port, out);
        }
        for ended in self.ended.drain(..) {
            unbind(ended.local_port, out);
        }
    }

    /// Whether the client owns this UDP port now.
    pub fn is_bound(&self, port: u16) -> bool {
        let ended = self.ended.iter().map(|ended| ended.local_port);
        let job = self.state.job().map(|job| job.local_port);
        job.into_iter().chain(ended).any(|bound| bound == port)
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
        if !self.is_bound(port) {
            return None;
        }
        if !self.state.may_be_peer(port, from) {
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

impl State {
    fn job(&self) -> Option<&Job> {
        match self {
            State::Idle => None,
            State::Busy(job, _) => Some(job),
        }
    }

    /// Whether a packet from there to this port belongs to the download: from its transfer's port once that is known,
    /// any port of the server before.
    fn may_be_peer(&self, local_port: u16, from: SocketAddrV4) -> bool {
        let State::Busy(job, phase) = self else {
            return false;
        };
        job.local_port == local_port
            && match phase {
                Phase::Requesting(_) => *from.ip() == job.server && job.abandoned != Some(from),
                Phase::Receiving(transfer, _) => from == transfer.peer,
                Phase::Waiting(_) => false,
            }
    }

    /// What is due next, and when.
    fn next(&self) -> Option<(Instant, Input<'static>)> {
        let State::Busy(job, phase) = self else {
            return None;
        };
        let next = match phase {
            Phase::Requesting(patience) | Phase::Receiving(_, patience) => patience.next(),
            Phase::Waiting(until) => (*until, Input::NextAttempt),
        };
        let limit = (job.limit, Input::Limit);
        Some(if limit.0 <= next.0 { limit } else { next })
    }
}

#[cfg(test)]
mod tests;
