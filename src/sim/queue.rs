//! The event queue: a total order of (time, sequence), and time that never goes back.
//!
//! Frames are due within microseconds, wake-ups of idle stations within seconds, and of the latter there are
//! many. So the queue has two parts: what is due before the horizon is in a heap, which stays small enough
//! to be in a cache; what is due later lies unsorted in one list a span of time. When the heap is empty, the
//! next list becomes the heap.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use crate::time::Instant;

/// A span of time is 2 to this power nanoseconds: some 4 ms.
const SPAN_BITS: u32 = 22;

/// Events in order of their time; those of one instant in the order in which they were pushed.
#[derive(Debug)]
pub(super) struct Queue<E> {
    /// What is due before the horizon. Empty only if the whole queue is.
    near: BinaryHeap<Entry>,
    /// The number of the first span that is not in `near`.
    horizon: u64,
    /// What is due later, by span.
    far: BTreeMap<u64, Vec<Entry>>,
    /// The events, by [`Entry::place`].
    events: Vec<Option<E>>,
    /// Places of `events` that are empty.
    free: Vec<u32>,
    pushed: u64,
    now: Instant,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    sequence: u64,
    place: u32,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Queue<E> {
        Queue {
            near: BinaryHeap::new(),
            horizon: 0,
            far: BTreeMap::new(),
            events: Vec::new(),
            free: Vec::new(),
            pushed: 0,
            now: Instant::ZERO,
        }
    }

    /// The time of the last event that was taken, or the later time that [`Queue::advance`] set.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Adds an event. Its time must not lie in the past.
    pub(super) fn push(&mut self, at: Instant, event: E) {
        assert!(at >= self.now, "an event at {at}, before now {}", self.now);
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            u32::try_from(self.events.len() - 1).expect("fewer than 2^32 events to come")
        });
        self.events[place as usize] = Some(event);
        let entry = Entry {
            at,
            sequence: self.pushed,
            place,
        };
        self.pushed += 1;
        let span = at.as_nanos() >> SPAN_BITS;
        if self.near.is_empty() {
            self.horizon = span + 1;
        }
        if span < self.horizon {
            self.near.push(entry);
        } else {
            self.far.entry(span).or_default().push(entry);
        }
    }

    /// When the next event is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.near.peek().map(|entry| entry.at)
    }

    /// Takes the next event if it is due at `limit` or before, and makes its time the present.
    pub(super) fn pop(&mut self, limit: Instant) -> Option<E> {
        if self.next()? > limit {
            return None;
        }
        let entry = self.near.pop()?;
        self.now = entry.at;
        if self.near.is_empty()
            && let Some((span, entries)) = self.far.pop_first()
        {
            self.horizon = span + 1;
            self.near = BinaryHeap::from(entries);
        }
        self.free.push(entry.place);
        self.events[entry.place as usize].take()
    }

    /// All events, in no order.
    #[cfg(test)]
    pub(super) fn events(&self) -> impl Iterator<Item = &E> {
        self.events.iter().flatten()
    }

    /// Makes `now` the present; no event may be due before it.
    pub(super) fn advance(&mut self, now: Instant) {
        debug_assert!(self.next().is_none_or(|next| next >= now));
        self.now = self.now.max(now);
    }
}

impl Ord for Entry {
    /// The heap gives its greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn events_at_the_same_instant_run_in_push_order() {
        let mut queue = Queue::new();
        for (time, name) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(at(time), name);
        }
        let order: String = std::iter::from_fn(|| queue.pop(at(9))).collect();
        assert_eq!(order, "abcd");
        assert_eq!(queue.now(), at(5));
    }

    #[test]
    fn events_near_and_far_come_in_one_order() {
        let mut queue = Queue::new();
        let mut rng = crate::rng::Rng::stream(7, "queue");
        let mut expected = Vec::new();
        let mut taken = Vec::new();
        for n in 0..2_000_u64 {
            let now = queue.now().as_nanos();
            let time = now + (u64::from(rng.u32()) >> (n % 24));
            queue.push(at(time), (time, n));
            expected.push((time, n));
            if n % 3 == 0 {
                taken.extend(queue.pop(at(u64::MAX)));
            }
        }
        taken.extend(std::iter::from_fn(|| queue.pop(at(u64::MAX))));
        // Nothing was pushed into the past, so taking some of them early changes no order.
        expected.sort_unstable();
        assert_eq!(taken, expected);
    }

    #[test]
    fn an_event_after_the_limit_stays() {
        let mut queue = Queue::new();
        queue.push(at(7), ());
        assert_eq!(queue.pop(at(6)), None);
        assert_eq!(queue.pop(at(7)), Some(()));
    }

    #[test]
    #[should_panic(expected = "before now")]
    fn an_event_in_the_past_is_refused() {
        let mut queue = Queue::new();
        queue.push(at(7), ());
        queue.pop(at(7));
        queue.push(at(6), ());
    }
}
