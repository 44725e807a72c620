//! The TFTP server: serves files from memory to any number of clients at once, and takes none.
//!
//! ```text
//!   port 69, 20001: requests          one port each of 49152 - 65535: a transfer
//!   RRQ --> name known? options? --->  Transfer (transfer.rs), found by its port
//! ```
//!
//! A transfer has a port of its own, its transfer identifier (RFC 1350 section 4). Ports are taken in turn, the
//! one that was free for the longest first, so a late packet of an ended transfer seldom meets a new one.
//! Finding a transfer, its next deadline and a free port costs a look-up in a tree, not a walk.
//!
//! Each ACK moves the deadline of its transfer. To move it in a tree of thousands would cost more than the rest,
//! so the tree is told only when the deadline that it knows has passed: the server may be woken when
//! nothing is due, once a timeout and transfer, but never late.
//!
//! Decisions where the RFCs leave room or others go wrong:
//!
//! - A name is looked up among the files as it is. There is no folder behind it, so `..`, an absolute path
//!   or a backslash is just a name that does not exist: ERROR 1.
//! - Only mode octet. netascii would change a firmware image, so it is refused with an ERROR 4 that says so.
//! - A write request gets ERROR 2.
//! - Options: `blksize`, `tsize`, `timeout`, `windowsize`. The 5360's spelling `wndsize` is no RFC's option:
//!   it is ignored, as an unknown one. Values that no RFC allows are ignored, too large ones capped.
//! - A request that comes again, byte for byte, from the same address and port while its transfer has heard nothing
//!   from the client begins no second one; the transfer's own timer repeats what may have been lost. If the
//!   request differs (a set that asks for smaller blocks), the first transfer ends in favour of it. Once the
//!   client has acknowledged something, a request of the same port begins a second transfer beside the first:
//!   if it was a late duplicate, the client refuses it with ERROR 5, and the first is not harmed.
//! - A packet to a transfer's port from anywhere but its client gets ERROR 5 and changes nothing.
//! - A client's ERROR ends its transfer at once, without answer. So does a packet that can't be explained by
//!   delay or duplication (RFC 1350 section 7), which gets ERROR 4.
//! - A client that stays silent is given up without a word after the retries, one whose port is closed (ICMP port
//!   unreachable) at once.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::transfer::{Step, Terms, Transfer};
use crate::app::{App, AppEffect, Datagram, HostEvent, StreamEvent, StreamId};
use crate::outbox::{DownloadEvent, Outbox, TraceEvent};
use crate::time::{Deadline, Deadlines, Duration, Instant};
use crate::wire::tftp::{ErrorCode, Message, Request};

/// The ports of transfers: IANA's dynamic ports (RFC 6335 section 6), 16,384 transfers at once.
const TRANSFER_PORTS: RangeInclusive<u16> = 49_152..=65_535;

/// What a server serves, and how.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Each file's content by its name.
    pub files: BTreeMap<String, Arc<[u8]>>,
    /// Where requests are taken.
    pub ports: Vec<u16>,
    /// How long to wait for an answer, unless the client asks for another time (RFC 2349).
    pub timeout: Duration,
    /// How often a packet is sent again before its transfer is given up.
    pub retries: u32,
    /// The largest block size agreed to, 8 to 65,464 bytes. A block of 1,468 bytes fits an MTU of 1,500; a larger one
    /// travels in IP fragments.
    pub blksize_max: u16,
    /// The largest window agreed to, at least 1 block.
    pub windowsize_max: u16,
}

impl ServerConfig {
    /// These files on ports 69 and 20001 (a set tries 20001 first), a second between repeats, ten of them.
    ///
    /// A set gives up after 4 s of silence and may come back within its attempt, so ten is ample.
    pub fn new(files: BTreeMap<String, Arc<[u8]>>) -> ServerConfig {
        ServerConfig {
            files,
            ports: vec![69, 20_001],
            timeout: Duration::from_secs(1),
            retries: 10,
            blksize_max: 1_468,
            windowsize_max: 16,
        }
    }
}

/// The server.
#[derive(Debug)]
pub struct TftpServer {
    config: ServerConfig,
    /// By the server's port.
    transfers: BTreeMap<u16, Running>,
    /// The transfers whose client has sent nothing but its request.
    starting: BTreeMap<Asker, Starting>,
    /// For each transfer a moment no later than its `resend_at`.
    deadlines: Deadlines<u16>,
    /// Free ports, the one that was free for the longest first.
    free: VecDeque<u16>,
}

/// Who asked, and at which port of the server.
type Asker = (SocketAddrV4, u16);

