//! Who stands where: each address and each MAC belongs to one station, in the subnet that it fits.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::names::Names;
use crate::scenario::file::At;
use crate::scenario::plan::{Prefix, Subnet, SubnetId};
use crate::scenario::problem::{Problem, Problems, Span};
use crate::wire::Mac;

/// Addresses and MACs that are taken.
#[derive(Debug, Default)]
pub(super) struct Stations {
    addresses: BTreeMap<Ipv4Addr, (String, Span)>,
    macs: BTreeMap<Mac, Vec<Owner>>,
}

/// Who has a MAC.
#[derive(Debug)]
struct Owner {
    who: String,
    span: Span,
    /// A router's interface may have the MAC of a router's interface in another subnet: that is how
    /// first-hop redundancy with a default group looks.
    gateway_in: Option<SubnetId>,
}

impl Stations {
    /// A server or router stands in this subnet: with its MAC, or with one that comes from its address.
    /// Gives the MAC.
    pub(super) fn server(
        &mut self,
        who: &str,
        (address, mac): (&At<Ipv4Addr>, Option<&At<Mac>>),
        subnet: &Subnet,
        gateway_in: Option<SubnetId>,
        problems: &mut Problems,
    ) -> Mac {
        let good = self.address(who, address, subnet, problems);
        match mac {
            Some(At { value, span }) => {
                self.mac(who.to_owned(), *value, span, gateway_in, problems);
                *value
            }
            None => {
                let mac = server_mac(address.value);
                // A wrong address is told; that its MAC is wrong as well need not be.
                if good {
                    self.mac(who.to_owned(), mac, &address.span, gateway_in, problems);
                }
                mac
            }
        }
    }

    /// `who` has this address in this subnet. Says whether it may.
    fn address(
        &mut self,
        who: &str,
        address: &At<Ipv4Addr>,
        subnet: &Subnet,
        problems: &mut Problems,
    ) -> bool {
        if subnet.prefix == ANY || !check_host(address, subnet, problems) {
            return false;
        }
        if let Some((other, place)) = self.addresses.get(&address.value) {
            let message = format!("{} is the address of {other}", address.value);
            let problem = Problem::new(&address.span, message).label(format!("given to {who}"));
            problems.push(problem.context(place, format!("given to {other}")));
            return false;
        }
        let owner = (who.to_owned(), address.span.clone());
        self.addresses.insert(address.value, owner);
        true
    }

    /// `who` has this MAC.
    pub(super) fn mac(
        &mut self,
        who: String,
        mac: Mac,
        span: &Span,
        gateway_in: Option<SubnetId>,
        problems: &mut Problems,
    ) {
        let owners = self.macs.entry(mac).or_default();
        let other = owners.iter().find(|other| {
            other.gateway_in.is_none() || gateway_in.is_none() || other.gateway_in == gateway_in
        });
        if let Some(other) = other {
            let message = format!("{mac} is the MAC of {}", other.who);
            let problem = Problem::new(span, message).label(format!("given to {who}"));
            problems.push(problem.context(&other.span, format!("given to {}", other.who)));
            return;
        }
        owners.push(Owner {
            who,
            span: span.clone(),
            gateway_in,
        });
    }

    /// The first of these addresses that a station has.
    pub(super) fn first_in(&self, range: (Ipv4Addr, Ipv4Addr)) -> Option<(Ipv4Addr, &str, &Span)> {
        let (address, (who, span)) = self.addresses.range(range.0..=range.1).next()?;
        Some((*address, who, span))
    }
}

/// Whether a station may have this address in this subnet; if not, why.
pub(super) fn check_host(address: &At<Ipv4Addr>, subnet: &Subnet, problems: &mut Problems) -> bool {
    let At { value, span } = address;
    let Subnet { name, prefix, .. } = subnet;
    let wrong = if !prefix.contains(*value) {
        format!("{value} is not in the subnet {name} ({prefix})")
    } else if *value == prefix.address {
        format!("{value} is the network address of {name} ({prefix})")
    } else if *value == prefix.last() {
        format!("{value} is the broadcast address of {name} ({prefix})")
    } else {
        return true;
    };
    problems.push(Problem::new(span, wrong));
    false
}

/// The subnet that a station stands in: the one it names, or the one that its address belongs to. One that has neither
/// is told of already.
pub(super) fn place(
    at: Option<&At<String>>,
    address: Option<&At<Ipv4Addr>>,
    (subnets, names): (&[Subnet], &Names),
    problems: &mut Problems,
) -> Option<SubnetId> {
    match (at, address) {
        (Some(name), _) => names.subnet(name, problems),
        (None, Some(address)) => {
            let holds = |subnet: &Subnet| subnet.prefix.contains(address.value);
            let found = subnets.iter().position(holds).map(SubnetId);
            if found.is_none() {
                let prefixes: Vec<String> = subnets
                    .iter()
                    .map(|subnet| subnet.prefix.to_string())
                    .collect();
                let message = format!("{} is in no subnet of this file", address.value);
                let help = format!("the subnets are {}", prefixes.join(", "));
                problems.push(Problem::new(&address.span, message).help(help));
            }
            found
        }
        (None, None) => None,
    }
}

/// The MAC of a server or router that the file gives none: locally administered, and its address can be
/// read from it: 02:00, then the four bytes of the address.
fn server_mac(address: Ipv4Addr) -> Mac {
    let [a, b, c, d] = address.octets();
    Mac([0x02, 0x00, a, b, c, d])
}

/// Stands in for a prefix that could not be read: every address fits.
pub(super) const ANY: Prefix = Prefix {
    address: Ipv4Addr::UNSPECIFIED,
    len: 0,
};
