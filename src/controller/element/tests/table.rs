//! The table of connections: each state, each event, what the element does.

use std::net::Ipv4Addr;
use std::{env, fs};

use super::super::*;
use super::bench::*;
use crate::app::StreamEnd;
use crate::wire::reg::Target;

#[test]
fn every_state_meets_every_event_as_the_table_says() {
    let golden = "fixtures/golden/registration_transitions.txt";
    let mut table = String::from(
        "# What an element does in each state of a connection about each event. Written by\n\
         # src/controller/element.rs; BLESS=1 writes it anew.\n",
    );
    for state in ["Waiting", "Prompted", "Registered", "Leaving", "Closing"] {
        for (name, event) in events() {
            let mut bench = Bench::in_state(state);
            let said = event(&mut bench);
            let after = match bench.element.connections.state(StreamId(1)) {
                Some(after) => format!("{after:?}"),
                None => "gone".to_owned(),
            };
            let after = after.split(' ').next().unwrap();
            table.push_str(&format!("\n{state}, {name} -> {after}\n"));
            for line in said {
                table.push_str(&format!("    {line}\n"));
            }
        }
    }
    if env::var_os("BLESS").is_some() {
        fs::write(golden, &table).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), table);
}

type Event = Box<dyn Fn(&mut Bench) -> Vec<String>>;

/// Everything that can happen to connection 1.
fn events() -> Vec<(&'static str, Event)> {
    let reason = Reason::NoPin;
    let dn = || "6000".to_owned();
    let pin = || "***6000".to_owned();
    let messages = vec![
        Message::DeviceRegistration(device(1, Some("***6000"))),
        Message::PinRequest { reason },
        Message::PinEntry { pin: pin() },
        Message::SavePin { pin: pin() },
        Message::ClearPin { reason },
        Message::Redirect {
            to: Target::Address(Ipv4Addr::new(10, 9, 0, 20)),
            dn: dn(),
        },
        Message::Registered {
            dn: dn(),
            heartbeat: Duration::from_secs(30),
        },
        Message::CommunicationsUp,
        Message::Heartbeat,
        Message::HeartbeatAnswer,
        Message::Reset {
            kind: ResetKind::Soft,
            reason,
        },
        Message::DnChanged { dn: dn() },
        Message::Error {
            reason,
            text: String::new(),
        },
        Message::Unknown { kind: 77 },
    ];
    let mut events: Vec<(&'static str, Event)> = Vec::new();
    for message in messages {
        let name = message.name();
        events.push((
            name,
            Box::new(move |bench| bench.says(1, 2, message.clone())),
        ));
    }
    events.push((
        "bytes that are no message",
        Box::new(|bench| bench.event(1, StreamEvent::Received(b"\0"))),
    ));
    events.push((
        "FIN",
        Box::new(|bench| bench.event(1, StreamEvent::PeerClosed)),
    ));
    events.push((
        "RST",
        Box::new(|bench| bench.event(1, StreamEvent::Ended(StreamEnd::Reset))),
    ));
    events.push((
        "the same set on connection 2",
        Box::new(|bench| bench.registers(2, 1, None)),
    ));
    events.push((
        "its time is over",
        Box::new(|bench| {
            let (at, _) = bench.element.poll_timeout().unwrap();
            bench.after(at.since(bench.now).as_secs())
        }),
    ));
    events
}
