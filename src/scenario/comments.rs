//! What a capture says beside its frames: names, and comments on the frames that matter.
//!
//! The explainer knows what no station knows: who is where, who was there before, and what an element
//! decided. It reads frames as any analyser would and never changes what happens.

mod moved;
mod vlan;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::plan::{HostKind, Plan, Prefix, Router, SubnetId};
use crate::outbox::{Decision, PhoneEvent};
use crate::phone::{keeps_pin, supports_cluster};
use crate::wire::reg::{self, Message, Reason};
use crate::wire::trunk;
use crate::wire::vendor;
use crate::wire::{Frame, Mac, arp, dhcp, ethernet, ipv4, lldp, tcp, tftp, udp};

/// The run's knowledge about its frames.
#[derive(Debug)]
pub struct Explainer {
    subnets: Vec<Known>,
    routers: Vec<Router>,
    /// Which router has this MAC on this segment: index into `routers`.
    router_macs: BTreeMap<(SubnetId, Mac), usize>,
    /// Which router has this address, and whether it relays DHCP there.
    router_addresses: BTreeMap<Ipv4Addr, (usize, bool)>,
    gateways: BTreeMap<Ipv4Addr, SubnetId>,
    phones: BTreeMap<Mac, Set>,
    holders: BTreeMap<Ipv4Addr, Mac>,
    elements: BTreeMap<Ipv4Addr, String>,
    /// UDP ports from which sets have asked for a file.
    tftp_ports: Vec<u16>,
}

/// What is known of a subnet.
#[derive(Debug)]
struct Known {
    name: String,
    prefix: Prefix,
    /// The MAC of its gateway.
    gateway: Option<Mac>,
}

/// What is known of a set.
#[derive(Debug)]
struct Set {
    name: String,
    /// Whether it takes part in registration across the cluster (DV-1).
    supports_cluster: bool,
    /// Whether it keeps its PIN without power (DV-2).
    keeps_pin: bool,
    address: Option<Ipv4Addr>,
    /// The segment on which it was heard last.
    heard_on: Option<SubnetId>,
    decision: Option<(&'static str, String)>,
}

impl Explainer {
    /// What is known before anything happens.
    pub fn new(plan: &Plan) -> Explainer {
        let numbered = || plan.subnets.iter().enumerate();
        let phones = plan.phones.iter().map(|phone| {
            let set = Set {
                name: phone.name.clone(),
                supports_cluster: supports_cluster(&phone.model.name),
                keeps_pin: keeps_pin(&phone.model.name),
                address: None,
                heard_on: None,
                decision: None,
            };
            (phone.mac, set)
        });
        let interfaces = || plan.routers.iter().flat_map(|router| &router.interfaces);
        let owned = plan.routers.iter().enumerate().flat_map(|(n, router)| {
            let interfaces = router.interfaces.iter();
            interfaces.map(move |it| (n, it))
        });
        let macs = owned.clone().map(|(n, it)| ((it.subnet, it.mac), n));
        let addresses = owned.map(|(n, it)| (it.address, (n, it.relay.is_some())));
        let subnets = plan.subnets.iter().map(|subnet| {
            let mut interfaces = interfaces();
            let gateway = interfaces.find(|it| Some(it.address) == subnet.gateway);
            Known {
                name: subnet.name.clone(),
                prefix: subnet.prefix,
                gateway: gateway.map(|it| it.mac),
            }
        });
        let elements = plan.elements.iter();
        Explainer {
            subnets: subnets.collect(),
            routers: plan.routers.clone(),
            router_macs: macs.collect(),
            router_addresses: addresses.collect(),
            gateways: numbered()
                .filter_map(|(n, s)| Some((s.gateway?, SubnetId(n))))
                .collect(),
            phones: phones.collect(),
            holders: BTreeMap::new(),
            elements: elements.map(|e| (e.address, e.name.clone())).collect(),
            tftp_ports: tftp_ports(plan),
        }
    }

