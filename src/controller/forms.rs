//! What an administrator programs in one element, and the database of which set is at which DN.
//!
//! Telephone Directory and Multiline IP Sets are one map here, DN → MAC if a set is there; the map MAC →
//! DN beside it is kept so that each MAC stands at one DN at most. Every look-up is O(log n). Lengths and
//! ranges are those of the vendor's forms; a row that breaks them is refused when it is written.

use std::collections::{BTreeMap, BTreeSet};

use super::automatic::Automatic;
use crate::wire::Mac;
use crate::wire::reg::Target;

/// The forms of one element.
#[derive(Debug, Clone)]
pub struct Forms {
    registration_code: String,
    replacement_code: String,
    /// Telephone Directory, with the MAC of Multiline IP Sets.
    directory: BTreeMap<String, Option<Mac>>,
    /// The same the other way round.
    by_mac: BTreeMap<Mac, String>,
    /// Remote Directory Numbers: DN → CEID digits.
    remote: BTreeMap<String, Option<String>>,
    /// Cluster Elements: CEID digits → element.
    elements: BTreeMap<String, ClusterElement>,
    /// ICP/PBX Networking, by ICP/PBX number.
    networking: BTreeMap<u16, IcpEntry>,
    /// What leads to other elements, by ICP/PBX number.
    trunks: BTreeMap<u16, Trunk>,
    automatic: Option<Automatic>,
    /// DNs that another element took over, until they are in a form again: automatic selection passes over them.
    given: BTreeSet<String>,
}

/// A row of Cluster Elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterElement {
    /// 1 to 999.
    pub ceid_index: u16,
    /// ICP/PBX number, 1 to 999.
    pub icp: u16,
}

/// A row of ICP/PBX Networking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcpEntry {
    /// Must equal the element's CEID index (CL-3); 1 to 999.
    pub pbx_number: u16,
    pub address: Option<Target>,
}

/// How an element is joined to another (CL-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trunk {
    /// Over IP: the trunk knows the other element's address.
    Ip(Target),
    /// Over TDM: only ICP/PBX Networking knows the address.
    Dpnss,
}

/// Which of the two access codes a PIN starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessCode {
    Registration,
    Replacement,
}

/// Why a form does not take a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("access code `{0}` is not 1 to 10 characters out of 0-9, *, #")]
    AccessCode(String),
    #[error("access codes `{0}` and `{1}` begin alike")]
    AmbiguousCodes(String, String),
    #[error("directory number `{0}` is not 1 to 7 characters out of 0-9, *, #")]
    Dn(String),
    #[error("CEID digits `{0}` are not 1 to 7 digits")]
    CeidDigits(String),
    #[error("number {0} is not between 1 and 999")]
    Number(u16),
    #[error("automatic range `{0}` to `{1}` is not two numbers of the same length, lowest first")]
    Range(String, String),
    #[error("DN {0} is not in the Telephone Directory")]
    NotInDirectory(String),
}

impl Forms {
    /// Forms without rows, and these two access codes.
    ///
    /// # Errors
    /// Codes that CL-4 does not allow.
    pub fn new(registration_code: &str, replacement_code: &str) -> Result<Forms, FormError> {
        let mut forms = Forms {
            registration_code: String::new(),
            replacement_code: String::new(),
            directory: BTreeMap::new(),
            by_mac: BTreeMap::new(),
            remote: BTreeMap::new(),
            elements: BTreeMap::new(),
            networking: BTreeMap::new(),
            trunks: BTreeMap::new(),
            automatic: None,
            given: BTreeSet::new(),
        };
        forms.set_access_codes(registration_code, replacement_code)?;
        Ok(forms)
    }

    /// Changes both access codes.
    ///
    /// # Errors
    /// Codes that CL-4 does not allow.
    pub fn set_access_codes(
        &mut self,
        registration: &str,
        replacement: &str,
    ) -> Result<(), FormError> {
        check_access_codes(registration, replacement)?;
        registration.clone_into(&mut self.registration_code);
        replacement.clone_into(&mut self.replacement_code);
        Ok(())
    }

