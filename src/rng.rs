//! Chance, from the run's seed: one named stream for each user of chance.
//!
//! A stream depends on the seed and its own name alone, so one more phone in a scenario does not change
//! what any other phone draws. The generator is PCG (`Mcg128Xsl64`), whose output is fixed for all time.

use std::time::Duration;

use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// One user's random numbers.
#[derive(Debug, Clone)]
pub struct Rng(Pcg64Mcg);

impl Rng {
    /// The stream called `name` of the run with this seed.
    pub fn stream(seed: u64, name: &str) -> Rng {
        // FNV-1a, 64 bits: fixed for all time, unlike the standard library's hasher.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let state = (u128::from(seed) << 64) | u128::from(hash);
        let mut rng = Pcg64Mcg::from_seed(state.to_le_bytes());
        // Nearby states give related first outputs; a few steps part them.
        for _ in 0..8 {
            rng.next_u64();
        }
        Rng(rng)
    }

    /// Any 32-bit number.
    pub fn u32(&mut self) -> u32 {
        (self.0.next_u64() >> 32) as u32
    }

    /// Any 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 up to but not including `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift (Lemire): the bias is below bound / 2^64.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A time from `low` up to and including `high`, in whole nanoseconds; `low` if `high` is lower.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_nanos()).unwrap_or(u64::MAX);
        low + Duration::from_nanos(self.below(span.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_name_alone() {
        let first = |seed, name| Rng::stream(seed, name).u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }

    #[test]
    fn the_algorithm_is_fixed() {
        let mut rng = Rng::stream(1, "fixed");
        assert_eq!([rng.u32(), rng.u32()], [2_394_516_001, 2_570_721_502]);
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_them() {
        let mut rng = Rng::stream(7, "bounds");
        let drawn: Vec<u64> = (0..200).map(|_| rng.below(3)).collect();
        assert!([0, 1, 2].iter().all(|n| drawn.contains(n)) && drawn.iter().all(|n| *n < 3));
        let (low, high) = (Duration::from_secs(15), Duration::from_secs(30));
        assert!((0..200).all(|_| (low..=high).contains(&rng.duration(low, high))));
    }
}
