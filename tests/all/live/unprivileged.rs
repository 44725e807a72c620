//! Live runs without root: in a user namespace of their own, where /dev/net/tun is open to all.

use std::fs;
use std::process::{Command, Output};

use jackfield::os::Namespace;

use super::super::support::{Folder, has_program, skipped};
use super::veth::run;
use super::{MACHINE, PASSED, TOO_LATE, all_of, machine, one_command};

/// Who runs it: nobody.
const USER: &str = "65534";

#[test]
fn a_run_without_root_passes_where_the_device_is_open_and_says_what_is_missing_where_not() {
    let test =
        "a_run_without_root_passes_where_the_device_is_open_and_says_what_is_missing_where_not";
    let Some(_alone) = machine(test) else { return };
    if !has_program("setpriv") || !has_program("ping") {
        return skipped(test, "no setpriv, or no ping");
    }
    let folder = Folder::new();
    let ping = r#"["ping", "-c", "2", "10.1.0.1"]"#;
    fs::write(folder.path("ping.toml"), one_command(ping)).unwrap();
    // The machine's own node stays as it is: another one takes its place, in a mount namespace of this test.
    let namespace = Namespace::create().unwrap();
    for (mode, wanted) in [("666", PASSED), ("600", MACHINE)] {
        let node = folder.path(mode).display().to_string();
        let script = format!(
            "mknod {node} c 10 200 && chmod {mode} {node} && mount --bind {node} /dev/net/tun"
        );
        run(&namespace, Command::new("sh").args(["-c", &script]));
        let output = as_nobody(
            &namespace,
            &folder,
            &["run", "--live", "--no-capture", "ping.toml"],
        );
        let said = all_of(&output);
        if output.status.code() == Some(TOO_LATE) {
            return skipped(test, "the machine is too slow");
        }
        assert_eq!(output.status.code(), Some(wanted), "{said}");
        let doctor = as_nobody(&namespace, &folder, &["doctor"]);
        let doctor_said = all_of(&doctor);
        let keep = ["run", "--live", "--no-capture", "--keep", "ping.toml"];
        let kept = as_nobody(&namespace, &folder, &keep);
        let kept_said = all_of(&kept);
        assert_eq!(kept.status.code(), Some(MACHINE), "{kept_said}");
        assert!(
            kept_said.starts_with("error: --keep needs root"),
            "{kept_said}"
        );
        if wanted == MACHINE {
            assert!(said.contains("no right to open /dev/net/tun"), "{said}");
            assert_eq!(doctor.status.code(), Some(MACHINE), "{doctor_said}");
            assert!(
                doctor_said.contains("chmod 666 /dev/net/tun"),
                "{doctor_said}"
            );
        } else {
            assert!(said.contains("passed: "), "{said}");
            assert!(doctor_said.contains("user namespace"), "{doctor_said}");
        }
    }
}

/// Runs the program as a user without rights.
fn as_nobody(namespace: &Namespace, folder: &Folder, arguments: &[&str]) -> Output {
    let start = || {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
            .arg(env!("CARGO_BIN_EXE_jackfield"))
            .args(arguments)
            .current_dir(folder.path(""));
        Ok(command.output().unwrap())
    };
    namespace.run(start).unwrap()
}

#[test]
fn the_doctor_finds_nothing_wrong_where_live_runs_pass() {
    let test = "the_doctor_finds_nothing_wrong_where_live_runs_pass";
    let Some(_alone) = machine(test) else { return };
    let output = Folder::new().jackfield(&["doctor"]).output().unwrap();
    let said = all_of(&output);
    assert_eq!(output.status.code(), Some(PASSED), "{said}");
    for line in [
        "/dev/net/tun",
        "network namespace",
        "packet socket",
        "interface lo up",
    ] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
}