    /// The two parts of a PIN; `None` if it starts with neither access code (RG-2).
    pub fn split_pin<'a>(&self, pin: &'a str) -> Option<(AccessCode, &'a str)> {
        if let Some(dn) = pin.strip_prefix(self.registration_code.as_str()) {
            return Some((AccessCode::Registration, dn));
        }
        let dn = pin.strip_prefix(self.replacement_code.as_str())?;
        Some((AccessCode::Replacement, dn))
    }

    /// The registration code, and the replacement code.
    pub fn access_codes(&self) -> (&str, &str) {
        (&self.registration_code, &self.replacement_code)
    }

    /// The PIN of `dn` with the registration code.
    pub fn registration_pin(&self, dn: &str) -> String {
        format!("{}{dn}", self.registration_code)
    }

    /// Puts a DN into the Telephone Directory; one that is there stays as it is.
    ///
    /// # Errors
    /// Not a DN.
    pub fn add_dn(&mut self, dn: &str) -> Result<(), FormError> {
        check_dn(dn)?;
        self.directory.entry(dn.to_owned()).or_default();
        if self.given.remove(dn) {
            self.freed(dn);
        }
        Ok(())
    }

    /// Takes a DN out of the Telephone Directory, and says which set was there.
    ///
    /// # Errors
    /// The DN is not there.
    pub fn remove_dn(&mut self, dn: &str) -> Result<Option<Mac>, FormError> {
        let Some(mac) = self.directory.remove(dn) else {
            return Err(FormError::NotInDirectory(dn.to_owned()));
        };
        if let Some(mac) = mac {
            self.by_mac.remove(&mac);
            self.freed(dn);
            self.find_free();
        }
        Ok(mac)
    }

    /// Takes a DN out of the Telephone Directory that is another element's from now on, and says which set was
    /// there. No form says so before a synchronisation (CL-8); until then, or the element's next start, it is not given
    /// out (RG-13).
    ///
    /// # Errors
    /// The DN is not there.
    pub(super) fn give_dn(&mut self, dn: &str) -> Result<Option<Mac>, FormError> {
        let mac = self.remove_dn(dn)?;
        self.given.insert(dn.to_owned());
        self.find_free();
        Ok(mac)
    }

    /// Whether the DN is in the Telephone Directory, and the MAC of the set there.
    pub fn local(&self, dn: &str) -> Option<Option<Mac>> {
        self.directory.get(dn).copied()
    }

    /// Every DN of the Telephone Directory.
    pub fn dns(&self) -> impl Iterator<Item = &str> {
        self.directory.keys().map(String::as_str)
    }

    /// The set at this DN.
    pub fn mac_of(&self, dn: &str) -> Option<Mac> {
        self.local(dn).flatten()
    }

    /// The DNs that have a set, and its MAC.
    pub fn sets(&self) -> impl Iterator<Item = (&str, Mac)> {
        let places = self.directory.iter();
        places.filter_map(|(dn, mac)| Some((dn.as_str(), (*mac)?)))
    }

    /// The DN of this set.
    pub fn dn_of(&self, mac: Mac) -> Option<&str> {
        self.by_mac.get(&mac).map(String::as_str)
    }

    /// Puts a set at a DN: it leaves the DN that it had, and the set that was there is returned and has none.
    ///
    /// # Errors
    /// The DN is not in the Telephone Directory.
    pub fn map(&mut self, dn: &str, mac: Mac) -> Result<Option<Mac>, FormError> {
        let Some(place) = self.directory.get_mut(dn) else {
            return Err(FormError::NotInDirectory(dn.to_owned()));
        };
        if *place == Some(mac) {
            return Ok(None);
        }
        let replaced = place.replace(mac);
        if let Some(replaced) = replaced {
            self.by_mac.remove(&replaced);
        }
        if let Some(left) = self.by_mac.insert(mac, dn.to_owned()) {
            self.directory.insert(left.clone(), None);
            self.freed(&left);
        }
        self.find_free();
        Ok(replaced)
    }

    /// Takes a set from its DN, which stays in the Telephone Directory, and says which it was.
    pub fn unmap(&mut self, mac: Mac) -> Option<String> {
        let dn = self.by_mac.remove(&mac)?;
        self.directory.insert(dn.clone(), None);
        self.freed(&dn);
        Some(dn)
    }

    /// Writes a row of Remote Directory Numbers; its CEID digits can be left empty.
    ///
    /// # Errors
    /// Not a DN, or not CEID digits.
    pub fn set_remote(&mut self, dn: &str, ceid_digits: Option<&str>) -> Result<(), FormError> {
        check_dn(dn)?;
        ceid_digits.map_or(Ok(()), check_ceid_digits)?;
        self.remote
            .insert(dn.to_owned(), ceid_digits.map(str::to_owned));
        self.given.remove(dn);
        self.find_free();
        Ok(())
    }

    /// Makes these the remote numbers of the element with these CEID digits: rows of others among them are
    /// replaced, its rows that are not among them are deleted. A DN that is local stays as it is.
    ///
    /// # Errors
    /// Not a DN, or not CEID digits.
    pub fn replace_remote(&mut self, ceid_digits: &str, dns: &[String]) -> Result<(), FormError> {
        check_ceid_digits(ceid_digits)?;
        dns.iter().try_for_each(|dn| check_dn(dn))?;
        let mut freed = Vec::new();
        self.remote.retain(|dn, digits| {
            let is_its = digits.as_deref() == Some(ceid_digits);
            if is_its {
                freed.push(dn.clone());
            }
            !is_its
        });
        for dn in freed {
            self.freed(&dn);
        }
        for dn in dns.iter().filter(|dn| !self.directory.contains_key(*dn)) {
            self.remote.insert(dn.clone(), Some(ceid_digits.to_owned()));
            self.given.remove(dn);
        }
        self.find_free();
        Ok(())
    }

    /// Whether the DN is in Remote Directory Numbers, and the CEID digits there.
    pub fn remote(&self, dn: &str) -> Option<Option<&str>> {
        self.remote.get(dn).map(Option::as_deref)
    }

    /// Every row of Remote Directory Numbers.
    pub fn remote_rows(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let rows = self.remote.iter();
        rows.map(|(dn, digits)| (dn.as_str(), digits.as_deref()))
    }

    /// Writes a row of Cluster Elements.
    ///
    /// # Errors
    /// Not CEID digits, or a number outside 1 to 999.
    pub fn set_cluster_element(
        &mut self,
        ceid_digits: &str,
        ceid_index: u16,
        icp: u16,
    ) -> Result<(), FormError> {
        check_ceid_digits(ceid_digits)?;
        check_number(ceid_index)?;
        check_number(icp)?;
        let element = ClusterElement { ceid_index, icp };
        self.elements.insert(ceid_digits.to_owned(), element);
        Ok(())
    }

    /// Every row of Cluster Elements: CEID digits, element.
    pub fn cluster_elements(&self) -> impl Iterator<Item = (&str, ClusterElement)> {
        let rows = self.elements.iter();
        rows.map(|(digits, element)| (digits.as_str(), *element))
    }

    /// The element with these CEID digits.
    pub fn cluster_element(&self, ceid_digits: &str) -> Option<ClusterElement> {
        self.elements.get(ceid_digits).copied()
    }

    /// The CEID digits that lead to this ICP/PBX number.
    pub fn digits_of(&self, icp: u16) -> Option<&str> {
        let mut rows = self.cluster_elements();
        rows.find(|(_, element)| element.icp == icp)
            .map(|(digits, _)| digits)
    }

    /// Writes a row of ICP/PBX Networking.
    ///
    /// # Errors
    /// A number outside 1 to 999.
    pub fn set_networking(
        &mut self,
        icp: u16,
        pbx_number: u16,
        address: Option<Target>,
    ) -> Result<(), FormError> {
        check_number(icp)?;
        check_number(pbx_number)?;
        let entry = IcpEntry {
            pbx_number,
            address,
        };
        self.networking.insert(icp, entry);
        Ok(())
    }

    /// The row of ICP/PBX Networking with this number.
    pub fn networking(&self, icp: u16) -> Option<&IcpEntry> {
        self.networking.get(&icp)
    }

    /// Every row of ICP/PBX Networking.
    pub fn networking_rows(&self) -> impl Iterator<Item = (u16, &IcpEntry)> {
        self.networking.iter().map(|(icp, entry)| (*icp, entry))
    }

    /// Joins this element to the one with this ICP/PBX number, or takes the trunk away.
    ///
    /// # Errors
    /// A number outside 1 to 999.
    pub fn set_trunk(&mut self, icp: u16, trunk: Option<Trunk>) -> Result<(), FormError> {
        check_number(icp)?;
        match trunk {
            Some(trunk) => self.trunks.insert(icp, trunk),
            None => self.trunks.remove(&icp),
        };
        Ok(())
    }

    /// The trunk to the element with this ICP/PBX number.
    pub fn trunk(&self, icp: u16) -> Option<&Trunk> {
        self.trunks.get(&icp)
    }

    /// Every trunk, by ICP/PBX number.
    pub fn trunk_rows(&self) -> impl Iterator<Item = (u16, &Trunk)> {
        self.trunks.iter().map(|(icp, trunk)| (*icp, trunk))
    }

    /// Lets this element host automatic DN selection over a range (RG-13), for example `6100` to `6199`.
    ///
    /// # Errors
    /// Ends that are not numbers of 1 to 7 digits and equal length, lowest first.
    pub fn set_automatic(&mut self, first: &str, last: &str) -> Result<(), FormError> {
        let automatic = Automatic::new(first, last);
        let refused = || FormError::Range(first.to_owned(), last.to_owned());
        self.automatic = Some(automatic.ok_or_else(refused)?);
        self.find_free();
        Ok(())
    }

    /// Whether this element hosts automatic DN selection, and the lowest free DN of its range.
    ///
    /// A DN is free if no set is at it and no other element has it; it need not be in the Telephone Directory.
    pub fn automatic(&self) -> Option<Option<String>> {
        self.automatic.as_ref().map(Automatic::free)
    }

    /// First and last DN of automatic selection.
    pub fn automatic_range(&self) -> Option<(String, String)> {
        self.automatic.as_ref().map(Automatic::ends)
    }

    /// Whether a DN is of the range of automatic selection.
    pub fn is_automatic(&self, dn: &str) -> bool {
        let range = self.automatic_range();
        range.is_some_and(|(first, last)| {
            dn.len() == first.len() && (first.as_str()..=last.as_str()).contains(&dn)
        })
    }

    /// A DN became free: it may be the lowest one.
    fn freed(&mut self, dn: &str) {
        if let Some(automatic) = &mut self.automatic {
            automatic.freed(dn);
        }
    }

    /// Goes on to the lowest free DN, in case the one that was is taken now.
    fn find_free(&mut self) {
        let (directory, remote, given) = (&self.directory, &self.remote, &self.given);
        if let Some(automatic) = &mut self.automatic {
            automatic.skip_taken(|dn| {
                let has_set = directory.get(dn).is_some_and(Option::is_some);
                has_set || remote.contains_key(dn) || given.contains(dn)
            });
        }
    }
}

