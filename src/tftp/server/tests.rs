//! The server against scripted clients.

use std::net::Ipv4Addr;

use super::*;
use crate::outbox::Out;
use crate::tftp::pipe::{SERVER, SET, bytes};

const PORT: u16 = 2_000;
const TID: u16 = 49_152;

#[test]
fn options_are_acknowledged_in_the_order_and_spelling_of_the_request() {
    let mut lan = Lan::new(bytes(5_000), |_| {});
    lan.asks(
        b"f\0Octet\0tsize\x000\0BlkSize\x004096\0wndsize\x004\0timeout\x003\0windowsize\x00100\0",
    );
    assert_eq!(
        lan.sent(),
        ["49152 OACK tsize 5000 BlkSize 1468 timeout 3 windowsize 16"]
    );
    assert_eq!(lan.due(), Duration::from_secs(3));
}

#[test]
fn values_that_no_rfc_allows_are_as_if_not_asked_for() {
    let mut lan = Lan::new(bytes(5), |_| {});
    lan.asks(
        b"f\0octet\0blksize\x007\0timeout\x000\0timeout\x00256\0windowsize\x000\0blksize\0big\0",
    );
    assert_eq!(lan.sent(), ["49152 DATA block 1"]);
}

#[test]
fn a_block_size_above_the_rfcs_is_capped_and_a_second_one_is_ignored() {
    let mut lan = Lan::new(bytes(5), |config| config.blksize_max = u16::MAX);
    lan.asks(b"f\0octet\0blksize\x00999999\0blksize\x008\0");
    assert_eq!(lan.sent(), ["49152 OACK blksize 65464"]);
}

#[test]
fn what_cannot_be_served_gets_its_error_and_no_transfer() {
    let mut lan = Lan::new(bytes(5), |_| {});
    for (request, answer) in [
        (
            &b"\0\x01g\0octet\0"[..],
            "69 ERROR ENOTFOUND \"file not found\"",
        ),
        (
            b"\0\x01../f\0octet\0",
            "69 ERROR ENOTFOUND \"file not found\"",
        ),
        (
            b"\0\x01/f\0octet\0",
            "69 ERROR ENOTFOUND \"file not found\"",
        ),
        (
            b"\0\x01..\\f\0octet\0",
            "69 ERROR ENOTFOUND \"file not found\"",
        ),
        (
            b"\0\x01\xe9\0octet\0",
            "69 ERROR ENOTFOUND \"file not found\"",
        ),
        (b"\0\x02f\0octet\0", "69 ERROR EACCESS \"read-only\""),
        (
            b"\0\x01f\0netascii\0",
            "69 ERROR EBADOP \"mode must be octet\"",
        ),
        (b"\0\x01f\0octet", "69 ERROR EBADOP \"not a read request\""),
        (b"\0\x09", "69 ERROR EBADOP \"not a read request\""),
        (b"", "69 ERROR EBADOP \"not a read request\""),
    ] {
        lan.hears(PORT, 69, request);
        assert_eq!(lan.sent(), [answer]);
    }
    lan.hears(PORT, 69, b"\0\x05\0\0bye\0");
    assert_eq!(lan.sent(), [""; 0]);
    assert_eq!((lan.server.transfers(), lan.ended.len()), (0, 7));
}

#[test]
fn a_request_that_comes_again_begins_no_second_transfer() {
    let mut lan = Lan::new(bytes(2_000), |_| {});
    lan.asks(b"f\0octet\0");
    lan.asks(b"f\0octet\0");
    assert_eq!(lan.sent(), ["49152 DATA block 1"]);
    lan.asks(b"f\0octet\0blksize\x001024\0");
    assert_eq!(lan.sent(), ["49153 OACK blksize 1024"]);
    assert_eq!(lan.ended, [Err("its client asked anew".to_owned())]);
}

