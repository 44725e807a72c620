//! Live runs of the program: kernels of this machine, with their programs, in the emulated network.
//!
//! They need root, /dev/net/tun, and the programs that a scenario starts. What is missing is said, and the test
//! skipped; so is one whose run was too late to count again and again.

#[path = "live/at_once.rs"]
mod at_once;
#[path = "live/clients.rs"]
mod clients;
#[path = "live/door.rs"]
mod door;
#[path = "live/killed.rs"]
mod killed;
#[path = "live/leases.rs"]
mod leases;
#[path = "live/router.rs"]
mod router;
#[path = "live/servers.rs"]
mod servers;
#[path = "live/site.rs"]
mod site;
#[path = "live/suite.rs"]
mod suite;
#[path = "live/tftp.rs"]
mod tftp;
#[path = "live/unpacked.rs"]
mod unpacked;
#[path = "live/unprivileged.rs"]
mod unprivileged;
#[path = "live/veth.rs"]
mod veth;

use std::env;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use async_tftp::server::TftpServerBuilder;
use jackfield::os::{Namespace, probe};
use jackfield::scenario;
use jackfield::scenario::plan::{Action, HostKind, Plan, StepKind};

use super::captures::faults_of;
use super::support::{Folder, files, has_program, skipped};

/// The program's exit codes (`jackfield --help`).
const PASSED: i32 = 0;
const FAILED: i32 = 1;
const MACHINE: i32 = 3;
const TOO_LATE: i32 = 4;
const SKIPPED: i32 = 5;

/// A busy machine may be too late for a run to count. It gets this many chances.
const TRIES: u32 = 3;

