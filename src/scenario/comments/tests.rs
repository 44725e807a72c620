//! Tests of the comments: what is said of a frame, and that no more is claimed than it shows.

use super::*;
use crate::outbox::Answer;
use crate::scenario::read;
use crate::time::Duration;
use crate::wire::icmp;

const OFFICE: SubnetId = SubnetId(0);
const SHOP: SubnetId = SubnetId(1);
const ANNA: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 1]);
const BERT: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 2]);
const OFFICE_GATEWAY: Mac = Mac([2, 0, 10, 1, 0, 1]);
const SHOP_GATEWAY: Mac = Mac([2, 0, 10, 2, 0, 1]);

#[test]
fn a_moved_set_that_asks_for_its_old_gateway_is_told_of() {
    let mut explainer = explainer();
    let asks = arp(ANNA, "10.1.0.50", "10.1.0.1");
    let said = explainer.comment(SHOP, &asks).unwrap();
    assert!(said.starts_with("anna asks for 10.1.0.1"), "{said}");
    assert!(said.ends_with("· MV-3"), "{said}");
    assert_eq!(explainer.comment(OFFICE, &asks), None, "it is at home");
}

#[test]
fn a_router_that_answers_for_the_old_gateway_is_named() {
    let asks = arp(ANNA, "10.1.0.50", "10.1.0.1");
    for (office, shop, then) in [
        ("r1", "r1\", arp = \"proxy", "r1 answers for it · MV-4"),
        (
            "r1",
            "r1\", arp = \"any-own-address",
            "r1 answers for it · MV-4",
        ),
        ("r1", "r2\", arp = \"proxy", "r2 answers for it · MV-4"),
        (
            "r1",
            "r2\", arp = \"any-own-address",
            "nobody in shop has that address · MV-3",
        ),
        (
            "r1\", arp = \"proxy",
            "r1",
            "nobody in shop has that address · MV-3",
        ),
    ] {
        let said = explainer_with(office, shop).comment(SHOP, &asks).unwrap();
        assert!(
            said.ends_with(&format!("; {then}")),
            "{office}, {shop}: {said}"
        );
    }
}

#[test]
fn what_a_switch_says_of_vlans_is_told_and_who_a_set_says_it_is() {
    let message = |tlvs| {
        let mut bytes = Vec::new();
        let (chassis, port) = (lldp::Id::local_port("c"), lldp::Id::local_port("1"));
        let ttl = 120;
        let message = lldp::Lldpdu {
            chassis,
            port,
            ttl,
            tlvs,
        };
        message.encode(&mut bytes);
        bytes
    };
    let frame = |src: Mac, payload: &[u8]| -> Frame {
        let head = [lldp::NEAREST_BRIDGE.0, src.0].concat();
        [&head[..], &lldp::ETHERTYPE.to_be_bytes(), payload]
            .concat()
            .into()
    };
    let mut explainer = explainer();
    let name = |name: &str| lldp::Tlv::SystemName(name.into());
    let set = frame(ANNA, &message(vec![name("MINET_6920")]));
    assert_eq!(
        explainer.comment(OFFICE, &set).unwrap(),
        "anna says who it is: MINET_6920"
    );
    let policy = |tagged| {
        lldp::Tlv::MedPolicy(lldp::Policy {
            application: lldp::VOICE,
            unknown: false,
            tagged,
            reserved: false,
            vlan: 20,
            priority: 6,
            dscp: 46,
        })
    };
    let switch = |tagged| frame(SHOP_GATEWAY, &message(vec![name("stack"), policy(tagged)]));
    assert_eq!(
        explainer.comment(OFFICE, &switch(true)).unwrap(),
        "switch stack names VLAN 20, priority 6, for voice"
    );
    assert_eq!(explainer.comment(OFFICE, &switch(false)), None);
}

#[test]
fn an_error_is_explained_only_by_the_decision_to_refuse() {
    let mut explainer = explainer();
    let address = Ipv4Addr::new(10, 1, 0, 50);
    explainer.phone_did(ANNA, &bound(address));
    explainer.decided(&Decision {
        rule: "CL-8",
        mac: ANNA,
        pin: None,
        answer: Answer::Refused,
        reason: Reason::TooManyRedirects.to_string(),
    });
    let mut said = |reason| {
        let text = String::new();
        let error = reg::Envelope::new(1, Message::Error { reason, text });
        let element = Ipv4Addr::new(10, 9, 0, 10);
        let macs = (OFFICE_GATEWAY, ANNA);
        let segment = tcp(macs, (element, address), tcp::ACK, &error.encode());
        explainer.comment(OFFICE, &segment)
    };
    let refused = said(Reason::TooManyRedirects).unwrap();
    assert_eq!(refused, "? refuses anna: too many redirects · CL-8");
    assert_eq!(said(Reason::TimedOut), None);
}

#[test]
fn a_set_that_never_had_an_address_of_that_subnet_has_not_left_it() {
    let asks = arp(ANNA, "10.2.0.50", "10.1.0.1");
    assert_eq!(explainer().comment(SHOP, &asks), None);
}