#[test]
fn a_late_duplicate_request_does_not_harm_the_transfer_that_runs() {
    let mut lan = Lan::new(bytes(600), |_| {});
    lan.asks(b"f\0octet\0");
    lan.acks(TID, 1);
    lan.asks(b"f\0octet\0");
    assert_eq!(
        lan.sent(),
        [
            "49152 DATA block 1",
            "49152 DATA block 2",
            "49153 DATA block 1"
        ]
    );
    lan.hears(PORT, TID + 1, b"\0\x05\0\x05who?\0");
    lan.acks(TID, 2);
    assert_eq!(
        lan.ended,
        [Err("client says EBADID \"who?\"".to_owned()), Ok(600)]
    );
    assert_eq!(lan.server.transfers(), 0);
}

#[test]
fn duplicate_and_impossible_acks_make_no_data() {
    let mut lan = Lan::new(bytes(5_000), |_| {});
    lan.asks(b"f\0octet\0");
    lan.acks(TID, 1);
    lan.acks(TID, 2);
    lan.sent();
    for block in [0, 1, 2, 2, 2, 4, 65_535] {
        lan.acks(TID, block);
    }
    assert_eq!(lan.sent(), [""; 0]);
}

#[test]
fn a_clients_error_ends_its_transfer_without_answer() {
    let mut lan = Lan::new(bytes(5_000), |_| {});
    lan.asks(b"f\0octet\0tsize\x000\0");
    lan.sent();
    lan.hears(PORT, TID, b"\0\x05\0\x08only wanted the size\0");
    assert_eq!(lan.sent(), [""; 0]);
    assert_eq!(
        lan.ended,
        [Err(
            "client says EOPTNEG \"only wanted the size\"".to_owned()
        )]
    );
    assert_eq!(
        (lan.server.transfers(), lan.server.poll_timeout()),
        (0, None)
    );
}

#[test]
fn a_stray_packet_gets_error_5_and_changes_nothing() {
    let mut lan = Lan::new(bytes(600), |_| {});
    lan.asks(b"f\0octet\0");
    lan.sent();
    lan.hears(7, TID, b"\0\x04\0\x01");
    assert_eq!(lan.sent(), ["49152 ERROR EBADID \"unknown transfer\""]);
    lan.hears(7, TID, b"\0\x05\0\0bye\0");
    assert_eq!(lan.sent(), [""; 0]);
    lan.acks(TID, 1);
    assert_eq!(lan.sent(), ["49152 DATA block 2"]);
}

#[test]
fn a_packet_that_delay_cannot_explain_ends_the_transfer() {
    let mut lan = Lan::new(bytes(600), |_| {});
    lan.asks(b"f\0octet\0");
    lan.sent();
    lan.hears(PORT, TID, b"\0\x03\0\x01upload");
    assert_eq!(
        lan.sent(),
        ["49152 ERROR EBADOP \"not an acknowledgement\""]
    );
    assert_eq!(
        lan.ended,
        [Err("client sent no acknowledgement".to_owned())]
    );
}

#[test]
fn the_last_block_is_repeated_each_second_and_then_the_transfer_has_failed() {
    let mut lan = Lan::new(bytes(5), |config| config.retries = 3);
    lan.asks(b"f\0octet\0");
    for second in 1..=3 {
        assert_eq!(lan.due(), Duration::from_secs(second));
        lan.server.handle_timeout(lan.now, &mut lan.out);
        lan.time_passes();
    }
    assert_eq!(lan.sent(), ["49152 DATA block 1"; 4]);
    assert_eq!(lan.ended, []);
    lan.time_passes();
    assert_eq!(lan.now, Instant::ZERO + Duration::from_secs(4));
    assert_eq!(lan.ended, [Err("no answer from the client".to_owned())]);
}

#[test]
fn an_ack_moves_the_deadline_to_a_timeout_after_itself() {
    let mut lan = Lan::new(bytes(600), |_| {});
    lan.asks(b"f\0octet\0");
    lan.now += Duration::from_millis(900);
    lan.acks(TID, 1);
    assert_eq!(lan.sent(), ["49152 DATA block 1", "49152 DATA block 2"]);
    lan.time_passes();
    assert_eq!(lan.sent(), [""; 0]);
    lan.time_passes();
    assert_eq!((lan.now - Instant::ZERO).as_millis(), 1_900);
    assert_eq!(lan.sent(), ["49152 DATA block 2"]);
}

