//! Checkpoints: commits that are kept, opened for reading beside a running writer.

mod piece;
mod saved;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::commit::{History, Which};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Access, CommitRecord};
use crate::id::{CommitId, StoreId};
use crate::io::{Dir, NoTap};
use crate::limits;
use crate::name;
use crate::shard::{ReadMode, Shards, Verification};

pub use piece::SavedPiece;
pub use saved::{Placement, SavedKind, SavedSlice, SavedVariable};
pub(crate) use saved::{Saved, SavedSingle};
pub(crate) use view::{Reading, View};

/// What is known of a commit without opening it.
#[derive(Clone, Debug)]
pub struct CheckpointInfo {
    record: CommitRecord,
    tags: Vec<String>,
}

impl CheckpointInfo {
    pub(crate) fn new(record: CommitRecord, tags: Vec<String>) -> Self {
        Self { record, tags }
    }

    pub(crate) fn record(&self) -> &CommitRecord {
        &self.record
    }

    /// The tag; `None` for a head that was committed without one.
    pub fn tag(&self) -> Option<&str> {
        self.tags.first().map(String::as_str)
    }

    /// The commit's number: later commits have higher ones.
    pub fn number(&self) -> u64 {
        self.record.number
    }

    /// The commit's id.
    pub fn id(&self) -> CommitId {
        self.record.id
    }

    /// The commit that this one was made from.
    pub fn parent(&self) -> Option<CommitId> {
        self.record.parent
    }

    /// When it was made, by the clock of the machine that made it.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.record.unix_millis)
    }

    /// How many variables it holds; a partitioned one counts once.
    pub fn variables(&self) -> u64 {
        self.record.summary.variables
    }

    /// Bytes of all values.
    pub fn bytes_total(&self) -> u64 {
        self.record.summary.bytes_total
    }

    /// Bytes of values that were written for this commit; the others it shares with earlier ones.
    pub fn bytes_new(&self) -> u64 {
        self.record.summary.bytes_new
    }

    /// Whether both are known to hold the same state, without opening them: one was made from the other by a `restore`, a
    /// deletion or a save, and no variable had changed. `false` says nothing.
    pub fn is_known_equal(&self, other: &Self) -> bool {
        self.record.manifests == other.record.manifests
    }

    /// The metadata given to the save; `None` if none was given.
    ///
    /// # Errors
    /// `metadata`, if it is not what `T` wants.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        if self.record.metadata.is_empty() {
            return Ok(None);
        }
        decode_metadata(&self.record.metadata).map(Some).map_err(|error| {
            let what = format!("the metadata of commit {} is not what was asked for", self.record.number);
            Error::new(ErrorKind::Metadata, what).caused_by(error)
        })
    }
}

/// Metadata of a commit as a `T`. Whatever `T` is, the depth to which it nests is limited: reading takes a part of the stack
/// for each level.
pub(crate) fn decode_metadata<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(limits::METADATA_DEPTH_MAX + 1);
    T::deserialize(&mut deserializer)
}

/// Lists what a history keeps, newest first.
pub(crate) fn list(history: &History) -> Result<Vec<CheckpointInfo>> {
    let kept = history.kept()?;
    let tags = kept.first().map(|head| head.tags.clone()).unwrap_or_default();
    let info = |record: CommitRecord| {
        let own = tags.iter().filter(|entry| entry.commit == record.id).map(|entry| entry.tag.clone()).collect();
        CheckpointInfo::new(record, own)
    };
    Ok(kept.into_iter().map(info).collect())
}

/// The history of the store in a folder, for reading.
pub(crate) fn history_at(path: &Path) -> Result<History> {
    let root = Dir::open(path, NoTap::shared()).map_err(|error| {
        if crate::io::is_not_found(&error) {
            return Error::new(ErrorKind::StoreNotFound, "there is no store here")
                .in_file(path)
                .advise("check the path");
        }
        if crate::io::is_not_a_folder(&error) {
            return Error::new(ErrorKind::NotAStore, "this is a file, and a store is a folder").in_file(path);
        }
        error
    })?;
    History::open(root, Access::Read)
}

/// Lists the checkpoints of the store at `path`, newest first: every commit with a tag, and the head.
///
/// Needs no lock: the store may be open for writing elsewhere.
///
/// # Errors
/// `store_not_found`, `not_a_store`, `unsupported_format`, `corrupt`, `io`.
pub fn checkpoints(path: impl AsRef<Path>) -> Result<Vec<CheckpointInfo>> {
    list(&history_at(path.as_ref())?)
}

