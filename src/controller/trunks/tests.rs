//! Two elements' trunks beside each other, with a wire between them that can be cut.

use super::*;
use crate::app::StreamEnd;
use crate::outbox::{Out, Outbox};

#[test]
fn the_element_with_the_lower_index_opens_the_trunk_and_both_know_that_it_is_up() {
    let mut pair = Pair::new(Trunk::Ip);
    pair.start();
    assert_eq!(pair.said(), ["b up 10.9.0.1", "a up 10.9.0.2"]);
    assert!(pair.a.is_up(2) && pair.b.is_up(1));
}

#[test]
fn keep_alives_hold_it_up_and_their_silence_takes_it_down_on_both_sides() {
    let mut pair = Pair::new(Trunk::Ip);
    pair.start();
    pair.passes(600);
    assert!(pair.a.is_up(2) && pair.b.is_up(1));
    pair.said();
    pair.cut = true;
    pair.passes(59);
    assert!(pair.a.is_up(2));
    pair.passes(1);
    assert_eq!(
        pair.said(),
        [
            "b down 10.9.0.1: no sign of life",
            "a down 10.9.0.2: no sign of life"
        ]
    );
    pair.cut = false;
    pair.passes(9);
    assert!(!pair.a.is_up(2));
    pair.passes(1);
    assert!(pair.a.is_up(2) && pair.b.is_up(1));
}

#[test]
fn an_element_that_comes_back_replaces_its_half_open_connection() {
    let mut pair = Pair::new(Trunk::Ip);
    pair.start();
    pair.said();
    pair.a.stop();
    let mut out = Outbox::default();
    pair.a.start(pair.now, &pair.forms_a, &mut out);
    pair.passes(1);
    assert_eq!(pair.said(), ["b up 10.9.0.1", "a up 10.9.0.2"]);
    assert_eq!(pair.b.links.len(), 1);
}

#[test]
fn a_synchronisation_is_written_after_two_seconds_and_answered() {
    for trunk in [Trunk::Ip, |_| Trunk::Dpnss] {
        let mut pair = Pair::new(trunk);
        pair.start();
        pair.said();
        let mut out = Outbox::default();
        pair.b.synchronise(pair.now, &pair.forms_b, &mut out);
        pair.carry(1, out);
        pair.passes(1);
        assert!(pair.written.is_empty());
        pair.passes(1);
        assert_eq!(pair.written, ["7000", "7001"]);
        let said = pair.said();
        assert!(said[0].starts_with("a written 2"), "{said:?}");
        assert!(said[1].starts_with("b synchronised 10.9.0.1"), "{said:?}");
        pair.passes(60);
        assert!(pair.said().is_empty());
        assert_eq!(
            pair.b.deadlines.next().is_some(),
            trunk(there()) != Trunk::Dpnss
        );
    }
}

#[test]
fn synchronisations_in_a_row_are_written_one_after_the_other() {
    let mut pair = Pair::new(Trunk::Ip);
    pair.start();
    pair.said();
    for _ in 0..2 {
        let mut out = Outbox::default();
        pair.b.synchronise(pair.now, &pair.forms_b, &mut out);
        pair.carry(1, out);
    }
    pair.passes(2);
    assert_eq!(pair.written, ["7000", "7001"]);
    pair.passes(2);
    assert_eq!(pair.written, ["7000", "7001", "7000", "7001"]);
    let said = pair.said();
    let done = said.iter().filter(|it| it.starts_with("b synchronised"));
    assert_eq!((done.count(), said.len()), (2, 4), "{said:?}");
    assert!(pair.a.is_up(2) && pair.b.is_up(1));
}

