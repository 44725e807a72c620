//! Live runs of the program: kernels of this machine, with their programs, against the emulated network.
//!
//! These need root, /dev/net/tun, and the programs that a scenario starts. What is missing is said on standard
//! error, and the test skipped. So is a test whose run was invalid again and again: the machine is too busy.

use std::env;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Output};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use async_tftp::server::TftpServerBuilder;
use jackfield::os;

/// Exit code of a run that was too late to count.
const INVALID: i32 = 4;
const TRIES: u32 = 3;

#[test]
fn a_kernel_gets_a_lease_and_registers_through_the_gateway() {
    passes("kernel-host", &["udhcpc", "ip", "ping", "python3"]);
}

#[test]
fn a_kernel_with_a_stale_address_finds_no_gateway() {
    passes("stale-host", &["ip", "ping", "arping", "python3"]);
}

#[test]
fn tcpdump_finds_nothing_wrong_with_a_booting_set() {
    passes("phone-beside-kernel", &["tcpdump", "ping", "mount"]);
}

#[test]
fn a_set_boots_from_dnsmasq() {
    passes("dnsmasq", &["dnsmasq", "mount"]);
}

/// Set in the environment of the process that is a TFTP server: the folder that it serves.
const SERVES: &str = "JACKFIELD_TEST_SERVES";

/// async-tftp runs behind the TAP device in a process of its own, which is this test binary again.
#[test]
fn a_set_loads_its_boot_files_from_async_tftp() {
    let test = "a_set_loads_its_boot_files_from_async_tftp";
    if lacks(test, &["sh"]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    for (file, bytes) in [("BootIp5360.bin", 65_536), ("MainIp5360.bin", 300_001)] {
        let mut content = format!("{file} 5.5\n").into_bytes();
        content.extend((0..bytes).map(|n: u32| n.to_le_bytes()[n as usize % 3]));
        fs::write(folder.join(file), content).unwrap();
    }
    let this = env::current_exe().unwrap();
    let text = include_str!("live/async-tftp.toml")
        .replace("{serves}", &format!("{SERVES}={}", folder.display()))
        .replace("{program}", &this.display().to_string());
    let scenario = folder.join("async-tftp.toml");
    fs::write(&scenario, text).unwrap();
    run(test, &scenario);
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
        server.build().await.unwrap().serve().await.unwrap();
    });
}

#[test]
fn a_program_that_is_not_there_fails_its_step_by_name() {
    let test = "a_program_that_is_not_there_fails_its_step_by_name";
    if lacks(test, &[]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let scenario = folder.join("missing.toml");
    let text = r#"
scenario = "A program that is not there"
subnet = [{ name = "office", prefix = "10.1.0.0/24", gateway = { router = "r1" } }]
host = [{ name = "laptop", address = "10.1.0.30", kernel = true }]
step = [{ exec = { host = "laptop", command = ["no-such-dhcp-client", "-i", "eth0"] } }]
"#;
    fs::write(&scenario, text).unwrap();
    let (output, _) = jackfield(&scenario);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    let reason = "the program `no-such-dhcp-client` is not on this machine";
    assert!(said.contains(reason), "{said}");
}

#[test]
fn a_run_that_is_interrupted_keeps_its_capture() {
    let test = "a_run_that_is_interrupted_keeps_its_capture";
    if lacks(test, &["bash", "ping"]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let scenario = folder.join("interrupted.toml");
    let text = r#"
scenario = "A run that is interrupted"
subnet = [{ name = "office", prefix = "10.1.0.0/24", gateway = { router = "r1" } }]
host = [{ name = "laptop", address = "10.1.0.30", kernel = true }]
step = [{ exec = { host = "laptop", command = ["ping", "10.1.0.1"], within = "1 min" } }]
"#;
    fs::write(&scenario, text).unwrap();
    let capture = scenario.with_extension("pcapng");
    let interrupt = format!(
        "{} run --live --capture {} {} & sleep 2; kill -INT $!; wait $!",
        env!("CARGO_BIN_EXE_jackfield"),
        capture.display(),
        scenario.display()
    );
    // Without -m, job control, what a shell starts in the background ignores SIGINT.
    let output = Command::new("bash")
        .args(["-mc", &interrupt])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("stopped by SIGINT"), "{said}");
    check_with_tshark(&capture);
}

/// Runs a shipped scenario and expects it to pass.
fn passes(name: &str, programs: &[&str]) {
    if !lacks(name, programs) {
        let file = format!("fixtures/scenarios/live/{name}.toml");
        run(name, Path::new(&file));
    }
}

/// Runs a scenario and expects it to pass, and its capture to be sound.
fn run(test: &str, scenario: &Path) {
    for _ in 0..TRIES {
        let (output, capture) = jackfield(scenario);
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap_or_default();
        match output.status.code() {
            Some(0) => {
                eprintln!("{test}: {last}");
                check_with_tshark(&capture);
                return;
            }
            Some(INVALID) => eprintln!("{test}: invalid: {last}"),
            code => {
                let errors = String::from_utf8_lossy(&output.stderr);
                panic!("{test}: exit code {code:?}\n{said}{errors}");
            }
        }
    }
    eprintln!("SKIPPED: {test}: {TRIES} runs were too late to count");
}

/// Runs a scenario live: what the program said, and where the capture is.
fn jackfield(scenario: &Path) -> (Output, PathBuf) {
    let name =
        Path::new(scenario.file_stem().expect("a scenario has a name")).with_extension("pcapng");
    let capture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
    command.args(["run", "--live", "--capture"]);
    let output = command
        .arg(&capture)
        .arg(scenario)
        .output()
        .expect("jackfield starts");
    (output, capture)
}

/// Whether the machine lacks something for a live run; says what.
fn lacks(test: &str, programs: &[&str]) -> bool {
    if let Err(reason) = os::probe() {
        eprintln!("SKIPPED: {test}: {reason}");
        return true;
    }
    let missing = programs.iter().find(|program| !is_installed(program));
    if let Some(program) = missing {
        eprintln!("SKIPPED: {test}: the program `{program}` is not on this machine");
    }
    missing.is_some()
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Every frame is whole and has right checksums: the kernel's as they came through the TAP device, and ours.
fn check_with_tshark(capture: &Path) {
    if !is_installed("tshark") {
        eprintln!("SKIPPED: tshark is not on this machine, and did not look at the capture");
        return;
    }
    let wrong = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 \
                 || tcp.checksum.status == 0 || icmp.checksum.status == 0";
    let mut tshark = Command::new("tshark");
    for protocol in ["ip", "tcp", "udp"] {
        tshark.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    let output = tshark
        .arg("-r")
        .arg(capture)
        .args(["-Y", wrong])
        .output()
        .expect("tshark starts");
    let found = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark: {errors}");
    assert!(
        found.is_empty(),
        "tshark finds wrong frames in {}:\n{found}",
        capture.display()
    );
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
