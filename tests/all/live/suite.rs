//! Many scenarios live: tried again, against the reference controller as a program, two builds beside each other.

use std::fs;
use std::process::Output;

use serde_json::Value;

use super::super::support::{Folder, skipped};
use super::{PASSED, all_of, machine};

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
