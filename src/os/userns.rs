//! Root of one's own: a user namespace, for live runs of users who are not root (user_namespaces(7)).
//!
//! In it the process may make network, mount and PID namespaces, and devices in those. It may do nothing to the
//! interfaces that the machine has, and /dev/net/tun has to be open to its user: what the user cannot read stays so.

use std::fs;
use std::io;

use rustix::thread::UnshareFlags;

use super::error::LiveError;
use super::netns::unshare;

/// Moves the process into a user namespace in which its user is root. No other thread may run yet.
///
/// # Errors
/// [`LiveError::Namespace`]: the kernel or its settings forbid it.
pub(super) fn become_own_root() -> Result<(), LiveError> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    unshare(UnshareFlags::NEWUSER, "make a user namespace")?;
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|source| LiveError::Namespace {
            step: "become root in a user namespace",
            source,
        })
    };
    // Without this a user could leave a group that is kept out of a file.
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {user} 1"))?;
    write("gid_map", format!("0 {group} 1"))
}

/// Whether this process is root, of the machine or of a user namespace.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What the machine says against user namespaces, if its settings do.
pub(super) fn forbidden_by() -> Option<&'static str> {
    let is = |file: &str, value: &str| {
        let found: io::Result<String> = fs::read_to_string(file);
        found.is_ok_and(|found| found.trim() == value)
    };
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return Some("sysctl -w kernel.unprivileged_userns_clone=1");
    }
    if is(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
    ) {
        return Some("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
    }
    is("/proc/sys/user/max_user_namespaces", "0")
        .then_some("sysctl -w user.max_user_namespaces=10000")
}
