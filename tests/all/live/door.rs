//! Programs in the place of elements: the reference controller as one of them, and programs that are none.

use std::fs;
use std::process::Output;
use std::time::Duration;

use jackfield::os::Clock;
use jackfield::time::Instant;

use super::super::support::{Folder, has_program, skipped};
use super::killed::{MARK, Traces, marked};
use super::{FAILED, PASSED, SKIPPED, TOO_LATE, TRIES, all_of, machine};

/// The commands of the reference controller and of its driver.
pub(super) fn reference() -> (String, String) {
    let this = env!("CARGO_BIN_EXE_jackfield");
    (
        format!("'{this}' {CONTROLLER}"),
        format!("'{this}' {DRIVER}"),
    )
}

/// The reference controller through the door.
const CONTROLLER: &str = "controller --forms {forms} --listen {listen} --admin {folder}/admin.sock";
const DRIVER: &str = "admin --socket {folder}/admin.sock";

/// A set that registers within 8 s, or the step fails; then the element loses power.
const SCENARIO: &str = r#"
scenario = "A set, and an element that loses power"
subnet = [{ name = "office", prefix = "10.1.0.0/24", dhcp = { call_srv = "mivb-a", sw_tftp = "firmware" } }]
element = [{ name = "mivb-a", address = "10.1.0.10", ceid = { index = 1, digits = "1" }, directory = ["6000"] }]
phone = [{ name = "anna", at = "office", memory = { pin = "***6000" } }]
step = [
  { power-up = "anna" },
  { within = "8 s", expect.anna = { registered = "6000" } },
  { stop = "mivb-a" },
  { wait = "1 s" },
]

[[tftp]]
name = "firmware"
address = "10.1.0.20"
firmware = { "BootIp5360.bin" = { version = "1.0", size = "1 KiB" }, "MainIp5360.bin" = { version = "1.0", size = "1 KiB" } }
"#;

/// The element is ready again only if what was there before has left the port.
const STOPPED_AND_STARTED: &str = r#"
scenario = "An element that loses power and gets it back"
subnet = [{ name = "office", prefix = "10.1.0.0/24" }]
element = [{ name = "mivb-a", at = "office", address = "10.1.0.10", ceid = { index = 1, digits = "1" } }]
step = [{ stop = "mivb-a" }, { start = "mivb-a" }, { wait = "1 s" }]
"#;

#[test]
fn the_reference_controller_passes_as_a_program() {
    let test = "the_reference_controller_passes_as_a_program";
    let Some(_alone) = machine(test) else { return };
    for scenario in [
        "first-registration",
        "mac-deleted",
        "set-deleted",
        "redirect-loop",
        "failed-look-ups",
        "trunks",
        "dn-moved-without-synchronisation",
    ] {
        let output = through_the_door(test, scenario, &[], true);
        let said = all_of(&output);
        assert_passed(test, &output, scenario, &said);
    }
}

/// It is written from the documents alone. What it has not, administration and trunks, is skipped.
#[test]
fn the_example_in_python_passes_all_that_it_claims() {
    let test = "the_example_in_python_passes_all_that_it_claims";
    let Some(_alone) = machine(test) else { return };
    if !has_program("python3") {
        return skipped(test, "no python3");
    }
    let folder = Folder::new();
    let program = "python3 fixtures/controllers/example";
    let controller = format!("{program}.py {{forms}} {{listen}}");
    let driver = format!("{program}_driver.py {{forms}}");
    for (scenario, code) in [
        ("first-registration", PASSED),             // RG-1, RG-3
        ("wrong-access-code", PASSED),              // RG-2
        ("dn-in-use", PASSED),                      // RG-5
        ("replace-a-phone", PASSED),                // RG-6, RG-7
        ("nothing-to-replace", PASSED),             // RG-8
        ("dn-at-another-element", PASSED),          // RG-9
        ("failed-look-ups", PASSED),                // RG-10, CL-2
        ("programmed-by-an-administrator", PASSED), // RG-11
        ("pin-of-another-dn", PASSED),              // RG-12
        ("star-at-power-up", PASSED),               // ST-3
        ("redirect-loop", PASSED),                  // CL-8
        ("mac-deleted", SKIPPED),
        ("trunks", SKIPPED),
    ] {
        let path = format!("fixtures/scenarios/{scenario}.toml");
        let run = || {
            let mut command = folder.jackfield(&["run", "--no-capture", &path]);
            let with = ["--controller", &controller, "--driver", &driver];
            command.args(with).output().unwrap()
        };
        let mut tries = (0..TRIES).map(|_| run());
        match tries.find(|output| output.status.code() != Some(TOO_LATE)) {
            None => skipped(test, &format!("{scenario}: the machine is too slow")),
            Some(output) => {
                let said = all_of(&output);
                assert_eq!(output.status.code(), Some(code), "{scenario}\n{said}");
            }
        }
    }
}

