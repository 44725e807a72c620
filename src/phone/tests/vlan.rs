//! VLANs: who says which, and how a set goes there.

use super::super::Vlan;
use super::bench::{Bench, policy};
use super::register::hard_reset;

/// A configuration with a VLAN and a priority.
pub(super) const TEXT_VLAN: &str =
    "id:ipphone.mitel.com;call_srv=10.9.0.10;sw_tftp=10.9.0.20;vlan=20;l2p=6v5s3";
const TEXT_30: &str = "id:ipphone.mitel.com;call_srv=10.9.0.10;sw_tftp=10.9.0.20;vlan=30;l2p=6";

#[test]
fn a_vlan_with_a_priority_ends_the_first_lease_and_begins_a_second_one_tagged() {
    let mut bench = Bench::new();
    bench.text = TEXT_VLAN;
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.take();
    bench.offer();
    bench.ack();
    bench.wait(1);
    assert_eq!(
        bench.take(),
        [
            "> DHCP Request",
            "[DHCP: Offer 1 Acc]",
            "> address 10.1.0.50",
            "[DHCP: Ack / Using option 43]",
            "Bound { address: 10.1.0.50, prefix_len: 24, gateway: None, server: 10.1.0.2, lease: 8000s }",
            "[DHCP: Releasing / Vlan 20 Priority 6]",
            "> DHCP Release",
            "Released { id: 20, priority: 6 }",
            "> no address",
            "> unbind 68",
            "> tag vlan 20, p 6",
            "EntersVlan { id: 20, priority: 6, by: \"DHCP\" }",
            "[Waiting for DHCP / Vlan 20 Priority 6]",
            "> bind 68",
            "> DHCP Discover",
            "[DHCP: Discovery / Vlan 20 Priority 6]",
        ]
    );
    bench.offer();
    bench.ack();
    assert_eq!(
        bench.state(),
        "Boot image",
        "the same VLAN sends it nowhere"
    );
}

#[test]
fn a_lease_that_names_another_vlan_yet_sends_it_on() {
    let mut bench = in_vlan_20();
    bench.text = TEXT_30;
    bench.offer();
    bench.ack();
    assert_eq!(bench.display, "DHCP: Releasing / Vlan 30 Priority 6");
    bench.wait(1);
    assert_eq!(bench.display, "DHCP: Discovery / Vlan 30 Priority 6");
}

#[test]
fn a_vlan_or_a_priority_alone_sends_it_nowhere() {
    for text in [
        "id:ipphone.mitel.com;call_srv=10.9.0.10;sw_tftp=10.9.0.20;vlan=20",
        "id:ipphone.mitel.com;call_srv=10.9.0.10;sw_tftp=10.9.0.20;l2p=6",
    ] {
        let mut bench = Bench::new();
        bench.text = text;
        bench.power_up();
        bench.carrier(true);
        bench.wait(1);
        bench.offer();
        bench.ack();
        assert_eq!(bench.state(), "Boot image");
    }
}

#[test]
fn a_restart_and_a_power_cycle_begin_without_a_tag() {
    let mut bench = in_vlan_20();
    bench.offer();
    bench.ack();
    bench.no_such_file();
    bench.take();
    bench.wait(120);
    let lines = bench.take();
    assert!(lines.contains(&"> no tag".to_owned()), "{lines:#?}");
    let mut bench = in_vlan_20();
    bench.power_down();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    assert_eq!(bench.display, "DHCP: Discovery");
}

#[test]
fn a_programmed_vlan_counts_most() {
    let mut bench = speaking();
    bench.phone.memory.vlan = Some(Vlan {
        id: 10,
        priority: 5,
    });
    bench.text = TEXT_VLAN;
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.lldp(&policy(30, true));
    assert_eq!(bench.display, "DHCP: Discovery / Vlan 10 Priority 5");
    bench.offer();
    bench.ack();
    assert_eq!(bench.state(), "Boot image");
}

#[test]
fn a_policy_of_the_switch_comes_before_dhcp_and_counts_more() {
    let mut bench = speaking();
    bench.text = TEXT_VLAN;
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    assert_eq!(bench.display, "Waiting for LLDP");
    bench.take();
    bench.lldp(&policy(30, true));
    assert_eq!(
        bench.take(),
        [
            "> tag vlan 30, p 6",
            "EntersVlan { id: 30, priority: 6, by: \"LLDP-MED\" }",
            "[Waiting for DHCP / Vlan 30 Priority 6]",
            "> bind 68",
            "> DHCP Discover",
            "[DHCP: Discovery / Vlan 30 Priority 6]",
        ]
    );
    bench.offer();
    bench.ack();
    assert_eq!(bench.state(), "Boot image");
    bench.take();
    bench.lldp(&policy(40, true));
    assert_eq!(bench.take(), [""; 0], "a later policy changes nothing");
}

#[test]
fn without_a_policy_it_goes_to_dhcp_after_three_seconds() {
    let mut bench = speaking();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.lldp(&policy(30, false));
    bench.lldp(b"nonsense");
    bench.wait(2);
    assert_eq!(bench.display, "Waiting for LLDP");
    bench.wait(1);
    assert_eq!(bench.display, "DHCP: Discovery");
}

#[test]
fn it_says_who_it_is_three_times_and_then_every_half_minute_and_when_it_comes_into_service() {
    let mut bench = speaking();
    bench.power_up();
    bench.carrier(true);
    bench.wait(4);
    let says = |bench: &mut Bench| {
        let lines = bench.timed();
        lines
            .into_iter()
            .filter(|line| line.contains("LLDP, "))
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(says(&mut bench).len(), 3);
    bench.wait(59);
    assert_eq!(says(&mut bench).len(), 2);
    bench.offer();
    bench.ack();
    bench.file(b"boot 1.0\n");
    bench.wait(2);
    bench.file(b"main 2.0\n");
    bench.wait(1);
    bench.connected();
    bench.registered(0);
    bench.take();
    bench.says(crate::wire::reg::Message::CommunicationsUp);
    let lines = bench.take();
    let said = lines.iter().find(|line| line.contains("LLDP"));
    assert!(
        said.is_some_and(|line| line.contains("name \"regDN 6000,MINET_5360\"")),
        "{lines:#?}"
    );
    bench.carrier(false);
    bench.take();
    bench.wait(300);
    assert!(says(&mut bench).is_empty(), "not without a carrier");
}

#[test]
fn before_it_boots_again_it_says_that_what_it_said_holds_no_more() {
    let mut bench = speaking();
    bench.power_up();
    bench.carrier(true);
    bench.wait(4);
    bench.offer();
    bench.ack();
    bench.file(b"boot 1.0\n");
    bench.wait(2);
    bench.file(b"main 2.0\n");
    bench.wait(1);
    bench.connected();
    bench.says(hard_reset());
    bench.take();
    bench.wait(5);
    let mac = bench.phone.settings.mac;
    let last = format!("> LLDP, chassis 4 {mac}, port 3 {mac}, ttl 0");
    assert_eq!(bench.state(), "First stage");
    assert_eq!(bench.take()[0], last);
    bench.wait(1);
    assert_eq!(bench.state(), "LLDP");
    bench.take();
    bench.power_down();
    assert!(!bench.take().contains(&last), "no power to say it");
}

fn speaking() -> Bench {
    let mut bench = Bench::new();
    bench.phone.settings.lldp = true;
    bench
}

fn in_vlan_20() -> Bench {
    let mut bench = Bench::new();
    bench.text = TEXT_VLAN;
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
    bench.wait(1);
    assert_eq!(bench.display, "DHCP: Discovery / Vlan 20 Priority 6");
    bench
}
