//! A cable, three parts each way in this order: queue (bytes that wait) → transmitter (rate) → wire (latency, then
//! what faults do there: [`super::impair`]).
//!
//! Only bytes that wait for the transmitter count against the queue; what is being sent or is on the wire
//! does not. Without impairment nothing overtakes on a cable. The way of a frame is known when it is
//! handed in, so a cable has no deadlines of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::impair::{Impaired, Impairment};
use crate::outbox::DropReason;
use crate::rng::Rng;
use crate::sim::{Carried, Link, Side};
use crate::time::{Duration, Instant};
use crate::wire::Frame;

/// Bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bitrate(pub u64);

impl Bitrate {
    /// How long `bytes` take to send, to the nanosecond above.
    pub fn time_for(self, bytes: usize) -> Duration {
        // Exact for less than 2 GiB, and a frame is far shorter.
        let bit_nanos = (bytes as u64).saturating_mul(8 * 1_000_000_000);
        Duration::from_nanos(bit_nanos.div_ceil(self.0.max(1)))
    }
}

/// How a cable is, the same each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CableSettings {
    pub latency: Duration,
    /// `None`: frames take no time to send, and never wait.
    pub rate: Option<Bitrate>,
    /// Bytes that may wait for the transmitter.
    pub queue_bytes_max: usize,
    /// Whether a fault is at work on it. Of settings that cables share it is false.
    pub impaired: bool,
}

/// Bytes that a frame takes on the wire besides its own: preamble 8, frame check sequence 4, gap 12 (IEEE 802.3).
const OVERHEAD_BYTES: usize = 24;
/// A frame is padded to this length before the frame check sequence (IEEE 802.3).
const FRAME_BYTES_MIN: usize = 60;

/// A cable between two ports. It is small, as a broadcast goes over all of a segment's.
#[derive(Debug)]
pub struct Cable {
    settings: Arc<CableSettings>,
    ways: [Way; 2],
}

/// One direction of a cable.
#[derive(Debug, Default)]
struct Way {
    /// When the transmitter has sent everything that was handed in.
    idle_at: Instant,
    /// What may still wait, and faults; `None` until there first is something of them.
    waiting: Option<Box<Waiting>>,
}

/// Frames that wait for the transmitter.
#[derive(Debug, Default)]
struct Waiting {
    /// When each begins to be sent, and its bytes.
    frames: VecDeque<(Instant, usize)>,
    bytes: usize,
    /// The faults that are at work here, in the order in which they began.
    faults: Vec<Impaired>,
}

impl Cable {
    /// A cable with these settings, nothing on it.
    pub fn new(settings: Arc<CableSettings>) -> Cable {
        Cable {
            settings,
            ways: Default::default(),
        }
    }

    /// A fault begins to work on what is sent at the end `from`.
    pub fn impair(&mut self, from: Side, fault: u32, impairment: Impairment, rng: Rng) {
        let waiting = self.ways[from as usize].waiting.get_or_insert_default();
        waiting.faults.push(Impaired::new(fault, impairment, rng));
        self.note_faults();
    }

    /// A fault ends there. Its random numbers come back, for the fault to go on with when it begins again.
    pub fn mend(&mut self, from: Side, fault: u32) -> Option<Rng> {
        let faults = &mut self.ways[from as usize].waiting.as_mut()?.faults;
        let at = faults.iter().position(|it| it.fault == fault)?;
        let rng = faults.remove(at).into_rng();
        self.note_faults();
        Some(rng)
    }

    fn note_faults(&mut self) {
        let of = |way: &Way| way.waiting.as_ref().is_some_and(|it| !it.faults.is_empty());
        let impaired = self.ways.iter().any(of);
        if impaired != self.settings.impaired {
            let settings = *self.settings;
            self.settings = Arc::new(CableSettings {
                impaired,
                ..settings
            });
        }
    }
}

impl Link for Cable {
    fn carry(&mut self, now: Instant, from: Side, frame: &Frame, carried: &mut Carried) {
        let settings = &*self.settings;
        let way = &mut self.ways[from as usize];
        if settings.impaired {
            return way.carry_impaired(*settings, now, frame, carried);
        }
        match way.send(settings, now, frame.len()) {
            Ok(sent) => carried.arrivals.push((sent + settings.latency, None)),
            Err(reason) => carried.dropped = Some(reason),
        }
    }
}

