//! Whether this machine lets us do what a live run needs: asked by doing it once.

use std::io;

use super::error::LiveError;
use super::process::Process;
use super::tap::{PortSettings, TapPort};
use super::userns;
use crate::wire::Mac;

/// What the machine lacks for a live run, and how to get it.
#[derive(Debug, thiserror::Error)]
pub enum MachineRefusal {
    #[error(
        "no right to {step} ({source}): run as root, for example with sudo, or under `unshare --map-root-user`; in a container, with --privileged"
    )]
    NoRight {
        /// What was refused, for example `make a network namespace`.
        step: &'static str,
        source: io::Error,
    },
    #[error(
        "no right to {step} ({source}): run as root, for example with sudo, or have root allow user namespaces: {command}"
    )]
    UserNamespacesForbidden {
        step: &'static str,
        source: io::Error,
        /// What root would run.
        command: &'static str,
    },
    #[error(
        "cannot {step} ({source}): the kernel is built without it (CONFIG_NET_NS, CONFIG_PID_NS)"
    )]
    NoNamespaces {
        step: &'static str,
        source: io::Error,
    },
    #[error(
        "cannot {step} ({source}): the machine's limit is reached; raise the limits in /proc/sys/user"
    )]
    NamespaceLimit {
        step: &'static str,
        source: io::Error,
    },
    #[error(
        "no /dev/net/tun ({source}): load the module with `modprobe tun`; in a container, add --device /dev/net/tun"
    )]
    NoTunDevice { source: io::Error },
    #[error(
        "no right to open /dev/net/tun ({source}): run as root, for example with sudo, or have root open it to all, as many distributions do: chmod 666 /dev/net/tun"
    )]
    TunDenied { source: io::Error },
    /// Anything else that went wrong.
    #[error(transparent)]
    Failed(LiveError),
}

/// Gives the process what it needs for a live run: one that is not root becomes root of a user namespace. No other
/// thread may run yet.
///
/// # Errors
/// [`MachineRefusal`] names the first thing that is missing.
pub fn prepare() -> Result<(), MachineRefusal> {
    if !userns::is_root() {
        userns::become_own_root()?;
    }
    probe()
}

/// Makes a namespace with a TAP device and an enclosure for programs, and throws them away.
///
/// # Errors
/// [`MachineRefusal`] names the first thing that is missing.
pub fn probe() -> Result<(), MachineRefusal> {
    let settings = PortSettings {
        mac: Mac([2, 0, 0, 0, 0, 1]), // locally administered; nobody hears it
        address: None,
        gateway: None,
    };
    let port = TapPort::open(&settings)?;
    // Of a command that is not there the machine makes all but the program.
    Process::start(port.namespace(), &[String::new()], &[], None)?;
    Ok(())
}

impl From<LiveError> for MachineRefusal {
    fn from(error: LiveError) -> MachineRefusal {
        match error {
            LiveError::Namespace { step, source } | LiveError::Enclosure { step, source } => {
                namespace_refusal(step, source)
            }
            LiveError::Tap { source } => match source.raw_os_error() {
                Some(libc::EACCES | libc::EPERM) => MachineRefusal::TunDenied { source },
                // ENODEV: the node is there, the driver is not.
                Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => {
                    MachineRefusal::NoTunDevice { source }
                }
                _ => MachineRefusal::Failed(LiveError::Tap { source }),
            },
            error @ (LiveError::Thread { .. }
            | LiveError::Interface { .. }
            | LiveError::Name { .. }
            | LiveError::NoInterface { .. }
            | LiveError::Port { .. }
            | LiveError::Wait { .. }
            | LiveError::Signals { .. }
            | LiveError::Promises { .. }
            | LiveError::Ended
            | LiveError::Stopped { .. }) => MachineRefusal::Failed(error),
        }
    }
}

fn namespace_refusal(step: &'static str, source: io::Error) -> MachineRefusal {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => match userns::forbidden_by() {
            Some(command) if !userns::is_root() => MachineRefusal::UserNamespacesForbidden {
                step,
                source,
                command,
            },
            Some(_) | None => MachineRefusal::NoRight { step, source },
        },
        Some(libc::EINVAL) => MachineRefusal::NoNamespaces { step, source },
        Some(libc::ENOSPC | libc::EUSERS) => MachineRefusal::NamespaceLimit { step, source },
        _ => MachineRefusal::Failed(LiveError::Namespace { step, source }),
    }
}
