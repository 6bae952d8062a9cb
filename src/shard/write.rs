//! Writing slices: chunks that changed go into new shards, the others keep their place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use twox_hash::XxHash3_128;

use crate::error::{Error, Result};
use crate::format::{ChunkSum, Content, EXTENT_ALIGNMENT, Extent, ShardRef, ShardTrailer, file_names};
use crate::id::ShardId;
use crate::io::{self, NewFile};
use crate::shard::file::{ShardFile, Shards};
use crate::shard::payload::{Elsewhere, Payload};
use crate::shard::stored::Stored;

/// Slices of at least [`PAGE_SLICE_BYTES`] start on a multiple of this.
const PAGE_ALIGNMENT: u64 = 4096;

/// From this size on, a slice starts on a page.
const PAGE_SLICE_BYTES: u64 = 64 << 10;

/// A slice may lie in this many extents whatever their size.
const EXTENTS_FREE: u64 = 16;

/// Beyond [`EXTENTS_FREE`], a slice whose extents would be smaller than this on average is written whole: gathering it
/// on reading would cost more than writing it once.
const EXTENT_BYTES_MEAN_MIN: u64 = 16 << 10;

/// Space is asked of the file system in steps of this.
const PREALLOCATE_BYTES: u64 = 64 << 20;

/// Small writes are gathered up to this.
const BUFFER_BYTES: usize = 1 << 20;

/// One slice to be made durable.
#[derive(Debug)]
pub(crate) struct SliceJob {
    pub(crate) name: String,
    pub(crate) payload: Arc<Payload>,
    /// What the store last held under this name: chunks equal to those at the same place are kept.
    pub(crate) base: Option<Arc<Stored>>,
    pub(crate) chunk_bytes: u64,
    /// Which shard the slice goes to: its ordinal within its whole.
    pub(crate) ordinal: u32,
}

/// Where the slices of one save went.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// In the order of the jobs.
    pub(crate) stored: Vec<Arc<Stored>>,
    /// Payload bytes written.
    pub(crate) bytes_new: u64,
}

/// Writes the slices of saves into new shards.
pub(crate) struct ShardWriter<'a> {
    pub(crate) shards: &'a Shards,
    pub(crate) hash_seed: u64,
    pub(crate) threads: usize,
}

impl ShardWriter<'_> {
    /// Makes all slices durable: when this returns their bytes are on the disk, in files whose folder has been synced.
    ///
    /// # Errors
    /// Whatever a read of an unchecked payload or a write fails with. The new files are orphans then, as after a crash:
    /// nothing names them, and reclaiming removes them.
    pub(crate) fn write(&self, jobs: &[SliceJob]) -> Result<Written> {
        let mut by_ordinal: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, job) in jobs.iter().enumerate() {
            by_ordinal.entry(job.ordinal).or_default().push(i);
        }
        let groups: Vec<(u32, Vec<usize>)> = by_ordinal.into_iter().collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((ordinal, members)) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((members, self.write_group(*ordinal, members.iter().map(|i| &jobs[*i]))));
            }
            done
        };
        let threads = self.threads.min(groups.len()).max(1);
        let done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        let mut stored: Vec<Option<Arc<Stored>>> = vec![None; jobs.len()];
        let mut written = Written::default();
        let mut has_files = false;
        for (members, group) in done {
            let group = group?;
            written.bytes_new += group.bytes_new;
            has_files |= group.has_file;
            for (i, slice) in members.iter().zip(group.stored) {
                stored[*i] = Some(Arc::new(slice));
            }
        }
        if has_files {
            self.shards.dir().sync()?;
        }
        written.stored = stored.into_iter().map(|slice| slice.expect("every job is in a group")).collect();
        Ok(written)
    }

    fn write_group<'j>(&self, ordinal: u32, jobs: impl Iterator<Item = &'j SliceJob>) -> Result<Group> {
        let mut out = Output { writer: self, ordinal, file: None };
        let mut placed = Vec::new();
        let mut bytes_new = 0;
        let filled = jobs.into_iter().try_for_each(|job| {
            let slice = out.place(job).map_err(|error| error.of_variable(&job.name))?;
            bytes_new += slice.bytes_new;
            placed.push(slice);
            Ok(())
        });
        if let Err(error) = filled {
            out.discard();
            return Err(error);
        }
        let file = out.finish()?;
        let stored = placed.into_iter().map(|slice| slice.into_stored(file.as_ref())).collect();
        Ok(Group { stored, bytes_new, has_file: file.is_some() })
    }
}

