//! The world: nodes, the cables between their ports, and the queue of what comes next.
//!
//! ```text
//!   node ──Transmit──▶ link.carry() ──▶ queue ──Deliver──▶ node
//!     └────Trace─────▶ observer          queue ──Wake─────▶ node.handle_timeout()
//! ```
//!
//! The world is told the time by its driver ([`World::step`]) and knows neither clocks nor protocols. A
//! broadcast that reaches many ports at one instant is one event, so that it costs the queue one entry and
//! not one a station. A node has at most one deadline that counts; a wake-up that came too early is harmless
//! and only asks the node again.

use std::sync::Arc;

use super::node::{Carried, Ear, Link, Mark, Node, PortId, Side, Touched, Transmit};
use super::queue::Queue;
use crate::outbox::{DropReason, Out, Outbox, TraceEvent};
use crate::time::Instant;
use crate::wire::Frame;

/// Index of a node in its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Index of a cable in its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u32);

/// One port of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    pub node: NodeId,
    pub port: PortId,
}

/// Whoever watches a run. It sees everything in the order in which it happens.
pub trait Observer {
    /// Something happened at a node.
    fn event(&mut self, now: Instant, node: NodeId, event: TraceEvent);

    /// A node's ear refused a frame: it is dropped, as with [`TraceEvent::Dropped`].
    fn refused(&mut self, now: Instant, node: NodeId, reason: DropReason, frame: &Frame);

    /// A frame arrived at a port of a node that is watched, or the node made one and sends it ([`World::watch`]).
    fn frame(&mut self, now: Instant, at: End, frame: &Frame);

    /// A frame is about to arrive at a port, watched or not, and faults have done this to it on its way.
    fn touched(&mut self, _now: Instant, _at: End, _frame: &Frame, _marks: &[Mark]) {}

    /// A fault is about to drop a frame on its way from a node.
    fn lost_by(&mut self, _fault: u32) {}
}

/// How much a world has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Events taken from the queue.
    pub events: u64,
    /// Frames put on cables, or sent out of an empty port. A flood counts once a cable.
    pub sent: u64,
    /// Frames that arrived at a port.
    pub delivered: u64,
    /// Frames that a cable, or an empty port, dropped.
    pub lost: u64,
}

/// Nodes of type `N` joined by cables of type `L`.
#[derive(Debug)]
pub struct World<N: Node, L> {
    nodes: Vec<Slot<N>>,
    /// What each node hears; by node.
    ears: Vec<N::Ear>,
    /// Whether the observer sees what arrives; by node.
    watched: Vec<bool>,
    cables: Vec<Cable<L>>,
    /// For each cable how often it was pulled: what was under way then is lost.
    pulled: Vec<u32>,
    queue: Queue<Event>,
    counters: Counters,
    /// Reused from call to call.
    outbox: Outbox<Transmit>,
    carried: Carried,
    flood: Vec<Flight>,
}

#[derive(Debug)]
struct Slot<N> {
    node: N,
    ports: Vec<Option<(LinkId, Side)>>,
    /// The wake-up in the queue that counts; others of this node are stale.
    wake: Option<Instant>,
}

/// A broadcast goes over all cables of a segment: each is one line of the processor's cache.
#[derive(Debug)]
#[repr(align(64))]
struct Cable<L> {
    link: L,
    ends: [End; 2],
    up: bool,
}

/// A frame's way over one cable.
#[derive(Debug, Clone, Copy)]
struct Flight {
    link: LinkId,
    to: End,
    /// How often the cable had been pulled when the frame was put on it.
    pulled: u32,
}

#[derive(Debug)]
enum Event {
    Deliver {
        frame: Frame,
        flight: Flight,
    },
    DeliverMany {
        frame: Frame,
        flights: Box<[Flight]>,
    },
    DeliverTouched {
        frame: Frame,
        arrival: Box<(Flight, Vec<Mark>)>,
    },
    Wake(NodeId),
}

impl<N: Node, L: Link> Default for World<N, L> {
    fn default() -> Self {
        World::new()
    }
}

