//! Two builds, or two records, beside each other: `jackfield compare`.

use std::process::Output;

use serde_json::Value;

use super::support::Folder;

const FEW: &[&str] = &["--name", "dn-", "--no-live", "fixtures/scenarios"];

#[test]
fn a_build_is_the_same_as_itself_each_time() {
    let folder = Folder::new();
    for _ in 0..10 {
        let (code, all) = compare(&folder, &["reference", "reference"], FEW);
        assert!(
            all.len() > 3 && all.iter().all(|it| it["verdict"] == "same"),
            "{all:?}"
        );
        assert_eq!(code, 0);
    }
}

#[test]
fn a_faulty_build_is_worse_and_the_first_message_that_differs_is_told() {
    let folder = Folder::new();
    let one = &["--name", "codes-that-differ", "fixtures/scenarios"];
    let (code, all) = compare(&folder, &["reference", "fault=one-reason-for-all"], one);
    assert_eq!((code, all.len()), (1, 1));
    assert_eq!(all[0]["verdict"], "worse");
    assert_eq!(all[0]["first"]["phone"], "anna");
    let differences = all[0]["differences"].to_string();
    let changed = "PIN Request, reason access code of the stored PIN not valid here becomes PIN Request, reason no PIN";
    assert!(differences.contains(changed), "{differences}");
    assert!(
        differences.contains("outcome: passed becomes failed"),
        "{differences}"
    );
    // The other way round it is no worse.
    let (code, all) = compare(&folder, &["fault=one-reason-for-all", "reference"], one);
    assert_eq!((code, &all[0]["verdict"]), (1, &Value::from("different")));
}

#[test]
fn records_are_compared_and_what_is_accepted_is_no_difference() {
    let folder = Folder::new();
    let record = |name: &str, more: &[&str]| {
        let arguments = [&["test", "-q", "--record", name], more, FEW].concat();
        folder.jackfield(&arguments).output().unwrap()
    };
    assert!(record("old", &[]).status.success());
    assert!(record("again", &[]).status.success());
    record("new", &["--fault", "saves-no-pin"]);
    let (code, _) = compare(&folder, &["old", "again"], FEW);
    assert_eq!(code, 0);
    let accepted = ["--accepted", "accepted.txt"];
    let (code, before) = compare(&folder, &["old", "new"], &accepted);
    assert_eq!(code, 1);
    let (code, _) = compare(
        &folder,
        &["old", "new"],
        &["--accepted", "accepted.txt", "--accept"],
    );
    assert_eq!(code, 0);
    let (code, after) = compare(&folder, &["old", "new"], &accepted);
    assert_eq!(code, 0);
    let is_same = |it: &Value| it["verdict"] == "same";
    assert!(after.iter().all(is_same) && !before.iter().all(is_same));
    // What was accepted and is gone is told of.
    let (code, gone) = compare(&folder, &["old", "again"], &accepted);
    assert_eq!(code, 0);
    assert!(
        gone.iter()
            .any(|it| !it["gone"].as_array().unwrap().is_empty())
    );
}

#[test]
fn what_is_no_build_is_refused() {
    let folder = Folder::new();
    for (a, b, reason) in [
        ("reference", "no-such-folder", "`no-such-folder` is neither"),
        ("fixtures", "reference", "fixtures/results.jsonl: "),
        ("reference", "fault=rudeness", "no fault `rudeness`"),
    ] {
        let output = folder
            .jackfield(&[&["compare", a, b], FEW].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(reason), "{said}");
    }
}

/// Exit code and comparisons.
fn compare(folder: &Folder, builds: &[&str], more: &[&str]) -> (i32, Vec<Value>) {
    let arguments = [&["compare", "--json"], builds, more].concat();
    let output: Output = folder.jackfield(&arguments).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let all = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (output.status.code().unwrap(), all.collect())
}
