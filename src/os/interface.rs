//! An interface of the calling thread's network namespace, set up by ioctl (netdevice(7)).
//!
//! An ioctl a setting needs neither an `ip` command nor netlink messages; IPv4 is all that is asked for.

#![expect(unsafe_code, reason = "ioctls take pointers to C structures")]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::error::LiveError;
use crate::wire::Mac;

/// Hardware type of Ethernet (IANA ARP parameters).
const ARPHRD_ETHER: u16 = 1;

/// One interface, and the socket through which it is set up.
#[derive(Debug)]
pub(super) struct Interface {
    socket: OwnedFd,
    name: String,
}

impl Interface {
    /// The interface `name` of the namespace that the calling thread is in. It need not exist yet.
    pub(super) fn open(name: &str) -> Result<Interface, LiveError> {
        let socket = rustix::net::socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|errno| LiveError::Interface {
            interface: name.to_owned(),
            step: "open the settings",
            source: errno.into(),
        })?;
        Ok(Interface {
            socket,
            name: name.to_owned(),
        })
    }

    /// Sets the MAC address. The interface must be down.
    pub(super) fn set_mac(&self, mac: Mac) -> Result<(), LiveError> {
        let mut hardware = empty_sockaddr();
        hardware.sa_family = ARPHRD_ETHER;
        for (to, from) in hardware.sa_data.iter_mut().zip(mac.0) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        let value = libc::__c_anonymous_ifr_ifru {
            ifru_hwaddr: hardware,
        };
        self.set(libc::SIOCSIFHWADDR, value, "set the MAC address")
    }

    /// Sets the MTU, in bytes of IP packet.
    pub(super) fn set_mtu(&self, bytes: i32) -> Result<(), LiveError> {
        let value = libc::__c_anonymous_ifr_ifru { ifru_mtu: bytes };
        self.set(libc::SIOCSIFMTU, value, "set the MTU")
    }

    /// The MTU, in bytes of IP packet.
    pub(super) fn mtu(&self) -> Result<u32, LiveError> {
        let step = "read the MTU";
        let value = libc::__c_anonymous_ifr_ifru { ifru_mtu: 0 };
        let answer = self.ask(libc::SIOCGIFMTU, value, step)?;
        // SAFETY: SIOCGIFMTU has written the MTU.
        let mtu = unsafe { answer.ifru_mtu };
        u32::try_from(mtu).map_err(|_| self.refused(step, io::ErrorKind::InvalidData.into()))
    }

    /// Sets how many frames may wait on their way out of the kernel.
    pub(super) fn set_queue_frames(&self, frames: i32) -> Result<(), LiveError> {
        // The kernel has the queue's length in the same place as the metric.
        let value = libc::__c_anonymous_ifr_ifru {
            ifru_metric: frames,
        };
        self.set(libc::SIOCSIFTXQLEN, value, "set the queue length")
    }

    /// Sets the address and the length of its prefix, in bits.
    pub(super) fn set_address(&self, address: Ipv4Addr, prefix: u8) -> Result<(), LiveError> {
        let value = libc::__c_anonymous_ifr_ifru {
            ifru_addr: sockaddr(address),
        };
        self.set(libc::SIOCSIFADDR, value, "set the address")?;
        let mask = u32::MAX
            .checked_shl(32 - u32::from(prefix.min(32)))
            .unwrap_or(0);
        let value = libc::__c_anonymous_ifr_ifru {
            ifru_netmask: sockaddr(Ipv4Addr::from(mask)),
        };
        self.set(libc::SIOCSIFNETMASK, value, "set the netmask")
    }

    /// Brings the interface up.
    pub(super) fn bring_up(&self) -> Result<(), LiveError> {
        let up = libc::IFF_UP | libc::IFF_RUNNING;
        let value = libc::__c_anonymous_ifr_ifru {
            ifru_flags: libc::c_short::try_from(up).expect("both flags are below 2^7"),
        };
        self.set(libc::SIOCSIFFLAGS, value, "change the state")
    }

    /// Sets the default route through `gateway`, which must be on a prefix of the interface. It must be up.
    pub(super) fn set_default_route(&self, gateway: Ipv4Addr) -> Result<(), LiveError> {
        let mut route = Route {
            pad1: 0,
            destination: sockaddr(Ipv4Addr::UNSPECIFIED),
            gateway: sockaddr(gateway),
            mask: sockaddr(Ipv4Addr::UNSPECIFIED),
            flags: libc::RTF_UP | libc::RTF_GATEWAY,
            pad2: 0,
            pad3: 0,
            pad4: ptr::null_mut(),
            metric: 0,
            device: ptr::null_mut(),
            mtu: 0,
            window: 0,
            initial_rtt: 0,
        };
        // SAFETY: `Route` is the structure that SIOCADDRT reads.
        unsafe { ioctl(self.socket.as_fd(), libc::SIOCADDRT, &mut route) }
            .map_err(|source| self.refused("set the default route", source))
    }

    fn set(
        &self,
        request: libc::c_ulong,
        value: libc::__c_anonymous_ifr_ifru,
        step: &'static str,
    ) -> Result<(), LiveError> {
        self.ask(request, value, step).map(|_| ())
    }

    fn ask(
        &self,
        request: libc::c_ulong,
        value: libc::__c_anonymous_ifr_ifru,
        step: &'static str,
    ) -> Result<libc::__c_anonymous_ifr_ifru, LiveError> {
        let mut name = [0; libc::IFNAMSIZ];
        // One byte stays zero: the name ends with it.
        for (to, from) in name[..libc::IFNAMSIZ - 1].iter_mut().zip(self.name.bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        let mut ifreq = libc::ifreq {
            ifr_name: name,
            ifr_ifru: value,
        };
        // SAFETY: the SIOCSIF… requests read an `ifreq`, the SIOCGIF… ones fill it in.
        unsafe { ioctl(self.socket.as_fd(), request, &mut ifreq) }
            .map_err(|source| self.refused(step, source))?;
        Ok(ifreq.ifr_ifru)
    }

    fn refused(&self, step: &'static str, source: io::Error) -> LiveError {
        LiveError::Interface {
            interface: self.name.clone(),
            step,
            source,
        }
    }
}