struct Group {
    stored: Vec<Stored>,
    bytes_new: u64,
    has_file: bool,
}

/// A slice whose chunks have their places; new ones in a file that is still being written.
struct Placed {
    content: Content,
    /// The file of each extent; `None` is the one being written.
    files: Vec<Option<Arc<ShardFile>>>,
    bytes_new: u64,
}

impl Placed {
    fn into_stored(self, written: Option<&Arc<ShardFile>>) -> Stored {
        let files = self
            .files
            .into_iter()
            .map(|file| file.or_else(|| written.cloned()).expect("a slice with new chunks has made the group's file"));
        Stored::new(self.content, files.collect())
    }
}

/// The one shard file of a group, made when the first byte for it comes.
struct Output<'a> {
    writer: &'a ShardWriter<'a>,
    ordinal: u32,
    file: Option<Growing>,
}

struct Growing {
    id: ShardId,
    file: NewFile,
    trailer: ShardTrailer,
    buffer: Vec<u8>,
    /// Bytes so far, the buffered ones included.
    len: u64,
    preallocated: u64,
}

impl Growing {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.trailer.update(bytes);
        self.len += bytes.len() as u64;
        if self.buffer.len() + bytes.len() <= BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush()?;
        if bytes.len() >= BUFFER_BYTES {
            return self.write(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let start = self.file.position();
        let end = start + bytes.len() as u64;
        if end > self.preallocated && bytes.len() >= BUFFER_BYTES / 2 {
            self.preallocated = end.next_multiple_of(PREALLOCATE_BYTES);
            match self.file.preallocate(start, self.preallocated - start) {
                // There may still be room for what is really written.
                Err(error) if io::is_disk_full(&error) => {}
                reserved => reserved?,
            }
        }
        self.file.write_all(bytes)
    }

    fn pad_to(&mut self, alignment: u64) -> Result<()> {
        let padding = self.len.next_multiple_of(alignment) - self.len;
        self.append(&vec![0; padding as usize])
    }
}

impl Output<'_> {
    fn file(&mut self) -> Result<&mut Growing> {
        if self.file.is_none() {
            let id = ShardId::from_bytes(io::random_128()?);
            let file = self.writer.shards.dir().create_file(&file_names::of_shard(id))?;
            // The trailer has the header counted in already.
            let (header, trailer) = ShardTrailer::begin(self.writer.shards.store(), id, self.ordinal);
            let (len, mut buffer) = (header.len() as u64, header);
            buffer.reserve(BUFFER_BYTES);
            self.file = Some(Growing { id, file, trailer, buffer, len, preallocated: 0 });
        }
        Ok(self.file.as_mut().expect("it has just been made"))
    }

