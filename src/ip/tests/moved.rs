//! A host that kept its address in another subnet, behind each kind of gateway: held against what Linux
//! did (cases S1, S2, S5, S7 and S10 of the measurements).
//!
//! The host is 10.1.0.50/24 with gateway 10.1.0.1, plugged into 10.2.0.0/24; it opens TCP to
//! 10.9.0.10:6800. The router's interfaces are 10.1.0.1, 10.2.0.1 and 10.9.0.1.

use super::{Lab, Probe, config, secs};
use crate::ip::{ArpMode, Route, RouteTo};

/// Stations: 0 the router, 1 the server, 2 the moved host.
fn moved(arp: ArpMode, owns_old_gateway: bool, routes: &[Route]) -> Lab {
    let mut lab = Lab::default();
    let mut legs = vec![(2, "10.2.0.1/24", arp), (9, "10.9.0.1/24", arp)];
    if owns_old_gateway {
        legs.push((1, "10.1.0.1/24", arp));
    }
    lab.gateway(&legs, routes);
    let app = Probe {
        listens: vec![6800],
        ..Probe::default()
    };
    lab.host(9, config(1, "10.9.0.10/24", "10.9.0.1"), app);
    lab.linux(2, "10.1.0.50/24", "10.1.0.1");
    lab.connect(2, "10.9.0.10:6800");
    lab.run_for(secs(20));
    lab
}

fn assert_silence(lab: &Lab) {
    assert_eq!(
        lab.times("2 > who-has 10.1.0.1 tell 10.1.0.50").len(),
        3,
        "{:#?}",
        lab.log
    );
    assert!(
        lab.lines("is-at 02:00").is_empty() && lab.lines(" 0 > ").is_empty(),
        "{:#?}",
        lab.log
    );
    assert_eq!(lab.at(2).app(0).seen, ["3.000000 ended: host unreachable"]);
}

fn assert_one_way(lab: &Lab) {
    assert_eq!(lab.times("who-has 10.1.0.1 tell 10.1.0.50")[0], 0.0);
    let asked = lab.times("0 > who-has 10.1.0.50 tell 10.1.0.1");
    assert_eq!(
        asked[..3],
        [0.0, 1.0, 2.0],
        "on its old link: {:#?}",
        lab.log
    );
    let told = lab.lines("0 > 10.9.0.1 > 10.9.0.10 unreachable (host, code 1)");
    assert!(
        !told.is_empty() && told[0].starts_with("3.000000"),
        "the server is told"
    );
    assert!(
        lab.lines("> 10.1.0.50 unreachable").is_empty(),
        "the host is not"
    );
    assert_eq!(lab.at(2).app(0).seen, ["10.000000 ended: no answer"]);
}

#[test]
fn s1_any_own_address_lets_it_send_and_never_hear() {
    assert_one_way(&moved(ArpMode::AnyOwnAddress, true, &[]));
}

#[test]
fn s2_strict_is_silent() {
    assert_silence(&moved(ArpMode::Strict, true, &[]));
}

#[test]
fn s5_a_proxy_that_owns_the_old_address_answers_at_once() {
    assert_one_way(&moved(ArpMode::Proxy, true, &[]));
}

#[test]
fn s7_a_router_without_the_old_address_is_silent() {
    assert_silence(&moved(ArpMode::AnyOwnAddress, false, &[]));
}

#[test]
fn s10_a_host_route_back_makes_it_work() {
    let back = Route {
        prefix: "10.1.0.50".parse().unwrap(),
        prefix_len: 32,
        to: RouteTo::Interface(0),
    };
    let lab = moved(ArpMode::Proxy, true, &[back]);
    assert_eq!(lab.at(2).app(0).seen, ["0.000000 connected"]);
}
