//! Live runs beside each other: eight with kernels, and every scenario that takes no longer than a minute.
//!
//! A scenario without kernel hosts is the same run live as in virtual time, and takes the time that it tells of. Those
//! that take longer are listed in `docs/live-long.md`, and run by `scripts/live-suite`.

use std::fs;
use std::process::{Child, Stdio};

use jackfield::scenario;
use jackfield::scenario::plan::Plan;

use super::super::support::{Folder, RUNS, files, skipped};
use super::{PASSED, TOO_LATE, TRIES, all_of, machine, missing_program};

#[test]
fn eight_runs_with_kernels_do_not_disturb_each_other() {
    let test = "eight_runs_with_kernels_do_not_disturb_each_other";
    let Some(_alone) = machine(test) else { return };
    let is_there = |text: &str| missing_program(&read(text)).is_none();
    let texts = files("fixtures/scenarios/live", "toml").into_iter();
    let there: Vec<String> = texts
        .filter(|path| is_there(&fs::read_to_string(path).unwrap()))
        .map(|path| path.display().to_string())
        .collect();
    if there.is_empty() {
        return skipped(test, "no scenario's programs are here");
    }
    // Of each scenario at least one, and some twice: the same addresses and MACs at the same time.
    let eight: Vec<&str> = there.iter().cycle().take(8).map(String::as_str).collect();
    all_pass(test, &eight);
}

#[test]
fn every_scenario_of_up_to_a_minute_passes_live_unchanged() {
    let test = "every_scenario_of_up_to_a_minute_passes_live_unchanged";
    let Some(_alone) = machine(test) else { return };
    let short = RUNS.iter().filter(|(_, ran)| !ran.is_long());
    let paths: Vec<String> = short.map(|(it, _)| it.path.display().to_string()).collect();
    assert!(paths.len() > 30, "{paths:?}");
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    all_pass(test, &paths);
}

fn read(text: &str) -> Plan {
    scenario::read(text).unwrap()
}

/// Starts all scenarios at once, and has those again that were too late to count.
fn all_pass(test: &str, scenarios: &[&str]) {
    let mut wanted = scenarios.to_vec();
    for attempt in 1..=TRIES {
        let folder = Folder::new();
        let running: Vec<(&str, Child)> = wanted
            .iter()
            .map(|path| (*path, start(&folder, path)))
            .collect();
        wanted.clear();
        let mut failed = Vec::new();
        for (path, child) in running {
            let output = child.wait_with_output().unwrap();
            match output.status.code() {
                Some(PASSED) => {}
                Some(TOO_LATE) => {
                    eprintln!("{path}: try {attempt}: {}", all_of(&output));
                    wanted.push(path);
                }
                code => failed.push(format!("{path}: exit {code:?}\n{}", all_of(&output))),
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        if wanted.is_empty() {
            return;
        }
    }
    skipped(
        test,
        &format!("{}: the machine is too slow", wanted.join(", ")),
    );
}

fn start(folder: &Folder, path: &str) -> Child {
    let absolute = fs::canonicalize(path).unwrap();
    folder
        .jackfield(&["run", "--live", "--no-capture", "--quiet"])
        .arg(absolute)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
