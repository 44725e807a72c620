//! `serve` and `phone`: the servers of a scenario on an interface, and one set on a network that exists.

use std::fs;
use std::process::{Command, Stdio};

use super::super::support::{Folder, has_program, skipped};
use super::machine;
use super::veth::{Cable, INTERFACE, jackfield, run, start};

const SCENARIO: &str = "fixtures/scenarios/subnet-move.toml";

#[test]
fn a_set_of_phone_is_served_by_serve_across_a_cable() {
    let test = "a_set_of_phone_is_served_by_serve_across_a_cable";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let folder = Folder::new();
    let capture = folder.path("served.pcapng").display().to_string();
    let plugged = format!("hq={INTERFACE}");
    let serve = [
        "serve",
        SCENARIO,
        "--interface",
        &plugged,
        "--capture",
        &capture,
    ];
    let serve = jackfield(&cable.near, &serve);
    let phone = [
        "phone",
        "--interface",
        INTERFACE,
        "--mac",
        "08:00:0f:00:aa:01",
        "--pin",
        "***6000",
    ];
    let (code, said) = jackfield(&cable.far, &phone).end();
    assert_eq!(code, Some(0), "{said}");
    for step in [
        "10.1.0.2 offers 10.1.0.50/24, gateway 10.1.0.1, for 8 h",
        "option 125: call server 10.9.0.10, boot server 10.9.0.20",
        "has address 10.1.0.50/24",
        "asks 10.9.0.20 port 20001 for BootIp5360.bin, in blocks of 4096 bytes",
        "in blocks of 1468 bytes",
        "loaded MainIp5360.bin, 49152 bytes, from port 20001",
        "asks its user for a PIN (no PIN)",
        "in service: DN 6000 at 10.9.0.10",
    ] {
        assert!(said.contains(step), "no `{step}` in\n{said}");
    }
    assert!(!said.contains("(line "), "{said}");
    let (code, said) = serve.interrupt();
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "leases 10.1.0.50 to 08:00:0f:00:aa:01",
        "served MainIp5360.bin to 10.1.0.50: 49152 bytes",
        "registers it at DN 6000",
        "1 lease to 1 client, 2 files (65536 bytes), 1 set registered",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    assert!(fs::metadata(&capture).unwrap().len() > 65_536);
}

#[test]
fn a_quiet_server_tells_only_what_it_has_served() {
    let test = "a_quiet_server_tells_only_what_it_has_served";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let plugged = format!("hq={INTERFACE}");
    let serve = ["serve", SCENARIO, "--interface", &plugged, "--quiet"];
    let serve = jackfield(&cable.near, &serve);
    let phone = ["phone", "--interface", INTERFACE, "--pin", "***6000"];
    let (code, said) = jackfield(&cable.far, &phone).end();
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = serve.interrupt();
    assert_eq!(code, Some(0), "{said}");
    let summary = "1 lease to 1 client, 2 files (65536 bytes), 1 set registered";
    assert!(said.contains(summary), "{said}");
    assert!(!said.contains("leases 10.1.0.50"), "{said}");
}

#[test]
fn phone_says_how_far_it_came_when_it_is_interrupted() {
    let test = "phone_says_how_far_it_came_when_it_is_interrupted";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let mut phone = jackfield(&cable.far, &["phone", "--interface", INTERFACE]);
    phone.hear("boots");
    let (code, said) = phone.interrupt();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("\nit stopped here: "), "{said}");
}

/// Option 125 in layout A: `id:ipphone.mitel.com;sw_tftp=10.1.0.2;call_srv=10.1.0.2`, or another call server.
fn option_125(call_srv: &str) -> String {
    let text = format!("id:ipphone.mitel.com;sw_tftp=10.1.0.2;call_srv={call_srv}");
    let bytes: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "--dhcp-option-force=125,00:00:04:03:{:02x}:{}",
        text.len(),
        bytes.join(":")
    )
}

