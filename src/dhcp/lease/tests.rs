//! Tests of the store of leases: whatever happens, its maps agree.

use proptest::prelude::*;

use super::super::record::LeaseState;
use super::*;
use crate::time::Duration;

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

/// Does one of them. What was offered, and whether what was asked for was granted.
fn perform(
    leases: &mut Leases,
    asker: &Asker,
    deed: &Deed,
    now: &mut Instant,
) -> (Option<Ipv4Addr>, Option<bool>) {
    let until = *now + Duration::from_secs(30);
    match deed {
        Deed::Offer(wanted) => return (leases.offer(asker, wanted.map(host), until), None),
        Deed::Grant(last) => {
            let granted = leases.grant(*now, asker, host(*last), until);
            return (None, Some(granted));
        }
        Deed::Release(last) => {
            leases.release(*now, asker, host(*last));
        }
        Deed::Decline(last) => {
            leases.decline(asker, host(*last), until);
        }
        Deed::Wait(secs) => {
            *now += Duration::from_secs(*secs);
            while leases.expire(*now).is_some() {}
        }
    }
    (None, None)
}

proptest! {
    #[test]
    fn whatever_happens_the_maps_agree_and_no_address_has_two_clients(deeds in deeds()) {
        let reserved = BTreeMap::from([(mac(0), host(3)), (mac(1), host(11))]);
        let mut leases = Leases::new([(host(1), host(8))], Reserved::new(&BTreeMap::new(), &reserved));
        let mut now = Instant::ZERO;
        for (n, deed) in deeds {
            let asker = asker(n);
            let may = match deed {
                Deed::Grant(last) => Some(leases.may_have(&asker, host(last))),
                Deed::Offer(_) | Deed::Release(_) | Deed::Decline(_) | Deed::Wait(_) => None,
            };
            let (offered, granted) = perform(&mut leases, &asker, &deed, &mut now);
            prop_assert!(offered.is_none_or(|address| leases.may_have(&asker, address)));
            prop_assert_eq!(granted, may);
            prop_assert!(leases.next_deadline().is_none_or(|at| at > now));
            check(&leases, &reserved)?;
        }
    }
}

fn check(leases: &Leases, reserved: &BTreeMap<Mac, Ipv4Addr>) -> Result<(), TestCaseError> {
    let mut holders = BTreeSet::new();
    let mut offered_besides = BTreeMap::new();
    for (address, lease) in leases.iter() {
        let is_own = leases.by_client.get(&lease.client) == Some(&address);
        match lease.hold {
            Hold::Leased { .. } => {
                prop_assert!(is_own);
                prop_assert!(
                    holders.insert(&lease.client),
                    "a client holds two addresses"
                );
            }
            Hold::Offered { .. } if !is_own => {
                let other = offered_besides.insert(lease.client.clone(), address);
                prop_assert_eq!(other, None, "a client is offered two addresses");
            }
            Hold::Offered { .. } | Hold::Declined { .. } | Hold::Ended(_) => {}
        }
        let owner = reserved.iter().find(|(_, own)| **own == address);
        if let Some((mac, _)) = owner {
            prop_assert_eq!(lease.mac, *mac);
        }
        let rows = leases.pools.iter().flat_map(|pool| &pool.ended);
        let in_row = rows.filter(|(_, other)| *other == address).count();
        let in_pool = leases.pools.iter().any(|pool| pool.contains(address));
        let wanted = matches!(lease.hold, Hold::Ended(_)) && owner.is_none() && in_pool;
        prop_assert_eq!(in_row, usize::from(wanted));
    }
    prop_assert_eq!(&offered_besides, &leases.offered_besides);
    for (client, address) in &leases.by_client {
        let lease = leases.by_address.get(address);
        prop_assert_eq!(lease.map(|lease| &lease.client), Some(client));
    }
    Ok(())
}

/// Writes every change into a map by address, as a store would.
#[derive(Default)]
struct Store(BTreeMap<Ipv4Addr, LeaseRecord>);

