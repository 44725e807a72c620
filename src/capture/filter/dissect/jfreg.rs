//! The registration protocol on TCP port 6800, its messages put together from segments.

use super::{Dissector, Packet};

/// The streams that were seen.
#[derive(Debug, Default)]
pub(super) struct Streams {}

pub(super) fn segment(
    _dissector: &mut Dissector,
    _packet: Packet,
    _src: u16,
    _dst: u16,
    _header: &[u8],
    _payload: &[u8],
) {
}
