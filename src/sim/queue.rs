//! The event queue: a total order of (time, sequence), and time that never goes back.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::time::Instant;

/// Events in order of their time; those of one instant in the order in which they were pushed.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    pushed: u64,
    now: Instant,
}

#[derive(Debug)]
struct Entry<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Queue<E> {
        Queue {
            heap: BinaryHeap::new(),
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
        self.heap.push(Entry {
            at,
            sequence: self.pushed,
            event,
        });
        self.pushed += 1;
    }

    /// When the next event is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next event if it is due at `limit` or before, and makes its time the present.
    pub(super) fn pop(&mut self, limit: Instant) -> Option<E> {
        if self.next()? > limit {
            return None;
        }
        let entry = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }

    /// All events, in no order.
    #[cfg(test)]
    pub(super) fn events(&self) -> impl Iterator<Item = &E> {
        self.heap.iter().map(|entry| &entry.event)
    }

    /// Makes `now` the present; no event may be due before it.
    pub(super) fn advance(&mut self, now: Instant) {
        debug_assert!(self.next().is_none_or(|next| next >= now));
        self.now = self.now.max(now);
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives its greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

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
