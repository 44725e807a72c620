//! Leases that outlive the program: what has changed, and how it comes back.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::super::record::{LeaseRecord, LeaseState};
use super::{Asker, ClientKey, Hold, Leases, Turn};
use crate::time::Instant;
use crate::wire::Mac;

impl Leases {
    /// From now on changes are noted.
    pub(in crate::dhcp) fn keep_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// What has changed since this was last asked, in order; nothing if changes are not noted.
    pub(in crate::dhcp) fn changes(&mut self) -> impl Iterator<Item = LeaseRecord> + '_ {
        self.changes
            .iter_mut()
            .flat_map(|changes| changes.drain(..))
    }

    /// Whether changes wait to be taken.
    pub(in crate::dhcp) fn has_changes(&self) -> bool {
        self.changes
            .as_ref()
            .is_some_and(|changes| !changes.is_empty())
    }

    /// Takes leases back from a store. They hold whatever the pool is now; an end that has passed counts as one.
    ///
    /// The records come in the order of their dates: of two that ended before the run began, for which both are at
    /// its beginning, the first ended first.
    pub(in crate::dhcp) fn restore<'a>(
        &mut self,
        now: Instant,
        records: impl Iterator<Item = &'a LeaseRecord> + Clone,
    ) {
        let is_current = |record: &LeaseRecord| matches!(record.state, LeaseState::Leased { until } if until > now);
        // A client's lease comes after what it had before: taking another address would end it.
        let past = records.clone().filter(|record| !is_current(record));
        for (rank, record) in past.enumerate() {
            let asker = asker(record);
            let hold = match record.state {
                LeaseState::Declined { until } if until > now => Hold::Declined { until },
                LeaseState::Leased { until: at }
                | LeaseState::Declined { until: at }
                | LeaseState::Ended { at } => Hold::Ended(Turn { at, rank }),
            };
            self.put(&asker, record.address, hold);
            if matches!(hold, Hold::Declined { .. }) {
                self.by_client.remove(&asker.client);
            }
        }
        for record in records.filter(|record| is_current(record)) {
            if let LeaseState::Leased { until } = record.state {
                self.put(&asker(record), record.address, Hold::Leased { until });
            }
        }
    }

    /// Notes a change that a store must know.
    pub(super) fn note(&mut self, client: &ClientKey, mac: Mac, address: Ipv4Addr, hold: Hold) {
        let state = match hold {
            Hold::Offered { .. } => return,
            Hold::Leased { until } => LeaseState::Leased { until },
            Hold::Declined { until } => LeaseState::Declined { until },
            Hold::Ended(turn) => LeaseState::Ended { at: turn.at },
        };
        if let Some(changes) = &mut self.changes {
            changes.push(LeaseRecord {
                address,
                client: Arc::clone(&client.0),
                mac,
                state,
            });
        }
    }
}

/// Whose a record is. Taking a lease back asks no pool.
fn asker(record: &LeaseRecord) -> Asker {
    Asker {
        client: ClientKey(Arc::clone(&record.client)),
        mac: record.mac,
        pool: 0,
    }
}