impl<N: Node, L: Link> World<N, L> {
    /// A world with nothing in it.
    pub fn new() -> World<N, L> {
        World {
            nodes: Vec::new(),
            ears: Vec::new(),
            watched: Vec::new(),
            cables: Vec::new(),
            pulled: Vec::new(),
            queue: Queue::new(),
            counters: Counters::default(),
            outbox: Outbox::default(),
            carried: Carried::default(),
            flood: Vec::new(),
        }
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.queue.now()
    }

    /// How much the world has done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A cable, to change what it does from now on.
    pub fn link_mut(&mut self, id: LinkId) -> &mut L {
        &mut self.cables[id.0 as usize].link
    }

    /// Adds a node.
    pub fn add(&mut self, node: N) -> NodeId {
        let id = NodeId(index_u32(self.nodes.len()));
        self.ears.push(node.ear());
        self.watched.push(false);
        self.nodes.push(Slot {
            node,
            ports: Vec::new(),
            wake: None,
        });
        id
    }

    /// Shows the observer each frame that arrives at this node.
    pub fn watch(&mut self, id: NodeId) {
        self.watched[id.0 as usize] = true;
    }

    /// A node, to look at.
    pub fn node(&self, id: NodeId) -> &N {
        &self.nodes[id.0 as usize].node
    }

    /// Calls `act` on a node and carries out what it pushes.
    pub fn with<R>(
        &mut self,
        id: NodeId,
        observer: &mut impl Observer,
        act: impl FnOnce(&mut N, Instant, &mut Outbox<Transmit>) -> R,
    ) -> R {
        let now = self.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        let result = act(&mut self.nodes[id.0 as usize].node, now, &mut outbox);
        self.carry_out(id, &mut outbox, observer);
        self.outbox = outbox;
        self.ears[id.0 as usize] = self.nodes[id.0 as usize].node.ear();
        self.schedule_wake(id);
        result
    }

    /// Joins two ports, which are free, by a cable. Both ends get a carrier.
    pub fn connect(&mut self, a: End, b: End, link: L, observer: &mut impl Observer) -> LinkId {
        let id = LinkId(index_u32(self.cables.len()));
        self.cables.push(Cable {
            link,
            ends: [a, b],
            up: false,
        });
        self.pulled.push(0);
        self.plug(id, observer);
        id
    }

    /// Puts a cable that was pulled back into its two ports.
    pub fn plug(&mut self, id: LinkId, observer: &mut impl Observer) {
        let cable = &mut self.cables[id.0 as usize];
        if std::mem::replace(&mut cable.up, true) {
            return;
        }
        let ends = cable.ends;
        for (end, side) in ends.into_iter().zip([Side::A, Side::B]) {
            let ports = &mut self.nodes[end.node.0 as usize].ports;
            let index = end.port.0 as usize;
            if ports.len() <= index {
                ports.resize(index + 1, None);
            }
            assert!(ports[index].is_none(), "{end:?} has a cable already");
            ports[index] = Some((id, side));
        }
        self.carrier(ends, true, observer);
    }

    /// Pulls a cable out of both ports. Frames under way on it are lost.
    pub fn unplug(&mut self, id: LinkId, observer: &mut impl Observer) {
        let cable = &mut self.cables[id.0 as usize];
        if !std::mem::replace(&mut cable.up, false) {
            return;
        }
        self.pulled[id.0 as usize] += 1;
        let ends = cable.ends;
        for end in ends {
            self.nodes[end.node.0 as usize].ports[end.port.0 as usize] = None;
        }
        self.carrier(ends, false, observer);
    }

    fn carrier(&mut self, ends: [End; 2], up: bool, observer: &mut impl Observer) {
        for end in ends {
            self.with(end.node, observer, |node, now, out| {
                node.handle_carrier(now, end.port, up, out);
            });
        }
    }

    /// Sends a frame out of a port, as if its node had: for what stands outside the world.
    pub fn transmit(&mut self, from: End, frame: &Frame, observer: &mut impl Observer) {
        self.send(from, frame, observer);
    }

