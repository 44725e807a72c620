//! Expectations: whether they hold now, and what was found instead.

use std::net::Ipv4Addr;

use super::describe::counted;
use super::lab::Lab;
use super::plan::{Count, ElementId, PhoneId, PhoneIs, Plan, StationId, What, When};
use super::run::{Outsiders, Programs};
use super::watch::{Listener, Watch};
use crate::controller::{Element, Forms};
use crate::outbox::Display;

/// What is found where a driver has not answered.
const UNKNOWN: &str = "no answer of its driver";

/// What an expectation is looked at against.
#[derive(Debug)]
pub(super) struct Sight<'a, L> {
    pub plan: &'a Plan,
    pub lab: &'a Lab,
    pub watch: &'a Watch<L>,
    pub programs: &'a Programs,
    pub outsiders: &'a Outsiders,
    /// The kind of time decides what a group and a display are asked.
    pub when: When,
}

/// Where an expectation stands: its step, and its place there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub step: usize,
    pub expectation: usize,
}

impl<L: Listener> Sight<'_, L> {
    /// Whether it holds at this moment.
    ///
    /// Of a group: whether each of its phones fits; with `never` whether any does.
    ///
    /// `start` is where to begin among the phones; it is set to the one that decided, so that an expectation
    /// on many phones that waits for the last of them does not look at all at every event.
    pub(super) fn holds(&self, what: &What, at: Place, start: &mut usize) -> bool {
        match what {
            What::Phone { phones, is } => {
                let never = self.is_never();
                let count = phones.len();
                let mut order = (0..count).map(|n| (*start + n) % count);
                match order.find(|n| self.phone_is(phones[*n], is) == never) {
                    Some(n) => {
                        *start = n;
                        never
                    }
                    None => !never,
                }
            }
            What::Mapped { element, dn, set } => {
                let wanted = set.map(|set| set.mac(self.plan));
                self.forms(*element)
                    .is_some_and(|forms| forms.mac_of(dn) == wanted)
            }
            What::Remote {
                element,
                dn,
                digits,
            } => self
                .forms(*element)
                .is_some_and(|forms| forms.remote(dn).flatten() == digits.as_deref()),
            What::Trunk { element, to, up } => self.trunk_is_up(*element, *to) == Some(*up),
            What::Frames(frames) => frames.count.holds(self.count(at)),
            What::Program { host, is } => self.programs.is(StationId::Host(*host), *is),
        }
    }

    /// Whether it can no longer hold, whatever comes.
    pub(super) fn is_lost(&self, what: &What, at: Place) -> bool {
        match what {
            What::Frames(frames) => match frames.count {
                Count::AtLeast(_) => false,
                Count::AtMost(most) | Count::Exactly(most) => self.count(at) > most,
            },
            What::Phone { .. }
            | What::Mapped { .. }
            | What::Remote { .. }
            | What::Trunk { .. }
            | What::Program { .. } => false,
        }
    }

    /// The forms of an element; of one that is outside `None` until its driver has said them.
    fn forms(&self, element: ElementId) -> Option<&Forms> {
        let inside = self.lab.element(element).map(Element::forms);
        inside.or_else(|| self.outsiders.forms_of(element))
    }

    /// Whether an element's trunk to another is up; likewise.
    fn trunk_is_up(&self, element: ElementId, to: ElementId) -> Option<bool> {
        let to = &self.plan.elements[to.0].ceid_digits;
        match self.lab.element(element) {
            Some(controller) => {
                let row = controller.forms().cluster_element(to);
                Some(row.is_some_and(|row| controller.trunk_is_up(row.icp)))
            }
            None => {
                let rows = &self.plan.elements[element.0].cluster;
                match rows.iter().find(|(digits, _)| digits == to) {
                    Some((_, icp)) => self.outsiders.trunk_is_up(element, *icp),
                    None => Some(false),
                }
            }
        }
    }

    fn is_never(&self) -> bool {
        matches!(self.when, When::Never(_))
    }

    fn count(&self, at: Place) -> u64 {
        let seen = self.watch.tally.seen(at.step, at.expectation);
        seen.map_or(0, |seen| seen.count)
    }

    fn phone_is(&self, phone: PhoneId, is: &PhoneIs) -> bool {
        let view = &self.watch.phones[phone.0];
        match is {
            PhoneIs::Registered(wanted) => match (&view.registered, wanted) {
                (Some((dn, _)), Some(wanted)) => dn == wanted,
                (Some(_), None) => true,
                (None, _) => false,
            },
            PhoneIs::NotRegistered => view.registered.is_none(),
            PhoneIs::AtElement(element) => {
                let wanted = self.plan.elements[element.0].address;
                view.registered
                    .as_ref()
                    .is_some_and(|(_, at)| *at == wanted)
            }
            PhoneIs::Display(text) => {
                let is_it = |display: &Display| {
                    display.upper == *text || display.lower == *text || display.to_string() == *text
                };
                let mut since = view.displays.iter();
                match self.when {
                    When::Throughout(_) => is_it(&view.display) && since.all(is_it),
                    When::Now | When::Within(_) | When::Never(_) => {
                        is_it(&view.display) || since.any(is_it)
                    }
                }
            }
            PhoneIs::Address(address) => view.address == *address,
            PhoneIs::AddressIn(subnet) => {
                let prefix = self.plan.subnets[subnet.0].prefix;
                view.address.is_some_and(|address| prefix.contains(address))
            }
            PhoneIs::InVlan(vlan) => self.vlan_of(phone) == *vlan,
            PhoneIs::StoredPin(pin) => view.stored_pin == *pin,
            PhoneIs::Prompt(text) => {
                let prompt = view.prompt.as_ref();
                prompt.is_some_and(|prompt| prompt.contains(text.as_str()))
            }
            PhoneIs::Neighbour(address, state) => {
                let host = self.lab.phone(phone).map(|(host, _)| host);
                let entry = host.and_then(|host| host.neighbour(*address));
                entry.map(|(state, _)| state) == *state
            }
            PhoneIs::Flashed(times) => view.flashed == *times,
            PhoneIs::Redirects(count) => view.redirects == *count,
        }
    }

    /// What is so at this moment, in words; `start` as [`Sight::holds`] left it.
    pub(super) fn found(&self, what: &What, at: Place, start: usize) -> String {
        match what {
            What::Phone { phones, is } => {
                let Some(phone) = phones.get(start) else {
                    return "no phone".to_owned();
                };
                let name = &self.plan.phones[phone.0].name;
                let found = self.found_of_phone(*phone, is);
                if phones.len() == 1 {
                    return format!("{name}: {found}");
                }
                let never = self.is_never();
                let odd = phones
                    .iter()
                    .filter(|phone| self.phone_is(**phone, is) == never);
                let do_so = if never { "do" } else { "do not" };
                format!(
                    "{} of {} {do_so}, among them {name}: {found}",
                    odd.count(),
                    phones.len()
                )
            }
            What::Mapped { element, dn, .. } => {
                let Some(forms) = self.forms(*element) else {
                    return UNKNOWN.to_owned();
                };
                match forms.mac_of(dn) {
                    None => format!("DN {dn} has no MAC"),
                    Some(mac) => {
                        let of = self.plan.phones.iter().find(|phone| phone.mac == mac);
                        let name = of.map_or("no phone of the scenario", |phone| &phone.name);
                        format!("DN {dn} has {mac}, {name}")
                    }
                }
            }
            What::Remote { element, dn, .. } => {
                let forms = self.forms(*element);
                match forms.map(|forms| forms.remote(dn).flatten()) {
                    None => UNKNOWN.to_owned(),
                    Some(None) => format!("DN {dn} leads nowhere"),
                    Some(Some(digits)) => format!("DN {dn} leads to CEID digits {digits}"),
                }
            }
            What::Trunk { element, to, .. } => match self.trunk_is_up(*element, *to) {
                None => UNKNOWN.to_owned(),
                Some(true) => "up".to_owned(),
                Some(false) => "down".to_owned(),
            },
            What::Frames(_) => counted(self.count(at), "frame"),
            What::Program { host, .. } => {
                let name = &self.plan.hosts[host.0].name;
                format!("{name}: {}", self.programs.found(StationId::Host(*host)))
            }
        }
    }

    fn found_of_phone(&self, phone: PhoneId, is: &PhoneIs) -> String {
        let view = &self.watch.phones[phone.0];
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        match is {
            PhoneIs::Registered(_) | PhoneIs::NotRegistered | PhoneIs::AtElement(_) => {
                match &view.registered {
                    Some((dn, element)) => {
                        format!("registered {dn} at {}", self.element_name(*element))
                    }
                    None => format!("not registered, display `{}`", view.display),
                }
            }
            // What came and went since the last look is named too: it may be what decided.
            PhoneIs::Display(_) => match view.displays.as_slice() {
                [] => format!("display `{}`", view.display),
                shown => {
                    let shown: Vec<String> = shown.iter().map(|it| format!("`{it}`")).collect();
                    format!("display {}", shown.join(", then "))
                }
            },
            PhoneIs::Address(_) | PhoneIs::AddressIn(_) => {
                format!("address {}", or_none(view.address.map(|a| a.to_string())))
            }
            PhoneIs::InVlan(_) => {
                let vlan = self.vlan_of(phone);
                format!("VLAN {}", or_none(vlan.map(|vlan| vlan.to_string())))
            }
            PhoneIs::StoredPin(_) => format!("stored PIN {}", or_none(view.stored_pin.clone())),
            PhoneIs::Prompt(_) => format!("last prompt: {}", or_none(view.prompt.clone())),
            PhoneIs::Neighbour(address, _) => {
                let host = self.lab.phone(phone).map(|(host, _)| host);
                let entry = host.and_then(|host| host.neighbour(*address));
                let state = entry.map(|(state, _)| state.to_string());
                format!("neighbour {address} {}", or_none(state))
            }
            PhoneIs::Flashed(_) => format!("written {}", counted(view.flashed.into(), "time")),
            PhoneIs::Redirects(_) => counted(view.redirects.into(), "redirect"),
        }
    }

    /// The VLAN of a set's frames. One without power sends none.
    fn vlan_of(&self, phone: PhoneId) -> Option<u16> {
        let (host, phone) = self.lab.phone(phone)?;
        phone.vlan().filter(|_| host.is_on()).map(|vlan| vlan.id)
    }

    /// What an element said last to this set: `mivb-a, at 6.005703 s: PIN Request, reason no PIN`.
    pub(super) fn told(&self, phone: PhoneId) -> Option<String> {
        let last = self.watch.oracle.last_said(phone)?;
        let messages: Vec<String> = last.messages.iter().map(ToString::to_string).collect();
        let element = self.element_name(last.element);
        Some(format!(
            "{element}, at {} s: {}",
            last.at,
            messages.join("; ")
        ))
    }

    fn element_name(&self, address: Ipv4Addr) -> String {
        let element = self.plan.elements.iter().find(|e| e.address == address);
        element.map_or_else(|| address.to_string(), |element| element.name.clone())
    }
}

impl Count {
    /// Whether `count` fits.
    pub fn holds(self, count: u64) -> bool {
        match self {
            Count::AtLeast(least) => count >= least,
            Count::AtMost(most) => count <= most,
            Count::Exactly(wanted) => count == wanted,
        }
    }
}
