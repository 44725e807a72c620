//! The machine's side of a live run, with a toy for a run: one neighbour that answers ARP and ping.
//!
//! These tests need root and /dev/net/tun; where the machine refuses, they say so and are skipped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use super::toy::{TOY_ADDRESS, Toy, processes_in, sleepers_in};
use super::{
    Clock, Interrupts, Lateness, LiveError, Namespace, Port, PortSettings, Settings, drive_live,
    probe,
};
use crate::sim::{Ended, Halt, ProgramId, Ready};
use crate::time::{Duration, Instant};
use crate::wire::Mac;

const PORT_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

#[test]
fn ping_through_a_port_is_answered_by_the_run() {
    if machine_refuses("ping_through_a_port_is_answered_by_the_run") {
        return;
    }
    let mut toy = Toy::running(&[&["ping", "-c", "3", "-i", "0.2", "10.77.0.1"]]);
    let (ports, lateness) = drive(&mut toy);
    let end = &toy.ends[0];
    assert_eq!(end.how, Ended::Status(0), "{}", end.output);
    assert!(end.output.contains("3 received"), "{}", end.output);
    eprintln!("{}{:?} {lateness:?}", end.output, ports[0].counters());
}

#[test]
fn a_name_of_a_namespace_is_there_until_it_is_taken_away() {
    if machine_refuses("a_name_of_a_namespace_is_there_until_it_is_taken_away") {
        return;
    }
    // Names stand in a place of this test's own.
    let place = Namespace::create().unwrap();
    let tried = place.run(|| {
        let hidden = Command::new("mount")
            .args(["-t", "tmpfs", "none", "/run"])
            .status();
        assert!(hidden.unwrap().success());
        let kept = Namespace::create()?;
        kept.keep("one")?;
        assert!(matches!(kept.keep("one"), Err(LiveError::Name { .. })));
        let there = Namespace::is_kept("one");
        Namespace::forget("one");
        Ok((there, Namespace::is_kept("one")))
    });
    assert_eq!(tried.unwrap(), (true, false));
}

#[test]
fn a_port_is_silent_until_a_program_speaks() {
    if machine_refuses("a_port_is_silent_until_a_program_speaks") {
        return;
    }
    let mut toy = Toy::running(&[&["sleep", "1.2"]]);
    let (ports, _) = drive(&mut toy);
    assert_eq!(ports[0].counters().received, 0);
}

#[test]
fn the_interface_has_the_settings_of_the_port() {
    if machine_refuses("the_interface_has_the_settings_of_the_port") {
        return;
    }
    let mut toy = Toy::running(&[
        &["cat", "/sys/class/net/eth0/address"],
        &["ls", "/sys/class/net"],
        &["cat", "/proc/net/route"],
        &["ping", "-c", "1", "127.0.0.1"],
    ]);
    drive(&mut toy);
    assert_eq!(toy.ends[0].output, "02:00:00:00:00:02\n");
    assert!(toy.ends[1].output.contains("eth0\nlo\n"));
    let route = &toy.ends[2].output;
    assert!(route.contains("eth0\t00000000\t01004D0A"), "{route}"); // default through 10.77.0.1
    assert!(route.contains("eth0\t00004D0A\t00000000"), "{route}"); // 10.77.0.0 on the link
    assert_eq!(toy.ends[3].how, Ended::Status(0));
}

#[test]
fn a_frame_for_an_interface_that_is_down_is_dropped_and_counted() {
    if machine_refuses("a_frame_for_an_interface_that_is_down_is_dropped_and_counted") {
        return;
    }
    let mut ports = [open_port()];
    let mut toy = Toy::running(&[&["ip", "link", "set", "eth0", "down"]]);
    drive_live(&mut toy, &mut ports, &Settings::default()).unwrap();
    ports[0].send(&[0xff; 60]).unwrap();
    ports[0].send(&[0xff; 3]).unwrap();
    let counters = ports[0].counters();
    assert_eq!((counters.sent, counters.dropped), (0, 2));
}