#[test]
fn where_a_moved_sets_syn_goes_is_said_only_if_it_goes_to_the_old_gateway() {
    let mut explainer = explainer();
    let said = |explainer: &mut Explainer, to| explainer.comment(SHOP, &syn(to)).unwrap();
    let to_old = said(&mut explainer, OFFICE_GATEWAY);
    let to_proxy = said(&mut explainer, SHOP_GATEWAY);
    let kept = "anna kept 10.1.0.50, which is no address of shop";
    let to_mac = "it sends to the MAC that its old gateway had, which nobody has here";
    assert_eq!(to_old, format!("{kept}; {to_mac} · MV-2"));
    assert_eq!(to_proxy, format!("{kept} · MV-2"));
    assert_eq!(explainer.comment(OFFICE, &syn(OFFICE_GATEWAY)), None);
}

#[test]
fn a_syn_to_a_mac_that_was_learnt_on_the_way_and_that_nobody_here_has_is_told_of() {
    let link = SubnetId(2);
    let said = explainer().comment(link, &syn(SHOP_GATEWAY)).unwrap();
    let kept = "anna kept 10.1.0.50, which is no address of link";
    assert_eq!(
        said,
        format!("{kept}; it sends to a MAC that nobody has here · MV-2")
    );
    // No router's: whose it is, nobody here can tell.
    let said = explainer().comment(link, &syn(BERT)).unwrap();
    assert_eq!(said, format!("{kept} · MV-2"));
}

#[test]
fn a_router_that_asks_for_a_moved_set_is_told_of_with_the_rule_of_the_move() {
    let asks = arp(OFFICE_GATEWAY, "10.1.0.1", "10.1.0.50");
    let says = icmp_unreachable("10.1.0.50");
    for (shop, rule) in [
        ("r1", "MV-2"),
        ("r1\", arp = \"proxy", "MV-4"),
        ("r1\", mac = \"02:00:0a:01:00:01", "MV-5"),
    ] {
        let mut explainer = explainer_with("r1", shop);
        explainer.phone_did(ANNA, &bound("10.1.0.50".parse().unwrap()));
        assert_eq!(explainer.comment(OFFICE, &asks), None, "nobody moved");
        assert_eq!(explainer.comment(OFFICE, &says), None, "nobody moved");
        explainer.comment(SHOP, &syn(SHOP_GATEWAY));
        let said = explainer.comment(OFFICE, &asks).unwrap();
        let left = "r1 asks for anna, which has left office: the way back ends here";
        assert_eq!(said, format!("{left} · {rule}"));
        let said = explainer.comment(SHOP, &says).unwrap();
        let told = "r1 tells 10.9.0.10 that anna can't be reached at 10.1.0.50";
        assert_eq!(said, format!("{told} · {rule}"));
    }
}

#[test]
fn a_moved_sets_syn_to_a_mac_that_both_gateways_have_is_told_of_with_its_rule() {
    let mut explainer = explainer_with("r1", "r1\", mac = \"02:00:0a:01:00:01");
    let said = explainer.comment(SHOP, &syn(OFFICE_GATEWAY)).unwrap();
    assert!(
        said.ends_with("which is the one's here too · MV-2, MV-5"),
        "{said}"
    );
}

#[test]
fn an_address_that_another_set_has_by_now_stays_that_sets() {
    let mut explainer = explainer();
    let address = "10.1.0.50".parse().unwrap();
    explainer.phone_did(ANNA, &bound(address));
    explainer.phone_did(BERT, &bound(address));
    let reason = "lease expired";
    explainer.phone_did(ANNA, &PhoneEvent::Unbound { reason });
    let holder = explainer.holder(address);
    assert_eq!(holder.map(|set| set.name.as_str()), Some("bert"));
    explainer.phone_did(BERT, &PhoneEvent::PowerDown);
    assert!(explainer.holder(address).is_none());
}

#[test]
fn what_a_relay_hands_on_is_told_with_the_subnet_that_it_came_from() {
    let relaying = "r1\" }, dhcp = { server = \"10.2.0.5";
    let explainer = explainer_with(relaying, "r1");
    let mut message = dhcp::Message::new(dhcp::BOOTREQUEST, ANNA, 1);
    let kind = dhcp::MessageType::Discover.as_u8();
    message.options.push(dhcp::code::MESSAGE_TYPE, &[kind]);
    assert_eq!(explainer.about_relay(OFFICE, &message), None, "from her");
    message.giaddr = Ipv4Addr::new(10, 1, 0, 1);
    assert_eq!(
        explainer.about_relay(SHOP, &message).unwrap(),
        "r1 hands anna's Discover on, which came from office · CL-10"
    );
    let mut answer = dhcp::Message::new(dhcp::BOOTREPLY, ANNA, 1);
    let kind = dhcp::MessageType::Ack.as_u8();
    answer.options.push(dhcp::code::MESSAGE_TYPE, &[kind]);
    (answer.giaddr, answer.yiaddr) = (message.giaddr, Ipv4Addr::new(10, 1, 0, 50));
    assert_eq!(
        explainer.about_relay(SHOP, &answer).unwrap(),
        "ACK for anna in office, by way of r1 · CL-10"
    );
    assert_eq!(
        explainer.about_relay(OFFICE, &answer).unwrap(),
        "anna has 10.1.0.50 now; handed on by r1 · CL-10"
    );
    answer.giaddr = Ipv4Addr::new(10, 2, 0, 1);
    assert_eq!(explainer.about_relay(SHOP, &answer), None, "no relay there");
}

