//! The engine against nodes that only repeat or record.

use super::*;
use crate::time::{Deadline, Duration};

#[test]
fn a_frame_arrives_after_the_latency_of_its_cable() {
    let (mut world, mut seen, [a, b, _]) = three_in_a_row();
    world.with(a, &mut seen, |node, _, out| {
        out.push(node.send(&frame(1)));
    });
    run(&mut world, &mut seen);
    assert_eq!(seen.frames, [(10, b, 1)]);
}

#[test]
fn a_flood_reaches_every_port_but_one_in_one_event() {
    let (mut world, mut seen, [a, b, c]) = three_in_a_row();
    let flood = Transmit::Flood {
        ports: [PortId(0), PortId(1)].into(),
        except: PortId(9),
        frame: frame(7),
        also: None,
    };
    let before = world.counters();
    world.with(b, &mut seen, |_, _, out| out.push(flood));
    run(&mut world, &mut seen);
    assert_eq!(seen.frames, [(10, a, 7), (10, c, 7)]);
    assert_eq!(world.counters().events - before.events, 1);
}

#[test]
fn a_flood_may_have_other_bytes_for_further_ports() {
    let (mut world, mut seen, [a, b, c]) = three_in_a_row();
    let flood = Transmit::Flood {
        ports: [PortId(5)].into(),
        except: PortId(9),
        frame: frame(7),
        also: Some(([PortId(0), PortId(1)].into(), frame(8))),
    };
    world.with(b, &mut seen, |_, _, out| out.push(flood));
    run(&mut world, &mut seen);
    assert_eq!(seen.frames, [(10, a, 8), (10, c, 8)]);
    assert!(seen.drops.is_empty(), "one group has a cable");
}

#[test]
fn a_flood_passes_over_empty_ports_and_is_dropped_where_all_are_empty() {
    let (mut world, mut seen, [_, b, c]) = three_in_a_row();
    let flood = Transmit::Flood {
        ports: [PortId(0), PortId(1), PortId(5)].into(),
        except: PortId(9),
        frame: frame(7),
        also: None,
    };
    world.unplug(LinkId(0), &mut seen);
    world.with(b, &mut seen, |_, _, out| out.push(flood.clone()));
    run(&mut world, &mut seen);
    assert_eq!(
        (&seen.frames[..], &seen.drops[..]),
        (&[(10, c, 7)][..], &[][..])
    );
    world.unplug(LinkId(1), &mut seen);
    world.with(b, &mut seen, |_, _, out| out.push(flood));
    assert_eq!(seen.drops, [(b, DropReason::NotConnected)]);
}

#[test]
fn what_is_under_way_when_the_cable_is_pulled_is_dropped_with_its_reason() {
    let (mut world, mut seen, [a, b, _]) = three_in_a_row();
    world.with(a, &mut seen, |node, _, out| out.push(node.send(&frame(1))));
    world.unplug(LinkId(0), &mut seen);
    world.plug(LinkId(0), &mut seen);
    run(&mut world, &mut seen);
    assert_eq!(seen.frames, []);
    assert_eq!(seen.drops, [(b, DropReason::LinkDown)]);
}

#[test]
fn a_port_without_a_cable_drops_with_its_reason() {
    let (mut world, mut seen, [a, _, _]) = three_in_a_row();
    world.unplug(LinkId(0), &mut seen);
    world.with(a, &mut seen, |node, _, out| out.push(node.send(&frame(1))));
    assert_eq!(seen.drops, [(a, DropReason::NotConnected)]);
}

#[test]
fn a_frame_that_the_ear_refuses_is_dropped_with_its_reason_before_it_reaches_the_node() {
    let (mut world, mut seen, [a, b, _]) = three_in_a_row();
    world.with(b, &mut seen, |node, _, _| node.deaf_to = Some(1));
    for first in [1, 2] {
        world.with(a, &mut seen, |node, _, out| {
            out.push(node.send(&frame(first)));
        });
    }
    run(&mut world, &mut seen);
    assert_eq!(seen.drops, [(b, DropReason::NotForThisMac)]);
    assert_eq!(world.node(b).heard, 1);
    assert_eq!(seen.frames.len(), 2, "whoever watches b sees both");
}

#[test]
fn every_frame_sent_is_delivered_or_lost() {
    let (mut world, mut seen, [a, b, c]) = three_in_a_row();
    for (n, node) in [a, b, c, a, b].into_iter().enumerate() {
        world.with(node, &mut seen, |node, _, out| {
            out.push(node.send(&frame(u8::try_from(n).unwrap())));
        });
    }
    world.unplug(LinkId(1), &mut seen);
    run(&mut world, &mut seen);
    let counters = world.counters();
    assert_eq!(counters.sent, counters.delivered + counters.lost);
    assert!(counters.lost > 0 && counters.delivered > 0);
}

