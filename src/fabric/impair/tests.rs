//! Cables with faults: how often chance strikes, in which order frames come, and what they look like then.

use std::sync::Arc;

use super::*;
use crate::fabric::{Cable, CableSettings};
use crate::sim::{Link, Side};

const MS: u64 = 1_000_000;

#[test]
fn even_loss_is_near_its_rate() {
    let lost = losses(
        Impairment {
            loss: Probability(50_000),
            ..Impairment::default()
        },
        20_000,
    );
    let count = lost.iter().filter(|lost| **lost).count();
    // 5 % of 20,000, within four standard deviations of 31.
    assert!((877..=1_123).contains(&count), "{count}");
}

#[test]
fn bursts_have_the_share_and_the_length_that_their_chances_give() {
    let burst = Burst {
        begins: Probability(10_000),
        ends: Probability(250_000),
        loss: Probability::ONE,
    };
    let lost = losses(
        Impairment {
            burst: Some(burst),
            ..Impairment::default()
        },
        40_000,
    );
    let count = lost.iter().filter(|lost| **lost).count();
    let bursts = lost.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
    // A burst has 1 / 25 % = 4 frames; the line is bad for 1 % / (1 % + 25 %) = 3.85 % of all.
    let length = count as f64 / bursts as f64;
    assert!((3.6..=4.4).contains(&length), "{length} frames a burst");
    assert!((1_250..=1_830).contains(&count), "{count} lost");
    // Even loss of the same share would have bursts of 1.04 frames.
    let longest = lost
        .chunk_by(|a, b| a == b)
        .filter(|run| run[0])
        .map(<[bool]>::len);
    assert!(longest.max() >= Some(10));
}

#[test]
fn jitter_reorders_only_if_told() {
    let jitter = |reorder| Impairment {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(40),
        reorder,
        ..Impairment::default()
    };
    let arrivals = |reorder| -> Vec<u64> {
        let mut cable = impaired(jitter(reorder));
        (0..200)
            .flat_map(|n| carry(&mut cable, n * MS, &frame(60)))
            .map(|(at, _)| at.as_nanos())
            .collect()
    };
    let kept = arrivals(false);
    assert!(kept.is_sorted() && kept.len() == 200);
    let mixed = arrivals(true);
    assert!(!mixed.is_sorted() && mixed.len() == 200);
    for (n, at) in (0..).zip(mixed) {
        let late = at - n * MS - 50_000;
        assert!((10 * MS..=50 * MS).contains(&late), "{late} ns late");
    }
}

#[test]
fn a_faults_rate_and_queue_take_the_place_of_the_cables() {
    let mut cable = impaired(Impairment {
        rate: Some(Bitrate(1_000_000)),
        queue_bytes_max: Some(3_000),
        ..Impairment::default()
    });
    let arrived = |cable: &mut Cable| carry(cable, 0, &frame(1_476)).pop().map(|(at, _)| at);
    // 1,500 bytes on the wire at 1 Mbit/s take 12 ms; one is sent, two wait, the fourth finds no room.
    assert_eq!(
        arrived(&mut cable),
        Some(Instant::from_nanos(12 * MS + 50_000))
    );
    assert_eq!(
        arrived(&mut cable),
        Some(Instant::from_nanos(24 * MS + 50_000))
    );
    assert_eq!(
        arrived(&mut cable),
        Some(Instant::from_nanos(36 * MS + 50_000))
    );
    assert_eq!(arrived(&mut cable), None);
}

#[test]
fn a_delay_holds_up_no_transmitter() {
    let mut cable = impaired(Impairment {
        delay: Duration::from_secs(1),
        rate: Some(Bitrate(100_000_000)),
        ..Impairment::default()
    });
    // 1,500 bytes each 120 µs are exactly 100 Mbit/s; in a second come 8,333, the queue has room for two.
    assert!((0..1_000).all(|n| carry(&mut cable, n * 120_000, &frame(1_476)).len() == 1));
}

