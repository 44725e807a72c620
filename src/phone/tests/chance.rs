//! Chance: whatever happens in whatever order, a set neither panics nor gets stuck, and keeps no PIN unasked.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::bench::{Bench, DHCP_SERVER, TFTP_SERVER};
use crate::app::{StreamEnd, StreamEvent, StreamId};
use crate::time::Duration;
use crate::wire::reg::{Message, Reason, ResetKind};

#[derive(Debug, Clone)]
enum Step {
    PowerDown,
    PowerUp { star: bool },
    Carrier(bool),
    Wait(u64),
    Offer,
    Ack,
    Nak,
    File,
    NoSuchFile,
    Connected,
    Says(Message),
    Bytes(Vec<u8>),
    ToDhcp(Vec<u8>),
    ToTftp(Vec<u8>),
    PeerClosed,
    Ended,
    Old(u64),
    Types(String),
}

proptest! {
    #[test]
    fn no_order_of_events_panics_or_gets_a_set_stuck_or_makes_it_keep_a_pin_unasked(
        booted: bool,
        steps in vec(steps(), 0..80),
    ) {
        let mut bench = Bench::new();
        let mut powered = false;
        let mut carrier = false;
        if booted {
            bench = bench.registering();
            (powered, carrier) = (true, true);
        }
        let mut told_to_save: Vec<String> = Vec::new();
        for step in steps {
            if let Step::Says(Message::SavePin { pin }) = &step {
                told_to_save.push(pin.clone());
            }
            // A host gives power only to a set without, and tells of its carrier then.
            let happens = if let Step::PowerUp { .. } = &step {
                !std::mem::replace(&mut powered, true)
            } else if let Step::PowerDown = &step {
                std::mem::replace(&mut powered, false)
            } else if let Step::Carrier(up) = &step {
                std::mem::replace(&mut carrier, *up) != *up && powered
            } else {
                powered
            };
            if happens {
                take(&mut bench, step, carrier);
            }
            bench.take();
            let asks = bench.state() == "Prompting" || bench.state() == "Connecting";
            prop_assert!(
                !powered || !carrier || bench.due().is_some() || asks,
                "stuck in {}", bench.state()
            );
            prop_assert!(bench.pin().is_none_or(|pin| told_to_save.iter().any(|told| told == pin)));
        }
    }

    #[test]
    fn no_bytes_of_an_element_panic(segments in vec(vec(any::<u8>(), 0..40), 0..20)) {
        let mut bench = Bench::new().registering();
        for segment in segments {
            bench.bytes(&segment);
        }
    }
}

fn take(bench: &mut Bench, step: Step, carrier: bool) {
    match step {
        Step::PowerDown => bench.power_down(),
        Step::PowerUp { star } => {
            if star {
                bench.phone.hold_star();
            }
            bench.power_up();
            if carrier {
                bench.carrier(true);
            }
        }
        Step::Carrier(up) => bench.carrier(up),
        Step::Wait(secs) => bench.wait(secs),
        Step::Offer => bench.offer(),
        Step::Ack => bench.ack(),
        Step::Nak => bench.nak(),
        Step::File => bench.file(b"boot 1.0\n"),
        Step::NoSuchFile => bench.no_such_file(),
        Step::Connected => bench.connected(),
        Step::Says(message) => bench.says(message),
        Step::Bytes(bytes) => bench.bytes(&bytes),
        Step::ToDhcp(bytes) => bench.datagram(DHCP_SERVER, 67, 68, &bytes),
        Step::ToTftp(bytes) => bench.datagram(TFTP_SERVER, 69, bench.local_port, &bytes),
        Step::PeerClosed => bench.stream_event(bench.stream, StreamEvent::PeerClosed),
        Step::Ended => bench.ended(StreamEnd::Reset),
        Step::Old(n) => {
            bench.stream_event(StreamId::opened(1_000 + n), StreamEvent::Connected);
        }
        Step::Types(pin) => {
            bench.types(&pin);
        }
    }
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::PowerDown),
        2 => any::<bool>().prop_map(|star| Step::PowerUp { star }),
        2 => any::<bool>().prop_map(Step::Carrier),
        6 => (0..60_u64).prop_map(Step::Wait),
        1 => (0..5_000_u64).prop_map(Step::Wait),
        3 => Just(Step::Offer),
        3 => Just(Step::Ack),
        1 => Just(Step::Nak),
        4 => Just(Step::File),
        1 => Just(Step::NoSuchFile),
        4 => Just(Step::Connected),
        12 => messages().prop_map(Step::Says),
        1 => vec(any::<u8>(), 0..30).prop_map(Step::Bytes),
        1 => vec(any::<u8>(), 0..60).prop_map(Step::ToDhcp),
        1 => vec(any::<u8>(), 0..60).prop_map(Step::ToTftp),
        1 => Just(Step::PeerClosed),
        1 => Just(Step::Ended),
        1 => (0..9_u64).prop_map(Step::Old),
        2 => "[0-9*#]{0,8}".prop_map(Step::Types),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    let reason = Reason::NoPin;
    let reset = move |kind| Message::Reset { kind, reason };
    prop_oneof![
        3 => Just(Message::PinRequest { reason }),
        1 => "[0-9*#]{1,8}".prop_map(|pin| Message::SavePin { pin }),
        1 => Just(Message::ClearPin { reason }),
        2 => (1..9_u8).prop_map(|n| super::register::redirect(
            &Ipv4Addr::new(10, 9, 0, n).to_string()
        )),
        1 => Just(super::register::redirect("cmivb.example.com")),
        4 => (0..40_000_u64).prop_map(|ms| Message::Registered {
            dn: "6000".to_owned(),
            heartbeat: Duration::from_millis(ms),
        }),
        4 => Just(Message::CommunicationsUp),
        2 => Just(Message::HeartbeatAnswer),
        1 => Just(Message::DnChanged { dn: "6001".to_owned() }),
        1 => Just(reset(ResetKind::Soft)),
        1 => Just(reset(ResetKind::Hard)),
        1 => (3..9_u8).prop_map(move |kind| reset(ResetKind::Other(kind))),
        1 => Just(Message::Error { reason, text: String::new() }),
        1 => Just(Message::Unknown { kind: 77 }),
        1 => Just(Message::Heartbeat),
    ]
}
