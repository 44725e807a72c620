//! Who is called what: every station, group and subnet has one name, and no two have the same.

use std::collections::BTreeMap;
use std::ops::Range;

use super::dhcp;
use crate::scenario::file::{At, File};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::plan::{ElementId, HostId, PhoneId, Place, Powered, StationId, SubnetId};
use crate::scenario::problem::{Problem, Problems, Span};

/// The hosts are boot servers, kernels, DNS servers and DHCP servers, in this order.
fn dns_server(file: &File, i: usize) -> HostId {
    HostId(file.tftp.len() + file.hosts.len() + i)
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Subnet(SubnetId),
    Router,
    /// A boot server, a DNS server, or a DHCP server.
    Host(HostId),
    Kernel(HostId),
    Element(ElementId),
    Phone(PhoneId),
    /// Indexes of its phones.
    Group(Range<usize>),
}

impl Named {
    fn as_str(&self) -> &'static str {
        match self {
            Named::Subnet(_) => "a subnet",
            Named::Router => "a router",
            Named::Host(_) => "a server",
            Named::Kernel(_) => "a kernel host",
            Named::Element(_) => "an element",
            Named::Phone(_) => "a phone",
            Named::Group(_) => "a group of phones",
        }
    }
}

/// Every name of the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, (Named, Span)>,
    /// Some name of the file could not be read, or some table was not known: one that is not known here may be that one.
    incomplete: bool,
}

impl Names {
    /// The names of everything but phones and routers that a gateway makes; a DHCP server's is that of
    /// [`dhcp::Server::name`].
    pub(super) fn of(file: &File, problems: &mut Problems) -> Names {
        let mut names = Names {
            incomplete: file.incomplete,
            ..Names::default()
        };
        for (i, subnet) in file.subnets.iter().enumerate() {
            names.add(subnet.name.as_ref(), Named::Subnet(SubnetId(i)), problems);
        }
        let servers = file.tftp.iter().map(|tftp| &tftp.name);
        for (i, name) in servers.enumerate() {
            names.add(name.as_ref(), Named::Host(HostId(i)), problems);
        }
        for (i, host) in file.hosts.iter().enumerate() {
            let host_id = HostId(file.tftp.len() + i);
            names.add(host.name.as_ref(), Named::Kernel(host_id), problems);
        }
        for (i, dns) in file.dns.iter().enumerate() {
            let host_id = dns_server(file, i);
            names.add(dns.name.as_ref(), Named::Host(host_id), problems);
        }
        for (i, server) in dhcp::servers(file).enumerate() {
            let host_id = HostId(file.tftp.len() + file.hosts.len() + file.dns.len() + i);
            let name = file.subnets[server.subnet].name.as_ref();
            let name = name.map(|name| At::new(server.name(&name.value), name.span.clone()));
            // A subnet's own name is told if it is given twice; its server's would be as well.
            if name
                .as_ref()
                .is_none_or(|name| !names.known.contains_key(&name.value))
            {
                names.add(name.as_ref(), Named::Host(host_id), problems);
            }
        }
        for (i, element) in file.elements.iter().enumerate() {
            names.add(
                element.name.as_ref(),
                Named::Element(ElementId(i)),
                problems,
            );
        }
        for router in &file.routers {
            names.add(router.name.as_ref(), Named::Router, problems);
        }
        names
    }

    /// Gives a name its meaning.
    pub(super) fn add(&mut self, name: Option<&At<String>>, named: Named, problems: &mut Problems) {
        let Some(At { value, span }) = name else {
            self.incomplete = true;
            return;
        };
        if let Some((other, first)) = self.known.get(value) {
            let message = format!("the name `{value}` is taken: it is {}", other.as_str());
            let problem = Problem::new(span, message).context(first, "named here");
            problems.push(problem);
            return;
        }
        self.known.insert(value.clone(), (named, span.clone()));
    }

    /// A router that a gateway names: the first to do so makes it.
    pub(super) fn add_router(&mut self, name: &At<String>, problems: &mut Problems) {
        if !matches!(self.known.get(&name.value), Some((Named::Router, _))) {
            self.add(Some(name), Named::Router, problems);
        }
    }

    pub(super) fn subnet(&self, name: &At<String>, problems: &mut Problems) -> Option<SubnetId> {
        self.find(name, "a subnet", problems, |named| {
            if let Named::Subnet(subnet) = named {
                Some(*subnet)
            } else {
                None
            }
        })
    }

