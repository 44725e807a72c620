//! How a host's TCP connections reach their apps and the wire.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Host, Work};
use crate::app::{App, HostEvent, StreamEnd, StreamEvent, StreamId};
use crate::ip::connection::{Happened, Packets};
use crate::ip::endpoint::Way;
use crate::ip::interface::Hop;
use crate::ip::tcp::Tuple;
use crate::outbox::{DropReason, Outbox};
use crate::sim::Transmit;
use crate::time::Instant;
use crate::wire::icmp::{FRAGMENTATION_NEEDED, PORT_UNREACHABLE, PROTOCOL_UNREACHABLE};
use crate::wire::ipv4;
use crate::wire::tcp::{ACK, RST, SYN, Segment};

impl<A: App> Host<A> {
    pub(super) fn connect(
        &mut self,
        now: Instant,
        app: u16,
        stream: StreamId,
        to: SocketAddrV4,
        out: &mut Outbox<Transmit>,
    ) {
        let to_one = !matches!(
            self.endpoint.way(*to.ip()),
            Way::NoRoute | Way::Out(Hop::Mac(_))
        );
        let own = self.endpoint.own();
        let tuple = to_one
            .then(|| self.tcp.connect(now, app, stream, own, to))
            .flatten();
        match tuple {
            Some(tuple) => self.pump(now, tuple, None, out),
            None => {
                let end = StreamEnd::NetworkUnreachable;
                self.work.push_back(Work::Ended(app, stream, end));
            }
        }
    }

    /// Sends what an app gave its connection, as one segment if it fits.
    pub(super) fn send_stream(
        &mut self,
        now: Instant,
        (app, stream): (u16, StreamId),
        bytes: Vec<u8>,
        out: &mut Outbox<Transmit>,
    ) {
        // A connection that has ended meanwhile has told its app so already.
        let Some(tuple) = self.tcp.named(app, stream) else {
            return;
        };
        if let Some(connection) = self.tcp.get(tuple) {
            connection.send(bytes);
        }
        self.pump(now, tuple, None, out);
    }

    pub(super) fn close(
        &mut self,
        now: Instant,
        app: u16,
        stream: StreamId,
        out: &mut Outbox<Transmit>,
    ) {
        let Some(tuple) = self.tcp.named(app, stream) else {
            return;
        };
        if let Some(connection) = self.tcp.get(tuple) {
            connection.close();
        }
        self.pump(now, tuple, None, out);
    }

    pub(super) fn abort(
        &mut self,
        now: Instant,
        app: u16,
        stream: StreamId,
        out: &mut Outbox<Transmit>,
    ) {
        let Some(tuple) = self.tcp.named(app, stream) else {
            return;
        };
        if let Some(connection) = self.tcp.get(tuple).filter(|c| !c.is_opening()) {
            connection.abort();
            connection.poll(now, None, &mut self.segments);
            self.transmit_segments(now, tuple, out);
        }
        self.tcp.release(now, tuple);
    }

    /// Takes a segment; `Err` says why it goes no further.
    pub(super) fn take_segment(
        &mut self,
        now: Instant,
        (src, own): (Ipv4Addr, Ipv4Addr),
        segment: &Segment<'_>,
        packet: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let tuple = Tuple::of_received(src, segment);
        let known = self.tcp.get(tuple).is_some();
        let opens = segment.flags & (SYN | ACK | RST) == SYN && segment.src_port != 0;
        if opens && !known && self.tcp.is_full() {
            // Without an answer: its sender tries again.
            return Err(DropReason::ConnectionsFull);
        }
        if opens && let Some(answer) = self.tcp.challenge(tuple, segment) {
            self.answer(now, (src, own), &answer, out);
            return Ok(());
        }
        if known || opens && self.tcp.accept(now, own, tuple) {
            self.pump(now, tuple, Some(packet), out);
            return Ok(());
        }
        if let Some(answer) = self.tcp.answer_stray(tuple, segment) {
            self.answer(now, (src, own), &answer, out);
            if answer.flags == ACK {
                return Ok(());
            }
        }
        Err(DropReason::NoListener)
    }

    /// Sends a segment that no connection sends, back to where one came from.
    fn answer(
        &mut self,
        now: Instant,
        (src, own): (Ipv4Addr, Ipv4Addr),
        answer: &Segment<'_>,
        out: &mut Outbox<Transmit>,
    ) {
        let mut header = self.endpoint.header(ipv4::TCP, src);
        header.src = own;
        let way = self.endpoint.way(src);
        let back = self.endpoint.send(now, way, out, |bytes| {
            header.encode(20, bytes);
            answer.encode(own, src, bytes);
        });
        self.work.extend(back.map(Work::Frame));
    }

