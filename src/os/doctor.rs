//! What this machine has of all that live runs, `serve` and `phone` need, each tried by doing it.

use std::env;
use std::fs::{self, File};
use std::io;

use super::interfaces::describe_interfaces;
use super::netns::Namespace;
use super::packet;
use super::probe::{MachineRefusal, probe};
use super::userns;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub what: &'static str,
    pub state: Health,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// With what was found.
    Fine(String),
    /// Missing, though not for all: what it is needed for, and how to get it.
    Note(String),
    /// Missing: why, and how to get it.
    Missing(String),
}

/// Looks at everything. No other thread may run yet; afterwards a process that is not root is in a user namespace.
pub fn examine() -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |what, state| findings.push(Finding { what, state });
    // On the machine's own interfaces a user namespace gives no rights: this comes before it.
    found("packet socket", packet_socket());
    for interface in describe_interfaces() {
        found("interface", Health::Fine(interface));
    }
    found("rights", rights());
    found("/dev/net/tun", tun_device());
    found("network namespace", namespace());
    found("TAP device and programs in it", tap());
    found("programs", programs());
    findings
}

fn packet_socket() -> Health {
    match packet::try_socket() {
        Ok(()) => Health::Fine("`serve` and `phone` may use the interfaces below".to_owned()),
        Err(error) => Health::Note(format!(
            "`serve` and `phone` may not use an interface ({error}): run them as root, for example with sudo; in a \
             container, add --cap-add NET_RAW"
        )),
    }
}

fn rights() -> Health {
    if userns::is_root() {
        return Health::Fine("root".to_owned());
    }
    match userns::become_own_root() {
        Ok(()) => Health::Fine("not root; in a user namespace".to_owned()),
        Err(error) => Health::Missing(format!("not root, and {error}: {}", way_to_rights())),
    }
}

/// How a user who is not root gets what root has.
fn way_to_rights() -> String {
    match userns::forbidden_by() {
        Some(command) => format!("run as root, for example with sudo, or as root: {command}"),
        None => "run as root, for example with sudo; in a container, with --privileged".to_owned(),
    }
}

fn tun_device() -> Health {
    const NODE: &str = "/dev/net/tun";
    if fs::metadata(NODE).is_err() {
        return Health::Missing(
            "it is not there: modprobe tun; in a container, add --device /dev/net/tun".to_owned(),
        );
    }
    match File::options().read(true).write(true).open(NODE) {
        Ok(_) => Health::Fine("there, and open to this user".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Health::Missing(format!(
            "it is there, and may not be opened ({error}): run as root, or as root: chmod 666 {NODE}"
        )),
        Err(error) => Health::Missing(format!(
            "it is there, and does not open ({error}): modprobe tun"
        )),
    }
}

fn namespace() -> Health {
    match Namespace::create() {
        Ok(_) => Health::Fine("can be made, and set up (CAP_NET_ADMIN)".to_owned()),
        Err(error) => Health::Missing(MachineRefusal::from(error).to_string()),
    }
}

fn tap() -> Health {
    match probe() {
        Ok(()) => Health::Fine("can be made, and programs enclosed".to_owned()),
        Err(refusal) => Health::Missing(refusal.to_string()),
    }
}

/// Programs that scenarios often start, and the Debian packages that have them.
fn programs() -> Health {
    const PROGRAMS: [(&str, &str); 4] = [
        ("ip", "iproute2"),
        ("ping", "iputils-ping"),
        ("tcpdump", "tcpdump"),
        ("udhcpc", "udhcpc"),
    ];
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &str| env::split_paths(&path).any(|folder| folder.join(name).exists());
    let missing = PROGRAMS.iter().filter(|(name, _)| !is_there(name));
    let missing: Vec<String> = missing
        .map(|(name, package)| format!("{name} (apt install {package})"))
        .collect();
    if missing.is_empty() {
        let names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
        return Health::Fine(names.join(", "));
    }
    Health::Note(format!("scenarios may need {}", missing.join(", ")))
}
