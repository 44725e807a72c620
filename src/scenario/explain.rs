//! The plan in words, with every default filled in: what `check --explain` prints.
//!
//! The order is that of the file. Numbers that follow each other and phones that were made in numbers are
//! drawn together, so that a large plan stays readable.

mod steps;

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use super::plan::{
    ArpMode, Cable, Dhcp, Element, ElementId, Firmware, Host, HostKind, HostProgram, Phone, Plan,
    Ready, ReversePath, Router, Subnet, SubnetId, TrunkKind, Vlan,
};
use super::units::{show_duration, show_rate, show_size};
use crate::wire::Mac;
use crate::wire::vendor::{Decoded, decode_43, decode_125};

/// The plan, with every default filled in.
pub fn explain(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_plan(&mut text, plan);
    text
}

fn write_plan(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "{}", plan.title)?;
    let shows = if plan.shows.is_empty() {
        "no rule".to_owned()
    } else {
        plan.shows.join(", ")
    };
    writeln!(out, "shows {shows}; seed {}", plan.seed)?;
    if !plan.tags.is_empty() {
        writeln!(out, "tags {}", plan.tags.join(" "))?;
    }
    if !plan.allow.is_empty() {
        writeln!(out, "stages what {} warns of", plan.allow.join(", "))?;
    }
    for subnet in &plan.subnets {
        write_subnet(out, plan, subnet)?;
    }
    for router in &plan.routers {
        write_router(out, plan, router)?;
    }
    for host in &plan.hosts {
        write_host(out, plan, host)?;
    }
    for element in &plan.elements {
        write_element(out, plan, element)?;
    }
    write_trunks(out, plan)?;
    write_phones(out, plan)?;
    steps::write(out, plan)
}

fn write_subnet(out: &mut String, plan: &Plan, subnet: &Subnet) -> fmt::Result {
    let Cable {
        latency,
        rate,
        queue_bytes,
    } = subnet.cable;
    writeln!(out, "\nsubnet {}", subnet.name)?;
    writeln!(out, "  prefix    {}", subnet.prefix)?;
    if (subnet.switch.as_str(), subnet.vlan) != (subnet.name.as_str(), 1) {
        writeln!(out, "  switch    {}, VLAN {}", subnet.switch, subnet.vlan)?;
    }
    for voice in &subnet.voice {
        let voice = &plan.subnets[voice.0];
        let (name, vlan) = (&voice.name, voice.vlan);
        writeln!(out, "  voice     {name}, VLAN {vlan}, tagged at its sets")?;
    }
    if let Some(policy) = &subnet.policy {
        let (vlan, priority, dscp) = (policy.vlan, policy.priority, policy.dscp);
        writeln!(
            out,
            "  lldp-med  VLAN {vlan}, priority {priority}, DSCP {dscp}"
        )?;
    }
    writeln!(out, "  gateway   {}", or_none(subnet.gateway))?;
    writeln!(
        out,
        "  cables    latency {}, rate {}, queue {}",
        show_duration(latency),
        show_rate(rate),
        show_size(queue_bytes)
    )?;
    match &subnet.dhcp {
        Some(dhcp) => write_dhcp(out, subnet, dhcp),
        None => writeln!(out, "  dhcp      none"),
    }
}

fn write_dhcp(out: &mut String, subnet: &Subnet, dhcp: &Dhcp) -> fmt::Result {
    let (first, last) = dhcp.pool;
    let kind = if dhcp.authoritative {
        "authoritative"
    } else {
        "not authoritative"
    };
    let way = if subnet.prefix.contains(dhcp.server) {
        ""
    } else {
        ", by the gateway's relay"
    };
    writeln!(out, "  dhcp      server {}{way}, {kind}", dhcp.server)?;
    writeln!(out, "    pool    {first} - {last}")?;
    let renew = dhcp.renew.unwrap_or(dhcp.lease / 2);
    let rebind = dhcp.rebind.unwrap_or(dhcp.lease.saturating_mul(7) / 8);
    let [lease, renew, rebind] = [dhcp.lease, renew, rebind].map(show_duration);
    writeln!(
        out,
        "    lease   {lease}, renewed after {renew}, rebound after {rebind}"
    )?;
    writeln!(out, "    router  {}", or_none(dhcp.router))?;
    let servers: Vec<String> = dhcp.name_servers.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "    name-servers  {}",
        or_none((!servers.is_empty()).then(|| servers.join(", ")))
    )?;
    for (mac, address) in &dhcp.reservations {
        writeln!(out, "    reserve {address} for {mac}")?;
    }
    for (code, bytes) in &dhcp.options {
        writeln!(out, "    option {code}  {}", option(*code, bytes))?;
    }
    Ok(())
}

/// The text of an option where it has one, else its bytes.
fn option(code: u8, bytes: &[u8]) -> String {
    let sets = |decoded: Decoded| {
        let (_, text) = decoded.text.filter(|_| decoded.defects.is_empty())?;
        Some(format!("{text} ({})", decoded.source))
    };
    let text = match code {
        125 => sets(decode_125(bytes)),
        43 => sets(decode_43(bytes)),
        60 => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    };
    let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.unwrap_or_else(hex)
}