#[test]
fn bytes_that_are_no_frame_have_no_comment() {
    let mut explainer = explainer();
    for whole in [arp(ANNA, "10.1.0.50", "10.1.0.1"), syn(OFFICE_GATEWAY)] {
        for end in 0..whole.len() {
            assert_eq!(explainer.comment(SHOP, &whole[..end].into()), None, "{end}");
        }
    }
}

fn explainer() -> Explainer {
    explainer_with("r1", "r1")
}

/// The gateways of office and shop, each a router and what else its table says; a link joins the routers.
fn explainer_with(office: &str, shop: &str) -> Explainer {
    let text = format!(
        r#"
scenario = "Two phones"
subnet = [
  {{ name = "office", prefix = "10.1.0.0/24", gateway = {{ router = "{office}" }} }},
  {{ name = "shop", prefix = "10.2.0.0/24", gateway = {{ router = "{shop}" }} }},
  {{ name = "link", prefix = "10.8.0.0/24", gateway = {{ router = "r1" }} }},
]
router = [{{ name = "r2", interfaces = [{{ subnet = "link", address = "10.8.0.2" }}] }}]
phone = [{{ name = "anna", at = "office" }}, {{ name = "bert", at = "office" }}]
"#
    );
    Explainer::new(&read(&text).unwrap())
}

fn bound(address: Ipv4Addr) -> PhoneEvent {
    PhoneEvent::Bound {
        address,
        prefix_len: 24,
        gateway: None,
        server: Ipv4Addr::new(10, 1, 0, 2),
        lease: Duration::from_secs(60),
    }
}

fn arp(sender_mac: Mac, sender: &str, target: &str) -> Frame {
    let mut bytes = ethernet(sender_mac, Mac([0xff; 6]), ethernet::ETHERTYPE_ARP);
    let message = arp::Arp {
        operation: arp::REQUEST,
        sender_mac,
        sender_ip: sender.parse().unwrap(),
        target_mac: Mac::ZERO,
        target_ip: target.parse().unwrap(),
    };
    message.encode(&mut bytes);
    bytes.into()
}

/// Anna's, with the address that she had in the office.
fn syn(to: Mac) -> Frame {
    let ends = (Ipv4Addr::new(10, 1, 0, 50), Ipv4Addr::new(10, 9, 0, 10));
    tcp((ANNA, to), ends, tcp::SYN, &[])
}

/// A segment to the registration protocol's port, or from it: the comments take both.
fn tcp((from, to): (Mac, Mac), (src, dst): (Ipv4Addr, Ipv4Addr), flags: u8, said: &[u8]) -> Frame {
    let segment = tcp::Segment {
        src_port: 50_000,
        dst_port: reg::PORT,
        seq: 1,
        ack: 0,
        flags,
        window: 1_000,
        options: &[],
        payload: said,
    };
    let mut payload = Vec::new();
    segment.encode(src, dst, &mut payload);
    let mut bytes = ethernet(from, to, ethernet::ETHERTYPE_IPV4);
    ip_header(ipv4::TCP, src, dst).encode(payload.len(), &mut bytes);
    bytes.extend(payload);
    bytes.into()
}

/// From the office's gateway to a server: a packet to this address could not be delivered.
fn icmp_unreachable(to: &str) -> Frame {
    let (router, server) = (Ipv4Addr::new(10, 1, 0, 1), Ipv4Addr::new(10, 9, 0, 10));
    let mut quoted = Vec::new();
    ip_header(ipv4::TCP, server, to.parse().unwrap()).encode(8, &mut quoted);
    quoted.extend([0; 8]);
    let mut payload = Vec::new();
    let message = icmp::Message::Unreachable {
        code: icmp::HOST_UNREACHABLE,
        quoted: &quoted,
    };
    message.encode(&mut payload);
    let mut bytes = ethernet(OFFICE_GATEWAY, SHOP_GATEWAY, ethernet::ETHERTYPE_IPV4);
    ip_header(ipv4::ICMP, router, server).encode(payload.len(), &mut bytes);
    bytes.extend(payload);
    bytes.into()
}

fn ip_header(protocol: u8, src: Ipv4Addr, dst: Ipv4Addr) -> ipv4::Header {
    ipv4::Header {
        tos: 0,
        id: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol,
        src,
        dst,
    }
}

fn ethernet(src: Mac, dst: Mac, ethertype: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = ethernet::Header {
        dst,
        src,
        tag: None,
        ethertype,
    };
    header.encode(&mut bytes);
    bytes
}
