//! Hosts: UDP, ping, ARP, power.

use super::{Lab, Probe, config, host_address, mac, secs};
use crate::app::AppEffect;
use crate::outbox::NeighbourState;
use crate::wire::Mac;

#[test]
fn a_datagram_waits_for_arp_and_then_arrives() {
    let mut lab = Lab::default();
    let anna = lab.linux(0, "10.1.0.50/24", "");
    let app = Probe {
        binds: vec![69],
        echoes: true,
        ..Probe::default()
    };
    let bert = lab.host(0, config(1, "10.1.0.51/24", ""), app);
    lab.effect(anna, AppEffect::Bind { port: 5000 });
    lab.send(anna, "10.1.0.51:69", "hello");
    assert_eq!(lab.seen(bert), ["10.1.0.50:5000 > 10.1.0.51:69: hello"]);
    assert_eq!(lab.seen(anna), ["10.1.0.51:69 > 10.1.0.50:5000: hello"]);
    assert_eq!(lab.lines("who-has").len(), 1, "{:#?}", lab.log);
    let gateway = lab.at(anna).neighbour("10.1.0.51".parse().unwrap());
    assert_eq!(gateway, Some((NeighbourState::Reachable, Some(mac(1)))));
}

#[test]
fn a_host_without_an_address_sends_from_nobody_and_hears_any_destination() {
    let mut lab = Lab::default();
    let client = lab.host(
        0,
        config(0, "", ""),
        Probe {
            binds: vec![68],
            ..Probe::default()
        },
    );
    let server = lab.host(
        0,
        config(1, "10.1.0.1/24", ""),
        Probe {
            binds: vec![67],
            ..Probe::default()
        },
    );
    lab.effect(
        client,
        AppEffect::Send {
            from_port: 68,
            to: "255.255.255.255:67".parse().unwrap(),
            to_mac: None,
            payload: b"discover".to_vec(),
        },
    );
    assert_eq!(
        lab.seen(server),
        ["0.0.0.0:68 > 255.255.255.255:67: discover"]
    );
    lab.effect(
        server,
        AppEffect::Send {
            from_port: 67,
            to: "10.1.0.50:68".parse().unwrap(),
            to_mac: Some(mac(0)),
            payload: b"offer".to_vec(),
        },
    );
    assert_eq!(lab.seen(client), ["10.1.0.1:67 > 10.1.0.50:68: offer"]);
    lab.effect(
        client,
        AppEffect::Configure(Some(host_address("10.1.0.50/24", "10.1.0.1"))),
    );
    assert_eq!(
        lab.at(client).address(),
        Some(host_address("10.1.0.50/24", "10.1.0.1"))
    );
    lab.on_host(client, |host, now, out| host.power(now, false, out));
    assert_eq!(lab.at(client).address(), None);
    lab.run_for(secs(1));
    let _ = Mac::ZERO;
}
