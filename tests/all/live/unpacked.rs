//! Programs that are not installed, but unpacked: servers would start by themselves, and clients would be put to use.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::super::support::{has_program, skipped};

/// Where `scripts/test` has unpacked them.
const UNPACKED: &str = "JACKFIELD_TEST_SERVERS";

/// How a shell starts a program: one that is installed, or one that was unpacked. `version`: the option that makes it
/// say its version and end. A test is skipped where there is neither.
pub(super) fn program(test: &str, name: &str, version: &str) -> Option<String> {
    let here = unpacked().and_then(|root| {
        let mut paths = ["usr/sbin", "sbin"]
            .map(|folder| root.join(folder).join(name))
            .into_iter();
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        let path = paths.find(|path| path.exists())?;
        Some(format!(
            "env LD_LIBRARY_PATH={} {}",
            libraries.display(),
            path.display()
        ))
    });
    let program = match here {
        _ if has_program(name) => name.to_owned(),
        Some(program) => program,
        None => {
            skipped(test, &format!("no {name}"));
            return None;
        }
    };
    let runs = format!("{program} {version} >/dev/null 2>&1");
    let runs = Command::new("sh").args(["-c", &runs]).status();
    if !runs.is_ok_and(|status| status.success()) {
        skipped(test, &format!("{name} lacks a library"));
        return None;
    }
    Some(program)
}

pub(super) fn unpacked() -> Option<PathBuf> {
    env::var_os(UNPACKED).map(PathBuf::from)
}
