//! Joins the fragments of packets for this station (RFC 791 section 3.2, RFC 815, RFC 1122 section 3.3.2).
//!
//! ```text
//!  fragment ─▶ its packet: source, destination, protocol, identification
//!                 │   pieces by offset; complete when the last one is there and no byte is missing
//!                 ├─▶ the whole packet, as a frame, which is then taken like any other
//!                 └─▶ dropped: after 30 s, by an overlap, for want of room
//! ```
//!
//! As in Linux: a packet has 30 s from its first fragment on (`ipfrag_time`), whatever comes later; then
//! its sender hears of it if the fragment with offset 0 is there (RFC 792: code 1). A fragment that is there already is
//! dropped alone; one that overlaps others in part has the whole packet dropped (`ip_frag_queue` after
//! CVE-2018-5391). A station holds 256 KiB of fragments at most, where Linux holds 4 MiB: room for four of the longest
//! packets. When that is used up no new fragment is taken.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::endpoint::why;
use crate::outbox::DropReason;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::{Frame, ipv4};

/// How long fragments wait for the others of their packet (Linux `ipfrag_time`).
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of all fragments that wait.
const BYTES_MAX: usize = 256 * 1024;

/// The packets of which fragments have come.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    packets: BTreeMap<Key, Pieces>,
    due: Deadlines<Key>,
    /// Of all frames that wait.
    bytes: usize,
}

/// The longest packet, header and all (RFC 791 section 3.1).
const PACKET_BYTES_MAX: usize = 65_535;

/// What the fragments of one packet have in common.
type Key = (Ipv4Addr, Ipv4Addr, u8, u16);

/// What has come of one packet.
#[derive(Debug, Default)]
struct Pieces {
    /// By their offset in the packet's payload; they don't overlap.
    by_offset: BTreeMap<usize, Piece>,
    /// Bytes of the payload that have come.
    have: usize,
    /// Bytes of the payload, once the last fragment has come.
    len: Option<usize>,
}

/// One fragment.
#[derive(Debug)]
struct Piece {
    frame: Frame,
    /// Where its IP packet begins in the frame.
    packet: usize,
    /// Where its payload is in the frame.
    payload: Range<usize>,
}

/// How a fragment fits to those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    New,
    Duplicate,
    Contradiction,
}

impl Reassembly {
    /// Takes a fragment: its IP packet begins at `packet` in `frame`. Gives the whole packet, in a frame, when
    /// this was the last that was missing; `Err` says why the fragment goes no further. `drop` is told of others
    /// that go with it.
    pub(super) fn add(
        &mut self,
        now: Instant,
        frame: &Frame,
        packet: usize,
        drop: &mut impl FnMut(DropReason, &Frame),
    ) -> Result<Option<Frame>, DropReason> {
        let (header, payload) = ipv4::decode(&frame[packet..]).map_err(why)?;
        let start = usize::from(header.fragment_offset) * 8;
        let end = start + payload.len();
        let cut_badly = header.more_fragments && !payload.len().is_multiple_of(8);
        let header_len = usize::from(frame[packet] & 0x0f) * 4;
        if payload.is_empty() || cut_badly || header_len + end > PACKET_BYTES_MAX {
            return Err(DropReason::Undecodable);
        }
        if self.bytes + frame.len() > BYTES_MAX {
            return Err(DropReason::FragmentsFull);
        }
        let key = (header.src, header.dst, header.protocol, header.id);
        let pieces = self.packets.entry(key).or_insert_with(|| {
            self.due.set(key, Some(now + PATIENCE));
            Pieces::default()
        });
        match pieces.fit(start..end, header.more_fragments) {
            Fit::New => {}
            Fit::Duplicate => return Err(DropReason::FragmentOverlap),
            Fit::Contradiction => {
                self.discard(key, DropReason::FragmentOverlap, drop);
                return Err(DropReason::FragmentOverlap);
            }
        }
        let begin = packet + header_len;
        let piece = Piece {
            frame: frame.clone(),
            packet,
            payload: begin..begin + payload.len(),
        };
        pieces.by_offset.insert(start, piece);
        pieces.have += payload.len();
        if !header.more_fragments {
            pieces.len = Some(end);
        }
        self.bytes += frame.len();
        if pieces.len != Some(pieces.have) {
            return Ok(None);
        }
        let whole = pieces.join();
        match &whole {
            Some(_) => _ = self.take(key),
            None => self.discard(key, DropReason::Undecodable, drop),
        }
        Ok(whole)
    }

