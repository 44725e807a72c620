//! LLDP of a set: it says who it is, and takes the voice policy that its switch says (LLDP-MED) while it waits for one.
//!
//! With a carrier it says so three times, 1 s apart, and then every 30 s; once more when it comes into service, since
//! its name has its DN then. Before it boots again it says that this holds no more, so that its switch answers at once
//! when it is back. After its first stage it waits for a policy, and goes to DHCP with it or, if none comes, without. A
//! policy that comes later, or says `untagged`, changes nothing.

use super::display::Screen;
use super::machine::{Event, Phone};
use super::vlan::Vlan;
use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::{Deadline, Duration, Instant};
use crate::wire::lldp::{
    self, BRIDGE, CLASS_III, Id, Lldpdu, MED_CAPABILITIES, Policy, TELEPHONE, Tlv, VOICE,
};

/// 802.1AB-2016 table 9-1, TIA-1057 section 11.2.1.
const INTERVAL: Duration = Duration::from_secs(30);
const TTL_SECS: u16 = 120;
const FAST_INTERVAL: Duration = Duration::from_secs(1);
const FAST_COUNT: u8 = 3;

/// A set that speaks LLDP.
#[derive(Debug)]
pub(super) struct Speaker {
    next_at: Instant,
    /// How many messages are still sent quickly.
    fast: u8,
}

impl Phone {
    /// There is a carrier: it begins to say who it is, if it speaks LLDP at all.
    pub(super) fn begin_lldp(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        if self.settings.lldp {
            let (next_at, fast) = (now, FAST_COUNT);
            self.lldp = Some(Box::new(Speaker { next_at, fast }));
            self.speak(now, out);
        }
    }

    /// Says who it is if that is due.
    pub(super) fn speak(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        let Some(speaker) = self.lldp.as_mut().filter(|it| it.next_at <= now) else {
            return;
        };
        speaker.fast = speaker.fast.saturating_sub(1);
        let wait = if speaker.fast > 0 {
            FAST_INTERVAL
        } else {
            INTERVAL
        };
        speaker.next_at = now + wait;
        self.say_who(out);
    }

    pub(super) fn lldp_deadline(&self) -> Deadline {
        let speaker = self.lldp.as_ref()?;
        Some((speaker.next_at, "LLDP"))
    }

    /// Says who it is, whether that is due or not.
    pub(super) fn say_who(&self, out: &mut Outbox<AppEffect>) {
        if self.lldp.is_none() {
            return;
        }
        let tlvs = vec![
            Tlv::SystemName(self.system_name().into_bytes()),
            Tlv::Capabilities {
                can: BRIDGE | TELEPHONE,
                does: TELEPHONE,
            },
            Tlv::MedCapabilities {
                capabilities: MED_CAPABILITIES,
                class: CLASS_III,
            },
            Tlv::MedPolicy(policy(self.vlan.map(|(vlan, _)| vlan))),
        ];
        self.send_lldp(TTL_SECS, tlvs, out);
    }

    /// It boots again: what it said holds no more (the shutdown LLDPDU of 802.1AB-2016), if it said anything.
    pub(super) fn end_lldp(&mut self, out: &mut Outbox<AppEffect>) {
        if self.lldp.take().is_some() {
            self.send_lldp(0, Vec::new(), out);
        }
    }

    fn send_lldp(&self, ttl: u16, tlvs: Vec<Tlv>, out: &mut Outbox<AppEffect>) {
        let mac = self.settings.mac;
        let message = Lldpdu {
            chassis: Id::chassis_mac(mac),
            port: Id::port_mac(mac),
            ttl,
            tlvs,
        };
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        out.push(AppEffect::SendLldp(bytes));
    }

    /// `regDN 500206,MINET_6920` in service, `MINET_6920` before.
    fn system_name(&self) -> String {
        let model = &self.settings.model;
        if let Screen::InService { dn, .. } = &self.screen {
            return format!("regDN {dn},MINET_{model}");
        }
        format!("MINET_{model}")
    }

    /// A message of the other end of the cable.
    pub(super) fn hear_lldp(&mut self, now: Instant, bytes: &[u8], out: &mut Outbox<AppEffect>) {
        if !self.settings.lldp {
            return;
        }
        let policy = lldp::decode(bytes).ok().and_then(|it| it.voice_policy());
        if let Some(policy) = policy.filter(|policy| policy.tagged) {
            let (id, priority) = (policy.vlan, policy.priority);
            self.on(now, Event::Policy(Vlan { id, priority }), out);
        }
    }
}

/// The policy that it goes by.
fn policy(vlan: Option<Vlan>) -> Policy {
    let Vlan { id, priority } = vlan.unwrap_or(Vlan { id: 0, priority: 0 });
    Policy {
        application: VOICE,
        unknown: vlan.is_none(),
        tagged: vlan.is_some(),
        reserved: false,
        vlan: id,
        priority,
        dscp: 0,
    }
}
