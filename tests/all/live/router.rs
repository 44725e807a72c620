//! A kernel of this machine as a router, and ours in its place: the same frames, and what comes of them.
//!
//! ```text
//!   near ── 10.2.0.1  router  10.9.0.1 ── far 10.9.0.10
//!                    10.1.0.1 ── nobody
//! ```
//!
//! `ask.py` sends the frames and says what happens. `docs/kernel-router.md` is the table of both, written by
//! `BLESS=1`; the test fails if what it measures is not what the table says.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use jackfield::os::Namespace;

use super::super::support::{Folder, assert_golden, has_program, skipped};
use super::veth::{Running, run as run_in, start};
use super::{machine, run_without_capture};

/// How a router is set: its name in the table, what our scenario says of it, what a kernel is told in
/// `/proc/sys/net/ipv4/conf`, and which frames it is asked with.
const SETTINGS: [(&str, &str, &[&str], &str); 7] = [
    (
        "strict",
        r#"arp = "strict""#,
        &["all/arp_ignore=1"],
        "vanished",
    ),
    (
        "any-own-address",
        r#"arp = "any-own-address""#,
        &[],
        "packets",
    ),
    (
        "proxy",
        r#"arp = "proxy""#,
        &["all/proxy_arp=1"],
        "requests",
    ),
    (
        "any-own-address, strict reverse path",
        r#"arp = "any-own-address", reverse-path = "strict""#,
        &["all/rp_filter=1"],
        "packets",
    ),
    (
        "proxy, strict reverse path",
        r#"arp = "proxy", reverse-path = "strict""#,
        &["all/proxy_arp=1", "all/rp_filter=1"],
        "requests",
    ),
    (
        "any-own-address, loose reverse path",
        r#"arp = "any-own-address", reverse-path = "loose""#,
        &["all/rp_filter=2"],
        "packets",
    ),
    (
        "proxy, loose reverse path",
        r#"arp = "proxy", reverse-path = "loose""#,
        &["all/proxy_arp=1", "all/rp_filter=2"],
        "requests",
    ),
];

const ABOUT: &str = "# Our router beside a kernel's

What a Linux kernel (6.18) and our router do when the same frames reach them: each case was put to both, in one run of
`tests/all/live/router.rs`, which fails when this table does not hold, and writes it with `BLESS=1`. The router has
10.1.0.1, 10.2.0.1 and 10.9.0.1; who asks is in 10.2.0.0/24. Times are rounded to half a second: the kernel's are up to
0.03 s a second late (its timers count in ticks; one of 5 s is up to 0.26 s late), ours are exact.

A kernel is `strict` with `arp_ignore` 1, `any-own-address` as it comes, `proxy` with `proxy_arp` 1; its reverse path is
strict with `rp_filter` 1, loose with 2.
";

#[test]
fn our_router_does_what_a_kernel_does() {
    let test = "our_router_does_what_a_kernel_does";
    if let Some(missing) = ["python3", "ip", "sh"].iter().find(|it| !has_program(it)) {
        return skipped(test, &format!("no {missing}"));
    }
    let Some(_alone) = machine(test) else { return };
    let mut table = ABOUT.to_owned();
    for (name, ours, kernels, mode) in SETTINGS {
        let (kernel, ours) = thread::scope(|scope| {
            let kernel = scope.spawn(|| of_kernel(kernels, mode));
            let ours = of_ours(test, ours, mode);
            (kernel.join().expect("it has said why"), ours)
        });
        let Some(ours) = ours else { return };
        table += &section(name, &kernel, &ours);
    }
    assert_golden("docs/kernel-router.md", &table);
}

/// The answers as rows of a table; where both gave the same, it stands once.
fn section(name: &str, kernel: &str, ours: &str) -> String {
    let mut table = format!("\n## {name}\n\n| case | kernel | ours |\n| --- | --- | --- |\n");
    assert_eq!(
        kernel.lines().count(),
        ours.lines().count(),
        "{kernel}{ours}"
    );
    for (kernel, ours) in kernel.lines().zip(ours.lines()) {
        let (Some((case, kernel)), Some((of, ours))) =
            (kernel.split_once(": "), ours.split_once(": "))
        else {
            assert_eq!((kernel, ours), ("done", "done"));
            continue;
        };
        assert_eq!(case, of);
        let ours = if ours == kernel { "the same" } else { ours };
        table += &format!("| {case} | {kernel} | {ours} |\n");
    }
    table
}

/// What our router answers; `None` where the machine is too slow.
fn of_ours(test: &str, gateway: &str, mode: &str) -> Option<String> {
    let folder = asker();
    let path = folder.path("router.toml");
    let text = include_str!("router.toml")
        .replace("{gateway}", gateway)
        .replace("{mode}", mode)
        .replace("{folder}", &folder.path("").display().to_string());
    fs::write(&path, text).unwrap();
    if let Err(report) = run_without_capture(test, &path) {
        panic!("{report}");
    }
    said(&folder.path("near"))
}

/// What a kernel answers that has these settings.
fn of_kernel(settings: &[&str], mode: &str) -> String {
    let folder = asker();
    let [near, far, router] = [(); 3].map(|()| Namespace::create().unwrap());
    let inside = [&near, &far].map(|it| start(it, Command::new("sleep").arg("60")));
    let [near_id, far_id] = inside.each_ref().map(|it| it.0.id().to_string());
    let mut build = include_str!("router.sh").to_owned();
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap();
        build += &format!("echo {value} >conf/{name}\n");
    }
    run_in(
        &router,
        Command::new("sh").args(["-c", &build, "sh", &near_id, &far_id]),
    );
    run_in(
        &near,
        Command::new("ip").args(["link", "set", "eth0", "up"]),
    );
    let address = "ip address add 10.9.0.10/24 dev eth0 && ip link set eth0 up && ip route add default via 10.9.0.1";
    run_in(&far, Command::new("sh").args(["-c", address]));
    let listener = listen(&far, &folder);
    let command = format!("python3 ask.py {mode} far >near");
    run_in(
        &near,
        Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder.path("")),
    );
    drop(listener);
    said(&folder.path("near")).expect("it has said so")
}

fn listen(far: &Namespace, folder: &Folder) -> Running {
    let listener = start(
        far,
        Command::new("sh")
            .args(["-c", "exec python3 ask.py listen far >listens"])
            .current_dir(folder.path("")),
    );
    let waited = Command::new("timeout")
        .args(["10", "sh", "-c", "until [ -e far ]; do sleep 0.02; done"])
        .current_dir(folder.path(""))
        .status();
    assert!(waited.unwrap().success(), "the listener has not begun");
    listener
}

/// A folder with the program that asks.
fn asker() -> Folder {
    let folder = Folder::new();
    fs::write(folder.path("ask.py"), include_str!("ask.py")).unwrap();
    folder
}

fn said(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}
