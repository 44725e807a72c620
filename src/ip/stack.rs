//! A host: one interface, one address, and the apps that share them.
//!
//! ```text
//!        app 0   app 1   app 2          what they ask for: AppEffect
//!          └───────┼───────┘
//!              Host (work queue)        one after the other, never by recursion
//!           ┌──────┴──────┐
//!         Tcp          Endpoint         connections · ARP, IP, UDP, ICMP
//!           └──────┬──────┘
//!              Interface                frames
//! ```
//!
//! What an app asks for is carried out after its call has returned, in order. An effect may have an event
//! for an app as its consequence, and that event new effects; they join the end of the same queue. At most
//! [`WORK_MAX`] of them are done at one moment of the run: an app that asks again each time it is refused
//! goes on a millisecond later, and time goes on as well.

mod streams;

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::arp::Neighbours;
use super::connection::TcpSettings;
use super::ear::Ear;
use super::endpoint::{Endpoint, Received};
use super::neighbour::NeighbourSettings;
use super::tcp::{Tcp, Tuple};
use crate::app::{App, AppEffect, HostAddress, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::outbox::{DropReason, NeighbourState, Out, Outbox, TraceEvent};
use crate::rng::Rng;
use crate::sim::{Node, PortId, Transmit};
use crate::time::{Deadline, Duration, Instant, earlier};
use crate::wire::icmp::HOST_UNREACHABLE;
use crate::wire::{Frame, Mac};

/// Effects and events carried out at one moment.
const WORK_MAX: usize = 10_000;
/// RFC 791 section 3.2.
const MTU_MIN: u16 = 68;
/// When the rest is carried out.
const WORK_LATER: Duration = Duration::from_millis(1);

/// What a host is made of.
#[derive(Debug, Clone)]
pub struct HostConfig {
    pub mac: Mac,
    /// An address that is configured by hand, and so survives power. Others come with
    /// [`AppEffect::Configure`].
    pub address: Option<HostAddress>,
    pub neighbours: NeighbourSettings,
    pub tcp: TcpSettings,
    /// Bytes of the largest IP packet; at least 68, which every station must take (RFC 791 section 3.2).
    pub mtu: u16,
    /// The host's own stream: neighbour times, TCP's first sequence numbers and ports.
    pub rng: Rng,
}

/// A host with its apps. It begins without power.
#[derive(Debug)]
pub struct Host<A> {
    endpoint: Endpoint,
    pub(super) tcp: Tcp,
    apps: Vec<A>,
    fixed_address: Option<HostAddress>,
    powered: bool,
    carrier: bool,
    app_out: Outbox<AppEffect>,
    work: VecDeque<Work>,
    /// When the work that is left goes on.
    work_at: Option<Instant>,
    /// The earliest deadline of all, as of the last change.
    next: Deadline,
    /// IP packets from a connection, in one row; empty between calls.
    segments: Vec<u8>,
    /// Bytes for an app; empty between calls.
    received: Vec<u8>,
}

/// Buffers between calls keep this much room; more would add up with 100,000 hosts.
const KEPT_BYTES_MAX: usize = 256;

/// The buffer, empty, for the next use.
fn kept(mut buffer: Vec<u8>) -> Vec<u8> {
    if buffer.capacity() > KEPT_BYTES_MAX {
        return Vec::new();
    }
    buffer.clear();
    buffer
}

/// Something to do after the app's call has returned.
#[derive(Debug)]
enum Work {
    Effect(u16, AppEffect),
    Trace(TraceEvent),
    Ended(u16, StreamId, StreamEnd),
    /// A connection may have more to tell, or a window to offer.
    Pump(Tuple),
    /// From this host to itself.
    Frame(Frame),
}

impl<A: App> Host<A> {
    /// A host with these apps, numbered from 0, and without power.
    pub fn new(config: HostConfig, apps: Vec<A>) -> Host<A> {
        let mut rng = config.rng;
        let mtu = config.mtu.max(MTU_MIN);
        let neighbours = Neighbours::new(0, config.neighbours, &mut rng);
        let first_id = rng.u32() as u16;
        Host {
            endpoint: Endpoint::new(config.mac, mtu, neighbours, first_id),
            tcp: Tcp::new(config.tcp, mtu, rng),
            apps,
            fixed_address: config.address,
            powered: false,
            carrier: false,
            app_out: Outbox::default(),
            work: VecDeque::new(),
            work_at: None,
            next: None,
            segments: Vec::new(),
            received: Vec::new(),
        }
    }

    /// One of the apps.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    pub fn app(&self, index: usize) -> &A {
        &self.apps[index]
    }

    /// Calls an app from outside (a user's hand, an administrator), and carries out what it asks for.
    ///
    /// # Panics
    ///
    /// If there are not that many apps.
    pub fn with_app<R>(
        &mut self,
        now: Instant,
        index: usize,
        out: &mut Outbox<Transmit>,
        command: impl FnOnce(&mut A, &mut Outbox<AppEffect>) -> R,
    ) -> R {
        let result = self.call(index as u16, command);
        self.run(now, out);
        result
    }

    /// Gives the host power, or takes it away. Without power everything volatile is gone: neighbours,
    /// connections (without a word to anybody), bindings, and an address that came with
    /// [`AppEffect::Configure`]; frames that arrive are dropped as not ready.
    pub fn power(&mut self, now: Instant, on: bool, out: &mut Outbox<Transmit>) {
        if self.powered == on {
            return;
        }
        self.powered = on;
        self.endpoint.clear(out);
        self.tcp.clear();
        self.work.clear();
        if on {
            self.endpoint.configure(self.fixed_address, out);
            self.tell(now, HostEvent::Start, out);
            if self.carrier {
                self.tell(now, HostEvent::Carrier(true), out);
            }
        } else {
            self.tell(now, HostEvent::Stop, out);
        }
    }

    /// Whether it has power.
    pub fn is_on(&self) -> bool {
        self.powered
    }

    /// The host's address now.
    pub fn address(&self) -> Option<HostAddress> {
        self.endpoint.address()
    }

    /// The host's MAC.
    pub fn mac(&self) -> Mac {
        self.endpoint.interface.mac
    }

    /// What the host knows about a neighbour.
    pub fn neighbour(&self, address: Ipv4Addr) -> Option<(NeighbourState, Option<Mac>)> {
        self.endpoint.interface.neighbours.state(address)
    }

    fn tell(&mut self, now: Instant, event: HostEvent, out: &mut Outbox<Transmit>) {
        for index in 0..self.apps.len() {
            self.call(index as u16, |app, effects| {
                app.handle_host(now, event, effects)
            });
        }
        self.run(now, out);
    }

    /// Calls an app; what it does joins the queue.
    fn call<R>(&mut self, app: u16, f: impl FnOnce(&mut A, &mut Outbox<AppEffect>) -> R) -> R {
        let result = f(&mut self.apps[usize::from(app)], &mut self.app_out);
        self.work
            .extend(self.app_out.drain().map(|item| match item {
                Out::Effect(effect) => Work::Effect(app, effect),
                Out::Trace(event) => Work::Trace(event),
            }));
        result
    }

    /// Carries out what is queued, after whatever has changed something.
    fn run(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        self.work_at = None;
        self.do_work(now, out);
        if !self.work.is_empty() {
            self.work_at = Some(now + WORK_LATER);
        }
        self.next = self.next_deadline();
    }

    fn do_work(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        for _ in 0..WORK_MAX {
            match self.work.pop_front() {
                None => return,
                Some(Work::Pump(tuple)) => self.pump(now, tuple, None, out),
                Some(Work::Trace(event)) => out.trace(event),
                Some(Work::Frame(frame)) => {
                    self.take_frame(now, &frame, out);
                }
                Some(Work::Ended(app, stream, end)) => self.call(app, |app, effects| {
                    app.handle_stream(now, stream, StreamEvent::Ended(end), effects);
                }),
                // An app of a host without power has no say.
                Some(Work::Effect(..)) if !self.powered => {}
                Some(Work::Effect(app, effect)) => self.carry_out(now, app, effect, out),
            }
        }
    }

    fn carry_out(&mut self, now: Instant, app: u16, effect: AppEffect, out: &mut Outbox<Transmit>) {
        match effect {
            AppEffect::Bind { port } => self.endpoint.bind(port, app),
            AppEffect::Unbind { port } => self.endpoint.unbind(port, app),
            AppEffect::Send {
                from_port,
                to,
                to_mac,
                payload,
            } => {
                let back = self
                    .endpoint
                    .send_datagram(now, from_port, to, to_mac, &payload, out);
                self.work.extend(back.map(Work::Frame));
            }
            AppEffect::Configure(address) => {
                self.endpoint.configure(address, out);
                // RST could only be sent from an address that is no longer ours.
                for tuple in self.tcp.not_from(self.endpoint.own()) {
                    self.end(now, tuple, StreamEnd::NetworkUnreachable);
                }
            }
            AppEffect::Tag(tag) => self.endpoint.interface.set_tag(tag, out),
            AppEffect::SendLldp(message) => self.endpoint.interface.send_lldp(&message, out),
            AppEffect::ArpProbe(address) => self.endpoint.probe(address, out),
            AppEffect::EchoProbe(address) => self.endpoint.probe_by_echo(now, address, out),
            AppEffect::ProbeEnd(address) => self.endpoint.end_probe(address),
            AppEffect::ArpAnnounce(address) => self.endpoint.announce(address, out),
            AppEffect::Listen { port } => self.tcp.listen(port, app),
            AppEffect::Connect { stream, to } => self.connect(now, app, stream, to, out),
            AppEffect::SendStream { stream, bytes } => {
                self.send_stream(now, (app, stream), bytes, out);
            }
            AppEffect::Close { stream } => self.close(now, app, stream, out),
            AppEffect::Abort { stream } => self.abort(now, app, stream, out),
        }
    }

    /// Whether the frame meant anything to this host: after one that did not, nothing has changed.
    fn take_frame(&mut self, now: Instant, frame: &Frame, out: &mut Outbox<Transmit>) -> bool {
        if !self.powered {
            out.drop(DropReason::NotReady, frame);
            return false;
        }
        let mut back = Vec::new();
        match self.endpoint.receive(now, frame, &mut back, out) {
            Err(reason) => {
                out.drop(reason, frame);
                // These are told by a frame's first bytes, before anything is done about it.
                if reason.is_routine() {
                    return false;
                }
            }
            Ok(Received::Nothing) => {}
            Ok(Received::Unreachable { code, quoted }) => self.undeliverable(now, quoted, code),
            Ok(Received::Datagram { app, datagram }) => self.call(app, |app, effects| {
                app.handle_datagram(now, &datagram, effects);
            }),
            Ok(Received::Lldp(message)) => {
                for index in 0..self.apps.len() {
                    self.call(index as u16, |app, effects| {
                        app.handle_lldp(now, message, effects);
                    });
                }
            }
            Ok(Received::Conflict(address)) => {
                for index in 0..self.apps.len() {
                    self.call(index as u16, |app, effects| {
                        app.handle_host(now, HostEvent::AddressConflict(address), effects);
                    });
                }
            }
            Ok(Received::Segment {
                src,
                dst,
                segment,
                packet,
            }) => {
                if let Err(reason) = self.take_segment(now, (src, dst), &segment, packet, out) {
                    out.drop(reason, frame);
                }
            }
        }
        self.work.extend(back.into_iter().map(Work::Frame));
        true
    }

    /// When the host or one of its apps next wants to be called.
    fn next_deadline(&self) -> Deadline {
        if !self.powered {
            return None;
        }
        let neighbours = self.endpoint.interface.neighbours.next_deadline();
        let mut next = earlier(
            self.work_at.map(|at| (at, "work left over")),
            neighbours.map(|at| (at, "neighbour")),
        );
        let fragments = self.endpoint.fragments_deadline();
        next = earlier(next, fragments.map(|at| (at, "fragments")));
        let tcp = self.tcp.next_deadline();
        next = earlier(next, tcp.map(|at| (at, "TCP")));
        for app in &self.apps {
            next = earlier(next, app.poll_timeout());
        }
        next
    }
}

