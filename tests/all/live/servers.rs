//! The lines that `jackfield option125 encode` prints, in the configuration of the servers that they are for: each
//! serves exactly the bytes that were printed, and a set boots and registers with them.

use std::fs;
use std::path::Path;

use jackfield::option125::{Encoded, Found, encode, in_frames};

use super::super::support::Folder;
use super::unpacked::{program, unpacked};
use super::{captured, machine};

#[test]
fn dnsmasq_serves_the_bytes_of_its_printed_line() {
    let test = "dnsmasq_serves_the_bytes_of_its_printed_line";
    let Some(_alone) = machine(test) else { return };
    let Some(program) = program(test, "dnsmasq", "--version") else {
        return;
    };
    let encoded = encoded();
    let start = |folder: &Path, line: String| {
        let general = "port=0\nuser=root\nbind-interfaces\ninterface=eth0\ndhcp-authoritative\nno-ping\n\
                       dhcp-range=10.2.0.50,10.2.0.59,1h\ndhcp-option=3,10.2.0.1\n";
        let [conf, leases, pid] = ["conf", "leases", "pid"].map(|name| folder.join(name));
        fs::write(&conf, format!("{general}{line}")).unwrap();
        let (conf, leases, pid) = (conf.display(), leases.display(), pid.display());
        format!("{program} --conf-file={conf} --dhcp-leasefile={leases} --pid-file={pid}")
    };
    serves(test, &encoded.a, |folder| {
        start(folder, encoded.dnsmasq_a())
    });
    serves(test, &encoded.b, |folder| {
        start(folder, encoded.dnsmasq_b())
    });
}

#[test]
fn kea_serves_the_bytes_of_its_printed_lines() {
    let test = "kea_serves_the_bytes_of_its_printed_lines";
    let Some(_alone) = machine(test) else { return };
    let Some(program) = program(test, "kea-dhcp4", "-v") else {
        return;
    };
    let encoded = encoded();
    let start = |folder: &Path, lines: String| {
        let here = "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_flex_option.so";
        let lines = match unpacked() {
            Some(root) => lines.replace(here, &format!("{}{here}", root.display())),
            None => lines,
        };
        let general = r#"
            "interfaces-config": { "interfaces": [ "eth0" ], "dhcp-socket-type": "raw" },
            "lease-database": { "type": "memfile", "persist": false },
            "multi-threading": { "enable-multi-threading": false },
            "subnet4": [ {
                "subnet": "10.2.0.0/24", "pools": [ { "pool": "10.2.0.50-10.2.0.59" } ],
                "option-data": [ { "name": "routers", "data": "10.2.0.1" } ]
            } ],
            "loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ],"#;
        let [conf, log] = ["conf", "log"].map(|name| folder.join(name));
        fs::write(&conf, format!("{{ \"Dhcp4\": {{ {general}\n{lines} }} }}")).unwrap();
        let (folder, conf, log) = (folder.display(), conf.display(), log.display());
        format!(
            "export KEA_LOCKFILE_DIR=none KEA_PIDFILE_DIR={folder}; {program} -c {conf} >{log} 2>&1 & \
             until grep -q DHCP4_STARTED {log}; do kill -0 $! || {{ cat {log}; exit 1; }}; sleep 0.1; done"
        )
    };
    serves(test, &encoded.a, |folder| start(folder, encoded.kea_a()));
    serves(test, &encoded.b, |folder| start(folder, encoded.kea_b()));
}

#[test]
fn isc_dhcpd_serves_the_bytes_of_its_printed_lines() {
    let test = "isc_dhcpd_serves_the_bytes_of_its_printed_lines";
    let Some(_alone) = machine(test) else { return };
    let Some(program) = program(test, "dhcpd", "--version") else {
        return;
    };
    let encoded = encoded();
    let start = |folder: &Path, lines: String| {
        let subnet = "subnet 10.2.0.0 netmask 255.255.255.0 { range 10.2.0.50 10.2.0.59; option routers 10.2.0.1; }\n";
        let [conf, leases] = ["conf", "leases"].map(|name| folder.join(name));
        fs::write(
            &conf,
            format!("authoritative;\nping-check false;\n{lines}{subnet}"),
        )
        .unwrap();
        fs::write(&leases, "").unwrap();
        let (conf, leases) = (conf.display(), leases.display());
        format!("{program} -q --no-pid -user root -cf {conf} -lf {leases} eth0")
    };
    serves(test, &encoded.a, |folder| start(folder, encoded.isc_a()));
    serves(test, &encoded.b, |folder| start(folder, encoded.isc_b()));
}

/// Starts a server by a shell command on a kernel host, and looks at what it sends to a set.
fn serves(test: &str, value: &[u8], command: impl Fn(&Path) -> String) {
    let folder = Folder::new();
    let text = include_str!("server.toml").replace("{command}", &command(&folder.path("")));
    let path = folder.path("server.toml");
    fs::write(&path, text).unwrap();
    let Some(capture) = captured(test, &path).unwrap() else {
        return; // too slow, which is said
    };
    let found = in_frames(&capture).unwrap().found;
    let of_125 = |found: &&Found| found.value == value;
    assert!(found.len() >= 2, "OFFER and ACK have it: {found:?}");
    assert_eq!(
        found.iter().filter(of_125).count(),
        found.len(),
        "{found:?}"
    );
}

fn encoded() -> Encoded {
    let fields = [
        ("sw_tftp", Some("10.1.0.20")),
        ("call_srv", Some("10.1.0.10,10.1.0.11")),
        ("dscp", Some("46v46s26")),
    ];
    encode(None, &fields, 130).unwrap()
}