#[test]
fn phone_says_where_a_network_of_dnsmasq_stops_it() {
    let test = "phone_says_where_a_network_of_dnsmasq_stops_it";
    let Some(_alone) = machine(test) else { return };
    if !has_program("dnsmasq") {
        return skipped(test, "no dnsmasq");
    }
    let cable = Cable::lay();
    let folder = Folder::new();
    for file in ["BootIp5360.bin", "MainIp5360.bin"] {
        fs::write(folder.path(file), format!("{file} 7.7\n").repeat(500)).unwrap();
    }
    run(
        &cable.near,
        Command::new("ip").args(["address", "add", "10.1.0.2/24", "dev", INTERFACE]),
    );
    let cut_short = "--dhcp-option-force=125,00:00:04:03:69:64:3a".to_owned();
    let router = "--dhcp-option=3,10.1.0.2";
    let cases = [
        (
            router,
            cut_short,
            "no offer is of use to a set: 10.1.0.2: option 125: ",
            "4 s",
        ),
        (
            router,
            option_125("10.1.0.2"),
            "nothing listens on port 6800 at 10.1.0.2: connection refused",
            "30 s",
        ),
        (
            "--dhcp-option=3",
            option_125("10.9.0.10"),
            "DHCP gave no gateway (option 3), and 10.9.0.10 is not in the subnet of 10.1.0.5",
            "10 s",
        ),
    ];
    for (router, option, stopped, within) in cases {
        let mut dnsmasq = Command::new("dnsmasq");
        dnsmasq
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--port=0",
                "--user=root",
            ])
            .args([
                "--bind-interfaces",
                "--no-ping",
                "--dhcp-authoritative",
                "--enable-tftp",
            ])
            .args(["--dhcp-range=10.1.0.50,10.1.0.59,1h", router, &option])
            .arg(format!("--interface={INTERFACE}"))
            .arg(format!("--pid-file={}", folder.path("pid").display()))
            .arg(format!(
                "--dhcp-leasefile={}",
                folder.path("leases").display()
            ))
            .arg(format!("--tftp-root={}", folder.path("").display()))
            .stderr(Stdio::null());
        let mut dnsmasq = start(&cable.near, &mut dnsmasq);
        let phone = ["phone", "--interface", INTERFACE, "--within", within];
        let (code, said) = jackfield(&cable.far, &phone).end();
        dnsmasq.kill();
        assert_eq!(code, Some(1), "{said}");
        let line = format!("it stopped here: {stopped}");
        assert!(said.contains(&line), "no `{line}` in\n{said}");
        assert!(said.contains("\nto mend it: "), "{said}");
    }
}

#[test]
fn an_interface_that_goes_while_it_is_served_on_is_named() {
    let test = "an_interface_that_goes_while_it_is_served_on_is_named";
    let Some(_alone) = machine(test) else { return };
    let cable = Cable::lay();
    let plugged = format!("hq={INTERFACE}");
    let serve = ["serve", SCENARIO, "--interface", &plugged];
    let mut serve = jackfield(&cable.near, &serve);
    let phone = ["phone", "--interface", INTERFACE, "--pin", "***6000"];
    let (code, said) = jackfield(&cable.far, &phone).end();
    assert_eq!(code, Some(0), "{said}");
    run(
        &cable.near,
        Command::new("ip").args(["link", "delete", INTERFACE]),
    );
    let (code, said) = serve.end();
    assert_eq!(code, Some(3), "{said}");
    let error = format!("error: the interface {INTERFACE} failed: ");
    assert!(said.contains(&error), "{said}");
}

#[test]
fn an_interface_that_is_not_there_is_told() {
    let folder = Folder::new();
    let capture = folder.path("earlier.pcapng");
    fs::write(&capture, "an earlier capture").unwrap();
    let phone = ["phone", "--interface", "no-such-if"];
    let serve = ["serve", SCENARIO, "--interface", "hq=no-such-if"];
    for arguments in [&phone[..], &serve] {
        let mut program = folder.jackfield(arguments);
        let output = program.arg("--capture").arg(&capture).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        let error = "error: there is no interface no-such-if; there are: ";
        assert!(said.starts_with(error), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
    assert_eq!(fs::read(&capture).unwrap(), b"an earlier capture");
    let arguments = ["serve", SCENARIO, "--interface", "office=eth0"];
    let output = folder.jackfield(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("there is no subnet office; there are: hq, "),
        "{said}"
    );
}
