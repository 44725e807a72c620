//! A packet socket as the port behind an edge: the run is plugged into an interface that exists (packet(7)).
//!
//! ```text
//!   kernel ── frames of the cable ──▶ ring, shared memory ──▶ Port ──▶ edge
//!   kernel ◀── send() on a second socket ─────────────────── Port ◀── edge
//! ```
//!
//! What is read is what was on the cable:
//!
//! - Frames that this machine itself sends are left out (`PACKET_IGNORE_OUTGOING`): they are not on their way to us.
//! - A VLAN tag that the kernel or the card took off is put back in its place.
//! - A checksum that the sender left to its card, as a kernel on the other end of a veth does, is filled in: the
//!   kernel says where (`PACKET_VNET_HDR`).
//! - Frames for every MAC are taken (promiscuous), as the stations of the run have MACs of their own. The kernel
//!   ends that when the socket closes, however this process ends.
//!
//! Frames that the kernel or the card has joined into one (GRO, TSO) are longer than a cable carries. They are
//! dropped and counted as oversized.
//!
//! The ring is TPACKET_V2. Version 3 hands frames over in blocks, when one is full or a timer has run out, which
//! takes a timer tick or two of the kernel: TFTP, which waits for each answer, would be as slow as that. Version 2
//! shows each frame at once, without a system call either.

#![expect(
    unsafe_code,
    reason = "socket options of packet(7) and memory shared with the kernel"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::net::SendFlags;

use super::error::LiveError;
use super::interface::Interface;
use super::port::PortCounters;
use crate::wire::ipv4;

/// Frames that wait in the ring until they are read.
const RING_FRAMES: u32 = 4_096;
/// Bytes of a block of the ring; the kernel wants whole pages.
const BLOCK_BYTES: u32 = 1 << 18;
/// What the kernel puts before each frame, and the room that it leaves: the header, an address and alignment.
const FRAME_OVERHEAD: u32 = 128;
/// Ethernet header and VLAN tag (IEEE 802.3, 802.1Q), in bytes.
const ETHERNET_BYTES: u32 = 14 + 4;
/// `struct virtio_net_hdr`, which stands right before the frame.
const VNET_BYTES: usize = 10;
/// VIRTIO_NET_HDR_F_NEEDS_CSUM: the checksum is not yet there.
const NEEDS_CHECKSUM: u8 = 1;
/// Both MACs; the tag comes behind them.
const MACS_BYTES: usize = 12;
const TAG_BYTES: usize = 4;
/// Tag protocol identifier of IEEE 802.1Q, where the kernel does not say another one.
const TPID_8021Q: u16 = 0x8100;

/// An interface of this machine as a port.
#[derive(Debug)]
pub struct PacketPort {
    interface: String,
    index: libc::c_uint,
    ring: Ring,
    /// Bound to no protocol, so that nothing comes in here.
    sender: OwnedFd,
    counters: PortCounters,
    /// Frames that the kernel dropped because the ring was full.
    overruns: u64,
    /// Frames that were longer than the cable carries.
    oversized: u64,
}

impl PacketPort {
    /// A port on the interface `name` of the namespace that the calling thread is in.
    ///
    /// # Errors
    /// [`LiveError::NoInterface`] if there is none of that name; [`LiveError::Interface`] if it refuses.
    pub fn open(name: &str) -> Result<PacketPort, LiveError> {
        let refused = |step| {
            move |source| LiveError::Interface {
                interface: name.to_owned(),
                step,
                source,
            }
        };
        let index = index_of(name).ok_or_else(|| LiveError::NoInterface {
            interface: name.to_owned(),
            known: super::interfaces::names().join(", "),
        })?;
        let mtu = Interface::open(name)?.mtu()?;
        let receiver = packet_socket().map_err(refused("open a packet socket"))?;
        let frame_bytes = (mtu + ETHERNET_BYTES + FRAME_OVERHEAD).next_power_of_two();
        configure(&receiver, index).map_err(refused("set up the packet socket"))?;
        let ring = Ring::map(receiver, frame_bytes).map_err(refused("map the ring"))?;
        // All is in place: from here on frames come in.
        bind(&ring.socket, index, libc::ETH_P_ALL).map_err(refused("listen"))?;
        let sender = packet_socket().map_err(refused("open a packet socket"))?;
        bind(&sender, index, 0).map_err(refused("bind the packet socket"))?;
        Ok(PacketPort {
            interface: name.to_owned(),
            index,
            ring,
            sender,
            counters: PortCounters::default(),
            overruns: 0,
            oversized: 0,
        })
    }

