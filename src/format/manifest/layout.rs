//! Reads a manifest in place: its structure at once, its names and entries when they are asked for.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::blocks::{BLOCK_SUMS, Blocks, CheckedBlocks, MANIFEST_BLOCK_BYTES};
use crate::format::bytes::{len_of, range_of, to_u64};
use crate::format::codec;
use crate::format::commit::ManifestRef;
use crate::format::container::Container;
use crate::format::content::{CHUNK_SUM_BYTES, ChunkSum};
use crate::format::entry::Entry;
use crate::format::header::{Access, FileKind};
use crate::format::manifest::{
    CHUNK_SUMS, ENTRIES, HEAD, KNOWN, ManifestKind, NAMES, OFFSETS, OffsetRow, SHARDS, ShardRef, WireHead, may_hold,
    offset_at, shard_at,
};
use crate::format::table::{Row, Table, Tag};
use crate::format::wire::{Lookup, WireEntry};
use crate::id::{ManifestId, ShardId, StoreId};
use crate::limits::NAME_BYTES_MAX;

/// The structure of a manifest, apart from its bytes: every call is handed the same bytes again, which never change.
///
/// What a call reads of them it checks first, block by block, unless an earlier call did.
#[derive(Debug)]
pub(crate) struct ManifestLayout {
    pub(super) table: Table,
    pub(in crate::format) blocks: CheckedBlocks,
    reference: ManifestRef,
    kind: ManifestKind,
    entry_count: u64,
    shards: Vec<ShardRef>,
    shard_bytes: HashMap<ShardId, u64>,
    offsets: Row,
    names: Row,
    entries: Row,
    sums: Row,
}

impl ManifestLayout {
    /// Reads the structure of a manifest of this store, but no entry.
    ///
    /// # Errors
    /// `corrupt`, or `unsupported_format` if a newer version is needed.
    pub(crate) fn parse(bytes: &[u8], store: StoreId, access: Access) -> Result<Self> {
        let file = Container::parse(bytes, FileKind::Manifest, Some(store), access, &KNOWN)?;
        let (block_sums, covered) = file.section(BLOCK_SUMS)?;
        let blocks = CheckedBlocks::new(Blocks::parse(block_sums, MANIFEST_BLOCK_BYTES, covered)?);
        let find = |tag: Tag| file.table().find(tag);

        let head = find(HEAD)?;
        let wire: WireHead = codec::decode("the head of the manifest", blocks.view(bytes, head.range())?, head.offset)?;
        let shard_table = find(SHARDS)?;
        let records = blocks.view(bytes, shard_table.range())?.chunks_exact(shard_at::BYTES);
        if !records.remainder().is_empty() {
            return Err(Error::corrupt("the table of shards ends inside a row").at_offset(shard_table.offset));
        }
        let (offsets, names, entries, sums) = (find(OFFSETS)?, find(NAMES)?, find(ENTRIES)?, find(CHUNK_SUMS)?);
        let rows = wire.entries.checked_add(1).and_then(|rows| rows.checked_mul(to_u64(offset_at::BYTES)));
        if rows != Some(offsets.len_bytes) {
            let what = format!("the table of offsets does not have a row for each of {} entries", wire.entries);
            return Err(Error::corrupt(what).at_offset(offsets.offset));
        }
        if !sums.len_bytes.is_multiple_of(to_u64(CHUNK_SUM_BYTES)) {
            return Err(Error::corrupt("the chunk sums end inside one").at_offset(sums.offset));
        }
        let shards: Vec<_> = records.map(ShardRef::from_bytes).collect();
        let shard_bytes: HashMap<_, _> = shards.iter().map(|shard| (shard.id, shard.len_bytes)).collect();
        if shard_bytes.len() != shards.len() {
            return Err(Error::corrupt("a shard is in the table twice").at_offset(shard_table.offset));
        }
        let header = file.header();
        Ok(Self {
            reference: ManifestRef {
                id: ManifestId::from_bytes(header.own_id),
                len_bytes: len_of(bytes),
                crc32: file.end_crc(),
            },
            table: file.table().clone(),
            blocks,
            kind: wire.kind,
            entry_count: wire.entries,
            shards,
            shard_bytes,
            offsets,
            names,
            entries,
            sums,
        })
    }

