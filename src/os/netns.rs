//! A network namespace without a name: a machine of its own behind an edge.
//!
//! ```text
//!   thread (short-lived): unshare(network, mounts) → set up → open /proc/thread-self/ns/{net,mnt}
//!                                                              │
//!   Namespace ─────────────── holds the two descriptors ───────┘
//!   Namespace::run(work): thread (short-lived): setns(both) → work
//! ```
//!
//! Nothing on disk names the namespace. It lives as long as a descriptor or a process is in it, so it goes
//! with this process, however this process ends. Threads outside are never moved into it: they could not be
//! trusted afterwards.
//!
//! The mount namespace beside it gives programs a `/sys` that shows their own interfaces, and an
//! `/etc/resolv.conf` of their own, which a DHCP client may overwrite without harm to the machine.
//!
//! IPv6 is off before any device comes up: a kernel would send MLD reports and router solicitations that no
//! scenario asked for.

#![expect(
    unsafe_code,
    reason = "unshare is unsafe where descriptors are unshared; here they never are"
)]

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use super::error::LiveError;
use super::interface::Interface;

/// Where `ip netns` has its names (ip-netns(8)).
const NAMES: &str = "/run/netns";

/// A folder that each namespace can have for itself, in memory: no other sees what is in it, and it goes with the
/// namespace. On every Linux it is the place for what processes share.
pub const FOLDER: &str = "/dev/shm";
/// How much fits into it (tmpfs(5)).
const FOLDER_OPTIONS: &CStr = c"size=64m,mode=1777";

/// A network namespace and the mount namespace that goes with it.
#[derive(Debug)]
pub struct Namespace {
    network: OwnedFd,
    mounts: OwnedFd,
    /// Whether [`FOLDER`] is its own.
    has_folder: AtomicBool,
}

impl Namespace {
    /// Makes a namespace with its loopback interface up and IPv6 off.
    ///
    /// # Errors
    /// [`LiveError::Namespace`] names the step that the machine refused.
    pub fn create() -> Result<Namespace, LiveError> {
        on_a_thread(|| {
            unshare(
                UnshareFlags::NEWNET | UnshareFlags::NEWNS,
                "make a network namespace",
            )?;
            own_mounts().map_err(failed("give a namespace mounts of its own"))?;
            disable_ipv6().map_err(failed("switch IPv6 off in a namespace"))?;
            Interface::open("lo")?.bring_up()?;
            let open = |path| {
                File::open(path)
                    .map(OwnedFd::from)
                    .map_err(failed("open a namespace"))
            };
            Ok(Namespace {
                network: open("/proc/thread-self/ns/net")?,
                mounts: open("/proc/thread-self/ns/mnt")?,
                has_folder: AtomicBool::new(false),
            })
        })
    }

