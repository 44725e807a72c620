//! How long elements take to answer, as distributions.

use std::collections::BTreeMap;

use super::record::{By, Record};
use crate::time::Duration;
use crate::wire::reg::Message;

/// Times from what a set says to what its element says next, by the names of both messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers(BTreeMap<(String, String), Vec<u64>>);

/// A distribution of times, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distribution {
    pub median_ns: u64,
    /// Nine of ten are not longer.
    pub p90_ns: u64,
    pub n: usize,
}

/// Of the larger median, what may be chance: besides the tolerance, as longer times vary more.
const CHANCE_PART: u64 = 5;

impl Answers {
    /// Those of one run.
    pub fn of(record: &Record) -> Answers {
        let mut answers = Answers::default();
        for said in record.said.values() {
            for pair in said.windows(2) {
                let [asked, answer] = pair else { continue };
                if asked.by != By::Set
                    || answer.by != By::Element
                    || asked.element != answer.element
                {
                    continue;
                }
                // An element may say something of its own while it owes a heartbeat.
                let heartbeats = [asked, answer].map(|it| is_heartbeat(&it.name));
                if heartbeats[0] != heartbeats[1] {
                    continue;
                }
                let key = (asked.name.clone(), answer.name.clone());
                let time = answer.at_ns.saturating_sub(asked.at_ns);
                answers.0.entry(key).or_default().push(time);
            }
        }
        answers
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Answers) {
        for (key, times) in &other.0 {
            self.0.entry(key.clone()).or_default().extend(times);
        }
    }

    /// What these two have, beside each other: `Device Registration → PIN Request`, and both distributions.
    pub fn beside<'a>(
        &'a self,
        other: &'a Answers,
    ) -> impl Iterator<Item = (String, Option<Distribution>, Option<Distribution>)> + 'a {
        let only_other = other.0.keys().filter(|key| !self.0.contains_key(*key));
        let mut keys: Vec<_> = self.0.keys().chain(only_other).collect();
        keys.sort();
        keys.into_iter().map(|key| {
            let of = |answers: &Answers| answers.0.get(key).and_then(|times| distribution(times));
            (format!("{} → {}", key.0, key.1), of(self), of(other))
        })
    }
}

/// Of fewer answers the median is no measure: one that the machine held up would count.
const ENOUGH: usize = 5;

/// Whether two medians differ by more than chance: the tolerance, and a fifth of the larger one.
pub(super) fn differ(a: Distribution, b: Distribution, tolerance: Duration) -> bool {
    if a.n.min(b.n) < ENOUGH {
        return false;
    }
    let chance = a.median_ns.max(b.median_ns) / CHANCE_PART;
    let tolerance = u64::try_from(tolerance.as_nanos()).unwrap_or(u64::MAX);
    a.median_ns.abs_diff(b.median_ns) > tolerance.saturating_add(chance)
}

/// Whether this is the name of a heartbeat or of its answer.
pub(super) fn is_heartbeat(name: &str) -> bool {
    [Message::Heartbeat, Message::HeartbeatAnswer]
        .iter()
        .any(|it| it.name() == name)
}

/// Median and 90th percentile by the nearest rank; `None` of nothing.
fn distribution(times: &[u64]) -> Option<Distribution> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let rank = |percent: usize| (times.len() * percent).div_ceil(100).saturating_sub(1);
    Some(Distribution {
        median_ns: *times.get(rank(50))?,
        p90_ns: *times.get(rank(90))?,
        n: times.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_by_nearest_rank() {
        let of = |times: &[u64]| distribution(times).map(|it| (it.median_ns, it.p90_ns, it.n));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some((7, 7, 1)));
        assert_eq!(of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), Some((5, 9, 10)));
    }

    #[test]
    fn what_may_be_chance_is_no_difference() {
        let at = |millis: u64| Distribution {
            median_ns: millis * 1_000_000,
            p90_ns: 0,
            n: 5,
        };
        let tolerance = Duration::from_millis(250);
        assert!(!differ(at(0), at(250), tolerance) && differ(at(0), at(320), tolerance));
        assert!(
            !differ(at(10_000), at(12_000), tolerance) && differ(at(10_000), at(13_000), tolerance)
        );
        let few = Distribution { n: 4, ..at(9_000) };
        assert!(!differ(at(0), few, tolerance) && !differ(few, at(0), tolerance));
    }
}
