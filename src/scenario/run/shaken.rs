//! A run that is shaken: faults of a mix lie over its steps, and what is judged is how it ends.
//!
//! Steps go on whatever came of the one before: an expectation that fails, or an action that can't be done, says
//! nothing under faults that the scenario does not know. After the last step and the last fault the network is
//! left alone for a time that is bounded. Users come back each minute and type, if their set asks, the PIN that they
//! typed last; administrators who synchronised elements do so again, in case it did not go through. The run ends when
//! every set that is owed service has it two minutes in a row, or when the time is up. A set that has brought the address of another subnet
//! gets no other before its lease ends (MV-1): for such a one there is the length of a lease more.
//!
//! Which sets are owed service, the scenario itself says: those that have it in the end of a run without a mix
//! ([`Run::shake`] with an empty one), left alone for as long, each with the DN that it has there or another one that
//! was typed on it; where elements give numbers out by themselves, with any. A set is not whose DN belongs by
//! then to another one that wants it too, for who asks first for a number that two want, faults may decide; and no set is
//! once a server has given one of them the address of a station of the scenario, which had no power when the server asked
//! whether anybody has it: who looks for the station may find the set.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, Stage};
use crate::scenario::mix::Mix;
use crate::scenario::outcome::{Outcome, Settled};
use crate::scenario::plan::{Action, ElementId, Operation, PhoneId, StepKind};
use crate::scenario::watch::Listener;
use crate::time::{Duration, Instant};
use crate::wire::Mac;

/// How long a network without a mix is left alone. A set that has service by then is owed it.
const CALM: Duration = Duration::from_secs(5 * 60);
/// How long it may take under a mix: time enough for every timer that backs off, and for a lease to be asked for anew.
const CALM_MAX: Duration = Duration::from_secs(40 * 60);
/// How often users come back.
const LOOK: Duration = Duration::from_secs(60);

/// What a shaken run has besides.
#[derive(Debug)]
pub(super) struct Shaken {
    /// Sets that are owed service, each with the DN that it is to have. `None`: this run says which.
    owed: Option<Vec<(PhoneId, String)>>,
    /// When the last fault of the mix ends.
    calm_from: Instant,
    /// The PIN that was typed last on each set, or was to be.
    pub(super) pins: BTreeMap<PhoneId, String>,
    /// Elements that a step has synchronised.
    pub(super) synchronised: BTreeSet<ElementId>,
    /// When the last step ended.
    stepped: Instant,
    /// Every set had its service when somebody looked last.
    was_well: bool,
}

