//! TFTP servers and clients of other makers: tftp-hpa, atftp, curl.
//!
//! tftpd-hpa and atftpd can't be installed side by side; `scripts/test` unpacks them in `target/peers`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Folder, has_program, machine, run, run_without_capture, skipped};

/// Bytes of the file that clients load.
const BIG_BYTES: u32 = 40 * 1024 * 1024;
const TMPFS: &str = "/mnt";

#[test]
fn a_set_loads_its_boot_files_from_tftpd_hpa() {
    let test = "a_set_loads_its_boot_files_from_tftpd_hpa";
    serves(test, "in.tftpd", "-L -a 10.9.0.20:69 -s /mnt");
}

#[test]
fn a_set_loads_its_boot_files_from_atftpd() {
    let test = "a_set_loads_its_boot_files_from_atftpd";
    let arguments = "--daemon --no-fork --user root --group root --bind-address 10.9.0.20 /mnt";
    serves(test, "atftpd", arguments);
}

#[test]
fn curl_loads_from_our_server() {
    let load = |blksize| {
        let command =
            format!("{{client}} -sS --tftp-blksize {blksize} -o got tftp://10.1.0.20/big");
        Step::Loads(command)
    };
    let absent = "{client} -sS -o none tftp://10.1.0.20/absent".to_owned();
    loads(
        "curl_loads_from_our_server",
        "curl",
        &[
            load(512),
            load(1_468),
            load(4_096),
            Step::IsKilled(
                "{client} -sS --tftp-blksize 512 -o cut tftp://10.1.0.20/big".to_owned(),
                8, // curl asks for a repeat after 6 s (RFC 2349)
            ),
            Step::Fails(absent, 68, "(68)"),
        ],
    );
}

#[test]
fn atftp_loads_from_our_server() {
    let load = |blksize, windowsize| {
        format!(
            "{{client}} --option 'blksize {blksize}' --option 'windowsize {windowsize}' -g -r big -l got 10.1.0.20"
        )
    };
    let absent = "{client} -g -r absent -l none 10.1.0.20".to_owned();
    loads(
        "atftp_loads_from_our_server",
        "atftp",
        &[
            Step::Loads(load(512, 1)),
            Step::Loads(load(512, 8)),
            Step::Loads(load(1_468, 16)),
            Step::IsKilled(load(512, 1), 2),
            Step::Fails(absent, 255, "file not found"),
        ],
    );
}

#[test]
fn tftp_hpa_loads_from_our_server() {
    let load = "{client} -m binary 10.1.0.20 -c get big got".to_owned();
    let absent = "{client} -m binary 10.1.0.20 -c get absent none".to_owned();
    loads(
        "tftp_hpa_loads_from_our_server",
        "tftp",
        &[
            Step::Loads(load.clone()),
            Step::IsKilled(load, 2),
            Step::Fails(absent, 0, "file not found"),
        ],
    );
}

/// What a client does, `{client}` in place of its path. It stands in a folder of its own.
enum Step {
    /// It loads the big file as `got`.
    Loads(String),
    /// It is killed on its way. A client that is gone leaves a closed port, and the server hears of it within so
    /// many seconds: at the latest when it repeats a block.
    IsKilled(String, u32),
    /// It asks for a file that is not there: its exit status, and what it says.
    Fails(String, u8, &'static str),
}

/// A set boots from a server of this machine.
fn serves(test: &str, server: &str, arguments: &str) {
    let Some(program) = peer(test, server) else {
        return;
    };
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let text = include_str!("tftp-server.toml").replace(
        "{server}",
        &format!("{program} {arguments} >/dev/null 2>&1"),
    );
    let path = folder.path("server.toml");
    fs::write(&path, text).unwrap();
    if let Err(report) = run(test, &path) {
        panic!("{report}");
    }
}

/// A client of this machine loads from our server.
fn loads(test: &str, client: &str, steps: &[Step]) {
    let Some(program) = peer(test, client) else {
        return;
    };
    let Some(_alone) = machine(test) else { return };
    let folder = Folder::new();
    let files = folder.path("files");
    fs::create_dir(&files).unwrap();
    let big: Vec<u8> = (0..BIG_BYTES)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(files.join("big"), big).unwrap();
    let mut text = include_str!("tftp-client.toml").replace("{folder}", "files");
    for step in steps {
        text += &step.toml(&program, &files);
    }
    let path = folder.path("client.toml");
    fs::write(&path, text).unwrap();
    // Hundreds of thousands of frames, which nobody looks at.
    if let Err(report) = run_without_capture(test, &path) {
        panic!("{report}");
    }
}

impl Step {
    fn toml(&self, program: &str, files: &Path) -> String {
        let big = files.join("big").display().to_string();
        let (command, more, then) = match self {
            Step::Loads(command) => (
                format!("{command} && cmp got {big} && rm got"),
                String::new(),
                String::new(),
            ),
            Step::IsKilled(command, seconds) => (
                format!("timeout -s KILL 0.4 {command}; test $? = 137"),
                String::new(),
                format!(
                    r#"
[[step]]
within = "{seconds} s"
expect.frames = [{{ filter = "icmp.type == 3 && icmp.code == 3 && ip.src == 10.1.0.30", exactly = 1 }}]
"#
                ),
            ),
            Step::Fails(command, status, says) => (
                command.clone(),
                format!(r#", status = {status}, prints = "{says}""#),
                String::new(),
            ),
        };
        let command = command.replace("{client}", program);
        format!(
            r#"
[[step]]
exec = {{ host = "laptop", command = ["sh", "-c", "cd {TMPFS} && {command}"], within = "1 min"{more} }}
{then}"#
        )
    }
}

/// A program of this machine, or of `target/peers`, as it stands in a command of a shell.
fn peer(test: &str, name: &str) -> Option<String> {
    if has_program(name) {
        return Some(name.to_owned());
    }
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let found = |folder| Some(peers.join(folder).join(name)).filter(|path: &PathBuf| path.exists());
    let Some(path) = ["usr/bin", "usr/sbin"].into_iter().find_map(found) else {
        skipped(test, &format!("no {name}"));
        return None;
    };
    let libraries = peers.join("usr/lib/x86_64-linux-gnu");
    Some(format!(
        "env LD_LIBRARY_PATH={} {}",
        libraries.display(),
        path.display()
    ))
}