    /// Checks that this is the manifest that a commit names.
    ///
    /// # Errors
    /// `corrupt`.
    pub(crate) fn check_is(&self, expected: &ManifestRef) -> Result<()> {
        let ManifestRef { id, len_bytes, crc32 } = self.reference;
        // As all checksums, this one holds by itself under fuzzing.
        let is_sound = cfg!(fuzzing) || crc32 == expected.crc32;
        if (id, len_bytes) == (expected.id, expected.len_bytes) && is_sound {
            return Ok(());
        }
        Err(Error::corrupt(format!("this is not the manifest that the commit names: {expected:?} is expected")))
    }

    #[cfg(test)]
    /// What a commit says of this manifest.
    pub(crate) fn reference(&self) -> ManifestRef {
        self.reference
    }

    /// Whether it is a base or a delta.
    pub(crate) fn kind(&self) -> ManifestKind {
        self.kind
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.entry_count
    }

    /// The shards that entries refer to.
    pub(crate) fn shards(&self) -> &[ShardRef] {
        &self.shards
    }

    /// The number of the entry of this name.
    ///
    /// # Errors
    /// `corrupt`.
    pub(crate) fn find(&self, bytes: &[u8], name: &str) -> Result<Option<u64>> {
        let index = self.first_at_or_after(bytes, name)?;
        if index < self.entry_count && self.name_at(bytes, index)? == name { Ok(Some(index)) } else { Ok(None) }
    }

