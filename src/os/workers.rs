//! Several things at once: the program's only threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does `work` on each item, at most `jobs` of them at a time, and calls `done` here with the index and the result of
/// each, as they come. Items are begun in their order.
pub fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    let next = AtomicUsize::new(0);
    let (to_here, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1).min(items.len()) {
            let (next, work, to_here) = (&next, &work, to_here.clone());
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
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
            in_parallel(jobs, &items, |item| item * 2, |n, it| results[n] = Some(it));
            let expected: Vec<_> = items.iter().map(|item| Some(item * 2)).collect();
            assert_eq!(results, expected, "{jobs} jobs");
        }
        in_parallel(4, &[] as &[usize], |_| (), |_, ()| panic!("there is none"));
    }

    #[test]
    fn as_many_are_done_at_once_as_there_are_jobs() {
        // Each waits for the other: one after the other they would never end.
        let both = Barrier::new(2);
        in_parallel(2, &[(), ()], |()| both.wait().is_leader(), |_, _| {});
    }
}
