//! The leases of one scope: which client holds which address, and until when.
//!
//! In memory. Where leases are to outlive the program, every change of one is noted ([`Leases::changes`]) for a
//! store, whose records come back with [`Leases::restore`]. Everything is found in ordered maps: by address, by
//! client, by deadline, and the addresses that may be given again by when their lease ended. Nothing
//! walks over all leases.
//!
//! Which address a client gets (RFC 2131 section 4.3.1): the one it holds; else the one reserved for it;
//! else the one it had last, if nobody has it now; else the one it asks for, if free; else one that nobody
//! has had yet; else the one whose lease ended longest ago.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::record::{LeaseRecord, LeaseState};
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::Mac;

/// Who a client is: option 61, else hardware type and address (RFC 2131 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey(pub(super) Arc<[u8]>);

/// What an address is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Kept back until the client answers the offer, or the offer runs out.
    Offered { until: Instant },
    /// The client's own until then.
    Leased { until: Instant },
    /// The client's no longer; its to have again unless another needs it.
    Ended { at: Instant },
    /// Found in use by some stranger: nobody's until then.
    Declined { until: Instant },
}

/// One address that a client holds, has been offered, or held last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) client: ClientKey,
    pub(super) mac: Mac,
    pub(super) hold: Hold,
}

/// A lease that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expired {
    pub(super) mac: Mac,
    pub(super) address: Ipv4Addr,
    /// Whether it was a lease; else an offer that was not answered, or a declined address that is free again.
    pub(super) was_leased: bool,
}

/// The leases of one scope.
#[derive(Debug)]
pub(super) struct Leases {
    pool: (Ipv4Addr, Ipv4Addr),
    reserved: BTreeMap<Mac, Ipv4Addr>,
    reserved_addresses: BTreeSet<Ipv4Addr>,
    /// Every address below this one, as a number, has or had a client; some above may.
    unused_from: u64,
    by_address: BTreeMap<Ipv4Addr, Lease>,
    by_client: BTreeMap<ClientKey, Ipv4Addr>,
    /// Ends of offers, leases and set-asides.
    deadlines: Deadlines<Ipv4Addr>,
    /// Addresses whose lease has ended, longest ago first.
    ended: BTreeSet<(Instant, Ipv4Addr)>,
    /// What has changed, for a store; `None`: there is none.
    changes: Option<Vec<LeaseRecord>>,
}

impl Leases {
    /// No leases yet. `pool` is the first and the last address; `reserved` may lie outside it.
    pub(super) fn new(pool: (Ipv4Addr, Ipv4Addr), reserved: &BTreeMap<Mac, Ipv4Addr>) -> Leases {
        Leases {
            pool,
            reserved: reserved.clone(),
            reserved_addresses: reserved.values().copied().collect(),
            unused_from: u64::from(u32::from(pool.0)),
            by_address: BTreeMap::new(),
            by_client: BTreeMap::new(),
            deadlines: Deadlines::default(),
            ended: BTreeSet::new(),
            changes: None,
        }
    }

    /// The address that a client holds, has been offered, or had last.
    pub(super) fn of_client(&self, client: &ClientKey) -> Option<(Ipv4Addr, &Lease)> {
        let address = *self.by_client.get(client)?;
        Some((address, self.by_address.get(&address)?))
    }

    /// Whether a client may have this very address now.
    pub(super) fn may_have(&self, client: &ClientKey, mac: Mac, address: Ipv4Addr) -> bool {
        if let Some(own) = self.reserved.get(&mac) {
            return *own == address && self.is_free(client, address);
        }
        let in_pool = (self.pool.0..=self.pool.1).contains(&address);
        in_pool && !self.reserved_addresses.contains(&address) && self.is_free(client, address)
    }

    /// Picks an address for a client and keeps it back until `until`; `None` if there is none left.
    ///
    /// A client that holds a lease keeps it as it is: the offer does not shorten it.
    pub(super) fn offer(
        &mut self,
        client: &ClientKey,
        mac: Mac,
        wanted: Option<Ipv4Addr>,
        until: Instant,
    ) -> Option<Ipv4Addr> {
        let address = self.pick(client, mac, wanted)?;
        let leased = self
            .by_address
            .get(&address)
            .is_some_and(|lease| matches!(lease.hold, Hold::Leased { .. }));
        if !leased {
            self.put(client, mac, address, Hold::Offered { until });
        }
        Some(address)
    }

