//! An app of streams on the machine's own sockets: what stands on a host of the emulated network, as a program.
//!
//! ```text
//!   peers ── TCP ──▶ listener, stream ─┐                      ┌─▶ handle_stream ─┐
//!                                      ├─ one wait, one thread                   ├─ effects ─▶ sockets
//!   questions ── Unix socket ─────────▶┘                      └─▶ Attendant::ask ┘
//! ```
//!
//! A question is all that somebody writes to the Unix socket before closing that direction; the answer is written back,
//! and the connection closed. Who connects while no descriptor is left for that waits in the kernel. Datagrams and
//! addresses are the host's affair in the emulated network; here they are the kernel's, and an app that asks for them
//! gets nothing.

mod stream;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

use self::stream::{Came, Stream};
use super::clock::Clock;
use super::waiting::Waiting;
use crate::app::{App, AppEffect, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::outbox::{Out, Outbox, TraceEvent};
use crate::time::{Duration, Instant};

/// Connections taken from a listener in one turn.
const ACCEPTED_MAX: usize = 64;
/// A longer question ends its connection; those that an administrator has are some hundred bytes long.
const QUESTION_BYTES_MAX: usize = 1024 * 1024;
/// How long nobody is taken from a listener once the machine has refused a connection.
const REFUSED_FOR: Duration = Duration::from_millis(100);

/// Where an app stands.
#[derive(Debug)]
pub struct SocketSettings {
    /// All its ports are open at this address, and its own connections come from it.
    pub address: Ipv4Addr,
    /// The real port of one that the app listens on: (app's, real). The others are as the app says.
    pub moved: Option<(u16, u16)>,
    /// Where questions are asked.
    pub questions: Option<UnixListener>,
}

/// Whoever attends to an app: answers questions about it, and is told what happens.
pub trait Attendant<A> {
    /// The answer to a question, which may change the app.
    fn ask(
        &mut self,
        app: &mut A,
        now: Instant,
        question: &[u8],
        out: &mut Outbox<AppEffect>,
    ) -> Vec<u8>;

    /// Something happened.
    fn tell(&mut self, now: Instant, event: &TraceEvent);

    /// The machine has no descriptor or memory for another connection, for the first time. Peers wait until it has.
    fn refused(&mut self, why: &io::Error);
}

/// Why an app can't stand on the machine's sockets.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("cannot listen on {at}: {source}")]
    Listen { at: SocketAddrV4, source: io::Error },
    #[error("cannot wait for connections: {source}")]
    Wait { source: io::Error },
}

/// Has an app serve until `end` becomes readable.
///
/// # Errors
/// A port that it listens on is not to be had, or the machine fails.
pub fn host_on_sockets<A: App>(
    app: &mut A,
    settings: SocketSettings,
    end: BorrowedFd<'_>,
    attendant: &mut impl Attendant<A>,
) -> Result<(), SocketError> {
    let mut host = SocketHost::new(settings, end)?;
    let mut out = Outbox::default();
    app.handle_host(host.clock.now(), HostEvent::Start, &mut out);
    loop {
        host.carry_out(app, attendant, &mut out)?;
        host.wait(app.poll_timeout().map(|(at, _)| at))?;
        host.listen_again()?;
        while let Some(number) = host.waiting.next() {
            let source = Source::of(number);
            if source == Source::End {
                return Ok(());
            }
            host.take_in(app, attendant, source, &mut out)?;
            host.carry_out(app, attendant, &mut out)?;
        }
        app.handle_timeout(host.clock.now(), &mut out);
    }
}

/// What an epoll event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Stream(StreamId),
    Listener(u16),
    Questions,
    Asker(u64),
    End,
}

impl Source {
    const END: u64 = u64::MAX;
    const QUESTIONS: u64 = u64::MAX - 1;
    /// With the port, or the asker's number. A stream's number has neither bit: it would take years.
    const LISTENER: u64 = 1 << 62;
    const ASKER: u64 = 1 << 61;

