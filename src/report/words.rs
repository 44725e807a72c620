//! Trace events in words: one sentence each, as an onlooker would tell it.

use crate::outbox::{
    Answer, Decision, Display, DropReason, LeaseEvent, NeighbourState, PhoneEvent, TraceEvent,
    TrunkEvent,
};
use crate::scenario::show_duration;

/// What an event is to a reader of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A sentence.
    Says(String),
    /// A set's display.
    Display(String, String),
    /// Something that goes wrong, as a sentence.
    Trouble(String),
    /// Too small for a timeline.
    Detail(String),
}

impl Line {
    /// The line's words alone.
    pub(super) fn into_text(self) -> String {
        match self {
            Line::Says(text) | Line::Trouble(text) | Line::Detail(text) => text,
            Line::Display(upper, lower) => format!("shows {}", Display::new(upper, lower)),
        }
    }
}

/// An event as a line of the timeline.
pub(super) fn line(event: &TraceEvent) -> Line {
    match event {
        TraceEvent::Dropped { reason, .. } => dropped(*reason),
        TraceEvent::Neighbour {
            address,
            state: Some(NeighbourState::Failed),
            ..
        } => Line::Trouble(format!("ARP for {address}: nobody answers")),
        TraceEvent::Neighbour { address, state, .. } => Line::Detail(match state {
            Some(state) => format!("neighbour {address} {state}"),
            None => format!("neighbour {address} forgotten"),
        }),
        TraceEvent::Lease(event) => lease(event),
        TraceEvent::Served(download) => match &download.outcome {
            Ok(bytes) => Line::Detail(format!(
                "served {} to {}: {bytes} bytes",
                download.file, download.peer
            )),
            Err(reason) => Line::Trouble(format!(
                "could not serve {} to {}: {reason}",
                download.file, download.peer
            )),
        },
        TraceEvent::Decision(it) => decision(it),
        TraceEvent::Administered(it) => match &it.refused {
            None => Line::Says(format!("administrator: {} · {}", it.what, it.rule)),
            Some(why) => Line::Trouble(format!("does not {}: {why}", it.what)),
        },
        TraceEvent::Trunk(event) => trunk(event),
        TraceEvent::SetLost { mac, dn } => {
            Line::Trouble(format!("lost the connection to {mac}, DN {dn}"))
        }
        TraceEvent::Phone(event) => phone(event),
    }
}

fn dropped(reason: DropReason) -> Line {
    Line::Detail(format!("dropped a frame: {reason}"))
}

fn lease(event: &LeaseEvent) -> Line {
    match event {
        LeaseEvent::Offered { mac, address } => Line::Detail(format!("offers {address} to {mac}")),
        LeaseEvent::Granted { mac, address, .. } => {
            Line::Detail(format!("leases {address} to {mac}"))
        }
        LeaseEvent::Refused {
            mac,
            address,
            reason,
        } => Line::Trouble(format!("refuses {mac} the address {address}: {reason}")),
        LeaseEvent::Released { mac, address } => {
            Line::Says(format!("gets {address} back from {mac}"))
        }
        LeaseEvent::Declined { mac, address } => {
            Line::Trouble(format!("sets {address} aside: {mac} found it in use"))
        }
        LeaseEvent::Expired { mac, address } => {
            Line::Says(format!("the lease of {address} to {mac} has run out"))
        }
        LeaseEvent::Exhausted { mac } => {
            Line::Trouble(format!("has no free address left for {mac}"))
        }
        LeaseEvent::Ignored { mac, reason } => Line::Detail(format!("ignores {mac}: {reason}")),
    }
}

fn trunk(event: &TrunkEvent) -> Line {
    match event {
        TrunkEvent::Up { to } => Line::Detail(format!("trunk to {to} is up · CL-5")),
        TrunkEvent::Down { to, reason } => {
            Line::Trouble(format!("trunk to {to} is down: {reason} · CL-5"))
        }
        TrunkEvent::Written { from, dns } => {
            Line::Says(format!("writes {dns} remote numbers of {from} · CL-8"))
        }
        TrunkEvent::Synchronised { to, dns } => {
            Line::Says(format!("has synchronised {to}: {dns} numbers · CL-8"))
        }
        TrunkEvent::NotSynchronised { to, reason, .. } => {
            Line::Trouble(format!("has not synchronised {to}: {reason} · CL-8"))
        }
    }
}