#[derive(Debug)]
struct Running {
    transfer: Transfer,
    asker: Asker,
    file: String,
    /// When to send again what is out.
    resend_at: Instant,
}

#[derive(Debug)]
struct Starting {
    tid: u16,
    request: Vec<u8>,
}

impl TftpServer {
    /// A server that does nothing before its host starts.
    pub fn new(config: ServerConfig) -> TftpServer {
        TftpServer {
            config,
            transfers: BTreeMap::new(),
            starting: BTreeMap::new(),
            deadlines: Deadlines::default(),
            free: VecDeque::new(),
        }
    }

    /// A file changes, also under those who are loading it. No effect if there is no such file.
    pub fn change_file(&mut self, name: &str, change: impl FnOnce(&[u8]) -> Arc<[u8]>) {
        let Some(file) = self.config.files.get_mut(name) else {
            return;
        };
        *file = change(file);
        for running in self.transfers.values_mut().filter(|it| it.file == name) {
            running.transfer.change(file.clone());
        }
    }

    /// Transfers that run now.
    #[cfg(test)]
    pub(super) fn transfers(&self) -> usize {
        self.transfers.len()
    }

    fn handle_request(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let request = match Message::decode(datagram.payload) {
            Ok(Message::ReadRequest(request)) => request,
            Ok(Message::WriteRequest(request)) => {
                return refuse(datagram, &request, ErrorCode::ACCESS, "read-only", out);
            }
            Ok(Message::Error { .. }) => return,
            Ok(_) | Err(_) => {
                return send_error(datagram, ErrorCode::ILLEGAL, "not a read request", out);
            }
        };
        let asker = (datagram.from, datagram.to.port());
        if let Some(starting) = self.starting.get(&asker) {
            if starting.request == datagram.payload {
                return;
            }
            let tid = starting.tid;
            self.end(tid, Err("its client asked anew".to_owned()), out);
        }
        self.begin(now, datagram, &request, out);
    }

    fn begin(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        request: &Request<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let named = std::str::from_utf8(request.file).ok();
        let named = named.and_then(|name| self.config.files.get_key_value(name));
        let Some((name, file)) = named else {
            return refuse(
                datagram,
                request,
                ErrorCode::NOT_FOUND,
                "file not found",
                out,
            );
        };
        if !request.mode.eq_ignore_ascii_case(b"octet") {
            return refuse(
                datagram,
                request,
                ErrorCode::ILLEGAL,
                "mode must be octet",
                out,
            );
        }
        let Some(tid) = self.free.pop_front() else {
            return refuse(
                datagram,
                request,
                ErrorCode::UNDEFINED,
                "too many transfers",
                out,
            );
        };
        let mut terms = Terms::plain(self.config.timeout);
        let limits = Terms {
            blksize: self.config.blksize_max,
            windowsize: self.config.windowsize_max,
            ..terms
        };
        let agreed = terms.negotiate(request, file.len() as u64, &limits);
        let asker = (datagram.from, datagram.to.port());
        let request = datagram.payload.to_vec();
        out.push(AppEffect::Bind { port: tid });
        let transfer = Transfer::begin(tid, datagram.from, file.clone(), terms, agreed, out);
        let file = name.clone();
        let resend_at = now + transfer.timeout();
        self.deadlines.set(tid, Some(resend_at));
        self.starting.insert(asker, Starting { tid, request });
        self.transfers.insert(
            tid,
            Running {
                transfer,
                asker,
                file,
                resend_at,
            },
        );
    }

    fn handle_transfer(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let tid = datagram.to.port();
        let Some(running) = self.transfers.get_mut(&tid) else {
            return;
        };
        let transfer = &mut running.transfer;
        let message = Message::decode(datagram.payload);
        if datagram.from != transfer.peer() {
            if !matches!(message, Ok(Message::Error { .. })) {
                send_error(datagram, ErrorCode::UNKNOWN_TID, "unknown transfer", out);
            }
            return;
        }
        match message {
            Ok(Message::Ack { block }) => match transfer.handle_ack(block, out) {
                Step::Ignored => {}
                Step::Progress { first } => {
                    running.resend_at = now + transfer.timeout();
                    if first {
                        let asker = running.asker;
                        self.forget_request(asker, tid);
                    }
                }
                Step::Done => {
                    let bytes = transfer.file_bytes();
                    self.end(tid, Ok(bytes), out);
                }
            },
            Ok(Message::Error { code, message }) => {
                let reason = format!("client says {code} \"{}\"", message.escape_ascii());
                self.end(tid, Err(reason), out);
            }
            Ok(_) | Err(_) => {
                send_error(datagram, ErrorCode::ILLEGAL, "not an acknowledgement", out);
                self.end(tid, Err("client sent no acknowledgement".to_owned()), out);
            }
        }
    }

