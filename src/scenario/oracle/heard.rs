//! What passed between one set and its elements, and what the set may say after that.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::conversation::{LastSaid, Said, Way, is_after};
use crate::wire::reg::Message;

/// Redirects that a registration may follow (CL-8).
const REDIRECTS_MAX: u32 = 5;

/// What passed between a set and elements.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The set's port of the connection that is followed.
    pub(super) port: u16,
    pub(super) from_set: Way,
    pub(super) to_set: Way,
    /// The first segments of the latest connections: port and sequence number. A late copy begins none.
    pub(super) begun: [(u16, u32); 4],
    /// The PIN that it was last told to save, or had in its memory.
    pub(super) told: Option<String>,
    /// The PIN that it was told to clear, and has not been told to save since.
    pub(super) cleared: Option<String>,
    /// What it was told and has not acknowledged, each up to this byte: a PIN to save, or (`None`) to clear its own.
    pub(super) orders: VecDeque<(u32, Option<String>)>,
    pub(super) redirects: u32,
    pub(super) last: Option<LastSaid>,
}

impl Heard {
    /// A set says something: what is wrong with it, if anything.
    pub(super) fn set_says(&mut self, message: &Message) -> Option<(&'static str, String)> {
        let Message::DeviceRegistration(device) = message else {
            return None;
        };
        if device.redirects == 0 {
            self.redirects = 0;
        }
        let pin = device.pin.as_ref()?;
        if self.cleared.as_ref() == Some(pin) {
            let what = format!("sends PIN {pin}, which it was told to clear");
            return Some(("RG-5", what));
        }
        if self.told.as_ref() != Some(pin) {
            let what = format!("sends PIN {pin}, which no element told it to save");
            return Some(("DV-3", what));
        }
        None
    }

    /// An element tells a set something: what is wrong with it, if anything.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else is about a PIN or a redirect"
    )]
    pub(super) fn set_is_told(
        &mut self,
        said: Said,
        element: Ipv4Addr,
    ) -> Option<(&'static str, String)> {
        match said.envelope.message {
            Message::SavePin { pin } => self.orders.push_back((said.end, Some(pin))),
            Message::ClearPin { .. } => self.orders.push_back((said.end, None)),
            Message::Registered { .. } => self.redirects = 0,
            Message::Redirect { .. } => {
                self.redirects += 1;
                if self.redirects > REDIRECTS_MAX {
                    let what = format!(
                        "is redirected by {element}, the {}th time in one registration",
                        self.redirects
                    );
                    return Some(("CL-8", what));
                }
            }
            _ => {}
        }
        None
    }

    /// Whether this first segment of a connection is no copy of one that was seen.
    pub(super) fn begins(&mut self, port: u16, seq: u32) -> bool {
        if self.begun.contains(&(port, seq)) {
            return false;
        }
        self.begun.rotate_right(1);
        self.begun[0] = (port, seq);
        true
    }

    /// The set has everything up to this byte.
    pub(super) fn acknowledge(&mut self, ack: u32) {
        while let Some((_, order)) = self.orders.pop_front_if(|(end, _)| !is_after(*end, ack)) {
            self.follow(order);
        }
    }

    /// The set has saved this PIN: it has followed the orders up to that one.
    pub(super) fn saved(&mut self, pin: &str) {
        let is_it = |(_, order): &(u32, Option<String>)| order.as_deref() == Some(pin);
        if let Some(at) = self.orders.iter().position(is_it) {
            let followed: Vec<_> = self.orders.drain(..=at).collect();
            for (_, order) in followed {
                self.follow(order);
            }
        }
    }

    pub(super) fn follow(&mut self, order: Option<String>) {
        match order {
            Some(pin) => {
                self.cleared = None;
                self.told = Some(pin);
            }
            None => self.clear(),
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(pin) = self.told.take() {
            self.cleared = Some(pin);
        }
    }
}
