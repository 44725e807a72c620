//! What a switch says by LLDP: at a port where it hears a set, how that set is to tag its frames.
//!
//! A switch says nothing where it has heard no LLDP-MED endpoint. When it first hears one it says the same three times,
//! 1 s apart (fast start, TIA-1057 section 11.2.1), and then every 30 s (802.1AB-2016 table 9-1), for as long as what it
//! has heard holds and the carrier is there. An endpoint that comes back later is heard for the first time again; one that
//! says a time of 0 goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::PortId;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::lldp::{self, BRIDGE, CONNECTIVITY, Id, Lldpdu, MED_CAPABILITIES, Policy, Tlv};
use crate::wire::{DecodeError, Frame, Mac, ethernet};

/// `msgTxInterval`, and how long what is said holds: four times that (`msgTxHold`).
const INTERVAL: Duration = Duration::from_secs(30);
const TTL_SECS: u16 = 120;
const FAST_INTERVAL: Duration = Duration::from_secs(1);
/// `medFastStartRepeatCount`.
const FAST_COUNT: u8 = 3;

/// What a switch says at ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// Chassis id, and where its messages come from.
    pub chassis: Mac,
    pub system_name: String,
    pub policy: Policy,
}

/// The ports of a switch that speak LLDP.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    ports: BTreeMap<PortId, Port>,
    deadlines: Deadlines<PortId>,
}

#[derive(Debug)]
struct Port {
    says: Arc<Advertisement>,
    /// The endpoint that was heard last.
    heard: Option<Heard>,
}

#[derive(Debug)]
struct Heard {
    /// Until when what it said holds.
    until: Instant,
    /// How many messages are still sent quickly.
    fast: u8,
}

impl Speaker {
    /// At this port it says this from now on.
    pub(super) fn say(&mut self, port: PortId, says: Arc<Advertisement>) {
        let heard = None;
        self.ports.insert(port, Port { says, heard });
    }

    /// Takes a message that came in at a port.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        port: PortId,
        message: &[u8],
    ) -> Result<(), DecodeError> {
        let message = lldp::decode(message)?;
        let Some(state) = self.ports.get_mut(&port) else {
            return Ok(());
        };
        // Who goes says nothing else (shutdown LLDPDU, 802.1AB-2016), not even that it is an endpoint.
        if !message.is_med_endpoint() && message.ttl > 0 {
            return Ok(());
        }
        let until = now + Duration::from_secs(message.ttl.into());
        if let Some(heard) = state.heard.as_mut().filter(|heard| now < heard.until) {
            heard.until = until;
        } else if now < until {
            let fast = FAST_COUNT;
            state.heard = Some(Heard { until, fast });
            self.deadlines.set(port, Some(now));
        }
        Ok(())
    }

    /// The carrier of a port is gone, and with it who was heard.
    pub(super) fn carrier_lost(&mut self, port: PortId) {
        if let Some(state) = self.ports.get_mut(&port) {
            state.heard = None;
            self.deadlines.set(port, None);
        }
    }

    /// When it next has something to say.
    pub(super) fn next(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next message that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(PortId, Frame)> {
        while let Some(port) = self.deadlines.pop_due(now) {
            let Some(state) = self.ports.get_mut(&port) else {
                continue;
            };
            let Some(heard) = state.heard.as_mut().filter(|heard| now < heard.until) else {
                state.heard = None;
                continue;
            };
            heard.fast = heard.fast.saturating_sub(1);
            let wait = if heard.fast > 0 {
                FAST_INTERVAL
            } else {
                INTERVAL
            };
            self.deadlines.set(port, Some(now + wait));
            return Some((port, frame(port, &state.says)));
        }
        None
    }
}

fn frame(port: PortId, says: &Advertisement) -> Frame {
    let header = ethernet::Header {
        dst: lldp::NEAREST_BRIDGE,
        src: says.chassis,
        tag: None,
        ethertype: lldp::ETHERTYPE,
    };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    let message = Lldpdu {
        chassis: Id::chassis_mac(says.chassis),
        port: Id::local_port(&(port.0 + 1).to_string()),
        ttl: TTL_SECS,
        tlvs: vec![
            Tlv::SystemName(says.system_name.clone().into_bytes()),
            Tlv::Capabilities {
                can: BRIDGE,
                does: BRIDGE,
            },
            Tlv::MedCapabilities {
                capabilities: MED_CAPABILITIES,
                class: CONNECTIVITY,
            },
            Tlv::MedPolicy(says.policy),
        ],
    };
    message.encode(&mut bytes);
    bytes.into()
}