fn write_router(out: &mut String, plan: &Plan, router: &Router) -> fmt::Result {
    writeln!(out, "\nrouter {}", router.name)?;
    for interface in &router.interfaces {
        let arp = match interface.arp {
            ArpMode::Strict => "strict",
            ArpMode::AnyOwnAddress => "any-own-address",
            ArpMode::Proxy => "proxy",
        };
        let (name, address, mac) = (
            subnet(plan, interface.subnet),
            interface.address,
            interface.mac,
        );
        let check = match interface.reverse_path {
            ReversePath::Off => "",
            ReversePath::Loose => ", reverse-path loose",
            ReversePath::Strict => ", reverse-path strict",
        };
        let relay = match interface.relay_to {
            Some(server) => format!(", relays DHCP to {server}"),
            None => String::new(),
        };
        writeln!(
            out,
            "  interface {name} {address} {mac}, arp {arp}{check}{relay}"
        )?;
    }
    for route in &router.routes {
        writeln!(out, "  route     {} via {}", route.to, route.via)?;
    }
    Ok(())
}

fn write_host(out: &mut String, plan: &Plan, host: &Host) -> fmt::Result {
    let Host {
        name,
        at,
        mac,
        kind,
    } = host;
    let place = format!("  at        {}, {mac}", subnet(plan, *at));
    match kind {
        HostKind::Tftp {
            address,
            ports,
            block_size,
            firmware,
        } => {
            writeln!(out, "\ntftp {name}\n{place}, {address}")?;
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            writeln!(out, "  ports     {}", ports.join(", "))?;
            writeln!(out, "  blocks    of at most {block_size} bytes")?;
            match firmware {
                Firmware::Folder(folder) => writeln!(out, "  firmware  the files of {folder}")?,
                Firmware::Made(files) => {
                    for file in files {
                        let size = show_size(file.bytes);
                        writeln!(
                            out,
                            "  firmware  {}, version {}, {size}, made up",
                            file.name, file.version
                        )?;
                    }
                }
            }
            Ok(())
        }
        HostKind::Dns {
            address,
            ttl,
            delay,
            records,
        } => {
            let (ttl, delay) = (show_duration(*ttl), show_duration(*delay));
            writeln!(out, "\ndns {name}\n{place}, {address}")?;
            writeln!(out, "  answers   after {delay}, for {ttl}")?;
            for (name, to) in records {
                writeln!(out, "  record    {name} {to}")?;
            }
            Ok(())
        }
        HostKind::Dhcp { address } => {
            writeln!(out, "\nhost {name}\n{place}, serves DHCP")?;
            write_domain(out, plan, *at, *address)
        }
        HostKind::Kernel {
            address,
            trunk,
            program,
        } => {
            let address =
                address.map_or("no address yet".to_owned(), |address| address.to_string());
            writeln!(
                out,
                "\nhost {name}\n{place}, {address}, a kernel of this machine"
            )?;
            for tagged in trunk {
                let Subnet { name, vlan, .. } = &plan.subnets[tagged.0];
                writeln!(out, "  trunk     {name}, VLAN {vlan}, tagged")?;
            }
            match program {
                Some(program) => write_program(out, program),
                None => Ok(()),
            }
        }
        HostKind::Interface { device } => {
            let at = subnet(plan, *at);
            writeln!(out, "\ninterface {device}\n  at        {at}")
        }
    }
}

fn write_program(out: &mut String, program: &HostProgram) -> fmt::Result {
    writeln!(out, "  command   {}", program.command.join(" "))?;
    for (name, value) in &program.environment {
        writeln!(out, "  variable  {name}={value}")?;
    }
    match &program.ready {
        None => writeln!(out, "  ready     at once"),
        Some(Ready::Port(port)) => writeln!(out, "  ready     with port {port}"),
        Some(Ready::Prints(text)) => writeln!(out, "  ready     when it prints `{text}`"),
    }
}

/// The subnets of a DHCP server, unless it serves its own alone.
fn write_domain(out: &mut String, plan: &Plan, at: SubnetId, server: Ipv4Addr) -> fmt::Result {
    let served: Vec<SubnetId> = plan.served_by(server).map(|(id, _)| id).collect();
    if served == [at] {
        return Ok(());
    }
    let names: Vec<&str> = served.iter().map(|id| subnet(plan, *id)).collect();
    writeln!(out, "  domain    {}", names.join(", "))
}

