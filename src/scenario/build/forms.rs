//! An element's forms as the plan has them.

use std::collections::BTreeMap;

use super::BuildError;
use crate::controller::{ElementRow, FormError, Forms, FormsData, Trunk};
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

/// The forms of each element that is outside, for its program.
pub(in crate::scenario) fn outside_forms(
    plan: &Plan,
) -> Result<BTreeMap<ElementId, FormsData>, BuildError> {
    let elements = (0..).map(ElementId).zip(&plan.elements);
    let outside = elements.filter(|(_, element)| element.outside.is_some());
    outside
        .map(|(id, element)| Ok((id, forms_data(plan, id, element)?)))
        .collect()
}

fn forms_data(
    plan: &Plan,
    id: ElementId,
    element: &plan::Element,
) -> Result<FormsData, BuildError> {
    let mut data = FormsData::from(&forms(plan, id)?);
    data.element = Some(ElementRow {
        name: element.name.clone(),
        address: element.address,
        ceid_index: element.ceid_index,
        ceid_digits: element.ceid_digits.clone(),
        heartbeat_ms: u32::try_from(element.heartbeat.as_millis()).unwrap_or(u32::MAX),
    });
    let addresses: BTreeMap<u16, ElementId> = others(plan, element).collect();
    for row in &mut data.trunks {
        let other = addresses.get(&row.icp).map(|other| &plan.elements[other.0]);
        let named = other.filter(|other| row.ip.is_some() && other.fqdn.is_some());
        row.address = named.map(|other| other.address);
    }
    Ok(data)
}

/// Where sets and other elements find an element (CL-9).
pub(super) fn target(element: &plan::Element) -> Target {
    match &element.fqdn {
        Some(fqdn) => Target::Fqdn(fqdn.clone()),
        None => Target::Address(element.address),
    }
}

/// An element's forms as the plan has them, and its trunks to other elements (CL-5).
pub(super) fn forms(plan: &Plan, id: ElementId) -> Result<Forms, BuildError> {
    let element = &plan.elements[id.0];
    programmed(plan, id, element).map_err(|source| BuildError::Form {
        element: element.name.clone(),
        source,
    })
}

fn programmed(plan: &Plan, id: ElementId, element: &plan::Element) -> Result<Forms, FormError> {
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