    /// When the next event is due.
    pub fn next(&self) -> Option<Instant> {
        self.queue.next()
    }

    /// Runs the next event if it is due at `limit` or before. False: none is, and the present is `limit`.
    pub fn step(&mut self, limit: Instant, observer: &mut impl Observer) -> bool {
        let Some(event) = self.queue.pop(limit) else {
            self.queue.advance(limit);
            return false;
        };
        self.counters.events += 1;
        match event {
            Event::Deliver { frame, flight } => self.deliver(&frame, flight, observer),
            Event::DeliverMany { frame, flights } => {
                for flight in flights {
                    self.deliver(&frame, flight, observer);
                }
            }
            Event::DeliverTouched { frame, arrival } => {
                let (flight, marks) = *arrival;
                if self.pulled[flight.link.0 as usize] == flight.pulled {
                    observer.touched(self.now(), flight.to, &frame, &marks);
                }
                self.deliver(&frame, flight, observer);
            }
            Event::Wake(id) => self.wake(id, observer),
        }
        true
    }

    /// Frames that are on cables now, those of pulled ones too.
    #[cfg(test)]
    pub(crate) fn under_way(&self) -> u64 {
        let frames = self.queue.events().map(|event| match event {
            Event::Deliver { .. } | Event::DeliverTouched { .. } => 1,
            Event::DeliverMany { flights, .. } => flights.len() as u64,
            Event::Wake(_) => 0,
        });
        frames.sum()
    }

    fn deliver(&mut self, frame: &Frame, flight: Flight, observer: &mut impl Observer) {
        let end = flight.to;
        if self.pulled[flight.link.0 as usize] != flight.pulled {
            self.lose(end.node, DropReason::LinkDown, frame, observer);
            return;
        }
        self.counters.delivered += 1;
        if self.watched[end.node.0 as usize] {
            observer.frame(self.now(), end, frame);
        }
        if let Some(reason) = self.ears[end.node.0 as usize].refuses(frame) {
            observer.refused(self.now(), end.node, reason, frame);
            return;
        }
        self.with(end.node, observer, |node, now, out| {
            node.handle_frame(now, end.port, frame, out);
        });
    }