    /// A set did something.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of all others there is nothing to say"
    )]
    pub fn phone_did(&mut self, mac: Mac, event: &PhoneEvent) {
        let Some(set) = self.phones.get_mut(&mac) else {
            return;
        };
        let address = match event {
            PhoneEvent::Bound { address, .. } => Some(*address),
            PhoneEvent::Unbound { .. } | PhoneEvent::Released { .. } | PhoneEvent::PowerDown => {
                None
            }
            _ => return,
        };
        // Another set may have got the address before this one gives it up.
        if let Some(before) = std::mem::replace(&mut set.address, address)
            && self.holders.get(&before) == Some(&mac)
        {
            self.holders.remove(&before);
        }
        if let Some(address) = address {
            self.holders.insert(address, mac);
        }
    }

    /// An element decided about a set.
    pub fn decided(&mut self, decision: &Decision) {
        if let Some(set) = self.phones.get_mut(&decision.mac) {
            set.decision = Some((decision.rule, decision.reason.clone()));
        }
    }

    /// What to say about a frame on a segment, if anything.
    pub fn comment(&mut self, on: SubnetId, frame: &Frame) -> Option<String> {
        let (header, payload) = ethernet::decode(frame).ok()?;
        if let Some(set) = self.phones.get_mut(&header.src) {
            set.heard_on = Some(on);
        }
        match header.ethertype {
            ethernet::ETHERTYPE_ARP => self.about_arp(on, &arp::decode(payload).ok()?),
            ethernet::ETHERTYPE_IPV4 => {
                let (ip, payload) = ipv4::decode(payload).ok()?;
                match ip.protocol {
                    ipv4::UDP => self.about_udp(on, &ip, payload),
                    ipv4::TCP => self.about_tcp(on, &header, &ip, payload),
                    ipv4::ICMP => self.about_icmp(&ip, payload),
                    _ => None,
                }
            }
            lldp::ETHERTYPE => self.about_lldp(&header, &lldp::decode(payload).ok()?),
            _ => None,
        }
    }

    fn about_udp(&self, on: SubnetId, ip: &ipv4::Header, payload: &[u8]) -> Option<String> {
        let (header, payload) = udp::decode(payload, ip.src, ip.dst).ok()?;
        let dhcp_ports = [dhcp::SERVER_PORT, dhcp::CLIENT_PORT];
        if dhcp_ports.contains(&header.dst_port) {
            let message = dhcp::Message::decode(payload).ok()?;
            return self
                .about_relay(on, &message)
                .or_else(|| self.about_dhcp(&message));
        }
        if !self.tftp_ports.contains(&header.dst_port) {
            return None;
        }
        let tftp::Message::ReadRequest(request) = tftp::Message::decode(payload).ok()? else {
            return None;
        };
        let who = self.holder(ip.src)?;
        let file = String::from_utf8_lossy(request.file);
        Some(format!("{} asks for {file} · ST-1", who.name))
    }

    /// A message that a relay agent hands on, or got back: `giaddr` is that relay's.
    fn about_relay(&self, on: SubnetId, message: &dhcp::Message) -> Option<String> {
        let link = *self.gateways.get(&message.giaddr)?;
        let who = &self.phones.get(&message.mac())?.name;
        let &(router, true) = self.router_addresses.get(&message.giaddr)? else {
            return None;
        };
        let relay = &self.routers[router].name;
        let (kind, from) = (message.message_type().ok()?, &self.subnets[link.0].name);
        Some(match (message.op, link == on) {
            (dhcp::BOOTREQUEST, _) => {
                format!("{relay} hands {who}'s {kind} on, which came from {from} · CL-10")
            }
            (_, false) => format!("{kind} for {who} in {from}, by way of {relay} · CL-10"),
            (_, true) => {
                let said = self.about_dhcp(message)?;
                format!("{said}; handed on by {relay} · CL-10")
            }
        })
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of all others there is nothing to say"
    )]
    fn about_dhcp(&self, message: &dhcp::Message) -> Option<String> {
        let who = &self.phones.get(&message.mac())?.name;
        Some(match message.message_type().ok()? {
            dhcp::MessageType::Discover => format!("{who} looks for a DHCP server · ST-1"),
            dhcp::MessageType::Offer => match vendor::choose(message) {
                Ok(chosen) => format!(
                    "{who} is offered {}; {}: call server {}, TFTP server {}",
                    message.yiaddr, chosen.source, chosen.call_srv, chosen.sw_tftp
                ),
                Err(refusal) => format!("{who} will refuse this offer: {refusal}"),
            },
            dhcp::MessageType::Ack => Explainer::about_ack(who, message),
            dhcp::MessageType::Release => format!("{who} gives {} back · ST-1", message.ciaddr),
            dhcp::MessageType::Nak => {
                format!("{who} may not use its address here and starts over · MV-11")
            }
            _ => return None,
        })
    }

    fn about_tcp(
        &self,
        on: SubnetId,
        ethernet: &ethernet::Header,
        ip: &ipv4::Header,
        payload: &[u8],
    ) -> Option<String> {
        let segment = tcp::decode(payload, ip.src, ip.dst).ok()?;
        if let Some(text) = self.about_stale_sender(on, ethernet, ip, &segment) {
            return Some(text);
        }
        let ports = [segment.src_port, segment.dst_port];
        if ports.contains(&trunk::PORT) {
            return self.about_trunk(ip, segment.payload);
        }
        if segment.payload.is_empty() || !ports.contains(&reg::PORT) {
            return None;
        }
        let mut rest = segment.payload;
        let mut said = Vec::new();
        while let Ok(Some((envelope, length))) = reg::decode(rest) {
            said.extend(self.about_message(ip, &envelope.message));
            rest = &rest[length..];
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of all others there is nothing to say"
    )]
    fn about_message(&self, ip: &ipv4::Header, message: &Message) -> Option<String> {
        if let Some(phone) = self.holder(ip.src) {
            let who = &phone.name;
            return match message {
                Message::DeviceRegistration(device) => {
                    let pin = device.pin.as_deref().unwrap_or("null");
                    let star = if device.reset {
                        ", `*` held · ST-3"
                    } else {
                        ""
                    };
                    let keeps_none = if device.pin.is_none() && !phone.keeps_pin {
                        ", of which it keeps none · DV-2"
                    } else {
                        ""
                    };
                    Some(format!(
                        "{who} registers with PIN {pin} · ST-2{keeps_none}{star}"
                    ))
                }
                Message::PinEntry { pin } => Some(format!("{who}'s user typed {pin}")),
                _ => None,
            };
        }
        let phone = self.holder(ip.dst)?;
        let element = self.elements.get(&ip.src).map_or("?", String::as_str);
        let who = &phone.name;
        if let Some(text) = unasked(element, who, message) {
            return Some(text);
        }
        let (rule, reason) = phone.decision.as_ref()?;
        let what = match message {
            Message::PinRequest { .. } => format!("prompts {who} for a PIN"),
            Message::SavePin { pin } => format!("tells {who} to save PIN {pin}"),
            Message::ClearPin { .. } => format!("tells {who} to clear its PIN"),
            Message::Redirect { to, dn } => {
                let name = match to {
                    reg::Target::Address(address) => self.elements.get(address),
                    reg::Target::Fqdn(_) => None,
                };
                let name = name.map_or_else(|| to.to_string(), |name| format!("{name}, {to}"));
                let ignores = match phone.supports_cluster {
                    true => "",
                    false => ", which it ignores · DV-1",
                };
                format!("redirects {who} to DN {dn}'s element ({name}){ignores}")
            }
            Message::Registered { dn, .. } => format!("registers {who} at DN {dn}"),
            // Other errors are about the conversation, and no decision.
            Message::Error { reason: why, .. } if why.to_string() == *reason => {
                format!("refuses {who}")
            }
            _ => return None,
        };
        Some(format!("{element} {what}: {reason} · {rule}"))
    }

    /// What elements say to each other. Keep-Alives need no words.
    fn about_trunk(&self, ip: &ipv4::Header, mut rest: &[u8]) -> Option<String> {
        let name = |address| self.elements.get(address).map_or("?", String::as_str);
        let (from, to) = (name(&ip.src), name(&ip.dst));
        let mut said = Vec::new();
        while let Ok(Some((message, length))) = trunk::decode(rest) {
            said.extend(match message {
                trunk::Message::Hello { .. } => {
                    Some(format!("{from} opens the way to {to} · CL-5"))
                }
                trunk::Message::NumbersEnd { count } => {
                    Some(format!("{from} tells {to} its {count} numbers · CL-8"))
                }
                trunk::Message::Written { count } => Some(format!(
                    "{from} has written {count} remote numbers of {to} · CL-8"
                )),
                trunk::Message::KeepAlive
                | trunk::Message::KeepAliveAnswer
                | trunk::Message::Numbers { .. }
                | trunk::Message::Unknown { .. } => None,
            });
            rest = &rest[length..];
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn holder(&self, address: Ipv4Addr) -> Option<&Set> {
        self.phones.get(self.holders.get(&address)?)
    }
}

/// What an element says to a set without being asked, and the rule by which it does.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of all others a decision tells more"
)]
fn unasked(element: &str, who: &str, message: &Message) -> Option<String> {
    let (what, reason) = match message {
        Message::DnChanged { dn } => {
            return Some(format!("{element} gives {who} the DN {dn} · AD-2"));
        }
        Message::ClearPin { reason } => ("tells", reason),
        Message::Reset { reason, .. } => ("resets", reason),
        _ => return None,
    };
    let rule = match reason {
        Reason::Replaced => "RG-6",
        Reason::DnDeleted => "AD-1",
        Reason::MacDeleted => "AD-3, AD-4",
        Reason::SetDeleted => "AD-5",
        Reason::DnMoved => "AD-7",
        _ => return None,
    };
    let then = match what {
        "tells" => " to clear its PIN",
        _ => "",
    };
    Some(format!("{element} {what} {who}{then}: {reason} · {rule}"))
}

