//! What a client knows of a transfer: terms, what has come, and how long it waits.

use std::net::SocketAddrV4;

use super::ClientConfig;
use super::image::Received;
use super::machine::Input;
use crate::app::AppEffect;
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::tftp::{BLKSIZE_DEFAULT, BLKSIZE_MIN, ErrorCode, Message, TftpOption};

/// What client and server agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Bytes of each block but the last.
    pub(super) blksize: u16,
    /// Bytes of the file, if the server said so.
    pub(super) tsize: Option<u64>,
}

impl Terms {
    /// Without options (RFC 1350).
    pub(super) const PLAIN: Terms = Terms {
        blksize: BLKSIZE_DEFAULT,
        tsize: None,
    };

    /// The terms of an OACK in answer to a request for the configuration's block size number `asked`.
    ///
    /// # Errors
    /// When the server acknowledges what was not asked for, or more than was (RFC 2347, RFC 2348).
    pub(super) fn agreed(
        config: &ClientConfig,
        asked: usize,
        options: &[TftpOption<'_>],
    ) -> Result<Terms, &'static str> {
        let Some(blksize_asked) = config.blksizes.get(asked) else {
            return Err("no option was asked for");
        };
        let mut terms = Terms::PLAIN;
        for option in options {
            let number = option.as_number();
            if option.is("blksize") {
                let taken = number.and_then(|size| u16::try_from(size).ok());
                let taken = taken.filter(|size| (BLKSIZE_MIN..=*blksize_asked).contains(size));
                terms.blksize = taken.ok_or("block size larger than asked for, or none")?;
            } else if option.is("tsize") && config.send_tsize {
                terms.tsize = Some(number.ok_or("file size is no number")?);
            } else if !config.extra_options.iter().any(|(name, _)| option.is(name)) {
                return Err("option was not asked for");
            }
        }
        Ok(terms)
    }
}

/// What the server has sent so far.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) local_port: u16,
    pub(super) peer: SocketAddrV4,
    pub(super) terms: Terms,
    /// The last block received in order, its low 16 bits; 0 before the first.
    pub(super) last: u16,
    /// No block has come yet: `last` stands for the OACK.
    pub(super) fresh: bool,
    pub(super) received: Received,
}

impl Transfer {
    /// A transfer of which no block has come yet.
    pub(super) fn new(local_port: u16, peer: SocketAddrV4, terms: Terms) -> Transfer {
        Transfer {
            local_port,
            peer,
            terms,
            last: 0,
            fresh: true,
            received: Received::default(),
        }
    }

    /// Acknowledges the last block, or the OACK before any.
    pub(super) fn acknowledge(&self, out: &mut Outbox<AppEffect>) {
        let message = Message::Ack { block: self.last };
        send(self.local_port, self.peer, &message, out);
    }

    /// Tells the server that the transfer ends here, and closes its port.
    pub(super) fn refuse(&self, code: ErrorCode, why: &str, out: &mut Outbox<AppEffect>) {
        send_error(self.local_port, self.peer, code, why, out);
        unbind(self.local_port, out);
    }

    /// Whether this is what was acknowledged last, come again: a block, or the OACK before any.
    pub(super) fn last_was(&self, message: &Message<'_>) -> bool {
        if let Message::Data { block, .. } = message {
            return !self.fresh && *block == self.last;
        }
        self.fresh && matches!(message, Message::OptionAck(_))
    }
}

/// A download that ended well, whose server may repeat the last block.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) peer: SocketAddrV4,
    pub(super) local_port: u16,
    pub(super) last: u16,
    pub(super) until: Instant,
}

/// Two deadlines that begin anew with each packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) resend_at: Instant,
    pub(super) silent_at: Instant,
}

impl Patience {
    /// A packet came, or a request went out for the first time.
    pub(super) fn new(now: Instant, config: &ClientConfig) -> Patience {
        Patience {
            resend_at: now + config.resend,
            silent_at: now + config.packet_timeout,
        }
    }

    /// The last packet was sent again.
    pub(super) fn resent(self, now: Instant, config: &ClientConfig) -> Patience {
        let resend_at = now + config.resend;
        Patience { resend_at, ..self }
    }

    /// What is due first.
    pub(super) fn next(self) -> (Instant, Input<'static>) {
        if self.silent_at <= self.resend_at {
            (self.silent_at, Input::Silence)
        } else {
            (self.resend_at, Input::Resend)
        }
    }
}

/// Sends a message.
pub(super) fn send(
    from_port: u16,
    to: SocketAddrV4,
    message: &Message<'_>,
    out: &mut Outbox<AppEffect>,
) {
    out.push(AppEffect::Send {
        from_port,
        to,
        to_mac: None,
        payload: message.encode(),
    });
}

/// Sends an ERROR.
pub(super) fn send_error(
    from_port: u16,
    to: SocketAddrV4,
    code: ErrorCode,
    message: &str,
    out: &mut Outbox<AppEffect>,
) {
    let message = message.as_bytes();
    send(from_port, to, &Message::Error { code, message }, out);
}

/// Tells the sender of a packet that belongs to no transfer (RFC 1350 section 4).
pub(super) fn refuse_stray(from_port: u16, to: SocketAddrV4, out: &mut Outbox<AppEffect>) {
    let code = ErrorCode::UNKNOWN_TID;
    send_error(from_port, to, code, "unknown transfer", out);
}

/// Gives up a port.
pub(super) fn unbind(port: u16, out: &mut Outbox<AppEffect>) {
    out.push(AppEffect::Unbind { port });
}
