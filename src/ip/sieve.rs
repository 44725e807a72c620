//! A word in front of a table that says of most strangers that they are not in it, without a look into it.
//!
//! A broadcast reaches every host of its segment, and concerns few of them. The tables of a thousand idle
//! hosts are in no cache; a word beside what is read anyway is.

/// Which keys a table may hold. It never denies one that was added since it was last cleared.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sieve(u64);

impl Sieve {
    /// Of an empty table.
    pub(super) const EMPTY: Sieve = Sieve(0);

    /// The table holds `key` from now on.
    pub(super) fn add(&mut self, key: u32) {
        self.0 |= Sieve::bit(key);
    }

    /// Whether the table may hold `key`.
    pub(super) fn may_hold(self, key: u32) -> bool {
        self.0 & Sieve::bit(key) != 0
    }

    /// The table is empty.
    pub(super) fn clear(&mut self) {
        self.0 = 0;
    }

    /// One of 64 bits, from the upper bits of a product with 2^32 divided by the golden ratio (Knuth).
    fn bit(key: u32) -> u64 {
        1 << (key.wrapping_mul(0x9e37_79b9) >> 26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_never_denied_and_most_strangers_are() {
        let mut sieve = Sieve::default();
        sieve.add(0x0a01_0001);
        assert!(sieve.may_hold(0x0a01_0001));
        let strangers = (0x0a01_0002..0x0a01_00fe).filter(|key| sieve.may_hold(*key));
        assert!(strangers.count() < 16);
        sieve.clear();
        assert!(!sieve.may_hold(0x0a01_0001));
    }
}
