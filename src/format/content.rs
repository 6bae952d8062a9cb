//! Where the bytes of a variable lie: chunks with their checksums, and the extents of shards that hold them.

use crate::format::bytes::{bytes_in, put, range_of, to_u64, u32_in};
use crate::format::footer::FOOTER_BYTES;
use crate::format::shard::EXTENTS_OFFSET;
use crate::id::ShardId;
use crate::limits::{CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, TENSOR_BYTES_MAX};

record_layout! {
    /// The fields of a chunk's checksums.
    at: 20 {
        CRC: 0..4,
        HASH: 4..20,
    }
}

/// The bytes of a chunk's checksums.
pub(super) const CHUNK_SUM_BYTES: usize = at::BYTES;

/// What every extent starts on a multiple of: the alignment of any element, and of a cache line.
pub(crate) const EXTENT_ALIGNMENT: u64 = 64;

/// The bytes of a variable, cut into chunks of one size; the last one may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) len_bytes: u64,
    pub(crate) chunk_bytes: u64,
    pub(crate) chunks: Vec<ChunkSum>,
    /// They tile the chunks, in order.
    pub(crate) extents: Vec<Extent>,
}

/// What is known of the bytes of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkSum {
    /// Tells whether they are sound.
    pub(crate) crc32: u32,
    /// The 128-bit xxh3, keyed by the store's seed: tells whether they are the same.
    pub(crate) hash: u128,
}

/// Consecutive chunks that lie one behind the other in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) shard: ShardId,
    /// Where in the shard the first of them begins.
    pub(crate) offset: u64,
    pub(crate) first_chunk: u64,
    pub(crate) chunks: u64,
}

/// Chunks that replace those of an older entry of the same length and chunk size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatchRecord {
    pub(crate) len_bytes: u64,
    pub(crate) chunk_bytes: u64,
    /// In order, and apart from each other.
    pub(crate) runs: Vec<PatchRun>,
}

/// Consecutive chunks that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatchRun {
    pub(crate) first_chunk: u64,
    pub(crate) chunks: Vec<ChunkSum>,
    /// They tile the run, in order; their `first_chunk` counts from the start of the variable.
    pub(crate) extents: Vec<Extent>,
}

/// The number of chunks that this many bytes are cut into.
pub(crate) fn chunk_count(len_bytes: u64, chunk_bytes: u64) -> u64 {
    // A chunk of nothing is refused by every check; here it must only not divide.
    len_bytes.div_ceil(chunk_bytes.max(1))
}

impl ChunkSum {
    /// The 20 bytes.
    pub(super) fn to_bytes(self) -> [u8; CHUNK_SUM_BYTES] {
        let mut bytes = [0; CHUNK_SUM_BYTES];
        put(&mut bytes, at::CRC, &self.crc32.to_le_bytes());
        put(&mut bytes, at::HASH, &self.hash.to_le_bytes());
        bytes
    }

    /// Reads the 20 bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self { crc32: u32_in(bytes, at::CRC), hash: u128::from_le_bytes(bytes_in(bytes, at::HASH)) }
    }
}

/// How the bytes of one variable are cut.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) len_bytes: u64,
    pub(super) chunk_bytes: u64,
}

impl Grid {
    /// Checks that the sizes are possible.
    pub(super) fn check(self) -> Result<(), String> {
        check_chunk_bytes(self.chunk_bytes)?;
        if self.len_bytes > TENSOR_BYTES_MAX {
            return Err(format!("a variable of {} bytes does not fit into memory", self.len_bytes));
        }
        Ok(())
    }

    pub(super) fn chunks(self) -> u64 {
        chunk_count(self.len_bytes, self.chunk_bytes)
    }

    /// The bytes of an extent; `None` if it goes beyond the last chunk.
    pub(super) fn bytes_of(self, extent: &Extent) -> Option<u64> {
        let chunks = range_of(extent.first_chunk, extent.chunks).filter(|chunks| chunks.end <= self.chunks())?;
        let start = chunks.start.checked_mul(self.chunk_bytes)?;
        chunks.end.checked_mul(self.chunk_bytes)?.min(self.len_bytes).checked_sub(start)
    }

    /// Checks that the extents tile a run of chunks, and lie within shards whose lengths `shard_bytes` knows.
    fn check_run(
        self,
        first_chunk: u64,
        chunks: usize,
        extents: &[Extent],
        shard_bytes: &impl Fn(ShardId) -> Option<u64>,
    ) -> Result<(), String> {
        let mut next = first_chunk;
        for extent in extents {
            let Extent { shard, offset, .. } = extent;
            if extent.chunks == 0 || extent.first_chunk != next {
                return Err(format!("an extent in shard {shard} does not go on with chunk {next}"));
            }
            let bytes =
                self.bytes_of(extent).ok_or_else(|| format!("an extent in shard {shard} has too many chunks"))?;
            let shard_bytes = shard_bytes(*shard).ok_or_else(|| format!("shard {shard} is not in the table"))?;
            let end = offset.checked_add(bytes).and_then(|end| end.checked_add(to_u64(FOOTER_BYTES)));
            if *offset < EXTENTS_OFFSET || end.is_none_or(|end| end > shard_bytes) {
                return Err(format!(
                    "an extent of {bytes} bytes at {offset} leaves shard {shard}, which has {shard_bytes} bytes"
                ));
            }
            if !offset.is_multiple_of(EXTENT_ALIGNMENT) {
                return Err(format!("an extent begins at {offset}, not on a multiple of {EXTENT_ALIGNMENT}"));
            }
            next = next.saturating_add(extent.chunks);
        }
        if Some(next) != first_chunk.checked_add(to_u64(chunks)) {
            return Err(format!("extents end before chunk {next}, and checksums do not"));
        }
        Ok(())
    }
}

/// Checks a size of chunks.
pub(super) fn check_chunk_bytes(chunk_bytes: u64) -> Result<(), String> {
    if !chunk_bytes.is_power_of_two() || !(CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&chunk_bytes) {
        return Err(format!("chunks of {chunk_bytes} bytes are not possible"));
    }
    Ok(())
}

impl Content {
    pub(super) fn grid(&self) -> Grid {
        Grid { len_bytes: self.len_bytes, chunk_bytes: self.chunk_bytes }
    }

    /// What content must fulfil, written or read.
    pub(super) fn check(&self, shard_bytes: &impl Fn(ShardId) -> Option<u64>) -> Result<(), String> {
        let grid = self.grid();
        grid.check()?;
        if to_u64(self.chunks.len()) != grid.chunks() {
            return Err(format!("{} bytes have {} chunks, not {}", self.len_bytes, grid.chunks(), self.chunks.len()));
        }
        grid.check_run(0, self.chunks.len(), &self.extents, shard_bytes)
    }
}

impl PatchRecord {
    pub(super) fn grid(&self) -> Grid {
        Grid { len_bytes: self.len_bytes, chunk_bytes: self.chunk_bytes }
    }

    /// What a patch must fulfil, written or read.
    pub(super) fn check(&self, shard_bytes: &impl Fn(ShardId) -> Option<u64>) -> Result<(), String> {
        let grid = self.grid();
        grid.check()?;
        let mut least = 0;
        for PatchRun { first_chunk, chunks, extents } in &self.runs {
            if *first_chunk < least || chunks.is_empty() {
                return Err("the runs of a patch are not in order".to_owned());
            }
            grid.check_run(*first_chunk, chunks.len(), extents, shard_bytes)?;
            least = first_chunk.saturating_add(to_u64(chunks.len()));
        }
        Ok(())
    }
}