#[test]
fn a_window_is_sent_at_once_and_continued_after_the_last_block_in_order() {
    let mut lan = Lan::windowed(100);
    assert_eq!(lan.data(), [1, 2, 3, 4]);
    lan.acks(TID, 4);
    assert_eq!(lan.data(), [5, 6, 7, 8]);
    lan.acks(TID, 5);
    assert_eq!(lan.data(), [6, 7, 8, 9], "block 6 was lost");
    lan.acks(TID, 9);
    lan.acks(TID, 13);
    assert_eq!(
        lan.data(),
        [10, 11, 12, 13],
        "100 bytes are 12 blocks of 8 and one of 4"
    );
    assert_eq!(lan.ended, [Ok(100)]);
}

#[test]
fn a_window_whose_first_block_was_lost_is_sent_again_once_without_waiting() {
    let mut lan = Lan::windowed(100);
    lan.acks(TID, 4);
    lan.sent();
    lan.acks(TID, 4);
    assert_eq!(lan.data(), [5, 6, 7, 8]);
    lan.acks(TID, 4);
    assert_eq!(lan.data(), [0; 0], "it may be a duplicate");
    assert_eq!(lan.due(), Duration::from_secs(1));
    lan.time_passes();
    assert_eq!(lan.data(), [5, 6, 7, 8]);
}

#[test]
fn a_window_rolls_over_with_the_block_number() {
    let mut lan = Lan::windowed(8 * 65_540);
    for block in 1..=16_384 {
        lan.acks(TID, (block * 4) as u16);
    }
    assert_eq!(lan.sent().pop().unwrap(), "49152 DATA block 4");
    lan.acks(TID, 65_535);
    lan.acks(TID, 1);
    assert_eq!(lan.data(), [2, 3, 4, 5]);
    lan.acks(TID, 5);
    assert_eq!(lan.ended, [Ok(8 * 65_540)]);
}

#[test]
fn ten_thousand_transfers_run_at_once_and_share_the_file() {
    let mut lan = Lan::new(bytes(1_000), |_| {});
    let held = Arc::strong_count(&lan.server.config.files["f"]);
    for client in 0..10_000 {
        lan.hears(client, 69, b"\0\x01f\0octet\0");
    }
    assert_eq!(lan.server.transfers(), 10_000);
    assert_eq!(
        Arc::strong_count(&lan.server.config.files["f"]),
        held + 10_000
    );
    for client in 0..10_000 {
        lan.hears(client, TID + client, b"\0\x04\0\x01");
        lan.hears(client, TID + client, b"\0\x04\0\x02");
    }
    assert_eq!(lan.ended, vec![Ok(1_000); 10_000]);
    assert_eq!(
        (lan.server.transfers(), lan.server.poll_timeout()),
        (0, None)
    );
    assert!(lan.server.starting.is_empty());
}

#[test]
fn more_transfers_than_ports_are_refused_and_ports_are_taken_in_turn() {
    let mut lan = Lan::new(bytes(5), |_| {});
    for client in 0..16_384 {
        lan.hears(client, 69, b"\0\x01f\0octet\0");
    }
    lan.sent();
    lan.hears(20_000, 69, b"\0\x01f\0octet\0");
    assert_eq!(lan.sent(), ["69 ERROR EUNDEF \"too many transfers\""]);
    for client in [5, 3] {
        lan.hears(client, TID + client, b"\0\x04\0\x01");
    }
    lan.hears(20_000, 69, b"\0\x01f\0octet\0");
    assert_eq!(lan.sent(), ["49157 DATA block 1"]);
}

