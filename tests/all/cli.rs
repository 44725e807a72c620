//! The program as its user meets it: what it prints, what it writes, what its exit code says.

use std::fs;
use std::process::{Command, Output};

use pcap_parser::{Block, LegacyPcapSlice, PcapBlockOwned, PcapNGSlice};
use serde_json::Value;

use super::support::{Folder, RUNS, assert_golden, files, has_program, skipped};

const MOVE: &str = "fixtures/scenarios/subnet-move.toml";

#[test]
fn the_first_command_prints_the_golden_report_and_writes_a_capture() {
    let folder = Folder::new();
    let output = run(&folder, &["run", MOVE]);
    assert_golden("fixtures/golden/subnet-move.txt", stdout(&output));
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert!(!folder.read("captures/subnet-move.pcapng").is_empty());
}

/// What no expectation can ask for stands in a report: an administrator's doing, and what an element loses.
#[test]
fn what_elements_say_is_the_golden_report() {
    for golden in files("fixtures/golden/reports", "txt") {
        let folder = Folder::new();
        let name = golden.file_stem().unwrap().to_str().unwrap();
        let scenario = format!("fixtures/scenarios/{name}.toml");
        let output = run(&folder, &["run", "--no-capture", &scenario]);
        assert_golden(&golden, stdout(&output));
        assert_eq!((code(&output), stderr(&output)), (0, ""));
    }
}

#[test]
fn the_readme_shows_lines_of_that_report() {
    let readme = fs::read_to_string("README.md").unwrap();
    let command = format!("```text\n$ cargo run --release -- run {MOVE}\n");
    let (before, rest) = readme.split_once(&command).unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    let folder = Folder::new();
    let output = run(&folder, &["run", MOVE]);
    let mut report = stdout(&output).lines().map(str::trim_end);
    let mut as_reported = String::new();
    for line in shown.lines() {
        let like = |it: &&str| shape(it) == shape(line);
        let found = if line == "…" {
            Some(line)
        } else {
            report.find(like)
        };
        as_reported += found.unwrap_or_else(|| panic!("not in the report, or not there: {line}"));
        as_reported += "\n";
    }
    assert_golden(
        "README.md",
        &[before, &command, &as_reported, "```", after].concat(),
    );
}

/// A sweep in small; `jackfield run --sweep 200` is the whole of it.
#[test]
fn a_sweep_runs_each_scenario_with_each_seed_and_finds_nothing() {
    let folder = Folder::new();
    let shipped = "fixtures/scenarios";
    let some = ["first-registration", "subnet-move", "set-deleted", "trunks"];
    let some: Vec<String> = some
        .iter()
        .map(|it| format!("{shipped}/{it}.toml"))
        .collect();
    let mut args = vec!["run", "--quiet", "--sweep", "5", "--seed", "44"];
    args.extend(some.iter().map(String::as_str));
    let output = run(&folder, &args);
    let last = "20 runs of 4 scenarios with 5 seeds: 0 failed\n";
    assert_eq!((code(&output), stdout(&output)), (0, last));
    // The element has no power when the DHCP server probes its address, which then goes to a set.
    let probed = format!("{shipped}/address-in-use.toml");
    let output = run(
        &folder,
        &["run", "-q", "--sweep", "1", "--seed", "38", &probed],
    );
    let last = "1 run of 1 scenario with 1 seed: 0 failed\n";
    assert_eq!((code(&output), stdout(&output)), (0, last));
}

#[test]
fn a_run_under_a_mix_says_which_and_is_the_same_each_time() {
    let folder = Folder::new();
    let args = ["run", "--fault-mix", "--seed", "5", "--no-capture", MOVE];
    let output = run(&folder, &args);
    let said = stdout(&output);
    assert!(said.starts_with("faults of seed 5:\n  at "), "{said}");
    let end = "under these faults: no rule broken, and every set that ought to be is in service\n";
    assert!(said.ends_with(end), "{said}");
    assert_eq!(code(&output), 0);
    assert_eq!(stdout(&run(&folder, &args)), said);
}

/// A line without its numbers.
fn shape(line: &str) -> Vec<&str> {
    line.split(|c: char| c.is_ascii_digit())
        .filter(|it| !it.is_empty())
        .collect()
}

