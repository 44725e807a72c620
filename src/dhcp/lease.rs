//! The leases of one scope: which client holds which address, and until when.
//!
//! In memory. Where leases are to outlive the program, every change of one is noted ([`Leases::changes`]) for a
//! store, whose records come back with [`Leases::restore`]. Everything is found in ordered maps: by address, by
//! client, by deadline, and the addresses that may be given again by when their lease ended. Nothing
//! walks over all leases.
//!
//! Which address a client gets (RFC 2131 section 4.3.1): the one reserved for it; else the one it holds, or had
//! last, if nobody else has it now; else the one that it asks for, if free; else one that nobody has had yet; else
//! the one whose lease ended longest ago. The last three are of the client's own pool: a scope has one for
//! everybody, and one for each class of clients that has its own.
//!
//! A client that holds a lease may be offered another address, as when one is reserved for it by now. The lease
//! stands until the client takes the offer.

mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::record::LeaseRecord;
use crate::time::{Deadlines, Duration, Instant};
use crate::wire::Mac;

/// Who a client is: option 61, else hardware type and address (RFC 2131 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey(pub(super) Arc<[u8]>);

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) client: ClientKey,
    pub(super) mac: Mac,
    /// The pool of its class, by its place in the list that [`Leases::new`] got.
    pub(super) pool: usize,
}

/// When a lease ended: who ended first is given to another first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    at: Instant,
    /// Leases of a store may have ended before the run began, all of them at its beginning for this program: this
    /// keeps their order. 0 for all others.
    rank: usize,
}

impl Turn {
    fn at(at: Instant) -> Turn {
        Turn { at, rank: 0 }
    }
}

/// What an address is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Kept back until the client answers the offer, or the offer runs out.
    Offered { until: Instant },
    /// The client's own until then.
    Leased { until: Instant },
    /// The client's no longer; its to have again unless another needs it.
    Ended(Turn),
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

/// Addresses kept for one client each, in a pool or not.
#[derive(Debug, Default, Clone)]
pub(super) struct Reserved {
    by_client: BTreeMap<ClientKey, Ipv4Addr>,
    by_mac: BTreeMap<Mac, Ipv4Addr>,
    addresses: BTreeSet<Ipv4Addr>,
}

impl Reserved {
    /// By client identifier (option 61, as on the wire), and by MAC. Where both name an address, the identifier's
    /// is the client's.
    pub(super) fn new(
        by_client: &BTreeMap<Vec<u8>, Ipv4Addr>,
        by_mac: &BTreeMap<Mac, Ipv4Addr>,
    ) -> Reserved {
        let key =
            |(id, address): (&Vec<u8>, &Ipv4Addr)| (ClientKey(id.as_slice().into()), *address);
        Reserved {
            by_client: by_client.iter().map(key).collect(),
            by_mac: by_mac.clone(),
            addresses: by_client.values().chain(by_mac.values()).copied().collect(),
        }
    }

    fn of(&self, asker: &Asker) -> Option<Ipv4Addr> {
        let own = self.by_client.get(&asker.client);
        own.or_else(|| self.by_mac.get(&asker.mac)).copied()
    }
}

/// The addresses that are given to one class of clients.
#[derive(Debug)]
struct Pool {
    first: Ipv4Addr,
    last: Ipv4Addr,
    /// Every address below this one, as a number, has or had a client; some above may.
    unused_from: u64,
    /// Addresses whose lease has ended, longest ago first.
    ended: BTreeSet<(Turn, Ipv4Addr)>,
}

