//! One manifest file, open and mapped.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::{Access, Entry, ManifestKind, ManifestLayout, ManifestRef, ShardRef, file_names};
use crate::id::{ManifestId, StoreId};
use crate::io::{Dir, Mapping};

/// One manifest of a commit. It stays readable after the file has been unlinked.
pub(crate) struct ManifestFile {
    reference: ManifestRef,
    path: std::path::PathBuf,
    mapping: Mapping,
    layout: ManifestLayout,
}

impl ManifestFile {
    /// Opens a manifest and checks its structure and that it is the one the commit names.
    pub(crate) fn open(dir: &Dir, store: StoreId, reference: &ManifestRef) -> Result<Self> {
        let file = dir.open_file(&file_names::of_manifest(reference.id))?;
        let path = file.path().to_owned();
        let mapping = file.map()?;
        let in_file = |error: Error| error.in_file(&path);
        let layout = ManifestLayout::parse(&mapping, store, Access::Read).map_err(in_file)?;
        layout.check_is(reference).map_err(in_file)?;
        Ok(Self { reference: reference.clone(), path, mapping, layout })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
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
        result.map_err(|error| error.in_file(&self.path))
    }

    /// Where the entry of this name is.
    pub(crate) fn find(&self, name: &str) -> Result<Option<u64>> {
        self.located(self.layout.find(&self.mapping, name))
    }

    /// Where the first entry is whose name is not below this one.
    pub(crate) fn first_at_or_after(&self, name: &str) -> Result<u64> {
        self.located(self.layout.first_at_or_after(&self.mapping, name))
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
