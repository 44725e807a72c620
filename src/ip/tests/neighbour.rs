//! The neighbour machine's table, and the times of its states.

use super::{golden, secs};
use crate::ip::neighbour::{
    Action, AfterReachable, Entry, Event, Hearing, NeighbourSettings, Queue, State, step,
};
use crate::time::{Duration, Instant};
use crate::wire::Mac;

const KNOWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);
const REACHABLE: Duration = Duration::from_secs(30);

#[test]
fn every_state_and_event_is_in_the_golden_table() {
    let mut lines = Vec::new();
    for (profile, settings) in [
        ("linux", NeighbourSettings::linux()),
        ("phone", NeighbourSettings::phone()),
    ] {
        lines.push(format!("\n[{profile}]"));
        for (state_name, state) in states() {
            let verifies = settings.after_reachable == AfterReachable::Verify;
            let of_verifying = ["STALE", "DELAY", "PROBE"];
            if !verifies && of_verifying.iter().any(|name| state_name.starts_with(name)) {
                continue;
            }
            for (event_name, event, changed_ago) in events() {
                let now = Instant::ZERO + secs(100);
                let changed = Instant::ZERO + secs(100) - Instant::ZERO - changed_ago;
                let entry = state.clone().map(|state| Entry {
                    state,
                    changed: Instant::ZERO + changed,
                });
                let before = shown(&entry, now);
                let (after, action) = step(entry, event, now, &settings, REACHABLE);
                let done = action_name(&action);
                let after = shown(&after, now);
                if after != before || !done.is_empty() {
                    let line = format!("{state_name:<22} {event_name:<29} -> {after}{done}");
                    lines.push(line.trim_end().to_owned());
                }
            }
        }
    }
    golden(
        "neighbour_transitions.txt",
        "The neighbour machine: state, event -> next state and what is done. What is not listed changes nothing.\n\
         # `in` is the time to the next deadline. The interface drew 30 s for REACHABLE. MAC 1 is known, MAC 2 another.\n\
         # A phone's entry is never STALE, DELAY or PROBE.",
        &lines,
    );
}

fn states() -> Vec<(&'static str, Option<State>)> {
    let now = Instant::ZERO + secs(100);
    let incomplete = |requests| State::Incomplete {
        requests,
        next: now,
        waiting: Box::<Queue>::default(),
    };
    let delay = |confirmed| State::Delay {
        mac: KNOWN,
        until: now,
        confirmed,
    };
    let probe = |requests| State::Probe {
        mac: KNOWN,
        requests,
        next: now,
    };
    let ago = Instant::from_nanos(98_000_000_000);
    vec![
        ("(none)", None),
        ("INCOMPLETE 1 request", Some(incomplete(1))),
        ("INCOMPLETE 3 requests", Some(incomplete(3))),
        (
            "REACHABLE",
            Some(State::Reachable {
                mac: KNOWN,
                until: now,
            }),
        ),
        ("STALE", Some(State::Stale { mac: KNOWN })),
        ("DELAY", Some(delay(None))),
        ("DELAY progress 2 s ago", Some(delay(Some(ago)))),
        ("PROBE 1 request", Some(probe(1))),
        ("PROBE 3 requests", Some(probe(3))),
        ("FAILED", Some(State::Failed { until: now })),
    ]
}

fn events() -> Vec<(&'static str, Event, Duration)> {
    let heard = |mac, hearing| Event::Heard(mac, hearing);
    let long_ago = secs(50);
    let just_now = Duration::from_millis(500);
    vec![
        ("use", Event::Use, long_ago),
        ("reply from 1", heard(KNOWN, Hearing::Reply), long_ago),
        ("reply from 2", heard(OTHER, Hearing::Reply), long_ago),
        (
            "reply from 2 in locktime",
            heard(OTHER, Hearing::Reply),
            just_now,
        ),
        ("asked by 1", heard(KNOWN, Hearing::AsksUs), long_ago),
        (
            "asked by 2 in locktime",
            heard(OTHER, Hearing::AsksUs),
            just_now,
        ),
        ("1 asks another", heard(KNOWN, Hearing::Other), long_ago),
        ("2 asks another", heard(OTHER, Hearing::Other), long_ago),
        (
            "2 asks another in locktime",
            heard(OTHER, Hearing::Other),
            just_now,
        ),
        (
            "gratuitous from 1",
            heard(KNOWN, Hearing::Gratuitous),
            long_ago,
        ),
        (
            "gratuitous from 2 in locktime",
            heard(OTHER, Hearing::Gratuitous),
            just_now,
        ),
        ("progress of TCP", Event::Progress, long_ago),
        ("timeout", Event::Timeout, long_ago),
        ("carrier lost", Event::CarrierLost, long_ago),
    ]
}

fn shown(entry: &Option<Entry>, now: Instant) -> String {
    let Some(entry) = entry else {
        return "(none)".to_owned();
    };
    let mac = entry
        .mac()
        .map_or(String::new(), |mac| format!(" MAC {}", mac.0[5]));
    let requests = match entry.state {
        State::Incomplete { requests, .. } | State::Probe { requests, .. } => {
            format!(" request {requests}")
        }
        State::Delay {
            confirmed: Some(at),
            ..
        } => format!(" progress {:?} ago", now.since(at)),
        State::Reachable { .. }
        | State::Stale { .. }
        | State::Delay { .. }
        | State::Failed { .. } => String::new(),
    };
    let deadline = entry.deadline().filter(|at| *at > now);
    let within = deadline.map_or(String::new(), |at| format!(" in {:?}", at.since(now)));
    format!("{}{mac}{requests}{within}", entry.name())
}

fn action_name(action: &Action) -> String {
    match action {
        Action::Nothing => String::new(),
        Action::AskAll => "; asks all".to_owned(),
        Action::Ask(mac) => format!("; asks MAC {}", mac.0[5]),
        Action::Deliver(mac, _) => format!("; what waits goes to MAC {}", mac.0[5]),
        Action::Fail(_) => "; what waits fails".to_owned(),
        Action::Discard(_) => "; what waits is dropped".to_owned(),
    }
}