#[test]
fn a_program_ends_with_its_status_and_both_its_outputs() {
    if machine_refuses("a_program_ends_with_its_status_and_both_its_outputs") {
        return;
    }
    let mut toy = Toy::running(&[
        &["sh", "-c", "echo one; echo two >&2; echo three; exit 7"],
        &["no-such-program", "-x"],
        &["sh", "-c", "kill -9 $$"],
        &["sh", "-c", "exec >&- 2>&-; sleep 0.3"],
    ]);
    let clock = Clock::start();
    drive(&mut toy);
    assert_eq!(toy.ends[0].how, Ended::Status(7));
    assert_eq!(toy.ends[0].output, "one\ntwo\nthree\n");
    let missing = "the program `no-such-program` is not on this machine";
    assert_eq!(toy.ends[1].how, Ended::NotStarted(missing.to_owned()));
    assert_eq!(toy.ends[2].how, Ended::Signal);
    assert_eq!(toy.ends[3].how, Ended::Status(0));
    assert!(clock.now() >= Instant::ZERO + Duration::from_millis(300));
}

#[test]
fn a_program_does_not_write_the_machines_resolv_conf() {
    if machine_refuses("a_program_does_not_write_the_machines_resolv_conf") {
        return;
    }
    let Ok(before) = fs::read("/etc/resolv.conf") else {
        return;
    };
    let write = "echo nameserver 10.77.0.1 > /etc/resolv.conf; cat /etc/resolv.conf";
    let mut toy = Toy::running(&[&["sh", "-c", write]]);
    drive(&mut toy);
    let after = fs::read("/etc/resolv.conf").unwrap();
    if after != before {
        fs::write("/etc/resolv.conf", &before).unwrap();
    }
    assert_eq!(after, before);
    assert_eq!(toy.ends[0].output, "nameserver 10.77.0.1\n");
}

#[test]
fn a_program_is_ready_by_its_output_or_its_port_and_ends_as_it_is_told() {
    if machine_refuses("a_program_is_ready_by_its_output_or_its_port_and_ends_as_it_is_told") {
        return;
    }
    let trap = "trap 'echo asked; exit 3' TERM; echo $MOOD; while :; do sleep 0.01; done";
    let listen = "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',5069)); time.sleep(60)";
    let mut toy = Toy::running(&[
        &["sh", "-c", trap],
        &["python3", "-c", listen],
        &[
            "sh",
            "-c",
            "trap '' TERM; echo deaf; while :; do sleep 0.01; done",
        ],
    ]);
    toy.halt_when_ready = Some(Halt::Terminate(Duration::from_millis(300)));
    toy.programs[0].environment = vec![("MOOD".to_owned(), "glad".to_owned())];
    toy.programs[0].ready = Some(Ready::Prints("glad".to_owned()));
    toy.programs[1].ready = Some(Ready::Port(5069));
    toy.programs[2].ready = Some(Ready::Prints("deaf".to_owned()));
    drive(&mut toy);
    assert_eq!(toy.ready, [ProgramId(0), ProgramId(1), ProgramId(2)]);
    assert_eq!(toy.ends[0].how, Ended::Status(3), "{}", toy.ends[0].output);
    // The shell may tell of the `sleep` that the signal ended.
    let said = &toy.ends[0].output;
    assert!(
        said.starts_with("glad\n") && said.ends_with("asked\n"),
        "{said}"
    );
    assert_eq!(toy.ends[1].how, Ended::Signal);
    assert_eq!(toy.ends[2].how, Ended::OutOfTime);
}

/// Starts processes in every way in which they get away from a parent.
const RUNAWAYS: &str =
    "sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &); echo started; sleep 1000; echo never";

#[test]
fn a_program_over_its_time_is_killed_with_all_that_it_started() {
    if machine_refuses("a_program_over_its_time_is_killed_with_all_that_it_started") {
        return;
    }
    let mut ports = [open_port()];
    let inode = inode_of(namespace_of(&ports[0]));
    let mut toy = Toy::running(&[&["sh", "-c", RUNAWAYS], &["true"]]);
    toy.programs[0].within = Some(Duration::from_millis(500));
    toy.look_at = Some(inode);
    drive_live(&mut toy, &mut ports, &Settings::default()).unwrap();
    assert_eq!(toy.ends[0].how, Ended::OutOfTime);
    assert_eq!(toy.ends[0].output, "started\n");
    assert_eq!(toy.seen_at_end[0], 0);
    assert_eq!(processes_in(inode), Vec::<String>::new());
}

#[test]
fn what_a_program_leaves_in_the_background_lives_until_the_run_ends() {
    if machine_refuses("what_a_program_leaves_in_the_background_lives_until_the_run_ends") {
        return;
    }
    let mut ports = [open_port()];
    let inode = inode_of(namespace_of(&ports[0]));
    let mut toy = Toy::running(&[
        &[
            "sh",
            "-c",
            "setsid sleep 1000 & setsid sleep 1000 & sleep 0.3",
        ],
        &["true"],
    ]);
    toy.look_at = Some(inode);
    drive_live(&mut toy, &mut ports, &Settings::default()).unwrap();
    assert_eq!(toy.ends[0].how, Ended::Status(0));
    assert_eq!(toy.seen_at_end, [2, 2]);
    assert_eq!(processes_in(inode), Vec::<String>::new());
}