#[test]
fn a_process_of_its_own_writes_the_same_bytes() {
    let folder = Folder::new();
    run(&folder, &["run", "--quiet", MOVE]);
    let (_, here) = RUNS
        .iter()
        .find(|(it, _)| it.name == "subnet-move")
        .unwrap();
    let there = folder.read("captures/subnet-move.pcapng");
    assert!(there == here.capture, "the captures differ");
}

#[test]
fn a_failed_expectation_is_exit_1_with_its_report_and_its_capture() {
    for path in files("fixtures/failing", "toml") {
        let folder = Folder::new();
        let output = run(&folder, &["run", path.to_str().unwrap()]);
        assert_eq!((code(&output), stderr(&output)), (1, ""), "{path:?}");
        assert_golden(path.with_extension("txt"), stdout(&output));
        let name = path.with_extension("pcapng");
        let name = name.file_name().unwrap().to_str().unwrap();
        let frames = frames_of(&folder.read(&format!("captures/{name}")));
        let said = format!("{frames} frames in captures/{name}");
        assert!(stdout(&output).contains(&said), "{}", stdout(&output));
    }
}

/// In whatever folder the run was made.
#[test]
fn the_command_that_a_failure_prints_shows_its_frames() {
    let test = "the_command_that_a_failure_prints_shows_its_frames";
    if !has_program("tshark") {
        return skipped(test, "no tshark");
    }
    // The second's filter is on the registration protocol, which tshark knows by the script alone.
    for (arguments, failures) in [
        (&["fixtures/failing/wrong-expectations.toml"][..], 4),
        (
            &[
                "fixtures/scenarios/redirect-loop.toml",
                "--fault=counts-no-redirects",
            ],
            1,
        ),
    ] {
        let folder = Folder::new();
        let output = run(&folder, &[&["run"], arguments].concat());
        let lines = stdout(&output).lines();
        let commands = lines.filter_map(|line| line.strip_prefix("  see       "));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), failures, "{}", stdout(&output));
        for command in commands {
            let mut shell = Command::new("sh");
            let shown = shell.args(["-c", command]).current_dir(folder.path(""));
            let shown = shown.output().unwrap();
            assert_eq!(code(&shown), 0, "{command}: {}", stderr(&shown));
            assert!(!stdout(&shown).is_empty(), "{command}");
        }
    }
}