    /// The number of the first entry whose name is not before this one: where the names that begin with it begin.
    /// The number of entries if all are before it.
    ///
    /// # Errors
    /// `corrupt`.
    pub(crate) fn first_at_or_after(&self, bytes: &[u8], name: &str) -> Result<u64> {
        let (mut low, mut high) = (0, self.entry_count);
        while low < high {
            let middle = low.midpoint(high);
            match self.name_at(bytes, middle)?.as_bytes().cmp(name.as_bytes()) {
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Ok(low)
    }

    /// The name of the entry of this number.
    ///
    /// # Errors
    /// `corrupt`; also beyond the last entry.
    pub(crate) fn name_at<'a>(&self, bytes: &'a [u8], index: u64) -> Result<&'a str> {
        let (from, to) = (self.row(bytes, index)?, self.row(bytes, index.saturating_add(1))?);
        let place = within(&self.names, from.name, to.name)?;
        let start = place.start;
        let name = self.blocks.view(bytes, place)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Error::corrupt(format!("a name has {} bytes", name.len())).at_offset(start));
        }
        str::from_utf8(name).map_err(|cause| Error::corrupt("a name is not UTF-8").at_offset(start).caused_by(cause))
    }

    /// The entry of this number, checked in itself and against the shards of the table.
    ///
    /// # Errors
    /// `corrupt`, also beyond the last entry; `unsupported_format` if the entry alone needs a newer version.
    pub(crate) fn entry_at(&self, bytes: &[u8], index: u64) -> Result<Entry> {
        self.decode(bytes, index, &mut Sections { layout: self, bytes })
    }

    #[cfg(any(test, fuzzing))]
    /// All entries, in the order of their names.
    pub(crate) fn entries<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Result<Entry>> + use<'a> {
        (0..self.entry_count).map(move |index| self.entry_at(bytes, index))
    }

    /// Decodes an entry with this look-up.
    pub(super) fn decode(&self, bytes: &[u8], index: u64, lookup: &mut impl Lookup) -> Result<Entry> {
        let name = self.name_at(bytes, index)?;
        let (from, to) = (self.row(bytes, index)?, self.row(bytes, index.saturating_add(1))?);
        let place = within(&self.entries, from.entry, to.entry)?;
        let start = place.start;
        self.decode_in(bytes, place, name, lookup).map_err(|error| error.of_variable(name).at_offset(start))
    }

    fn decode_in(&self, bytes: &[u8], place: Range<u64>, name: &str, lookup: &mut impl Lookup) -> Result<Entry> {
        let start = place.start;
        let wire: WireEntry<'_> = codec::decode("an entry", self.blocks.view(bytes, place)?, start)?;
        let entry = wire.into_entry(name, lookup)?;
        if !may_hold(self.kind, &entry) {
            return Err(Error::corrupt("a base manifest holds a change"));
        }
        entry.check(&|shard| self.shard_bytes.get(&shard).copied()).map_err(Error::corrupt)?;
        Ok(entry)
    }

    /// About where the file holds these entries, with their names and sums.
    pub(crate) fn ranges_of(&self, bytes: &[u8], from: u64, to: u64) -> Vec<Range<u64>> {
        let to = to.min(self.entry_count);
        let (Ok(first), Ok(last)) = (self.row(bytes, from.min(to)), self.row(bytes, to)) else { return Vec::new() };
        let width = to_u64(offset_at::BYTES);
        // Sums come in the order of entries, but how many each has only the entries know.
        let sums_at = |entry: u64| {
            let share = u128::from(self.sums.len_bytes).saturating_mul(u128::from(entry));
            share.checked_div(u128::from(self.entry_count)).and_then(|at| u64::try_from(at).ok()).unwrap_or_default()
        };
        let ranges = [
            (&self.offsets, from.saturating_mul(width), to.saturating_mul(width)),
            (&self.names, first.name, last.name),
            (&self.entries, first.entry, last.entry),
            (&self.sums, sums_at(from), sums_at(to)),
        ];
        ranges.into_iter().filter_map(|(section, start, end)| within(section, start, end).ok()).collect()
    }

    pub(super) fn row(&self, bytes: &[u8], index: u64) -> Result<OffsetRow> {
        let width = to_u64(offset_at::BYTES);
        let place = index.checked_mul(width).and_then(|start| range_of(start, width)).unwrap_or(u64::MAX..u64::MAX);
        let place = within(&self.offsets, place.start, place.end)?;
        Ok(OffsetRow::from_bytes(self.blocks.view(bytes, place)?))
    }

    /// Where names and entries end, and how many chunk sums there are.
    pub(super) fn ends(&self) -> (OffsetRow, u64) {
        let sums = self.sums.len_bytes.checked_div(to_u64(CHUNK_SUM_BYTES)).unwrap_or_default();
        (OffsetRow { name: self.names.len_bytes, entry: self.entries.len_bytes }, sums)
    }
}

/// A part of a section, from its start, as a range of the file.
fn within(section: &Row, start: u64, end: u64) -> Result<Range<u64>> {
    if start > end || end > section.len_bytes {
        let what = format!("bytes {start} to {end} are not in section {} of {} bytes", section.tag, section.len_bytes);
        return Err(Error::corrupt(what).at_offset(section.offset));
    }
    Ok(section.offset.saturating_add(start)..section.offset.saturating_add(end))
}

/// Looks up in the sections of the file what entries refer to.
pub(super) struct Sections<'a> {
    pub(super) layout: &'a ManifestLayout,
    pub(super) bytes: &'a [u8],
}

impl Lookup for Sections<'_> {
    fn shard(&self, row: u32) -> Result<ShardId> {
        let shard = usize::try_from(row).ok().and_then(|row| self.layout.shards.get(row));
        shard.map(|shard| shard.id).ok_or_else(|| Error::corrupt(format!("the table of shards has no row {row}")))
    }

    fn sums(&mut self, first: u64, count: u64) -> Result<Vec<ChunkSum>> {
        let width = to_u64(CHUNK_SUM_BYTES);
        let start = first.checked_mul(width);
        let end = first.checked_add(count).and_then(|end| end.checked_mul(width));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(Error::corrupt(format!("there are no {count} chunk sums from {first} on")));
        };
        let place = within(&self.layout.sums, start, end)?;
        let records = self.layout.blocks.view(self.bytes, place)?.chunks_exact(CHUNK_SUM_BYTES);
        Ok(records.map(ChunkSum::from_bytes).collect())
    }
}