    /// The interface's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Sends a frame, or counts it as dropped.
    ///
    /// # Errors
    /// Only where the interface is gone.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match rustix::net::send(&self.sender, frame, SendFlags::empty()) {
            Ok(_) => self.counters.sent += 1,
            // Full queue, interface down, frame too long or too short.
            Err(
                Errno::AGAIN
                | Errno::NOBUFS
                | Errno::NOMEM
                | Errno::NETDOWN
                | Errno::MSGSIZE
                | Errno::INVAL,
            ) => self.counters.dropped += 1,
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// Takes a frame: its length in `buffer`. `None`: there is none at present.
    ///
    /// # Errors
    /// Where the interface is gone.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.ring.take(buffer) {
                Some(Taken::Frame(length)) => {
                    self.counters.received += 1;
                    return Ok(Some(length));
                }
                Some(Taken::Oversized) => self.oversized += 1,
                None => return self.nothing_there(),
            }
        }
    }

    /// An empty ring: an interface that went down wakes its reader too, until it is asked why.
    fn nothing_there(&self) -> io::Result<Option<usize>> {
        let failure = rustix::net::sockopt::socket_error(&self.ring.socket)?;
        match failure {
            Ok(()) => Ok(None),
            Err(Errno::NETDOWN) if index_of(&self.interface) == Some(self.index) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The descriptor to wait on: readable when a frame is there.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.ring.socket.as_fd()
    }

    /// Frames that the kernel dropped because nobody read them in time.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn overruns(&mut self) -> Result<u64, LiveError> {
        let mut stats = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        // The kernel counts from zero again each time that it is asked.
        get(&self.ring.socket, libc::PACKET_STATISTICS, &mut stats).map_err(|source| {
            LiveError::Interface {
                interface: self.interface.clone(),
                step: "read the statistics",
                source,
            }
        })?;
        self.overruns += u64::from(stats.tp_drops);
        Ok(self.overruns)
    }

    /// Frames that were longer than a cable carries: joined by the kernel or the card.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// What the port has carried so far.
    pub fn counters(&self) -> PortCounters {
        self.counters
    }
}

/// What was in the ring.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// A frame of this length.
    Frame(usize),
    Oversized,
}

/// A receiving socket and the memory that it shares with the kernel.
#[derive(Debug)]
struct Ring {
    socket: OwnedFd,
    memory: NonNull<u8>,
    memory_bytes: usize,
    slot_bytes: usize,
    slots: usize,
    /// The slot that the kernel fills next.
    next: usize,
}

// SAFETY: the mapping belongs to the process and has one owner.
unsafe impl Send for Ring {}

impl Ring {
    /// Gives `socket` a ring with room for frames of `slot_bytes`, a power of two.
    fn map(socket: OwnedFd, slot_bytes: u32) -> io::Result<Ring> {
        let block_bytes = BLOCK_BYTES.max(slot_bytes);
        let slots_a_block = block_bytes / slot_bytes;
        let blocks = RING_FRAMES.div_ceil(slots_a_block);
        let request = libc::tpacket_req {
            tp_block_size: block_bytes,
            tp_block_nr: blocks,
            tp_frame_size: slot_bytes,
            tp_frame_nr: slots_a_block * blocks,
        };
        set(&socket, libc::PACKET_RX_RING, &request)?;
        let memory_bytes = block_bytes as usize * blocks as usize;
        // SAFETY: a new mapping at a place of the kernel's choice, of the size that the ring has.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                memory_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring {
            socket,
            memory,
            memory_bytes,
            slot_bytes: slot_bytes as usize,
            slots: request.tp_frame_nr as usize,
            next: 0,
        })
    }

    /// Copies the oldest frame out of the ring, as it was on the cable.
    fn take(&mut self, buffer: &mut [u8]) -> Option<Taken> {
        let at = self.next * self.slot_bytes;
        // SAFETY: `next` is below the number of slots, so the slot is inside the mapping. A slot begins with its
        // status, which the kernel and this process hand to each other; it is aligned to the slot's size.
        let (slot, status) = unsafe {
            let slot = self.memory.add(at);
            (slot, AtomicU32::from_ptr(slot.as_ptr().cast()))
        };
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the slot is this process's until the status is written below; all of it is initialised memory.
        let bytes = unsafe { std::slice::from_raw_parts(slot.as_ptr(), self.slot_bytes) };
        let taken = copy_out(bytes, buffer);
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.slots;
        Some(taken)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made; nothing borrows from it.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.memory_bytes) };
    }
}

