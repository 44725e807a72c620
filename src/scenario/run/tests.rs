//! Tests of whole runs: how each kind of time and each kind of expectation comes out, and what it then says.

use std::fmt::Write as _;
use std::io;

use super::*;
use crate::capture::Format;
use crate::outbox::DropReason;
use crate::scenario::{Deaf, VIRTUAL_EPOCH_NANOS, firmware, read};
use crate::sim::{Drive as _, Next, drive_virtual};

const GOLDEN: &str = "fixtures/golden/verdicts.txt";

/// Two offices behind one router, a phone in the one and two in the other.
const PLACE: &str = r#"
scenario = "Expectations of all kinds"

[[subnet]]
name = "office"
prefix = "10.1.0.0/24"
gateway = { router = "r1" }
dhcp = { pool = "10.1.0.50 - 10.1.0.99", call_srv = "mivb-a", sw_tftp = "firmware" }

[[subnet]]
name = "shop"
prefix = "10.2.0.0/24"
gateway = { router = "r1" }
dhcp = { pool = "10.2.0.50 - 10.2.0.99", call_srv = "mivb-a", sw_tftp = "firmware" }

[[tftp]]
name = "firmware"
address = "10.1.0.20"
firmware = { "BootIp5360.bin" = { version = "1.0", size = "2 KiB" }, "MainIp5360.bin" = { version = "1.0", size = "2 KiB" } }

[[element]]
name = "mivb-a"
address = "10.1.0.10"
ceid = { index = 1, digits = "1" }
directory = ["6000-6009"]

[[element]]
name = "mivb-b"
address = "10.1.0.11"
ceid = { index = 2, digits = "2" }

[[phone]]
name = "anna"
at = "office"
user = { pin = "***6000" }

[[phone]]
name = "till"
count = 2
at = "shop"
user = { pin = "***{6000+n}" }
"#;