    fn wake(&mut self, id: NodeId, observer: &mut impl Observer) {
        let now = self.now();
        let slot = &mut self.nodes[id.0 as usize];
        if slot.wake != Some(now) {
            return;
        }
        slot.wake = None;
        if slot.node.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.with(id, observer, |node, now, out| node.handle_timeout(now, out));
        } else {
            self.schedule_wake(id);
        }
    }

    fn schedule_wake(&mut self, id: NodeId) {
        let now = self.now();
        let slot = &mut self.nodes[id.0 as usize];
        let Some((at, _)) = slot.node.poll_timeout() else {
            return;
        };
        let at = at.max(now);
        if slot.wake.is_none_or(|wake| at < wake) {
            slot.wake = Some(at);
            self.queue.push(at, Event::Wake(id));
        }
    }

    fn carry_out(
        &mut self,
        id: NodeId,
        outbox: &mut Outbox<Transmit>,
        observer: &mut impl Observer,
    ) {
        for out in outbox.drain() {
            match out {
                Out::Trace(event) => observer.event(self.now(), id, event),
                Out::Effect(Transmit::Port { port, frame }) => {
                    self.send(End { node: id, port }, &frame, observer);
                }
                Out::Effect(Transmit::Own { port, frame }) => {
                    let from = End { node: id, port };
                    if self.watched[id.0 as usize] {
                        observer.frame(self.now(), from, &frame);
                    }
                    self.send(from, &frame, observer);
                }
                Out::Effect(Transmit::Flood {
                    ports,
                    except,
                    frame,
                    also,
                }) => {
                    let mut anywhere = self.flood(id, &ports, except, &frame, observer);
                    if let Some((ports, frame)) = &also {
                        anywhere |= self.flood(id, ports, except, frame, observer);
                    }
                    if !anywhere {
                        self.counters.sent += 1;
                        self.lose(id, DropReason::NotConnected, &frame, observer);
                    }
                }
            }
        }
    }

    fn send(&mut self, from: End, frame: &Frame, observer: &mut impl Observer) {
        if let Some(flight) = self.put_on_cable(from, frame, observer) {
            for (at, touched) in self.carried.arrivals.drain(..) {
                let event = match touched {
                    None => Event::Deliver {
                        frame: frame.clone(),
                        flight,
                    },
                    Some(touched) => touched_arrival(frame, flight, *touched),
                };
                self.queue.push(at, event);
            }
        }
    }

    /// Sends a frame out of many ports: those with a cable, as a switch does. Whether any has one. Neighbouring
    /// ports at which it arrives at one instant share an event.
    fn flood(
        &mut self,
        id: NodeId,
        ports: &Arc<[PortId]>,
        except: PortId,
        frame: &Frame,
        observer: &mut impl Observer,
    ) -> bool {
        let mut together: Option<Instant> = None;
        let mut anywhere = false;
        for port in ports.iter().copied().filter(|port| *port != except) {
            if self.cable_in(id, port).is_none() {
                continue;
            }
            anywhere = true;
            let Some(flight) = self.put_on_cable(End { node: id, port }, frame, observer) else {
                continue;
            };
            let mut arrivals = std::mem::take(&mut self.carried.arrivals);
            for (at, touched) in arrivals.drain(..) {
                if let Some(touched) = touched {
                    self.push_flights(together.take(), frame);
                    let event = touched_arrival(frame, flight, *touched);
                    self.queue.push(at, event);
                    continue;
                }
                if together.is_some_and(|then| then != at) {
                    self.push_flights(together, frame);
                }
                together = Some(at);
                self.flood.push(flight);
            }
            self.carried.arrivals = arrivals;
        }
        self.push_flights(together, frame);
        anywhere
    }

    fn cable_in(&self, node: NodeId, port: PortId) -> Option<(LinkId, Side)> {
        let ports = &self.nodes[node.0 as usize].ports;
        ports.get(port.0 as usize).copied().flatten()
    }

    fn push_flights(&mut self, at: Option<Instant>, frame: &Frame) {
        let Some(at) = at else { return };
        let flights = self.flood.drain(..).collect();
        let frame = frame.clone();
        self.queue.push(at, Event::DeliverMany { frame, flights });
    }

    /// Hands a frame to the cable in a port; what becomes of it is in `self.carried`.
    fn put_on_cable(
        &mut self,
        from: End,
        frame: &Frame,
        observer: &mut impl Observer,
    ) -> Option<Flight> {
        self.counters.sent += 1;
        let Some((link, side)) = self.cable_in(from.node, from.port) else {
            self.lose(from.node, DropReason::NotConnected, frame, observer);
            return None;
        };
        let now = self.now();
        let cable = &mut self.cables[link.0 as usize];
        self.carried.arrivals.clear();
        self.carried.dropped = None;
        self.carried.lost_by = None;
        cable.link.carry(now, side, frame, &mut self.carried);
        let flight = Flight {
            link,
            to: cable.ends[side.other() as usize],
            pulled: self.pulled[link.0 as usize],
        };
        if let Some(fault) = self.carried.lost_by {
            observer.lost_by(fault);
        }
        if let Some(reason) = self.carried.dropped {
            self.lose(from.node, reason, frame, observer);
        }
        Some(flight)
    }

    fn lose(
        &mut self,
        at: NodeId,
        reason: DropReason,
        frame: &Frame,
        observer: &mut impl Observer,
    ) {
        self.counters.lost += 1;
        let frame = frame.clone();
        observer.event(self.now(), at, TraceEvent::Dropped { reason, frame });
    }
}

fn touched_arrival(sent: &Frame, flight: Flight, touched: Touched) -> Event {
    let Touched { frame, marks } = touched;
    let frame = frame.unwrap_or_else(|| sent.clone());
    let arrival = Box::new((flight, marks));
    Event::DeliverTouched { frame, arrival }
}

/// A world with more than 2^32 nodes or cables does not fit a machine.
fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 of them")
}

#[cfg(test)]
mod tests;
