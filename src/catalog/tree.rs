//! The trees in sled: the only file that names it.

use std::path::Path;

use sled::{Db, Mode, Tree};

use crate::error::{Error, ErrorKind, Result};
use crate::name::key;
use crate::scope::collection::GLOBAL_VARIABLES;

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

/// Whether the members of a collection are listed. What is durable is in `GLOBAL_VARIABLES`, all of it, so a list of them
/// would be one of nearly all names, which the manifests hold already.
pub(crate) fn lists(collection: &str) -> bool {
    collection != GLOBAL_VARIABLES
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

    /// Makes changes, in order, name by name: a catalog that was left half way is never used, so nothing has to be
    /// atomic. In the order of keys this takes sled less time than its batches, which it works through in any order.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<()> {
        let mut members: Vec<(Vec<u8>, Option<&str>)> = Vec::new();
        for change in changes {
            let (name, record) = match change {
                Change::Put(record) => (&record.name, Some(record)),
                Change::Remove(name) => (name, None),
            };
            let name_key = key::encode(name);
            let old = match record {
                Some(record) => self.records.insert(name_key, encode(record)?),
                None => self.records.remove(name_key),
            };
            if let Some(old) = old.map_err(broken)? {
                members.extend(member_keys(&decode(&old)?).map(|key| (key, None)));
            }
            members.extend(record.iter().flat_map(|record| member_keys(record)).map(|key| (key, Some(name.as_str()))));
        }
        // Of two changes of one member the later one stays the later.
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, name) in members {
            match name {
                Some(name) => self.members.insert(key, name).map(drop),
                None => self.members.remove(key).map(drop),
            }
            .map_err(broken)?;
        }
        Ok(())
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

/// Under which keys a name is listed as a member.
fn member_keys(record: &Record) -> impl Iterator<Item = Vec<u8>> {
    record.collections.iter().filter(|key| lists(key)).map(|collection| member_key(collection, record.ordinal))
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
