//! From power-up to a running main image.

use super::bench::{Bench, TEXT};
use crate::wire::dhcp::MessageType;

#[test]
fn a_set_shows_each_step_of_its_boot_at_its_time() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.boot();
    bench.wait(1);
    assert_eq!(
        bench.displays(),
        [
            "0.000 [08:00:0F:00:00:01 / Booting: factory]",
            "1.000 [Waiting for DHCP]",
            "1.000 [DHCP: Discovery]",
            "1.000 [DHCP: Offer 1 Acc]",
            "1.000 [DHCP: Ack / Using option 43]",
            "1.000 [10.9.0.20 / Downloading]",
            "1.000 [Upgrading Flash / DO NOT POWER DOWN]",
            "3.000 [10.9.0.20 / Downloading]",
            "3.000 [Starting main]",
            "4.000 [MAIN 2.0 / BOOT 1.0]",
            "4.000 [Set 10.1.0.50 / ICP 10.9.0.10]",
        ]
    );
}

#[test]
fn a_boot_tells_what_an_onlooker_wants_to_know() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.boot();
    bench.wait(1);
    let mut lines = bench.timeline();
    lines.retain(|line| !line.contains('['));
    assert_eq!(
        lines,
        [
            "0.000 PowerUp { holding_star: false }",
            "0.000 Carrier(true)",
            "1.000 Bound { address: 10.1.0.50, prefix_len: 24, gateway: None, server: 10.1.0.2, lease: 8000s }",
            "1.000 Downloaded { file: \"Boot.bin\", bytes: 9, port: 20001 }",
            "3.000 Flash { version: \"1.0\", written: true }",
            "3.000 Downloaded { file: \"Main.bin\", bytes: 9, port: 20001 }",
            "4.000 Connecting { to: 10.9.0.10 }",
            "4.000 1: connect to 10.9.0.10",
        ]
    );
}

#[test]
fn without_a_carrier_a_set_waits_for_its_link_once_its_first_stage_is_over() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.wait(3_600);
    assert_eq!(
        bench.displays(),
        [
            "0.000 [08:00:0F:00:00:01 / Booting: factory]",
            "1.000 [Waiting for LAN link / to come up]",
        ]
    );
    assert_eq!(bench.due(), None);
    bench.carrier(true);
    assert_eq!(
        bench.displays(),
        ["3600.000 [Waiting for DHCP]", "3600.000 [DHCP: Discovery]"]
    );
}

#[test]
fn a_cable_that_is_pulled_while_a_set_boots_hides_its_display_and_ends_nothing() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.carrier(false);
    assert_eq!(bench.display, "Waiting for LAN link / to come up");
    bench.offer();
    assert_eq!(bench.display, "Waiting for LAN link / to come up");
    bench.carrier(true);
    assert_eq!(bench.display, "DHCP: Offer 1 Acc");
    assert_eq!(bench.state(), "DHCP");
}

#[test]
fn offers_without_both_servers_are_refused_and_counted_until_a_good_one_comes() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.take();
    bench.reply(MessageType::Offer, "");
    let no_tftp = "id:ipphone.mitel.com;call_srv=10.9.0.10";
    bench.reply(MessageType::Offer, no_tftp);
    bench.reply(MessageType::Offer, "id:ipphone.mitel.com;sw_tftp=10.9.0.20");
    bench.offer();
    assert_eq!(
        bench.take(),
        [
            "[DHCP: Offer 1 Rej]",
            "OfferRefused { server: 10.1.0.2, reason: \"no option 125, 43 or 128\" }",
            "[DHCP: Offer 2 Rej]",
            "OfferRefused { server: 10.1.0.2, reason: \"option 43 has no TFTP server\" }",
            "[DHCP: Offer 3 Rej]",
            "OfferRefused { server: 10.1.0.2, reason: \"option 43 has no call server\" }",
            "> DHCP Request",
            "[DHCP: Offer 4 Acc]",
        ]
    );
}

#[test]
fn a_request_that_is_refused_begins_dhcp_again_a_second_later_without_a_restart() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.take();
    bench.nak();
    bench.wait(1);
    assert_eq!(
        bench.timeline(),
        [
            "1.000 Restart { reason: \"server refused the request\" }",
            "1.000 [Waiting for DHCP]",
            "2.000 [DHCP: Discovery]",
        ]
    );
    bench.offer();
    bench.ack();
    assert_eq!(bench.state(), "Boot image");
}

#[test]
fn an_ack_that_lacks_what_the_offer_had_sends_the_set_back_to_the_beginning() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.take();
    bench.reply(MessageType::Ack, "");
    bench.wait(5);
    assert_eq!(
        bench.timeline(),
        [
            "1.000 Bound { address: 10.1.0.50, prefix_len: 24, gateway: None, server: 10.1.0.2, lease: 8000s }",
            "1.000 Restart { reason: \"ACK of 10.1.0.2: no option 125, 43 or 128\" }",
            "1.000 Unbound { reason: \"starts over\" }",
            "1.000 []",
            "6.000 [08:00:0F:00:00:01 / Booting: factory]",
        ]
    );
}

#[test]
fn a_boot_image_goes_to_flash_only_if_it_is_another_one() {
    let mut bench = Bench::new().connecting();
    bench.power_down();
    bench.power_up();
    bench.carrier(true);
    bench.take();
    bench.boot();
    let lines = bench.timeline().join("\n");
    assert!(lines.contains("Flash { version: \"1.0\", written: false }"));
    assert!(lines.contains("[Upgrade not required]"));
    assert!(!lines.contains("[Upgrading Flash"));

    bench.power_down();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
    bench.file(b"boot 1.1\n");
    assert_eq!(bench.state(), "Flash");
    bench.wait(2);
    assert_eq!(&*bench.phone.memory.flash.as_ref().unwrap().version, "1.1");
}