#[test]
fn what_cannot_be_synchronised_is_told_with_its_reason() {
    let mut pair = Pair::new(Trunk::Ip);
    let mut out = Outbox::default();
    pair.a.synchronise(pair.now, &pair.forms_a, &mut out);
    pair.carry(0, out);
    pair.forms_a.set_trunk(2, None).unwrap();
    let mut out = Outbox::default();
    pair.a.synchronise(pair.now, &pair.forms_a, &mut out);
    pair.carry(0, out);
    assert_eq!(
        pair.said(),
        [
            "a not synchronised the element of CEID digits 2: the trunk is down",
            "a not synchronised the element of CEID digits 2: no trunk leads there"
        ]
    );
    let mut pair = Pair::new(|_| Trunk::Dpnss);
    pair.cut = true;
    let mut out = Outbox::default();
    pair.a.synchronise(pair.now, &pair.forms_a, &mut out);
    pair.carry(0, out);
    pair.passes(30);
    assert_eq!(pair.said(), ["a not synchronised 10.9.0.2: no answer"]);
}

#[test]
fn bytes_and_messages_that_have_no_place_end_the_connection() {
    let hello = |digits: &str| {
        let digits = digits.to_owned();
        Message::Hello { digits }.encode()
    };
    let count = |count| [hello("1"), Message::NumbersEnd { count }.encode()].concat();
    for bytes in [
        b"GET /".to_vec(),
        hello("77"),
        Message::KeepAlive.encode(),
        [hello("1"), hello("1")].concat(),
        count(1),
        [hello("1"), Message::Written { count: 0 }.encode()].concat(),
    ] {
        let mut pair = Pair::new(Trunk::Ip);
        let stream = StreamId::accepted(0);
        let peer = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 1), 40_000);
        let mut out = Outbox::default();
        for event in [
            StreamEvent::Accepted { peer, port: PORT },
            StreamEvent::Received(&bytes),
        ] {
            let forms = &pair.forms_b;
            pair.b
                .handle_stream(pair.now, (stream, event), forms, &mut out);
        }
        let aborted = out
            .drain()
            .any(|out| matches!(out, Out::Effect(AppEffect::Abort { .. })));
        assert!(aborted && pair.b.links.is_empty(), "{bytes:?}");
        assert!(!pair.b.is_up(1));
    }
}

fn there() -> crate::wire::reg::Target {
    crate::wire::reg::Target::Address(Ipv4Addr::new(10, 9, 0, 2))
}

/// Element `a`, 10.9.0.1 with index 1, and `b`, 10.9.0.2 with index 2.
struct Pair {
    a: Trunks,
    b: Trunks,
    forms_a: Forms,
    forms_b: Forms,
    now: Instant,
    /// What is sent now does not arrive.
    cut: bool,
    /// Connections by the side that opened them, its name for them, and the other side's.
    wires: Vec<(usize, StreamId, StreamId)>,
    said: Vec<String>,
    written: Vec<String>,
}

impl Pair {
    fn new(trunk: impl Fn(crate::wire::reg::Target) -> Trunk) -> Pair {
        let address = |index: u16| Ipv4Addr::new(10, 9, 0, index as u8);
        let side = |index: u16, other: u16| {
            let mut forms = Forms::new("***", "###").unwrap();
            let target = crate::wire::reg::Target::Address(address(other));
            forms
                .set_cluster_element(&other.to_string(), other, other)
                .unwrap();
            forms
                .set_networking(other, other, Some(target.clone()))
                .unwrap();
            forms.set_trunk(other, Some(trunk(target))).unwrap();
            let trunks = Trunks::new(TrunkConfig {
                index,
                digits: index.to_string(),
                addresses: [(other, address(other))].into(),
            });
            (trunks, forms)
        };
        let ((a, forms_a), (b, mut forms_b)) = (side(1, 2), side(2, 1));
        for dn in ["7000", "7001"] {
            forms_b.add_dn(dn).unwrap();
        }
        Pair {
            a,
            b,
            forms_a,
            forms_b,
            now: Instant::ZERO,
            cut: false,
            wires: Vec::new(),
            said: Vec::new(),
            written: Vec::new(),
        }
    }