/// Whether a set has a key for it.
pub fn is_dialled(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '*' | '#')
}

/// An access code has 1 to 10 characters out of `0`–`9`, `*`, `#` (CL-4).
///
/// # Errors
/// It has not.
pub fn check_access_code(code: &str) -> Result<(), FormError> {
    if (1..=10).contains(&code.len()) && code.chars().all(is_dialled) {
        Ok(())
    } else {
        Err(FormError::AccessCode(code.to_owned()))
    }
}

/// Two access codes, neither of which begins the other (CL-4, a reading: else a PIN would have two meanings).
///
/// # Errors
/// One is no access code, or begins the other.
pub fn check_access_codes(registration: &str, replacement: &str) -> Result<(), FormError> {
    check_access_code(registration)?;
    check_access_code(replacement)?;
    if registration.starts_with(replacement) || replacement.starts_with(registration) {
        let (one, other) = (registration.to_owned(), replacement.to_owned());
        return Err(FormError::AmbiguousCodes(one, other));
    }
    Ok(())
}

/// A DN has 1 to 7 characters out of `0`–`9`, `*`, `#`.
///
/// # Errors
/// It has not.
pub fn check_dn(dn: &str) -> Result<(), FormError> {
    if (1..=7).contains(&dn.len()) && dn.chars().all(is_dialled) {
        Ok(())
    } else {
        Err(FormError::Dn(dn.to_owned()))
    }
}

