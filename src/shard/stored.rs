//! The bytes of one slice as they lie in shards, and their checking on first touch.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::{Content, Extent, ShardRef};
use crate::id::ShardId;
use crate::memory::{self, Memory};
use crate::shard::file::ShardFile;
use crate::sync::atomic::{AtomicU64, Ordering};

/// When checksums of payload are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// Each chunk once, before its first byte is handed out.
    #[default]
    FirstTouch,
    /// Never: damage shows as wrong numbers. For files verified by other means.
    Never,
}

/// Where the bytes of one slice lie.
#[derive(Debug)]
pub(crate) struct Stored {
    content: Content,
    /// The file of each extent, in the order of the extents.
    files: Vec<Arc<ShardFile>>,
}

impl Stored {
    /// `files` holds the file of each extent, in order.
    pub(crate) fn new(content: Content, files: Vec<Arc<ShardFile>>) -> Self {
        debug_assert_eq!(content.extents.len(), files.len());
        Self { content, files }
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.content.len_bytes
    }

    /// The extent that holds a chunk, and its file.
    pub(crate) fn extent_of(&self, chunk: u64) -> (&Extent, &Arc<ShardFile>) {
        let i = self.content.extents.partition_point(|extent| extent.first_chunk + extent.chunks <= chunk);
        (&self.content.extents[i], &self.files[i])
    }

    /// The shards it lies in.
    pub(crate) fn shards(&self) -> impl Iterator<Item = (ShardId, ShardRef)> + '_ {
        self.files.iter().map(|file| (file.id(), *file.reference()))
    }

    /// The bytes of the slice that a chunk holds.
    pub(crate) fn range_of(&self, chunk: u64) -> Range<u64> {
        let start = chunk * self.content.chunk_bytes;
        start..(start + self.content.chunk_bytes).min(self.content.len_bytes)
    }

    /// Where in its file a chunk starts.
    pub(crate) fn offset_of(&self, chunk: u64) -> u64 {
        let (extent, _) = self.extent_of(chunk);
        extent.offset + (chunk - extent.first_chunk) * self.content.chunk_bytes
    }

    /// The file and place of the slice, if it lies there in one piece.
    pub(crate) fn in_one_piece(&self) -> Option<(&Arc<ShardFile>, u64)> {
        match (&*self.content.extents, &*self.files) {
            ([extent], [file]) => Some((file, extent.offset)),
            _ => None,
        }
    }

    /// Checks bytes that were read from a chunk.
    fn check(&self, chunk: u64, bytes: &[u8]) -> Result<()> {
        let expected = self.content.chunks[chunk as usize].crc32;
        let found = crc32fast::hash(bytes);
        if found == expected {
            return Ok(());
        }
        let (_, file) = self.extent_of(chunk);
        let what = format!("chunk {chunk} fails its checksum: expected {expected:08x}, found {found:08x}");
        Err(Error::corrupt(what)
            .in_file(file.file().path())
            .at_offset(self.offset_of(chunk))
            .advise("run `varkeep verify` to see what else is hurt, and restore another checkpoint"))
    }

    /// Reads one chunk by position, so that a disk error is an error and not a signal, and checks it.
    pub(crate) fn read_chunk(&self, chunk: u64, into: &mut [u8], verification: Verification) -> Result<()> {
        let (_, file) = self.extent_of(chunk);
        file.file().read_exact_at(into, self.offset_of(chunk))?;
        match verification {
            Verification::FirstTouch => self.check(chunk, into),
            Verification::Never => Ok(()),
        }
    }

    /// Reads bytes of the slice, checking the chunks they lie in. Memory holds one chunk beside the buffer.
    pub(crate) fn read_range(&self, wanted: &Range<u64>, into: &mut [u8], verification: Verification) -> Result<()> {
        let (mut rest, mut at) = (into, wanted.start);
        let mut room = Vec::new();
        while !rest.is_empty() {
            let number = at / self.content.chunk_bytes;
            let chunk = self.range_of(number);
            let (part, behind) = rest.split_at_mut((chunk.end.min(wanted.end) - at) as usize);
            if part.len() as u64 == chunk.end - chunk.start {
                self.read_chunk(number, part, verification)?;
            } else {
                room.resize((chunk.end - chunk.start) as usize, 0);
                self.read_chunk(number, &mut room, verification)?;
                let from = (at - chunk.start) as usize;
                part.copy_from_slice(&room[from..from + part.len()]);
            }
            at += part.len() as u64;
            rest = behind;
        }
        Ok(())
    }

    /// The whole slice, read into memory. Extents that lie close together in a file are read at once: a slice of which
    /// few rows change at a time has many small ones.
    pub(crate) fn gather(&self, verification: Verification) -> Result<Memory> {
        check_can_be_held([self])?;
        let mut memory = Memory::zeroed(self.len_bytes() as usize);
        let bytes = memory.bytes_mut();
        let mut room = Vec::new();
        for batch in self.batches() {
            let Batch { file, range, extents } = batch;
            if let [extent] = extents[..] {
                let place = self.bytes_of(extent);
                file.file().read_exact_at(&mut bytes[place.start as usize..place.end as usize], range.start)?;
                continue;
            }
            room.resize((range.end - range.start) as usize, 0);
            file.file().read_exact_at(&mut room, range.start)?;
            for extent in extents {
                let place = self.bytes_of(extent);
                let from = (extent.offset - range.start) as usize;
                let part = &room[from..from + (place.end - place.start) as usize];
                bytes[place.start as usize..place.end as usize].copy_from_slice(part);
            }
        }
        if verification == Verification::FirstTouch {
            for (chunk, bytes) in bytes.chunks(self.content.chunk_bytes as usize).enumerate() {
                self.check(chunk as u64, bytes)?;
            }
        }
        Ok(memory)
    }

    /// The bytes of the slice that an extent holds.
    fn bytes_of(&self, extent: &Extent) -> Range<u64> {
        self.range_of(extent.first_chunk).start..self.range_of(extent.first_chunk + extent.chunks - 1).end
    }

    /// The extents, by file and place, those close together in one batch.
    fn batches(&self) -> Vec<Batch<'_>> {
        let mut extents: Vec<(&Arc<ShardFile>, &Extent)> = self.files.iter().zip(&self.content.extents).collect();
        extents.sort_unstable_by_key(|(file, extent)| (file.id(), extent.offset));
        let mut batches: Vec<Batch<'_>> = Vec::new();
        for (file, extent) in extents {
            let bytes = self.bytes_of(extent);
            let range = extent.offset..extent.offset + (bytes.end - bytes.start);
            match batches.last_mut() {
                Some(batch) if batch.takes(file, &range) => {
                    batch.range.end = batch.range.end.max(range.end);
                    batch.extents.push(extent);
                }
                _ => batches.push(Batch { file, range, extents: vec![extent] }),
            }
        }
        batches
    }
}

