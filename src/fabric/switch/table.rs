//! Which address a switch has learnt at which port, for 300 s (802.1Q section 8.8.3, the recommended value), and of no
//! more addresses than it has room for.
//!
//! Two trees: what was seen since the last turn is in the young one. At a turn the young one becomes the old one, and
//! the old one goes. Turns come after each ageing time, so nothing that still counts goes by them, and when the young
//! tree is full: then those go first that have been silent for the longest. No address is ever looked for to be
//! forgotten.

use std::collections::BTreeMap;

use crate::sim::PortId;
use crate::time::{Duration, Instant};

/// A learnt address is forgotten this long after it was last seen.
pub(super) const AGEING_TIME: Duration = Duration::from_secs(300);
/// Addresses in one tree. IEEE 802.1Q names no number; switches have 8,192 and up.
const TREE_MAX: usize = 1 << 17;

/// Where an address was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Learnt {
    pub(super) port: PortId,
    /// How often the port had lost its carrier.
    pub(super) losses: u32,
    pub(super) seen: Instant,
}

/// The addresses that a switch has learnt, each with its VLAN as one number.
#[derive(Debug)]
pub(super) struct Table {
    young: BTreeMap<u64, Learnt>,
    old: BTreeMap<u64, Learnt>,
    turned: Instant,
    tree_max: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table::with_room_for(TREE_MAX)
    }
}

impl Table {
    fn with_room_for(tree_max: usize) -> Table {
        Table {
            young: BTreeMap::new(),
            old: BTreeMap::new(),
            turned: Instant::ZERO,
            tree_max,
        }
    }

    /// An address was seen.
    pub(super) fn learn(&mut self, key: u64, learnt: Learnt) {
        let is_full = self.young.len() >= self.tree_max && !self.young.contains_key(&key);
        if is_full || learnt.seen - self.turned >= AGEING_TIME {
            self.old = std::mem::take(&mut self.young);
            self.turned = learnt.seen;
        }
        self.young.insert(key, learnt);
    }

    /// Where an address was seen last, if that still counts.
    pub(super) fn find(&self, now: Instant, key: u64) -> Option<&Learnt> {
        let learnt = self.young.get(&key).or_else(|| self.old.get(&key));
        learnt.filter(|learnt| now - learnt.seen < AGEING_TIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_for_300_seconds_whenever_the_table_turns() {
        let mut table = Table::default();
        table.learn(1, seen_at(200));
        table.learn(2, seen_at(310)); // the first turn
        assert_eq!(table.find(at(499), 1), Some(&seen_at(200)));
        assert_eq!(table.find(at(500), 1), None);
        table.learn(2, seen_at(620)); // the second: what was seen before 310 s is gone
        assert_eq!(table.find(at(621), 2), Some(&seen_at(620)));
        assert_eq!((table.young.len(), table.old.len()), (1, 1));
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_for_the_longest() {
        let mut table = Table::with_room_for(3);
        for second in 0..100 {
            table.learn(second, seen_at(second)); // each is seen once,
            table.learn(0, seen_at(second)); // and one again and again
            assert!(table.young.len() + table.old.len() <= 6);
        }
        let known = |key| table.find(at(100), key).is_some();
        assert!(known(0) && known(99) && known(98));
        assert!(!known(1) && !known(90));
    }

    fn seen_at(second: u64) -> Learnt {
        Learnt {
            port: PortId(7),
            losses: 0,
            seen: at(second),
        }
    }

    fn at(second: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(second)
    }
}
