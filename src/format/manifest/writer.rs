//! Writes a manifest, entry by entry.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::format::blocks::MANIFEST_BLOCK_BYTES;
use crate::format::bytes::{len_of, to_u64};
use crate::format::codec;
use crate::format::commit::ManifestRef;
use crate::format::container::{Builder, Container};
use crate::format::content::{CHUNK_SUM_BYTES, ChunkSum};
use crate::format::entry::Entry;
use crate::format::header::{Access, FileKind, Header};
use crate::format::manifest::{
    CHUNK_SUMS, ENTRIES, ExtentMap, HEAD, KNOWN, ManifestKind, NAMES, OFFSETS, OffsetRow, SHARDS, ShardRef, WireHead,
    may_hold,
};
use crate::format::wire::{Place, WireEntry};
use crate::id::{ManifestId, ShardId, StoreId};

/// A manifest under construction. It takes about the memory of the finished file, and twice that to finish.
pub(crate) struct ManifestWriter {
    header: Header,
    kind: ManifestKind,
    count: u64,
    last_name: Option<String>,
    offsets: Vec<u8>,
    names: Vec<u8>,
    entries: Vec<u8>,
    extents: ExtentMap,
    references: References,
}

/// What entries refer to by number: shards and chunk sums.
#[derive(Default)]
struct References {
    known: HashMap<ShardId, ShardRef>,
    rows: HashMap<ShardId, u32>,
    shards: Vec<u8>,
    sums: Vec<u8>,
}

impl Place for References {
    /// A shard gets its row when the first entry refers to it, so that the table names no others.
    fn shard_row(&mut self, shard: ShardId) -> Result<u32> {
        if let Some(row) = self.rows.get(&shard) {
            return Ok(*row);
        }
        let reference = self.known.get(&shard).ok_or_else(|| refused(format!("shard {shard} was not declared")))?;
        let row = u32::try_from(self.rows.len()).map_err(|_| refused("a manifest refers to too many shards".into()))?;
        self.shards.extend(reference.to_bytes());
        self.rows.insert(shard, row);
        Ok(row)
    }

    fn put_sums(&mut self, sums: &[ChunkSum]) -> u64 {
        let first = self.sums.len().checked_div(CHUNK_SUM_BYTES).unwrap_or_default();
        self.sums.extend(sums.iter().flat_map(|sum| sum.to_bytes()));
        to_u64(first)
    }
}

impl ManifestWriter {
    /// A manifest without entries.
    pub(crate) fn new(store: StoreId, id: ManifestId, kind: ManifestKind) -> Self {
        Self {
            header: Header::new(FileKind::Manifest, store, id.to_bytes()),
            kind,
            count: 0,
            last_name: None,
            offsets: Vec::new(),
            names: Vec::new(),
            entries: Vec::new(),
            extents: ExtentMap::default(),
            references: References::default(),
        }
    }

    /// Declares a shard that entries may refer to. Those that none refers to are left out of the table.
    pub(crate) fn declare_shard(&mut self, shard: ShardRef) {
        self.references.known.insert(shard.id, shard);
    }

    /// Appends an entry; entries come in the order of their names' bytes.
    ///
    /// # Errors
    /// `invalid_argument` if the order is broken, or if the entry contradicts itself or the shards declared.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<()> {
        self.append(entry).map_err(|error| error.of_variable(&entry.name))
    }

    fn append(&mut self, entry: &Entry) -> Result<()> {
        if self.last_name.as_ref().is_some_and(|last| last.as_bytes() >= entry.name.as_bytes()) {
            return Err(refused(format!("entry {:?} does not follow {:?}", entry.name, self.last_name)));
        }
        if !may_hold(self.kind, entry) {
            return Err(refused(format!("a base manifest cannot hold the change of {:?}", entry.name)));
        }
        let References { known, .. } = &self.references;
        entry.check(&|shard| known.get(&shard).map(|shard| shard.len_bytes)).map_err(refused)?;
        let sums_before = self.references.sums.len();
        let bytes = WireEntry::of(entry, &mut self.references)
            .and_then(|wire| codec::encode("an entry", &wire))
            .inspect_err(|_| self.references.sums.truncate(sums_before))?;
        self.offsets.extend(self.next_row().to_bytes());
        self.names.extend(entry.name.as_bytes());
        self.entries.extend(bytes);
        self.extents.add(entry);
        self.count = self.count.saturating_add(1);
        self.last_name = Some(entry.name.clone());
        Ok(())
    }

    fn next_row(&self) -> OffsetRow {
        OffsetRow { name: len_of(&self.names), entry: len_of(&self.entries) }
    }

    /// The bytes of the file, and what a commit says of it.
    ///
    /// # Errors
    /// `invalid_argument` if two entries lay claim to the same bytes of a shard.
    pub(crate) fn finish(mut self) -> Result<(Vec<u8>, ManifestRef)> {
        let last = self.next_row();
        self.offsets.extend(last.to_bytes());
        std::mem::take(&mut self.extents).check().map_err(|error| refused(error.what().to_owned()))?;
        let head = codec::encode("the head of a manifest", &WireHead { kind: self.kind, entries: self.count })?;
        let References { shards, sums, .. } = self.references;
        let parts = [
            (HEAD, head),
            (SHARDS, shards),
            (OFFSETS, self.offsets),
            (NAMES, self.names),
            (ENTRIES, self.entries),
            (CHUNK_SUMS, sums),
        ];
        let capacity = parts.iter().map(|(_, bytes)| bytes.len()).fold(4096, usize::saturating_add);
        let mut file = Builder::new(self.header, capacity);
        for (tag, bytes) in parts {
            file.wide_section(tag, &bytes);
        }
        file.block_sums(MANIFEST_BLOCK_BYTES);
        let bytes = file.finish();
        let Header { kind, store, own_id, .. } = self.header;
        let end_crc = Container::parse(&bytes, kind, Some(store), Access::Write, &KNOWN)?.end_crc();
        let reference = ManifestRef { id: ManifestId::from_bytes(own_id), len_bytes: len_of(&bytes), crc32: end_crc };
        Ok((bytes, reference))
    }
}

fn refused(what: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}