/// Checks, before memory is taken for slices together, that it is not more than the files hold that they are said to lie in,
/// and that there is so much: what is said of the same bytes again and again comes to any length.
pub(crate) fn check_can_be_held<'a>(slices: impl IntoIterator<Item = &'a Stored>) -> Result<()> {
    let (mut len, mut lens) = (0_u64, HashMap::new());
    for slice in slices {
        len = len.saturating_add(slice.len_bytes());
        lens.extend(slice.files.iter().map(|file| (file.id(), file.file().len())));
    }
    let held = lens.values().fold(0_u64, |held, len| held.saturating_add(*len));
    if held < len {
        return Err(Error::corrupt(format!("{len} bytes are said to lie in files of {held} bytes")));
    }
    memory::check_room(len)
}

/// Extents that are read at once.
struct Batch<'a> {
    file: &'a Arc<ShardFile>,
    range: Range<u64>,
    extents: Vec<&'a Extent>,
}

/// A gap up to this is read along with what lies around it.
const GAP_BYTES_MAX: u64 = 32 << 10;

/// Several extents are read at once up to this.
const BATCH_BYTES_MAX: u64 = 4 << 20;

impl Batch<'_> {
    fn takes(&self, file: &Arc<ShardFile>, range: &Range<u64>) -> bool {
        Arc::ptr_eq(self.file, file)
            && range.start <= self.range.end + GAP_BYTES_MAX
            && range.end - self.range.start <= BATCH_BYTES_MAX
    }
}

/// Which chunks of a mapped slice have been checked in this process.
#[derive(Debug)]
pub(crate) struct Checked(Vec<AtomicU64>);

impl Checked {
    pub(crate) fn none_of(stored: &Stored) -> Self {
        Self((0..stored.content.chunks.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Checks the chunks that hold these bytes of a slice that lies in one piece, as far as they have not been checked
    /// before. `mapped` holds all bytes of the slice.
    pub(crate) fn ensure(&self, stored: &Stored, mapped: &[u8], bytes: &Range<u64>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let size = stored.content.chunk_bytes;
        let (mut room, mut is_said) = (Vec::new(), false);
        for chunk in bytes.start / size..bytes.end.div_ceil(size) {
            let (word, bit) = (&self.0[(chunk / 64) as usize], 1 << (chunk % 64));
            if word.load(Ordering::Relaxed) & bit != 0 {
                continue;
            }
            let (range, (_, file)) = (stored.range_of(chunk), stored.extent_of(chunk));
            let offset = stored.offset_of(chunk);
            if !is_said {
                file.will_read(&(offset..offset + (bytes.end - range.start)));
                is_said = true;
            }
            let place = offset..offset + (range.end - range.start);
            if file.file().populate(file.mapping()?, &place)? {
                stored.check(chunk, &mapped[range.start as usize..range.end as usize])?;
            } else {
                room.resize((range.end - range.start) as usize, 0);
                stored.read_chunk(chunk, &mut room, Verification::FirstTouch)?;
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}