fn write_element(out: &mut String, plan: &Plan, element: &Element) -> fmt::Result {
    let at = subnet(plan, element.at);
    writeln!(out, "\nelement {}", element.name)?;
    writeln!(
        out,
        "  at        {at}, {}, {}",
        element.mac, element.address
    )?;
    let (index, digits) = (element.ceid_index, &element.ceid_digits);
    writeln!(out, "  ceid      index {index}, digits {digits}")?;
    let (one, other) = (&element.registration_code, &element.replacement_code);
    writeln!(out, "  codes     registration {one}, replacement {other}")?;
    writeln!(out, "  heartbeat {}", show_duration(element.heartbeat))?;
    for (dns, mac) in runs(&element.directory) {
        let mac: Option<Mac> = mac;
        let mac = mac.map(|mac| format!(", set {mac}")).unwrap_or_default();
        writeln!(out, "  Telephone Directory       {dns}{mac}")?;
    }
    if let Some((first, last)) = &element.automatic {
        writeln!(out, "  automatic DN selection    {first}-{last}")?;
    }
    for (dns, digits) in runs(&element.remote) {
        writeln!(
            out,
            "  Remote Directory Numbers  {dns} -> CEID digits {digits}"
        )?;
    }
    for (digits, icp) in &element.cluster {
        writeln!(
            out,
            "  Cluster Elements          CEID digits {digits} -> ICP/PBX {icp}"
        )?;
    }
    for (icp, entry) in &element.networking {
        let (address, pbx) = (&entry.address, entry.pbx_number);
        writeln!(
            out,
            "  ICP/PBX Networking        ICP/PBX {icp} -> {address}, PBX number {pbx}"
        )?;
    }
    Ok(())
}

/// What joins each pair of elements.
fn write_trunks(out: &mut String, plan: &Plan) -> fmt::Result {
    let count = plan.elements.len();
    let ids = || (0..count).map(ElementId);
    let pairs = ids().flat_map(|a| ids().filter(move |b| a < *b).map(move |b| (a, b)));
    for (n, (a, b)) in pairs.enumerate() {
        let kind = match plan.trunk(a, b) {
            TrunkKind::Ip => "IP",
            TrunkKind::Dpnss => "DPNSS",
            TrunkKind::None => "none",
        };
        if n == 0 {
            writeln!(out, "\ntrunks")?;
        }
        let (a, b) = (&plan.elements[a.0].name, &plan.elements[b.0].name);
        writeln!(out, "  {a} - {b}: {kind}")?;
    }
    Ok(())
}

/// Numbers that follow each other and have the same beside them, drawn together: `6001-6249`.
pub(super) fn runs<T: PartialEq + Clone>(entries: &[(String, T)]) -> Vec<(String, T)> {
    let mut runs: Vec<(String, String, T)> = Vec::new();
    for (dn, beside) in entries {
        match runs.last_mut() {
            Some((_, last, with)) if with == beside && next(last).as_ref() == Some(dn) => {
                last.clone_from(dn);
            }
            Some(_) | None => runs.push((dn.clone(), dn.clone(), beside.clone())),
        }
    }
    let shown = |first: String, last: String| {
        if first == last {
            first
        } else {
            format!("{first}-{last}")
        }
    };
    runs.into_iter()
        .map(|(first, last, with)| (shown(first, last), with))
        .collect()
}

fn next(dn: &str) -> Option<String> {
    let number: u64 = dn.parse().ok()?;
    Some(format!("{:0width$}", number + 1, width = dn.len()))
}

fn write_phones(out: &mut String, plan: &Plan) -> fmt::Result {
    let mut groups = plan.groups.iter().peekable();
    let mut i = 0;
    while i < plan.phones.len() {
        let phones = match groups.next_if(|group| group.phones.start == i) {
            Some(group) => {
                let count = group.phones.len();
                writeln!(
                    out,
                    "\nphones {}: {count}, of which the first and the last",
                    group.name
                )?;
                group.phones.clone()
            }
            None => i..i + 1,
        };
        i = phones.end.max(i + 1);
        write_phone(out, plan, &plan.phones[phones.start])?;
        if phones.len() > 1 {
            write_phone(out, plan, &plan.phones[phones.end - 1])?;
        }
    }
    Ok(())
}

fn write_phone(out: &mut String, plan: &Plan, phone: &Phone) -> fmt::Result {
    let model = &phone.model;
    writeln!(out, "\nphone {}", phone.name)?;
    writeln!(
        out,
        "  model     {}, boots {} and {}",
        model.name, model.boot_file, model.main_file
    )?;
    writeln!(out, "  at        {}, {}", subnet(plan, phone.at), phone.mac)?;
    let delay = show_duration(phone.user_delay);
    match &phone.user_pin {
        Some(pin) => writeln!(out, "  user      types {pin} when asked, after {delay}")?,
        None => writeln!(out, "  user      types nothing")?,
    }
    writeln!(
        out,
        "  memory    PIN {}",
        or_none(phone.stored_pin.as_ref())
    )?;
    if let Some(element) = phone.call_server {
        writeln!(out, "  manual    call server {element}")?;
    }
    if phone.lldp {
        writeln!(out, "  speaks LLDP")?;
    }
    match phone.vlan {
        Some(Vlan { id, priority }) => {
            writeln!(out, "  manual    VLAN {id}, priority {priority}")
        }
        None => Ok(()),
    }
}

fn subnet(plan: &Plan, at: SubnetId) -> &str {
    &plan.subnets[at.0].name
}

fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}