/// Copies the frame of a slot, with its tag and checksum in place.
fn copy_out(slot: &[u8], buffer: &mut [u8]) -> Taken {
    // SAFETY: a slot is longer than the header and aligned for it; any bytes make a header.
    let header = unsafe { slot.as_ptr().cast::<libc::tpacket2_hdr>().read() };
    let start = usize::from(header.tp_mac);
    let length = header.tp_snaplen as usize;
    let (Some(frame), Some(offload)) = (
        slot.get(start..start + length),
        start
            .checked_sub(VNET_BYTES)
            .and_then(|at| slot.get(at..start)),
    ) else {
        return Taken::Oversized;
    };
    let tag = tag_of(&header).filter(|_| length >= MACS_BYTES);
    let whole = length + tag.map_or(0, |_| TAG_BYTES);
    if header.tp_len != header.tp_snaplen || whole > buffer.len() {
        return Taken::Oversized;
    }
    let buffer = &mut buffer[..whole];
    match tag {
        None => buffer.copy_from_slice(frame),
        Some(tag) => {
            let (macs, rest) = frame.split_at(MACS_BYTES);
            buffer[..MACS_BYTES].copy_from_slice(macs);
            buffer[MACS_BYTES..MACS_BYTES + TAG_BYTES].copy_from_slice(&tag);
            buffer[MACS_BYTES + TAG_BYTES..].copy_from_slice(rest);
        }
    }
    if offload[0] & NEEDS_CHECKSUM != 0 {
        let number = |at| usize::from(u16::from_ne_bytes([offload[at], offload[at + 1]]));
        // Both count without the tag that the kernel took off.
        fill_checksum(&mut buffer[whole - length..], number(6), number(8));
    }
    Taken::Frame(whole)
}

/// The VLAN tag that was taken off the frame, as it stood on the cable.
fn tag_of(header: &libc::tpacket2_hdr) -> Option<[u8; TAG_BYTES]> {
    if header.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let tpid = match header.tp_status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => TPID_8021Q,
        _ => header.tp_vlan_tpid,
    };
    let ([a, b], [c, d]) = (tpid.to_be_bytes(), header.tp_vlan_tci.to_be_bytes());
    Some([a, b, c, d])
}

/// Fills in a checksum (RFC 1071) of all from `start` on, `offset` bytes behind it, where the sender has left the
/// sum of the pseudo-header.
fn fill_checksum(frame: &mut [u8], start: usize, offset: usize) {
    let Some(summed) = frame.get_mut(start..) else {
        return;
    };
    if summed.len() < offset + 2 {
        return;
    }
    // UDP has no zero: it says that there is no checksum (RFC 768). In TCP both mean the same.
    let checksum = match ipv4::complement(ipv4::sum(summed)) {
        0 => 0xffff,
        other => other,
    };
    summed[offset..offset + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Whether this process may have a packet socket.
pub(super) fn try_socket() -> io::Result<()> {
    packet_socket().map(drop)
}

/// A packet socket that hears nothing yet.
fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a plain system call; the descriptor is new and nobody else's.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, kind, 0);
        match fd {
            0.. => Ok(OwnedFd::from_raw_fd(fd)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Everything that a receiving socket is told before it has a ring.
fn configure(socket: &OwnedFd, index: libc::c_uint) -> io::Result<()> {
    const ON: libc::c_int = 1;
    let version = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
    set(socket, libc::PACKET_VERSION, &version)?;
    set(socket, libc::PACKET_VNET_HDR, &ON)?;
    set(socket, libc::PACKET_IGNORE_OUTGOING, &ON)?;
    let membership = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::PACKET_ADD_MEMBERSHIP, &membership)
}

fn bind(socket: &OwnedFd, index: libc::c_uint, protocol: libc::c_int) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::c_ushort,
        sll_protocol: (protocol as u16).to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is a structure on this stack, of the length that is given.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    checked(result)
}

/// Sets an option of packet(7), whose value is a `T`.
fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let (value, length) = (
        ptr::from_ref(value).cast(),
        size_of::<T>() as libc::socklen_t,
    );
    // SAFETY: the value is a live `T`, of the length that is given.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value, length) };
    checked(result)
}

/// Reads an option of packet(7) into a `T`, which may be any bytes.
fn get(socket: &OwnedFd, option: libc::c_int, value: &mut libc::tpacket_stats) -> io::Result<()> {
    let mut length = size_of_val(value) as libc::socklen_t;
    let value = ptr::from_mut(value).cast();
    // SAFETY: the kernel writes at most `length` bytes into a live structure of that length.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            value,
            &raw mut length,
        )
    };
    checked(result)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kernel's number of an interface.
