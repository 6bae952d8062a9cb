//! Finding a place for every chunk of a slice: an old one for those that have not changed, a new one for the others.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use twox_hash::XxHash3_128;

use crate::error::Result;
use crate::format::{ChunkSum, Content, Extent};
use crate::id::ShardId;
use crate::io::{Buffers, NewFile};
use crate::shard::file::{ShardFile, Shards};
use crate::shard::growing::Growing;
use crate::shard::progress::Progress;
use crate::shard::stored::Stored;
use crate::shard::value::Value;

/// A slice may lie in this many extents whatever their size.
const EXTENTS_FREE: usize = 16;

/// Extents of this size on average are read as fast as one.
const EXTENT_BYTES_MEAN: u64 = 256 << 10;

/// One slice to be made durable.
pub(crate) struct SliceJob<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a dyn Value,
    pub(crate) chunk_bytes: u64,
    /// Which shard the slice goes to: its ordinal within its whole.
    pub(crate) ordinal: u32,
    /// The value is what the base holds, and only chunks in these shards are to be written anew.
    pub(crate) leave: Option<&'a HashSet<ShardId>>,
}

/// What places slices, whatever the shard.
#[derive(Clone, Debug)]
pub(crate) struct Placing<'a> {
    pub(crate) shards: &'a Shards,
    pub(crate) buffers: &'a Arc<Buffers>,
    pub(crate) hash_seed: u64,
    pub(crate) progress: Arc<Progress>,
}

/// Places slices, the new chunks all in one shard, which is made when the first byte for it comes.
pub(crate) struct Placer<'a> {
    placing: Placing<'a>,
    ordinal: u32,
    file: Option<Growing<'a>>,
    placed: Vec<Placed>,
}

/// A slice whose chunks have their places; new ones in a file that is still being written.
struct Placed {
    content: Content,
    /// The file of each extent; `None` is the one being written.
    files: Vec<Option<Arc<ShardFile>>>,
}

/// What came of a placer.
pub(crate) struct Group {
    /// In the order the slices were placed.
    pub(crate) stored: Vec<Arc<Stored>>,
    /// The shard that was written, not yet durable.
    pub(crate) file: Option<NewFile>,
}

/// Consecutive chunks that lie together: kept at an old place, or to be written.
struct Run {
    chunks: Range<u64>,
    kept: Option<(Arc<ShardFile>, u64)>,
}

impl std::fmt::Debug for Placer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Placer({} slices, {} bytes)", self.placed.len(), self.len_bytes())
    }
}

impl<'a> Placer<'a> {
    pub(crate) fn new(placing: Placing<'a>, ordinal: u32) -> Self {
        Self { placing, ordinal, file: None, placed: Vec::new() }
    }