impl Pool {
    fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// The leases of one scope.
#[derive(Debug)]
pub(super) struct Leases {
    /// That of everybody, then those of classes: few, and no two overlap.
    pools: Vec<Pool>,
    reserved: Reserved,
    by_address: BTreeMap<Ipv4Addr, Lease>,
    by_client: BTreeMap<ClientKey, Ipv4Addr>,
    /// Addresses offered to clients that hold another.
    offered_besides: BTreeMap<ClientKey, Ipv4Addr>,
    /// Ends of offers, leases and set-asides.
    deadlines: Deadlines<Ipv4Addr>,
    /// What has changed, for a store; `None`: there is none.
    changes: Option<Vec<LeaseRecord>>,
}

impl Leases {
    /// No leases yet. Each pool is its first and its last address; reserved ones may lie outside of them.
    pub(super) fn new(
        pools: impl IntoIterator<Item = (Ipv4Addr, Ipv4Addr)>,
        reserved: Reserved,
    ) -> Leases {
        let pool = |(first, last): (Ipv4Addr, Ipv4Addr)| Pool {
            first,
            last,
            unused_from: u64::from(u32::from(first)),
            ended: BTreeSet::new(),
        };
        Leases {
            pools: pools.into_iter().map(pool).collect(),
            reserved,
            by_address: BTreeMap::new(),
            by_client: BTreeMap::new(),
            offered_besides: BTreeMap::new(),
            deadlines: Deadlines::default(),
            changes: None,
        }
    }

    /// The address that a client holds, has been offered, or had last. Beside a lease that it holds it may have
    /// been offered another: [`Leases::is_offered`].
    pub(super) fn of_client(&self, client: &ClientKey) -> Option<(Ipv4Addr, &Lease)> {
        let address = *self.by_client.get(client)?;
        Some((address, self.by_address.get(&address)?))
    }

    /// Whether this address is a client's own, or was offered to it.
    pub(super) fn is_offered(&self, client: &ClientKey, address: Ipv4Addr) -> bool {
        let is_it = |own: Option<&Ipv4Addr>| own == Some(&address);
        is_it(self.by_client.get(client)) || is_it(self.offered_besides.get(client))
    }

    /// Whether an address is kept back for a client that has not asked for it yet.
    pub(super) fn waits_for_answer(&self, asker: &Asker, address: Ipv4Addr) -> bool {
        let lease = self.by_address.get(&address);
        lease.is_some_and(|lease| {
            lease.client == asker.client && matches!(lease.hold, Hold::Offered { .. })
        })
    }

    /// Whether a client may have this very address now.
    pub(super) fn may_have(&self, asker: &Asker, address: Ipv4Addr) -> bool {
        if let Some(own) = self.reserved.of(asker) {
            return own == address && self.is_free(&asker.client, address);
        }
        let pool = self.pools.get(asker.pool);
        pool.is_some_and(|pool| pool.contains(address))
            && !self.reserved.addresses.contains(&address)
            && self.is_free(&asker.client, address)
    }

    /// Picks an address for a client and keeps it back until `until`; `None` if there is none left.
    ///
    /// A client that holds a lease keeps it as it is: the offer does not shorten it, nor does an offer of
    /// another address end it.
    pub(super) fn offer(
        &mut self,
        asker: &Asker,
        wanted: Option<Ipv4Addr>,
        until: Instant,
    ) -> Option<Ipv4Addr> {
        let address = self.pick(asker, wanted)?;
        if !self.is_leased(address) {
            let besides = self.of_client(&asker.client).is_some_and(|(own, lease)| {
                own != address && matches!(lease.hold, Hold::Leased { .. })
            });
            let hold = Hold::Offered { until };
            if besides {
                self.withdraw_besides(&asker.client);
                self.write(asker, address, hold);
                self.offered_besides.insert(asker.client.clone(), address);
            } else {
                self.put(asker, address, hold);
            }
        }
        Some(address)
    }

    /// Gives a client this address until `until`, or more time on it. Says whether it may have it. What it held
    /// elsewhere ends `now`.
    pub(super) fn grant(
        &mut self,
        now: Instant,
        asker: &Asker,
        address: Ipv4Addr,
        until: Instant,
    ) -> bool {
        let granted = self.may_have(asker, address);
        if granted {
            let elsewhere = self.of_client(&asker.client);
            let elsewhere = elsewhere.filter(|(own, lease)| {
                *own != address && matches!(lease.hold, Hold::Leased { .. })
            });
            if let Some((elsewhere, _)) = elsewhere {
                self.put(asker, elsewhere, Hold::Ended(Turn::at(now)));
            }
            self.put(asker, address, Hold::Leased { until });
        }
        granted
    }