/// One of two is a program: trunks and redirects go between the two kinds.
#[test]
fn a_program_and_the_reference_stand_side_by_side() {
    let test = "a_program_and_the_reference_stand_side_by_side";
    let Some(_alone) = machine(test) else { return };
    for element in ["mivb-a=", "mivb-b="] {
        for scenario in ["trunks", "dn-at-another-element"] {
            let output = through_the_door(test, scenario, &[element], true);
            assert_passed(test, &output, scenario, &all_of(&output));
        }
    }
}

#[test]
fn what_a_scenario_needs_and_nobody_carries_skips_it_before_anything_is_started() {
    let folder = Folder::new();
    let clock = Clock::start();
    for (scenario, reason) in [
        (
            "mac-deleted",
            "line 38 needs `delete-mac` of mivb-a, which has no driver",
        ),
        (
            "dn-in-use",
            "needs `show-forms` of mivb-a, which has no driver",
        ),
        (
            "heartbeats-without-an-answer",
            "no element can be a program: the scenario needs each with its fault",
        ),
    ] {
        let path = format!("fixtures/scenarios/{scenario}.toml");
        let output = folder
            .jackfield(&[
                "run",
                "--no-capture",
                "--controller",
                "no-such-program",
                &path,
            ])
            .output()
            .unwrap();
        let said = all_of(&output);
        assert_eq!(output.status.code(), Some(SKIPPED), "{said}");
        assert!(said.contains(reason), "{said}");
    }
    assert!(clock.now().since(Instant::ZERO) < Duration::from_secs(2));
}

#[test]
fn a_driver_decides_between_skipped_and_failed_and_one_that_is_broken_fails() {
    let test = "a_driver_decides_between_skipped_and_failed_and_one_that_is_broken_fails";
    let Some(_alone) = machine(test) else { return };
    let knows = r#"echo '{"operations": ["show-forms", "delete-mac"]}'"#;
    for (driver, code, reason) in [
        // Of a controller without administration: said before the first step.
        (
            r#"echo '{"operations": []}'"#.to_owned(),
            SKIPPED,
            "needs `delete-mac` of mivb-a, whose driver does not know it",
        ),
        // Else what a slip of the hand hides would be skipped for ever.
        (
            r#"echo '{"operations": ["show-forms", "delete_mac"]}'"#.to_owned(),
            FAILED,
            "`operations`: `delete_mac` is no request; did you mean `delete-mac`?",
        ),
        // It takes the request, and then says that this build has no such thing.
        (
            format!(
                r#"case "$(cat)" in *operations*) {knows};; *) echo '{{"unsupported": "not built in"}}'; exit 3;; esac"#
            ),
            SKIPPED,
            "mivb-a has no `delete-mac`: not built in",
        ),
        (
            format!(
                r#"case "$(cat)" in *operations*) {knows};; *) echo '{{"refused": "not now"}}'; exit 1;; esac"#
            ),
            FAILED,
            "mivb-a does not delete MAC 08:00:0f:00:00:01 from the database: not now",
        ),
        (
            "echo lost >&2; exit 7".to_owned(),
            FAILED,
            "the driver of mivb-a failed at `operations`: exit status 7, and no JSON object",
        ),
        (
            "sleep 1000".to_owned(),
            FAILED,
            "the driver of mivb-a failed at `operations`: killed, as it did not end in its time",
        ),
    ] {
        let driver = format!("sh -c \"{}\"", driver.replace('"', "\\\""));
        let extra = ["--driver", &driver, "--driver-within", "3 s"];
        let output = through_the_door(test, "mac-deleted", &extra, false);
        let said = all_of(&output);
        if output.status.code() == Some(TOO_LATE) {
            return skipped(test, "the machine is too slow");
        }
        assert_eq!(output.status.code(), Some(code), "{driver}\n{said}");
        assert!(said.contains(reason), "{driver}\n{said}");
    }
}

#[test]
fn a_program_that_is_no_controller_fails_in_its_time_and_leaves_nothing() {
    let test = "a_program_that_is_no_controller_fails_in_its_time_and_leaves_nothing";
    let Some(_alone) = machine(test) else { return };
    if !has_program("python3") {
        return skipped(test, "no python3");
    }
    let folder = Folder::new();
    fs::write(folder.path("bad.toml"), SCENARIO).unwrap();
    fs::write(folder.path("bad.py"), include_str!("bad.py")).unwrap();
    let mark = format!("{MARK}={}", std::process::id());
    let (name, value) = mark.split_once('=').unwrap();
    let before = Traces::on_this_machine();
    for (kind, reason) in [
        (
            "crashes",
            "the program of mivb-a is not ready: ended with status 1",
        ),
        ("silent", "the program of mivb-a is not ready after 3 s"),
        (
            "crashes-when-called",
            "the program of mivb-a is gone: ended by a signal",
        ),
        ("hangs", "anna: not registered, display `Waiting for ACK..."),
        ("talks-nonsense", "anna: not registered"),
        ("forks", "anna: not registered"),
        (
            "forks-and-goes",
            "the program of mivb-a is gone: ended with status 0",
        ),
        // Where it is not fast enough for that, a set gets no answer for all the noise.
        (
            "floods",
            "the program of mivb-a sends frames faster than they are read|anna: not registered",
        ),
    ] {
        let clock = Clock::start();
        let command = format!(
            "python3 {} {kind} {{listen}}",
            folder.path("bad.py").display()
        );
        let output = folder
            .jackfield(&["run", "--no-capture", "--quiet", "--ready-within", "3 s"])
            .args(["--controller", &command, "bad.toml"])
            .env(name, value)
            .output()
            .unwrap();
        let said = all_of(&output);
        assert_eq!(marked(&mark), Vec::<String>::new(), "{kind}");
        assert_eq!(Traces::on_this_machine(), before, "{kind}");
        if output.status.code() == Some(TOO_LATE) {
            skipped(test, &format!("{kind}: the machine is too slow"));
            continue;
        }
        assert_eq!(output.status.code(), Some(FAILED), "{kind}\n{said}");
        let is_told = reason.split('|').any(|reason| said.contains(reason));
        assert!(is_told, "{kind}\n{said}");
        let took = clock.now().since(Instant::ZERO);
        assert!(took < Duration::from_secs(20), "{kind}: {took:?}");
    }
}