#[test]
fn duplicates_are_marked_and_the_first_is_not() {
    let mut cable = impaired(Impairment {
        duplicate: Probability::ONE,
        ..Impairment::default()
    });
    let both = carry(&mut cable, 0, &frame(60));
    let marks: Vec<Vec<Did>> = both.iter().map(|(_, touched)| did(touched)).collect();
    assert_eq!(marks, [vec![], vec![Did::Duplicated]]);
    assert_eq!(both[0].0, both[1].0);
}

#[test]
fn a_corrupted_frame_has_one_byte_changed_and_says_which() {
    let mut cable = impaired(Impairment {
        corrupt: Some(Corruption {
            rate: Probability::ONE,
            mended: false,
        }),
        ..Impairment::default()
    });
    let sent = frame(100);
    for n in 0..100 {
        let (_, touched) = carry(&mut cable, n * MS, &sent).remove(0);
        let touched = touched.unwrap();
        let got = touched.frame.unwrap();
        let differ: Vec<usize> = (0..100).filter(|at| got[*at] != sent[*at]).collect();
        assert!(differ.len() == 1 && differ[0] >= ethernet::HEADER_LEN);
        let byte = differ[0] as u16;
        assert_eq!(
            touched.marks[0].did,
            Did::Corrupted {
                byte,
                mended: false
            }
        );
    }
}

#[test]
fn a_fault_works_one_way_and_until_it_ends_and_then_goes_on_where_it_was() {
    let half = Impairment {
        loss: Probability(500_000),
        ..Impairment::default()
    };
    let mut cable = cable();
    cable.impair(Side::A, 3, half, Rng::stream(1, "test"));
    let mut carried = Carried::default();
    for _ in 0..50 {
        cable.carry(Instant::ZERO, Side::B, &frame(60), &mut carried);
        assert_eq!((carried.arrivals.len(), carried.dropped), (1, None));
        carried = Carried::default();
    }
    let mut at = 0;
    let mut next = |cable: &mut Cable, count: usize| -> Vec<bool> {
        let mut one = || {
            at += MS;
            carry(cable, at, &frame(60)).is_empty()
        };
        (0..count).map(|_| one()).collect()
    };
    let mut parts = next(&mut cable, 20);
    let rng = cable.mend(Side::A, 3).unwrap();
    assert!(next(&mut cable, 50).iter().all(|lost| !lost));
    cable.impair(Side::A, 3, half, rng);
    parts.extend(next(&mut cable, 20));
    assert_eq!(parts, losses(half, 40), "one stream of chance");
}

fn did(touched: &Option<Box<Touched>>) -> Vec<Did> {
    let marks = touched.iter().flat_map(|it| &it.marks);
    marks.map(|mark| mark.did).collect()
}

/// Which of `count` frames are lost.
fn losses(impairment: Impairment, count: u64) -> Vec<bool> {
    let mut cable = impaired(impairment);
    (0..count)
        .map(|n| carry(&mut cable, n * MS, &frame(60)).is_empty())
        .collect()
}

fn carry(cable: &mut Cable, now: u64, frame: &Frame) -> Vec<(Instant, Option<Box<Touched>>)> {
    let mut carried = Carried::default();
    cable.carry(Instant::from_nanos(now), Side::A, frame, &mut carried);
    let lost = carried.dropped == Some(DropReason::LostByFault);
    assert_eq!(lost, carried.lost_by == Some(3));
    assert_eq!(carried.arrivals.is_empty(), carried.dropped.is_some());
    carried.arrivals
}

fn impaired(impairment: Impairment) -> Cable {
    let mut cable = cable();
    cable.impair(Side::A, 3, impairment, Rng::stream(1, "test"));
    cable
}

/// 50 µs; frames take no time to send unless a fault says so.
fn cable() -> Cable {
    Cable::new(Arc::new(CableSettings {
        latency: Duration::from_micros(50),
        rate: None,
        queue_bytes_max: 3_000,
        impaired: false,
    }))
}

fn frame(bytes: usize) -> Frame {
    (0..bytes).map(|n| n as u8).collect()
}
