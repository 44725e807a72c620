//! A gateway's power: without it everything that it has learnt is gone, and nothing passes.

use super::{Gateway, Limits, Pending};
use crate::outbox::Outbox;
use crate::sim::Transmit;

impl Gateway {
    /// Gives the gateway power, or takes it away. Without power it forgets its neighbours, and what waits for them or
    /// for further fragments is dropped; addresses and routes are configured, and stay.
    pub fn power(&mut self, on: bool, out: &mut Outbox<Transmit>) {
        if self.powered == on {
            return;
        }
        self.powered = on;
        self.limits = Limits::default();
        self.proxied = Pending::default();
        if let Some(mut reassembly) = self.reassembly.take() {
            reassembly.clear(&mut |reason, frame| self.drop(reason, frame, out));
        }
        for number in 0..self.legs.len() {
            self.legs[number].interface.neighbours.clear(out);
            self.rearm(u16::try_from(number).unwrap_or(u16::MAX));
        }
    }
}
