//! From the file as written to the plan: names are looked up, defaults filled in, everything is checked
//! that can be checked without a run.
//!
//! Each part goes on after a problem, with something in the place of what is wrong, so that every problem
//! is found. The plan is used only if there was none.

mod admin;
mod cluster;
mod dhcp;
mod faults;
mod hosts;
mod names;
mod network;
mod options;
mod phones;
mod routes;
mod send;
mod states;
mod stations;
mod steps;

use super::file::File;
use super::plan::{Phone, Plan, Subnet};
use super::problem::{Problems, Span};
use crate::wire::Mac;
use names::Names;
use stations::Stations;

/// What the parts work with.
struct Resolver<'a> {
    file: &'a File,
    text: &'a str,
    problems: &'a mut Problems,
    names: Names,
    subnets: Vec<Subnet>,
    stations: Stations,
    /// Of the phones, in the plan's order.
    macs: Vec<Mac>,
    /// Names of the routers, in the plan's order.
    routers: Vec<String>,
    /// Names of faults, in the order in which steps begin them.
    faults: Vec<String>,
    /// Offsets of the lines' first bytes.
    lines: Vec<usize>,
}

/// The plan of a file; `text` is what the file was read from. It may be used only if there are no problems.
pub(super) fn plan(file: &File, text: &str, problems: &mut Problems) -> Option<Plan> {
    let names = Names::of(file, problems);
    let subnets = network::subnets(file, problems);
    let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let mut resolver = Resolver {
        file,
        text,
        problems,
        names,
        subnets,
        stations: Stations::default(),
        macs: Vec::new(),
        routers: Vec::new(),
        faults: Vec::new(),
        lines: std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect(),
    };
    network::voice(&mut resolver);
    let mut routers = network::routers(&mut resolver);
    routes::fill_in(file, &resolver.subnets, &mut routers, resolver.problems);
    let hosts = hosts::hosts(&mut resolver);
    let places = cluster::places(&mut resolver);
    let codes = cluster::codes(&mut resolver);
    let (phones, groups) = phones::phones(&mut resolver, &codes);
    let macs: Vec<Mac> = phones.iter().map(|phone: &Phone| phone.mac).collect();
    let elements = cluster::elements(&mut resolver, &places, &codes, &macs);
    for (i, subnet) in file.subnets.iter().enumerate() {
        for dhcp in &subnet.dhcp {
            let dhcp = dhcp::dhcp(&mut resolver, i, dhcp, &macs);
            resolver.subnets[i].dhcp.push(dhcp);
        }
    }
    let trunks = cluster::trunks(&mut resolver);
    resolver.macs = macs;
    resolver.routers = routers.iter().map(|router| router.name.clone()).collect();
    let steps = steps::steps(&mut resolver, &codes);
    Some(Plan {
        title: file.title.as_ref()?.value.clone(),
        shows: file.shows.iter().map(|rule| rule.value.clone()).collect(),
        tags: file.tags.iter().map(|tag| tag.value.clone()).collect(),
        allow: file.allow.iter().map(|id| id.value.clone()).collect(),
        seed: file.seed.as_ref().map_or(1, |seed| seed.value),
        subnets: resolver.subnets,
        routers,
        hosts,
        elements,
        trunks,
        phones,
        groups,
        faults: resolver.faults,
        steps,
    })
}

impl Resolver<'_> {
    /// The line of a place, from 1.
    fn line(&self, span: &Span) -> usize {
        self.lines.partition_point(|start| *start <= span.start)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::plan::Plan;
    use crate::scenario::read;

    #[test]
    fn a_default_pool_leaves_room_for_gateway_and_server() {
        for (prefix, pool) in [
            ("10.1.0.0/16", "10.1.0.50 - 10.1.255.254"),
            ("10.1.0.0/24", "10.1.0.50 - 10.1.0.254"),
            ("10.1.0.0/26", "10.1.0.16 - 10.1.0.62"),
            ("10.1.0.0/29", "10.1.0.3 - 10.1.0.6"),
        ] {
            let dhcp = "gateway = { router = \"r1\" }\ndhcp = {}";
            let plan = plan(&format!(
                "[[subnet]]\nname = \"a\"\nprefix = \"{prefix}\"\n{dhcp}"
            ));
            let (first, last) = plan.subnets[0].dhcp[0].pool;
            assert_eq!(format!("{first} - {last}"), pool);
        }
    }

    #[test]
    fn gateways_in_different_subnets_may_share_a_mac() {
        let gateway = |n: u8| {
            let mac = "00:00:0c:07:ac:00";
            let gateway = format!("gateway = {{ router = \"r{n}\", mac = \"{mac}\" }}");
            format!("[[subnet]]\nname = \"s{n}\"\nprefix = \"10.{n}.0.0/24\"\n{gateway}\n")
        };
        let plan = plan(&(gateway(1) + &gateway(2)));
        let macs = plan.routers.iter().map(|router| router.interfaces[0].mac);
        assert_eq!(macs.collect::<std::collections::BTreeSet<_>>().len(), 1);
    }

    #[test]
    fn a_group_counts_names_macs_and_pins_up_from_one() {
        let plan = plan(
            r#"
            [[subnet]]
            name = "a"
            prefix = "10.0.0.0/8"
            [[phone]]
            name = "desk"
            names = "d{n:6}"
            count = 100000
            at = "a"
            user = { pin = "***{100000+n}" }
            [[step]]
            power-up = "desk"
            "#,
        );
        let last = plan.phones.last().unwrap();
        assert_eq!(last.name, "d100000");
        assert_eq!(last.mac.to_string(), "08:00:0f:01:86:a0");
        assert_eq!(last.user_pin.as_deref(), Some("***200000"));
        assert_eq!(plan.groups[0].phones, 0..100_000);
    }

    fn plan(tables: &str) -> Plan {
        let text = format!("scenario = \"A test\"\n{tables}");
        read(&text).unwrap_or_else(|problems| panic!("{}", problems.render("test", &text, false)))
    }
}