fn decision(decision: &Decision) -> Line {
    let Decision {
        rule, mac, reason, ..
    } = decision;
    let pin = decision.pin.as_deref().unwrap_or("null");
    let answer = match &decision.answer {
        Answer::Registered { dn } => format!("registers it at DN {dn}"),
        Answer::Prompt => "prompts for a PIN".to_owned(),
        Answer::ClearAndPrompt => "has it clear its PIN, and prompts for one".to_owned(),
        Answer::Redirect { dn, to } => format!("redirects it to {to}, the element of DN {dn}"),
        Answer::Refused => "refuses".to_owned(),
    };
    Line::Says(format!("{mac}, PIN {pin}: {answer} ({reason}) · {rule}"))
}

fn phone(event: &PhoneEvent) -> Line {
    let says = |text: String| Line::Says(text);
    match event {
        PhoneEvent::PowerUp {
            holding_star: false,
        } => says("boots".to_owned()),
        PhoneEvent::PowerUp { holding_star: true } => says("boots with `*` held · ST-3".to_owned()),
        PhoneEvent::PowerDown => says("power down".to_owned()),
        PhoneEvent::Carrier(true) => says("cable in".to_owned()),
        PhoneEvent::Carrier(false) => says("cable out".to_owned()),
        PhoneEvent::Display(display) => Line::Display(display.upper.clone(), display.lower.clone()),
        PhoneEvent::OfferRefused { server, reason } => {
            Line::Trouble(format!("refuses the offer of {server}: {reason}"))
        }
        PhoneEvent::Bound {
            address,
            prefix_len,
            gateway,
            server,
            lease,
        } => {
            let gateway = gateway.map_or("none".to_owned(), |gateway| gateway.to_string());
            let lease = show_duration(*lease);
            says(format!(
                "has address {address}/{prefix_len}, gateway {gateway}, from {server} for {lease}"
            ))
        }
        PhoneEvent::Released { id, priority } => says(format!(
            "gives its address back: DHCP names VLAN {id}, priority {priority}"
        )),
        PhoneEvent::EntersVlan { id, priority, by } => says(format!(
            "tags its frames with VLAN {id}, priority {priority}, as {by} says"
        )),
        PhoneEvent::Unbound { reason } => Line::Trouble(format!("gives up its address: {reason}")),
        PhoneEvent::Downloaded { file, bytes, port } => {
            says(format!("loaded {file}, {bytes} bytes, from port {port}"))
        }
        PhoneEvent::DownloadFailed { file, reason } => {
            Line::Trouble(format!("could not load {file}: {reason}"))
        }
        PhoneEvent::Flash { version, written } => Line::Detail(if *written {
            format!("writes boot image {version} to flash")
        } else {
            format!("boot image {version} is in flash already")
        }),
        PhoneEvent::Connecting { to } => Line::Detail(format!("connects to {to}")),
        PhoneEvent::ConnectFailed { to, reason } => Line::Trouble(if to.is_unspecified() {
            format!("has no connection: {reason}")
        } else {
            format!("has no connection to {to}: {reason}")
        }),
        PhoneEvent::Prompted { reason } => says(format!("asks its user for a PIN ({reason})")),
        PhoneEvent::Typed { pin } => says(format!("the user types {pin}")),
        PhoneEvent::PinSaved { pin } => says(format!("saves PIN {pin} in its memory")),
        PhoneEvent::PinCleared => says("clears the PIN in its memory".to_owned()),
        PhoneEvent::Redirected { dn, to } => {
            says(format!("is redirected to {to}, the element of DN {dn}"))
        }
        PhoneEvent::Registered { dn, element } => {
            Line::Detail(format!("registered at {element} as {dn}"))
        }
        PhoneEvent::InService { dn, element } => says(format!("in service: DN {dn} at {element}")),
        PhoneEvent::Unregistered { reason } => Line::Trouble(format!("out of service: {reason}")),
        PhoneEvent::Restart { reason } => Line::Trouble(format!("starts over: {reason}")),
    }
}
