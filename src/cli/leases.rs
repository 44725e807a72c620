//! Leases that last: a run whose DHCP servers keep what they promise in a file.
//!
//! ```text
//!   frames in ──▶ run ──▶ changes of leases ──▶ one commit ──▶ frames out
//! ```
//!
//! All that came in at one turn of the driver shares a commit, and nothing of that turn leaves before it is done.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::os::{LeaseStore, LeaseStoreError, StoredLease, StoredState};
use crate::scenario::{LeaseRecord, LeaseState, Listener, Run};
use crate::sim::{Drive, EdgeId, Halt, Next, Program, ProgramEnd, ProgramId};
use crate::time::{Duration, Instant};
use crate::wire::{Frame, Mac};

/// The file that leases are in, and what became of it.
#[derive(Debug)]
pub(super) struct Kept {
    store: LeaseStore,
    /// What was in it when it was opened, until a run takes it.
    rows: Vec<StoredLease>,
    /// Leases that the server was about to give when they could not be written: address and client.
    pub(super) not_given: Vec<(Ipv4Addr, Mac)>,
}

impl Kept {
    /// Opens the file, or makes an empty one, and reads it.
    ///
    /// # Errors
    /// As of [`LeaseStore::open`] and [`LeaseStore::all`].
    pub(super) fn open(path: &Path) -> Result<Kept, LeaseStoreError> {
        let store = LeaseStore::open(path)?;
        let rows = store.all()?;
        Ok(Kept {
            store,
            rows,
            not_given: Vec::new(),
        })
    }

    /// How many leases a run will find in it, and how many of them run on at this date, in nanoseconds since
    /// 1970-01-01 UTC.
    pub(super) fn leases(&self, date_nanos: u64) -> (usize, usize) {
        leases(&self.rows, date_nanos)
    }
}

fn leases(rows: &[StoredLease], date_nanos: u64) -> (usize, usize) {
    let leases = rows.iter().filter(|row| row.state != StoredState::Declined);
    let is_current =
        |row: &&StoredLease| row.state == StoredState::Leased && row.date_nanos > date_nanos;
    (leases.clone().count(), leases.filter(is_current).count())
}

/// A run and the file that its leases are in.
#[derive(Debug)]
pub(super) struct Lasting<'r, 'p, L> {
    pub(super) run: &'r mut Run<'p, L>,
    /// `None`: leases end with the run.
    kept: Option<&'r mut Kept>,
    /// The date at which the run begins, in nanoseconds since 1970-01-01 UTC.
    epoch_nanos: u64,
}

impl<'r, 'p, L: Listener> Lasting<'r, 'p, L> {
    /// A run that begins at this date, with the leases of the file.
    pub(super) fn new(
        run: &'r mut Run<'p, L>,
        mut kept: Option<&'r mut Kept>,
        epoch_nanos: u64,
    ) -> Lasting<'r, 'p, L> {
        if let Some(kept) = &mut kept {
            let mut rows = std::mem::take(&mut kept.rows);
            // What ended before the run began ended at its beginning, for the run: this keeps the order.
            rows.sort_by_key(|row| row.date_nanos);
            let records: Vec<LeaseRecord> = rows
                .into_iter()
                .map(|lease| record(lease, epoch_nanos))
                .collect();
            run.keep_leases(&records);
        }
        Lasting {
            run,
            kept,
            epoch_nanos,
        }
    }
}

/// A row as the run has it: dates are times since the run's beginning, what was before is its beginning.
fn record(lease: StoredLease, epoch_nanos: u64) -> LeaseRecord {
    let after = lease.date_nanos.saturating_sub(epoch_nanos);
    let time = Instant::ZERO + Duration::from_nanos(after);
    LeaseRecord {
        address: lease.address,
        client: lease.client.into(),
        mac: lease.mac,
        state: match lease.state {
            StoredState::Leased => LeaseState::Leased { until: time },
            StoredState::Declined => LeaseState::Declined { until: time },
            StoredState::Ended => LeaseState::Ended { at: time },
        },
    }
}

fn stored(record: LeaseRecord, epoch_nanos: u64) -> StoredLease {
    let (state, time) = match record.state {
        LeaseState::Leased { until } => (StoredState::Leased, until),
        LeaseState::Declined { until } => (StoredState::Declined, until),
        LeaseState::Ended { at } => (StoredState::Ended, at),
    };
    StoredLease {
        address: record.address,
        client: record.client.to_vec(),
        mac: record.mac,
        state,
        date_nanos: epoch_nanos.saturating_add(time.as_nanos()),
    }
}

impl<L: Listener> Drive for Lasting<'_, '_, L> {
    fn advance(&mut self, now: Instant) -> Next {
        self.run.advance(now)
    }

    fn frame_in(&mut self, now: Instant, edge: EdgeId, frame: &Frame) {
        self.run.frame_in(now, edge, frame);
    }

    fn frame_out(&mut self, edge: EdgeId) -> Option<Frame> {
        self.run.frame_out(edge)
    }

    fn keep_promises(&mut self) -> Result<(), String> {
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let changes = self.run.lease_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let epoch = self.epoch_nanos;
        let rows: Vec<StoredLease> = changes.into_iter().map(|it| stored(it, epoch)).collect();
        kept.store.commit(&rows).map_err(|error| {
            let leased = rows.iter().filter(|row| row.state == StoredState::Leased);
            kept.not_given = leased.map(|row| (row.address, row.mac)).collect();
            error.to_string()
        })
    }

    fn program(&mut self) -> Option<Program> {
        self.run.program()
    }

    fn halt(&mut self) -> Option<(ProgramId, Halt)> {
        self.run.halt()
    }

    fn program_ready(&mut self, now: Instant, program: ProgramId) {
        self.run.program_ready(now, program);
    }

    fn program_ended(&mut self, now: Instant, program: ProgramId, end: ProgramEnd) {
        self.run.program_ended(now, program, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_as_current_until_its_date() {
        let states = [
            (StoredState::Leased, 200),
            (StoredState::Leased, 100),
            (StoredState::Ended, 200),
            (StoredState::Declined, 200),
        ];
        let rows = states.map(|(state, date_nanos)| StoredLease {
            address: Ipv4Addr::new(10, 1, 0, 50),
            client: vec![1],
            mac: Mac::ZERO,
            state,
            date_nanos,
        });
        assert_eq!(leases(&rows, 100), (3, 1));
    }
}