    /// Ends the lease or offer that this client has on this address. Says whether it had one.
    pub(super) fn release(&mut self, now: Instant, asker: &Asker, address: Ipv4Addr) -> bool {
        if self.offered_besides.get(&asker.client) == Some(&address) {
            self.withdraw_besides(&asker.client);
            return true;
        }
        let Some((own, lease)) = self.of_client(&asker.client) else {
            return false;
        };
        let held = matches!(lease.hold, Hold::Offered { .. } | Hold::Leased { .. });
        if own != address || !held {
            return false;
        }
        self.put(asker, address, Hold::Ended(Turn::at(now)));
        true
    }

    /// Takes back what was offered to a client, if it was: it chose another server (RFC 2131 section 3.1 step 4).
    pub(super) fn withdraw(&mut self, now: Instant, asker: &Asker) {
        self.withdraw_besides(&asker.client);
        if let Some((address, lease)) = self.of_client(&asker.client)
            && matches!(lease.hold, Hold::Offered { .. })
        {
            self.release(now, asker, address);
        }
    }

    /// Sets an address aside that this client, or a probe for it, found in use. Says whether it was the client's.
    pub(super) fn decline(&mut self, asker: &Asker, address: Ipv4Addr, until: Instant) -> bool {
        let client = &asker.client;
        if self.offered_besides.get(client) == Some(&address) {
            self.offered_besides.remove(client);
            self.write(asker, address, Hold::Declined { until });
            return true;
        }
        if self.by_client.get(client) != Some(&address) {
            return false;
        }
        self.put(asker, address, Hold::Declined { until });
        self.by_client.remove(client);
        true
    }

    /// Ends the next hold that has run out at `now`, if any.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Expired> {
        let address = self.deadlines.pop_due(now)?;
        let lease = self.by_address.get_mut(&address)?;
        let was_leased = matches!(lease.hold, Hold::Leased { .. });
        let turn = match lease.hold {
            Hold::Offered { until } | Hold::Leased { until } | Hold::Declined { until } => {
                Turn::at(until)
            }
            Hold::Ended(turn) => turn,
        };
        lease.hold = Hold::Ended(turn);
        if self.offered_besides.get(&lease.client) == Some(&address) {
            self.offered_besides.remove(&lease.client);
        }
        let mac = lease.mac;
        self.reuse_later(turn, address);
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

    /// Every lease, by address.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, &Lease)> {
        self.by_address
            .iter()
            .map(|(address, lease)| (*address, lease))
    }

    fn pick(&mut self, asker: &Asker, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        if let Some(own) = self.reserved.of(asker) {
            return self.is_free(&asker.client, own).then_some(own);
        }
        let last = self.by_client.get(&asker.client).copied();
        let besides = self.offered_besides.get(&asker.client).copied();
        let mut candidates = [last, besides, wanted].into_iter().flatten();
        candidates
            .find(|candidate| self.may_have(asker, *candidate))
            .or_else(|| self.next_unused(asker.pool))
            .or_else(|| {
                let mut ended = self.pools.get(asker.pool)?.ended.iter();
                ended.next().map(|(_, address)| *address)
            })
    }

    /// The lowest address of a pool that nobody has had. Each address is passed over once in all.
    fn next_unused(&mut self, pool: usize) -> Option<Ipv4Addr> {
        let pool = self.pools.get_mut(pool)?;
        while pool.unused_from <= u64::from(u32::from(pool.last)) {
            let address = Ipv4Addr::from(u32::try_from(pool.unused_from).ok()?);
            if !self.by_address.contains_key(&address)
                && !self.reserved.addresses.contains(&address)
            {
                return Some(address);
            }
            pool.unused_from += 1;
        }
        None
    }

