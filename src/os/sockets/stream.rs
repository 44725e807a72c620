//! One connection of an app on the machine's sockets: what waits to be sent, and how far each direction is.
//!
//! ```text
//!              Connecting ── connected ──▶ Open ── close ──▶ Closing ── all sent, FIN ──▶ Closed
//!   reading:   open until the peer's FIN
//! ```
//!
//! It is over when both directions are, or when the kernel says why it is.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, sockopt};

use super::super::waiting::Waiting;
use crate::app::StreamEnd;
use crate::time::Duration;

/// What may wait for a peer that does not read. More ends the connection.
const UNSENT_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Stream {
    socket: OwnedFd,
    sending: Sending,
    unsent: Vec<u8>,
    peer_closed: bool,
    /// What is waited for.
    interest: EventFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Connecting,
    Open,
    /// FIN follows what waits.
    Closing,
    Closed,
}

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Connected,
    /// So many bytes, at the beginning of the buffer.
    Bytes(usize),
    /// The peer's FIN.
    LastByte,
    End(StreamEnd),
}

impl Stream {
    /// A connection that is up.
    pub(super) fn open(socket: OwnedFd) -> Stream {
        Stream {
            socket,
            sending: Sending::Open,
            unsent: Vec::new(),
            peer_closed: false,
            interest: EventFlags::IN,
        }
    }

    /// A connection that a peer has opened.
    pub(super) fn accepted(socket: TcpStream) -> io::Result<Stream> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Stream::open(socket.into()))
    }

    /// A connection from this address to a peer, on its way.
    ///
    /// # Errors
    /// Why the kernel does not even try.
    pub(super) fn connecting(from: Ipv4Addr, to: SocketAddrV4) -> Result<Stream, StreamEnd> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = rustix::net::socket_with(family, kind, flags, None).map_err(end_of)?;
        sockopt::set_tcp_nodelay(&socket, true).map_err(end_of)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).map_err(end_of)?;
        match rustix::net::connect(&socket, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(end_of(errno)),
        }
        Ok(Stream {
            sending: Sending::Connecting,
            ..Stream::open(socket)
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Takes what is there: at most one thing. `None`: nothing, or only room to send.
    pub(super) fn take_in(&mut self, buffer: &mut [u8]) -> Option<Came> {
        if self.sending == Sending::Connecting {
            return match sockopt::socket_error(&self.socket) {
                Ok(Ok(())) if rustix::net::getpeername(&self.socket).is_ok() => {
                    self.sending = Sending::Open;
                    Some(Came::Connected)
                }
                Ok(Ok(())) => None,
                Ok(Err(errno)) | Err(errno) => Some(Came::End(end_of(errno))),
            };
        }
        if self.peer_closed {
            // Only an error can still come.
            return match sockopt::socket_error(&self.socket) {
                Ok(Ok(())) => None,
                Ok(Err(errno)) | Err(errno) => Some(Came::End(end_of(errno))),
            };
        }
        match rustix::io::read(&self.socket, buffer) {
            Ok(0) => {
                self.peer_closed = true;
                match self.sending {
                    Sending::Closed => Some(Came::End(StreamEnd::Closed)),
                    Sending::Connecting | Sending::Open | Sending::Closing => Some(Came::LastByte),
                }
            }
            Ok(length) => Some(Came::Bytes(length)),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(errno) => Some(Came::End(end_of(errno))),
        }
    }

    /// Sends bytes after all that waits.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        match self.sending {
            Sending::Connecting | Sending::Open => self.unsent.extend(bytes),
            Sending::Closing | Sending::Closed => {}
        }
    }

    /// FIN after all that waits.
    pub(super) fn close(&mut self) {
        match self.sending {
            Sending::Connecting | Sending::Open => self.sending = Sending::Closing,
            Sending::Closing | Sending::Closed => {}
        }
    }

    /// RST, at once.
    pub(super) fn abort(self) {
        // A connection that lingers for no time is reset when it is closed (socket(7)).
        let _ = sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// Sends what the kernel takes, and waits for what comes next. `Some`: it is over.
    pub(super) fn tend(&mut self, waiting: &Waiting, number: u64) -> Option<StreamEnd> {
        if let Err(errno) = self.flush() {
            return Some(end_of(errno));
        }
        if self.unsent.len() > UNSENT_BYTES_MAX {
            return Some(StreamEnd::TimedOut);
        }
        if self.peer_closed && self.sending == Sending::Closed {
            return Some(StreamEnd::Closed);
        }
        let mut interest = EventFlags::empty();
        interest.set(EventFlags::IN, !self.peer_closed);
        let sends = !self.unsent.is_empty() || self.sending == Sending::Connecting;
        interest.set(EventFlags::OUT, sends);
        if interest != self.interest {
            if waiting.change(self.fd(), number, interest).is_err() {
                return Some(StreamEnd::Reset);
            }
            self.interest = interest;
        }
        None
    }

    fn flush(&mut self) -> Result<(), Errno> {
        if self.sending == Sending::Connecting {
            return Ok(());
        }
        let mut sent = 0;
        while sent < self.unsent.len() {
            let flags = rustix::net::SendFlags::NOSIGNAL;
            match rustix::net::send(&self.socket, &self.unsent[sent..], flags) {
                Ok(length) => sent += length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        self.unsent.drain(..sent);
        if self.sending == Sending::Closing && self.unsent.is_empty() {
            self.sending = Sending::Closed;
            // One that the peer has reset meanwhile says so when it is read.
            let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
        }
        Ok(())
    }
}

/// How a connection ended that the kernel says this of.
fn end_of(errno: Errno) -> StreamEnd {
    match errno {
        Errno::TIMEDOUT => StreamEnd::TimedOut,
        Errno::HOSTUNREACH => StreamEnd::HostUnreachable,
        Errno::NETUNREACH | Errno::ADDRNOTAVAIL => StreamEnd::NetworkUnreachable,
        _ => StreamEnd::Reset,
    }
}
