//! The client's machine: one `match`, and below it what its arms do.
//!
//! Every arm takes the state out and puts the next one in; an arm that puts none in leaves `Idle`.

use std::borrow::Cow;
use std::net::SocketAddrV4;

use super::transfer::{Ended, Patience, Terms, Transfer, refuse_stray, send, send_error, unbind};
use super::{Client, ClientEvent, Job, LOCAL_PORTS, Phase, State};
use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::tftp::{ErrorCode, Message, Request, TftpOption};

/// Why a request failed.
const NO_ANSWER: &str = "no answer from the server";
const NOBODY: &str = "nobody listens at the server";

/// What can happen to a download. Messages are from the transfer's own peer, or from who may become it.
pub(super) enum Input<'a> {
    Message(SocketAddrV4, Message<'a>),
    Undecodable(SocketAddrV4),
    /// The whole download has taken too long.
    Limit,
    /// No packet came for too long.
    Silence,
    /// Nobody listens where the last packet was sent.
    Refused,
    /// The last packet is to be sent again.
    Resend,
    /// The wait after a failed attempt is over.
    NextAttempt,
}

impl Input<'_> {
    /// What a deadline is called.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Input::Message(..) | Input::Undecodable(_) => "TFTP packet",
            Input::Limit => "TFTP download limit",
            Input::Silence => "TFTP silence",
            Input::Refused => "TFTP refusal",
            Input::Resend => "TFTP resend",
            Input::NextAttempt => "TFTP next attempt",
        }
    }
}

impl Client {
    /// The whole machine.
    pub(super) fn step(
        &mut self,
        now: Instant,
        input: Input<'_>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        use Input::{Limit, NextAttempt, Refused, Resend, Silence, Undecodable};
        use Message::{Data, Error, OptionAck};
        use Phase::{Receiving, Requesting, Waiting};
        let State::Busy(job, phase) = std::mem::take(&mut self.state) else {
            return None;
        };
        match (phase, input) {
            (phase, Limit) => {
                phase.close(out);
                failed("the download took too long".to_owned())
            }

            (Requesting(port, _), Silence) => self.next_port(now, job, port, NO_ANSWER, out),
            (Requesting(port, _), Refused) => self.next_port(now, job, port, NOBODY, out),
            (Requesting(port, patience), Resend) => {
                self.send_request(&job, port, out);
                self.stay(job, Requesting(port, patience.resent(now, &self.config)))
            }
            (Requesting(port, _), Input::Message(peer, OptionAck(options))) => {
                self.agree(now, job, (port, peer), &options, out)
            }
            (Requesting(port, _), Input::Message(peer, Data { block: 1, payload })) => {
                let transfer = Box::new(Transfer::new(port, peer, Terms::PLAIN));
                self.receive(now, job, transfer, payload, out)
            }
            (Requesting(port, _), Input::Message(_, Error { code, .. }))
                if code == ErrorCode::OPTION && job.blksize < self.config.blksizes.len() =>
            {
                unbind(port, out);
                self.ask_for_less(now, job, out)
            }

            (Receiving(transfer, _), Silence) => self.fall_silent(now, job, &transfer, out),
            (phase @ Receiving(..), Refused) => {
                phase.close(out);
                self.fail_attempt(now, job, "the server's port is closed".to_owned())
            }
            (Receiving(transfer, patience), Resend) => {
                transfer.acknowledge(out);
                self.stay(job, Receiving(transfer, patience.resent(now, &self.config)))
            }
            (Receiving(transfer, _), Input::Message(_, Data { block, payload }))
                if block == transfer.last.wrapping_add(1) =>
            {
                self.receive(now, job, transfer, payload, out)
            }
            (Receiving(transfer, _), Input::Message(_, old @ (Data { .. } | OptionAck(_)))) => {
                if transfer.last_was(&old) {
                    transfer.acknowledge(out);
                }
                self.stay(job, Receiving(transfer, Patience::new(now, &self.config)))
            }

            (
                phase @ (Requesting(..) | Receiving(..)),
                Input::Message(_, Error { code, message }),
            ) => {
                phase.close(out);
                let reason = format!("server says {code} \"{}\"", message.escape_ascii());
                self.fail_attempt(now, job, reason)
            }
            (Receiving(transfer, _), Input::Message(..) | Undecodable(_)) => {
                transfer.refuse(ErrorCode::ILLEGAL, "not DATA", out);
                self.fail_attempt(now, job, "server sent nonsense".to_owned())
            }
            (Requesting(port, patience), Input::Message(from, _) | Undecodable(from)) => {
                refuse_stray(port, from, out);
                self.stay(job, Requesting(port, patience))
            }
            (Waiting(_), NextAttempt) => self.next_attempt(now, job, out),
            // Not to be waited for, or nobody to be heard.
            (phase, _) => self.stay(job, phase),
        }
    }

    fn stay(&mut self, job: Box<Job>, phase: Phase) -> Option<ClientEvent> {
        self.state = State::Busy(job, phase);
        None
    }

    /// The server refused the options.
    fn ask_for_less(
        &mut self,
        now: Instant,
        mut job: Box<Job>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        job.blksize += 1;
        self.request(now, job, out);
        None
    }

    /// Sends a request from a port of its own and waits for its answer.
    pub(super) fn request(&mut self, now: Instant, job: Box<Job>, out: &mut Outbox<AppEffect>) {
        let port = self.draw_port();
        out.push(AppEffect::Bind { port });
        self.send_request(&job, port, out);
        let patience = Patience::new(now, &self.config);
        self.state = State::Busy(job, Phase::Requesting(port, patience));
    }