#[test]
fn every_live_scenario_passes_and_its_capture_is_sound() {
    let test = "every_live_scenario_passes_and_its_capture_is_sound";
    let Some(_alone) = machine(test) else { return };
    let mut failed = Vec::new();
    for path in files("fixtures/scenarios/live", "toml") {
        let plan = scenario::read(&fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(program) = missing_program(&plan) {
            skipped(test, &format!("{}: no {program}", path.display()));
            continue;
        }
        failed.extend(run(test, &path).err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Set in the environment of the process that is a TFTP server: the folder that it serves.
const SERVES: &str = "JACKFIELD_TEST_SERVES";

/// The largest TFTP block that fits into an Ethernet frame of 1500 bytes (RFC 2348).
const BLOCK_BYTES: u16 = 1_468;

/// async-tftp runs behind the TAP device in a process of its own, which is this test binary again.
#[test]
fn a_set_loads_its_boot_files_from_async_tftp() {
    let test = "a_set_loads_its_boot_files_from_async_tftp";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    for (file, bytes) in [("BootIp5360.bin", 65_536), ("MainIp5360.bin", 300_001)] {
        let mut content = format!("{file} 5.5\n").into_bytes();
        content.extend((0..bytes).map(|n: u32| n.to_le_bytes()[n as usize % 3]));
        fs::write(folder.path(file), content).unwrap();
    }
    let serves = format!("{SERVES}={}", folder.path("").display());
    let this = env::current_exe().unwrap();
    let text = include_str!("live/async-tftp.toml")
        .replace("{serves}", &serves)
        .replace("{program}", &this.display().to_string());
    let path = folder.path("async-tftp.toml");
    fs::write(&path, text).unwrap();
    run(test, &path).unwrap();
}

#[test]
#[ignore = "a_set_loads_its_boot_files_from_async_tftp runs it behind a TAP device"]
fn the_tftp_server() {
    let Some(folder) = env::var_os(SERVES) else {
        return;
    };
    block_on(async {
        let server = TftpServerBuilder::with_dir_ro(folder).unwrap();
        let server = server.bind("0.0.0.0:69".parse().unwrap());
        // The set asks for 4096 bytes. The server may offer less: here what fits into a frame.
        let server = server.block_size_limit(BLOCK_BYTES);
        server.build().await.unwrap().serve().await.unwrap();
    });
}

#[test]
fn a_program_that_is_not_there_fails_its_step_by_name() {
    let test = "a_program_that_is_not_there_fails_its_step_by_name";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let command = r#"["no-such-dhcp-client", "-i", "eth0"]"#;
    fs::write(folder.path("missing.toml"), one_command(command)).unwrap();
    let output = folder
        .jackfield(&["run", "--live", "missing.toml"])
        .output()
        .unwrap();
    let said = all_of(&output);
    assert_eq!(output.status.code(), Some(FAILED), "{said}");
    let reason = "the program `no-such-dhcp-client` is not on this machine";
    assert!(said.contains(reason), "{said}");
}

#[test]
fn a_run_that_is_interrupted_keeps_its_capture() {
    let test = "a_run_that_is_interrupted_keeps_its_capture";
    let Some(_alone) = machine(test) else { return };
    if !["bash", "ping"].iter().all(|program| has_program(program)) {
        return skipped(test, "no bash, or no ping");
    }
    let folder = Folder::new();
    fs::write(
        folder.path("long.toml"),
        one_command(r#"["ping", "10.1.0.1"]"#),
    )
    .unwrap();
    let program = env!("CARGO_BIN_EXE_jackfield");
    let capture = folder.path("long.pcapng");
    let interrupt = format!(
        "{program} run --live --capture {} {} & sleep 2; kill -INT $!; wait $!",
        capture.display(),
        folder.path("long.toml").display()
    );
    // Without -m, job control, what a shell starts in the background ignores SIGINT.
    let output = Command::new("bash")
        .args(["-mc", &interrupt])
        .output()
        .unwrap();
    let said = all_of(&output);
    assert_eq!(output.status.code(), Some(MACHINE), "{said}");
    assert!(said.contains("stopped by SIGINT"), "{said}");
    assert!(fs::metadata(&capture).unwrap().len() > 1_000, "{said}");
    if has_program("tshark") {
        assert_eq!(faults_of(&capture), Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_kept_is_refused_and_only_what_was_kept_is_told() {
    let test = "what_cannot_be_kept_is_refused_and_only_what_was_kept_is_told";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    fs::write(folder.path("one.toml"), one_command(r#"["true"]"#)).unwrap();
    let capture = folder.path("one.pcapng");
    fs::write(&capture, "an earlier capture").unwrap();
    // Names stand in a place of this test's own.
    let namespace = Namespace::create().unwrap();
    let shell = |script: &str| {
        let output = || Ok(Command::new("sh").args(["-c", script]).output().unwrap());
        namespace.run(output).unwrap()
    };
    let names = "mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/jackfield-laptop";
    assert!(shell(names).status.success());
    let run = || {
        let mut run = folder.jackfield(&["run", "--live", "--keep", "one.toml", "--capture"]);
        let output = || Ok(run.arg(&capture).output().unwrap());
        namespace.run(output).unwrap()
    };
    let output = run();
    let said = all_of(&output);
    assert_eq!(output.status.code(), Some(MACHINE), "{said}");
    let error = "error: there is a namespace jackfield-laptop already; ";
    assert!(said.contains(error), "{said}");
    assert!(!said.contains("kept: "), "{said}");
    assert_eq!(fs::read(&capture).unwrap(), b"an earlier capture");
    assert!(shell("rm /run/netns/jackfield-laptop").status.success());
    let output = run();
    let said = all_of(&output);
    if output.status.code() == Some(TOO_LATE) {
        return skipped(test, "the machine is too slow");
    }
    assert_eq!(output.status.code(), Some(PASSED), "{said}");
    let kept = "kept: `ip netns exec jackfield-laptop COMMAND`; ";
    assert!(said.contains(kept), "{said}");
    let removed = shell("umount /run/netns/jackfield-laptop && rm /run/netns/jackfield-laptop");
    assert!(removed.status.success(), "{}", all_of(&removed));
}

/// The machine for one test alone, as each measures how late it is; `None` where it refuses.
fn machine(test: &str) -> Option<MutexGuard<'static, ()>> {
    static ALONE: Mutex<()> = Mutex::new(());
    if let Err(refusal) = probe() {
        skipped(test, &refusal.to_string());
        return None;
    }
    // A test that failed leaves nothing behind that another could trip over.
    Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a scenario that passes, and whose capture is sound. The error is a report.
fn run(test: &str, path: &Path) -> Result<(), String> {
    captured(test, path).map(drop)
}

/// As [`run`]; gives the capture, unless the machine is too slow for the run to count.
fn captured(test: &str, path: &Path) -> Result<Option<Vec<u8>>, String> {
    let folder = Folder::new();
    let capture = folder.path("live.pcapng");
    let options = ["--capture", &capture.display().to_string()];
    if !run_with(test, path, &options)? {
        return Ok(None);
    }
    if has_program("tshark") {
        let faults = faults_of(&capture);
        if !faults.is_empty() {
            return Err(format!("{}: tshark: {}", path.display(), faults.join("\n")));
        }
    }
    Ok(Some(folder.read("live.pcapng")))
}

/// As [`run`], without a capture.
fn run_without_capture(test: &str, path: &Path) -> Result<(), String> {
    run_with(test, path, &["--no-capture"]).map(drop)
}

/// Whether the scenario has passed, or else the machine is too slow for it.
fn run_with(test: &str, path: &Path, options: &[&str]) -> Result<bool, String> {
    let folder = Folder::new();
    let absolute = fs::canonicalize(path).unwrap();
    for _ in 0..TRIES {
        let output = folder
            .jackfield(&["run", "--live"])
            .args(options)
            .arg(&absolute)
            .output()
            .unwrap();
        match output.status.code() {
            Some(PASSED) => return Ok(true),
            Some(TOO_LATE) => {}
            code => {
                let report = all_of(&output);
                return Err(format!("{}: exit {code:?}\n{report}", path.display()));
            }
        }
    }
    skipped(
        test,
        &format!("{}: the machine is too slow", path.display()),
    );
    Ok(false)
}

/// A scenario with one command on one kernel host.
fn one_command(command: &str) -> String {
    format!(
        r#"
scenario = "One command"
subnet = [{{ name = "office", prefix = "10.1.0.0/24", gateway = {{ router = "r1" }} }}]
host = [{{ name = "laptop", address = "10.1.0.30", kernel = true }}]
step = [{{ exec = {{ host = "laptop", command = {command}, within = "1 min" }} }}]
"#
    )
}

/// The first program of the scenario that this machine does not have.
fn missing_program(plan: &Plan) -> Option<&str> {
    let commands = plan.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Act(Action::Exec(exec)) => exec.command.first(),
        StepKind::Act(_) | StepKind::Expect { .. } => None,
    });
    let of_hosts = plan.hosts.iter().filter_map(|host| match &host.kind {
        HostKind::Kernel { program, .. } => program.as_ref()?.command.first(),
        HostKind::Tftp { .. }
        | HostKind::Dns { .. }
        | HostKind::Dhcp { .. }
        | HostKind::Interface { .. } => None,
    });
    let mut programs = commands.chain(of_hosts).map(String::as_str);
    programs.find(|program| !program.contains("{scenario}") && !has_program(program))
}

fn all_of(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{stdout}{stderr}")
}

/// Waits for a future on this thread; async-tftp's own threads wake it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