#[test]
fn a_node_is_woken_at_its_deadline_even_when_it_first_named_a_later_one() {
    let (mut world, mut seen, [a, _, _]) = three_in_a_row();
    for due in [50, 20, 30] {
        world.with(a, &mut seen, |node, _, _| {
            node.due = Some(Instant::from_nanos(due));
        });
    }
    run(&mut world, &mut seen);
    assert_eq!(world.node(a).woken, [Instant::from_nanos(30)]);
}

#[test]
fn step_stops_at_its_limit_and_the_limit_becomes_the_present() {
    let (mut world, mut seen, [a, _, _]) = three_in_a_row();
    world.with(a, &mut seen, |node, _, _| {
        node.due = Some(Instant::from_nanos(50));
    });
    assert!(!world.step(Instant::from_nanos(49), &mut seen));
    assert_eq!(world.now(), Instant::from_nanos(49));
    assert!(world.step(Instant::from_nanos(50), &mut seen));
}

/// A node that sends what it is told to, and records when it was woken.
#[derive(Debug, Default)]
struct Station {
    due: Option<Instant>,
    woken: Vec<Instant>,
    heard: usize,
    /// It refuses frames that begin with this.
    deaf_to: Option<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Deafness(Option<u8>);

impl Ear for Deafness {
    fn refuses(&self, frame: &Frame) -> Option<DropReason> {
        (self.0 == Some(frame[0])).then_some(DropReason::NotForThisMac)
    }
}

impl Station {
    fn send(&self, frame: &Frame) -> Transmit {
        Transmit::Port {
            port: PortId(0),
            frame: frame.clone(),
        }
    }
}

impl Node for Station {
    type Ear = Deafness;

    fn handle_frame(&mut self, _: Instant, _: PortId, _: &Frame, _: &mut Outbox<Transmit>) {
        self.heard += 1;
    }
    fn handle_carrier(&mut self, _: Instant, _: PortId, _: bool, _: &mut Outbox<Transmit>) {}
    fn handle_timeout(&mut self, now: Instant, _: &mut Outbox<Transmit>) {
        if self.due.take_if(|due| *due <= now).is_some() {
            self.woken.push(now);
        }
    }
    fn poll_timeout(&self) -> Deadline {
        self.due.map(|at| (at, "test"))
    }
    fn ear(&self) -> Deafness {
        Deafness(self.deaf_to)
    }
}

/// A cable with a latency of 10 ns.
#[derive(Debug)]
struct TenNanos;

impl Link for TenNanos {
    fn carry(&mut self, now: Instant, _: Side, _: &Frame, carried: &mut Carried) {
        let arrival = now + Duration::from_nanos(10);
        carried.arrivals.push((arrival, None));
    }
}

#[derive(Debug, Default)]
struct Seen {
    frames: Vec<(u64, NodeId, u8)>,
    drops: Vec<(NodeId, DropReason)>,
}

impl Observer for Seen {
    fn event(&mut self, _: Instant, node: NodeId, event: TraceEvent) {
        if let TraceEvent::Dropped { reason, .. } = event {
            self.drops.push((node, reason));
        }
    }
    fn refused(&mut self, _: Instant, node: NodeId, reason: DropReason, _: &Frame) {
        self.drops.push((node, reason));
    }
    fn frame(&mut self, now: Instant, at: End, frame: &Frame) {
        self.frames.push((now.as_nanos(), at.node, frame[0]));
    }
}

/// a(0) — (0)b(1) — (0)c
fn three_in_a_row() -> (World<Station, TenNanos>, Seen, [NodeId; 3]) {
    let mut world = World::new();
    let mut seen = Seen::default();
    let nodes = [(); 3].map(|()| world.add(Station::default()));
    let end = |node: NodeId, port| End {
        node,
        port: PortId(port),
    };
    let [a, b, c] = nodes;
    world.connect(end(a, 0), end(b, 0), TenNanos, &mut seen);
    world.connect(end(b, 1), end(c, 0), TenNanos, &mut seen);
    for node in nodes {
        world.watch(node);
    }
    (world, seen, nodes)
}

fn run(world: &mut World<Station, TenNanos>, seen: &mut Seen) {
    while world.step(Instant::from_nanos(1_000_000), seen) {}
}

fn frame(first: u8) -> Frame {
    [first; 60].into()
}