#[test]
fn a_signal_ends_the_run_and_its_programs() {
    if machine_refuses("a_signal_ends_the_run_and_its_programs") {
        return;
    }
    let mut ports = [open_port()];
    let inode = inode_of(namespace_of(&ports[0]));
    let mut toy = Toy::running(&[&["sh", "-c", RUNAWAYS]]);
    toy.signal_at_start = true;
    let interrupts = Interrupts::catch().unwrap();
    assert!(Interrupts::catch().is_err());
    let settings = Settings {
        interrupts: Some(&interrupts),
        ..Settings::default()
    };
    let result = drive_live(&mut toy, &mut ports, &settings);
    assert!(
        matches!(result, Err(LiveError::Stopped { signal: "SIGTERM" })),
        "{result:?}"
    );
    assert_eq!(processes_in(inode), Vec::<String>::new());
}

/// Set in the environment of the process that is killed.
const HARNESS: &str = "JACKFIELD_TEST_HARNESS";

#[test]
fn nothing_is_left_after_kill_9() {
    if machine_refuses("nothing_is_left_after_kill_9") {
        return;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("os::tests::the_harness_that_is_killed")
        .env(HARNESS, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(harness.stderr.take().unwrap()).lines();
    let inode = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(inode) = line.strip_prefix("namespace ") {
            break inode.parse().unwrap();
        }
    };
    assert!(comes_true(|| sleepers_in(inode) == 4));
    harness.kill().unwrap();
    harness.wait().unwrap();
    assert!(
        comes_true(|| processes_in(inode).is_empty()),
        "{:?}",
        processes_in(inode)
    );
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), mounts);
}

#[test]
#[ignore = "nothing_is_left_after_kill_9 runs it in a process of its own"]
fn the_harness_that_is_killed() {
    if std::env::var_os(HARNESS).is_none() {
        return;
    }
    let mut ports = [open_port()];
    eprintln!("namespace {}", inode_of(namespace_of(&ports[0])));
    let mut toy = Toy::running(&[&["sh", "-c", RUNAWAYS]]);
    drive_live(&mut toy, &mut ports, &Settings::default()).unwrap();
}

#[test]
fn a_deadline_is_met_within_the_bound() {
    if machine_refuses("a_deadline_is_met_within_the_bound") {
        return;
    }
    let mut toy = Toy::running(&[&["sleep", "0.5"]]);
    toy.tick = Some(Duration::from_millis(1));
    let (_, lateness) = drive(&mut toy);
    assert!(lateness.deadlines > 50, "{lateness:?}");
    eprintln!("{lateness:?}");
}

fn open_port() -> Port {
    Port::open(&PortSettings {
        mac: PORT_MAC,
        address: Some((Ipv4Addr::new(10, 77, 0, 2), 24)),
        gateway: Some(Ipv4Addr::from(TOY_ADDRESS)),
    })
    .unwrap()
}

fn drive(toy: &mut Toy) -> ([Port; 1], Lateness) {
    let mut ports = [open_port()];
    let lateness = drive_live(toy, &mut ports, &Settings::default()).unwrap();
    (ports, lateness)
}

/// Says that a test is skipped, and why, where the machine refuses.
fn machine_refuses(test: &str) -> bool {
    let refusal = probe();
    if let Err(reason) = &refusal {
        eprintln!("SKIPPED: {test}: {reason}");
    }
    refusal.is_err()
}

fn namespace_of(port: &Port) -> &Namespace {
    port.namespace().unwrap()
}

/// What tells a network namespace from others in /proc.
fn inode_of(namespace: &Namespace) -> u64 {
    namespace
        .run(|| Ok(fs::metadata("/proc/thread-self/ns/net").unwrap().ino()))
        .unwrap()
}

/// Waits until something is true, for ten seconds at most.
fn comes_true(condition: impl Fn() -> bool) -> bool {
    let pause = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 20_000_000,
    };
    (0..500).any(|_| {
        let is_true = condition();
        if !is_true {
            let _ = rustix::thread::nanosleep(&pause);
        }
        is_true
    })
}
