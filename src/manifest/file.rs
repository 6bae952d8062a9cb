//! One manifest file, open and mapped.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::{Access, Entry, ManifestKind, ManifestLayout, ManifestRef, ShardRef, file_names};
use crate::id::{ManifestId, StoreId};
use crate::io::{Dir, Mapping, ReadFile};
use crate::shard::ReadMode;

/// One manifest of a commit. It stays readable after the file has been unlinked.
pub(crate) struct ManifestFile {
    reference: ManifestRef,
    file: ReadFile,
    mapping: Mapping,
    layout: ManifestLayout,
}

impl ManifestFile {
    /// How many entries are read ahead.
    pub(crate) const AHEAD: u64 = 1 << 14;

    /// Opens a manifest and checks its structure and that it is the one the commit names.
    pub(crate) fn open(dir: &Dir, store: StoreId, reference: &ManifestRef, mode: ReadMode) -> Result<Self> {
        let file = dir.open_file(&file_names::of_manifest(reference.id))?;
        let (found, expected) = (file.len(), reference.len_bytes);
        if found != expected {
            let what = format!("the manifest has {found} bytes, its commit says {expected}");
            return Err(Error::corrupt(what).in_file(file.path()).at_offset(expected.min(found)));
        }
        let mapping = match mode {
            ReadMode::Map => file.map()?,
            ReadMode::Memory => file.load()?,
        };
        mapping.expect_single_places();
        let in_file = |error: Error| error.in_file(file.path());
        let layout = ManifestLayout::parse(&mapping, store, Access::Read).map_err(in_file)?;
        layout.check_is(reference).map_err(in_file)?;
        Ok(Self { reference: *reference, file, mapping, layout })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn id(&self) -> ManifestId {
        self.reference.id
    }

    pub(crate) fn reference(&self) -> &ManifestRef {
        &self.reference
    }

    pub(crate) fn is_base(&self) -> bool {
        self.layout.kind() == ManifestKind::Base
    }

    pub(crate) fn len(&self) -> u64 {
        self.layout.len()
    }

    /// The shards this manifest refers to.
    pub(crate) fn shards(&self) -> &[ShardRef] {
        self.layout.shards()
    }

    fn located<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.in_file(self.path()))
    }

    /// Where the entry of this name is.
    pub(crate) fn find(&self, name: &str) -> Result<Option<u64>> {
        self.located(self.layout.find(&self.mapping, name))
    }

    /// Where the first entry is whose name is not below this one.
    pub(crate) fn first_at_or_after(&self, name: &str) -> Result<u64> {
        self.located(self.layout.first_at_or_after(&self.mapping, name))
    }

    /// Says that entries will be looked at one after the other from this one on: to be said again [`Self::AHEAD`] entries
    /// later.
    pub(crate) fn read_ahead(&self, from: u64) {
        for range in self.layout.ranges_of(&self.mapping, from, from.saturating_add(Self::AHEAD)) {
            self.file.will_need(&range);
        }
    }

    pub(crate) fn name_at(&self, i: u64) -> Result<&str> {
        self.located(self.layout.name_at(&self.mapping, i))
    }

    pub(crate) fn entry_at(&self, i: u64) -> Result<Entry> {
        self.located(self.layout.entry_at(&self.mapping, i))
    }

    /// Checks every byte and every entry.
    pub(crate) fn check_all(&self) -> Result<()> {
        self.located(self.layout.check_all(&self.mapping))
    }
}

impl std::fmt::Debug for ManifestFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ManifestFile({}, {} entries)", self.reference.id, self.len())
    }
}
