//! From a DN to the element that it belongs to: three look-ups, each with its own way to fail (CL-2).
//!
//! ```text
//! DN ──────────────────────▶ CEID digits ──────────────▶ ICP/PBX number ──────────────▶ address or FQDN
//!    Remote Directory Numbers            Cluster Elements                ICP/PBX Networking
//! ```

use super::forms::{Forms, Trunk};
use crate::wire::reg::{Reason, Target};

/// A registration follows at most this many redirects (CL-8, a reading: the source has no number).
pub(super) const REDIRECTS_MAX: u8 = 5;

/// Where the element of the remote number `dn` is.
///
/// # Errors
/// The look-up that failed.
pub(super) fn resolve(forms: &Forms, dn: &str) -> Result<Target, Reason> {
    let digits = forms.remote(dn).ok_or(Reason::UnknownDn)?;
    let digits = digits.ok_or(Reason::NoCeid)?;
    let element = forms.cluster_element(digits).ok_or(Reason::NoIcpNumber)?;
    // CL-5: without a trunk nothing leads there, whatever the third form says.
    let trunk = forms.trunk(element.icp).ok_or(Reason::NoTrunk)?;
    let entry = forms.networking(element.icp).ok_or(Reason::NoAddress)?;
    if entry.pbx_number != element.ceid_index {
        return Err(Reason::CeidMismatch); // CL-3
    }
    let address = match trunk {
        // CL-5, a reading: the trunk knows where it leads, the form's address is not needed.
        Trunk::Ip(address) => Some(address),
        Trunk::Dpnss => entry.address.as_ref(),
    };
    address.cloned().ok_or(Reason::NoAddress)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const THERE: Target = Target::Address(Ipv4Addr::new(10, 9, 0, 20));
    const ELSEWHERE: Target = Target::Address(Ipv4Addr::new(10, 9, 0, 99));

    #[test]
    fn a_remote_number_is_resolved_in_three_look_ups() {
        assert_eq!(resolve(&cluster(Trunk::Dpnss), "2004"), Ok(THERE));
    }

    #[test]
    fn each_look_up_fails_with_its_own_reason() {
        let forms = cluster(Trunk::Dpnss);
        assert_eq!(resolve(&forms, "2005"), Err(Reason::UnknownDn));
        assert_eq!(resolve(&forms, "2006"), Err(Reason::NoCeid));
        assert_eq!(resolve(&forms, "2007"), Err(Reason::NoIcpNumber));
        assert_eq!(resolve(&forms, "2008"), Err(Reason::NoTrunk));
        assert_eq!(resolve(&forms, "2009"), Err(Reason::NoAddress));
        assert_eq!(resolve(&forms, "2010"), Err(Reason::NoAddress));
        assert_eq!(resolve(&forms, "2011"), Err(Reason::CeidMismatch));
    }

    #[test]
    fn an_ip_trunk_knows_the_address_itself() {
        let forms = cluster(Trunk::Ip(ELSEWHERE));
        assert_eq!(resolve(&forms, "2004"), Ok(ELSEWHERE));
        assert_eq!(resolve(&forms, "2009"), Ok(ELSEWHERE));
    }

    /// 2004 resolves; the others fail at one step each.
    fn cluster(trunk: Trunk) -> Forms {
        let mut forms = Forms::new("***", "###").unwrap();
        for (dn, digits) in [
            ("2004", Some("2")),
            ("2006", None),
            ("2007", Some("7")),
            ("2008", Some("8")),
            ("2009", Some("9")),
            ("2010", Some("10")),
            ("2011", Some("11")),
        ] {
            forms.set_remote(dn, digits).unwrap();
        }
        for index in [2, 8, 9, 10, 11] {
            let digits = index.to_string();
            forms.set_cluster_element(&digits, index, index).unwrap();
        }
        for icp in [2, 9, 10, 11] {
            forms.set_trunk(icp, Some(trunk.clone())).unwrap();
        }
        forms.set_networking(2, 2, Some(THERE)).unwrap();
        forms.set_networking(8, 8, Some(THERE)).unwrap();
        forms.set_networking(9, 9, None).unwrap();
        forms.set_networking(11, 12, Some(THERE)).unwrap();
        forms
    }
}
