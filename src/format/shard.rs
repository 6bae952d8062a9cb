//! The shard: payload between a header block and a trailer of checksums.
//!
//! The header block is the first 4 KiB. It says whose the shard is and checks itself, so that a salvage can use it
//! when the end of the file is lost. Payload begins behind it. The trailer holds a checksum for every 256 KiB of all
//! before it, so any block can be checked without the manifest and without the other blocks.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::blocks::{BLOCK_SUMS, BlockSums, Blocks, SHARD_BLOCK_BYTES};
use crate::format::bytes::{crc32, is_sound, len_of, put, to_u64, u32_in};
use crate::format::container::{check_section, check_zeros, close};
use crate::format::footer::Footer;
use crate::format::header::{Access, FileKind, HEADER_BYTES, Header};
use crate::format::manifest::ShardRef;
use crate::format::table::{ALIGNMENT, GAP_BYTES_MAX, IN_BLOCKS, REQUIRED, Row, Table, Tag};
use crate::id::{ShardId, StoreId};

/// The section behind the header that goes with it.
pub(super) const HEAD: Tag = Tag(*b"SHARD   ");
/// The section with the payload.
pub(super) const EXTENTS: Tag = Tag(*b"EXTENTS ");

pub(super) const KNOWN: [Tag; 3] = [HEAD, EXTENTS, BLOCK_SUMS];

/// Where payload begins, behind the header block.
pub(crate) const EXTENTS_OFFSET: u64 = 4096;

/// The bytes of the header block.
const HEADER_BLOCK_BYTES: usize = 4096;

record_layout! {
    /// The fields of the header block.
    at: 4096 {
        HEADER: 0..64,
        PARTITION: 64..68,
        CRC: 68..72,
        ZEROS: 72..4096,
    }
}

const _: () = assert!(at::HEADER.end == HEADER_BYTES && at::BYTES == HEADER_BLOCK_BYTES);
const _: () = assert!(GAP_BYTES_MAX < EXTENTS_OFFSET, "no gap could hide another header block");

/// The end of a shard that is being written, computed from its bytes as they go by.
pub(crate) struct ShardTrailer {
    header: Header,
    sums: BlockSums,
}

impl ShardTrailer {
    /// Begins a shard: the header block, which is written first, and the trailer, which has it counted in already.
    pub(crate) fn begin(store: StoreId, id: ShardId, partition: u32) -> (Vec<u8>, Self) {
        let header = Header::new(FileKind::Shard, store, id.to_bytes());
        let mut block = vec![0; HEADER_BLOCK_BYTES];
        put(&mut block, at::HEADER, &header.to_bytes());
        put(&mut block, at::PARTITION, &partition.to_le_bytes());
        let crc = crc32(block.get(..at::CRC.start).unwrap_or_default());
        put(&mut block, at::CRC, &crc.to_le_bytes());
        let mut sums = BlockSums::new(SHARD_BLOCK_BYTES);
        sums.update(&block);
        (block, Self { header, sums })
    }

    /// Counts in the bytes that are written next: payload, and the zeros between extents. Gives their checksum.
    pub(crate) fn update(&mut self, bytes: &[u8]) -> u32 {
        self.sums.update(bytes)
    }

    #[cfg(test)]
    /// Where the next bytes lie in the file.
    pub(crate) fn position(&self) -> u64 {
        self.sums.position()
    }

    /// The bytes that end the file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let payload_end = self.sums.position();
        let sums_offset = payload_end.next_multiple_of(ALIGNMENT);
        let mut bytes: Vec<u8> = (payload_end..sums_offset).map(|_| 0).collect();
        self.sums.update(&bytes);
        let sums = self.sums.finish();
        let in_blocks = |tag, range: Range<u64>| Row {
            tag,
            offset: range.start,
            len_bytes: range.end.saturating_sub(range.start),
            crc: 0,
            flags: REQUIRED | IN_BLOCKS,
        };
        let rows = [
            in_blocks(HEAD, to_u64(at::PARTITION.start)..to_u64(at::CRC.end)),
            in_blocks(EXTENTS, EXTENTS_OFFSET..payload_end),
            Row { tag: BLOCK_SUMS, offset: sums_offset, len_bytes: len_of(&sums), crc: crc32(&sums), flags: REQUIRED },
        ];
        bytes.extend(&sums);
        let sums_end = sums_offset.saturating_add(len_of(&sums));
        let table_offset = sums_end.next_multiple_of(ALIGNMENT);
        bytes.extend((sums_end..table_offset).map(|_| 0));
        bytes.extend(close(self.header, &rows, table_offset));
        bytes
    }
}

/// Whose shard it is: the header block, understood. It needs nothing else of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardHead {
    header: Header,
    /// The partition ordinal the shard was written for.
    pub(crate) partition: u32,
}

