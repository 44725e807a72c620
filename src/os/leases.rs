//! Leases on disk: a redb file, one row an address.
//!
//! ```text
//!   row: address ─▶ version │ state │ MAC │ date │ client … │ CRC-32
//! ```
//!
//! A commit is on the disk when it returns, and is done whole or not at all, whenever the process or the power
//! ends. Many changes make one commit. The file is checked when it is opened: what was altered, or is cut off, is an
//! error and never a store that has forgotten half. One process at a time has it.
//!
//! Times are dates of the machine, as a run's own begin with it.

use std::fs::File;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crc32fast::hash;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::wire::Mac;

const TABLE: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("leases");
/// The first byte of a row.
const VERSION: u8 = 1;
/// Version, state, MAC, date.
const FIXED_BYTES: usize = 1 + 1 + 6 + 8;
const CRC_BYTES: usize = 4;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLease {
    pub address: Ipv4Addr,
    pub client: Vec<u8>,
    pub mac: Mac,
    pub state: StoredState,
    /// When the state ends, or the lease ended: nanoseconds since 1970-01-01 UTC.
    pub date_nanos: u64,
}

/// What the address is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredState {
    Leased,
    Declined,
    Ended,
}

/// Why leases could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum LeaseStoreError {
    #[error("the lease store {path} is in use by another process", path = path.display())]
    InUse { path: PathBuf },
    #[error(
        "the lease store {path} cannot be read: {reason}; restore it, or move it away and let every lease that it had run out",
        path = path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("the lease store {path} cannot be opened: {reason}", path = path.display())]
    Open { path: PathBuf, reason: String },
    #[error(
        "the lease store {path} cannot be written: {reason}; no lease is given any more",
        path = path.display()
    )]
    Write { path: PathBuf, reason: String },
}

/// A file of leases.
#[derive(Debug)]
pub struct LeaseStore {
    path: PathBuf,
    database: Database,
}

