//! Whether a port is open in a network namespace, asked of the kernel by sock_diag(7).
//!
//! `/proc/net/tcp` says it too, and takes 2 ms on a machine with much memory, whatever is in it: the kernel walks over the
//! table of all connections of all namespaces. Asked for listening sockets of one port it looks at those alone, 0.1 ms.
//! Where the kernel has no sock_diag (CONFIG_INET_DIAG), `/proc` has to do.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// Looks for a port, in the network namespace of the thread that made it.
#[derive(Debug)]
pub(super) struct PortWatch {
    port: u16,
    /// `None`: `/proc` has to do.
    kernel: Option<OwnedFd>,
}

/// Address family, protocol and state (linux/inet_diag.h, linux/tcp_states.h) of what is looked for: TCP that listens,
/// and UDP that is not connected. The last is its table in `/proc`.
const KINDS: [(u8, u8, u8, &str); 4] = [
    (libc::AF_INET as u8, libc::IPPROTO_TCP as u8, 10, "tcp"),
    (libc::AF_INET6 as u8, libc::IPPROTO_TCP as u8, 10, "tcp6"),
    (libc::AF_INET as u8, libc::IPPROTO_UDP as u8, 7, "udp"),
    (libc::AF_INET6 as u8, libc::IPPROTO_UDP as u8, 7, "udp6"),
];

/// SOCK_DIAG_BY_FAMILY of linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
/// NLM_F_REQUEST and NLM_F_DUMP of netlink(7).
const REQUEST_ALL: u16 = 0x301;
/// Of a netlink message, and of the two messages that are no socket (netlink(7)).
const HEADER_BYTES: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

impl PortWatch {
    /// Looks for this port in the calling thread's namespace.
    pub(super) fn here(port: u16) -> PortWatch {
        let kernel = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::SOCK_DIAG),
        );
        PortWatch {
            port,
            kernel: kernel.ok(),
        }
    }

    /// Whether the port is open: a TCP socket listens at it, or a UDP socket has it. `pid`: a process in the namespace.
    pub(super) fn is_open(&mut self, pid: u32) -> bool {
        for (family, protocol, state, table) in KINDS {
            let asked = match &self.kernel {
                Some(kernel) => ask(kernel, family, protocol, state, self.port),
                None => Err(Errno::NOENT),
            };
            let is_there = asked.unwrap_or_else(|_| is_in_table(pid, table, state, self.port));
            if is_there {
                return true;
            }
        }
        false
    }
}

/// Whether the kernel names a socket of this port in this state.
fn ask(kernel: &OwnedFd, family: u8, protocol: u8, state: u8, port: u16) -> Result<bool, Errno> {
    rustix::net::send(
        kernel,
        &request(family, protocol, state, port),
        SendFlags::empty(),
    )?;
    let mut is_there = false;
    let mut buffer = [0; 8192];
    loop {
        let (length, _) = rustix::net::recv(kernel, &mut buffer, RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_at_checked(HEADER_BYTES) {
            match u16::from_ne_bytes([header[4], header[5]]) {
                NLMSG_DONE => return Ok(is_there),
                NLMSG_ERROR => return Err(Errno::NOENT),
                kind => is_there |= kind == BY_FAMILY,
            }
            // Messages begin at multiples of four bytes.
            let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]);
            let length = (length as usize).next_multiple_of(4).max(HEADER_BYTES);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

/// ```text
///   length:4  type:2  flags:2  sequence:4  sender:4                          nlmsghdr
///   family:1  protocol:1  extensions:1  -:1  states:4                        inet_diag_req_v2
///   port:2 (big-endian)  peer's port:2  address:16  peer's:16  interface:4  cookie:8
/// ```
fn request(family: u8, protocol: u8, state: u8, port: u16) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..4].copy_from_slice(&72_u32.to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST_ALL.to_ne_bytes());
    (bytes[16], bytes[17]) = (family, protocol);
    bytes[20..24].copy_from_slice(&(1_u32 << state).to_ne_bytes());
    bytes[24..26].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// Whether a table of sockets of a process's namespace has this port in this state (proc_pid_net(5)).
fn is_in_table(pid: u32, table: &str, state: u8, port: u16) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/net/{table}"));
    text.unwrap_or_default().lines().skip(1).any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().and_then(|local| local.rsplit_once(':'));
        let found = words
            .nth(1)
            .and_then(|state| u8::from_str_radix(state, 16).ok());
        let number = local.and_then(|(_, number)| u16::from_str_radix(number, 16).ok());
        number == Some(port) && found == Some(state)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn a_port_is_open_once_a_socket_listens_at_it_whoever_is_asked() {
        let udp = UdpSocket::bind("[::1]:0")
            .or_else(|_| UdpSocket::bind("127.0.0.1:0"))
            .unwrap();
        assert_found(udp.local_addr().unwrap().port(), true);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_found(port, true);
        // A connection that outlives its listener is none.
        let call = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let accepted = listener.accept().unwrap();
        drop(listener);
        assert_found(port, false);
        drop((call, accepted));
    }

    fn assert_found(port: u16, expected: bool) {
        let kernel = PortWatch::here(port).kernel;
        for (family, protocol, state, table) in KINDS {
            // A kernel without sock_diag has no answer.
            let asked = kernel
                .as_ref()
                .and_then(|kernel| ask(kernel, family, protocol, state, port).ok());
            let listed = is_in_table(std::process::id(), table, state, port);
            assert!(
                asked.is_none_or(|asked| asked == listed),
                "{family} {protocol}"
            );
        }
        let mut watch = PortWatch::here(port);
        assert_eq!(watch.is_open(std::process::id()), expected, "{port}");
    }
}