    /// The number by which it is waited for.
    fn number(self) -> u64 {
        match self {
            Source::Stream(stream) => stream.0,
            Source::Listener(port) => Source::LISTENER | u64::from(port),
            Source::Questions => Source::QUESTIONS,
            Source::Asker(number) => Source::ASKER | number,
            Source::End => Source::END,
        }
    }

    fn of(number: u64) -> Source {
        match number {
            Source::END => Source::End,
            Source::QUESTIONS => Source::Questions,
            _ if number & Source::LISTENER != 0 => Source::Listener(number as u16),
            _ if number & Source::ASKER != 0 => Source::Asker(number & !Source::ASKER),
            _ => Source::Stream(StreamId(number)),
        }
    }
}

struct SocketHost {
    settings: SocketSettings,
    clock: Clock,
    waiting: Waiting,
    listeners: BTreeMap<u16, TcpListener>,
    streams: BTreeMap<StreamId, Stream>,
    /// Connections at which questions are asked, and what was asked so far.
    askers: BTreeMap<u64, (Stream, Vec<u8>)>,
    accepted: u64,
    asked: u64,
    /// Nobody is taken from a listener until then.
    refused_until: Option<Instant>,
    /// Whether the attendant knows that it happens.
    refusal_told: bool,
    /// Ends that the app has not been told of.
    ended: VecDeque<(StreamId, StreamEnd)>,
    buffer: Vec<u8>,
}

impl SocketHost {
    fn new(settings: SocketSettings, end: BorrowedFd<'_>) -> Result<SocketHost, SocketError> {
        allow_many_descriptors();
        let host = SocketHost {
            settings,
            clock: Clock::start(),
            waiting: Waiting::new().map_err(wait_failed)?,
            listeners: BTreeMap::new(),
            streams: BTreeMap::new(),
            askers: BTreeMap::new(),
            accepted: 0,
            asked: 0,
            refused_until: None,
            refusal_told: false,
            ended: VecDeque::new(),
            buffer: vec![0; 16 * 1024],
        };
        host.watch(end, Source::End)?;
        if let Some(questions) = &host.settings.questions {
            questions.set_nonblocking(true).map_err(wait_failed)?;
            host.watch(questions.as_fd(), Source::Questions)?;
        }
        Ok(host)
    }

    fn watch(&self, fd: BorrowedFd<'_>, source: Source) -> Result<(), SocketError> {
        let added = self.waiting.add(fd, source.number());
        added.map_err(wait_failed)
    }