impl Store {
    /// As the program reads it back: by date.
    fn in_order(&self) -> Vec<LeaseRecord> {
        let mut records: Vec<LeaseRecord> = self.0.values().cloned().collect();
        records.sort_by_key(|record| match record.state {
            LeaseState::Leased { until: at }
            | LeaseState::Declined { until: at }
            | LeaseState::Ended { at } => at,
        });
        records
    }
}

proptest! {
    #[test]
    fn what_a_store_gives_back_holds_every_lease_that_was_granted(deeds in deeds()) {
        let mut leases = Leases::new([(host(1), host(8))], Reserved::default());
        leases.keep_changes();
        let mut store = Store::default();
        let mut now = Instant::ZERO;
        for (n, deed) in deeds {
            perform(&mut leases, &asker(n), &deed, &mut now);
            let changes = leases.changes();
            store.0.extend(changes.map(|record| (record.address, record)));
            prop_assert!(!leases.has_changes());
            let mut restored = Leases::new([(host(1), host(8))], Reserved::default());
            restored.restore(now, store.in_order().iter());
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

#[test]
fn an_offer_of_another_address_does_not_end_a_lease_and_taking_it_does() {
    let own = BTreeMap::from([(mac(1), host(11))]);
    let mut leases = Leases::new([(host(1), host(8))], Reserved::new(&BTreeMap::new(), &own));
    let (now, until) = (secs(10), secs(100));
    let record = record(1, 5, LeaseState::Leased { until });
    leases.restore(now, [record].iter());
    assert_eq!(leases.offer(&asker(1), None, secs(70)), Some(host(11)));
    let hold = |leases: &Leases, last| leases.by_address[&host(last)].hold;
    assert_eq!(hold(&leases, 5), Hold::Leased { until });
    assert!(!leases.may_have(&asker(2), host(5)));
    // It lets the offer run out, and takes the next.
    assert_eq!(leases.expire(secs(70)).map(|it| it.was_leased), Some(false));
    assert_eq!(hold(&leases, 5), Hold::Leased { until });
    assert_eq!(leases.offer(&asker(1), None, secs(99)), Some(host(11)));
    assert!(leases.grant(secs(80), &asker(1), host(11), secs(200)));
    assert_eq!(hold(&leases, 5), Hold::Ended(Turn::at(secs(80))));
    assert!(leases.may_have(&asker(2), host(5)));
}

#[test]
fn leases_that_ended_before_the_run_began_are_given_again_in_the_order_in_which_they_ended() {
    let mut leases = Leases::new([(host(1), host(3))], Reserved::default());
    let ended = |n| record(n, n, LeaseState::Ended { at: Instant::ZERO });
    leases.restore(secs(0), [ended(3), ended(1), ended(2)].iter());
    let mut given = Vec::new();
    for n in 4..7 {
        given.extend(leases.offer(&asker(n), None, secs(60)));
    }
    assert_eq!(given, [host(3), host(1), host(2)]);
}

#[test]
fn a_class_has_its_own_pool_and_a_client_identifier_its_own_address() {
    let by_client = BTreeMap::from([(vec![9], host(7)), (vec![8], host(20))]);
    let reserved = Reserved::new(&by_client, &BTreeMap::from([(mac(9), host(6))]));
    let mut leases = Leases::new([(host(1), host(2)), (host(6), host(8))], reserved);
    let in_class = |n| Asker {
        pool: 1,
        ..asker(n)
    };
    let until = secs(60);
    // 6 and 7 are kept for others.
    assert_eq!(
        leases.offer(&in_class(1), Some(host(1)), until),
        Some(host(8))
    );
    assert_eq!(leases.offer(&in_class(2), None, until), None);
    assert_eq!(leases.offer(&asker(3), Some(host(8)), until), Some(host(1)));
    // By the identifier, and not by the MAC.
    assert_eq!(leases.offer(&in_class(9), None, until), Some(host(7)));
    assert_eq!(leases.offer(&asker(8), None, until), Some(host(20)));
}

fn asker(n: u8) -> Asker {
    Asker {
        client: ClientKey([n].into()),
        mac: mac(n),
        pool: 0,
    }
}

fn record(n: u8, last: u8, state: LeaseState) -> LeaseRecord {
    LeaseRecord {
        address: host(last),
        client: [n].into(),
        mac: mac(n),
        state,
    }
}

fn secs(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}
