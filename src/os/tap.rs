//! A TAP device as the port behind an edge: this side is a descriptor, the other side is `eth0` of a namespace.
//!
//! ```text
//!   run ── edge ── TapPort ── descriptor │ eth0 ── kernel of the namespace ── programs
//! ```
//!
//! The device has no packet information and no offloads (neither is asked for), so checksums are right and
//! no segment is larger than the MTU: what is read here is what would be on a cable. Frames are not padded
//! to 60 bytes.
//!
//! A device that cannot take a frame drops it, as an interface of a machine would; [`TapPort::counters`] says
//! how many. The kernel drops what programs send faster than it is read; [`TapPort::overruns`] says how many.
//! Closing a device takes the kernel some 20 ms.

#![expect(
    unsafe_code,
    reason = "a device is taken over as a plain descriptor, and kept by an ioctl"
)]

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use tun_tap::{Iface, Mode};

use super::error::LiveError;
use super::interface::Interface;
use super::netns::Namespace;
use super::port::PortCounters;
use crate::wire::Mac;

/// The largest IP packet of Ethernet, in bytes.
const MTU_BYTES: i32 = 1500;
/// Frames that may wait in the kernel until the driver reads them. The kernel's 500 are soon full when a
/// program sends a burst while the run is busy.
const QUEUE_FRAMES: i32 = 4096;

/// How the interface behind a port is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortSettings {
    pub mac: Mac,
    /// Address and length of its prefix in bits.
    pub address: Option<(Ipv4Addr, u8)>,
    /// Gateway of the default route. Needs an address.
    pub gateway: Option<Ipv4Addr>,
}

/// A TAP device and the namespace that its other end is in.
#[derive(Debug)]
pub struct TapPort {
    device: OwnedFd,
    namespace: Arc<Namespace>,
    counters: PortCounters,
}

impl TapPort {
    /// Name of the interface inside the namespace.
    pub const INTERFACE: &str = "eth0";

    /// Makes a namespace with a TAP device as its `eth0`, which is up on return.
    ///
    /// # Errors
    /// [`LiveError::Namespace`], [`LiveError::Tap`] or [`LiveError::Interface`], by what was refused.
    pub fn open(settings: &PortSettings) -> Result<TapPort, LiveError> {
        let namespace = Arc::new(Namespace::create()?);
        let device = namespace.run(|| {
            let device = make_device().map_err(|source| LiveError::Tap { source })?;
            set_up(settings)?;
            Ok(device)
        })?;
        Ok(TapPort {
            device,
            namespace,
            counters: PortCounters::default(),
        })
    }

    /// Gives a frame to the machine, or counts it as dropped.
    ///
    /// # Errors
    /// Only where the device itself is gone or broken.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match rustix::io::write(&self.device, frame) {
            Ok(_) => self.counters.sent += 1,
            // EIO: the interface is down. EINVAL: shorter than an Ethernet header.
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::IO | Errno::INVAL) => {
                self.counters.dropped += 1;
            }
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// Takes a frame from the machine: its length in `buffer`. `None`: there is none at present.
    ///
    /// # Errors
    /// Where the device is gone or broken.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::read(&self.device, &mut *buffer) {
                Ok(length) => {
                    self.counters.received += 1;
                    return Ok(Some(length));
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The descriptor to wait on: readable when a frame is there.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }

    /// Has namespace and `eth0` outlive this process, under a name for `ip netns exec`.
    ///
    /// # Errors
    /// [`LiveError::Name`], or [`LiveError::Tap`] if the device cannot be kept.
    pub fn keep(&self, name: &str) -> Result<(), LiveError> {
        // SAFETY: TUNSETPERSIST takes a number in place of a pointer.
        let kept = unsafe { libc::ioctl(self.device.as_raw_fd(), libc::TUNSETPERSIST, 1) };
        if kept < 0 {
            let source = io::Error::last_os_error();
            return Err(LiveError::Tap { source });
        }
        self.namespace.keep(name)
    }

    /// The namespace behind the port.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// Frames from programs that the kernel dropped because nobody read them in time.
    ///
    /// # Errors
    /// [`LiveError::Interface`] where the kernel does not say, for example after `eth0` was deleted.
    pub fn overruns(&self) -> Result<u64, LiveError> {
        let failed = |source| LiveError::Interface {
            interface: TapPort::INTERFACE.to_owned(),
            step: "read the statistics",
            source,
        };
        let interface = TapPort::INTERFACE;
        self.namespace.run(|| {
            let text =
                fs::read_to_string(format!("/sys/class/net/{interface}/statistics/tx_dropped"))
                    .map_err(failed)?;
            let number = text.trim().parse();
            number.map_err(|_| failed(io::ErrorKind::InvalidData.into()))
        })
    }

    /// What the port has carried so far.
    pub fn counters(&self) -> PortCounters {
        self.counters
    }
}

/// Makes the device in the namespace of the calling thread. It goes with its descriptor.
fn make_device() -> io::Result<OwnedFd> {
    let raw = Iface::without_packet_info(TapPort::INTERFACE, Mode::Tap)?.into_raw_fd();
    // SAFETY: `into_raw_fd` gave the descriptor away; nobody else closes it.
    let device = OwnedFd::from(unsafe { File::from_raw_fd(raw) });
    rustix::io::ioctl_fionbio(&device, true)?;
    Ok(device)
}

/// Sets `eth0` of the calling thread's namespace up.
fn set_up(settings: &PortSettings) -> Result<(), LiveError> {
    let eth0 = Interface::open(TapPort::INTERFACE)?;
    eth0.set_mac(settings.mac)?;
    eth0.set_mtu(MTU_BYTES)?;
    // Refused in a user namespace; then the kernel's own 500 must do, and `overruns` tells.
    let _ = eth0.set_queue_frames(QUEUE_FRAMES);
    if let Some((address, prefix)) = settings.address {
        eth0.set_address(address, prefix)?;
    }
    eth0.bring_up()?;
    if let Some(gateway) = settings.gateway {
        eth0.set_default_route(gateway)?;
    }
    Ok(())
}