#[test]
fn losing_power_ends_every_transfer() {
    let mut lan = Lan::new(bytes(5), |_| {});
    lan.asks(b"f\0octet\0");
    lan.server
        .handle_host(lan.now, HostEvent::Stop, &mut lan.out);
    lan.sent();
    assert_eq!(lan.ended, [Err("server lost power".to_owned())]);
    assert_eq!(
        (lan.server.transfers(), lan.server.poll_timeout()),
        (0, None)
    );
    lan.server
        .handle_host(lan.now, HostEvent::Start, &mut lan.out);
    lan.asks(b"f\0octet\0");
    assert_eq!(lan.sent(), ["49152 DATA block 1"]);
}

/// A server and what it did.
struct Lan {
    now: Instant,
    server: TftpServer,
    out: Outbox<AppEffect>,
    /// Port and payload of what was sent and not yet asked for.
    unread: Vec<(u16, Vec<u8>)>,
    ended: Vec<Result<u64, String>>,
}

impl Lan {
    /// A server with the file `f` that has just started.
    fn new(file: Vec<u8>, tune: impl Fn(&mut ServerConfig)) -> Lan {
        let mut config = ServerConfig::new(BTreeMap::from([("f".to_owned(), Arc::from(file))]));
        tune(&mut config);
        let mut lan = Lan {
            now: Instant::ZERO,
            server: TftpServer::new(config),
            out: Outbox::default(),
            unread: Vec::new(),
            ended: Vec::new(),
        };
        lan.server
            .handle_host(lan.now, HostEvent::Start, &mut lan.out);
        lan.sent();
        lan
    }

    /// A client that has agreed on blocks of 8 bytes and windows of 4.
    fn windowed(len: usize) -> Lan {
        let mut lan = Lan::new(bytes(len), |_| {});
        lan.asks(b"f\0octet\0blksize\x008\0windowsize\x004\0");
        assert_eq!(lan.sent(), ["49152 OACK blksize 8 windowsize 4"]);
        lan.acks(TID, 0);
        lan
    }

    fn asks(&mut self, request: &[u8]) {
        self.hears(PORT, 69, &[b"\0\x01", request].concat());
    }

    fn acks(&mut self, tid: u16, block: u16) {
        self.hears(PORT, tid, &Message::Ack { block }.encode());
    }

    fn hears(&mut self, from_port: u16, port: u16, payload: &[u8]) {
        let from = SocketAddrV4::new(SET, from_port);
        let to = SocketAddrV4::new(SERVER, port);
        let datagram = Datagram { from, to, payload };
        self.server
            .handle_datagram(self.now, &datagram, &mut self.out);
        self.note();
    }

    /// The next deadline passes.
    fn time_passes(&mut self) {
        self.now = self.server.poll_timeout().unwrap().0;
        self.server.handle_timeout(self.now, &mut self.out);
        self.note();
    }

    /// When the next deadline is.
    fn due(&self) -> Duration {
        let (at, name) = self.server.poll_timeout().unwrap();
        assert_eq!(name, "TFTP retransmission");
        at - Instant::ZERO
    }

    fn note(&mut self) {
        for out in self.out.drain() {
            match out {
                Out::Effect(AppEffect::Send {
                    from_port, payload, ..
                }) => self.unread.push((from_port, payload)),
                Out::Effect(_) => {}
                Out::Trace(TraceEvent::Served(event)) => {
                    assert_eq!((event.peer, event.port), (Ipv4Addr::new(10, 0, 0, 2), 69));
                    self.ended.push(event.outcome);
                }
                Out::Trace(other) => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// What was sent since this was last asked: the server's port and the message.
    fn sent(&mut self) -> Vec<String> {
        self.note();
        let unread = self.unread.drain(..).map(|(port, payload)| {
            let message = Message::decode(&payload).unwrap().to_string();
            format!("{port} {}", message.splitn(3, ", ").last().unwrap())
        });
        unread.collect()
    }

    /// Block numbers of what was sent since this was last asked, the last four.
    fn data(&mut self) -> Vec<u16> {
        let sent = self.sent();
        let numbers = sent[sent.len().saturating_sub(4)..].iter();
        numbers
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect()
    }
}
