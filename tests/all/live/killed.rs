//! `kill -9` at any moment of a live run: the kernel takes all of it away.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use jackfield::os::Clock;
use jackfield::rng::Rng;
use jackfield::time::Instant;

use super::super::support::Folder;
use super::{PASSED, all_of, machine};

/// Everything that a run starts has this in its environment, with a number of this test's.
pub(super) const MARK: &str = "JACKFIELD_TEST_MARK";
const KILLS: u32 = 10;
/// A run is killed at some moment of its first so many milliseconds: while namespaces are made, or programs run.
const MOMENTS_MILLIS: u64 = 700;
/// How long the kernel may take to tidy up.
const PATIENCE: Duration = Duration::from_secs(10);

const SCENARIO: &str = r#"
scenario = "Programs that stay"
subnet = [{ name = "office", prefix = "10.1.0.0/24", gateway = { router = "r1" } }]
host = [
  { name = "left", address = "10.1.0.30", kernel = true },
  { name = "right", address = "10.1.0.31", kernel = true },
]
step = [
  { exec = { host = "left", command = ["sh", "-c", "sleep 1000 & setsid sleep 1000 & true"] } },
  { exec = { host = "right", command = ["sh", "-c", "sleep 1000 & ping -c 2 10.1.0.30"] } },
]
"#;

#[test]
fn kill_9_at_any_moment_leaves_nothing_and_then_a_run_passes() {
    let test = "kill_9_at_any_moment_leaves_nothing_and_then_a_run_passes";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    fs::write(folder.path("stay.toml"), SCENARIO).unwrap();
    let mark = format!("{MARK}={}", std::process::id());
    let before = Traces::on_this_machine();
    let mut rng = Rng::stream(1, "moments");
    for _ in 0..KILLS {
        let mut run = command(&folder, &mark)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait(Duration::from_millis(rng.u64() % MOMENTS_MILLIS));
        run.kill().unwrap();
        run.wait().unwrap();
        let clock = Clock::start();
        while !marked(&mark).is_empty() {
            let late = clock.now().since(Instant::ZERO);
            assert!(late < PATIENCE, "still there: {:?}", marked(&mark));
            wait(Duration::from_millis(10));
        }
        assert_eq!(Traces::on_this_machine(), before);
    }
    let files = fs::read_dir(folder.path("")).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["fixtures", "stay.toml"].map(Into::into).into());
    let output = command(&folder, &mark).output().unwrap();
    assert_eq!(output.status.code(), Some(PASSED), "{}", all_of(&output));
    assert_eq!(marked(&mark), Vec::<String>::new());
}

fn command(folder: &Folder, mark: &str) -> Command {
    let mut command = folder.jackfield(&["run", "--live", "--no-capture", "stay.toml"]);
    let (name, value) = mark.split_once('=').unwrap();
    command.env(name, value);
    command
}

/// What a run could leave behind, apart from processes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Traces {
    mounts: String,
    /// TAP devices outside any namespace of a run.
    devices: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Traces {
    pub(super) fn on_this_machine() -> Traces {
        let names = |folder: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        };
        let is_tap =
            |name: &String| fs::exists(format!("/sys/class/net/{name}/tun_flags")).unwrap();
        let ours = |name: &String| name.starts_with("jackfield");
        Traces {
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap(),
            devices: names("/sys/class/net").into_iter().filter(is_tap).collect(),
            names: names("/run/netns").into_iter().filter(ours).collect(),
        }
    }
}

/// The processes that have the mark in their environment.
pub(super) fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let found = processes.filter_map(|process| {
        let environment = fs::read(process.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| variable == mark.as_bytes())
            .then_some(())?;
        fs::read_to_string(process.path().join("cmdline")).ok()
    });
    found.collect()
}

fn wait(time: Duration) {
    let clock = Clock::start();
    while clock.now().since(Instant::ZERO) < time {
        std::thread::yield_now();
    }
}
