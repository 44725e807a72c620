//! Whatever arrives: no panic, no frame lost without a reason, and twice the same.

use proptest::prelude::*;

use super::{Lab, Probe, config, leg_mac, mac, secs};
use crate::app::AppEffect;
use crate::ip::ArpMode;
use crate::time::Duration;
use crate::wire::{Frame, ipv4, tcp};

/// A host with TCP and UDP at 10.1.0.50 (station 0), a gateway at 10.1.0.1 (station 1), on segment 1.
fn lab() -> Lab {
    let mut lab = Lab::default();
    let app = Probe {
        binds: vec![69],
        listens: vec![6800],
        echoes: true,
        ..Probe::default()
    };
    lab.host(1, config(0, "10.1.0.50/24", "10.1.0.1"), app);
    let mode = ArpMode::Proxy;
    lab.gateway(&[(1, "10.1.0.1/24", mode), (2, "10.2.0.1/24", mode)], &[]);
    lab
}

/// Real frames: what the lab sends when its stations talk.
fn real_frames() -> Vec<Frame> {
    let mut lab = lab();
    lab.linux(2, "10.2.0.50/24", "10.2.0.1");
    lab.connect(2, "10.1.0.50:6800");
    lab.send(2, "10.1.0.50:69", "datagram");
    lab.send(2, "10.1.0.50:70", "refused");
    lab.send(0, "10.2.0.99:9", "absent");
    lab.run_for(secs(5));
    lab.sent.into_iter().map(|(_, frame)| frame).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_frames_do_no_harm(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u16>(), any::<u8>(), any::<bool>()), 1..40)
    ) {
        let real = real_frames();
        let mut lab = lab();
        for (index, at, value, to_gateway) in picks {
            let mut bytes = index.get(&real).to_vec();
            let dst = if to_gateway { leg_mac(1, 0) } else { mac(0) };
            bytes[..6].copy_from_slice(&dst.0);
            let at = usize::from(at) % (bytes.len() + 1);
            if at == bytes.len() {
                bytes.truncate(usize::from(value));
            } else {
                bytes[at] = value;
            }
            lab.inject(1, &Frame::from(bytes));
        }
        lab.run_for(secs(60));
    }

    #[test]
    fn noise_is_dropped_with_a_reason(
        noise in prop::collection::vec(any::<u8>(), 0..80),
        ethertype in prop::sample::select(vec![0x0800_u16, 0x0806, 0x8100, 0x86dd]),
    ) {
        let mut lab = lab();
        for dst in [mac(0), leg_mac(1, 0)] {
            let mut bytes = dst.0.to_vec();
            bytes.extend(mac(9).0);
            bytes.extend(ethertype.to_be_bytes());
            bytes.extend(&noise);
            lab.log.clear();
            lab.inject(1, &Frame::from(bytes));
            // The other of the two drops it too, but as routine, which the log leaves out.
            prop_assert!(lab.log.iter().any(|line| line.contains("drops") || line.contains('>')) || matches!(ethertype, 0x0806 | 0x8100));
        }
    }
}

/// A segment with right checksums from the client of a connection, near its numbers or far from them.
fn forged(base: &Frame, edit: &Forgery) -> Frame {
    let (ip, payload) = ipv4::decode(&base[14..]).unwrap();
    let real = tcp::decode(payload, ip.src, ip.dst).unwrap();
    let segment = tcp::Segment {
        seq: real.seq.wrapping_add_signed(edit.seq),
        ack: real.ack.wrapping_add_signed(edit.ack),
        flags: edit.flags,
        window: edit.window,
        options: &edit.options,
        payload: &edit.payload,
        ..real
    };
    let mut tail = Vec::new();
    segment.encode(ip.src, ip.dst, &mut tail);
    let mut bytes = base[..14].to_vec();
    ip.encode(tail.len(), &mut bytes);
    bytes.extend(tail);
    Frame::from(bytes)
}

#[derive(Debug, Clone)]
struct Forgery {
    seq: i32,
    ack: i32,
    flags: u8,
    window: u16,
    options: Vec<u8>,
    payload: Vec<u8>,
    /// Time that passes before it, in milliseconds.
    after: u64,
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let near = || prop_oneof![4 => -3..3_i32, 2 => -3000..3000_i32, 1 => any::<i32>()];
    let flags = prop_oneof![2 => any::<u8>(), 3 => prop::sample::select(vec![0x10_u8, 0x11, 0x12, 0x18, 0x02, 0x04, 0x14])];
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    (
        near(),
        near(),
        flags,
        any::<u16>(),
        bytes(12),
        bytes(2500),
        0..3000_u64,
    )
        .prop_map(
            |(seq, ack, flags, window, options, payload, after)| Forgery {
                seq,
                ack,
                flags,
                window,
                options,
                payload,
                after,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn forged_segments_do_no_harm(forgeries in prop::collection::vec(forgery(), 1..30), server in any::<bool>(), talks in any::<bool>()) {
        let mut lab = lab();
        let client = lab.linux(1, "10.1.0.51/24", "");
        let stream = lab.connect(client, "10.1.0.50:6800");
        if talks {
            let bytes = vec![1; 3000];
            lab.effect(client, AppEffect::SendStream { stream, bytes });
        }
        let victim = if server { 0 } else { client };
        let to_victim = |frame: &&Frame| frame[23] == 6 && frame[..6] == mac(victim).0;
        let base = lab.sent.iter().map(|(_, frame)| frame).rfind(to_victim).unwrap().clone();
        for edit in &forgeries {
            lab.run_for(Duration::from_millis(edit.after));
            lab.inject(1, &forged(&base, edit));
        }
        lab.effect(client, AppEffect::Close { stream });
        lab.run_for(secs(60));
    }
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    assert_eq!(real_frames(), real_frames());
    assert!(real_frames().len() > 15);
}
