//! Boot files: every server has the same (CL-6), and they are those that the sets ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::network::{is_kernel, servers, told};
use super::stays::name;
use super::{Lint, place};
use crate::scenario::file::{self, At};
use crate::scenario::plan::{Firmware, HostId, HostKind, SubnetId};
use crate::scenario::problem::Problem;

pub(super) fn look(lint: &mut Lint<'_>) {
    folders(lint);
    differences(lint);
    let mut told_of = BTreeSet::new();
    for subnet in 0..lint.plan.subnets.len() {
        let subnet = SubnetId(subnet);
        if lint.stays.in_(subnet).next().is_none() {
            continue;
        }
        for (dhcp, given) in servers(lint, subnet) {
            let Ok(chosen) = told(dhcp) else {
                continue;
            };
            match server(lint, chosen.sw_tftp) {
                Some(server) => boot_files(lint, subnet, server, &mut told_of),
                None if is_kernel(lint.plan, chosen.sw_tftp) => {}
                None => no_server(lint, subnet, given, chosen.sw_tftp),
            }
        }
    }
}

/// A folder that is not there.
fn folders(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    for (n, (host, given)) in plan.hosts.iter().zip(&file.tftp).enumerate() {
        let HostKind::Tftp {
            firmware: Firmware::Folder(folder),
            ..
        } = &host.kind
        else {
            continue;
        };
        if lint.files.contains_key(&HostId(n)) {
            continue;
        }
        let span = place(given.firmware.as_ref(), &given.span);
        let message = format!("the folder `{folder}` can't be read");
        let help = "its path begins at the scenario file's own folder".to_owned();
        let problem = Problem::new(&span, message).help(help);
        let effect = "the scenario is not run";
        lint.warn("firmware-folder", problem, effect);
    }
}

/// CL-6: each server against the first.
fn differences(lint: &mut Lint<'_>) {
    let (plan, file) = (lint.plan, lint.file);
    let mut servers = (0..file.tftp.len()).filter_map(|n| Some((n, lint.files.get(&HostId(n))?)));
    let Some((first, usual)) = servers.next() else {
        return;
    };
    for (n, files) in servers {
        let Some(difference) = difference(files, usual) else {
            continue;
        };
        let (name, other) = (&plan.hosts[n].name, &plan.hosts[first].name);
        let message = format!("{name} does not serve what {other} does: {difference}");
        let given = |n: usize| place(file.tftp[n].firmware.as_ref(), &file.tftp[n].span);
        let problem = Problem::new(&given(n), message)
            .context(&given(first), format!("the firmware of {other}"))
            .help(format!("give {name} the same files as {other}"));
        let effect = "a set that goes from one to the other writes its flash memory each time, and runs \
                      another version there";
        lint.warn("CL-6", problem, effect);
    }
}

type Contents = BTreeMap<String, Arc<[u8]>>;

fn difference(files: &Contents, usual: &Contents) -> Option<String> {
    let lacks = usual.keys().find(|file| !files.contains_key(*file));
    let lacks = lacks.map(|file| format!("it lacks {file}"));
    let other = files
        .iter()
        .find_map(|(file, content)| match usual.get(file) {
            Some(same) if same == content => None,
            Some(_) => Some(format!("{file} is another")),
            None => Some(format!("it has {file} besides")),
        });
    lacks.or(other)
}

/// The boot server with this address.
fn server(lint: &Lint<'_>, at: Ipv4Addr) -> Option<usize> {
    let serves = |kind: &HostKind| matches!(kind, HostKind::Tftp { address, .. } if *address == at);
    let mut hosts = lint.plan.hosts.iter();
    hosts.position(|host| serves(&host.kind))
}

/// What the sets of a subnet ask their server for. `told_of`: servers and files that were told before.
fn boot_files(
    lint: &mut Lint<'_>,
    subnet: SubnetId,
    server: usize,
    told_of: &mut BTreeSet<(usize, String)>,
) {
    let (plan, file) = (lint.plan, lint.file);
    let Some(files) = lint.files.get(&HostId(server)) else {
        return;
    };
    let tables: Vec<usize> = lint.stays.in_(subnet).map(|stay| stay.table).collect();
    for table in tables {
        let Some(set) = plan.phones.get(lint.stays.first(table)) else {
            continue;
        };
        let given = &file.phones[table];
        for wanted in [&set.model.boot_file, &set.model.main_file] {
            if files.contains_key(wanted) || !told_of.insert((server, wanted.clone())) {
                continue;
            }
            let server_name = &plan.hosts[server].name;
            let message = format!(
                "{server_name} has no {wanted}, which {} asks for",
                name(given)
            );
            let tftp = &file.tftp[server];
            let span = given.model.as_ref().or(given.name.as_ref());
            let problem = Problem::new(&place(span, &given.span), message)
                .context(
                    &place(tftp.firmware.as_ref(), &tftp.span),
                    format!("the firmware of {server_name}"),
                )
                .help(format!("add {wanted} to the firmware of {server_name}"));
            let effect = "the set shows `Download failed`, starts over, and never registers";
            lint.warn("boot-files", problem, effect);
        }
    }
}

fn no_server(lint: &mut Lint<'_>, subnet: SubnetId, given: &At<file::Dhcp>, address: Ipv4Addr) {
    let list = given.value.told.sw_tftp.as_ref();
    let first = list.and_then(|list| list.value.first());
    let span = place(first, &place(list, &given.span));
    let name = &lint.plan.subnets[subnet.0].name;
    let message = format!("the boot server {address} of {name} is none of this file");
    let problem = Problem::new(&span, message).help("name a [[tftp]]".to_owned());
    let effect = "a set that goes by it gets no boot file, starts over, and never registers";
    lint.warn("boot-server", problem, effect);
}
