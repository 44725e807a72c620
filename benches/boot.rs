//! How fast sets boot, and what they cost: `cargo bench --bench boot [PHONES...]`, or `scripts/bench`.
//!
//! Each number of phones boots in a process of its own, in subnets of 250, from one TFTP server, 64 KiB of firmware
//! each; every second one is redirected. They get power in one of two ways: all within 20 s, so that ten times as many
//! are ten times as busy at one moment; or 50 a second, four subnets after the other. Memory is the process's peak, less
//! what an empty one has.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fmt::Write as _;
use std::process::Command;

use jackfield::os::Clock;
use jackfield::scenario::plan::{Action, Plan, StepKind};
use jackfield::scenario::{self, Deaf, Recorder, Run};
use jackfield::sim::drive_virtual;

/// As the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Phones in a subnet.
const SUBNET_PHONES: usize = 250;
/// How phones get power: the word on the command line, and what it means.
const ARRIVALS: [(&str, &str); 2] = [("together", "all within 20 s"), ("in-turn", "50 a second")];
/// Phones that get power in 20 s when they do so in turn.
const TURN_PHONES: usize = 1_000;
/// Each number of phones is measured this often, in turn, and the median counts.
const ROUNDS: usize = 5;
/// The argument of a process that measures one number of phones.
const ONE: &str = "--one";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, phones, arrival, ..] = args.as_slice()
        && flag == ONE
    {
        return one(phones.parse().expect("a number of phones"), arrival);
    }
    let mut numbers: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    if numbers.is_empty() {
        numbers = vec![1_000, 10_000];
    }
    for (arrival, meaning) in ARRIVALS {
        println!("phones get power {meaning}");
        println!("  phones  wall s   frames/s   events/s  KiB/phone  virtual s");
        compare(&numbers, arrival);
    }
}

/// Measures these numbers of phones, each some times in turn, and how the wall time grows.
fn compare(numbers: &[usize], arrival: &str) {
    let mut walls = vec![Vec::new(); numbers.len()];
    for _ in 0..ROUNDS {
        for (phones, walls) in numbers.iter().zip(&mut walls) {
            walls.push(measure(*phones, arrival));
        }
    }
    let medians: Vec<f64> = walls.into_iter().map(median).collect();
    for (phones, wall) in numbers.iter().zip(&medians) {
        println!("median of {phones} phones: {wall:.2} s");
    }
    for (pair, wall) in numbers.windows(2).zip(medians.windows(2)) {
        let growth = wall[1] / wall[0];
        println!("growth from {} to {}: {growth:.1}-fold", pair[0], pair[1]);
    }
}

fn median(mut walls: Vec<f64>) -> f64 {
    walls.sort_by(f64::total_cmp);
    walls[walls.len() / 2]
}

/// Measures one number of phones in a process of its own; its wall time in seconds.
fn measure(phones: usize, arrival: &str) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args([ONE, &phones.to_string(), arrival])
        .output()
        .expect("this program starts again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    print!("{text}");
    let wall = text.split_whitespace().nth(1);
    wall.and_then(|wall| wall.parse().ok())
        .expect("the second word is the wall time")
}

fn one(phones: usize, arrival: &str) {
    let in_turn = arrival == ARRIVALS[1].0;
    let over = match in_turn {
        true => 20 * phones.div_ceil(TURN_PHONES),
        false => 20,
    };
    let text = scenario_text(phones, over);
    let mut plan = match scenario::read(&text) {
        Ok(plan) => plan,
        Err(problems) => panic!("{}", problems.render("bench", &text, false)),
    };
    let together = if in_turn { TURN_PHONES } else { phones };
    mix_offices(&mut plan, together);
    let files = scenario::firmware(&plan, |_| Ok(Default::default())).expect("firmware is made up");
    let empty = peak_kib();
    let clock = Clock::start();
    let mut run = Run::new(&plan, &files, Recorder::off(), Deaf).expect("the plan can be built");
    drive_virtual(&mut run, |_, _| {});
    let wall = clock.now().as_nanos() as f64 / 1e9;
    let kib = (peak_kib() - empty) as f64 / phones as f64;
    let (outcome, _, _) = run.finish();
    assert!(outcome.passed(), "{:?}", outcome.verdicts);
    println!(
        "{phones:>8}  {wall:>6.2}  {:>9.0}  {:>9.0}  {kib:>9.1}  {:>9}",
        outcome.counters.delivered as f64 / wall,
        outcome.counters.events as f64 / wall,
        outcome.ended.to_string(),
    );
}

/// Of so many phones one of each office gets power after the other, so that an office has the same load however
/// many there are.
fn mix_offices(plan: &mut Plan, together: usize) {
    for step in &mut plan.steps {
        if let StepKind::Act(Action::PowerUp { phones, .. }) = &mut step.kind {
            phones.sort_by_key(|phone| (phone.0 / together, phone.0 % SUBNET_PHONES, phone.0));
        }
    }
}

/// Peak memory of this process in KiB, as Linux tells it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn scenario_text(phones: usize, over: usize) -> String {
    let subnets = phones.div_ceil(SUBNET_PHONES);
    let last = 100_000 + phones - 1;
    let half = 100_000 + phones / 2;
    let mut text =
        String::from("scenario = \"Many phones boot at once\"\nshows = [\"ST-1\", \"RG-9\"]\n");
    for n in 0..subnets {
        let net = format!("10.{}.{}", 1 + n / 250, n % 250);
        let _ = write!(
            text,
            r#"
[[subnet]]
name = "office{n}"
prefix = "{net}.0/24"
gateway = {{ router = "r1" }}
dhcp = {{ pool = "{net}.4 - {net}.253", call_srv = "mivb-a", sw_tftp = "firmware" }}

[[phone]]
name = "desk{n}"
count = {count}
at = "office{n}"
user = {{ pin = "***{{{first}+n}}" }}
"#,
            count = SUBNET_PHONES.min(phones - n * SUBNET_PHONES),
            first = 99_999 + n * SUBNET_PHONES,
        );
    }
    let _ = write!(
        text,
        r#"
[[subnet]]
name = "servers"
prefix = "10.200.0.0/24"
gateway = {{ router = "r1" }}
cable = {{ rate = "10 Gbit/s", latency = "20 us", queue = "16 MiB" }}

[[tftp]]
name = "firmware"
address = "10.200.0.20"
firmware = {{ "BootIp5360.bin" = {{ version = "1.0", size = "16 KiB" }}, "MainIp5360.bin" = {{ version = "1.0", size = "48 KiB" }} }}

[cluster]
heartbeat = "10 min"

[[element]]
name = "mivb-a"
address = "10.200.0.10"
ceid = {{ index = 1, digits = "1" }}
directory = ["100000-{before}"]

[[element]]
name = "mivb-b"
address = "10.200.0.11"
ceid = {{ index = 2, digits = "2" }}
directory = ["{half}-{last}"]

[[step]]
power-up = {{ phones = [{names}], over = "{over} s" }}

[[step]]
within = "600 s"
"#,
        before = half - 1,
        names = (0..subnets)
            .map(|n| format!("\"desk{n}\""))
            .collect::<Vec<_>>()
            .join(", "),
    );
    for n in 0..subnets {
        let _ = writeln!(text, "expect.desk{n} = {{ registered = true }}");
    }
    text
}
