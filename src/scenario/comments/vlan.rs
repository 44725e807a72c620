//! What a capture says of the VLANs of sets: who names them, and what they do about it.

use super::Explainer;
use crate::wire::lldp::{Lldpdu, Tlv};
use crate::wire::vendor::{self, Chosen};
use crate::wire::{dhcp, ethernet};

impl Explainer {
    /// A set says who it is, or a switch how it is to tag its frames.
    pub(super) fn about_lldp(&self, link: &ethernet::Header, message: &Lldpdu) -> Option<String> {
        let name = message.tlvs.iter().find_map(|tlv| match tlv {
            Tlv::SystemName(name) => Some(String::from_utf8_lossy(name)),
            Tlv::Capabilities { .. }
            | Tlv::MedCapabilities { .. }
            | Tlv::MedPolicy(_)
            | Tlv::Other { .. } => None,
        });
        let name = name.unwrap_or_default();
        if let Some(set) = self.phones.get(&link.src) {
            return Some(format!("{} says who it is: {name}", set.name));
        }
        let policy = message.voice_policy().filter(|policy| policy.tagged)?;
        let (vlan, priority) = (policy.vlan, policy.priority);
        Some(format!(
            "switch {name} names VLAN {vlan}, priority {priority}, for voice"
        ))
    }

    /// A set has an address now, and may be sent on to another VLAN.
    pub(super) fn about_ack(who: &str, ack: &dhcp::Message) -> String {
        let has = format!("{who} has {} now", ack.yiaddr);
        match vendor::choose(ack) {
            Ok(Chosen {
                vlan: Some(vlan),
                l2p: Some(l2p),
                ..
            }) => format!("{has}; DHCP names VLAN {vlan}, priority {}", l2p.default),
            Ok(_) | Err(_) => has,
        }
    }
}