/// What is tried, and the steps.
const CASES: &[(&str, &str)] = &[
    (
        "each thing that can be told of a phone, and is not so",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = true } },
  { expect.anna = { registered = "6001", element = "mivb-b", display = "Booting", address = "none", subnet = "shop", vlan = 7, stored-pin = "none", prompt = "unknown", neighbour = { "10.1.0.10" = "none", "10.1.0.77" = "FAILED" }, flashed = 2, redirects = 1 } },
]"#,
    ),
    (
        "the same of a phone that is off",
        r#"
step = [
  { expect.anna = { registered = true, element = "mivb-a", display = "Booting", address = "10.1.0.50", subnet = "office", vlan = 7, stored-pin = "***6000", prompt = "unknown", flashed = 1 } },
]"#,
    ),
    (
        "each thing that can be told of a phone, and is so",
        r#"
step = [
  { expect.anna = { registered = false, display = "", address = "none", stored-pin = "none", flashed = 0, redirects = 0 } },
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = "6000" } },
  { expect.anna = { registered = true, element = "mivb-a", display = "DN 6000 / ICP 10.1.0.10", address = "10.1.0.50", subnet = "office", vlan = "none", stored-pin = "***6000", prompt = "no PIN", neighbour = { "10.1.0.10" = "REACHABLE", "10.1.0.77" = "none" }, flashed = 1 } },
  { expect.mivb-a = { directory = { "6000" = "anna", "6001" = "none" } } },
]"#,
    ),
    (
        "whose set a DN belongs to",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = true } },
  { expect.mivb-a = { directory = { "6000" = "till-1", "6001" = "anna", "6002" = "08:00:0f:00:ff:01" } } },
]"#,
    ),
    (
        "counts of frames: those since the last action, which a wait is too, and all",
        r#"
step = [
  { power-up = "anna" },
  { wait = "1 min" },
  { wait = "0 s" },
  { expect.frames = [
    { on = "office", filter = "dhcp.option.dhcp == 1", at-least = 1 },
    { on = "office", filter = "dhcp.option.dhcp == 1", at-least = 1, since = "start" },
    { on = "office", filter = "dhcp.option.dhcp == 1", exactly = 2, since = "start" },
    { on = "shop", filter = "udp", at-most = 0, since = "start" },
    { filter = "dhcp", at-most = 3, since = "start" },
  ] },
]"#,
    ),
    (
        "within: a set that shows a text for a moment only has shown it",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 s", expect.anna = { display = "Waiting for DHCP" } },
]"#,
    ),
    (
        "now: what was shown for a moment is over",
        r#"
step = [
  { power-up = "anna" },
  { expect.anna = { display = "Waiting for DHCP" } },
]"#,
    ),
    (
        "within: too many frames have come, and of the rest nothing is known yet",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = "6000", flashed = 0 }, expect.frames = [{ on = "office", filter = "dhcp", exactly = 1 }] },
]"#,
    ),
    (
        "within: all has to hold at one moment",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = "6000", display = "Enter PIN" } },
]"#,
    ),
    (
        "throughout: it holds until it does not",
        r#"
step = [
  { power-up = "anna" },
  { throughout = "1 min", expect.anna = { registered = false, redirects = 0 } },
]"#,
    ),
    (
        "throughout: a text that is gone for a moment only",
        r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { display = "Waiting for ACK..." } },
  { throughout = "1 s", expect.anna = { display = "Waiting for ACK..." } },
]"#,
    ),
    (
        "throughout: it holds",
        r#"
step = [
  { throughout = "1 min", expect.till = { registered = false, address = "none" } },
]"#,
    ),
    (
        "never: a text that is there for a moment only",
        r#"
step = [
  { power-up = "anna" },
  { never = "1 min", expect.anna = { display = "Waiting for COMMS...", registered = "6009" } },
]"#,
    ),
    (
        "never, of a group: one of its phones is one too many",
        r#"
step = [
  { power-up = "till-2" },
  { never = "1 min", expect.till = { registered = true, subnet = "office" } },
]"#,
    ),
    (
        "never: it did not",
        r#"
step = [
  { power-up = "till" },
  { never = "1 min", expect.till = { registered = "{7000+n}", subnet = "office" }, expect.frames = [{ on = "shop", filter = "arp.opcode == 9", at-least = 1 }] },
]"#,
    ),
    (
        "of a group: some do, some do not",
        r#"
step = [
  { power-up = "till-1" },
  { within = "1 min", expect.till = { registered = true } },
]"#,
    ),
];

#[test]
fn every_frame_on_a_cable_is_delivered_lost_for_a_reason_or_under_way() {
    let mut reasons = std::collections::BTreeSet::new();
    for name in [
        "subnet-move",
        "cable-pulled",
        "slow-line",
        "move-to-proxy-arp",
    ] {
        let text = std::fs::read_to_string(format!("fixtures/scenarios/{name}.toml")).unwrap();
        let plan = read(&text).unwrap();
        let nowhere = |folder: &str| panic!("{name} has its firmware in {folder}");
        let files = firmware(&plan, nowhere).unwrap();
        let mut run = Run::new(&plan, &files, Recorder::off(), Deaf).unwrap();
        drive_virtual(&mut run, |_, _| ());
        let under_way = run.lab.world.under_way();
        let outcome = run.finish().0;
        let counters = outcome.counters;
        assert_eq!(
            counters.sent,
            counters.delivered + counters.lost + under_way,
            "{name}"
        );
        let on_cables = [
            DropReason::LinkDown,
            DropReason::NotConnected,
            DropReason::QueueFull,
        ];
        let dropped = |reason| outcome.drops.get(reason).copied().unwrap_or(0);
        let lost: u64 = on_cables.iter().map(dropped).sum();
        assert_eq!(counters.lost, lost, "{name}");
        reasons.extend(outcome.drops.into_keys());
    }
    assert!(reasons.contains(&DropReason::QueueFull), "{reasons:?}");
    assert!(
        reasons.contains(&DropReason::NeighbourFailed),
        "{reasons:?}"
    );
}

