//! The trees in sled: the only file that names it.

use std::path::Path;

use sled::{Batch, Db, Mode, Tree};

use crate::error::{Error, ErrorKind, Result};
use crate::name::key;

/// Memory that sled may use as its cache, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

/// The file that sled holds locked as long as any of its threads may write.
pub(crate) const FILE_LOCKED: &str = "db";

/// The static facts of one name that the catalog indexes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) ordinal: u64,
    pub(crate) collections: Vec<String>,
}

/// One step from a commit to the next.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(Record),
    Remove(String),
}

/// An open database.
///
/// `records`: the key of a name ([`key`]) → its ordinal and collections. `members`: the key of a collection, 0, ordinal
/// (big-endian) → name; so a collection's members come in order of creation. Keys hold no 0.
#[derive(Clone)]
pub(crate) struct Trees {
    db: Db,
    records: Tree,
    members: Tree,
}

impl Trees {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let failed = |error| failed("open the catalog", folder, error);
        let config = sled::Config::new().path(folder).mode(Mode::HighThroughput).flush_every_ms(None);
        let db = config.cache_capacity(CACHE_BYTES).open().map_err(failed)?;
        let records = db.open_tree("records").map_err(failed)?;
        let members = db.open_tree("members").map_err(failed)?;
        Ok(Self { db, records, members })
    }

    pub(crate) fn apply(&self, changes: &[Change]) -> Result<()> {
        let mut batches = Batches::default();
        for change in changes {
            let (Change::Put(Record { name, .. }) | Change::Remove(name)) = change;
            let name_key = key::encode(name);
            if let Some(old) = self.records.get(&name_key).map_err(broken)? {
                let old = decode(&old)?;
                for collection in &old.collections {
                    batches.members.remove(member_key(collection, old.ordinal));
                }
                batches.records.remove(name_key.as_slice());
            }
            if let Change::Put(record) = change {
                batches.put(name_key, record)?;
            }
        }
        self.apply_batches(batches)
    }

    /// Puts records of names that there are none of yet, so that nothing has to be looked up.
    pub(crate) fn fill(&self, records: &[Record]) -> Result<()> {
        let mut batches = Batches::default();
        for record in records {
            batches.put(key::encode(&record.name), record)?;
        }
        self.apply_batches(batches)
    }

    fn apply_batches(&self, batches: Batches) -> Result<()> {
        self.records.apply_batch(batches.records).map_err(broken)?;
        self.members.apply_batch(batches.members).map_err(broken)
    }

    /// The names in a collection that are wanted, in order of creation.
    pub(crate) fn members(&self, collection: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.members.scan_prefix(member_prefix(collection)).values() {
            let name = name.map_err(broken)?;
            let name = str::from_utf8(&name).map_err(|_| Error::corrupt("a name in the catalog is not text"))?;
            if wanted(name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Brings everything to the files and lets go of them. sled's own threads may write a little longer: its files are
    /// final when [`FILE_LOCKED`] is no longer locked.
    pub(crate) fn close(self) -> Result<()> {
        self.db.flush().map_err(broken)?;
        Ok(())
    }
}

/// What is put into both trees at once.
#[derive(Default)]
struct Batches {
    records: Batch,
    members: Batch,
}

impl Batches {
    fn put(&mut self, name_key: Vec<u8>, record: &Record) -> Result<()> {
        for collection in &record.collections {
            self.members.insert(member_key(collection, record.ordinal), record.name.as_bytes());
        }
        self.records.insert(name_key, encode(record)?);
        Ok(())
    }
}

fn member_prefix(collection: &str) -> Vec<u8> {
    let mut key = key::encode(collection);
    key.push(0);
    key
}

fn member_key(collection: &str, ordinal: u64) -> Vec<u8> {
    let mut key = member_prefix(collection);
    key.extend(ordinal.to_be_bytes().as_slice());
    key
}

fn encode(record: &Record) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(record, bincode::config::standard())
        .map_err(|error| Error::new(ErrorKind::Io, "cannot encode a catalog record").caused_by(error))
}

fn decode(bytes: &[u8]) -> Result<Record> {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard())
        .map(|(record, _)| record)
        .map_err(|error| Error::corrupt("a catalog record does not decode").caused_by(error))
}

fn broken(error: sled::Error) -> Error {
    Error::new(ErrorKind::Io, "the catalog failed").caused_by(error)
}

fn failed(what: &str, folder: &Path, error: sled::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what}")).in_file(folder).caused_by(error)
}