    /// Gives a client this address until `until`, or more time on it. Says whether it may have it.
    pub(super) fn grant(
        &mut self,
        client: &ClientKey,
        mac: Mac,
        address: Ipv4Addr,
        until: Instant,
    ) -> bool {
        let granted = self.may_have(client, mac, address);
        if granted {
            self.put(client, mac, address, Hold::Leased { until });
        }
        granted
    }

    /// Ends the lease or offer that this client has on this address. Says whether it had one.
    pub(super) fn release(&mut self, now: Instant, client: &ClientKey, address: Ipv4Addr) -> bool {
        let Some((own, lease)) = self.of_client(client) else {
            return false;
        };
        let held = matches!(lease.hold, Hold::Offered { .. } | Hold::Leased { .. });
        if own != address || !held {
            return false;
        }
        let mac = lease.mac;
        self.put(client, mac, address, Hold::Ended { at: now });
        true
    }

    /// Sets an address aside that this client found in use. Says whether it was the client's.
    pub(super) fn decline(
        &mut self,
        client: &ClientKey,
        address: Ipv4Addr,
        until: Instant,
    ) -> bool {
        let Some((own, lease)) = self.of_client(client) else {
            return false;
        };
        if own != address {
            return false;
        }
        let mac = lease.mac;
        self.put(client, mac, address, Hold::Declined { until });
        self.by_client.remove(client);
        true
    }