    fn file(&mut self) -> Result<&mut Growing<'a>> {
        if self.file.is_none() {
            self.file = Some(Growing::create(self.placing.shards, self.placing.buffers, self.ordinal)?);
        }
        Ok(self.file.as_mut().expect("it has just been made"))
    }

    /// Finds a place for every chunk of a slice, writing those that have none. Gives the places, and how many bytes it
    /// wrote.
    pub(crate) fn place(&mut self, job: &SliceJob<'_>) -> Result<(&Content, u64)> {
        let (placed, bytes_new) = self.place_all(job).map_err(|error| error.of_variable(job.name))?;
        self.placed.push(placed);
        Ok((&self.placed[self.placed.len() - 1].content, bytes_new))
    }

    fn place_all(&mut self, job: &SliceJob<'_>) -> Result<(Placed, u64)> {
        let (len_bytes, chunk_bytes) = (job.value.len_bytes(), job.chunk_bytes);
        let count = len_bytes.div_ceil(chunk_bytes);
        let base = job.value.base().filter(|base| base.content().chunk_bytes == chunk_bytes);
        let (mut sums, runs) = match &base {
            Some(base) => self.compare(job, base)?,
            None => (vec![ChunkSum { crc32: 0, hash: 0 }; count as usize], whole_run(count)),
        };
        let mut placed = Placed {
            content: Content { len_bytes, chunk_bytes, chunks: Vec::new(), extents: Vec::new() },
            files: Vec::new(),
        };
        let mut bytes_new = 0;
        for run in runs {
            let (shard, offset) = if let Some((file, offset)) = &run.kept {
                (file.id(), *offset)
            } else {
                bytes_new += range_of(job, run.chunks.end - 1).end - range_of(job, run.chunks.start).start;
                self.write(job, run.chunks.clone(), base.is_none(), &mut sums)?
            };
            let chunks = run.chunks.end - run.chunks.start;
            placed.content.extents.push(Extent { shard, offset, first_chunk: run.chunks.start, chunks });
            placed.files.push(run.kept.map(|(file, _)| file));
        }
        job.value.done_below(len_bytes);
        placed.content.chunks = sums;
        Ok((placed, bytes_new))
    }

    /// Hashes all chunks, and finds the runs of those that lie where they are and of those to be written.
    fn compare(&self, job: &SliceJob<'_>, base: &Arc<Stored>) -> Result<(Vec<ChunkSum>, Vec<Run>)> {
        let (len_bytes, old) = (job.value.len_bytes(), base.content());
        let mut sums = Vec::with_capacity(len_bytes.div_ceil(job.chunk_bytes) as usize);
        let mut runs: Vec<Run> = Vec::new();
        for chunk in 0..len_bytes.div_ceil(job.chunk_bytes) {
            self.placing.progress.go_on()?;
            let range = range_of(job, chunk);
            let known = old.chunks.get(chunk as usize).copied();
            let hash = match (job.leave, known) {
                (Some(_), Some(known)) => known.hash,
                _ => self.hash(job, range.clone())?,
            };
            // The length is compared too: a last chunk may be the beginning of a longer one.
            let same = known.filter(|sum| sum.hash == hash && base.range_of(chunk) == range);
            sums.push(same.unwrap_or(ChunkSum { crc32: 0, hash }));
            let stays = |_: &ChunkSum| job.leave.is_none_or(|leave| !leave.contains(&base.extent_of(chunk).1.id()));
            let kept = same.filter(stays).map(|_| (Arc::clone(base.extent_of(chunk).1), base.offset_of(chunk)));
            if kept.is_some() {
                self.placing.progress.advance(range.end - range.start);
            }
            match runs.last_mut() {
                Some(run) if run.goes_on_with(kept.as_ref(), job.chunk_bytes) => run.chunks.end += 1,
                _ => runs.push(Run { chunks: chunk..chunk + 1, kept }),
            }
        }
        if job.leave.is_none() && is_too_scattered(job, &runs) {
            runs = whole_run(sums.len() as u64);
        }
        Ok((sums, runs))
    }

    fn hash(&self, job: &SliceJob<'_>, range: Range<u64>) -> Result<u128> {
        let mut hash = 0;
        let seed = self.placing.hash_seed;
        job.value.look(range, &mut |bytes| {
            hash = XxHash3_128::oneshot_with_seed(seed, bytes);
            Ok(())
        })?;
        Ok(hash)
    }

    /// Writes consecutive chunks, and says where they lie.
    fn write(
        &mut self,
        job: &SliceJob<'_>,
        chunks: Range<u64>,
        hash_too: bool,
        sums: &mut [ChunkSum],
    ) -> Result<(ShardId, u64)> {
        let (seed, progress) = (self.placing.hash_seed, Arc::clone(&self.placing.progress));
        let len_bytes = range_of(job, chunks.end - 1).end - range_of(job, chunks.start).start;
        let file = self.file()?;
        let offset = file.start_extent(len_bytes)?;
        for chunk in chunks {
            progress.go_on()?;
            // Nobody shall wait for the disk while a value is looked at: it may be locked.
            file.make_room(job.chunk_bytes)?;
            let (range, sum) = (range_of(job, chunk), &mut sums[chunk as usize]);
            let (end, len) = (range.end, range.end - range.start);
            job.value.look(range, &mut |bytes| {
                if hash_too {
                    sum.hash = XxHash3_128::oneshot_with_seed(seed, bytes);
                }
                sum.crc32 = file.append(bytes)?;
                Ok(())
            })?;
            // What lies before it has been written, or need not be.
            job.value.done_below(end);
            progress.advance(len);
        }
        Ok((file.id(), offset))
    }

    /// How long the shard is so far.
    pub(crate) fn len_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, Growing::len_bytes)
    }

    /// Ends the shard. It can be read then, and is not yet durable.
    ///
    /// # Errors
    /// Those of writing; the file has been removed then, as far as that was possible.
    pub(crate) fn finish(self) -> Result<Group> {
        let (file, opened) = self.file.map(Growing::finish).transpose()?.unzip();
        let stored = self.placed.into_iter().map(|placed| {
            let files = placed.files.into_iter().map(|kept| {
                kept.or_else(|| opened.clone()).expect("a slice with new chunks has made the file they are in")
            });
            Arc::new(Stored::new(placed.content, files.collect()))
        });
        Ok(Group { stored: stored.collect(), file })
    }

    pub(crate) fn discard(self) {
        if let Some(file) = self.file {
            file.discard();
        }
    }
}

impl Run {
    fn goes_on_with(&self, kept: Option<&(Arc<ShardFile>, u64)>, chunk_bytes: u64) -> bool {
        match (&self.kept, kept) {
            (None, None) => true,
            (Some((file, offset)), Some((next_file, next_offset))) => {
                let behind = offset + (self.chunks.end - self.chunks.start) * chunk_bytes;
                Arc::ptr_eq(file, next_file) && behind == *next_offset
            }
            _ => false,
        }
    }
}

/// All chunks in one run, to be written.
fn whole_run(count: u64) -> Vec<Run> {
    if count == 0 { Vec::new() } else { vec![Run { chunks: 0..count, kept: None }] }
}

fn range_of(job: &SliceJob<'_>, chunk: u64) -> Range<u64> {
    let start = chunk * job.chunk_bytes;
    start..(start + job.chunk_bytes).min(job.value.len_bytes())
}

/// Whether a slice lies in so many small extents, and so little of it at its main place, that writing it whole once is
/// better. Where the main place holds at least half, earlier saves have written less than that since they last wrote it
/// whole: so writing slices whole at most triples what is written.
fn is_too_scattered(job: &SliceJob<'_>, runs: &[Run]) -> bool {
    let len_bytes = job.value.len_bytes();
    if runs.len() <= EXTENTS_FREE || len_bytes / runs.len() as u64 >= EXTENT_BYTES_MEAN {
        return false;
    }
    let mut held: HashMap<Option<ShardId>, u64> = HashMap::new();
    for run in runs {
        let bytes = (run.chunks.end - run.chunks.start) * job.chunk_bytes;
        *held.entry(run.kept.as_ref().map(|(file, _)| file.id())).or_default() += bytes;
    }
    held.into_values().max().unwrap_or_default() < len_bytes / 2
}