    /// Waits until something comes in, or the app's deadline has come, or the listeners' time.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), SocketError> {
        let until = until.into_iter().chain(self.refused_until).min();
        let at_most = until.map(|at| at.since(self.clock.now()));
        self.waiting.wait(at_most).map_err(wait_failed)
    }

    /// Gives the app what has come in at one descriptor.
    fn take_in<A: App>(
        &mut self,
        app: &mut A,
        attendant: &mut impl Attendant<A>,
        source: Source,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), SocketError> {
        match source {
            Source::Listener(port) => self.accept(app, attendant, port, out)?,
            Source::Questions => self.accept_asker(attendant)?,
            Source::Asker(number) => self.hear_out(app, attendant, number, out),
            Source::Stream(stream) => self.receive(app, stream, out),
            Source::End => {}
        }
        Ok(())
    }

    fn accept<A: App>(
        &mut self,
        app: &mut A,
        attendant: &mut impl Attendant<A>,
        port: u16,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), SocketError> {
        for _ in 0..ACCEPTED_MAX {
            let Some(listener) = self.listeners.get(&port) else {
                return Ok(());
            };
            let (socket, peer) = match listener.accept() {
                Ok((socket, SocketAddr::V4(peer))) => (socket, peer),
                Ok((_, SocketAddr::V6(_))) => return Ok(()),
                Err(error) => return self.not_accepted(attendant, &error),
            };
            let Ok(stream) = Stream::accepted(socket) else {
                continue;
            };
            self.accepted += 1;
            let id = StreamId::accepted(self.accepted);
            self.watch(stream.fd(), Source::Stream(id))?;
            self.streams.insert(id, stream);
            app.handle_stream(
                self.clock.now(),
                id,
                StreamEvent::Accepted { peer, port },
                out,
            );
        }
        Ok(())
    }

    fn accept_asker<A>(&mut self, attendant: &mut impl Attendant<A>) -> Result<(), SocketError> {
        let Some(questions) = &self.settings.questions else {
            return Ok(());
        };
        let socket = match questions.accept() {
            Ok((socket, _)) => socket,
            Err(error) => return self.not_accepted(attendant, &error),
        };
        socket.set_nonblocking(true).map_err(wait_failed)?;
        self.asked += 1;
        let stream = Stream::open(socket.into());
        self.watch(stream.fd(), Source::Asker(self.asked))?;
        self.askers.insert(self.asked, (stream, Vec::new()));
        Ok(())
    }

    /// Whatever is wrong with one connection, the next turn tries again. If the machine has no room for any, a turn at once
    /// would find the same, and the next, and so take all of the processor: the listeners are left alone for a moment.
    fn not_accepted<A>(
        &mut self,
        attendant: &mut impl Attendant<A>,
        error: &io::Error,
    ) -> Result<(), SocketError> {
        let (Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM), None) =
            (Errno::from_io_error(error), self.refused_until)
        else {
            return Ok(());
        };
        self.refused_until = Some(self.clock.now() + REFUSED_FOR);
        if !std::mem::replace(&mut self.refusal_told, true) {
            attendant.refused(error);
        }
        self.heed_listeners(EventFlags::empty())
    }

    /// Takes connections again once the moment is over.
    fn listen_again(&mut self) -> Result<(), SocketError> {
        if self.refused_until.is_none_or(|at| self.clock.now() < at) {
            return Ok(());
        }
        self.refused_until = None;
        self.heed_listeners(EventFlags::IN)
    }

    /// Has epoll wait for this at all listeners.
    fn heed_listeners(&self, interest: EventFlags) -> Result<(), SocketError> {
        let listeners = self.listeners.iter();
        let listeners = listeners.map(|(port, it)| (it.as_fd(), Source::Listener(*port)));
        let questions = self.settings.questions.iter();
        for (fd, source) in listeners.chain(questions.map(|it| (it.as_fd(), Source::Questions))) {
            let changed = self.waiting.change(fd, source.number(), interest);
            changed.map_err(wait_failed)?;
        }
        Ok(())
    }

    /// Takes what is asked; answers when all of it is there.
    fn hear_out<A: App>(
        &mut self,
        app: &mut A,
        attendant: &mut impl Attendant<A>,
        number: u64,
        out: &mut Outbox<AppEffect>,
    ) {
        let Some((stream, question)) = self.askers.get_mut(&number) else {
            return;
        };
        match stream.take_in(&mut self.buffer) {
            Some(Came::Bytes(length)) if question.len() + length > QUESTION_BYTES_MAX => {
                self.askers.remove(&number);
                return;
            }
            Some(Came::Bytes(length)) => question.extend(&self.buffer[..length]),
            Some(Came::LastByte) => {
                let answer = attendant.ask(app, self.clock.now(), question, out);
                stream.send(&answer);
                stream.close();
            }
            Some(Came::Connected) | None => {}
            Some(Came::End(_)) => {
                self.askers.remove(&number);
                return;
            }
        }
        if stream
            .tend(&self.waiting, Source::Asker(number).number())
            .is_some()
        {
            self.askers.remove(&number);
        }
    }

    fn receive(&mut self, app: &mut impl App, id: StreamId, out: &mut Outbox<AppEffect>) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let now = self.clock.now();
        match stream.take_in(&mut self.buffer) {
            Some(Came::Bytes(length)) => {
                let bytes = StreamEvent::Received(&self.buffer[..length]);
                app.handle_stream(now, id, bytes, out);
            }
            Some(Came::LastByte) => app.handle_stream(now, id, StreamEvent::PeerClosed, out),
            Some(Came::Connected) => app.handle_stream(now, id, StreamEvent::Connected, out),
            Some(Came::End(end)) => self.end(id, end),
            None => {}
        }
        self.tend(id);
    }

    /// A stream is over: the app is told when it is next called.
    fn end(&mut self, id: StreamId, end: StreamEnd) {
        if self.streams.remove(&id).is_some() {
            self.ended.push_back((id, end));
        }
    }

    /// Sends what waits on a stream, and has epoll wait for what it can do next.
    fn tend(&mut self, id: StreamId) {
        let number = Source::Stream(id).number();
        let stream = self.streams.get_mut(&id);
        if let Some(end) = stream.and_then(|stream| stream.tend(&self.waiting, number)) {
            self.end(id, end);
        }
    }

    /// Does what the app wants, and tells it of streams that ended over that.
    fn carry_out<A: App>(
        &mut self,
        app: &mut A,
        attendant: &mut impl Attendant<A>,
        out: &mut Outbox<AppEffect>,
    ) -> Result<(), SocketError> {
        loop {
            let all: Vec<Out<AppEffect>> = out.drain().collect();
            for one in all {
                match one {
                    Out::Trace(event) => attendant.tell(self.clock.now(), &event),
                    Out::Effect(effect) => self.carry_out_one(effect)?,
                }
            }
            let Some((id, end)) = self.ended.pop_front() else {
                if out.is_empty() {
                    return Ok(());
                }
                continue;
            };
            app.handle_stream(self.clock.now(), id, StreamEvent::Ended(end), out);
        }
    }

    fn carry_out_one(&mut self, effect: AppEffect) -> Result<(), SocketError> {
        match effect {
            AppEffect::Listen { port } => self.listen(port)?,
            AppEffect::Connect { stream: id, to } => {
                match Stream::connecting(self.settings.address, to) {
                    Ok(stream) => {
                        self.watch(stream.fd(), Source::Stream(id))?;
                        self.streams.insert(id, stream);
                        self.tend(id);
                    }
                    Err(end) => self.ended.push_back((id, end)),
                }
            }
            AppEffect::SendStream { stream: id, bytes } => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.send(&bytes);
                    self.tend(id);
                }
            }
            AppEffect::Close { stream: id } => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.close();
                    self.tend(id);
                }
            }
            AppEffect::Abort { stream: id } => {
                if let Some(stream) = self.streams.remove(&id) {
                    stream.abort();
                }
            }
            AppEffect::Bind { .. }
            | AppEffect::Unbind { .. }
            | AppEffect::Send { .. }
            | AppEffect::Configure(_)
            | AppEffect::Tag(_)
            | AppEffect::SendLldp(_)
            | AppEffect::ArpProbe(_)
            | AppEffect::EchoProbe(_)
            | AppEffect::ProbeEnd(_)
            | AppEffect::ArpAnnounce(_) => {}
        }
        Ok(())
    }

    fn listen(&mut self, port: u16) -> Result<(), SocketError> {
        let real = match self.settings.moved {
            Some((moved, real)) if moved == port => real,
            Some(_) | None => port,
        };
        let at = SocketAddrV4::new(self.settings.address, real);
        let failed = |source| SocketError::Listen { at, source };
        let listener = TcpListener::bind(at).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        self.watch(listener.as_fd(), Source::Listener(port))?;
        self.listeners.insert(port, listener);
        Ok(())
    }
}

/// A connection is a descriptor: as many are allowed as the machine lets this process have.
fn allow_many_descriptors() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where it is refused, fewer must do.
    let _ = rustix::process::setrlimit(Resource::Nofile, most);
}

fn wait_failed(source: io::Error) -> SocketError {
    SocketError::Wait { source }
}