    pub(super) fn element(&self, name: &At<String>, problems: &mut Problems) -> Option<ElementId> {
        self.find(name, "an element", problems, |named| {
            if let Named::Element(element) = named {
                Some(*element)
            } else {
                None
            }
        })
    }

    pub(super) fn kernel(&self, name: &At<String>, problems: &mut Problems) -> Option<HostId> {
        self.find(name, "a kernel host", problems, |named| {
            if let Named::Kernel(host) = named {
                Some(*host)
            } else {
                None
            }
        })
    }

    /// A kernel host with this name; nothing is said if there is none.
    pub(super) fn kernel_if_any(&self, name: &At<String>) -> Option<HostId> {
        match self.known.get(&name.value) {
            Some((Named::Kernel(host), _)) => Some(*host),
            Some(_) | None => None,
        }
    }

    /// A boot server: those come first among the hosts.
    pub(super) fn boot_server(
        &self,
        name: &At<String>,
        boot_servers: usize,
        problems: &mut Problems,
    ) -> Option<HostId> {
        self.find(name, "a boot server", problems, |named| {
            if let Named::Host(host) = named {
                (host.0 < boot_servers).then_some(*host)
            } else {
                None
            }
        })
    }

    /// A DNS server, and its place among those.
    pub(super) fn dns_server(
        &self,
        name: &At<String>,
        file: &File,
        problems: &mut Problems,
    ) -> Option<(HostId, usize)> {
        self.find(name, "a DNS server", problems, |named| {
            let mut servers = (0..file.dns.len()).map(|i| (dns_server(file, i), i));
            servers.find(|(id, _)| *named == Named::Host(*id))
        })
    }

    /// What a step can stop and start: a server, an element or a router. `routers`: by the plan's order.
    pub(super) fn powered(
        &self,
        name: &At<String>,
        routers: &[String],
        problems: &mut Problems,
    ) -> Option<Powered> {
        let wanted = "a server, an element, a router or a host with a program";
        let found = self.find(name, wanted, problems, |named| match named {
            Named::Host(host) => Some(Some(Powered::Station(StationId::Host(*host)))),
            Named::Element(element) => Some(Some(Powered::Station(StationId::Element(*element)))),
            // Each router that has a name is one of the plan's.
            Named::Router => {
                let at = routers.iter().position(|it| *it == name.value);
                Some(Some(Powered::Router(at.unwrap_or_default())))
            }
            // A kernel's power is not ours to take; a step may run `ip link set eth0 down` there.
            Named::Kernel(_) => Some(None),
            Named::Subnet(_) | Named::Phone(_) | Named::Group(_) => None,
        })?;
        if found.is_none() {
            problems.push(no_program(name));
        }
        found
    }

    /// A DHCP server: those come last among the hosts.
    pub(super) fn dhcp_server(
        &self,
        name: &At<String>,
        file: &File,
        problems: &mut Problems,
    ) -> Option<HostId> {
        let first = dns_server(file, file.dns.len());
        self.find(name, "a DHCP server", problems, |named| {
            if let Named::Host(host) = named {
                (*host >= first).then_some(*host)
            } else {
                None
            }
        })
    }

    /// One phone.
    pub(super) fn phone(&self, name: &At<String>, problems: &mut Problems) -> Option<PhoneId> {
        self.find(name, "a phone", problems, |named| {
            if let Named::Phone(phone) = named {
                Some(*phone)
            } else {
                None
            }
        })
    }

    /// The phones of these names and groups, each once, in the order of the list.
    pub(super) fn phones(&self, names: &[At<String>], problems: &mut Problems) -> Vec<PhoneId> {
        let mut phones: Vec<PhoneId> = Vec::new();
        let mut first: BTreeMap<PhoneId, &Span> = BTreeMap::new();
        for name in names {
            let found = self.find(name, "a phone or a group of phones", problems, phones_of);
            for phone in found.into_iter().flatten().map(PhoneId) {
                match first.get(&phone) {
                    None => {
                        first.insert(phone, &name.span);
                        phones.push(phone);
                    }
                    Some(place) => {
                        let message = format!("`{}` is in this list already", name.value);
                        problems.push(Problem::new(&name.span, message).context(place, "here"));
                        break;
                    }
                }
            }
        }
        phones
    }

