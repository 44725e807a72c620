//! Several things at once.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use super::clock::Clock;
use crate::time::{Duration, Instant};

/// Does `work` on each item, at most `jobs` of them at a time, and calls `done` here with the index and the result of
/// each, as they come. Items are begun in their order, each at least `apart` after the one before.
pub fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    apart: Duration,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    // The next index, and when its time comes.
    let (next, clock) = (Mutex::new((0, Instant::ZERO)), Clock::start());
    let (to_here, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1).min(items.len()) {
            let (next, work, to_here) = (&next, &work, to_here.clone());
            scope.spawn(move || {
                loop {
                    let index = {
                        // The others wait behind whoever waits.
                        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                        let (index, at) = *next;
                        if index < items.len() {
                            clock.wait_until(at);
                        }
                        *next = (index + 1, clock.now() + apart);
                        index
                    };
                    let Some(item) = items.get(index) else { break };
                    if to_here.send((index, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(to_here);
        for (index, result) in results {
            done(index, result);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn each_item_is_done_once_whatever_the_number_of_jobs() {
        let items: Vec<usize> = (0..50).collect();
        for jobs in [0, 1, 3, 100] {
            let mut results = vec![None; items.len()];
            in_parallel(
                jobs,
                Duration::ZERO,
                &items,
                |item| item * 2,
                |n, it| results[n] = Some(it),
            );
            let expected: Vec<_> = items.iter().map(|item| Some(item * 2)).collect();
            assert_eq!(results, expected, "{jobs} jobs");
        }
        let none: &[usize] = &[];
        in_parallel(
            4,
            Duration::ZERO,
            none,
            |_| (),
            |_, ()| panic!("there is none"),
        );
    }

    #[test]
    fn as_many_are_done_at_once_as_there_are_jobs() {
        // Each waits for the other: one after the other they would never end.
        let both = Barrier::new(2);
        let wait = |&(): &()| both.wait().is_leader();
        in_parallel(2, Duration::ZERO, &[(), ()], wait, |_, _| {});
    }

    #[test]
    fn they_begin_apart_and_none_waits_longer_than_it_must() {
        let apart = Duration::from_millis(20);
        let clock = Clock::start();
        let mut began = Vec::new();
        in_parallel(
            3,
            apart,
            &[(), (), ()],
            |()| clock.now(),
            |_, at| began.push(at),
        );
        began.sort();
        assert!(began[1] >= began[0] + apart / 2 && began[2] >= began[0] + apart * 2);
        let long = Duration::from_secs(600);
        in_parallel(3, long, &[()], |()| (), |_, ()| {});
    }
}