#[test]
fn every_kind_of_time_and_of_expectation_comes_out_as_the_golden_says() {
    let mut found = String::from(
        "# How expectations come out, and what is said of those that fail. Input: src/scenario/run/tests.rs.\n\
         # BLESS=1 writes it anew.\n",
    );
    for (case, steps) in CASES {
        let outcome = run(steps, Recorder::off()).0;
        writeln!(found, "\n## {case}").unwrap();
        for line in steps.lines().filter(|line| line.starts_with("  ")) {
            writeln!(found, "{line}").unwrap();
        }
        for verdict in &outcome.verdicts {
            let mark = if verdict.passed { "✓" } else { "✗" };
            writeln!(found, "{mark} {}: {}", verdict.when, verdict.expected).unwrap();
            if !verdict.passed {
                writeln!(found, "    {}, at {} s", verdict.found, verdict.at).unwrap();
            }
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(GOLDEN, &found).unwrap();
    }
    assert_eq!(std::fs::read_to_string(GOLDEN).unwrap_or_default(), found);
}

#[test]
fn a_verdict_says_after_which_frame_counting_began() {
    let steps = r#"
step = [
  { power-up = "anna" },
  { wait = "1 min" },
  { power-down = "anna" },
  { power-up = "anna" },
  { within = "1 min", expect.frames = [{ on = "office", filter = "dhcp.option.dhcp == 1", exactly = 1 }] },
]"#;
    let outcome = run(steps, Recorder::off()).0;
    let verdict = &outcome.verdicts[0];
    assert!(verdict.passed);
    let first = verdict.frames[0];
    assert!(verdict.after > 0 && verdict.after < first, "{verdict:?}");
}

#[test]
fn a_disk_that_is_full_ends_the_capture_and_not_the_run() {
    let steps = r#"
step = [
  { power-up = "anna" },
  { within = "1 min", expect.anna = { registered = "6000" } },
]"#;
    let (whole, captured) = run(steps, recorder(steps, usize::MAX));
    captured.unwrap();
    for room in [2_000, 6_000] {
        let (outcome, captured) = run(steps, recorder(steps, room));
        let error = captured.expect_err("there was no room for it");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(outcome.passed());
        assert_eq!(outcome.ended, whole.ended);
        assert_eq!(outcome.frames, whole.frames, "frames are still numbered");
    }
}

fn plan(steps: &str) -> Plan {
    // The steps are a key of the file's own table, so they come before all tables.
    let text = format!("{steps}\n{PLACE}");
    read(&text).unwrap_or_else(|problems| panic!("{}", problems.render("case", &text, false)))
}

fn run(steps: &str, recorder: Recorder) -> (Outcome, io::Result<()>) {
    let plan = plan(steps);
    let files = firmware(&plan, |_| Err(io::ErrorKind::NotFound.into())).unwrap();
    let mut run = Run::new(&plan, &files, recorder, Deaf).unwrap();
    drive_virtual(&mut run, |_, _| {});
    let (outcome, captured, Deaf) = run.finish();
    (outcome, captured)
}

fn recorder(steps: &str, room: usize) -> Recorder {
    let disk = Box::new(Disk(room));
    Recorder::new(&plan(steps), Format::Pcapng, disk, VIRTUAL_EPOCH_NANOS).unwrap()
}

/// Takes so many bytes.
struct Disk(usize);

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.0.checked_sub(bytes.len());
        self.0 = room.ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn time_goes_on_while_nothing_but_a_program_runs() {
    let plan = read(
        r#"
scenario = "A program on a kernel host"
subnet = [{ name = "office", prefix = "10.1.0.0/24", gateway = { router = "r1" } }]
host = [{ name = "laptop", address = "10.1.0.30", kernel = true }]
step = [{ exec = { host = "laptop", command = ["true"] } }]
"#,
    )
    .unwrap();
    let mut run = Run::new(&plan, &Files::new(), Recorder::off(), Deaf).unwrap();
    assert_eq!(run.advance(Instant::ZERO), Next::Outside);
    let later = Instant::ZERO + Duration::from_secs(5);
    assert_eq!(run.advance(later), Next::Outside);
    assert_eq!(run.finish().0.ended, later);
}
