//! The plan in words, with every default filled in: what `check --explain` prints.
//!
//! The order is that of the file. Numbers that follow each other and phones that were made in numbers are
//! drawn together, so that a large plan stays readable.

mod hosts;
mod steps;

use std::fmt::{self, Write};

use super::plan::{
    ArpMode, Cable, Dhcp, Element, ElementId, Phone, Plan, ReversePath, Router, Subnet, SubnetId,
    TrunkKind, Vlan,
};
use super::units::{show_duration, show_rate, show_size};
use crate::ip::Relay;
use crate::phone::PhoneDhcp;
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
        hosts::write_host(out, plan, host)?;
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
    if subnet.dhcp.is_empty() {
        writeln!(out, "  dhcp      none")?;
    }
    let mut servers = subnet.dhcp.iter();
    servers.try_for_each(|dhcp| write_dhcp(out, subnet, dhcp))
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
    for (id, address) in &dhcp.client_reservations {
        writeln!(out, "    reserve {address} for client {}", hex(id))?;
    }
    if let Some(wait) = dhcp.probe {
        writeln!(
            out,
            "    probe   for {} before an offer",
            show_duration(wait)
        )?;
    }
    if dhcp.rapid_commit {
        writeln!(out, "    rapid commit for those that ask")?;
    }
    for (code, bytes) in &dhcp.options {
        writeln!(out, "    option {code}  {}", option(*code, bytes))?;
    }
    for class in &dhcp.classes {
        let name = String::from_utf8_lossy(&class.vendor_class);
        writeln!(out, "    class   {name}")?;
        if let Some((first, last)) = class.pool {
            writeln!(out, "      pool    {first} - {last}")?;
        }
        for (code, bytes) in &class.options {
            writeln!(out, "      option {code}  {}", option(*code, bytes))?;
        }
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
    text.unwrap_or_else(|| hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn show_relay(relay: &Relay) -> String {
    let servers: Vec<String> = relay.servers.iter().map(ToString::to_string).collect();
    let mut text = format!(", relays DHCP to {}", servers.join(" and "));
    if let Some(information) = &relay.information {
        text += &format!(" with option 82 {}", hex(information));
    }
    if relay.trusts {
        text += ", and takes option 82 from the link";
    }
    text
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
        let relay = match &interface.relay {
            Some(relay) => show_relay(relay),
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
    if let Some(fault) = element.fault {
        writeln!(out, "  fault     {fault}")?;
    }
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
    if let Some(dhcp) = &phone.dhcp {
        write_dhcp_client(out, dhcp)?;
    }
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

fn write_dhcp_client(out: &mut String, dhcp: &PhoneDhcp) -> fmt::Result {
    if dhcp.init_reboot {
        writeln!(out, "  dhcp      asks for its old address at power-up")?;
    }
    if let Some(wait) = dhcp.check {
        let wait = show_duration(wait);
        writeln!(out, "  dhcp      probes its address by ARP for {wait}")?;
    }
    if !dhcp.client_id.is_empty() {
        let id = hex(&dhcp.client_id);
        writeln!(out, "  dhcp      client identifier {id}")?;
    }
    if let Some(size) = dhcp.max_message_size {
        writeln!(out, "  dhcp      takes messages of {size} bytes")?;
    }
    if dhcp.rapid_commit {
        writeln!(out, "  dhcp      takes an ACK without an offer")?;
    }
    Ok(())
}

fn subnet(plan: &Plan, at: SubnetId) -> &str {
    &plan.subnets[at.0].name
}

fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}