fn tftp_ports(plan: &Plan) -> Vec<u16> {
    let mut ports: Vec<u16> = Vec::new();
    for host in &plan.hosts {
        if let HostKind::Tftp { ports: own, .. } = &host.kind {
            ports.extend(own);
        }
    }
    ports.extend([69, 20_001]);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Names for the capture's name resolution.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) addresses: Vec<(Ipv4Addr, String)>,
    pub(super) macs: Vec<(Mac, String)>,
}

/// The names that a plan gives to addresses and MACs. Sets have a MAC and no fixed address.
pub(super) fn names(plan: &Plan) -> Names {
    let mut addresses = Vec::new();
    let mut macs = Vec::new();
    for router in &plan.routers {
        for interface in &router.interfaces {
            let name = format!("{}.{}", router.name, plan.subnets[interface.subnet.0].name);
            addresses.push((interface.address, name.clone()));
            macs.push((interface.mac, name));
        }
    }
    for element in &plan.elements {
        addresses.push((element.address, element.name.clone()));
        macs.push((element.mac, element.name.clone()));
    }
    for host in &plan.hosts {
        let address = match &host.kind {
            HostKind::Tftp { address, .. }
            | HostKind::Dns { address, .. }
            | HostKind::Dhcp { address } => Some(*address),
            HostKind::Kernel { address, .. } => *address,
            HostKind::Interface { .. } => continue,
        };
        addresses.extend(address.map(|address| (address, host.name.clone())));
        macs.push((host.mac, host.name.clone()));
    }
    macs.extend(
        plan.phones
            .iter()
            .map(|phone| (phone.mac, phone.name.clone())),
    );
    Names { addresses, macs }
}

#[cfg(test)]
mod tests;