    /// Ends the next hold that has run out at `now`, if any.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Expired> {
        let address = self.deadlines.pop_due(now)?;
        let lease = self.by_address.get_mut(&address)?;
        let was_leased = matches!(lease.hold, Hold::Leased { .. });
        let at = match lease.hold {
            Hold::Offered { until } | Hold::Leased { until } | Hold::Declined { until } => until,
            Hold::Ended { at } => at,
        };
        lease.hold = Hold::Ended { at };
        let mac = lease.mac;
        self.reuse_later(at, address);
        Some(Expired {
            mac,
            address,
            was_leased,
        })
    }

    /// The clock jumps ahead: every hold ends so much earlier.
    pub(super) fn jump_clock(&mut self, by: Duration) {
        for (address, lease) in &mut self.by_address {
            if let Hold::Offered { until } | Hold::Leased { until } | Hold::Declined { until } =
                &mut lease.hold
            {
                *until = Instant::ZERO + (*until - Instant::ZERO).saturating_sub(by);
                self.deadlines.set(*address, Some(*until));
            }
        }
    }

    /// When `expire` next has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// From now on changes are noted.
    pub(super) fn keep_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// What has changed since this was last asked, in order; nothing if changes are not noted.
    pub(super) fn changes(&mut self) -> impl Iterator<Item = LeaseRecord> + '_ {
        self.changes
            .iter_mut()
            .flat_map(|changes| changes.drain(..))
    }

    /// Whether changes wait to be taken.
    pub(super) fn has_changes(&self) -> bool {
        self.changes
            .as_ref()
            .is_some_and(|changes| !changes.is_empty())
    }

    /// Takes leases back from a store. They hold whatever the pool is now; an end that has passed counts as one.
    pub(super) fn restore<'a>(
        &mut self,
        now: Instant,
        records: impl Iterator<Item = &'a LeaseRecord> + Clone,
    ) {
        let is_current = |record: &LeaseRecord| matches!(record.state, LeaseState::Leased { until } if until > now);
        // A client's lease comes after what it had before: taking another address would end it.
        for record in records.clone().filter(|record| !is_current(record)) {
            let client = ClientKey(Arc::clone(&record.client));
            let hold = match record.state {
                LeaseState::Declined { until } if until > now => Hold::Declined { until },
                LeaseState::Leased { until: at }
                | LeaseState::Declined { until: at }
                | LeaseState::Ended { at } => Hold::Ended { at },
            };
            self.put(&client, record.mac, record.address, hold);
            if matches!(hold, Hold::Declined { .. }) {
                self.by_client.remove(&client);
            }
        }
        for record in records.filter(|record| is_current(record)) {
            if let LeaseState::Leased { until } = record.state {
                let client = ClientKey(Arc::clone(&record.client));
                self.put(&client, record.mac, record.address, Hold::Leased { until });
            }
        }
    }

    /// Every lease, by address.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, &Lease)> {
        self.by_address
            .iter()
            .map(|(address, lease)| (*address, lease))
    }

    fn pick(&mut self, client: &ClientKey, mac: Mac, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        if let Some(own) = self.reserved.get(&mac) {
            return self.is_free(client, *own).then_some(*own);
        }
        let last = self.by_client.get(client).copied();
        for candidate in [last, wanted].into_iter().flatten() {
            if self.may_have(client, mac, candidate) {
                return Some(candidate);
            }
        }
        self.next_unused().or_else(|| {
            let mut ended = self.ended.iter().map(|(_, address)| *address);
            ended.find(|address| self.may_have(client, mac, *address))
        })
    }

    /// The lowest address of the pool that nobody has had. Each address is passed over once in all.
    fn next_unused(&mut self) -> Option<Ipv4Addr> {
        while self.unused_from <= u64::from(u32::from(self.pool.1)) {
            let address = Ipv4Addr::from(u32::try_from(self.unused_from).ok()?);
            if !self.by_address.contains_key(&address)
                && !self.reserved_addresses.contains(&address)
            {
                return Some(address);
            }
            self.unused_from += 1;
        }
        None
    }

    /// Whether nobody but this client holds the address.
    fn is_free(&self, client: &ClientKey, address: Ipv4Addr) -> bool {
        self.by_address
            .get(&address)
            .is_none_or(|lease| match lease.hold {
                Hold::Ended { .. } => true,
                Hold::Offered { .. } | Hold::Leased { .. } => lease.client == *client,
                Hold::Declined { .. } => false,
            })
    }

    /// Writes a hold into every map. The address must be free for the client; what the client had elsewhere
    /// ends now if it was an offer, and stays an ended lease of nobody's else.
    fn put(&mut self, client: &ClientKey, mac: Mac, address: Ipv4Addr, hold: Hold) {
        if let Some(elsewhere) = self.by_client.insert(client.clone(), address)
            && elsewhere != address
        {
            self.abandon(elsewhere, client);
        }
        self.note(client, mac, address, hold);
        let lease = Lease {
            client: client.clone(),
            mac,
            hold,
        };
        if let Some(before) = self.by_address.insert(address, lease) {
            if let Hold::Ended { at } = before.hold {
                self.ended.remove(&(at, address));
            }
            if before.client != *client && self.by_client.get(&before.client) == Some(&address) {
                self.by_client.remove(&before.client);
            }
        }
        match hold {
            Hold::Offered { until } | Hold::Leased { until } | Hold::Declined { until } => {
                self.deadlines.set(address, Some(until));
            }
            Hold::Ended { at } => {
                self.deadlines.set(address, None);
                self.reuse_later(at, address);
            }
        }
    }

    /// A client takes another address: this one is anybody's, and first in turn.
    fn abandon(&mut self, address: Ipv4Addr, client: &ClientKey) {
        let Some(lease) = self.by_address.get_mut(&address) else {
            return;
        };
        let held = matches!(lease.hold, Hold::Offered { .. } | Hold::Leased { .. });
        if lease.client == *client && held {
            lease.hold = Hold::Ended { at: Instant::ZERO };
            let mac = lease.mac;
            self.note(client, mac, address, Hold::Ended { at: Instant::ZERO });
            self.deadlines.set(address, None);
            self.reuse_later(Instant::ZERO, address);
        }
    }

    /// Notes a change that a store must know.
    fn note(&mut self, client: &ClientKey, mac: Mac, address: Ipv4Addr, hold: Hold) {
        let state = match hold {
            Hold::Offered { .. } => return,
            Hold::Leased { until } => LeaseState::Leased { until },
            Hold::Declined { until } => LeaseState::Declined { until },
            Hold::Ended { at } => LeaseState::Ended { at },
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

    /// Puts an address whose lease ended in the row for others; a reserved one waits for its client.
    fn reuse_later(&mut self, ended: Instant, address: Ipv4Addr) {
        if !self.reserved_addresses.contains(&address) {
            self.ended.insert((ended, address));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Deed {
        Offer(Option<u8>),
        Grant(u8),
        Release(u8),
        Decline(u8),
        Wait(u64),
    }

    fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
        let deed = prop_oneof![
            proptest::option::of(0..12_u8).prop_map(Deed::Offer),
            (0..12_u8).prop_map(Deed::Grant),
            (0..12_u8).prop_map(Deed::Release),
            (0..12_u8).prop_map(Deed::Decline),
            (0..40_u64).prop_map(Deed::Wait),
        ];
        proptest::collection::vec((0..10_u8, deed), 0..200)
    }

    proptest! {
        #[test]
        fn whatever_happens_the_maps_agree_and_no_address_has_two_clients(deeds in deeds()) {
            let reserved = BTreeMap::from([(mac(0), host(3)), (mac(1), host(11))]);
            let mut leases = Leases::new((host(1), host(8)), &reserved);
            let mut now = Instant::ZERO;
            for (n, deed) in deeds {
                let client = ClientKey([n].into());
                let until = now + Duration::from_secs(30);
                match deed {
                    Deed::Offer(wanted) => {
                        let offered = leases.offer(&client, mac(n), wanted.map(host), until);
                        if let Some(address) = offered {
                            prop_assert!(leases.may_have(&client, mac(n), address));
                        }
                    }
                    Deed::Grant(last) => {
                        let may = leases.may_have(&client, mac(n), host(last));
                        prop_assert_eq!(leases.grant(&client, mac(n), host(last), until), may);
                    }
                    Deed::Release(last) => {
                        leases.release(now, &client, host(last));
                    }
                    Deed::Decline(last) => {
                        leases.decline(&client, host(last), until);
                    }
                    Deed::Wait(secs) => {
                        now += Duration::from_secs(secs);
                        while leases.expire(now).is_some() {}
                        prop_assert!(leases.next_deadline().is_none_or(|at| at > now));
                    }
                }
                check(&leases, &reserved)?;
            }
        }
    }

    fn check(leases: &Leases, reserved: &BTreeMap<Mac, Ipv4Addr>) -> Result<(), TestCaseError> {
        let mut holders = BTreeSet::new();
        for (address, lease) in leases.iter() {
            let held = matches!(lease.hold, Hold::Offered { .. } | Hold::Leased { .. });
            if held {
                prop_assert!(
                    holders.insert(&lease.client),
                    "a client holds two addresses"
                );
                prop_assert_eq!(leases.of_client(&lease.client), Some((address, lease)));
            }
            let owner = reserved.iter().find(|(_, own)| **own == address);
            if let Some((mac, _)) = owner {
                prop_assert_eq!(lease.mac, *mac);
            }
            let in_row = leases
                .ended
                .iter()
                .filter(|(_, other)| *other == address)
                .count();
            let wanted = matches!(lease.hold, Hold::Ended { .. }) && owner.is_none();
            prop_assert_eq!(in_row, usize::from(wanted));
        }
        for (client, address) in &leases.by_client {
            let lease = leases.by_address.get(address);
            prop_assert_eq!(lease.map(|lease| &lease.client), Some(client));
        }
        Ok(())
    }

    /// Writes every change into a map by address, as a store would.
    #[derive(Default)]
    struct Store(BTreeMap<Ipv4Addr, LeaseRecord>);

    proptest! {
        #[test]
        fn what_a_store_gives_back_holds_every_lease_that_was_granted(deeds in deeds()) {
            let mut leases = Leases::new((host(1), host(8)), &BTreeMap::new());
            leases.keep_changes();
            let mut store = Store::default();
            let mut now = Instant::ZERO;
            for (n, deed) in deeds {
                let client = ClientKey([n].into());
                let until = now + Duration::from_secs(30);
                match deed {
                    Deed::Offer(wanted) => {
                        leases.offer(&client, mac(n), wanted.map(host), until);
                    }
                    Deed::Grant(last) => {
                        leases.grant(&client, mac(n), host(last), until);
                    }
                    Deed::Release(last) => {
                        leases.release(now, &client, host(last));
                    }
                    Deed::Decline(last) => {
                        leases.decline(&client, host(last), until);
                    }
                    Deed::Wait(secs) => {
                        now += Duration::from_secs(secs);
                        while leases.expire(now).is_some() {}
                    }
                }
                let changes = leases.changes();
                store.0.extend(changes.map(|record| (record.address, record)));
                prop_assert!(!leases.has_changes());
                let mut restored = Leases::new((host(1), host(8)), &BTreeMap::new());
                restored.restore(now, store.0.values());
                check(&restored, &BTreeMap::new())?;
                for (address, lease) in leases.iter() {
                    if matches!(lease.hold, Hold::Leased { .. } | Hold::Declined { .. }) {
                        let found = restored.by_address.get(&address);
                        prop_assert_eq!(found, Some(lease), "{} at {:?}", address, now);
                    }
                }
            }
        }
    }

    fn host(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn mac(n: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, n])
    }
}
