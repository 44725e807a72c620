//! Many scenarios at once: `jackfield test`, shards, JUnit, `jackfield merge`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::support::{Folder, assert_golden, files, has_program, skipped};

const ALL: &str = "fixtures/scenarios";
const MOVE: &str = "fixtures/scenarios/subnet-move.toml";

#[test]
fn every_shipped_scenario_passes_or_is_skipped_as_it_needs_a_kernel() {
    let folder = Folder::new();
    let output = test(&folder, &["--no-live", "--json", ALL]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let results = results(stdout(&output));
    for result in &results {
        let status = match text(&result["name"]).starts_with("live/") {
            true => "skipped",
            false => "passed",
        };
        assert_eq!(result["status"], status, "{result}");
    }
    let names: BTreeSet<&str> = results.iter().map(|it| text(&it["name"])).collect();
    assert_eq!(names.len(), results.len());
    assert!(names.contains("subnet-move.toml") && names.contains("live/dnsmasq.toml"));
}

#[test]
fn the_summary_says_first_what_failed_and_why() {
    let folder = Folder::new();
    let output = test(
        &folder,
        &[
            "-q",
            "--captures",
            "kept",
            "fixtures/failing",
            "fixtures/broken/tags.toml",
            MOVE,
        ],
    );
    assert_eq!((code(&output), stderr(&output)), (1, ""));
    assert_golden("fixtures/golden/suite.txt", &without_time(stdout(&output)));
    let kept =
        ["nobody-asks", "refused", "wrong-expectations"].map(|name| format!("{name}.pcapng"));
    assert_eq!(listed(&folder, "kept"), kept);
}

#[test]
fn a_scenario_is_chosen_by_rule_name_and_tag() {
    let folder = Folder::new();
    let list = |arguments: &[&str]| {
        let output = test(&folder, &[&["--list"], arguments, &[ALL]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let all = list(&[]);
    let of_rule = list(&["--rule", "MV-2"]);
    assert!(of_rule.contains(&"subnet-move.toml".to_owned()) && of_rule.len() < all.len());
    assert_eq!(
        list(&["--rule", "MV-2", "--name", "SUBNET-"]),
        ["subnet-move.toml"]
    );
    fs::create_dir(folder.path("mine")).unwrap();
    fs::write(
        folder.path("mine/a.toml"),
        "scenario = \"A\"\ntags = [\"nightly\"]",
    )
    .unwrap();
    fs::write(folder.path("mine/b.toml"), "scenario = \"B\"").unwrap();
    fs::write(
        folder.path("mine/Cargo.toml"),
        "[package]\nname = \"no-scenario\"",
    )
    .unwrap();
    let output = test(&folder, &["--list", "--tag", "nightly", "mine"]);
    assert_eq!(stdout(&output), "a.toml\n");
    let output = test(&folder, &["--list", "mine"]);
    assert_eq!(stdout(&output), "a.toml\nb.toml\n");
}

#[test]
fn what_cannot_be_run_has_an_exit_code_of_its_own() {
    let folder = Folder::new();
    for (arguments, expected, said) in [
        (&["fixtures/broken/bad-unit.toml"][..], 2, ""),
        (&["no-such-folder"], 2, "error: no-such-folder: "),
        (&["--rule", "MV-99", ALL], 2, "there is no rule `MV-99`"),
        (
            &["--name", "no-such-thing", ALL],
            2,
            "error: there is no such scenario in fixtures/",
        ),
        (
            &["fixtures/wire"],
            2,
            "error: there is no scenario in fixtures/wire\n",
        ),
        (&["--fault", "rudeness", MOVE], 2, "no fault `rudeness`"),
        (&["--shard", "3/2", ALL], 2, "`3/2` is no shard"),
        (
            &["--shard", "auto", ALL],
            2,
            "the environment names no shard",
        ),
        (&["--timeout", "1 ns", MOVE], 1, ""),
        (&["--no-live", "fixtures/scenarios/live"], 5, ""),
        (&["--no-live", "fixtures/scenarios/live", MOVE], 0, ""),
        (&["--shard", "1/9999", MOVE], 0, ""),
        (&["--results", "/dev/full", MOVE], 3, "error: "),
        (&["--junit", "/dev/full", MOVE], 3, "error: "),
        (&["--captures", "/dev/null", MOVE], 3, ""),
    ] {
        let output = test(&folder, arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_file_that_is_no_text_is_told_of_beside_the_others() {
    let folder = Folder::new();
    fs::create_dir(folder.path("mine")).unwrap();
    fs::write(folder.path("mine/a.toml"), b"scenario = \"\xff\"").unwrap();
    fs::write(folder.path("mine/b.toml"), "scenario = \"B\"").unwrap();
    let output = test(&folder, &["mine"]);
    assert_eq!(code(&output), 2, "{output:?}");
    let said = stdout(&output);
    assert!(
        said.contains("broken a.toml\n  error: mine/a.toml: "),
        "{said}"
    );
    assert!(said.contains("1 passed, 1 broken"), "{said}");
}

#[test]
fn two_files_of_one_name_are_refused_and_one_file_named_twice_is_run_once() {
    let folder = Folder::new();
    fs::write(folder.path("subnet-move.toml"), "scenario = \"Another\"").unwrap();
    let output = test(&folder, &[MOVE, "subnet-move.toml"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("are both called subnet-move.toml"));
    let output = test(
        &folder,
        &["--list", MOVE, MOVE, "--name", "subnet-move", ALL],
    );
    assert_eq!(stdout(&output), "subnet-move.toml\n");
}

#[test]
fn shards_are_the_whole_together_and_merge_says_so() {
    let folder = Folder::new();
    let whole = test(&folder, &["--json", "--name", "move", "--no-live", ALL]);
    let names = |output: &Output| {
        let results = results(stdout(output));
        let names = results.iter().map(|it| text(&it["name"]).to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let mut files = Vec::new();
    for n in 1..=3 {
        let (shard, file) = (format!("{n}/3"), format!("{n}.jsonl"));
        let arguments = ["--shard", &shard, "--results", &file, "--name", "move", ALL];
        let output = test(&folder, &[&["-q", "--no-live"], &arguments[..]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        files.push(file);
    }
    let merge = |files: &[&str]| {
        let mut command = folder.jackfield(&["merge", "--json", "--junit", "all.xml"]);
        command.args(files).output().unwrap()
    };
    let [one, two, three] = [0, 1, 2].map(|n| files[n].as_str());
    let merged = merge(&[three, one, two]);
    assert_eq!(
        (code(&merged), names(&merged)),
        (0, names(&whole)),
        "{merged:?}"
    );
    let cases = String::from_utf8(folder.read("all.xml")).unwrap();
    assert_eq!(cases.matches("<testcase").count(), names(&whole).len());

    for (files, reason) in [
        (&[one, three][..], "shard 2/3"),
        (&[one, two, three, two], "it is shard 2/3, as 2.jsonl is"),
        (
            &[one, two, "fixtures/wire/arp_probe.hex"],
            "fixtures/wire/arp_probe.hex",
        ),
    ] {
        let merged = merge(files);
        assert_eq!(code(&merged), 2, "{merged:?}");
        assert!(stdout(&merged).contains(reason), "{reason}: {merged:?}");
    }
    // A shard that was killed has no end, and perhaps half a line.
    let text = String::from_utf8(folder.read(two)).unwrap();
    for length in [text.len() - 20, text.trim_end().rfind('\n').unwrap() + 1] {
        fs::write(folder.path(two), &text[..length]).unwrap();
        let merged = merge(&[one, two, three]);
        assert_eq!(code(&merged), 2);
        assert!(stdout(&merged).contains("its run was not finished"));
    }
    // The same shards, of other scenarios.
    let other = ["test", "-q", "--shard", "2/3", "--results", two, MOVE];
    assert_eq!(code(&folder.jackfield(&other).output().unwrap()), 0);
    let merged = merge(&[one, two, three]);
    assert_eq!(code(&merged), 2);
    assert!(stdout(&merged).contains("of other scenarios than 1.jsonl"));
}

#[test]
fn a_batch_system_says_which_shard_this_is() {
    let folder = Folder::new();
    let list = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["test", "--list"], arguments, &[ALL]].concat();
        let mut command = folder.jackfield(&arguments);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert_eq!(code(&output), 0, "{output:?}");
        stdout(&output).to_owned()
    };
    let second = list(&["--shard", "2/3"], &[]);
    let slurm = [
        ("SLURM_ARRAY_TASK_ID", "11"),
        ("SLURM_ARRAY_TASK_MIN", "10"),
        ("SLURM_ARRAY_TASK_STEP", "1"),
        ("SLURM_ARRAY_TASK_COUNT", "3"),
    ];
    assert_eq!(list(&["--shard", "auto"], &slurm), second);
    let kubernetes = [("JOB_COMPLETION_INDEX", "1"), ("JACKFIELD_SHARDS", "3")];
    assert_eq!(list(&["--shard", "auto"], &kubernetes), second);
    // Nobody is in a shard who has not asked for it.
    assert_eq!(list(&[], &slurm), list(&[], &[]));
}

/// What Kubernetes does with the example, by hand: each pod has its index in its environment.
#[test]
fn the_kubernetes_example_runs_all_shards_though_scenarios_fail() {
    let folder = Folder::new();
    let yaml = fs::read_to_string("fixtures/ci/kubernetes.yaml").unwrap();
    let value = |key: &str| {
        let mut lines = yaml
            .lines()
            .map(|line| line.trim().trim_start_matches("- "));
        let value = lines.find_map(|line| line.strip_prefix(key));
        value.unwrap_or_else(|| panic!("no {key}")).trim()
    };
    let pods: u32 = value("completions:").parse().unwrap();
    let shards = value("value:").trim_matches('"');
    assert_eq!(shards, pods.to_string());
    fs::create_dir(folder.path("results")).unwrap();
    let command = format!("jackfield test {}", value("jackfield test"))
        .replace("/results/", "results/")
        .replace("/scenarios", "fixtures/failing");
    let program = Path::new(env!("CARGO_BIN_EXE_jackfield"));
    for index in 0..pods {
        let mut pod = Command::new("sh");
        pod.args(["-c", &command]).current_dir(folder.path(""));
        pod.env("PATH", path_with(program.parent().unwrap()));
        pod.env("JOB_COMPLETION_INDEX", index.to_string());
        let output = pod.env("JACKFIELD_SHARDS", shards).output().unwrap();
        assert_eq!(code(&output), 0, "{index}: {output:?}");
    }
    let results = listed(&folder, "results");
    assert_eq!(results.len(), pods as usize);
    let results = results.iter().map(|file| format!("results/{file}"));
    let mut merge = folder.jackfield(&["merge", "-q"]);
    let output = merge.args(results).output().unwrap();
    assert_eq!(code(&output), 1);
    let failing = files("fixtures/failing", "toml").len();
    let summary = format!(": 0 passed, {failing} failed\n");
    assert!(stdout(&output).ends_with(&summary), "{output:?}");
}

#[test]
fn junit_is_valid_by_its_schema() {
    let folder = Folder::new();
    let output = test(
        &folder,
        &[
            "--no-live",
            "--junit",
            "out/junit.xml",
            "--captures",
            "kept",
            "fixtures",
        ],
    );
    assert_eq!(code(&output), 1, "{output:?}");
    let xml = String::from_utf8(folder.read("out/junit.xml")).unwrap();
    for word in [
        "<failure ",
        "<error ",
        "<skipped ",
        "type=\"RG-3\"",
        "kept/failing/",
    ] {
        assert!(xml.contains(word), "no {word}");
    }
    if !has_program("xmllint") {
        return skipped("junit_is_valid_by_its_schema", "xmllint is not installed");
    }
    let schema = folder.path("fixtures/ci/junit.xsd");
    let valid = |xml: &str| {
        fs::write(folder.path("try.xml"), xml).unwrap();
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--schema"]).arg(&schema);
        command.arg(folder.path("try.xml")).output().unwrap()
    };
    let output = valid(&xml);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = valid(&xml.replacen("hostname=", "host=", 1));
    assert!(!output.status.success(), "the schema refuses nothing");
}

/// The objects of type `test`; the first line has to be a head, the last one an end.
fn results(lines: &str) -> Vec<Value> {
    let objects = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut objects: Vec<Value> = objects.collect();
    assert_eq!(objects.first().unwrap()["type"], "suite");
    assert_eq!(objects.last().unwrap()["type"], "end");
    objects.retain(|object| object["type"] == "test");
    objects
}

/// A search path that begins with this folder.
fn path_with(folder: &Path) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&path));
    env::join_paths(folders).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A summary without the time that it took.
fn without_time(summary: &str) -> String {
    let (before, last) = summary.rsplit_once(" scenarios in ").unwrap();
    let (_, counts) = last.split_once(" s: ").unwrap();
    format!("{before} scenarios in TIME s: {counts}")
}

fn listed(folder: &Folder, name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(name)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn test(folder: &Folder, arguments: &[&str]) -> Output {
    let arguments = [&["test"], arguments].concat();
    folder.jackfield(&arguments).output().unwrap()
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
