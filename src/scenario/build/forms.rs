//! An element's forms as the plan has them.

use crate::controller::{FormError, Forms, Trunk};
use crate::scenario::plan::{self, ElementId, Plan, TrunkKind};
use crate::wire::reg::Target;

/// The elements that an element's Cluster Elements form names, by ICP/PBX number.
pub(super) fn others<'p>(
    plan: &'p Plan,
    element: &'p plan::Element,
) -> impl Iterator<Item = (u16, ElementId)> + 'p {
    element.cluster.iter().filter_map(|(digits, icp)| {
        let mut elements = plan.elements.iter();
        let named = elements.position(|other| other.ceid_digits == *digits)?;
        Some((*icp, ElementId(named)))
    })
}

/// Where sets and other elements find an element (CL-9).
pub(super) fn target(element: &plan::Element) -> Target {
    match &element.fqdn {
        Some(fqdn) => Target::Fqdn(fqdn.clone()),
        None => Target::Address(element.address),
    }
}

/// An element's forms as the plan has them, and its trunks to other elements (CL-5).
pub(super) fn forms(plan: &Plan, id: ElementId) -> Result<Forms, FormError> {
    let element = &plan.elements[id.0];
    let mut forms = Forms::new(&element.registration_code, &element.replacement_code)?;
    for (dn, mac) in &element.directory {
        forms.add_dn(dn)?;
        if let Some(mac) = mac {
            forms.map(dn, *mac)?;
        }
    }
    for (dn, digits) in &element.remote {
        forms.set_remote(dn, Some(digits))?;
    }
    for (digits, icp) in &element.cluster {
        let named = plan.elements.iter().find(|e| e.ceid_digits == *digits);
        let index = named.map_or(*icp, |element| element.ceid_index);
        forms.set_cluster_element(digits, index, *icp)?;
    }
    for (icp, other) in others(plan, element) {
        let named = &plan.elements[other.0];
        let trunk = match plan.trunk(id, other) {
            TrunkKind::Ip => Some(Trunk::Ip(target(named))),
            TrunkKind::Dpnss => Some(Trunk::Dpnss),
            TrunkKind::None => None,
        };
        forms.set_trunk(icp, trunk)?;
    }
    if let Some((first, last)) = &element.automatic {
        forms.set_automatic(first, last)?;
    }
    for (icp, networking) in &element.networking {
        let target = match networking.address.parse() {
            Ok(address) => Target::Address(address),
            Err(_) => Target::Fqdn(networking.address.clone()),
        };
        forms.set_networking(*icp, networking.pbx_number, Some(target))?;
    }
    Ok(forms)
}
