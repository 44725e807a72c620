//! Time as data: instants of the run, and sets of named deadlines.
//!
//! An [`Instant`] counts nanoseconds since the run began, whatever clock drives the run. Nothing here
//! reads a clock: whoever calls a machine tells it what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

pub use std::time::Duration;

/// A moment of the run, in nanoseconds since the run began.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the run begins.
    pub const ZERO: Instant = Instant(0);

    /// The moment `nanos` nanoseconds after the run began.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// Nanoseconds since the run began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` is later than this.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// Saturates after 584 years.
    fn add(self, span: Duration) -> Instant {
        Instant(
            self.0
                .saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Instant {
    type Output = Duration;
    /// The time between two instants; zero if `earlier` is the later one.
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Instant {
    /// Seconds with six decimals, as Wireshark shows relative time: `12.003051`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06}",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000 / 1_000
        )
    }
}

/// A deadline and what it is for. `None` means never.
pub type Deadline = Option<(Instant, &'static str)>;

/// The earlier of two deadlines; the first where they are equal.
pub fn earlier(a: Deadline, b: Deadline) -> Deadline {
    match (a, b) {
        (Some(x), Some(y)) => Some(if y.0 < x.0 { y } else { x }),
        (x, y) => x.or(y),
    }
}

/// One deadline for each of many keys; the earliest is found without a walk over the keys.
///
/// Keys that fall due at one instant come in key order.
#[derive(Debug, Clone)]
pub struct Deadlines<K> {
    /// The earliest. Most hosts have no more: it needs no tree.
    first: Option<(Instant, K)>,
    /// All others.
    order: BTreeSet<(Instant, K)>,
    at: BTreeMap<K, Instant>,
}

impl<K: Ord + Copy> Default for Deadlines<K> {
    fn default() -> Self {
        Deadlines {
            first: None,
            order: BTreeSet::new(),
            at: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    /// Gives `key` the deadline `at`, in place of any it had; `None` takes it away.
    pub fn set(&mut self, key: K, at: Option<Instant>) {
        match self.first {
            Some((before, first)) if first == key => {
                if at == Some(before) {
                    return;
                }
                self.first = self.take_next();
            }
            Some(_) => {
                let before = self.at.get(&key).copied();
                if before == at {
                    return;
                }
                if let Some(before) = before {
                    self.at.remove(&key);
                    self.order.remove(&(before, key));
                }
            }
            None => {}
        }
        let Some(at) = at else { return };
        let later = match self.first {
            Some(first) if first < (at, key) => Some((at, key)),
            first => {
                self.first = Some((at, key));
                first
            }
        };
        if let Some((at, key)) = later {
            self.at.insert(key, at);
            self.order.insert((at, key));
        }
    }

    /// The earliest deadline of all keys.
    pub fn next(&self) -> Option<Instant> {
        self.first.map(|(at, _)| at)
    }

    /// Takes out the earliest key that is due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.first?;
        if at > now {
            return None;
        }
        self.first = self.take_next();
        Some(key)
    }

    /// Takes the earliest of the later ones.
    fn take_next(&mut self) -> Option<(Instant, K)> {
        let (at, key) = self.order.pop_first()?;
        self.at.remove(&key);
        Some((at, key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn deadlines_come_in_time_then_key_order_and_only_once() {
        let mut deadlines = Deadlines::default();
        deadlines.set('b', Some(Instant::from_nanos(5)));
        deadlines.set('a', Some(Instant::from_nanos(5)));
        deadlines.set('c', Some(Instant::from_nanos(9)));
        deadlines.set('c', Some(Instant::from_nanos(3)));
        assert_eq!(deadlines.next(), Some(Instant::from_nanos(3)));
        assert_eq!(deadlines.pop_due(Instant::from_nanos(2)), None);
        let now = Instant::from_nanos(7);
        let due: Vec<char> = std::iter::from_fn(|| deadlines.pop_due(now)).collect();
        assert_eq!(due, ['c', 'a', 'b']);
        assert_eq!(deadlines.next(), None);
    }

    proptest! {
        /// A plain map is the referee.
        #[test]
        fn deadlines_are_those_that_were_set_last(
            steps in prop::collection::vec((0..6_u8, prop::option::of(0..8_u64)), 0..60)
        ) {
            let (mut deadlines, mut plain) = (Deadlines::default(), BTreeMap::new());
            for (n, (key, at)) in steps.into_iter().enumerate() {
                let at = at.map(Instant::from_nanos);
                deadlines.set(key, at);
                plain.remove(&key);
                plain.extend(at.map(|at| (key, at)));
                let first = plain.iter().map(|(key, at)| (*at, *key)).min();
                prop_assert_eq!(deadlines.next(), first.map(|(at, _)| at));
                if n % 5 == 4 {
                    let now = Instant::from_nanos(4);
                    let due = first.filter(|(at, _)| *at <= now).map(|(_, key)| key);
                    prop_assert_eq!(deadlines.pop_due(now), due);
                    if let Some(key) = due {
                        plain.remove(&key);
                    }
                }
            }
        }
    }

    #[test]
    fn a_cleared_deadline_never_falls_due() {
        let mut deadlines = Deadlines::default();
        deadlines.set(1, Some(Instant::from_nanos(5)));
        deadlines.set(1, None);
        assert_eq!(deadlines.pop_due(Instant::from_nanos(10)), None);
    }

    #[test]
    fn an_instant_reads_as_seconds_with_microseconds() {
        assert_eq!(Instant::from_nanos(12_003_051_999).to_string(), "12.003051");
    }
}
