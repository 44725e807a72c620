//! What waits for a neighbour's answer: bounded by bytes, and the oldest goes first.

use std::collections::VecDeque;

use crate::wire::Frame;

/// What a frame of `len` bytes counts against `queue_bytes_max`: what the kernel's buffers for it cost.
///
/// The kernel counts `skb->truesize`: a power of two that holds the bytes and 320 bytes of shared info,
/// and 256 for the buffer's head. Small packets were measured at 832 bytes each, so that
/// 212,992 bytes are 256 small packets; a full frame of 1514 bytes counts 2304, so 92 of them wait.
pub(in crate::ip) fn truesize(len: usize) -> usize {
    const SMALL: usize = 832;
    ((len + 320).next_power_of_two() + 256).max(SMALL)
}

/// A frame that waits for its destination MAC, which is zero in it.
#[derive(Debug, Clone)]
pub(in crate::ip) struct Waiting {
    pub(in crate::ip) frame: Frame,
    /// The interface it came in by; `None` if the station itself sends it.
    pub(in crate::ip) ingress: Option<u16>,
}

/// What waits for one neighbour's answer, oldest first.
#[derive(Debug, Clone, Default)]
pub(in crate::ip) struct Queue {
    frames: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    /// Adds a frame; gives back the oldest ones that must go to make room.
    pub(in crate::ip) fn push(&mut self, waiting: Waiting, bytes_max: usize) -> Vec<Waiting> {
        let size = truesize(waiting.frame.len());
        let mut gone = Vec::new();
        while self.bytes + size > bytes_max {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= truesize(oldest.frame.len());
            gone.push(oldest);
        }
        self.bytes += size;
        self.frames.push_back(waiting);
        gone
    }

    /// Everything, oldest first.
    pub(in crate::ip) fn into_frames(self) -> VecDeque<Waiting> {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::NeighbourSettings;

    #[test]
    fn the_queue_holds_256_small_packets_or_92_full_ones_and_drops_the_oldest() {
        let max = NeighbourSettings::linux().queue_bytes_max;
        for (len, room) in [(60, 256), (1514, 92)] {
            let mut queue = Queue::default();
            let mut gone = 0;
            for number in 0..400_u16 {
                let mut bytes = vec![0; len];
                bytes[..2].copy_from_slice(&number.to_be_bytes());
                let frame = Frame::from(bytes);
                gone += queue
                    .push(
                        Waiting {
                            frame,
                            ingress: None,
                        },
                        max,
                    )
                    .len();
            }
            let kept = queue.into_frames();
            assert_eq!((gone, kept.len()), (400 - room, room));
            assert_eq!(kept[0].frame[..2], (400 - room as u16).to_be_bytes());
        }
        assert_eq!(truesize(60), 832);
    }
}
