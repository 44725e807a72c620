//! Many scenarios live: tried again, against the reference controller as a program, two builds beside each other.

use std::fs;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use super::super::support::{Folder, skipped};
use super::{FAILED, PASSED, TOO_LATE, all_of, door, machine};

#[test]
fn what_passes_at_a_later_try_is_flaky_and_not_passed() {
    let test = "what_passes_at_a_later_try_is_flaky_and_not_passed";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let scenario = super::one_command(
        r#"["sh", "-c", "test -e {scenario}/been-here || { touch {scenario}/been-here; exit 1; }"]"#,
    );
    fs::write(folder.path("fickle.toml"), scenario).unwrap();
    let output = folder
        .jackfield(&["test", "--json", "--retries", "4", "--captures", "kept"])
        .args(["--junit", "junit.xml", "fickle.toml"])
        .output()
        .unwrap();
    let results = results(&output);
    let result = &results[0];
    // A machine that is too slow at the second try as well has it tried a third time.
    if result["status"] == "invalid" {
        return skipped(test, "the machine is too slow");
    }
    assert_eq!(result["status"], "flaky", "{result}");
    assert_eq!(output.status.code(), Some(PASSED));
    assert!(result["tries"].as_u64().unwrap() >= 2, "{result}");
    let why = result["why"].to_string();
    assert!(why.contains("exit status 1, expected 0"), "{why}");
    assert_eq!(result["captures"][0], "kept/fickle.pcapng");
    assert!(folder.path("kept/fickle.pcapng").exists());
    let xml = String::from_utf8(folder.read("junit.xml")).unwrap();
    let property = r#"<property name="flaky" value="fickle.toml"/>"#;
    assert!(
        xml.contains(property) && xml.contains(r#"failures="0""#),
        "{xml}"
    );
}

/// What a run of all of them may take on two cores.
const LONGEST: Duration = Duration::from_secs(90);

#[test]
fn the_reference_controller_passes_the_suite_as_a_program_in_a_minute_and_a_half() {
    let test = "the_reference_controller_passes_the_suite_as_a_program_in_a_minute_and_a_half";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let (controller, driver) = door::reference();
    let output = folder
        .jackfield(&["test", "--json", "--longest", "71 s", "fixtures/scenarios"])
        .args(["--controller", &controller, "--driver", &driver])
        .output()
        .unwrap();
    let mut results = results(&output);
    // Those have programs of their own, and a test that knows which are here.
    results.retain(|it| !it["name"].as_str().unwrap().starts_with("live/"));
    let of = |status: &str| results.iter().filter(|it| it["status"] == status).count();
    let is_told =
        |it: &&Value| !["passed", "skipped", "invalid"].contains(&it["status"].as_str().unwrap());
    let wrong: Vec<&Value> = results.iter().filter(is_told).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if of("invalid") > 0 {
        let invalid = of("invalid");
        return skipped(
            test,
            &format!("the machine is too slow for {invalid} scenarios"),
        );
    }
    assert!(of("passed") >= 60, "{} passed", of("passed"));
    let end = String::from_utf8(output.stdout).unwrap();
    let end: Value = serde_json::from_str(end.lines().last().unwrap()).unwrap();
    let took = Duration::from_nanos(end["took_ns"].as_u64().unwrap());
    if took > LONGEST {
        skipped(
            test,
            &format!("the machine is too slow: it took {took:.1?}"),
        );
    }
}

#[test]
fn a_build_is_the_same_as_itself_and_of_a_faulty_one_is_told_where() {
    let test = "a_build_is_the_same_as_itself_and_of_a_faulty_one_is_told_where";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let (controller, driver) = door::reference();
    let compare = |fault: &str| {
        let (a, b) = (
            format!("controller={controller}"),
            format!("controller={controller}{fault}"),
        );
        let output = folder
            .jackfield(&["compare", "--json", &a, &b, "fixtures/scenarios"])
            .args(["--driver-a", &driver, "--driver-b", &driver])
            .args([
                "--name",
                "unknown-dn",
                "--name",
                "dn-in-use",
                "--name",
                "dn-deleted",
            ])
            .output()
            .unwrap();
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let all: Vec<Value> = lines.collect();
        assert!(all.len() >= 3, "{}", all_of(&output));
        (output.status.code(), all)
    };
    let (code, all) = compare("");
    if code == Some(TOO_LATE) {
        return skipped(test, "the machine is too slow");
    }
    assert!(all.iter().all(|it| it["verdict"] == "same"), "{all:#?}");
    assert_eq!(code, Some(PASSED));
    let (code, all) = compare(" --fault one-reason-for-all");
    let Some(found) = all.iter().find(|it| it["verdict"] == "worse") else {
        assert_eq!(code, Some(TOO_LATE), "{all:#?}");
        return skipped(test, "the machine is too slow");
    };
    assert_eq!(code, Some(FAILED));
    assert_eq!(found["first"]["phone"], "anna");
    let differences = found["differences"].to_string();
    let changed = "PIN Request, reason unknown DN becomes PIN Request, reason no PIN";
    assert!(differences.contains(changed), "{differences}");
}

/// The results in the output of `jackfield test --json`.
fn results(output: &Output) -> Vec<Value> {
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut results: Vec<Value> = lines.collect();
    results.retain(|line| line["type"] == "test");
    assert!(!results.is_empty(), "{}", all_of(output));
    results
}