#[test]
fn a_program_that_takes_no_notice_of_sigterm_is_killed_and_the_run_goes_on() {
    let test = "a_program_that_takes_no_notice_of_sigterm_is_killed_and_the_run_goes_on";
    let Some(_alone) = machine(test) else { return };
    if !has_program("python3") {
        return skipped(test, "no python3");
    }
    let folder = Folder::new();
    fs::write(folder.path("bad.toml"), STOPPED_AND_STARTED).unwrap();
    fs::write(folder.path("bad.py"), include_str!("bad.py")).unwrap();
    let mark = format!("{MARK}={}", std::process::id());
    let (name, value) = mark.split_once('=').unwrap();
    let command = format!(
        "python3 {} stays {{listen}}",
        folder.path("bad.py").display()
    );
    let clock = Clock::start();
    let output = folder
        .jackfield(&["run", "--no-capture", "--controller", &command, "bad.toml"])
        .env(name, value)
        .output()
        .unwrap();
    assert_passed(test, &output, "stays", &all_of(&output));
    let took = clock.now().since(Instant::ZERO);
    let patience = Duration::from_secs(5);
    assert!(took > patience && took < 4 * patience, "{took:?}");
    assert_eq!(marked(&mark), Vec::<String>::new());
}

#[test]
fn what_a_program_said_is_kept_beside_the_capture_of_a_run_that_failed() {
    let test = "what_a_program_said_is_kept_beside_the_capture_of_a_run_that_failed";
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    fs::write(folder.path("bad.toml"), SCENARIO).unwrap();
    let controller = "sh -c 'echo no form is to my liking; exit 1'";
    let run = |arguments: &[&str]| {
        let mut command = folder.jackfield(arguments);
        let output = command
            .args(["--controller", controller, "bad.toml"])
            .output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(FAILED), "{}", all_of(&output));
        all_of(&output)
    };
    let said = run(&["run", "--capture", "out/run.pcapng"]);
    assert!(said.contains("log: out/run.mivb-a.log"), "{said}");
    assert_eq!(
        folder.read("out/run.mivb-a.log"),
        b"no form is to my liking\n"
    );
    let said = run(&["test", "--captures", "kept", "--junit", "junit.xml"]);
    assert!(said.contains("log: kept/bad.mivb-a.log"), "{said}");
    assert_eq!(
        folder.read("kept/bad.mivb-a.log"),
        b"no form is to my liking\n"
    );
    let xml = String::from_utf8(folder.read("junit.xml")).unwrap();
    assert!(xml.contains("log: kept/bad.mivb-a.log"), "{xml}");
}

/// Runs a shipped scenario with the reference controller as a program, until it counts. `extra` begins with the prefix
/// of the controller's and the driver's command, an element's name, if it is for one alone.
fn through_the_door(test: &str, scenario: &str, extra: &[&str], driver: bool) -> Output {
    let folder = Folder::new();
    let (controller, with) = reference();
    let (element, extra) = match extra {
        [element] if element.ends_with('=') => (*element, &[][..]),
        extra => ("", extra),
    };
    let path = format!("fixtures/scenarios/{scenario}.toml");
    let run = || {
        let mut command = folder.jackfield(&["run", "--no-capture", &path, "--controller"]);
        command.arg(format!("{element}{controller}"));
        if driver {
            command.args(["--driver", &format!("{element}{with}")]);
        }
        command.args(extra).output().unwrap()
    };
    let mut tries = (0..TRIES).map(|_| run());
    let counted = tries.find(|output| output.status.code() != Some(TOO_LATE));
    counted.unwrap_or_else(|| {
        skipped(test, &format!("{scenario}: the machine is too slow"));
        run()
    })
}

fn assert_passed(test: &str, output: &Output, scenario: &str, said: &str) {
    match output.status.code() {
        Some(TOO_LATE) => skipped(test, &format!("{scenario}: the machine is too slow")),
        code => assert_eq!(code, Some(PASSED), "{scenario}\n{said}"),
    }
}