    /// When fragments have waited for long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.next()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Drops what has waited for too long. Gives the fragments with offset 0 among it, each with the place of its IP
    /// packet in the frame.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        drop: &mut impl FnMut(DropReason, &Frame),
    ) -> Vec<(Frame, usize)> {
        let mut first = Vec::new();
        while let Some(key) = self.due.pop_due(now) {
            let pieces = self.packets.get(&key);
            let piece = pieces.and_then(|pieces| pieces.by_offset.get(&0));
            first.extend(piece.map(|piece| (piece.frame.clone(), piece.packet)));
            self.discard(key, DropReason::FragmentsMissing, drop);
        }
        first
    }

    /// Drops everything: the station has lost its power.
    pub(super) fn clear(&mut self, drop: &mut impl FnMut(DropReason, &Frame)) {
        while let Some(key) = self.packets.keys().next().copied() {
            self.discard(key, DropReason::NotReady, drop);
        }
    }

    fn discard(&mut self, key: Key, reason: DropReason, drop: &mut impl FnMut(DropReason, &Frame)) {
        for piece in self.take(key).into_iter().flat_map(|p| p.by_offset) {
            drop(reason, &piece.1.frame);
        }
    }

    fn take(&mut self, key: Key) -> Option<Pieces> {
        self.due.set(key, None);
        let pieces = self.packets.remove(&key)?;
        let frames = pieces.by_offset.values().map(|piece| piece.frame.len());
        self.bytes -= frames.sum::<usize>();
        Some(pieces)
    }
}

impl Pieces {
    fn fit(&self, bytes: Range<usize>, more: bool) -> Fit {
        let range = |(start, piece): (&usize, &Piece)| *start..*start + piece.payload.len();
        let end = self
            .by_offset
            .last_key_value()
            .map_or(0, |last| range(last).end);
        let contradicts = match self.len {
            Some(len) if more => bytes.end > len,
            Some(len) => bytes.end != len,
            None => !more && bytes.end < end,
        };
        let before = self.by_offset.range(..bytes.end).next_back().map(range);
        match before {
            _ if contradicts => Fit::Contradiction,
            Some(there) if there.start <= bytes.start && there.end >= bytes.end => Fit::Duplicate,
            Some(there) if there.end > bytes.start => Fit::Contradiction,
            Some(_) | None => Fit::New,
        }
    }

