//! A client without a server: what it hears, and what it did, a line each.

use super::super::*;
use crate::outbox::Out;
use crate::tftp::pipe::{SERVER, SET};

/// The port that the server answers from.
pub(super) const TID: u16 = 49_152;

/// A client and what it did, a line each.
pub(super) struct Script {
    pub(super) now: Instant,
    pub(super) client: Client,
    /// The port that it bound last.
    pub(super) port: u16,
    pub(super) lines: Vec<String>,
}

impl Script {
    /// A client that has just asked for `f`.
    pub(super) fn new() -> Script {
        Script::with(ClientConfig::default())
    }

    pub(super) fn with(config: ClientConfig) -> Script {
        let client = Client::new(config, Rng::stream(1, "script"));
        let mut script = Script {
            now: Instant::ZERO,
            client,
            port: 0,
            lines: Vec::new(),
        };
        let now = script.now;
        let mut out = Outbox::default();
        script.client.start(now, SERVER, "f", &mut out);
        script.note(&mut out, None);
        script
    }

    pub(super) fn in_state(state: &str) -> Script {
        let mut script = Script::new();
        match state {
            "Idle" => script.client.stop(&mut Outbox::default()),
            "Requesting" => {}
            "Receiving, no block yet" => script.hears(TID, b"\0\x06blksize\x008\0"),
            "Receiving, 65535 blocks" => {
                script.hears(TID, b"\0\x06blksize\x008\0");
                for block in 1..=u16::MAX {
                    script.hears(
                        TID,
                        &[&[0, 3], &block.to_be_bytes()[..], b"12345678"].concat(),
                    );
                }
            }
            "Waiting" => script.hears(TID, b"\0\x05\0\x01gone\0"),
            "Done, lingering" => script.hears(TID, b"\0\x03\0\x01123"),
            other => panic!("{other}"),
        }
        script
    }

    pub(super) fn hears(&mut self, from_port: u16, payload: &[u8]) {
        let datagram = Datagram {
            from: SocketAddrV4::new(SERVER, from_port),
            to: SocketAddrV4::new(SET, self.port),
            payload,
        };
        let mut out = Outbox::default();
        let told = self.client.handle_datagram(self.now, &datagram, &mut out);
        self.note(&mut out, told);
    }

    /// What was sent to this port of the server was refused.
    pub(super) fn refused(&mut self, port: u16) {
        let to = SocketAddrV4::new(SERVER, port);
        let mut out = Outbox::default();
        let told = self
            .client
            .handle_refusal(self.now, self.port, to, &mut out);
        self.note(&mut out, told);
    }

    /// The server's port that the client speaks to.
    pub(super) fn asked(&self) -> u16 {
        match &self.client.state {
            State::Busy(_, Phase::Receiving(..)) => TID,
            State::Busy(..) | State::Idle => 20_001,
        }
    }

    /// The next deadline passes.
    pub(super) fn time_passes(&mut self) {
        self.now = self.client.poll_timeout().unwrap().0;
        let mut out = Outbox::default();
        let told = self.client.handle_timeout(self.now, &mut out);
        self.note(&mut out, told);
    }

    /// Time passes until a deadline of this name has passed, and what came before is forgotten.
    pub(super) fn wait_for(&mut self, name: &str) -> bool {
        let before = self.state();
        while self.client.poll_timeout().is_some() && self.state() == before {
            self.lines.clear();
            let due = self.client.poll_timeout().unwrap().1;
            self.time_passes();
            if due == name {
                return true;
            }
        }
        false
    }

    pub(super) fn note(&mut self, out: &mut Outbox<AppEffect>, told: Option<ClientEvent>) {
        for out in out.drain() {
            self.lines.push(match out {
                Out::Effect(AppEffect::Bind { port }) => {
                    self.port = port;
                    continue;
                }
                Out::Effect(AppEffect::Unbind { .. }) => "unbinds".to_owned(),
                Out::Effect(AppEffect::Send { to, payload, .. }) => {
                    let message = Message::decode(&payload).unwrap().to_string();
                    format!(
                        "sends {} {}",
                        to.port(),
                        message.splitn(3, ", ").last().unwrap()
                    )
                }
                other @ (Out::Effect(_) | Out::Trace(_)) => panic!("unexpected: {other:?}"),
            });
        }
        self.lines.extend(told.map(|told| match told {
            ClientEvent::Attempt { n, port } => format!("tells Attempt {n} on {port}"),
            ClientEvent::Done(image) => format!("tells Done: {} bytes", image.bytes),
            ClientEvent::Failed { reason } => format!("tells Failed: {reason}"),
        }));
    }

    pub(super) fn state(&self) -> &'static str {
        match &self.client.state {
            State::Idle => "Idle",
            State::Busy(_, Phase::Requesting(..)) => "Requesting",
            State::Busy(_, Phase::Receiving(..)) => "Receiving",
            State::Busy(_, Phase::Waiting(_)) => "Waiting",
        }
    }

    pub(super) fn outcome(&self) -> String {
        let did = self.lines.join("; ");
        format!("-> {:10} {did}", self.state())
            .trim_end()
            .to_owned()
    }
}