impl Way {
    /// Queue and transmitter: when the last bit of a frame is on the wire.
    fn send(
        &mut self,
        settings: &CableSettings,
        now: Instant,
        bytes: usize,
    ) -> Result<Instant, DropReason> {
        let Some(rate) = settings.rate else {
            return Ok(now);
        };
        let starts = self.idle_at.max(now);
        if starts > now {
            let waiting = self.waiting.get_or_insert_default();
            waiting.forget_sent(now);
            if waiting.bytes + bytes > settings.queue_bytes_max {
                return Err(DropReason::QueueFull);
            }
            waiting.frames.push_back((starts, bytes));
            waiting.bytes += bytes;
        }
        self.idle_at = starts + rate.time_for(bytes.max(FRAME_BYTES_MIN) + OVERHEAD_BYTES);
        Ok(self.idle_at)
    }

    /// A fault is at work at least one way, perhaps not this one.
    fn carry_impaired(
        &mut self,
        mut settings: CableSettings,
        now: Instant,
        frame: &Frame,
        carried: &mut Carried,
    ) {
        for fault in self.waiting.iter().flat_map(|it| &it.faults) {
            let Impairment {
                rate,
                queue_bytes_max,
                ..
            } = fault.settings;
            settings.rate = match (settings.rate, rate) {
                (Some(own), Some(fault)) => Some(own.min(fault)),
                (own, fault) => own.or(fault),
            };
            let queue = settings.queue_bytes_max;
            settings.queue_bytes_max = queue_bytes_max.map_or(queue, |it| it.min(queue));
        }
        match self.send(&settings, now, frame.len()) {
            Ok(sent) => carried.arrivals.push((sent + settings.latency, None)),
            Err(reason) => carried.dropped = Some(reason),
        }
        for fault in self.waiting.iter_mut().flat_map(|it| &mut it.faults) {
            fault.act(frame, carried);
        }
    }
}

impl Waiting {
    /// Takes out of the queue what the transmitter has begun to send by now.
    fn forget_sent(&mut self, now: Instant) {
        while let Some((_, bytes)) = self.frames.pop_front_if(|(starts, _)| *starts <= now) {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_its_time_to_send_and_then_the_latency() {
        let mut cable = cable(100_000_000, 10_000);
        // 1,476 + 24 bytes at 100 Mbit/s: 120 µs; latency 50 µs.
        assert_eq!(arrival(&mut cable, 0, 1_476), Ok(170_000));
        // A short one is padded to 60: 84 bytes, 6.72 µs, and waits for the first.
        assert_eq!(arrival(&mut cable, 0, 42), Ok(120_000 + 6_720 + 50_000));
    }

    #[test]
    fn no_loss_below_the_rate_whatever_the_latency() {
        let mut slow = Cable::new(Arc::new(CableSettings {
            latency: Duration::from_millis(600),
            rate: Some(Bitrate(15_000_000)),
            queue_bytes_max: 3_000,
            impaired: false,
        }));
        // 1,500 bytes on the wire each 800 µs is exactly 15 Mbit/s.
        assert!((0..7_500).all(|n| arrival(&mut slow, n * 800_000, 1_476).is_ok()));
    }

    #[test]
    fn only_waiting_bytes_count_against_the_queue() {
        let mut cable = cable(100_000_000, 2_000);
        // One is sent, two wait in 2,000 bytes, the fourth finds no room.
        let results: Vec<bool> = (0..4)
            .map(|_| arrival(&mut cable, 0, 1_000).is_ok())
            .collect();
        assert_eq!(results, [true, true, true, false]);
        assert_eq!(
            arrival(&mut cable, 0, 1_000),
            Err(DropReason::QueueFull),
            "and the reason is named"
        );
        // When the second is being sent, there is room for one more.
        assert!(arrival(&mut cable, 82_000, 1_000).is_ok());
    }

    #[test]
    fn the_two_directions_do_not_hinder_each_other() {
        let mut cable = cable(100_000_000, 2_000);
        arrival(&mut cable, 0, 1_476).unwrap();
        let mut carried = Carried::default();
        let frame: Frame = vec![0; 1_476].into();
        cable.carry(Instant::ZERO, Side::B, &frame, &mut carried);
        assert_eq!(carried.arrivals[0].0.as_nanos(), 170_000);
    }

    fn cable(rate: u64, queue_bytes_max: usize) -> Cable {
        Cable::new(Arc::new(CableSettings {
            latency: Duration::from_micros(50),
            rate: Some(Bitrate(rate)),
            queue_bytes_max,
            impaired: false,
        }))
    }

    fn arrival(cable: &mut Cable, now: u64, bytes: usize) -> Result<u64, DropReason> {
        let mut carried = Carried::default();
        let frame: Frame = vec![0; bytes].into();
        cable.carry(Instant::from_nanos(now), Side::A, &frame, &mut carried);
        match carried.dropped {
            Some(reason) => Err(reason),
            None => Ok(carried.arrivals[0].0.as_nanos()),
        }
    }
}