#[test]
fn a_power_down_while_flash_is_written_leaves_the_factory_image() {
    let mut bench = Bench::new().connecting();
    bench.power_down();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
    bench.file(b"boot 1.1\n");
    bench.power_down();
    bench.power_up();
    assert_eq!(bench.display, "08:00:0F:00:00:01 / Booting: factory");
}

#[test]
fn a_download_that_fails_three_times_is_shown_and_the_set_boots_again_5_s_later() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
    bench.take();
    for _ in 0..2 {
        bench.no_such_file();
        assert_eq!(bench.state(), "Boot image");
        let (wait, name) = bench.due().unwrap();
        assert!((15.0..=30.0).contains(&wait) && name == "TFTP next attempt");
        bench.wait(wait.ceil() as u64);
    }
    bench.no_such_file();
    assert_eq!(bench.display, "Download failed");
    assert_eq!(bench.due(), Some((5.0, "restart")));
    let lines = bench.timeline().join("\n");
    assert!(
        lines.contains("DownloadFailed { file: \"Boot.bin\""),
        "{lines}"
    );
    assert!(lines.contains("Restart { reason: \"Boot.bin: "), "{lines}");
    assert!(lines.contains("Unbound"), "{lines}");
    bench.wait(6);
    bench.boot();
}

#[test]
fn no_two_downloads_in_a_row_use_one_port() {
    let mut bench = Bench::new();
    let mut ports = Vec::new();
    for _ in 0..2 {
        bench.power_up();
        bench.carrier(true);
        bench.boot();
        bench.power_down();
        let lines = bench.take();
        let binds = lines.iter().filter_map(|line| line.strip_prefix("> bind "));
        ports.extend(binds.filter(|port| *port != "68").map(str::to_owned));
    }
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 4);
}

#[test]
fn a_lease_that_is_lost_while_images_load_sends_the_set_back_to_the_beginning() {
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.ack();
    // Nobody sends the image; meanwhile the lease comes to T1, where its server refuses it.
    let renewal = bench.phone.dhcp.poll_timeout().unwrap();
    assert_eq!(renewal.1, "DHCP renewal (T1)");
    bench.now = renewal.0;
    bench.call(|phone, now, out| {
        phone.dhcp.handle_timeout(now, out);
    });
    bench.take();
    bench.nak();
    assert_eq!(
        bench.timeline(),
        [
            "4001.000 Unbound { reason: \"server refused the address\" }",
            "4001.000 Restart { reason: \"server refused the address\" }",
            "4001.000 []",
        ]
    );
    assert_eq!(bench.due(), Some((5.0, "restart")));
}

#[test]
fn star_held_at_power_up_clears_the_pin_and_a_restart_is_no_power_up() {
    let mut bench = Bench::of("5360", Some("***6000"));
    bench.phone.hold_star();
    bench.power_up();
    assert_eq!(
        bench.take(),
        [
            "PowerUp { holding_star: true }",
            "PinCleared",
            "[08:00:0F:00:00:01 / Booting: factory]",
        ]
    );
    assert_eq!(bench.pin(), None);

    let mut bench = Bench::of("5360", Some("***6000")).in_service();
    bench.phone.hold_star();
    bench.says(super::register::hard_reset());
    bench.wait(5);
    assert_eq!(bench.state(), "First stage");
    assert_eq!(bench.pin(), Some("***6000"));
}

#[test]
fn without_power_a_set_is_dark_asks_for_nothing_and_has_no_deadline() {
    for state in super::table::STATES {
        let mut bench = super::table::in_state(state);
        bench.take();
        bench.power_down();
        assert_eq!(bench.due(), None, "{state}");
        assert_eq!(bench.display, "", "{state}");
        for line in bench.take() {
            let expected = ["PowerDown", "[]"].contains(&line.as_str());
            assert!(expected, "{state}: {line}");
        }
        // Whatever was under way: nothing of it is left.
        bench.connected();
        bench.wait(100_000);
        assert!(bench.take().is_empty(), "{state}");
    }
}

#[test]
fn sets_that_keep_no_pin_forget_it_at_power_down_and_all_others_keep_it() {
    for (model, kept) in [
        ("5360", true),
        ("5485", false),
        ("5550", false),
        ("IPConsole", false),
    ] {
        let mut bench = Bench::of(model, None);
        bench.phone.memory.call_server = Some("10.9.0.10".parse().unwrap());
        let mut bench = bench.registering();
        bench.saves("***6000");
        assert_eq!(bench.pin(), Some("***6000"));
        bench.power_down();
        assert_eq!(bench.pin().is_some(), kept, "{model}");
    }
}

#[test]
fn the_configuration_may_stand_in_any_option_and_the_display_says_in_which() {
    assert!(TEXT.len() < 250);
    let mut bench = Bench::new();
    bench.power_up();
    bench.carrier(true);
    bench.wait(1);
    bench.offer();
    bench.take();
    let in_sub_option = format!("\u{1}{}{TEXT}", char::from(TEXT.len() as u8));
    bench.reply(MessageType::Ack, &in_sub_option);
    assert!(
        bench
            .take()
            .contains(&"[DHCP: Ack / Using option 43:1]".to_owned())
    );
}