    /// Polls a connection, sends what it sends, and tells its app the next thing that happened.
    ///
    /// What else happened comes after the app's answer has been carried out: nothing follows an abort, and
    /// an answer takes the acknowledgement with it.
    pub(super) fn pump(
        &mut self,
        now: Instant,
        tuple: Tuple,
        incoming: Option<&[u8]>,
        out: &mut Outbox<Transmit>,
    ) {
        let Some(connection) = self.tcp.get(tuple) else {
            return;
        };
        let mut received = std::mem::take(&mut self.received);
        let progress = connection.poll(now, incoming, &mut self.segments);
        let happened = connection.next_event(&mut received);
        let (app, stream) = (connection.app, connection.stream);
        let way = self.endpoint.way(*tuple.peer.ip());
        if let (true, Way::Out(Hop::Neighbour(hop))) = (progress, way) {
            self.endpoint.interface.neighbours.progress(now, hop, out);
        }
        self.transmit_segments(now, tuple, out);
        let event = match happened {
            None | Some(Happened::Forgotten) => None,
            Some(Happened::Accepted) => Some(StreamEvent::Accepted {
                peer: tuple.peer,
                port: tuple.port,
            }),
            Some(Happened::Connected) => Some(StreamEvent::Connected),
            Some(Happened::Received) => Some(StreamEvent::Received(&received)),
            Some(Happened::PeerClosed) => Some(StreamEvent::PeerClosed),
            Some(Happened::Ended(end)) => Some(StreamEvent::Ended(end)),
        };
        if matches!(happened, Some(Happened::Ended(_) | Happened::Forgotten)) {
            self.tcp.release(now, tuple);
        }
        self.tcp.arm(now, tuple);
        if let Some(event) = event {
            self.call(app, |app, effects| {
                app.handle_stream(now, stream, event, effects);
            });
            self.work.push_back(Work::Pump(tuple));
        }
        self.received = super::kept(received);
    }

    /// A connection's own deadline has passed.
    pub(super) fn connection_due(
        &mut self,
        now: Instant,
        tuple: Tuple,
        out: &mut Outbox<Transmit>,
    ) {
        let over = self
            .tcp
            .get(tuple)
            .and_then(|connection| connection.timed_out(now));
        match over {
            Some(Happened::Ended(end)) => self.end(now, tuple, end),
            Some(_) => {
                self.tcp.release(now, tuple);
            }
            None => self.pump(now, tuple, None, out),
        }
    }

    /// Ends a connection without a word to the peer.
    pub(super) fn end(&mut self, now: Instant, tuple: Tuple, end: StreamEnd) {
        if let Some((app, stream)) = self.tcp.release(now, tuple) {
            self.work.push_back(Work::Ended(app, stream, end));
        }
    }

    /// A packet that this host sent could not be delivered. That ends an attempt to connect; for a
    /// connection that is up it is a soft error, and TCP goes on trying (RFC 1122 section 4.2.3.9).
    ///
    /// A datagram's app hears of a closed port, and of nothing else.
    pub(super) fn undeliverable(&mut self, now: Instant, packet: &[u8], code: u8) {
        let Some((protocol, tuple)) = Tuple::of_sent(packet) else {
            return;
        };
        if protocol == ipv4::UDP {
            if code == PORT_UNREACHABLE {
                self.refused(now, tuple);
            }
            return;
        }
        let opening = self.tcp.get(tuple).is_some_and(|c| c.is_opening());
        match code {
            FRAGMENTATION_NEEDED => {}
            _ if !opening => {}
            // Linux: connection refused.
            PORT_UNREACHABLE | PROTOCOL_UNREACHABLE => self.end(now, tuple, StreamEnd::Reset),
            _ => self.end(now, tuple, StreamEnd::HostUnreachable),
        }
    }

    /// A datagram that this host sent came to a port where nobody listens.
    fn refused(&mut self, now: Instant, tuple: Tuple) {
        if let Some(app) = self.endpoint.bound_to(tuple.port) {
            let (from_port, to) = (tuple.port, tuple.peer);
            self.call(app, |app, effects| {
                app.handle_host(now, HostEvent::Refused { from_port, to }, effects);
            });
        }
    }

    /// Sends the IP packets that a connection left in `self.segments`.
    fn transmit_segments(&mut self, now: Instant, tuple: Tuple, out: &mut Outbox<Transmit>) {
        let segments = std::mem::take(&mut self.segments);
        let way = self.endpoint.way(*tuple.peer.ip());
        for packet in Packets(&segments) {
            let back = self
                .endpoint
                .send(now, way, out, |bytes| bytes.extend_from_slice(packet));
            self.work.extend(back.map(Work::Frame));
        }
        self.segments = super::kept(segments);
    }
}