#[test]
fn a_fault_is_listed_placed_and_named_with_the_rule_that_a_failure_is_about() {
    let folder = Folder::new();
    let listed = run(&folder, &["faults"]);
    assert_eq!((code(&listed), stderr(&listed)), (0, ""));
    let line = stdout(&listed)
        .lines()
        .find(|line| line.starts_with("saves-no-pin "));
    assert!(line.is_some_and(|line| line.contains(" RG-3 ")), "{line:?}");

    let file = "fixtures/scenarios/first-registration.toml";
    let fault = ["--fault", "mivb-a=saves-no-pin"];
    let text = run(&folder, &[&["run", file], &fault[..]].concat());
    assert_eq!(code(&text), 1);
    let said = stdout(&text);
    assert!(said.contains(" · mivb-a saves-no-pin\n"), "{said}");
    assert!(said.contains("\n  RG-3   registration code"), "{said}");

    let arguments = [&["run", "--json", "--quiet", file], &fault[..]].concat();
    let json: Value = serde_json::from_str(stdout(&run(&folder, &arguments))).unwrap();
    let placed = &json["faults"][0];
    assert_eq!(
        (&placed["element"], &placed["fault"], &placed["rule"]),
        (&"mivb-a".into(), &"saves-no-pin".into(), &"RG-3".into())
    );
    let rules = json["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "RG-3"), "{json}");
}

#[test]
fn a_broken_rule_is_told_with_what_it_says_and_what_led_to_it() {
    let folder = Folder::new();
    let file = "fixtures/scenarios/redirect-loop.toml";
    let arguments = ["run", "--quiet", file, "--fault", "counts-no-redirects"];
    let output = run(&folder, &arguments);
    assert_eq!((code(&output), stderr(&output)), (1, ""));
    assert_golden("fixtures/golden/broken-rule.txt", stdout(&output));
}

#[test]
fn a_broken_file_or_argument_is_exit_2_and_says_why_on_standard_error() {
    let folder = Folder::new();
    let broken = "fixtures/broken/bad-unit.toml";
    for (arguments, reason) in [
        (&["run", broken][..], "error: "),
        (&["check", broken], "error: "),
        (&["check", MOVE, "no-such.toml"], "error: no-such.toml: "),
        (&["run", "no-such.toml"], "error: no-such.toml: "),
        (&["run", "--faster", MOVE], "unexpected argument '--faster'"),
        (&["run"], "<SCENARIO>"),
        (&["run", "--seed", "one", MOVE], "invalid value 'one'"),
        (&["run", "--sweep", "0", MOVE], "invalid value '0'"),
        (&["run", "--fault", "rudeness", MOVE], "no fault `rudeness`"),
        (
            &["run", "--fault", "mivb-x=half-closes", MOVE],
            "no element `mivb-x`",
        ),
        (&["walk"], "unrecognized subcommand 'walk'"),
    ] {
        let output = run(&folder, arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    let captures = fs::exists(folder.path("captures")).unwrap();
    assert!(!captures, "nothing was run");
}

#[test]
fn forms_that_no_administrator_could_have_typed_are_exit_2() {
    for path in files("fixtures/broken", "json") {
        let folder = Folder::new();
        let name = path.file_name().unwrap().to_str().unwrap();
        fs::copy(&path, folder.path(name)).unwrap();
        let arguments = ["controller", "--forms", name, "--listen", "127.0.0.1:0"];
        let output = run(&folder, &arguments);
        assert_eq!(code(&output), 2, "{name}");
        assert_golden(path.with_extension("txt"), stderr(&output));
    }
}

#[test]
fn a_capture_that_cannot_be_written_is_exit_3() {
    let folder = Folder::new();
    fs::write(folder.path("a-file"), "").unwrap();
    let output = run(&folder, &["run", "--capture", "a-file/x.pcapng", MOVE]);
    assert_eq!(code(&output), 3);
    let said = stderr(&output);
    assert!(
        said.starts_with("error: capture: a-file/x.pcapng: "),
        "{said}"
    );

    let full = run(&folder, &["run", "--quiet", "--capture", "/dev/full", MOVE]);
    assert_eq!(code(&full), 3);
    let said = stderr(&full);
    assert!(
        said.starts_with("error: the capture is incomplete: "),
        "{said}"
    );
}

#[test]
fn check_has_no_warning_of_the_shipped_scenarios_and_runs_nothing() {
    let folder = Folder::new();
    let mut paths = files("fixtures/scenarios", "toml");
    paths.extend(files("fixtures/scenarios/live", "toml"));
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let output = run(
        &folder,
        &[&["check", "--strict"], paths.as_slice()].concat(),
    );
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert_eq!(stdout(&output).lines().count(), paths.len());
    let explained = run(&folder, &["check", "--explain", MOVE]);
    assert_eq!(code(&explained), 0);
    assert!(
        stdout(&explained).contains("10.255.0.2"),
        "{}",
        stdout(&explained)
    );
    assert!(!fs::exists(folder.path("captures")).unwrap());
}

#[test]
fn a_warning_is_told_and_makes_no_failure_unless_check_is_strict() {
    let folder = Folder::new();
    let odd = "fixtures/lint/boot-files.toml";
    let output = run(&folder, &["check", odd]);
    assert_eq!(code(&output), 0);
    let said = stderr(&output);
    assert!(said.starts_with("warning[boot-files]: "), "{said}");
    assert!(said.contains(&format!("--> {odd}:21:9")), "{said}");
    assert!(stdout(&output).ends_with(", 2 warnings\n"), "{output:?}");
    assert_eq!(code(&run(&folder, &["check", "--strict", odd])), 2);

    let output = run(&folder, &["run", "--no-capture", odd]);
    let line = format!("2 warnings: see jackfield check {odd}\n");
    assert_eq!((code(&output), stderr(&output)), (0, line.as_str()));
    let quiet = run(&folder, &["run", "--no-capture", "--quiet", odd]);
    assert_eq!((code(&quiet), stderr(&quiet)), (0, ""));
}

#[test]
fn quiet_prints_the_summary_alone() {
    let folder = Folder::new();
    let all = run(&folder, &["run", MOVE]);
    let quiet = run(&folder, &["run", "--quiet", MOVE]);
    assert_eq!(code(&quiet), 0);
    assert!(stdout(&all).ends_with(stdout(&quiet)), "{}", stdout(&quiet));
    assert!(!stdout(&quiet).contains("──"), "{}", stdout(&quiet));
}

#[test]
fn verbose_adds_lines_and_changes_none() {
    let folder = Folder::new();
    let plain = run(&folder, &["run", "--no-capture", MOVE]);
    let verbose = run(&folder, &["run", "--no-capture", "--verbose", MOVE]);
    let mut told = stdout(&verbose).lines();
    for line in stdout(&plain).lines() {
        assert!(told.any(|it| it == line), "{line}");
    }
    assert!(stdout(&verbose).len() > stdout(&plain).len());
    assert!(!fs::exists(folder.path("captures")).unwrap());
}

#[test]
fn json_is_an_object_a_line_and_the_last_is_the_outcome() {
    let folder = Folder::new();
    let output = run(&folder, &["run", "--json", MOVE]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let lines = stdout(&output).lines();
    let objects: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (outcome, events) = objects.split_last().unwrap();
    assert_eq!(outcome["type"], "outcome");
    assert_eq!(outcome["passed"], true);
    assert_eq!(outcome["seed"], 1);
    assert_eq!(outcome["capture"], "captures/subnet-move.pcapng");
    assert_eq!(outcome["rules"].as_array().map(Vec::len), Some(0));
    let frames = frames_of(&folder.read("captures/subnet-move.pcapng"));
    assert_eq!(outcome["frames"], frames);
    let of_type = |wanted: &str| events.iter().filter(|it| it["type"] == wanted).count();
    assert_eq!(
        of_type("verdict"),
        outcome["verdicts"].as_array().unwrap().len()
    );
    assert!(of_type("display") > 0 && of_type("step") > 0 && of_type("outcome") == 0);
    let times: Vec<u64> = events
        .iter()
        .map(|it| it["at_ns"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted());

    let quiet = run(&folder, &["run", "--json", "--quiet", MOVE]);
    let only: Value = serde_json::from_str(stdout(&quiet)).unwrap();
    assert_eq!(&only, outcome);
}

#[test]
fn a_file_that_ends_in_pcap_is_a_classic_capture_of_the_same_frames() {
    let folder = Folder::new();
    run(&folder, &["run", "--quiet", MOVE]);
    run(
        &folder,
        &["run", "--quiet", "--capture", "new/classic.pcap", MOVE],
    );
    let classic = folder.read("new/classic.pcap");
    let packets = LegacyPcapSlice::from_slice(&classic).unwrap();
    let packets = packets.filter(|it| matches!(it, Ok(PcapBlockOwned::Legacy(_))));
    let frames = frames_of(&folder.read("captures/subnet-move.pcapng"));
    assert_eq!(packets.count(), frames);
}

#[test]
fn another_seed_is_another_capture() {
    let folder = Folder::new();
    for (seed, file) in [
        ("1", "one.pcapng"),
        ("2", "two.pcapng"),
        ("2", "again.pcapng"),
    ] {
        let output = run(
            &folder,
            &["run", "-q", "--seed", seed, "--capture", file, MOVE],
        );
        assert_eq!(code(&output), 0, "{}", stdout(&output));
    }
    assert!(folder.read("one.pcapng") != folder.read("two.pcapng"));
    assert!(folder.read("two.pcapng") == folder.read("again.pcapng"));
}

#[test]
fn help_names_the_exit_codes_and_version_is_this_package() {
    let folder = Folder::new();
    let help = run(&folder, &["--help"]);
    assert!(
        stdout(&help).contains("Exit codes: 0 passed"),
        "{}",
        stdout(&help)
    );
    let version = run(&folder, &["--version"]);
    let expected = concat!("jackfield ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(stdout(&version), expected);
}

/// Runs the program. It is not on a terminal here, and must not colour what it says.
fn run(folder: &Folder, arguments: &[&str]) -> Output {
    let output = folder.jackfield(arguments).output().unwrap();
    let coloured = stdout(&output).contains('\x1b') || stderr(&output).contains('\x1b');
    assert!(!coloured, "{arguments:?}: ANSI codes without a terminal");
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// How many frames a pcapng file has.
fn frames_of(capture: &[u8]) -> usize {
    let blocks = PcapNGSlice::from_slice(capture).unwrap();
    let frames = blocks.filter(|block| {
        let block = block.as_ref().unwrap();
        matches!(block, PcapBlockOwned::NG(Block::EnhancedPacket(_)))
    });
    frames.count()
}
