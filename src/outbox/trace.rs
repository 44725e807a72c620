//! What can happen in a run: the events that reports, captures and expectations are made from.

use std::fmt;
use std::net::Ipv4Addr;

use super::DropReason;
use crate::time::Duration;
use crate::wire::{Frame, Mac};

/// One thing that happened at one station.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceEvent {
    /// A frame went no further.
    Dropped { reason: DropReason, frame: Frame },
    /// An entry of a station's neighbour table changed its state.
    Neighbour {
        interface: u16,
        address: Ipv4Addr,
        /// `None`: the entry was forgotten.
        state: Option<NeighbourState>,
        mac: Option<Mac>,
    },
    /// A DHCP server did something with a lease.
    Lease(LeaseEvent),
    /// A TFTP server ended a transfer.
    Served(DownloadEvent),
    /// A controller decided about a registration.
    Decision(Decision),
    /// A controller lost the connection to a registered set.
    SetLost { mac: Mac, dn: String },
    /// An administrator did something at a controller.
    Administered(Administered),
    /// Something happened between a controller and another one.
    Trunk(TrunkEvent),
    /// A set did something that its user or an onlooker can tell.
    Phone(PhoneEvent),
}

/// The states of a neighbour entry (RFC 4861 section 7.3.2, with Linux's FAILED).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeighbourState {
    Incomplete,
    Reachable,
    Stale,
    Delay,
    Probe,
    Failed,
}

impl NeighbourState {
    /// Every state, with the name that `ip neighbour` prints.
    pub const ALL: &[(NeighbourState, &str)] = &[
        (NeighbourState::Incomplete, "INCOMPLETE"),
        (NeighbourState::Reachable, "REACHABLE"),
        (NeighbourState::Stale, "STALE"),
        (NeighbourState::Delay, "DELAY"),
        (NeighbourState::Probe, "PROBE"),
        (NeighbourState::Failed, "FAILED"),
    ];
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(state, _)| state == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

/// What a DHCP server did with a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseEvent {
    Offered {
        mac: Mac,
        address: Ipv4Addr,
    },
    Granted {
        mac: Mac,
        address: Ipv4Addr,
        lease: Duration,
    },
    Refused {
        mac: Mac,
        address: Ipv4Addr,
        reason: &'static str,
    },
    Released {
        mac: Mac,
        address: Ipv4Addr,
    },
    /// The client found the address in use: it is set aside.
    Declined {
        mac: Mac,
        address: Ipv4Addr,
    },
    Expired {
        mac: Mac,
        address: Ipv4Addr,
    },
    /// The pool has no free address for this client.
    Exhausted {
        mac: Mac,
    },
    /// A message that this server does not answer, and why.
    Ignored {
        mac: Mac,
        reason: &'static str,
    },
}

/// How a TFTP transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadEvent {
    pub file: String,
    pub peer: Ipv4Addr,
    /// The server's port that took the request: 69 or 20001.
    pub port: u16,
    pub outcome: Result<u64, String>,
}

/// A controller's answer to a registration, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rule that decided, for example `RG-9`.
    pub rule: &'static str,
    pub mac: Mac,
    /// The PIN that was sent or typed; `None` for null.
    pub pin: Option<String>,
    pub answer: Answer,
    /// The reason in words: a lower-case fragment.
    pub reason: String,
}

/// What an administrator did at a controller, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administered {
    /// The rule that says what follows, for example `AD-1`.
    pub rule: &'static str,
    /// What was asked for: `delete DN 6000 from the Telephone Directory`.
    pub what: String,
    /// The set that it was about, if there was one.
    pub set: Option<Mac>,
    /// Why it was not done: a lower-case fragment.
    pub refused: Option<String>,
}

/// What happened between two controllers; the other one by its address, or as the forms name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrunkEvent {
    /// The IP trunk is up.
    Up { to: String },
    /// It is down, and why.
    Down { to: String, reason: String },
    /// So many DNs of another element were written into Remote Directory Numbers.
    Written { from: String, dns: usize },
    /// The other element has written so many DNs of this one.
    Synchronised { to: String, dns: usize },
    /// It has not, and why.
    NotSynchronised {
        to: String,
        dns: usize,
        reason: String,
    },
}

/// What a controller answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Registered {
        dn: String,
    },
    Prompt,
    ClearAndPrompt,
    /// To the element at this address or name.
    Redirect {
        dn: String,
        to: String,
    },
    Refused,
}

/// The two lines of a set's display.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Display {
    pub upper: String,
    pub lower: String,
}

impl Display {
    /// A display with these two lines.
    pub fn new(upper: impl Into<String>, lower: impl Into<String>) -> Display {
        Display {
            upper: upper.into(),
            lower: lower.into(),
        }
    }
}

impl fmt::Display for Display {
    /// `upper / lower`, or the upper line alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.upper)?;
        if !self.lower.is_empty() {
            write!(f, " / {}", self.lower)?;
        }
        Ok(())
    }
}

/// What a set did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneEvent {
    PowerUp {
        holding_star: bool,
    },
    PowerDown,
    /// The cable brings a signal, or no longer does.
    Carrier(bool),
    Display(Display),
    /// It does not take a DHCP offer.
    OfferRefused {
        server: Ipv4Addr,
        reason: String,
    },
    /// It has an address now.
    Bound {
        address: Ipv4Addr,
        prefix_len: u8,
        gateway: Option<Ipv4Addr>,
        server: Ipv4Addr,
        lease: Duration,
    },
    /// It gave its address up, and why.
    Unbound {
        reason: &'static str,
    },
    /// It gives its lease back, for one in this VLAN.
    Released {
        id: u16,
        priority: u8,
    },
    /// Its frames are tagged from now on, as this source says.
    EntersVlan {
        id: u16,
        priority: u8,
        by: &'static str,
    },
    Downloaded {
        file: String,
        bytes: u64,
        port: u16,
    },
    DownloadFailed {
        file: String,
        reason: String,
    },
    /// It wrote its flash memory, or had no need to.
    Flash {
        version: String,
        written: bool,
    },
    /// It tries to reach an element.
    Connecting {
        to: Ipv4Addr,
    },
    ConnectFailed {
        to: Ipv4Addr,
        reason: String,
    },
    /// It asks its user for a PIN.
    Prompted {
        reason: String,
    },
    /// Its user typed a PIN.
    Typed {
        pin: String,
    },
    PinSaved {
        pin: String,
    },
    PinCleared,
    Redirected {
        dn: String,
        to: String,
    },
    /// An element has registered it.
    Registered {
        dn: String,
        element: Ipv4Addr,
    },
    /// In service: the element brought its communications up.
    InService {
        dn: String,
        element: Ipv4Addr,
    },
    /// It lost its element.
    Unregistered {
        reason: String,
    },
    /// It starts over, and why.
    Restart {
        reason: String,
    },
}