    /// From now on a request like that of this transfer is a new one.
    fn forget_request(&mut self, asker: Asker, tid: u16) {
        if self
            .starting
            .get(&asker)
            .is_some_and(|starting| starting.tid == tid)
        {
            self.starting.remove(&asker);
        }
    }

    fn end(&mut self, tid: u16, outcome: Result<u64, String>, out: &mut Outbox<AppEffect>) {
        let Some(ended) = self.transfers.remove(&tid) else {
            return;
        };
        self.forget_request(ended.asker, tid);
        self.deadlines.set(tid, None);
        self.free.push_back(tid);
        out.push(AppEffect::Unbind { port: tid });
        let (peer, port) = ended.asker;
        trace_end(ended.file, peer, port, outcome, out);
    }
}

impl App for TftpServer {
    fn handle_host(&mut self, _now: Instant, event: HostEvent, out: &mut Outbox<AppEffect>) {
        match event {
            HostEvent::Start => {
                let ports = &self.config.ports;
                self.free = TRANSFER_PORTS
                    .filter(|port| !ports.contains(port))
                    .collect();
                for port in ports {
                    out.push(AppEffect::Bind { port: *port });
                }
            }
            HostEvent::Stop => {
                self.starting.clear();
                self.deadlines = Deadlines::default();
                for running in std::mem::take(&mut self.transfers).into_values() {
                    let (peer, port) = running.asker;
                    let outcome = Err("server lost power".to_owned());
                    trace_end(running.file, peer, port, outcome, out);
                }
            }
            HostEvent::Refused { from_port, to } => {
                let running = self.transfers.get(&from_port);
                if running.is_some_and(|running| running.transfer.peer() == to) {
                    let reason = "the client's port is closed".to_owned();
                    self.end(from_port, Err(reason), out);
                }
            }
            HostEvent::Carrier(_) | HostEvent::AddressConflict(_) => {}
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        if self.config.ports.contains(&datagram.to.port()) {
            self.handle_request(now, datagram, out);
        } else {
            self.handle_transfer(now, datagram, out);
        }
    }

    fn handle_stream(
        &mut self,
        _now: Instant,
        _stream: StreamId,
        _event: StreamEvent<'_>,
        _out: &mut Outbox<AppEffect>,
    ) {
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox<AppEffect>) {
        while let Some(tid) = self.deadlines.pop_due(now) {
            let Some(running) = self.transfers.get_mut(&tid) else {
                continue;
            };
            let retries = self.config.retries;
            if now >= running.resend_at {
                if !running.transfer.handle_timeout(retries, out) {
                    self.end(tid, Err("no answer from the client".to_owned()), out);
                    continue;
                }
                running.resend_at = now + running.transfer.timeout();
            }
            self.deadlines.set(tid, Some(running.resend_at));
        }
    }

    fn poll_timeout(&self) -> Deadline {
        let next = self.deadlines.next()?;
        Some((next, "TFTP retransmission"))
    }
}

/// Answers a request with an ERROR from the port that took it: no transfer begins.
fn refuse(
    datagram: &Datagram<'_>,
    request: &Request<'_>,
    code: ErrorCode,
    message: &'static str,
    out: &mut Outbox<AppEffect>,
) {
    send_error(datagram, code, message, out);
    let file = String::from_utf8_lossy(request.file).into_owned();
    let outcome = Err(message.to_owned());
    trace_end(file, datagram.from, datagram.to.port(), outcome, out);
}

/// Sends an ERROR back where `datagram` came from.
fn send_error(
    datagram: &Datagram<'_>,
    code: ErrorCode,
    message: &'static str,
    out: &mut Outbox<AppEffect>,
) {
    let message = message.as_bytes();
    out.push(AppEffect::Send {
        from_port: datagram.to.port(),
        to: datagram.from,
        to_mac: None,
        payload: Message::Error { code, message }.encode(),
    });
}

fn trace_end(
    file: String,
    peer: SocketAddrV4,
    port: u16,
    outcome: Result<u64, String>,
    out: &mut Outbox<AppEffect>,
) {
    out.trace(TraceEvent::Served(DownloadEvent {
        file,
        peer: *peer.ip(),
        port,
        outcome,
    }));
}

#[cfg(test)]
mod tests;
