//! What a step expects, and when.

use std::net::Ipv4Addr;

use super::{ElementId, Frames, HostId, PhoneId, Plan, ProgramIs, SubnetId};
use crate::outbox::NeighbourState;
use crate::time::Duration;
use crate::wire::Mac;

/// An expectation's kind of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At this very moment.
    Now,
    /// At some moment within this time all of them hold; the step ends then.
    Within(Duration),
    /// At every moment for this long.
    Throughout(Duration),
    /// At no moment for this long does any of them hold.
    Never(Duration),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Line of the scenario file, from 1.
    pub line: usize,
    pub what: What,
}

/// What is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Every one of these phones.
    Phone {
        phones: Vec<PhoneId>,
        is: PhoneIs,
    },
    /// A DN in an element's forms belongs to this set, or to none.
    Mapped {
        element: ElementId,
        dn: String,
        set: Option<Set>,
    },
    /// A row of an element's Remote Directory Numbers: its CEID digits, or that there is none.
    Remote {
        element: ElementId,
        dn: String,
        digits: Option<String>,
    },
    /// The IP trunk between two elements is up, or is not.
    Trunk {
        element: ElementId,
        to: ElementId,
        up: bool,
    },
    Frames(Frames),
    /// The program of a kernel host.
    Program {
        host: HostId,
        is: ProgramIs,
    },
}

/// A set that a DN can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Phone(PhoneId),
    /// One that is no phone of the scenario: a program may register too.
    Mac(Mac),
}

impl Set {
    /// Its MAC.
    pub fn mac(self, plan: &Plan) -> Mac {
        match self {
            Set::Phone(phone) => plan.phones[phone.0].mac,
            Set::Mac(mac) => mac,
        }
    }

    /// What it is called.
    pub fn name(self, plan: &Plan) -> String {
        match self {
            Set::Phone(phone) => plan.phones[phone.0].name.clone(),
            Set::Mac(mac) => mac.to_string(),
        }
    }
}

/// One thing that can be told of a phone.
#[derive(Debug, Clone, PartialEq)]
pub enum PhoneIs {
    /// In service with this DN; `None`: with any.
    Registered(Option<String>),
    NotRegistered,
    /// In service at this element.
    AtElement(ElementId),
    /// Its display shows this text: one line, or two lines joined by ` / `.
    Display(String),
    Address(Option<Ipv4Addr>),
    /// It has an address of this subnet.
    AddressIn(SubnetId),
    /// The VLAN that its frames are tagged with; `None`: they have no tag.
    InVlan(Option<u16>),
    /// The PIN in its memory.
    StoredPin(Option<String>),
    /// The reason of its last prompt contains this text.
    Prompt(String),
    /// The state of an entry in its neighbour table; `None`: there is no entry.
    Neighbour(Ipv4Addr, Option<NeighbourState>),
    /// How often it has flashed its boot image since the run began.
    Flashed(u32),
    /// The number of redirects since its last power-up.
    Redirects(u32),
}