    /// A port that no download lingers on.
    fn draw_port(&mut self) -> u16 {
        let ports = u64::from(LOCAL_PORTS.end() - LOCAL_PORTS.start()) + 1;
        loop {
            // Below 16,384.
            let port = LOCAL_PORTS.start() + self.rng.below(ports) as u16;
            if self.ended.iter().all(|ended| ended.local_port != port) {
                return port;
            }
        }
    }

    fn send_request(&self, job: &Job, local_port: u16, out: &mut Outbox<AppEffect>) {
        let mut options = Vec::new();
        if let Some(blksize) = self.config.blksizes.get(job.blksize) {
            options.push(TftpOption::number(b"blksize", u64::from(*blksize)));
            if self.config.send_tsize {
                options.push(TftpOption::number(b"tsize", 0));
            }
            options.extend(
                self.config
                    .extra_options
                    .iter()
                    .map(|(name, value)| TftpOption {
                        name: name.as_bytes(),
                        value: Cow::Borrowed(value.as_bytes()),
                    }),
            );
        }
        let request = Message::ReadRequest(Request {
            file: job.file.as_bytes(),
            mode: b"octet",
            options,
        });
        let to = SocketAddrV4::new(job.server, self.config.ports[job.port]);
        send(local_port, to, &request, out);
    }

    /// The server acknowledged options.
    fn agree(
        &mut self,
        now: Instant,
        job: Box<Job>,
        (port, peer): (u16, SocketAddrV4),
        options: &[TftpOption<'_>],
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        match Terms::agreed(&self.config, job.blksize, options) {
            Ok(terms) => {
                let transfer = Box::new(Transfer::new(port, peer, terms));
                transfer.acknowledge(out);
                let patience = Patience::new(now, &self.config);
                self.stay(job, Phase::Receiving(transfer, patience))
            }
            Err(reason) => {
                send_error(port, peer, ErrorCode::OPTION, reason, out);
                unbind(port, out);
                self.fail_attempt(now, job, reason.to_owned())
            }
        }
    }

    /// The next block came.
    fn receive(
        &mut self,
        now: Instant,
        job: Box<Job>,
        mut transfer: Box<Transfer>,
        payload: &[u8],
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        let blksize = usize::from(transfer.terms.blksize);
        transfer.received.push(payload);
        let bytes = transfer.received.bytes;
        let wrong = match transfer.terms.tsize {
            _ if payload.len() > blksize => Some("a block is longer than agreed".to_owned()),
            Some(tsize) if payload.len() < blksize && tsize != bytes => {
                Some(format!("{bytes} bytes came, tsize said {tsize}"))
            }
            _ => None,
        };
        if let Some(reason) = wrong {
            transfer.refuse(ErrorCode::UNDEFINED, &reason, out);
            return self.fail_attempt(now, job, reason);
        }
        transfer.last = transfer.last.wrapping_add(1);
        transfer.fresh = false;
        transfer.acknowledge(out);
        if payload.len() == blksize {
            let patience = Patience::new(now, &self.config);
            return self.stay(job, Phase::Receiving(transfer, patience));
        }
        self.ended.push_back(Ended {
            peer: transfer.peer,
            local_port: transfer.local_port,
            last: transfer.last,
            until: now + self.config.packet_timeout,
        });
        let port = self.config.ports[job.port];
        Some(ClientEvent::Done(transfer.received.finish(port)))
    }

    /// Nobody answered a request: `why`.
    fn next_port(
        &mut self,
        now: Instant,
        mut job: Box<Job>,
        local_port: u16,
        why: &str,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        unbind(local_port, out);
        let Some(port) = self.config.ports.get(job.port + 1).copied() else {
            return self.fail_attempt(now, job, why.to_owned());
        };
        job.port += 1;
        let n = job.attempt;
        self.request(now, job, out);
        Some(ClientEvent::Attempt { n, port })
    }

    /// The server answered once, and no longer does.
    fn fall_silent(
        &mut self,
        now: Instant,
        mut job: Box<Job>,
        transfer: &Transfer,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        transfer.refuse(ErrorCode::UNDEFINED, "no packet in time", out);
        let sizes = &self.config.blksizes;
        let smaller = sizes.iter().position(|size| *size < transfer.terms.blksize);
        match smaller.filter(|_| transfer.fresh) {
            Some(smaller) => {
                job.blksize = smaller;
                self.request(now, job, out);
                None
            }
            None => {
                let reason = format!("silence after {} bytes", transfer.received.bytes);
                self.fail_attempt(now, job, reason)
            }
        }
    }

    /// The attempt has failed and its port is closed: the next one is waited for.
    fn fail_attempt(&mut self, now: Instant, job: Box<Job>, reason: String) -> Option<ClientEvent> {
        if job.attempt >= self.config.attempts {
            return failed(reason);
        }
        let (low, high) = self.config.retry_wait;
        let until = now + self.rng.duration(low, high);
        self.stay(job, Phase::Waiting(until))
    }

    fn next_attempt(
        &mut self,
        now: Instant,
        mut job: Box<Job>,
        out: &mut Outbox<AppEffect>,
    ) -> Option<ClientEvent> {
        job.attempt += 1;
        job.port = 0;
        let (n, port) = (job.attempt, self.config.ports[0]);
        self.request(now, job, out);
        Some(ClientEvent::Attempt { n, port })
    }
}

/// The download failed.
fn failed(reason: String) -> Option<ClientEvent> {
    Some(ClientEvent::Failed { reason })
}