fn index_of(name: &str) -> Option<libc::c_uint> {
    let name = CString::new(name).ok()?;
    // SAFETY: a string that ends with zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::process::Command;

    use etherparse::SlicedPacket;

    use super::*;
    use crate::os::{Namespace, probe};

    #[test]
    fn a_tagged_frame_arrives_with_its_tag_and_own_frames_do_not_come_back() {
        if let Err(reason) = probe() {
            return eprintln!(
                "SKIPPED: a_tagged_frame_arrives_with_its_tag_and_own_frames_do_not_come_back: {reason}"
            );
        }
        let cable = Cable::lay();
        let (mut near, mut far) = (cable.port("near"), cable.port("far"));
        let plain = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 9, 0x88, 0xb5], &[7; 46]].concat();
        let tag = [0x81, 0, 0x60, 42]; // priority 3, VLAN 42
        let tagged = [&plain[..12], &tag, &plain[12..]].concat();
        let service_tag = [0x88, 0xa8, 0, 7]; // IEEE 802.1ad
        let twice = [&plain[..12], &service_tag, &tagged[12..]].concat();
        for frame in [&plain, &tagged, &twice] {
            near.send(frame).unwrap();
        }
        for frame in [plain, tagged, twice] {
            assert_eq!(next(&mut far), frame);
        }
        let mut buffer = [0; 2048];
        assert_eq!(near.receive(&mut buffer).unwrap(), None);
        assert_eq!(far.receive(&mut buffer).unwrap(), None);
        near.send(&[0xff; 5_000]).unwrap();
        assert_eq!((near.counters().sent, near.counters().dropped), (3, 1));
        assert_eq!((far.counters().received, far.overruns().unwrap()), (3, 0));
    }

    #[test]
    fn a_checksum_that_the_sender_left_to_its_card_is_filled_in() {
        if let Err(reason) = probe() {
            return eprintln!(
                "SKIPPED: a_checksum_that_the_sender_left_to_its_card_is_filled_in: {reason}"
            );
        }
        let cable = Cable::lay();
        let mut far = cable.port("far");
        let send = || {
            let socket = UdpSocket::bind("10.77.0.2:5000").unwrap();
            socket.send_to(b"odd", "10.77.0.1:5001").unwrap();
            Ok(())
        };
        cable.namespace.run(send).unwrap();
        let frame = next(&mut far);
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(etherparse::NetSlice::Ipv4(ip)) = &sliced.net else {
            panic!("{sliced:?}");
        };
        let Some(etherparse::TransportSlice::Udp(udp)) = &sliced.transport else {
            panic!("{sliced:?}");
        };
        let right = udp
            .to_header()
            .calc_checksum_ipv4(&ip.header().to_header(), udp.payload())
            .unwrap();
        assert_eq!((udp.payload(), udp.checksum()), (&b"odd"[..], right));
    }

    #[test]
    fn an_interface_that_is_not_there_is_told_with_those_that_are() {
        let error = PacketPort::open("no-such-if").unwrap_err().to_string();
        assert!(
            error.starts_with("there is no interface no-such-if; there are: "),
            "{error}"
        );
        assert!(error.contains("lo"), "{error}");
    }

    #[test]
    fn a_checksum_is_filled_in_over_what_the_sender_left_and_is_never_zero() {
        // RFC 1071 section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
        let mut frame = [9, 9, 0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7];
        fill_checksum(&mut frame, 2, 0);
        assert_eq!(frame[..4], [9, 9, 0x22, 0x0d]);
        let mut frame = [0xff, 0xff, 0];
        fill_checksum(&mut frame, 0, 0);
        assert_eq!(frame, [0xff, 0xff, 0]);
        fill_checksum(&mut frame, 2, 0); // no room: left alone
        fill_checksum(&mut frame, 9, 0);
        assert_eq!(frame, [0xff, 0xff, 0]);
    }

    /// A veth pair in a namespace of its own: `near`, with an address, and `far`.
    struct Cable {
        namespace: Namespace,
    }

    impl Cable {
        fn lay() -> Cable {
            let namespace = Namespace::create().unwrap();
            let lay = "ip link add near type veth peer name far && \
                       ip address add 10.77.0.2/24 dev near && \
                       ip link set near up && ip link set far up && \
                       ip neighbour replace 10.77.0.1 lladdr 02:00:00:00:00:09 dev near";
            namespace
                .run(|| {
                    let status = Command::new("sh").args(["-c", lay]).status();
                    assert!(status.unwrap().success());
                    Ok(())
                })
                .unwrap();
            Cable { namespace }
        }

        fn port(&self, name: &str) -> PacketPort {
            self.namespace.run(|| PacketPort::open(name)).unwrap()
        }
    }

    /// The next frame of a port, which comes within a second.
    fn next(port: &mut PacketPort) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let second = rustix::time::Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut wanted = [rustix::event::PollFd::from_borrowed_fd(
            port.ring.socket.as_fd(),
            rustix::event::PollFlags::IN,
        )];
        rustix::event::poll(&mut wanted, Some(&second)).unwrap();
        let length = port.receive(&mut buffer).unwrap().expect("a frame");
        buffer.truncate(length);
        buffer
    }
}
