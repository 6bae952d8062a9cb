//! The manifest: entries sorted by name, found one by one in a mapped file.
//!
//! Names lie together in a section of their own, entries in another; a row of the table of offsets says where the name
//! and the entry of the same number begin. So a search reads rows and names, and one entry when it has found it.

mod check;
mod layout;
mod writer;

pub(crate) use layout::ManifestLayout;
pub(crate) use writer::ManifestWriter;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::blocks::BLOCK_SUMS;
use crate::format::bytes::{bytes_in, put, u32_in, u64_in};
use crate::format::entry::{Body, Entry};
use crate::format::table::Tag;
use crate::id::ShardId;

/// The section that says what the manifest is.
pub(in crate::format) const HEAD: Tag = Tag(*b"MANIFEST");
/// The section with the table of shards.
pub(in crate::format) const SHARDS: Tag = Tag(*b"SHARDS  ");
/// The section with the table of offsets.
pub(in crate::format) const OFFSETS: Tag = Tag(*b"OFFSETS ");
/// The section with the names.
pub(in crate::format) const NAMES: Tag = Tag(*b"NAMES   ");
/// The section with the entries.
pub(in crate::format) const ENTRIES: Tag = Tag(*b"ENTRIES ");
/// The section with the chunk sums.
pub(in crate::format) const CHUNK_SUMS: Tag = Tag(*b"CHUNKSUM");

/// The sections of a manifest.
pub(in crate::format) const KNOWN: [Tag; 7] = [HEAD, SHARDS, OFFSETS, NAMES, ENTRIES, CHUNK_SUMS, BLOCK_SUMS];

record_layout! {
    /// The fields of a row of the table of shards.
    shard_at: 28 {
        ID: 0..16,
        FILE_BYTES: 16..24,
        PARTITION: 24..28,
    }
}

record_layout! {
    /// The fields of a row of the table of offsets.
    offset_at: 16 {
        NAME: 0..8,
        ENTRY: 8..16,
    }
}

/// What a manifest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ManifestKind {
    /// All names of a state.
    Base,
    /// What changed since the manifests below it.
    Delta,
}

/// A shard that a manifest refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardRef {
    pub(crate) id: ShardId,
    pub(crate) len_bytes: u64,
    /// The partition ordinal the shard was written for: a hint where to place it.
    pub(crate) partition: u32,
}

impl ShardRef {
    fn to_bytes(self) -> [u8; shard_at::BYTES] {
        let mut bytes = [0; shard_at::BYTES];
        put(&mut bytes, shard_at::ID, &self.id.to_bytes());
        put(&mut bytes, shard_at::FILE_BYTES, &self.len_bytes.to_le_bytes());
        put(&mut bytes, shard_at::PARTITION, &self.partition.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            id: ShardId::from_bytes(bytes_in(bytes, shard_at::ID)),
            len_bytes: u64_in(bytes, shard_at::FILE_BYTES),
            partition: u32_in(bytes, shard_at::PARTITION),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct WireHead {
    kind: ManifestKind,
    entries: u64,
}

/// Where the name and the entry of one number begin, from the start of their sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetRow {
    name: u64,
    entry: u64,
}

impl OffsetRow {
    fn to_bytes(self) -> [u8; offset_at::BYTES] {
        let mut bytes = [0; offset_at::BYTES];
        put(&mut bytes, offset_at::NAME, &self.name.to_le_bytes());
        put(&mut bytes, offset_at::ENTRY, &self.entry.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self { name: u64_in(bytes, offset_at::NAME), entry: u64_in(bytes, offset_at::ENTRY) }
    }
}

/// Whether a manifest of this kind may hold such an entry.
fn may_hold(kind: ManifestKind, entry: &Entry) -> bool {
    kind == ManifestKind::Delta || !matches!(entry.body, Body::Removed | Body::Patch(_))
}

/// The extents of a manifest's entries, collected to find those that lie over each other.
#[derive(Default)]
struct ExtentMap(Vec<(ShardId, u64, u64)>);

impl ExtentMap {
    fn add(&mut self, entry: &Entry) {
        self.0.extend(entry.extents().map(|(grid, extent)| {
            (extent.shard, extent.offset, extent.offset.saturating_add(grid.bytes_of(extent).unwrap_or_default()))
        }));
    }

    /// Refuses extents that overlap: of two variables that share bytes, one would change or go with the other.
    fn check(mut self) -> Result<()> {
        self.0.sort_unstable();
        let overlap = self
            .0
            .iter()
            .zip(self.0.iter().skip(1))
            .find(|((shard, _, end), (next_shard, next_start, _))| shard == next_shard && end > next_start);
        match overlap {
            Some(((shard, start, _), _)) => {
                Err(Error::corrupt(format!("two extents overlap in shard {shard}, from its byte {start} on")))
            }
            None => Ok(()),
        }
    }
}
