//! Impairment: what a fault does to the frames that leave the wire of one direction of a cable.
//!
//! ```text
//!  queue ─▶ transmitter ─▶ wire: latency ─▶ loss ─▶ corruption ─▶ delay, jitter ─▶ duplication
//!     └── a fault may narrow both ──┘       └───────────── this module ─────────────────┘
//! ```
//!
//! A lost frame has taken its time on the transmitter all the same. Jitter is drawn evenly from none to all of
//! it; a frame never overtakes another unless the fault says so, so without `reorder` the jitter of one frame
//! holds up those behind it. A duplicate is a frame of its own: with `reorder` it has jitter of its own.
//!
//! Loss is even (each frame alone), in bursts (Gilbert and Elliott: a line that is good or bad, and changes with
//! each frame by chance), or both. A corrupted frame has one byte changed, behind the Ethernet header; what then
//! does not fit any more is left so, or mended, as by a broken device that calculates checksums itself.

use crate::rng::Rng;
use crate::sim::{Carried, Did, Mark, Touched};
use crate::time::{Duration, Instant};
use crate::wire::{Frame, checksums, ethernet};

use super::link::Bitrate;
use crate::outbox::DropReason;

/// Parts in a million.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(pub u32);

impl Probability {
    /// Always.
    pub const ONE: Probability = Probability(1_000_000);

    fn happens(self, rng: &mut Rng) -> bool {
        self.0 > 0 && rng.below(u64::from(Probability::ONE.0)) < u64::from(self.0)
    }
}

/// Loss in bursts (Gilbert 1960, Elliott 1963). The mean burst has 1 / `ends` frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// With each frame on a good line: that it turns bad.
    pub begins: Probability,
    /// With each frame on a bad line: that it turns good again.
    pub ends: Probability,
    /// Of each frame on a bad line: that it is lost.
    pub loss: Probability,
}

/// Frames with one byte changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corruption {
    pub rate: Probability,
    /// Whether IP, UDP, TCP and ICMP checksums fit the changed bytes.
    pub mended: bool,
}

/// What a fault does to one direction of a cable. The default does nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Impairment {
    pub loss: Probability,
    pub burst: Option<Burst>,
    pub delay: Duration,
    pub jitter: Duration,
    /// Whether jitter may let a frame overtake another.
    pub reorder: bool,
    pub duplicate: Probability,
    pub corrupt: Option<Corruption>,
    /// In place of the cable's, if it is lower.
    pub rate: Option<Bitrate>,
    /// In place of the cable's, if it is less.
    pub queue_bytes_max: Option<usize>,
}

/// A fault that is at work on one direction of a cable.
#[derive(Debug)]
pub(super) struct Impaired {
    pub(super) fault: u32,
    pub(super) settings: Impairment,
    rng: Rng,
    /// Of bursts.
    is_bad: bool,
    /// When the last frame arrived: without `reorder` no other comes before.
    last: Instant,
}

impl Impaired {
    pub(super) fn new(fault: u32, settings: Impairment, rng: Rng) -> Impaired {
        Impaired {
            fault,
            settings,
            rng,
            is_bad: false,
            last: Instant::ZERO,
        }
    }

    /// Takes the frame's arrivals so far out of `carried` and puts back what is left of them.
    pub(super) fn act(&mut self, frame: &Frame, carried: &mut Carried) {
        for (at, touched) in std::mem::take(&mut carried.arrivals) {
            self.one(frame, (at, touched), carried);
        }
    }

    fn one(
        &mut self,
        frame: &Frame,
        (at, mut touched): (Instant, Option<Box<Touched>>),
        carried: &mut Carried,
    ) {
        let fault = self.fault;
        let mark = |did| Mark { fault, did };
        if self.loses() {
            carried.dropped = Some(DropReason::LostByFault);
            carried.lost_by = Some(fault);
            return;
        }
        if let Some(corruption) = self.settings.corrupt
            && corruption.rate.happens(&mut self.rng)
        {
            let before = touched.as_ref().and_then(|it| it.frame.as_ref());
            let changed = self.corrupt(before.unwrap_or(frame), corruption.mended);
            if let Some((changed, byte)) = changed {
                let mended = corruption.mended;
                let touched = touched.get_or_insert_default();
                touched.frame = Some(changed);
                touched.marks.push(mark(Did::Corrupted { byte, mended }));
            }
        }
        let copy = self.settings.duplicate.happens(&mut self.rng);
        let twin = copy.then(|| {
            let mut twin = touched.clone().unwrap_or_default();
            twin.marks.push(mark(Did::Duplicated));
            Some(twin)
        });
        for mut touched in [Some(touched), twin].into_iter().flatten() {
            let late = self.delayed(at);
            if late > at {
                let did = Did::Delayed(late - at);
                touched.get_or_insert_default().marks.push(mark(did));
            }
            carried.arrivals.push((late, touched));
        }
    }

    fn loses(&mut self) -> bool {
        let mut lost = self.settings.loss.happens(&mut self.rng);
        if let Some(burst) = self.settings.burst {
            let turns = match self.is_bad {
                true => burst.ends,
                false => burst.begins,
            };
            self.is_bad ^= turns.happens(&mut self.rng);
            lost |= self.is_bad && burst.loss.happens(&mut self.rng);
        }
        lost
    }

    fn delayed(&mut self, at: Instant) -> Instant {
        let jitter = match self.settings.jitter {
            Duration::ZERO => Duration::ZERO,
            most => self.rng.duration(Duration::ZERO, most),
        };
        let at = at + self.settings.delay + jitter;
        if self.settings.reorder {
            return at;
        }
        self.last = self.last.max(at);
        self.last
    }

    /// The frame with one byte changed, and which; `None` if it has none behind the Ethernet header.
    fn corrupt(&mut self, frame: &Frame, mended: bool) -> Option<(Frame, u16)> {
        let room = frame.len().checked_sub(ethernet::HEADER_LEN)?;
        let byte = ethernet::HEADER_LEN + self.rng.below(room as u64) as usize;
        let mut bytes = frame.to_vec();
        *bytes.get_mut(byte)? ^= 1 + self.rng.below(255) as u8;
        if mended {
            checksums::mend(&mut bytes);
        }
        Some((bytes.into(), u16::try_from(byte).ok()?))
    }

    /// Gives the fault's random numbers back, for the next one here to go on with.
    pub(super) fn into_rng(self) -> Rng {
        self.rng
    }
}

#[cfg(test)]
mod tests;