    /// Stations, all phones of a group, or a whole subnet: whose cables are meant. `routers`: by the plan's order.
    pub(super) fn places(
        &self,
        names: &[At<String>],
        routers: &[String],
        problems: &mut Problems,
    ) -> Vec<Place> {
        let mut places = Vec::new();
        for name in names {
            let wanted = "a phone, a group, a server, an element, a router or a subnet";
            let found = self.find(name, wanted, problems, |named| Some(named.clone()));
            match found {
                Some(Named::Subnet(subnet)) => places.push(Place::Subnet(subnet)),
                Some(Named::Host(host) | Named::Kernel(host)) => places.push(Place::Host(host)),
                Some(Named::Element(element)) => places.push(Place::Element(element)),
                Some(Named::Phone(phone)) => places.push(Place::Phone(phone)),
                Some(Named::Group(phones)) => {
                    places.extend(phones.map(|phone| Place::Phone(PhoneId(phone))));
                }
                Some(Named::Router) => {
                    let router = routers.iter().position(|it| *it == name.value);
                    places.extend(router.map(Place::Router));
                }
                None => {}
            }
        }
        places
    }

    /// Whatever has this name, if somebody has.
    pub(super) fn get(&self, name: &str) -> Option<&Named> {
        self.known.get(name).map(|(named, _)| named)
    }

    /// A phone, a group or an element: what an expectation is of.
    pub(super) fn subject(&self, name: &At<String>, problems: &mut Problems) -> Option<&Named> {
        let wanted = "a phone, a group of phones, an element or a kernel host";
        self.find(name, wanted, problems, |named| match named {
            Named::Phone(_) | Named::Group(_) | Named::Element(_) | Named::Kernel(_) => Some(named),
            Named::Subnet(_) | Named::Router | Named::Host(_) => None,
        })
    }

    /// Says that there is no such name, unless it may be one that could not be read.
    pub(super) fn unknown<'a>(
        &'a self,
        name: &At<String>,
        wanted: &str,
        fits: impl Fn(&'a Named) -> bool,
        problems: &mut Problems,
    ) {
        if self.incomplete {
            return;
        }
        let fitting = self.known.iter().filter(|(_, (named, _))| fits(named));
        let names: Vec<&str> = fitting.map(|(name, _)| name.as_str()).collect();
        let help = did_you_mean(&name.value, names.iter().copied()).or_else(|| all_of(&names));
        let message = format!("nothing is named `{}`", name.value);
        let problem = Problem::new(&name.span, message).label(format!("needs {wanted}"));
        problems.push(problem.help(help));
    }

    fn find<'a, T>(
        &'a self,
        name: &At<String>,
        wanted: &str,
        problems: &mut Problems,
        pick: impl Fn(&'a Named) -> Option<T>,
    ) -> Option<T> {
        let Some((named, place)) = self.known.get(&name.value) else {
            self.unknown(name, wanted, |named| pick(named).is_some(), problems);
            return None;
        };
        let picked = pick(named);
        if picked.is_none() {
            let message = format!("`{}` is {}", name.value, named.as_str());
            let problem = Problem::new(&name.span, message).label(format!("needs {wanted}"));
            problems.push(problem.context(place, "named here"));
        }
        picked
    }
}

fn phones_of(named: &Named) -> Option<Range<usize>> {
    match named {
        Named::Phone(PhoneId(phone)) => Some(*phone..phone + 1),
        Named::Group(phones) => Some(phones.clone()),
        Named::Subnet(_)
        | Named::Router
        | Named::Host(_)
        | Named::Kernel(_)
        | Named::Element(_) => None,
    }
}

/// A few names are shown all.
fn all_of(names: &[&str]) -> Option<String> {
    const SHOWN_MAX: usize = 8;
    match names {
        [] => None,
        [one] => Some(format!("there is `{one}`")),
        some if some.len() <= SHOWN_MAX => Some(format!("there are `{}`", some.join("`, `"))),
        _ => None,
    }
}

/// What is asked for is a program's, and none stands on the kernel host of this name.
pub(super) fn no_program(name: &At<String>) -> Problem {
    Problem::new(&name.span, "no program stands on this host")
        .help("give the [[host]] a `command`".to_owned())
}
