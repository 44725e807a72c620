//! From the file as written to the plan: names are looked up, defaults filled in, everything is checked
//! that can be checked without a run.
//!
//! Each part goes on after a problem, with something in the place of what is wrong, so that every problem
//! is found. The plan is used only if there was none.

mod cluster;
mod dhcp;
mod hosts;
mod names;
mod network;
mod options;
mod phones;
mod routes;
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
        lines: std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect(),
    };
    let mut routers = network::routers(&mut resolver);
    routes::fill_in(file, &resolver.subnets, &mut routers, resolver.problems);
    let hosts = hosts::hosts(&mut resolver);
    let places = cluster::places(&mut resolver);
    let codes = cluster::codes(&mut resolver);
    let (phones, groups) = phones::phones(&mut resolver, &codes);
    let macs: Vec<Mac> = phones.iter().map(|phone: &Phone| phone.mac).collect();
    let elements = cluster::elements(&mut resolver, &places, &codes, &macs);
    for (i, subnet) in file.subnets.iter().enumerate() {
        if let Some(dhcp) = &subnet.dhcp {
            resolver.subnets[i].dhcp = Some(dhcp::dhcp(&mut resolver, i, dhcp, &macs));
        }
    }
    let steps = steps::steps(&mut resolver, &codes);
    Some(Plan {
        title: file.title.as_ref()?.value.clone(),
        shows: file.shows.iter().map(|rule| rule.value.clone()).collect(),
        seed: file.seed.as_ref().map_or(1, |seed| seed.value),
        subnets: resolver.subnets,
        routers,
        hosts,
        elements,
        phones,
        groups,
        steps,
    })
}

impl Resolver<'_> {
    /// The line of a place, from 1.
    fn line(&self, span: &Span) -> usize {
        self.lines.partition_point(|start| *start <= span.start)
    }
}