    /// The whole packet: the header of the fragment with offset 0, and the payloads of all. `None` if it is too long.
    fn join(&self) -> Option<Frame> {
        let first = self.by_offset.get(&0)?;
        let mut frame = first.frame[..first.payload.start].to_vec();
        for piece in self.by_offset.values() {
            frame.extend_from_slice(&piece.frame[piece.payload.clone()]);
        }
        // The first fragment alone has all options: with them the whole may be too long.
        if frame.len() - first.packet > PACKET_BYTES_MAX {
            return None;
        }
        let header_len = first.payload.start - first.packet;
        ipv4::set_fragment(&mut frame[first.packet..], header_len, 0, false);
        Some(Frame::from(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::fragment::fragments;
    use crate::rng::Rng;
    use proptest::prelude::*;

    const LEN: usize = 3_000;

    #[test]
    fn fragments_in_any_order_make_the_packet_again() {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut bench = Bench::default();
            let pieces = pieces(1, 1_500);
            let taken: Vec<_> = order.map(|n| bench.takes(&pieces[n])).into();
            assert_eq!(taken[..2], [Ok(None), Ok(None)]);
            let whole = taken[2].clone().unwrap().unwrap();
            assert_eq!(whole[14..], packet(1)[..]);
            assert!(bench.dropped.is_empty() && bench.reassembly.is_empty());
            assert_eq!(
                (bench.reassembly.bytes, bench.reassembly.deadline()),
                (0, None)
            );
        }
    }

    #[test]
    fn fragments_of_two_packets_are_not_mixed() {
        let mut bench = Bench::default();
        let (one, two) = (pieces(1, 1_500), pieces(2, 1_500));
        for piece in [&one[0], &two[1], &two[0], &one[2], &one[1]] {
            assert_eq!(
                bench.takes(piece).map(|whole| whole.is_some()),
                Ok(piece == &one[1])
            );
        }
        assert!(bench.takes(&two[2]).unwrap().is_some());
    }

    #[test]
    fn after_thirty_seconds_what_has_come_is_dropped_and_the_first_fragment_given_back() {
        let mut bench = Bench::default();
        let pieces = pieces(1, 1_500);
        bench.takes(&pieces[0]).unwrap();
        bench.now += Duration::from_secs(20);
        bench.takes(&pieces[1]).unwrap();
        let end = Instant::ZERO + PATIENCE;
        assert_eq!(bench.reassembly.deadline(), Some(end));
        bench.now = Instant::from_nanos(end.as_nanos() - 1);
        assert!(bench.expire().is_empty() && !bench.reassembly.is_empty());
        bench.now = end;
        assert_eq!(bench.expire(), [(pieces[0].clone(), 14)]);
        assert_eq!(bench.dropped, [DropReason::FragmentsMissing; 2]);
        assert!(
            bench.takes(&pieces[2]).unwrap().is_none(),
            "it begins a new one"
        );
    }

    #[test]
    fn a_fragment_that_comes_twice_is_dropped_alone() {
        let mut bench = Bench::default();
        let pieces = pieces(1, 1_500);
        bench.takes(&pieces[0]).unwrap();
        assert_eq!(bench.takes(&pieces[0]), Err(DropReason::FragmentOverlap));
        bench.takes(&pieces[2]).unwrap();
        assert_eq!(bench.takes(&pieces[2]), Err(DropReason::FragmentOverlap));
        assert!(bench.takes(&pieces[1]).unwrap().is_some());
        assert!(bench.dropped.is_empty());
    }

    #[test]
    fn a_fragment_that_overlaps_or_contradicts_others_takes_them_along() {
        let others: [(usize, usize, bool); 4] = [
            (1_472, 1_488, true),
            (744, 1_488, true),
            (3_008, 8, true),
            (2_960, 16, false),
        ];
        for (offset, len, more) in others {
            let mut bench = Bench::default();
            let pieces = pieces(1, 1_500);
            bench.takes(&pieces[0]).unwrap();
            bench.takes(&pieces[2]).unwrap();
            let wrong = fragment(1, offset, len, more);
            assert_eq!(
                bench.takes(&wrong),
                Err(DropReason::FragmentOverlap),
                "{offset}"
            );
            assert_eq!(bench.dropped, [DropReason::FragmentOverlap; 2]);
            assert!(bench.reassembly.is_empty());
        }
    }

    #[test]
    fn a_packet_that_its_first_fragments_options_make_too_long_is_dropped_with_its_reason() {
        let mut bench = Bench::default();
        let rest = 65_515 - 8;
        let mut first = fragment(1, 0, 8, true)[14..].to_vec();
        first.splice(20..20, [1; 40]);
        first[0] += 10;
        ipv4::set_fragment(&mut first, 60, 0, true);
        assert_eq!(bench.takes(&framed(&first)), Ok(None));
        assert_eq!(bench.takes(&fragment(1, 8, rest, false)), Ok(None));
        assert_eq!(bench.dropped, [DropReason::Undecodable; 2]);
        assert!(bench.reassembly.is_empty() && bench.reassembly.bytes == 0);
    }

    #[test]
    fn fragments_that_no_packet_can_have_are_refused() {
        let mut bench = Bench::default();
        for (offset, len, more) in [(0, 0, true), (0, 12, true), (65_528, 8, false)] {
            let refused = bench.takes(&fragment(1, offset, len, more));
            assert_eq!(refused, Err(DropReason::Undecodable));
        }
        assert!(bench.reassembly.is_empty());
    }

    #[test]
    fn there_is_room_for_a_quarter_of_a_mebibyte_and_no_more() {
        let mut bench = Bench::default();
        let taken = (0..1_000).map_while(|id| bench.takes(&pieces(id, 1_500)[0]).ok());
        assert_eq!(taken.count(), BYTES_MAX / 1_514);
        assert_eq!(
            bench.takes(&pieces(1, 1_500)[1]),
            Err(DropReason::FragmentsFull)
        );
    }

    proptest! {
        #[test]
        fn however_it_is_cut_and_shuffled_a_packet_comes_out_whole_once(
            mtus in prop::collection::vec(28..1_500_u16, 1..4), seed: u64,
        ) {
            let mut pieces = vec![packet(1)];
            for mtu in mtus {
                let cut = |piece: Vec<u8>| match piece.len() > usize::from(mtu) {
                    true => fragments(&piece, mtu),
                    false => vec![piece],
                };
                pieces = pieces.into_iter().flat_map(cut).collect();
            }
            prop_assume!(pieces.len() > 1);
            let mut rng = Rng::stream(seed, "order");
            let mut bench = Bench::default();
            let mut whole = Vec::new();
            while !pieces.is_empty() {
                let piece = pieces.swap_remove(rng.below(pieces.len() as u64) as usize);
                whole.extend(bench.takes(&framed(&piece)).unwrap());
            }
            prop_assert_eq!(whole.len(), 1);
            prop_assert_eq!(&whole[0][14..], &packet(1)[..]);
        }

        #[test]
        fn no_fragments_make_it_panic_or_lose_count(
            all in prop::collection::vec((0..3_u16, 0..40_usize, 0..12_usize, any::<bool>()), 0..60),
        ) {
            let mut bench = Bench::default();
            for (id, offset, len, more) in all {
                let _ = bench.takes(&fragment(id, offset * 8, len * 4, more));
            }
            bench.now += PATIENCE;
            bench.expire();
            prop_assert!(bench.reassembly.is_empty());
            prop_assert_eq!(bench.reassembly.bytes, 0);
        }
    }

    #[derive(Debug, Default)]
    struct Bench {
        now: Instant,
        reassembly: Reassembly,
        dropped: Vec<DropReason>,
    }

    impl Bench {
        fn takes(&mut self, frame: &Frame) -> Result<Option<Frame>, DropReason> {
            let mut drop = |reason, _: &Frame| self.dropped.push(reason);
            self.reassembly.add(self.now, frame, 14, &mut drop)
        }

        fn expire(&mut self) -> Vec<(Frame, usize)> {
            let mut drop = |reason, _: &Frame| self.dropped.push(reason);
            self.reassembly.expire(self.now, &mut drop)
        }
    }

    fn packet(id: u16) -> Vec<u8> {
        fragment(id, 0, LEN, false)[14..].to_vec()
    }

    fn pieces(id: u16, mtu: u16) -> Vec<Frame> {
        let pieces = fragments(&packet(id), mtu);
        pieces.iter().map(|piece| framed(piece)).collect()
    }

    fn framed(packet: &[u8]) -> Frame {
        Frame::from([&[0; 14], packet].concat())
    }

    fn fragment(id: u16, offset: usize, len: usize, more: bool) -> Frame {
        let header = ipv4::Header {
            tos: 0,
            id,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: ipv4::UDP,
            src: Ipv4Addr::new(10, 0, 0, 1),
            dst: Ipv4Addr::new(10, 0, 0, 2),
        };
        let mut packet = Vec::new();
        header.encode(len, &mut packet);
        packet.extend((0..len).map(|n| (n % 251) as u8));
        ipv4::set_fragment(&mut packet, 20, offset as u16, more);
        framed(&packet)
    }
}