/// One ioctl with a structure as its argument.
///
/// # Safety
/// `request` must be one that reads or writes a `T` at its argument, and nothing beyond it.
unsafe fn ioctl<T>(fd: BorrowedFd<'_>, request: libc::c_ulong, argument: &mut T) -> io::Result<()> {
    // SAFETY: the descriptor is open while borrowed; the caller vouches for the argument.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, ptr::from_mut(argument)) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// `struct rtentry` of linux/route.h, which libc does not have.
#[repr(C)]
struct Route {
    pad1: libc::c_ulong,
    destination: libc::sockaddr,
    gateway: libc::sockaddr,
    mask: libc::sockaddr,
    flags: libc::c_ushort,
    pad2: libc::c_short,
    pad3: libc::c_ulong,
    pad4: *mut libc::c_void,
    metric: libc::c_short,
    device: *mut libc::c_char,
    mtu: libc::c_ulong,
    window: libc::c_ulong,
    initial_rtt: libc::c_ushort,
}

fn empty_sockaddr() -> libc::sockaddr {
    libc::sockaddr {
        sa_family: 0,
        sa_data: [0; 14],
    }
}

/// A `sockaddr_in` without a port, in the generic shape.
fn sockaddr(address: Ipv4Addr) -> libc::sockaddr {
    const _: () = assert!(size_of::<libc::sockaddr>() == size_of::<libc::sockaddr_in>());
    let mut generic = empty_sockaddr();
    generic.sa_family = libc::sa_family_t::try_from(libc::AF_INET).expect("AF_INET is 2");
    // The port takes the first two bytes, the address the next four.
    for (to, from) in generic.sa_data[2..].iter_mut().zip(address.octets()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    generic
}