/// CEID digits are 1 to 7 digits.
///
/// # Errors
/// They are not.
pub fn check_ceid_digits(digits: &str) -> Result<(), FormError> {
    if (1..=7).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit()) {
        Ok(())
    } else {
        Err(FormError::CeidDigits(digits.to_owned()))
    }
}

fn check_number(number: u16) -> Result<(), FormError> {
    if (1..=999).contains(&number) {
        Ok(())
    } else {
        Err(FormError::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_stands_at_one_dn_and_a_dn_has_one_mac() {
        let mut forms = with_directory(&["6000", "6001"]);
        assert_eq!(forms.map("6000", mac(1)), Ok(None));
        assert_eq!(forms.map("6000", mac(1)), Ok(None));
        assert_eq!(forms.map("6001", mac(1)), Ok(None));
        assert_eq!(forms.mac_of("6000"), None);
        assert_eq!(forms.map("6001", mac(2)), Ok(Some(mac(1))));
        assert_eq!(forms.dn_of(mac(1)), None);
        assert_eq!(forms.dn_of(mac(2)), Some("6001"));
        assert_eq!(forms.unmap(mac(2)).as_deref(), Some("6001"));
        assert_eq!(forms.local("6001"), Some(None));
        assert!(forms.map("7000", mac(1)).is_err());
    }

    #[test]
    fn access_codes_that_make_a_pin_ambiguous_are_refused() {
        assert!(Forms::new("***", "***").is_err());
        assert!(Forms::new("**", "***").is_err());
        assert!(Forms::new("", "***").is_err());
        assert!(Forms::new("12345678901", "#").is_err());
        assert!(Forms::new("abc", "#").is_err());
        let forms = Forms::new("*1", "*2").unwrap();
        assert_eq!(
            forms.split_pin("*16000"),
            Some((AccessCode::Registration, "6000"))
        );
        assert_eq!(
            forms.split_pin("*2*1"),
            Some((AccessCode::Replacement, "*1"))
        );
        assert_eq!(forms.split_pin("6000"), None);
    }

    #[test]
    fn rows_outside_the_vendors_limits_are_refused() {
        let mut forms = with_directory(&[]);
        assert!(forms.add_dn("12345678").is_err());
        assert!(forms.add_dn("").is_err());
        assert!(forms.add_dn("60A0").is_err());
        assert!(forms.set_remote("6000", Some("*1")).is_err());
        assert!(forms.set_cluster_element("1", 0, 1).is_err());
        assert!(forms.set_cluster_element("12345678", 1, 1).is_err());
        assert!(forms.set_networking(1000, 1, None).is_err());
        assert!(forms.set_trunk(0, None).is_err());
        assert!(forms.set_automatic("6199", "6100").is_err());
        assert!(forms.set_automatic("99", "100").is_err());
        assert!(forms.set_automatic("61*0", "6199").is_err());
    }

    #[test]
    fn the_lowest_free_dn_of_the_automatic_range_follows_every_change() {
        let mut forms = with_directory(&["0101"]);
        assert_eq!(forms.automatic(), None);
        forms.set_automatic("0100", "0103").unwrap();
        let free = |forms: &Forms| forms.automatic().flatten();
        assert_eq!(free(&forms).as_deref(), Some("0100"));
        forms.set_remote("0100", Some("2")).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0101"));
        for (dn, n) in [("0102", 2), ("0101", 1), ("0103", 3)] {
            forms.add_dn(dn).unwrap();
            forms.map(dn, mac(n)).unwrap();
        }
        assert_eq!(forms.automatic(), Some(None));
        forms.unmap(mac(2));
        assert_eq!(free(&forms).as_deref(), Some("0102"));
        forms.map("0102", mac(1)).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0101"));
    }

    #[test]
    fn a_dn_that_was_given_away_is_not_given_out_before_a_synchronisation_says_whose_it_is() {
        let mut forms = with_directory(&["0100"]);
        forms.set_automatic("0100", "0101").unwrap();
        let free = |forms: &Forms| forms.automatic().flatten();
        forms.map("0100", mac(1)).unwrap();
        assert_eq!(forms.give_dn("0100"), Ok(Some(mac(1))));
        assert_eq!(free(&forms).as_deref(), Some("0101"));
        forms.replace_remote("2", &["0100".to_owned()]).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0101"));
        forms.replace_remote("2", &[]).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0100"));
        forms.add_dn("0100").unwrap();
        assert_eq!(forms.give_dn("0100"), Ok(None));
        assert_eq!(free(&forms).as_deref(), Some("0101"));
        forms.add_dn("0100").unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0100"));
    }

    #[test]
    fn a_dn_that_was_given_away_is_free_once_a_row_that_named_it_is_deleted() {
        let mut forms = with_directory(&["0100"]);
        forms.set_automatic("0100", "0101").unwrap();
        let free = |forms: &Forms| forms.automatic().flatten();
        assert_eq!(forms.give_dn("0100"), Ok(None));
        forms.set_remote("0100", Some("2")).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0101"));
        forms.replace_remote("2", &[]).unwrap();
        assert_eq!(free(&forms).as_deref(), Some("0100"));
    }

    fn with_directory(dns: &[&str]) -> Forms {
        let mut forms = Forms::new("***", "###").unwrap();
        for dn in dns {
            forms.add_dn(dn).unwrap();
        }
        forms
    }

    fn mac(n: u64) -> Mac {
        Mac([8, 0, 0x0f, 0, 0, 0]).plus(n)
    }
}
