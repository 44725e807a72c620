//! Automatic DN selection: a range of DNs, of which the lowest free one is given out (RG-13).
//!
//! The lowest free number is kept, and not looked for: it goes up past numbers that were taken, and down when
//! a number is freed. In the long run a registration costs one step.
//!
//! The vendor's hunt gives up after ten consecutive DNs that are local only. No DN is local only here (CL-1),
//! so the hunt ends at the end of the range.

use std::ops::RangeInclusive;

/// The range of automatic DN selection.
#[derive(Debug, Clone)]
pub(super) struct Automatic {
    range: RangeInclusive<u32>,
    digits: usize,
    /// The lowest free number; one past the range if none is left.
    free: u32,
}

impl Automatic {
    /// A range in which everything is free. `None` unless both ends are numbers of 1 to 7 digits and of equal
    /// length, lowest first.
    pub(super) fn new(first: &str, last: &str) -> Option<Automatic> {
        let is_number = |dn: &str| dn.chars().all(|digit| digit.is_ascii_digit());
        let digits = first.len();
        if !(1..=7).contains(&digits) || last.len() != digits {
            return None;
        }
        if !is_number(first) || !is_number(last) || first > last {
            return None;
        }
        let low = first.parse().ok()?;
        Some(Automatic {
            range: low..=last.parse().ok()?,
            digits,
            free: low,
        })
    }

    /// The first and the last DN.
    pub(super) fn ends(&self) -> (String, String) {
        (self.dn(*self.range.start()), self.dn(*self.range.end()))
    }

    /// The lowest free DN.
    pub(super) fn free(&self) -> Option<String> {
        let is_left = self.range.contains(&self.free);
        is_left.then(|| self.dn(self.free))
    }

    /// A DN became free, of this range or not.
    pub(super) fn freed(&mut self, dn: &str) {
        if dn.len() == self.digits
            && let Ok(number) = dn.parse()
            && self.range.contains(&number)
        {
            self.free = self.free.min(number);
        }
    }

    /// Goes up to the lowest DN that is not taken.
    pub(super) fn skip_taken(&mut self, is_taken: impl Fn(&str) -> bool) {
        while self.range.contains(&self.free) && is_taken(&self.dn(self.free)) {
            self.free += 1;
        }
    }

    fn dn(&self, number: u32) -> String {
        format!("{number:0width$}", width = self.digits)
    }
}
