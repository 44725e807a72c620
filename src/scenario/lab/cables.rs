//! Whose cables are meant, and who is off or unplugged by a step and not by a fault.

use super::{Lab, Who};
use crate::scenario::plan::{Cables, ElementId, PhoneId, Place, Powered, SubnetId};
use crate::sim::{LinkId, NodeId, Observer};

/// A station's cable.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Cabled {
    pub node: NodeId,
    /// The set, if it is one.
    pub phone: Option<PhoneId>,
    pub subnet: SubnetId,
    pub link: LinkId,
}

impl Lab {
    /// The node of what a step can stop and start.
    pub(in crate::scenario) fn powered(&self, powered: Powered) -> NodeId {
        match powered {
            Powered::Station(station) => self.station(station),
            Powered::Router(n) => self.routers[n],
        }
    }

    /// A step takes the power of a station or a router.
    pub(in crate::scenario) fn stop(&mut self, powered: Powered, observer: &mut impl Observer) {
        self.stopped.insert(powered);
        self.power(self.powered(powered), false, observer);
    }

    /// A step gives it back.
    pub(in crate::scenario) fn start(&mut self, powered: Powered, observer: &mut impl Observer) {
        self.stopped.remove(&powered);
        self.power(self.powered(powered), true, observer);
    }

    /// These stations' cables, as they are plugged in now.
    pub(in crate::scenario) fn cables_of(&self, cables: &Cables) -> Vec<Cabled> {
        let sets = (0..).map(PhoneId).zip(&self.phones);
        let sets = sets.map(|(id, jack)| Cabled {
            node: jack.node,
            phone: Some(id),
            subnet: jack.subnet,
            link: jack.link,
        });
        let all = self.fixed.iter().copied().chain(sets);
        let is_of = |cable: &Cabled, place: &Place| match (place, self.who[cable.node.0 as usize]) {
            (Place::Subnet(subnet), _) => cable.subnet == *subnet,
            (Place::Phone(id), Who::Phone(is)) => is == *id,
            (Place::Host(id), Who::Host(is)) => is == *id,
            (Place::Element(id), Who::Element(is)) => is == *id,
            (Place::Router(n), Who::Router(is)) => is == *n,
            (Place::Phone(_) | Place::Host(_) | Place::Element(_) | Place::Router(_), _) => false,
        };
        let wanted = |cable: &Cabled| {
            cables.at.is_none_or(|at| at == cable.subnet)
                && cables.of.iter().any(|place| is_of(cable, place))
        };
        all.filter(wanted).collect()
    }

    /// The cable of an element.
    ///
    /// # Panics
    /// If the lab has no such element.
    pub(in crate::scenario) fn element_link(&self, element: ElementId) -> LinkId {
        let node = self.elements[element.0];
        let cable = self.fixed.iter().find(|cable| cable.node == node);
        cable.expect("each element has a cable").link
    }

    /// Whether a cable is where it was, and nobody has pulled it.
    pub(in crate::scenario) fn belongs_in(&self, link: LinkId, phone: Option<PhoneId>) -> bool {
        !self.pulled.contains(&link) && phone.is_none_or(|phone| self.phones[phone.0].link == link)
    }
}
