//! Cuts an IP packet into fragments that fit a link (RFC 791 section 3.2, RFC 815).
//!
//! ```text
//!  | header | payload                                  |     a packet, or a fragment itself
//!  | header | n * 8 bytes |  | header | n * 8 bytes |  | header | the rest |
//!      offset, more              offset, more              offset, more if it was one
//! ```
//!
//! Each fragment has the packet's header. Options that are not to be copied (RFC 791 section 3.1: the copied
//! flag) are no-operations in all fragments but the first, as Linux has it, so headers are of one length.

use crate::wire::ipv4::{self, HEADER_LEN};

/// A fragment's payload is a multiple of this, but for the last.
const UNIT: usize = 8;
/// Option types (RFC 791 section 3.1).
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const COPIED: u8 = 0x80;

/// The fragments, of at most `mtu` bytes each, of a packet that is longer; DF is for the caller to look at.
///
/// None if `packet` is none: shorter than its header says, or longer than its length field.
pub(super) fn fragments(packet: &[u8], mtu: u16) -> Vec<Vec<u8>> {
    let Ok((header, payload)) = ipv4::decode(packet) else {
        return Vec::new();
    };
    // `decode` has checked that the header is this long, and that the packet is as long as it says.
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let room = usize::from(mtu).saturating_sub(header_len) / UNIT * UNIT;
    if room == 0 || header_len + payload.len() != packet.len() {
        return Vec::new();
    }
    let mut head = packet[..header_len].to_vec();
    let mut offset = usize::from(header.fragment_offset) * UNIT;
    let mut fragments = Vec::new();
    let mut pieces = payload.chunks(room).peekable();
    while let Some(piece) = pieces.next() {
        let mut fragment = [&head[..], piece].concat();
        let more = pieces.peek().is_some() || header.more_fragments;
        // A packet's payload is below 64 KiB, and a fragment of one lies within it.
        ipv4::set_fragment(&mut fragment, header_len, offset as u16, more);
        fragments.push(fragment);
        offset += piece.len();
        blank_options(&mut head[HEADER_LEN..]);
    }
    fragments
}

/// Makes no-operations of the options that only the first fragment has.
fn blank_options(options: &mut [u8]) {
    let mut at = 0;
    while let Some(&kind) = options.get(at) {
        let len = match kind {
            END => return,
            NO_OPERATION => 1,
            _ => options.get(at + 1).map_or(0, |len| usize::from(*len)),
        };
        let Some(option) = options
            .get_mut(at..at + len)
            .filter(|option| !option.is_empty())
        else {
            return;
        };
        if kind & COPIED == 0 {
            option.fill(NO_OPERATION);
        }
        at += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_packet_is_cut_at_multiples_of_eight_and_each_piece_says_where_it_belongs() {
        let pieces = fragments(&packet(&[], 100, 0, false), 68);
        let told: Vec<_> = pieces.iter().map(|piece| place(piece)).collect();
        assert_eq!(told, [(0, true, 48), (48, true, 48), (96, false, 4)]);
        let payload: Vec<u8> = pieces.iter().flat_map(|p| p[20..].to_vec()).collect();
        assert_eq!(payload, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn a_fragment_is_cut_again_and_its_last_piece_is_not_the_packets_last() {
        let pieces = fragments(&packet(&[], 64, 96, true), 68);
        let told: Vec<_> = pieces.iter().map(|piece| place(piece)).collect();
        assert_eq!(told, [(96, true, 48), (144, true, 16)]);
    }

    #[test]
    fn options_that_are_not_copied_are_blank_in_all_fragments_but_the_first() {
        // Record route (7) is not copied, loose source route (131) is.
        let options = [7, 3, 4, 131, 3, 4, 1, 0];
        let pieces = fragments(&packet(&options, 100, 0, false), 68);
        assert_eq!(pieces[0][20..28], options);
        for piece in &pieces[1..] {
            assert_eq!(piece[20..28], [1, 1, 1, 131, 3, 4, 1, 0]);
        }
    }

    #[test]
    fn options_with_wrong_lengths_are_left_alone() {
        for wrong in [[7, 0, 1, 1], [7, 9, 1, 1], [1, 1, 1, 7]] {
            let mut options = wrong;
            blank_options(&mut options);
            assert_eq!(options, wrong);
        }
    }

    #[test]
    fn what_is_no_packet_or_finds_no_room_has_no_fragments() {
        assert!(fragments(&[0x45; 10], 1500).is_empty());
        assert!(fragments(&packet(&[], 100, 0, false), 27).is_empty());
    }

    fn packet(options: &[u8], len: u8, offset: u16, more: bool) -> Vec<u8> {
        let header = ipv4::Header {
            tos: 0,
            id: 7,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: ipv4::UDP,
            src: Ipv4Addr::new(10, 0, 0, 1),
            dst: Ipv4Addr::new(10, 0, 0, 2),
        };
        let mut packet = Vec::new();
        header.encode(0, &mut packet);
        packet[0] += options.len() as u8 / 4;
        packet.extend_from_slice(options);
        packet.extend(0..len);
        ipv4::set_fragment(&mut packet, 20 + options.len(), offset, more);
        packet
    }

    /// Offset in bytes, whether more follow, and bytes of payload.
    fn place(fragment: &[u8]) -> (u16, bool, usize) {
        let (header, payload) = ipv4::decode(fragment).unwrap();
        let offset = header.fragment_offset * 8;
        (offset, header.more_fragments, payload.len())
    }
}