impl LeaseStore {
    /// Opens a store, or makes an empty one.
    ///
    /// # Errors
    /// Another process has it, it is damaged, or the disk refuses.
    pub fn open(path: &Path) -> Result<LeaseStore, LeaseStoreError> {
        let opened = Database::builder()
            .set_check_integrity_on_open(true)
            .create(path);
        let path = path.to_owned();
        let database = match opened {
            Ok(database) => database,
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => {
                return Err(LeaseStoreError::InUse { path });
            }
            Err(redb::DatabaseError::Storage(redb::StorageError::Io(error)))
                if !matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::UnexpectedEof
                ) =>
            {
                let reason = error.to_string();
                return Err(LeaseStoreError::Open { path, reason });
            }
            Err(error) => {
                let reason = error.to_string();
                return Err(LeaseStoreError::Damaged { path, reason });
            }
        };
        let mut store = LeaseStore { path, database };
        // Also one that was killed before its first commit, or made empty by somebody else.
        if store.is_blank() {
            store.commit(&[])?;
            store.keep_name();
        }
        Ok(store)
    }

    /// Whether nothing has ever been committed.
    fn is_blank(&self) -> bool {
        let transaction = self.database.begin_read();
        transaction.is_ok_and(|it| {
            it.list_tables()
                .is_ok_and(|mut tables| tables.next().is_none())
        })
    }

    /// Every row, by address.
    ///
    /// # Errors
    /// One of them is damaged, or the disk refuses.
    pub fn all(&self) -> Result<Vec<StoredLease>, LeaseStoreError> {
        let rows = || -> Result<Vec<(u32, Vec<u8>)>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(TABLE)?;
            let rows = table.iter()?.map(|row| {
                let (key, value) = row?;
                Ok((key.value(), value.value().to_vec()))
            });
            rows.collect()
        };
        let damaged = |reason: String| LeaseStoreError::Damaged {
            path: self.path.clone(),
            reason,
        };
        let rows = rows().map_err(|error| damaged(error.to_string()))?;
        let read = |(address, value): (u32, Vec<u8>)| {
            let address = Ipv4Addr::from(address);
            decode(address, &value).ok_or_else(|| damaged(format!("the row of {address} is wrong")))
        };
        rows.into_iter().map(read).collect()
    }

    /// Keeps these rows, in place of earlier ones of the same addresses. They are on the disk on return.
    ///
    /// # Errors
    /// None of them is kept.
    pub fn commit(&mut self, leases: &[StoredLease]) -> Result<(), LeaseStoreError> {
        let written = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(TABLE)?;
                for lease in leases {
                    table.insert(u32::from(lease.address), encode(lease).as_slice())?;
                }
            }
            transaction.commit()?;
            Ok(())
        };
        written().map_err(|error| LeaseStoreError::Write {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// Has the folder remember the new file's name, should the power fail. A folder that cannot is left alone.
    fn keep_name(&self) {
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
    }
}

fn encode(lease: &StoredLease) -> Vec<u8> {
    let state = match lease.state {
        StoredState::Leased => 0,
        StoredState::Declined => 1,
        StoredState::Ended => 2,
    };
    let mut row = vec![VERSION, state];
    row.extend(lease.mac.0);
    row.extend(lease.date_nanos.to_be_bytes());
    row.extend(&lease.client);
    let crc = hash(&row);
    row.extend(crc.to_be_bytes());
    row
}

fn decode(address: Ipv4Addr, row: &[u8]) -> Option<StoredLease> {
    let (row, crc) = row.split_last_chunk::<CRC_BYTES>()?;
    let (fixed, client) = row.split_first_chunk::<FIXED_BYTES>()?;
    if hash(row) != u32::from_be_bytes(*crc) || fixed[0] != VERSION {
        return None;
    }
    let state = match fixed[1] {
        0 => StoredState::Leased,
        1 => StoredState::Declined,
        2 => StoredState::Ended,
        _ => return None,
    };
    Some(StoredLease {
        address,
        client: client.to_vec(),
        mac: Mac(fixed[2..8].try_into().ok()?),
        state,
        date_nanos: u64::from_be_bytes(fixed[8..].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_committed_is_there_again_and_a_row_replaces_the_one_before() {
        let file = Scratch::new("rows");
        let mut store = LeaseStore::open(&file.0).unwrap();
        assert_eq!(store.all().unwrap(), []);
        store
            .commit(&[
                lease(1, StoredState::Leased),
                lease(2, StoredState::Declined),
            ])
            .unwrap();
        store.commit(&[lease(1, StoredState::Ended)]).unwrap();
        let in_use = LeaseStore::open(&file.0).unwrap_err().to_string();
        assert!(in_use.ends_with("is in use by another process"), "{in_use}");
        drop(store);
        let store = LeaseStore::open(&file.0).unwrap();
        let expected = [
            lease(1, StoredState::Ended),
            lease(2, StoredState::Declined),
        ];
        assert_eq!(store.all().unwrap(), expected);
    }

    #[test]
    fn a_damaged_store_is_an_error_and_never_an_empty_one() {
        let file = Scratch::new("damaged");
        let mut store = LeaseStore::open(&file.0).unwrap();
        let leases: Vec<StoredLease> = (0..200).map(|n| lease(n, StoredState::Leased)).collect();
        store.commit(&leases).unwrap();
        drop(store);
        let whole = fs::read(&file.0).unwrap();
        let row = encode(&leases[100]);
        let at = whole
            .windows(row.len())
            .position(|part| part == row)
            .unwrap();
        let altered = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            bytes
        };
        let cases = [
            ("a byte of a row", altered(at + 9)),
            ("the file's first byte", altered(0)),
            ("cut off", whole[..whole.len() / 2].to_vec()),
            ("cut off in the header", whole[..100].to_vec()),
            ("another kind of file", b"scenario = \"s\"\n".repeat(400)),
        ];
        for (what, bytes) in cases {
            fs::write(&file.0, bytes).unwrap();
            let found = LeaseStore::open(&file.0).and_then(|store| store.all());
            let error = found.expect_err(what);
            assert!(
                matches!(error, LeaseStoreError::Damaged { .. }),
                "{what}: {error}"
            );
        }
        fs::write(&file.0, whole).unwrap();
        assert_eq!(LeaseStore::open(&file.0).unwrap().all().unwrap(), leases);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = LeaseStore::open(Path::new("/no/such/folder/leases")).unwrap_err();
        assert!(matches!(error, LeaseStoreError::Open { .. }), "{error}");
    }

    fn lease(n: u32, state: StoredState) -> StoredLease {
        StoredLease {
            address: Ipv4Addr::from(0x0a01_0000 + n),
            client: vec![1, 2, 3, n.to_be_bytes()[3]],
            mac: Mac([2, 0, 0, 0, n.to_be_bytes()[2], n.to_be_bytes()[3]]),
            state,
            date_nanos: 1_700_000_000_000_000_000 + u64::from(n),
        }
    }

    /// A file that goes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let name = format!("jackfield-leases-{}-{name}", std::process::id());
            Scratch(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }
}
