//! One transfer as its sender sees it: what is out, and what an acknowledgement or silence brings.
//!
//! ```text
//!   RRQ with options          RRQ without
//!        | OACK                    | DATA 1
//!        v         ACK 0           v
//!     Offered -----------------> Sending --- ACK of the last block ---> done
//! ```
//!
//! A block has its place in the file as its number, counted from 1 without end; the wire carries the low
//! 16 bits, so numbers roll over to 0 after 65,535. Nothing of the file is copied but into datagrams.
//!
//! Only progress makes DATA. An ACK of the block before those that are out, which in lockstep is a
//! duplicate, sends nothing, so one duplicate never doubles the rest of the transfer ("sorcerer's
//! apprentice", RFC 1123 section 4.2.3.1). With a window, the same ACK is how a receiver says that the
//! first block of the window was lost (RFC 7440 section 4): it has the window sent again, but once only,
//! since it can still be a duplicate. All else waits for the timer.

use std::net::SocketAddrV4;
use std::sync::Arc;

use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::Duration;
use crate::wire::tftp::{BLKSIZE_DEFAULT, BLKSIZE_MAX, BLKSIZE_MIN, Message, Request, TftpOption};

/// What server and client agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Bytes of each block but the last.
    pub(super) blksize: u16,
    /// Blocks that may be out without acknowledgement.
    pub(super) windowsize: u16,
    /// How long to wait for an answer.
    pub(super) timeout: Duration,
}

impl Terms {
    /// Terms without options (RFC 1350), where the server waits `timeout`.
    pub(super) const fn plain(timeout: Duration) -> Terms {
        Terms {
            blksize: BLKSIZE_DEFAULT,
            windowsize: 1,
            timeout,
        }
    }

    /// Takes from a request what this server can do, and gives the options to acknowledge, in the order
    /// and spelling of the request (RFC 2347). An unknown option, a second one of a name and a value that
    /// its RFC does not allow are not acknowledged, which means "as if not asked for". A size above the
    /// server's is answered with the server's (RFC 2348, RFC 7440), also where it is above the RFC's.
    pub(super) fn negotiate<'a>(
        &mut self,
        request: &Request<'a>,
        file_bytes: u64,
        limits: &Terms,
    ) -> Vec<TftpOption<'a>> {
        let mut agreed: Vec<TftpOption<'a>> = Vec::new();
        for option in &request.options {
            let repeated =
                |earlier: &TftpOption<'_>| earlier.name.eq_ignore_ascii_case(option.name);
            let Some(asked) = option.as_number() else {
                continue;
            };
            if agreed.iter().any(repeated) {
                continue;
            }
            let value = if option.is("blksize") && asked >= u64::from(BLKSIZE_MIN) {
                self.blksize = capped(asked, limits.blksize.clamp(BLKSIZE_MIN, BLKSIZE_MAX));
                u64::from(self.blksize)
            } else if option.is("windowsize") && asked >= 1 {
                self.windowsize = capped(asked, limits.windowsize.max(1));
                u64::from(self.windowsize)
            } else if option.is("timeout") && (1..=255).contains(&asked) {
                self.timeout = Duration::from_secs(asked);
                asked
            } else if option.is("tsize") {
                file_bytes
            } else {
                continue;
            };
            agreed.push(TftpOption::number(option.name, value));
        }
        agreed
    }
}

fn capped(asked: u64, limit: u16) -> u16 {
    u16::try_from(asked).unwrap_or(u16::MAX).min(limit)
}

/// What an acknowledgement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: the timer runs on.
    Ignored,
    /// Something new is out. `first`: before, the client had acknowledged no block.
    Progress { first: bool },
    /// The last block was acknowledged.
    Done,
}

/// One transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The server's port of this transfer.
    tid: u16,
    peer: SocketAddrV4,
    file: Arc<[u8]>,
    terms: Terms,
    /// How often what is out was sent again because nothing came.
    repeats: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The OACK, encoded, is out.
    Offered { oack: Vec<u8> },
    /// The window that begins with block `base` is out; all blocks before it are acknowledged.
    Sending {
        base: u64,
        /// An ACK of block `base` - 1 had this window sent again.
        answered_old_ack: bool,
    },
}

impl State {
    const fn sending(base: u64) -> State {
        State::Sending {
            base,
            answered_old_ack: false,
        }
    }
}