impl<A: App> Node for Host<A> {
    type Ear = Ear;

    fn handle_frame(
        &mut self,
        now: Instant,
        _port: PortId,
        frame: &Frame,
        out: &mut Outbox<Transmit>,
    ) {
        // Most of what a host hears on a shared segment is for others, and costs it no look at its apps.
        if self.take_frame(now, frame, out) {
            self.run(now, out);
        }
    }

    fn handle_carrier(
        &mut self,
        now: Instant,
        _port: PortId,
        up: bool,
        out: &mut Outbox<Transmit>,
    ) {
        if self.carrier == up {
            return;
        }
        self.carrier = up;
        if !self.powered {
            return;
        }
        if !up {
            self.endpoint.interface.neighbours.carrier_lost(now, out);
        }
        self.tell(now, HostEvent::Carrier(up), out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<Transmit>) {
        if !self.powered {
            return;
        }
        let mut failed = Vec::new();
        let own = self.endpoint.own();
        self.endpoint
            .interface
            .handle_timeout(now, own, &mut failed, out);
        let header_len = self.endpoint.interface.header_len();
        for waiting in failed {
            out.drop(DropReason::NeighbourFailed, &waiting.frame);
            self.undeliverable(now, &waiting.frame[header_len..], HOST_UNREACHABLE);
        }
        let mut back = Vec::new();
        self.endpoint.expire_fragments(now, &mut back, out);
        self.work.extend(back.into_iter().map(Work::Frame));
        while let Some(tuple) = self.tcp.pop_due(now) {
            self.connection_due(now, tuple, out);
        }
        for index in 0..self.apps.len() {
            let due = self.apps[index].poll_timeout();
            if due.is_some_and(|(at, _)| at <= now) {
                self.call(index as u16, |app, effects| {
                    app.handle_timeout(now, effects)
                });
            }
        }
        self.run(now, out);
    }

    fn poll_timeout(&self) -> Deadline {
        self.next
    }

    fn ear(&self) -> Ear {
        if self.powered {
            self.endpoint.ear()
        } else {
            Ear::SHUT
        }
    }
}