    fn start(&mut self) {
        for side in [0, 1] {
            let mut out = Outbox::default();
            let (trunks, forms) = self.side(side);
            trunks.start(Instant::ZERO, forms, &mut out);
            self.carry(side, out);
        }
        self.passes(0);
    }

    /// What has been told since this was last asked.
    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// So many seconds.
    fn passes(&mut self, secs: u64) {
        let end = self.now + Duration::from_secs(secs);
        loop {
            let next = [self.a.next_deadline(), self.b.next_deadline()];
            let Some(at) = next.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            for side in [0, 1] {
                let mut out = Outbox::default();
                let now = self.now;
                while let Some(numbers) = self.side(side).0.handle_timeout(now, &mut out) {
                    self.written.extend(numbers.dns.iter().cloned());
                    self.side(side).0.written(&numbers, &mut out);
                }
                self.carry(side, out);
            }
        }
        self.now = end;
    }

    fn side(&mut self, side: usize) -> (&mut Trunks, &Forms) {
        match side {
            0 => (&mut self.a, &self.forms_a),
            _ => (&mut self.b, &self.forms_b),
        }
    }

    /// Carries out what a side does, at once.
    fn carry(&mut self, side: usize, mut out: Effects) {
        for item in out.drain().collect::<Vec<_>>() {
            match item {
                Out::Trace(TraceEvent::Trunk(event)) => {
                    let name = ["a", "b"][side];
                    self.said.push(match event {
                        TrunkEvent::Up { to } => format!("{name} up {to}"),
                        TrunkEvent::Down { to, reason } => format!("{name} down {to}: {reason}"),
                        TrunkEvent::Written { from, dns } => {
                            format!("{name} written {dns} of {from}")
                        }
                        TrunkEvent::Synchronised { to, dns } => {
                            format!("{name} synchronised {to}: {dns}")
                        }
                        TrunkEvent::NotSynchronised { to, reason, .. } => {
                            format!("{name} not synchronised {to}: {reason}")
                        }
                    });
                }
                Out::Effect(effect) => self.effect(side, effect),
                Out::Trace(other) => panic!("{other:?}"),
            }
        }
    }

    fn effect(&mut self, side: usize, effect: AppEffect) {
        if let AppEffect::Connect { stream, .. } = effect {
            if self.cut {
                return;
            }
            let there = StreamId::accepted(self.wires.len() as u64);
            self.wires.push((side, stream, there));
            let peer = SocketAddrV4::new([10, 9, 0, side as u8 + 1].into(), 40_000);
            self.happens(1 - side, there, StreamEvent::Accepted { peer, port: PORT });
            self.happens(side, stream, StreamEvent::Connected);
            return;
        }
        let (AppEffect::SendStream { stream, .. }
        | AppEffect::Close { stream }
        | AppEffect::Abort { stream }) = effect
        else {
            return;
        };
        let ends = self.wires.iter().rev().find_map(|(opener, ours, theirs)| {
            let here = if *opener == side { ours } else { theirs };
            let there = if *opener == side { theirs } else { ours };
            (*here == stream).then_some(*there)
        });
        let Some(there) = ends.filter(|_| !self.cut) else {
            return;
        };
        let event = if let AppEffect::SendStream { bytes, .. } = &effect {
            StreamEvent::Received(bytes)
        } else if matches!(effect, AppEffect::Close { .. }) {
            StreamEvent::PeerClosed
        } else {
            StreamEvent::Ended(StreamEnd::Reset)
        };
        self.happens(1 - side, there, event);
    }

    fn happens(&mut self, side: usize, stream: StreamId, event: StreamEvent<'_>) {
        let mut out = Outbox::default();
        let now = self.now;
        let (trunks, forms) = self.side(side);
        if trunks.takes(stream, &event) {
            trunks.handle_stream(now, (stream, event), forms, &mut out);
        }
        self.carry(side, out);
    }
}