impl Transfer {
    /// Begins with the OACK, or with the first block if no option was agreed on.
    pub(super) fn begin(
        tid: u16,
        peer: SocketAddrV4,
        file: Arc<[u8]>,
        terms: Terms,
        agreed: Vec<TftpOption<'_>>,
        out: &mut Outbox<AppEffect>,
    ) -> Transfer {
        let state = if agreed.is_empty() {
            State::sending(1)
        } else {
            let oack = Message::OptionAck(agreed).encode();
            State::Offered { oack }
        };
        let transfer = Transfer {
            tid,
            peer,
            file,
            terms,
            repeats: 0,
            state,
        };
        transfer.send_what_is_out(out);
        transfer
    }

    /// Whose transfer it is.
    pub(super) const fn peer(&self) -> SocketAddrV4 {
        self.peer
    }

    /// How long to wait for an answer to what is out.
    pub(super) const fn timeout(&self) -> Duration {
        self.terms.timeout
    }

    /// Bytes of the file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file.len() as u64
    }

    /// From now on it reads this file. Where it has ended already, the next block says so: it is empty.
    pub(super) fn change(&mut self, file: Arc<[u8]>) {
        self.file = file;
    }

    /// Takes an ACK of the peer.
    pub(super) fn handle_ack(&mut self, block: u16, out: &mut Outbox<AppEffect>) -> Step {
        let last = self.last_block();
        let in_flight = self.in_flight();
        let next = match &mut self.state {
            State::Offered { .. } if block == 0 => 1,
            State::Offered { .. } => return Step::Ignored,
            State::Sending {
                base,
                answered_old_ack,
            } => {
                // The low 16 bits are meant to be cut off here: block numbers roll over.
                let acked = u64::from(block.wrapping_sub((*base - 1) as u16));
                if acked == 0 && self.terms.windowsize > 1 && !*answered_old_ack {
                    *answered_old_ack = true;
                    self.send_what_is_out(out);
                    return Step::Ignored;
                }
                if acked == 0 || acked > in_flight {
                    return Step::Ignored;
                }
                *base + acked
            }
        };
        if next > last {
            return Step::Done;
        }
        let first = self.is_at_start();
        self.state = State::sending(next);
        self.repeats = 0;
        self.send_what_is_out(out);
        Step::Progress { first }
    }

    /// Nothing came in time: sends what is out again, unless it already was `retries` times.
    ///
    /// Returns whether the transfer goes on.
    pub(super) fn handle_timeout(&mut self, retries: u32, out: &mut Outbox<AppEffect>) -> bool {
        if self.repeats >= retries {
            return false;
        }
        self.repeats += 1;
        self.send_what_is_out(out);
        true
    }

    /// Sends a message of this transfer to its peer.
    pub(super) fn send(&self, message: &Message<'_>, out: &mut Outbox<AppEffect>) {
        self.send_bytes(message.encode(), out);
    }

    fn send_what_is_out(&self, out: &mut Outbox<AppEffect>) {
        match &self.state {
            State::Offered { oack } => self.send_bytes(oack.clone(), out),
            State::Sending { base, .. } => {
                for block in *base..*base + self.in_flight() {
                    let payload = self.block(block);
                    // As above: the wire has the low 16 bits.
                    let block = block as u16;
                    self.send(&Message::Data { block, payload }, out);
                }
            }
        }
    }

    fn send_bytes(&self, payload: Vec<u8>, out: &mut Outbox<AppEffect>) {
        out.push(AppEffect::Send {
            from_port: self.tid,
            to: self.peer,
            to_mac: None,
            payload,
        });
    }

    /// The last block, the only one shorter than the block size: empty if the file is a multiple of it, or was cut
    /// while it was under way.
    fn last_block(&self) -> u64 {
        let last = self.file_bytes() / u64::from(self.terms.blksize) + 1;
        match self.state {
            State::Offered { .. } => last,
            State::Sending { base, .. } => last.max(base),
        }
    }

    /// Blocks that are out.
    fn in_flight(&self) -> u64 {
        match self.state {
            State::Offered { .. } => 0,
            State::Sending { base, .. } => {
                u64::from(self.terms.windowsize).min(self.last_block() - base + 1)
            }
        }
    }

    fn is_at_start(&self) -> bool {
        match self.state {
            State::Offered { .. } => true,
            State::Sending { base, .. } => base == 1,
        }
    }

    fn block(&self, block: u64) -> &[u8] {
        let size = usize::from(self.terms.blksize);
        // No larger than the file's length, which is a usize.
        let start = (block - 1) as usize * size;
        let end = self.file.len().min(start + size);
        self.file.get(start..end).unwrap_or_default()
    }
}
