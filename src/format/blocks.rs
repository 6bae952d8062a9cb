//! Checksums of large files, one for each block of fixed size: any block can be checked without the others.
//!
//! The sums cover everything before the section that holds them, padding and header included, so that a changed byte
//! shows wherever it is. What lies behind is covered by the checksums of that section, of the table and of the footer.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::bytes::{is_sound, part, to_u64, u32_in};
use crate::format::table::Tag;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The section that holds the sums.
pub(super) const BLOCK_SUMS: Tag = Tag(*b"BLOCKSUM");

/// The bytes of one block of a manifest: what a look-up of one name has to check at least.
pub(super) const MANIFEST_BLOCK_BYTES: usize = 16 << 10;

/// The bytes of one block of a shard.
pub(super) const SHARD_BLOCK_BYTES: usize = 256 << 10;

/// The bytes of one sum.
pub(super) const SUM_BYTES: usize = 4;

/// The sums of a file that is being written, computed from its bytes as they go by.
pub(crate) struct BlockSums {
    block_bytes: usize,
    hasher: crc32fast::Hasher,
    /// Bytes of the last block so far.
    filled: usize,
    position: u64,
    sums: Vec<u8>,
}

impl BlockSums {
    /// The sums of nothing, for blocks of this size.
    pub(super) fn new(block_bytes: usize) -> Self {
        Self { block_bytes, hasher: crc32fast::Hasher::new(), filled: 0, position: 0, sums: Vec::new() }
    }

    /// Goes on with the next bytes of the file. Gives their own checksum: every byte is looked at once for both.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) -> u32 {
        let mut own = crc32fast::Hasher::new();
        while !bytes.is_empty() {
            let room = self.block_bytes.saturating_sub(self.filled);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            let mut part = crc32fast::Hasher::new();
            part.update(now);
            self.hasher.combine(&part);
            own.combine(&part);
            self.filled = self.filled.saturating_add(now.len());
            self.position = self.position.saturating_add(to_u64(now.len()));
            if self.filled == self.block_bytes {
                self.close_block();
            }
            bytes = later;
        }
        own.finalize()
    }

    fn close_block(&mut self) {
        let crc = std::mem::take(&mut self.hasher).finalize();
        self.sums.extend(crc.to_le_bytes());
        self.filled = 0;
    }

    /// How many bytes went by.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The bytes of the section of sums.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.close_block();
        }
        self.sums
    }
}

/// The sums of a file that is being read.
#[derive(Debug)]
pub(super) struct Blocks {
    block_bytes: u64,
    covered_bytes: u64,
    sums: Vec<u32>,
}

impl Blocks {
    /// Reads the section of sums, which begins at `offset` and covers all before it.
    ///
    /// # Errors
    /// `corrupt` if there are not as many sums as blocks.
    pub(super) fn parse(bytes: &[u8], block_bytes: usize, offset: u64) -> Result<Self> {
        let block_bytes = to_u64(block_bytes);
        let records = bytes.chunks_exact(SUM_BYTES);
        if !records.remainder().is_empty() || to_u64(records.len()) != offset.div_ceil(block_bytes) {
            return Err(Error::corrupt("there are not as many block sums as blocks").at_offset(offset));
        }
        let sums = records.map(|record| u32_in(record, 0..SUM_BYTES)).collect();
        Ok(Self { block_bytes, covered_bytes: offset, sums })
    }

    /// The number of blocks.
    pub(super) fn count(&self) -> u64 {
        to_u64(self.sums.len())
    }

    /// Where a block lies; the last one ends where the sums begin. `None` beyond the last.
    pub(super) fn range(&self, block: u64) -> Option<Range<u64>> {
        let start = block.checked_mul(self.block_bytes).filter(|start| *start < self.covered_bytes)?;
        Some(start..start.saturating_add(self.block_bytes).min(self.covered_bytes))
    }

    /// The blocks that a range of the file touches.
    pub(super) fn touched_by(&self, range: &Range<u64>) -> Range<u64> {
        let first = range.start.checked_div(self.block_bytes).unwrap_or_default();
        if range.is_empty() { first..first } else { first..range.end.div_ceil(self.block_bytes) }
    }

