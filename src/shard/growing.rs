//! One shard file that is being written.

use std::sync::Arc;

use crate::error::Result;
use crate::format::{EXTENT_ALIGNMENT, ShardRef, ShardTrailer};
use crate::id::ShardId;
use crate::io::{Buffers, NewFile, StreamWriter};
use crate::shard::file::{Growth, ShardFile, Shards};

/// Extents of at least [`PAGE_EXTENT_BYTES`] start on a multiple of this.
const PAGE_ALIGNMENT: u64 = 4096;

/// From this size on, an extent starts on a page.
const PAGE_EXTENT_BYTES: u64 = 64 << 10;

/// A shard without its end.
pub(super) struct Growing<'a> {
    shards: &'a Shards,
    growth: Growth<'a>,
    partition: u32,
    out: StreamWriter,
    trailer: ShardTrailer,
}

impl<'a> Growing<'a> {
    pub(super) fn create(shards: &'a Shards, buffers: &Arc<Buffers>, partition: u32) -> Result<Self> {
        let (growth, file) = shards.create()?;
        // The trailer has the header counted in already.
        let (header, trailer) = ShardTrailer::begin(shards.store(), growth.id, partition);
        let mut out = StreamWriter::new(file, buffers);
        out.append(&header)?;
        Ok(Self { shards, growth, partition, out, trailer })
    }

    pub(super) fn id(&self) -> ShardId {
        self.growth.id
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.out.len()
    }

    /// Writes behind what was written so far. Gives the checksum of the bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<u32> {
        let crc32 = self.trailer.update(bytes);
        self.out.append(bytes).map(|()| crc32)
    }

    /// Waits until so many bytes, if they are not too many, can be appended without waiting for the disk.
    pub(super) fn make_room(&mut self, len_bytes: u64) -> Result<()> {
        self.out.make_room(len_bytes)
    }

    /// Pads to where an extent of this many bytes may start, and says where that is.
    pub(super) fn start_extent(&mut self, len_bytes: u64) -> Result<u64> {
        let alignment = if len_bytes >= PAGE_EXTENT_BYTES { PAGE_ALIGNMENT } else { EXTENT_ALIGNMENT };
        let start = self.out.len().next_multiple_of(alignment);
        let zeros = [0; PAGE_ALIGNMENT as usize];
        self.append(&zeros[..(start - self.out.len()) as usize])?;
        Ok(start)
    }

    /// Writes the trailer. The file is whole then, open for reading, and not yet durable.
    ///
    /// # Errors
    /// Those of writing; the file has been removed then, as far as that was possible.
    pub(super) fn finish(self) -> Result<(NewFile, Arc<ShardFile>)> {
        let Self { shards, growth, partition, mut out, trailer } = self;
        let end = trailer.finish();
        if let Err(error) = out.append(&end) {
            out.discard();
            return Err(error);
        }
        let reference = ShardRef { id: growth.id, len_bytes: out.len(), partition };
        let file = out.finish()?;
        match shards.open(&reference) {
            Ok(opened) => Ok((file, opened)),
            Err(error) => {
                file.discard();
                Err(error)
            }
        }
    }

    pub(super) fn discard(self) {
        self.out.discard();
    }
}