impl<L: Listener> Run<'_, L> {
    /// Lays a mix over the run, before it begins. `owed`: what a run without a mix came to.
    pub fn shake(&mut self, mix: &Mix, owed: Option<&Settled>) {
        self.faults.plan_mix(&mix.0);
        self.shaken = Some(Box::new(Shaken {
            owed: owed.map(|it| it.in_service.clone()),
            calm_from: mix.ends(),
            pins: BTreeMap::new(),
            synchronised: BTreeSet::new(),
            stepped: Instant::ZERO,
            was_well: false,
        }));
    }

    /// The last step of a shaken run has ended.
    pub(super) fn calm_down(&mut self) -> Stage {
        let now = self.lab.world.now();
        let longest = self.longest_lease();
        let Some(shaken) = &mut self.shaken else {
            return Stage::Done;
        };
        shaken.stepped = now;
        let from = now.max(shaken.calm_from);
        let time = match shaken.owed {
            Some(_) => CALM_MAX + longest,
            None => CALM,
        };
        Stage::Settling {
            until: from + time,
            look: from + LOOK,
        }
    }

    /// Users come back, and somebody looks whether all is well.
    pub(super) fn look_again(&mut self, until: Instant) -> Stage {
        let now = self.lab.world.now();
        let stranded = self.stranded();
        let Some(shaken) = &mut self.shaken else {
            return Stage::Done;
        };
        let is_well = shaken.owed.is_some() && stranded.is_empty();
        let was_well = std::mem::replace(&mut shaken.was_well, is_well);
        if now >= until || is_well && was_well {
            return Stage::Done;
        }
        if now + self.longest_lease() >= until && stranded.iter().any(|it| self.is_at_home(*it)) {
            return Stage::Done;
        }
        let again = self
            .shaken
            .as_mut()
            .map(|it| std::mem::take(&mut it.synchronised));
        for element in again.into_iter().flatten() {
            // One that has no power, or cannot, says so in the report.
            let _ = self.operate(element, &Operation::Synchronise {});
        }
        for (phone, planned) in (0..).map(PhoneId).zip(&self.plan.phones) {
            if self.watch.phones[phone.0].registered.is_some() {
                continue;
            }
            let pins = self.shaken.as_ref().map(|it| &it.pins);
            let typed = pins.and_then(|pins| pins.get(&phone)).cloned();
            if let Some(pin) = typed.or_else(|| planned.user_pin.clone()) {
                self.enter_pin(phone, &pin);
            }
        }
        Stage::Settling {
            until,
            look: (now + LOOK).min(until),
        }
    }

    fn longest_lease(&self) -> Duration {
        let leases = self.plan.subnets.iter().flat_map(|it| &it.dhcp);
        leases.map(|it| it.lease).max().unwrap_or_default()
    }

    /// Whether a set has no address, or one of the subnet that it is plugged into.
    fn is_at_home(&self, phone: PhoneId) -> bool {
        let subnet = &self.plan.subnets[self.lab.phones[phone.0].subnet.0];
        let address = self.watch.phones[phone.0].address;
        address.is_none_or(|address| subnet.prefix.contains(address))
    }

    /// Whether DHCP has sent a set into a VLAN that its port does not carry.
    fn is_in_no_vlan(&self, phone: PhoneId) -> bool {
        let subnets = &self.plan.subnets;
        let at = &subnets[self.lab.phones[phone.0].subnet.0];
        let set = self.lab.phone(phone).map(|(_, set)| set);
        let vlan = set.filter(|set| set.is_in_vlan_of_dhcp());
        let vlan = vlan.and_then(|set| set.vlan());
        vlan.is_some_and(|vlan| !at.voice.iter().any(|it| subnets[it.0].vlan == vlan.id))
    }

    /// Sets that are owed service and have none.
    fn stranded(&self) -> Vec<PhoneId> {
        let mut leased = self.watch.oracle.leased();
        if leased.any(|address| self.plan.is_a_stations(address)) {
            return Vec::new();
        }
        let owed = self.shaken.as_ref().and_then(|it| it.owed.as_ref());
        let mut elements = self.plan.elements.iter();
        let any_dn = elements.any(|element| element.automatic.is_some());
        let without = owed.into_iter().flatten().filter(|(phone, dn)| {
            let mac = self.plan.phones[phone.0].mac;
            let registered = self.watch.phones[phone.0].registered.as_ref();
            let has_service =
                registered.is_some_and(|(has, _)| any_dn || has == dn || self.wants(mac, has));
            !has_service && !self.is_anothers(dn, mac) && !self.is_in_no_vlan(*phone)
        });
        without.map(|(phone, _)| *phone).collect()
    }

    /// Whether a DN belongs to another set than this one, at any element, and that one wants it.
    fn is_anothers(&self, dn: &str, mac: Mac) -> bool {
        let mut elements = (0..self.plan.elements.len()).map(ElementId);
        elements.any(|id| {
            let set = self.lab.element(id).and_then(|it| it.set_at(dn));
            set.is_some_and(|set| set != mac && self.wants(set, dn))
        })
    }

    /// Whether a set is programmed at this DN, or a PIN with it is in its memory in the beginning, or typed on it at any
    /// time. Of a set that is no phone of the scenario nobody knows.
    fn wants(&self, set: Mac, dn: &str) -> bool {
        let mut phones = (0..).map(PhoneId).zip(&self.plan.phones);
        let Some((id, phone)) = phones.find(|(_, phone)| phone.mac == set) else {
            return true;
        };
        let typed = self.plan.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Act(Action::EnterPin { phone, pin }) if *phone == id => Some(pin),
            StepKind::Act(_) | StepKind::Expect { .. } => None,
        });
        let own = phone.user_pin.iter().chain(&phone.stored_pin);
        let rows = self.plan.elements.iter().flat_map(|it| &it.directory);
        let mut programmed = rows.filter(|(_, mac)| *mac == Some(set));
        // A code alone asks for whichever number is free (RG-13).
        let is_code = |pin: &str| {
            let mut elements = self.plan.elements.iter();
            elements.any(|element| element.registration_code == pin)
        };
        let mut pins = own.chain(typed);
        pins.any(|pin| pin.ends_with(dn) || is_code(pin)) || programmed.any(|(own, _)| own == dn)
    }

    /// What a shaken run came to.
    pub(super) fn settled(&self) -> Option<Settled> {
        let shaken = self.shaken.as_ref()?;
        let phones = (0..).map(PhoneId).zip(&self.watch.phones);
        let in_service = phones.filter_map(|(id, view)| {
            let (dn, _) = view.registered.as_ref()?;
            Some((id, dn.clone()))
        });
        Some(Settled {
            in_service: in_service.collect(),
            stranded: self.stranded(),
            stepped: shaken.stepped,
        })
    }
}

impl Outcome {
    /// Whether a shaken run ended well: no rule broken, and every set that was owed service has it.
    pub fn withstood(&self) -> bool {
        let stranded = self.settled.as_ref().map(|it| it.stranded.len());
        self.violation.is_none() && stranded == Some(0)
    }
}
