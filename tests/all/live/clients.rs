//! DHCP clients of other makers at our server: dhclient, dhcpcd and perfdhcp. `udhcpc` is in
//! `fixtures/scenarios/live/kernel-host.toml`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::super::support::Folder;
use super::unpacked::program;
use super::{machine, run};

#[test]
fn dhclient_leases_renews_and_releases_and_reads_option_125_bit_for_bit() {
    let test = "dhclient_leases_renews_and_releases_and_reads_option_125_bit_for_bit";
    dhclient(test, include_str!("dhclient.toml"));
}

#[test]
fn dhcpcd_leases_renews_and_releases_and_reads_option_125_bit_for_bit() {
    let test = "dhcpcd_leases_renews_and_releases_and_reads_option_125_bit_for_bit";
    dhcpcd(test, include_str!("dhcpcd.toml"));
}

#[test]
fn dhclient_asks_for_its_old_address_after_a_restart() {
    let test = "dhclient_asks_for_its_old_address_after_a_restart";
    dhclient(test, include_str!("dhclient-reboot.toml"));
}

#[test]
fn dhcpcd_declines_an_address_that_a_kernel_has() {
    let test = "dhcpcd_declines_an_address_that_a_kernel_has";
    dhcpcd(test, include_str!("dhcpcd-declines.toml"));
}

#[test]
fn perfdhcp_completes_300_exchanges_a_second_without_a_drop() {
    let test = "perfdhcp_completes_300_exchanges_a_second_without_a_drop";
    leases(test, "perfdhcp", "-v", include_str!("perfdhcp.toml"), &[]);
}

#[test]
fn perfdhcp_as_a_relay_of_another_subnet_gets_its_option_82_back() {
    let test = "perfdhcp_as_a_relay_of_another_subnet_gets_its_option_82_back";
    let scenario = include_str!("perfdhcp-relay.toml");
    leases(test, "perfdhcp", "-v", scenario, &[]);
}

fn dhclient(test: &str, scenario: &str) {
    let files = [
        ("conf", include_str!("dhclient.conf")),
        ("script", include_str!("dhclient.script")),
    ];
    leases(test, "dhclient", "--version", scenario, &files);
}

fn dhcpcd(test: &str, scenario: &str) {
    let files = [
        ("conf", include_str!("dhcpcd.conf")),
        ("script", include_str!("dhcpcd.script")),
    ];
    leases(test, "dhcpcd", "--version", scenario, &files);
}

/// Runs a scenario with a client that has its files in a folder of its own. `{client}` and `{folder}` in the scenario
/// and in the files become what they stand for.
fn leases(test: &str, client: &str, version: &str, scenario: &str, files: &[(&str, &str)]) {
    let Some(program) = program(test, client, version) else {
        return;
    };
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let in_place = folder.path("").display().to_string();
    let in_place = in_place.trim_end_matches('/');
    for (name, text) in [("scenario.toml", scenario)].iter().chain(files) {
        let path = folder.path(name);
        let text = text
            .replace("{client}", &program)
            .replace("{folder}", in_place);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    if let Err(report) = run(test, &folder.path("scenario.toml")) {
        panic!("{report}");
    }
}
