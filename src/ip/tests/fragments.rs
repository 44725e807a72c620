//! Packets that are longer than a link takes: hosts cut and join them, gateways cut them.

use super::gateway::{framed, gateway_mac, ping, two_subnets};
use super::{Lab, Probe, config, mac, secs};
use crate::app::AppEffect;
use crate::ip::fragment::fragments;
use crate::wire::{Frame, ipv4};

#[test]
fn a_long_datagram_travels_in_fragments_and_arrives_whole_and_once() {
    let mut lab = Lab::default();
    let anna = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        binds: vec![69],
        echoes: true,
        ..Probe::default()
    };
    let bert = lab.host(0, config(1, "10.1.0.51/24", ""), app);
    lab.effect(anna, AppEffect::Bind { port: 5000 });
    let text = "0123456789".repeat(400);
    lab.send(anna, "10.1.0.51:69", &text);
    let (there, back) = (
        "10.1.0.50:5000 > 10.1.0.51:69",
        "10.1.0.51:69 > 10.1.0.50:5000",
    );
    assert_eq!(lab.seen(bert), [format!("{there}: {text}")]);
    assert_eq!(lab.seen(anna), [format!("{back}: {text}")]);
    let frames: Vec<usize> = lab.sent.iter().map(|(_, frame)| frame.len()).collect();
    assert_eq!(frames, [42, 42, 1514, 1514, 1082, 1514, 1514, 1082]);
    assert!(lab.lines("drops").is_empty(), "{:#?}", lab.log);
}

#[test]
fn a_datagram_that_fits_says_that_it_is_not_to_be_cut_and_a_longer_one_that_it_may() {
    let mut lab = Lab::default();
    let anna = lab.linux(0, "10.1.0.50/24", "");
    lab.send(anna, "255.255.255.255:9", &"x".repeat(1472));
    lab.send(anna, "255.255.255.255:9", &"x".repeat(1473));
    let flags: Vec<u8> = lab.sent.iter().map(|(_, frame)| frame[20] & 0xe0).collect();
    assert_eq!(flags, [0x40, 0x20, 0]);
}

#[test]
fn host_and_gateway_answer_a_long_ping() {
    let mut lab = two_subnets();
    for to in ["10.2.0.50", "10.1.0.1", "10.2.0.1"] {
        let before = lab.lines(&format!("{to} > 10.1.0.50 echo reply")).len();
        let ping = ping("10.1.0.50", to, 64, &[7; 4_000]);
        for piece in fragments(&ping, 1_500) {
            lab.inject(1, &framed(gateway_mac(), &piece));
        }
        let answers = lab.lines(&format!("{to} > 10.1.0.50")).len();
        assert!(answers >= before + 3, "{to}: {:#?}", lab.log);
    }
    assert!(
        lab.lines("drops").iter().all(|line| line.contains("echo")),
        "{:#?}",
        lab.log
    );
}

#[test]
fn a_gateway_cuts_what_may_be_cut_and_forwards_fragments_as_they_come() {
    let mut lab = two_subnets();
    let mut long = ping("10.1.0.50", "10.2.0.50", 64, &[7; 2_000]);
    ipv4::set_fragment(&mut long, 20, 0, false);
    lab.inject(1, &framed(gateway_mac(), &long));
    let lens = |lab: &Lab| -> Vec<usize> {
        let sent = lab
            .sent
            .iter()
            .filter(|(_, frame)| frame[26..34] == [10, 1, 0, 50, 10, 2, 0, 50]);
        sent.map(|(_, frame)| frame.len()).collect()
    };
    assert_eq!(lens(&lab), [1514, 562]);
    lab.sent.clear();
    for piece in fragments(&long, 1_000) {
        lab.inject(1, &framed(gateway_mac(), &piece));
    }
    assert_eq!(lens(&lab), [1010, 1010, 90]);
}

#[test]
fn a_packet_that_stays_incomplete_is_reported_after_thirty_seconds() {
    for to in ["10.1.0.50", "10.1.0.1"] {
        let mut lab = two_subnets();
        let first = &fragments(&ping("10.2.0.50", to, 64, &[7; 2_000]), 1_500)[0];
        let dst = if to == "10.1.0.50" {
            mac(0)
        } else {
            gateway_mac()
        };
        lab.inject(1, &framed(dst, first));
        lab.run_for(secs(29));
        assert!(lab.lines("other fragments did not come").is_empty());
        lab.run_for(secs(2));
        assert_eq!(
            lab.lines("other fragments did not come").len(),
            1,
            "{:#?}",
            lab.log
        );
        let told = lab.lines(&format!("> {to} > 10.2.0.50 time exceeded"));
        assert!(!told.is_empty(), "{:#?}", lab.log);
    }
}

#[test]
fn power_takes_waiting_fragments_along() {
    let mut lab = two_subnets();
    let first = &fragments(&ping("10.2.0.50", "10.1.0.50", 64, &[7; 2_000]), 1_500)[0];
    let frame: Frame = framed(mac(0), first);
    lab.inject(1, &frame);
    lab.on_host(0, |host, now, out| host.power(now, false, out));
    assert_eq!(lab.lines("no address or no power").len(), 1);
}
