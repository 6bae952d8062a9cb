//! Open shard files, shared by everything in the process that reads from them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};

use crate::error::{Error, Result};
use crate::format::{Access, EXTENTS_OFFSET, ShardHead, ShardRef, file_names};
use crate::id::{ShardId, StoreId};
use crate::io::{self, Dir, Mapping, NewFile, ReadFile};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// How payload comes from the disk into a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadMode {
    /// Files are mapped: nothing is copied, and pages arrive as they are touched.
    #[default]
    Map,
    /// Payload is read into memory: for network file systems, and for files that others might change meanwhile.
    Memory,
}

/// One shard file, open for reading. It stays readable after the file has been unlinked.
pub(crate) struct ShardFile {
    reference: ShardRef,
    file: ReadFile,
    mapping: OnceLock<Mapping>,
    /// Where the last part ended that was read; at first nowhere.
    read_end: AtomicU64,
}

/// Who comes from elsewhere for no more than this is given this and nothing around it.
const JUMP_BYTES_MAX: u64 = 1 << 20;

/// Between slices there is padding.
const SEQUENTIAL_GAP_MAX: u64 = 64 << 10;

impl ShardFile {
    /// Opens a shard and checks that it is the one asked for, as long as it should be.
    pub(crate) fn open(dir: &Dir, store: StoreId, reference: &ShardRef) -> Result<Self> {
        let file = dir.open_file(&file_names::of_shard(reference.id))?;
        let (found, expected) = (file.len(), reference.len_bytes);
        if found != expected {
            let what = format!("the shard has {found} bytes, its manifest says {expected}");
            return Err(Error::corrupt(what).in_file(file.path()).at_offset(expected.min(found)));
        }
        let mut block = vec![0; EXTENTS_OFFSET as usize];
        file.read_exact_at(&mut block, 0)?;
        let head = ShardHead::parse(&block, Some(store), Access::Read).map_err(|error| error.in_file(file.path()))?;
        if head.id() != reference.id {
            let what = format!("the file holds shard {}", head.id());
            return Err(Error::corrupt(what).in_file(file.path()).at_offset(0));
        }
        Ok(Self { reference: *reference, file, mapping: OnceLock::new(), read_end: AtomicU64::new(u64::MAX) })
    }

    pub(crate) fn id(&self) -> ShardId {
        self.reference.id
    }

    /// What a manifest says of this shard.
    pub(crate) fn reference(&self) -> &ShardRef {
        &self.reference
    }

    pub(crate) fn file(&self) -> &ReadFile {
        &self.file
    }

    /// Says that bytes will be read through the mapping. The system reads around what is touched, which serves those who go
    /// on from there, and by larger pages than where it is told what to read; so it is told of others alone.
    pub(super) fn will_read(&self, range: &Range<u64>) {
        let last_end = self.read_end.swap(range.end, Ordering::Relaxed);
        let goes_on = range.start.checked_sub(last_end).is_some_and(|gap| gap < SEQUENTIAL_GAP_MAX);
        if !goes_on && range.end - range.start <= JUMP_BYTES_MAX {
            self.file.will_need(range);
        }
    }

    pub(crate) fn mapping(&self) -> Result<&Mapping> {
        if let Some(mapping) = self.mapping.get() {
            return Ok(mapping);
        }
        let mapping = self.file.map()?;
        Ok(self.mapping.get_or_init(|| mapping))
    }
}

impl std::fmt::Debug for ShardFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShardFile({})", self.id())
    }
}

/// The shard files that this process has open in one store.
///
/// A shard that is open here may be named by the next commit, whatever becomes of the commits that name it now; so
/// reclaiming asks here, under the same lock that hands files out.
#[derive(Debug)]
pub(crate) struct Shards {
    dir: Dir,
    store: StoreId,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<ShardId, Weak<ShardFile>>,
    /// Those that are being written.
    growing: HashSet<ShardId>,
}

/// A shard file being written, which no reclaiming takes for an orphan until this is dropped.
#[derive(Debug)]
pub(super) struct Growth<'a> {
    shards: &'a Shards,
    pub(super) id: ShardId,
}

impl Drop for Growth<'_> {
    fn drop(&mut self) {
        self.shards.open_files().growing.remove(&self.id);
    }
}

impl Shards {
    pub(crate) fn new(dir: Dir, store: StoreId) -> Self {
        Self { dir, store, open: Mutex::default() }
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    fn open_files(&self) -> MutexGuard<'_, Open> {
        // The table is whole between any two of its operations.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the file of a new shard.
    pub(super) fn create(&self) -> Result<(Growth<'_>, NewFile)> {
        let id = ShardId::from_bytes(io::random_128()?);
        self.open_files().growing.insert(id);
        let growth = Growth { shards: self, id };
        let file = self.dir.create_file(&file_names::of_shard(id))?;
        Ok((growth, file))
    }

    /// The shard of this id, opened if it is not open yet.
    pub(crate) fn open(&self, reference: &ShardRef) -> Result<Arc<ShardFile>> {
        let open = &mut self.open_files().files;
        if let Some(file) = open.get(&reference.id).and_then(Weak::upgrade) {
            if file.reference == *reference {
                return Ok(file);
            }
            let what = format!("two manifests differ about shard {}", reference.id);
            return Err(Error::corrupt(what).in_file(file.file.path()));
        }
        let file = Arc::new(ShardFile::open(&self.dir, self.store, reference)?);
        open.insert(reference.id, Arc::downgrade(&file));
        Ok(file)
    }

    /// Forgets a shard that no commit names, unless somebody in this process reads or writes it. Says whether it is
    /// forgotten, so that its file may go.
    pub(crate) fn forget_unless_open(&self, id: ShardId) -> bool {
        let mut open = self.open_files();
        if open.growing.contains(&id) || open.files.get(&id).is_some_and(|file| file.strong_count() > 0) {
            return false;
        }
        open.files.remove(&id);
        true
    }
}