impl ShardHead {
    /// Reads the first 4 KiB of a shard; of a known store, if one is given.
    ///
    /// # Errors
    /// `corrupt`, or `unsupported_format` if a newer version is needed.
    pub(crate) fn parse(bytes: &[u8], store: Option<StoreId>, access: Access) -> Result<Self> {
        let header = Header::parse(bytes, FileKind::Shard, store, access)?;
        let Some(block) = bytes.get(..HEADER_BLOCK_BYTES) else {
            let what =
                format!("the shard is cut short: it has {} bytes, and its header block {EXTENTS_OFFSET}", bytes.len());
            return Err(Error::corrupt(what).at_offset(len_of(bytes)));
        };
        if !is_sound(block.get(..at::CRC.start).unwrap_or_default(), u32_in(block, at::CRC)) {
            return Err(Error::corrupt("the header block of the shard fails its checksum").at_offset(0));
        }
        check_zeros(block.get(at::ZEROS).unwrap_or_default(), to_u64(at::ZEROS.start))?;
        Ok(Self { header, partition: u32_in(block, at::PARTITION) })
    }

    /// The shard's identifier.
    pub(crate) fn id(self) -> ShardId {
        ShardId::from_bytes(self.header.own_id)
    }

    #[cfg(test)]
    /// The store it belongs to.
    pub(crate) fn store(self) -> StoreId {
        self.header.store
    }
}

/// The frame of a shard: what it is, and the checksums of its blocks.
#[derive(Debug)]
pub(crate) struct ShardLayout {
    head: ShardHead,
    file_bytes: u64,
    #[cfg(test)]
    payload: Range<u64>,
    blocks: Blocks,
}

impl ShardLayout {
    /// Reads the frame of a shard of this length, asking `read` for the few ranges of the file that this takes.
    ///
    /// # Errors
    /// `corrupt`, `unsupported_format` if a newer version is needed, and those of `read`.
    pub(crate) fn read<B: AsRef<[u8]>>(
        file_bytes: u64,
        store: StoreId,
        access: Access,
        mut read: impl FnMut(Range<u64>) -> Result<B>,
    ) -> Result<Self> {
        let first = read(0..EXTENTS_OFFSET.min(file_bytes))?;
        let head = ShardHead::parse(first.as_ref(), Some(store), access)?;
        let footer = Footer::parse(read(Footer::range(file_bytes)?)?.as_ref(), file_bytes, head.header)?;
        let table = Table::parse(read(footer.table_range())?.as_ref(), footer, &KNOWN)?;
        let payload = table.find(EXTENTS)?;
        if payload.offset != EXTENTS_OFFSET || !payload.is_in_blocks() {
            return Err(Error::corrupt("payload does not lie behind the header block").at_offset(payload.offset));
        }
        let sums = table.find(BLOCK_SUMS)?;
        let blocks =
            Blocks::parse(check_section(read(sums.range())?.as_ref(), &sums)?, SHARD_BLOCK_BYTES, sums.offset)?;
        for gap in table.gaps().filter(|gap| gap.start >= EXTENTS_OFFSET) {
            check_zeros(read(gap.clone())?.as_ref(), gap.start)?;
        }
        Ok(Self {
            head,
            file_bytes,
            #[cfg(test)]
            payload: payload.range(),
            blocks,
        })
    }

    /// Checks that this is the shard that a manifest names.
    ///
    /// # Errors
    /// `corrupt`.
    pub(crate) fn check_is(&self, expected: &ShardRef) -> Result<()> {
        if self.reference() == *expected {
            return Ok(());
        }
        Err(Error::corrupt(format!("this is not the shard that the manifest names: {expected:?} is expected")))
    }

    /// What a manifest says of this shard.
    pub(crate) fn reference(&self) -> ShardRef {
        ShardRef { id: self.head.id(), len_bytes: self.file_bytes, partition: self.head.partition }
    }

    #[cfg(test)]
    /// Where payload lies.
    pub(crate) fn payload(&self) -> Range<u64> {
        self.payload.clone()
    }

    #[cfg(any(test, fuzzing))]
    /// The number of blocks.
    pub(crate) fn block_count(&self) -> u64 {
        self.blocks.count()
    }

    /// Where a block lies; `None` beyond the last.
    pub(crate) fn block_range(&self, block: u64) -> Option<Range<u64>> {
        self.blocks.range(block)
    }

    /// The blocks that a range of the file touches.
    pub(crate) fn blocks_under(&self, range: &Range<u64>) -> Range<u64> {
        self.blocks.touched_by(range)
    }

    /// Checks the bytes of one block.
    ///
    /// # Errors
    /// `corrupt`.
    pub(crate) fn check_block(&self, block: u64, bytes: &[u8]) -> Result<()> {
        self.blocks.check(block, bytes)
    }
}