    /// Checks the bytes of one block.
    ///
    /// # Errors
    /// `corrupt`; also if there is no such block, or the bytes are not all of it.
    pub(super) fn check(&self, block: u64, bytes: &[u8]) -> Result<()> {
        let range = self.range(block).unwrap_or_default();
        let sum = usize::try_from(block).ok().and_then(|block| self.sums.get(block));
        let whole = range.end.checked_sub(range.start) == Some(to_u64(bytes.len()));
        if whole && sum.is_some_and(|sum| is_sound(bytes, *sum)) {
            return Ok(());
        }
        let what = format!("block {block} of the file, bytes {} to {}, fails its checksum", range.start, range.end);
        Err(Error::corrupt(what).at_offset(range.start))
    }
}

/// The sums of a file that is read in parts, and which of its blocks were found sound so far.
///
/// The file must not change, which ours never do. A bit that is missed costs a second check of a block, no more; so the
/// bits need no order among threads.
#[derive(Debug)]
pub(super) struct CheckedBlocks {
    blocks: Blocks,
    sound: Vec<AtomicU64>,
}

impl CheckedBlocks {
    /// Nothing is checked yet.
    pub(super) fn new(blocks: Blocks) -> Self {
        let words = blocks.sums.len().div_ceil(64);
        Self { blocks, sound: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A part of the file, after a check of those blocks under it that were not checked before.
    ///
    /// # Errors
    /// `corrupt`; also if the part goes beyond what the sums cover.
    pub(super) fn view<'a>(&self, file: &'a [u8], range: Range<u64>) -> Result<&'a [u8]> {
        let bytes = part(file, range.clone()).filter(|_| range.end <= self.blocks.covered_bytes).ok_or_else(|| {
            let what = format!("bytes {} to {} are not among those of the file's sections", range.start, range.end);
            Error::corrupt(what).at_offset(range.start)
        })?;
        for block in self.blocks.touched_by(&range) {
            self.check(file, block)?;
        }
        Ok(bytes)
    }

    /// Checks every block, also those checked before.
    ///
    /// # Errors
    /// `corrupt`.
    pub(super) fn check_all(&self, file: &[u8]) -> Result<()> {
        (0..self.blocks.count()).try_for_each(|block| self.blocks.check(block, self.bytes_of(file, block)))
    }

    /// How many blocks were found sound so far.
    #[cfg(test)]
    pub(super) fn checked_count(&self) -> u32 {
        self.sound.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }

    fn check(&self, file: &[u8], block: u64) -> Result<()> {
        let word = block.checked_div(64).and_then(|word| self.sound.get(usize::try_from(word).ok()?));
        let bit = 1_u64.rotate_left(u32::try_from(block % 64).unwrap_or_default());
        if word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0) {
            return Ok(());
        }
        self.blocks.check(block, self.bytes_of(file, block))?;
        if let Some(word) = word {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    fn bytes_of<'a>(&self, file: &'a [u8], block: u64) -> &'a [u8] {
        self.blocks.range(block).and_then(|range| part(file, range)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bytes::crc32;
    use proptest::prelude::*;

    proptest! {
        /// The sums do not depend on the pieces in which the bytes went by.
        #[test]
        fn sums_are_those_of_the_blocks(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let bytes = pieces.concat();
            let mut sums = BlockSums::new(16);
            for piece in &pieces {
                sums.update(piece);
            }
            prop_assert_eq!(sums.position(), bytes.len() as u64);
            let sums = sums.finish();
            let expected: Vec<u8> = bytes.chunks(16).flat_map(|block| crc32(block).to_le_bytes()).collect();
            prop_assert_eq!(&sums, &expected);
            let checked = CheckedBlocks::new(Blocks::parse(&sums, 16, bytes.len() as u64).unwrap());
            prop_assert!(checked.check_all(&bytes).is_ok());
            prop_assert_eq!(checked.view(&bytes, 0..bytes.len() as u64).unwrap(), &bytes[..]);
        }
    }

    #[test]
    fn a_view_checks_its_own_blocks_and_no_others() {
        let mut bytes = vec![5; 100];
        let mut sums = BlockSums::new(16);
        sums.update(&bytes);
        let checked = CheckedBlocks::new(Blocks::parse(&sums.finish(), 16, 100).unwrap());
        bytes[40] = 6;
        assert!(checked.view(&bytes, 0..32).is_ok() && checked.view(&bytes, 48..100).is_ok());
        assert_eq!(checked.view(&bytes, 30..33).unwrap_err().offset_bytes(), Some(32));
        assert!(checked.view(&bytes, 99..101).is_err());
        assert!(checked.view(&bytes, 40..40).is_ok_and(<[u8]>::is_empty));
        assert!(checked.check_all(&bytes).is_err());
    }
}