    /// Does `work` on a thread inside the namespace, and waits for it.
    ///
    /// # Errors
    /// [`LiveError::Namespace`] where the namespace cannot be entered; else what `work` returns.
    pub fn run<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, LiveError> + Send,
    ) -> Result<T, LiveError> {
        on_a_thread(|| {
            self.enter()?;
            work()
        })
    }

    /// Writes a file into [`FOLDER`], which is the namespace's own from then on.
    ///
    /// # Errors
    /// [`LiveError::Namespace`] names the step that the machine refused.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<(), LiveError> {
        self.in_folder(|| fs::write(format!("{FOLDER}/{name}"), content))
    }

    /// A file in [`FOLDER`] that has no name, and goes with its last descriptor.
    ///
    /// # Errors
    /// [`LiveError::Namespace`] names the step that the machine refused.
    pub(super) fn unnamed_file(&self) -> Result<File, LiveError> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        self.in_folder(|| Ok(rustix::fs::open(FOLDER, flags, Mode::RUSR | Mode::WUSR)?.into()))
    }

    /// Does `work` inside the namespace, where [`FOLDER`] is its own.
    fn in_folder<T: Send>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> Result<T, LiveError> {
        self.run(|| {
            if !self.has_folder.swap(true, Ordering::Relaxed) {
                let none = MountFlags::empty();
                rustix::mount::mount("tmpfs", FOLDER, "tmpfs", none, FOLDER_OPTIONS).map_err(
                    |errno| failed("give a namespace a folder of its own")(errno.into()),
                )?;
            }
            work().map_err(failed("write a file into the folder of a namespace"))
        })
    }

    /// Gives the namespace a name for `ip netns exec`, under which it outlives this process.
    ///
    /// # Errors
    /// [`LiveError::Name`]: there is one of that name, or the machine refuses.
    pub fn keep(&self, name: &str) -> Result<(), LiveError> {
        let failed = |source| LiveError::Name {
            name: name.to_owned(),
            source,
        };
        fs::create_dir_all(NAMES).map_err(failed)?;
        let path = format!("{NAMES}/{name}");
        File::create_new(&path).map_err(failed)?;
        let namespace = format!("/proc/self/fd/{}", self.network.as_raw_fd());
        rustix::mount::mount_bind(namespace, &path).map_err(|errno| {
            let _ = fs::remove_file(&path);
            failed(errno.into())
        })
    }

    /// Whether there is a namespace of this name.
    pub fn is_kept(name: &str) -> bool {
        Path::new(NAMES).join(name).exists()
    }

    /// Takes away a name that [`Namespace::keep`] has given. One that is not there is left so.
    pub fn forget(name: &str) {
        let path = format!("{NAMES}/{name}");
        let _ = rustix::mount::unmount(&path, UnmountFlags::DETACH);
        let _ = fs::remove_file(&path);
    }

    /// Moves the calling thread into the namespace, for good.
    fn enter(&self) -> Result<(), LiveError> {
        // Entering a mount namespace resets the working directory; a program's relative paths need it back.
        let folder = std::env::current_dir().map_err(failed("find the working directory"))?;
        unshare(UnshareFlags::FS, "unshare the working directory")?;
        for (namespace, kind) in [
            (&self.network, LinkNameSpaceType::Network),
            (&self.mounts, LinkNameSpaceType::Mount),
        ] {
            rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(kind))
                .map_err(|errno| failed("enter a namespace")(errno.into()))?;
        }
        std::env::set_current_dir(folder).map_err(failed("return to the working directory"))
    }
}

/// Does `work` on a thread of its own, which ends with it.
fn on_a_thread<T: Send>(
    work: impl FnOnce() -> Result<T, LiveError> + Send,
) -> Result<T, LiveError> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, work)
            .map_err(|source| LiveError::Thread { source })?;
        worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Takes the calling thread out of what `flags` names. Never descriptors.
pub(super) fn unshare(flags: UnshareFlags, step: &'static str) -> Result<(), LiveError> {
    assert!(
        !flags.contains(UnshareFlags::FILES),
        "descriptors stay shared"
    );
    // SAFETY: only unsharing the table of descriptors is unsafe, and `flags` does not ask for that.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(|errno| failed(step)(errno.into()))
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> LiveError {
    move |source| LiveError::Namespace { step, source }
}

/// Gives the calling thread's new mount namespace a `/sys` and an `/etc/resolv.conf` of its own.
fn own_mounts() -> io::Result<()> {
    const RESOLV_CONF: &str = "/etc/resolv.conf";
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)?;
    if let Ok(text) = fs::read(RESOLV_CONF) {
        // The copy needs a file system that nobody else sees; /sys serves as the place to build it.
        rustix::mount::mount("tmpfs", "/sys", "tmpfs", MountFlags::empty(), None)?;
        fs::write("/sys/resolv.conf", text)?;
        rustix::mount::mount_bind("/sys/resolv.conf", RESOLV_CONF)?;
        rustix::mount::unmount("/sys", UnmountFlags::DETACH)?;
    }
    rustix::mount::mount("sysfs", "/sys", "sysfs", MountFlags::empty(), None)?;
    Ok(())
}

/// Switches IPv6 off for the devices of the calling thread's namespace, present and future.
fn disable_ipv6() -> io::Result<()> {
    for devices in ["all", "default"] {
        match fs::write(
            format!("/proc/sys/net/ipv6/conf/{devices}/disable_ipv6"),
            "1",
        ) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // a kernel without IPv6
            other => other?,
        }
    }
    Ok(())
}