    /// Whether nobody but this client holds the address.
    fn is_free(&self, client: &ClientKey, address: Ipv4Addr) -> bool {
        self.by_address
            .get(&address)
            .is_none_or(|lease| match lease.hold {
                Hold::Ended(_) => true,
                Hold::Offered { .. } | Hold::Leased { .. } => lease.client == *client,
                Hold::Declined { .. } => false,
            })
    }

    fn is_leased(&self, address: Ipv4Addr) -> bool {
        let lease = self.by_address.get(&address);
        lease.is_some_and(|lease| matches!(lease.hold, Hold::Leased { .. }))
    }

    /// Writes a hold as what this client has. The address must be free for it; what it had elsewhere becomes
    /// anybody's, and first in turn.
    fn put(&mut self, asker: &Asker, address: Ipv4Addr, hold: Hold) {
        if self.offered_besides.get(&asker.client) == Some(&address) {
            self.offered_besides.remove(&asker.client);
        } else if !matches!(hold, Hold::Ended(_)) {
            self.withdraw_besides(&asker.client);
        }
        let before = self.by_client.insert(asker.client.clone(), address);
        if let Some(elsewhere) = before.filter(|elsewhere| *elsewhere != address) {
            self.abandon(elsewhere, &asker.client);
        }
        self.write(asker, address, hold);
    }

    /// Writes a hold into every map but those by client.
    fn write(&mut self, asker: &Asker, address: Ipv4Addr, hold: Hold) {
        let Asker { client, mac, .. } = asker;
        self.note(client, *mac, address, hold);
        let lease = Lease {
            client: client.clone(),
            mac: *mac,
            hold,
        };
        if let Some(before) = self.by_address.insert(address, lease) {
            if let Hold::Ended(turn) = before.hold {
                self.leave_row(turn, address);
            }
            if before.client != *client && self.by_client.get(&before.client) == Some(&address) {
                self.by_client.remove(&before.client);
            }
        }
        match hold {
            Hold::Offered { until } | Hold::Leased { until } | Hold::Declined { until } => {
                self.deadlines.set(address, Some(until));
            }
            Hold::Ended(turn) => {
                self.deadlines.set(address, None);
                self.reuse_later(turn, address);
            }
        }
    }

    /// Takes back what was offered to a client beside the lease that it holds.
    fn withdraw_besides(&mut self, client: &ClientKey) {
        if let Some(address) = self.offered_besides.remove(client) {
            self.abandon(address, client);
        }
    }

    /// A client takes another address: this one is anybody's, and first in turn.
    fn abandon(&mut self, address: Ipv4Addr, client: &ClientKey) {
        let Some(lease) = self.by_address.get_mut(&address) else {
            return;
        };
        let held = matches!(lease.hold, Hold::Offered { .. } | Hold::Leased { .. });
        if lease.client == *client && held {
            let turn = Turn::at(Instant::ZERO);
            lease.hold = Hold::Ended(turn);
            let mac = lease.mac;
            self.note(client, mac, address, Hold::Ended(turn));
            self.deadlines.set(address, None);
            self.reuse_later(turn, address);
        }
    }

    /// Puts an address whose lease ended in its pool's row for others; a reserved one waits for its client.
    fn reuse_later(&mut self, turn: Turn, address: Ipv4Addr) {
        if !self.reserved.addresses.contains(&address)
            && let Some(pool) = self.pool_of(address)
        {
            pool.ended.insert((turn, address));
        }
    }

    fn leave_row(&mut self, turn: Turn, address: Ipv4Addr) {
        if let Some(pool) = self.pool_of(address) {
            pool.ended.remove(&(turn, address));
        }
    }

    fn pool_of(&mut self, address: Ipv4Addr) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.contains(address))
    }
}

#[cfg(test)]
mod tests;