    /// Finds a place for every chunk of a slice, writing those that have none.
    fn place(&mut self, job: &SliceJob) -> Result<Placed> {
        if let Some(content) = job.payload.content_elsewhere() {
            return self.place_elsewhere(job, &**content);
        }
        let bytes = job.payload.bytes()?;
        let chunk_bytes = job.chunk_bytes;
        let seed = self.writer.hash_seed;
        let mut chunks = Vec::with_capacity(bytes.len().div_ceil(chunk_bytes as usize));
        let base = job.base.as_ref().filter(|base| base.content().chunk_bytes == chunk_bytes);
        let Some(base) = base else {
            let offset = if bytes.is_empty() { 0 } else { self.start_slice(bytes.len() as u64)? };
            for chunk in bytes.chunks(chunk_bytes as usize) {
                chunks.push(sum(chunk, seed));
                self.file()?.append(chunk)?;
            }
            return Ok(self.whole(bytes.len() as u64, chunk_bytes, chunks, offset));
        };
        chunks.extend(bytes.chunks(chunk_bytes as usize).map(|chunk| sum(chunk, seed)));
        let runs = Runs::of(&chunks, base, bytes.len() as u64, chunk_bytes);
        if runs.0.len() as u64 > EXTENTS_FREE.max(bytes.len() as u64 / EXTENT_BYTES_MEAN_MIN) {
            let offset = self.start_slice(bytes.len() as u64)?;
            self.file()?.append(bytes)?;
            return Ok(self.whole(bytes.len() as u64, chunk_bytes, chunks, offset));
        }
        let mut placed = Placed {
            content: Content { len_bytes: bytes.len() as u64, chunk_bytes, chunks, extents: Vec::new() },
            files: Vec::new(),
            bytes_new: 0,
        };
        for run in runs.0 {
            let (shard, offset) = if let Some((file, offset)) = &run.kept {
                (file.id(), *offset)
            } else {
                let start = (run.first * chunk_bytes) as usize;
                let end = bytes.len().min(start + (run.chunks * chunk_bytes) as usize);
                let offset = self.start_slice((end - start) as u64)?;
                self.file()?.append(&bytes[start..end])?;
                placed.bytes_new += (end - start) as u64;
                (self.file()?.id, offset)
            };
            placed.content.extents.push(Extent { shard, offset, first_chunk: run.first, chunks: run.chunks });
            placed.files.push(run.kept.map(|(file, _)| file));
        }
        Ok(placed)
    }

    /// As [`Output::place`], a chunk at a time: the value need not fit in memory.
    ///
    /// Where there may be something to keep it is read twice, since what is written depends on all hashes.
    fn place_elsewhere(&mut self, job: &SliceJob, content: &dyn Elsewhere) -> Result<Placed> {
        let (len_bytes, chunk_bytes) = (content.len_bytes(), job.chunk_bytes);
        let seed = self.writer.hash_seed;
        let base = job.base.as_ref().filter(|base| base.content().chunk_bytes == chunk_bytes);
        let mut room = vec![0; chunk_bytes.min(len_bytes) as usize];
        let mut chunks = Vec::with_capacity(len_bytes.div_ceil(chunk_bytes) as usize);
        let offset = if base.is_some() || len_bytes == 0 { 0 } else { self.start_slice(len_bytes)? };
        let mut fill = content.stream()?;
        let mut at = 0;
        while at < len_bytes {
            let part = &mut room[..chunk_bytes.min(len_bytes - at) as usize];
            fill(part)?;
            chunks.push(sum(part, seed));
            if base.is_none() {
                self.file()?.append(part)?;
            }
            at += part.len() as u64;
        }
        let Some(base) = base else { return Ok(self.whole(len_bytes, chunk_bytes, chunks, offset)) };
        let mut runs = Runs::of(&chunks, base, len_bytes, chunk_bytes);
        let is_scattered = runs.0.len() as u64 > EXTENTS_FREE.max(len_bytes / EXTENT_BYTES_MEAN_MIN);
        if is_scattered {
            runs = Runs(vec![Run { first: 0, chunks: chunks.len() as u64, kept: None }]);
        }
        let content_of = Content { len_bytes, chunk_bytes, chunks, extents: Vec::new() };
        let mut placed = Placed { content: content_of, files: Vec::new(), bytes_new: 0 };
        for run in runs.0 {
            let (shard, offset) = if let Some((file, offset)) = &run.kept {
                (file.id(), *offset)
            } else {
                let (mut at, end) = (run.first * chunk_bytes, ((run.first + run.chunks) * chunk_bytes).min(len_bytes));
                let offset = self.start_slice(end - at)?;
                placed.bytes_new += end - at;
                while at < end {
                    let part = &mut room[..chunk_bytes.min(end - at) as usize];
                    content.read_at(at, part)?;
                    if sum(part, seed) != placed.content.chunks[(at / chunk_bytes) as usize] {
                        return Err(Error::corrupt("the value changed while it was being read"));
                    }
                    self.file()?.append(part)?;
                    at += part.len() as u64;
                }
                (self.file()?.id, offset)
            };
            placed.content.extents.push(Extent { shard, offset, first_chunk: run.first, chunks: run.chunks });
            placed.files.push(run.kept.map(|(file, _)| file));
        }
        Ok(placed)
    }