/// A commit of a store, opened for reading.
///
/// All its files are open from the start, so it stays whole and readable whatever a running trainer saves or deletes.
/// Values are mapped and checked when they are read.
///
/// ```no_run
/// let checkpoint = varkeep::Checkpoint::open("model.varkeep", "step-1000")?;
/// let w = checkpoint.get("layer/w")?.read::<f32>()?;
/// println!("{} holds {} elements", checkpoint.info().number(), w.len());
/// # Ok::<(), varkeep::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    view: Arc<View>,
    history: History,
    info: CheckpointInfo,
}

impl Checkpoint {
    /// Opens a checkpoint of the store at `path`: a tag, or `None` for the newest commit, or any [`Which`].
    ///
    /// # Errors
    /// `store_not_found`, `not_a_store`, `tag_not_found`, `restore_no_checkpoint` (a store without commits),
    /// `unsupported_format`, `corrupt`, `io`.
    pub fn open(path: impl AsRef<Path>, which: impl Into<Which>) -> Result<Self> {
        Self::open_with(path, which, ReadMode::default(), Verification::default())
    }

    /// Opens a checkpoint, saying how its payload is to be read.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        which: impl Into<Which>,
        mode: ReadMode,
        verification: Verification,
    ) -> Result<Self> {
        let history = history_at(path.as_ref())?;
        let shards = Shards::new(history.folders.shards.clone(), history.store.id);
        Self::of(&history, &shards, &which.into(), Reading { mode, verification })
    }

    pub(crate) fn of(history: &History, shards: &Shards, which: &Which, reading: Reading) -> Result<Self> {
        let view = View::open(history, shards, which, reading)?;
        let Some(record) = view.commit().cloned() else {
            return Err(Error::new(ErrorKind::RestoreNoCheckpoint, "the store has no commit yet")
                .in_file(history.folders.root.path())
                .advise("save one first"));
        };
        let tags = record.tags.iter().filter(|entry| entry.commit == record.id);
        let tags = tags.map(|entry| entry.tag.clone()).collect();
        Ok(Self { view: Arc::new(view), history: history.clone(), info: CheckpointInfo::new(record, tags) })
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What unseeded random initializers of the store derive their seeds from.
    pub(crate) fn seed(&self) -> u64 {
        self.history.store.hash_seed
    }

    /// What is known of it without reading values.
    pub fn info(&self) -> &CheckpointInfo {
        &self.info
    }

    /// The store's id.
    pub fn store_id(&self) -> StoreId {
        self.history.store.id
    }

    /// The folder of the store.
    pub fn path(&self) -> &Path {
        self.history.folders.root.path()
    }

    /// The variable of this name: in one piece, a slice, a partitioned one, or an alias.
    ///
    /// # Errors
    /// `name_not_found`, with the nearest names; `corrupt`.
    pub fn get(&self, name: &str) -> Result<SavedVariable> {
        self.find(name)?.ok_or_else(|| self.name_not_found(name))
    }

    /// The variable of this name, if there is one.
    ///
    /// # Errors
    /// `corrupt`.
    pub fn find(&self, name: &str) -> Result<Option<SavedVariable>> {
        let entry = self.view.lookup(name)?;
        entry.map(|entry| SavedVariable::of_entry(&self.view, self.store_id(), entry)).transpose()
    }

    fn name_not_found(&self, name: &str) -> Error {
        let names: Vec<String> =
            self.view.stack().entries("").map_while(Result::ok).map(|entry| entry.name).take(100_000).collect();
        let near = name::nearest(name, names.iter().map(String::as_str));
        let what = format!("there is no variable {name:?} in commit {}", self.info.number());
        let error = Error::new(ErrorKind::NameNotFound, what).of_variable(name).in_file(self.path());
        if near.is_empty() {
            return error.advise("`varkeep inspect` lists those there are");
        }
        let near: Vec<String> = near.iter().map(|name| format!("{name:?}")).collect();
        error.advise(format!("did you mean {}?", near.join(" or ")))
    }

    /// All names that start with `prefix`, by name: variables, slices, partitioned variables and aliases.
    pub fn variables<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Result<SavedVariable>> + use<'a> {
        self.view
            .stack()
            .entries(prefix)
            .map(|entry| entry.and_then(|entry| SavedVariable::of_entry(&self.view, self.store_id(), entry)))
    }
}