    /// A slice that was written whole at `offset` of the file.
    fn whole(&mut self, len_bytes: u64, chunk_bytes: u64, chunks: Vec<ChunkSum>, offset: u64) -> Placed {
        let mut extents = Vec::new();
        let mut files = Vec::new();
        if let Some(file) = self.file.as_ref().filter(|_| len_bytes > 0) {
            extents.push(Extent { shard: file.id, offset, first_chunk: 0, chunks: chunks.len() as u64 });
            files.push(None);
        }
        Placed { content: Content { len_bytes, chunk_bytes, chunks, extents }, files, bytes_new: len_bytes }
    }

    /// Pads to where an extent of this many bytes may start, and says where that is.
    fn start_slice(&mut self, len_bytes: u64) -> Result<u64> {
        let alignment = if len_bytes >= PAGE_SLICE_BYTES { PAGE_ALIGNMENT } else { EXTENT_ALIGNMENT };
        let file = self.file()?;
        file.pad_to(alignment)?;
        Ok(file.len)
    }

    /// Writes the trailer and brings everything to the disk; the file is then open for reading.
    ///
    /// # Errors
    /// Those of writing; the file has been removed then, as far as that was possible.
    fn finish(self) -> Result<Option<Arc<ShardFile>>> {
        let Some(Growing { id, mut file, trailer, buffer, .. }) = self.file else { return Ok(None) };
        let end = trailer.finish();
        let len_bytes = file.position() + (buffer.len() + end.len()) as u64;
        let written = file
            .write_all(&buffer)
            .and_then(|()| file.write_all(&end))
            .and_then(|()| file.set_len(len_bytes))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            file.discard();
            return Err(error);
        }
        self.writer.shards.open(&ShardRef { id, len_bytes, partition: self.ordinal }).map(Some)
    }

    fn discard(self) {
        if let Some(growing) = self.file {
            growing.file.discard();
        }
    }
}

/// Consecutive chunks that lie together: kept at an old place, or to be written.
#[derive(Default)]
struct Runs(Vec<Run>);

struct Run {
    first: u64,
    chunks: u64,
    kept: Option<(Arc<ShardFile>, u64)>,
}

impl Runs {
    /// The runs of a value with these chunks: those that `base` has at the same place are kept.
    fn of(chunks: &[ChunkSum], base: &Stored, len_bytes: u64, chunk_bytes: u64) -> Self {
        let mut runs = Self::default();
        for (i, chunk) in (0_u64..).zip(chunks) {
            let is_kept = base.content().chunks.get(i as usize) == Some(chunk)
                && base.range_of(i).end == ((i + 1) * chunk_bytes).min(len_bytes);
            let kept = is_kept.then(|| {
                let (_, file) = base.extent_of(i);
                (Arc::clone(file), base.offset_of(i))
            });
            runs.push(i, kept, chunk_bytes);
        }
        runs
    }

    fn push(&mut self, chunk: u64, kept: Option<(Arc<ShardFile>, u64)>, chunk_bytes: u64) {
        if let Some(run) = self.0.last_mut() {
            let goes_on = match (&run.kept, &kept) {
                (None, None) => true,
                (Some((file, offset)), Some((next_file, next_offset))) => {
                    Arc::ptr_eq(file, next_file) && offset + run.chunks * chunk_bytes == *next_offset
                }
                _ => false,
            };
            if goes_on {
                run.chunks += 1;
                return;
            }
        }
        self.0.push(Run { first: chunk, chunks: 1, kept });
    }
}

fn sum(bytes: &[u8], seed: u64) -> ChunkSum {
    ChunkSum { crc32: crc32fast::hash(bytes), hash: XxHash3_128::oneshot_with_seed(seed, bytes) }
}
