//! One pass over one shard: block sums and chunks as the bytes go by.

use std::collections::btree_set;
use std::iter::Peekable;
use std::ops::Range;

use smallvec::SmallVec;
use twox_hash::XxHash3_128;

use crate::error::Error;
use crate::format::{Access, ShardLayout};
use crate::id::ShardId;
use crate::io::ReadFile;
use crate::shard::ShardFile;
use crate::verify::references::{ChunkUse, ShardUse};
use crate::verify::survey::Survey;

/// How much is read at once: whole blocks.
const READ_BYTES: u64 = 1 << 20;

/// What came of one shard.
#[derive(Default)]
pub(super) struct Outcome {
    /// Manifests' references, by their place in the list, as which the shard cannot be opened.
    pub(super) refused: Vec<(usize, Error)>,
    /// How long the file is, if it was read.
    pub(super) file_bytes: Option<u64>,
    pub(super) chunks: u64,
    /// What is wrong with the frame; the payload does not need it.
    pub(super) frame: Vec<Error>,
    /// Damaged ranges, in order and apart from each other.
    pub(super) bad: Vec<Bad>,
}

/// A damaged range.
pub(super) struct Bad {
    pub(super) range: Range<u64>,
    pub(super) what: String,
    /// Whether chunks are damaged; otherwise only bytes that no value needs.
    pub(super) in_chunks: bool,
}

/// Reads a shard; `count` hears of bytes that were read.
pub(super) fn read(survey: &Survey, id: ShardId, shard: &ShardUse, count: &mut dyn FnMut(u64)) -> Outcome {
    let (dir, store) = (&survey.history.folders.shards, survey.history.store.id);
    let mut outcome = Outcome::default();
    let mut opened = None;
    for (place, (reference, _)) in shard.references.iter().enumerate() {
        match ShardFile::open(dir, store, reference) {
            Ok(file) => opened = Some((file, reference)),
            Err(error) => outcome.refused.push((place, error)),
        }
    }
    let Some((file, reference)) = opened else { return outcome };
    let file = file.file();
    debug_assert_eq!(reference.id, id);
    let read_range = |range: Range<u64>| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).map(|()| bytes)
    };
    let layout = ShardLayout::read(file.len(), store, Access::Read, read_range);
    let layout = layout.and_then(|layout| layout.check_is(reference).map(|()| layout));
    let layout = layout.map_err(|error| outcome.frame.push(error)).ok();
    let chunks = shard.chunks.iter().peekable();
    let seed = survey.hash_seed;
    let mut pass =
        Pass { seed, layout, chunks, running: Vec::new(), begun_to: 0, bad: Vec::new(), bad_blocks: Vec::new() };
    pass.read_all(file, count);
    outcome.file_bytes = Some(file.len());
    outcome.chunks = shard.chunks.len() as u64;
    outcome.bad = pass.into_bad();
    outcome
}

/// What is wrong with a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Crc { expected: u32, found: u32 },
    Hash,
    NoBool,
    Unread(String),
    Missing,
    Overlap,
}

struct BadChunks {
    range: Range<u64>,
    count: u64,
    /// Of the first.
    fault: Fault,
}

/// What is said of the same bytes: by one chunk, in nearly every case.
type Uses = SmallVec<[ChunkUse; 1]>;

/// A chunk that goes on in the bytes to come.
struct Running {
    uses: Uses,
    crc: crc32fast::Hasher,
    hash: Option<XxHash3_128>,
    is_bool: bool,
}

struct Pass<'a> {
    seed: Option<u64>,
    layout: Option<ShardLayout>,
    chunks: Peekable<btree_set::Iter<'a, ChunkUse>>,
    running: Vec<Running>,
    /// Where the chunks end that were begun so far.
    begun_to: u64,
    bad: Vec<BadChunks>,
    bad_blocks: Vec<(Range<u64>, String)>,
}

impl Pass<'_> {
    fn read_all(&mut self, file: &ReadFile, count: &mut dyn FnMut(u64)) {
        let mut buffer = vec![0; READ_BYTES.min(file.len()) as usize];
        let mut offset = 0;
        while offset < file.len() {
            let part = &mut buffer[..(file.len() - offset).min(READ_BYTES) as usize];
            match file.read_exact_at(part, offset) {
                Ok(()) => self.feed(offset, part),
                Err(error) => self.lose(offset..offset + part.len() as u64, &error),
            }
            offset += part.len() as u64;
            count(part.len() as u64);
        }
        // Of chunks that a manifest puts beyond the end of the file.
        let missing = self.running.drain(..).flat_map(|running| running.uses).chain(self.chunks.by_ref().copied());
        for chunk in missing.collect::<Vec<_>>() {
            self.fail(&chunk, Fault::Missing);
        }
    }

    /// Goes on with the bytes at `offset`.
    fn feed(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        let within = |range: Range<u64>| &bytes[(range.start - offset) as usize..(range.end - offset) as usize];
        if let Some(layout) = &self.layout {
            for block in layout.blocks_under(&(offset..end)) {
                let Some(range) = layout.block_range(block).filter(|range| range.end <= end) else { continue };
                if let Err(error) = layout.check_block(block, within(range.clone())) {
                    self.bad_blocks.push((range, error.what().to_owned()));
                }
            }
        }
        for mut running in std::mem::take(&mut self.running) {
            let chunk_end = running.uses[0].end();
            running.update(within(offset..chunk_end.min(end)));
            if chunk_end > end { self.running.push(running) } else { self.close(running) }
        }
        while let Some(chunk) = self.chunks.next_if(|chunk| chunk.offset < end).copied() {
            // No byte is summed twice, however many chunks a damaged manifest lays over each other.
            if chunk.offset < self.begun_to {
                self.fail(&chunk, Fault::Overlap);
                continue;
            }
            self.begun_to = chunk.end();
            let mut uses = Uses::from_elem(chunk, 1);
            while let Some(same) = self.chunks.next_if(|next| (next.offset, next.end()) == (chunk.offset, chunk.end()))
            {
                uses.push(*same);
            }
            let start = chunk.offset;
            if chunk.end() <= end {
                let bytes = within(start..chunk.end());
                let hash = self.seed.map(|seed| XxHash3_128::oneshot_with_seed(seed, bytes));
                self.judge(&uses, crc32fast::hash(bytes), hash, is_bool(bytes));
            } else {
                let hash = self.seed.map(XxHash3_128::with_seed);
                let mut running = Running { uses, crc: crc32fast::Hasher::new(), hash, is_bool: true };
                running.update(within(start..end));
                self.running.push(running);
            }
        }
    }

    /// Bytes that the disk does not give.
    fn lose(&mut self, range: Range<u64>, error: &Error) {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let mut lost =
            std::mem::take(&mut self.running).into_iter().flat_map(|running| running.uses).collect::<Vec<_>>();
        while let Some(chunk) = self.chunks.next_if(|chunk| chunk.offset < range.end) {
            lost.push(*chunk);
        }
        let fault = Fault::Unread(format!("{}{cause}", error.what()));
        for chunk in &lost {
            self.fail(chunk, fault.clone());
        }
        if lost.is_empty() {
            self.bad_blocks.push((range, format!("{}{cause}", error.what())));
        }
    }

    fn close(&mut self, running: Running) {
        let Running { uses, crc, hash, is_bool } = running;
        self.judge(&uses, crc.finalize(), hash.map(|hash| hash.finish_128()), is_bool);
    }

    fn judge(&mut self, uses: &[ChunkUse], crc: u32, hash: Option<u128>, is_bool: bool) {
        for chunk in uses {
            if crc != chunk.crc32 {
                self.fail(chunk, Fault::Crc { expected: chunk.crc32, found: crc });
            } else if hash.is_some_and(|hash| hash != chunk.hash) {
                self.fail(chunk, Fault::Hash);
            } else if chunk.is_bool && !is_bool {
                self.fail(chunk, Fault::NoBool);
            }
        }
    }

    fn fail(&mut self, chunk: &ChunkUse, fault: Fault) {
        self.bad.push(BadChunks { range: chunk.offset..chunk.end(), count: 1, fault });
    }

    /// The damaged ranges: runs of chunks, and blocks in which no chunk is.
    fn into_bad(self) -> Vec<Bad> {
        let mut chunks = self.bad;
        chunks.sort_by_key(|bad| (bad.range.start, bad.range.end));
        let mut runs: Vec<BadChunks> = Vec::new();
        for bad in chunks {
            match runs.last_mut().filter(|run| bad.range.start <= run.range.end) {
                Some(run) => {
                    run.range.end = run.range.end.max(bad.range.end);
                    run.count += 1;
                }
                None => runs.push(bad),
            }
        }
        let mut blocks: Vec<(Range<u64>, String)> = Vec::new();
        for (range, what) in self.bad_blocks {
            let first = runs.partition_point(|run| run.range.end <= range.start);
            let is_told = runs.get(first).is_some_and(|run| run.range.start < range.end);
            match blocks.last_mut().filter(|(last, _)| last.end == range.start) {
                _ if is_told => {}
                Some((last, _)) => last.end = range.end,
                None => blocks.push((range, what)),
            }
        }
        let runs = runs.into_iter().map(|run| Bad { what: run.text(), range: run.range, in_chunks: true });
        let blocks = blocks.into_iter().map(|(range, what)| Bad { range, what, in_chunks: false });
        let mut bad: Vec<Bad> = runs.chain(blocks).collect();
        bad.sort_by_key(|bad| bad.range.start);
        bad
    }
}

impl ChunkUse {
    fn end(&self) -> u64 {
        self.offset + self.len_bytes
    }
}

impl Running {
    fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        if let Some(hash) = &mut self.hash {
            hash.write(bytes);
        }
        self.is_bool &= !self.uses.iter().any(|chunk| chunk.is_bool) || is_bool(bytes);
    }
}

fn is_bool(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte <= 1)
}

impl BadChunks {
    fn text(&self) -> String {
        let Range { start, end } = self.range;
        let (chunks, of_first) = match self.count {
            1 => (format!("a chunk, bytes {start} to {end},"), ""),
            count => (format!("{count} chunks, bytes {start} to {end},"), "of the first, "),
        };
        match &self.fault {
            Fault::Crc { expected, found } => {
                let fail = if self.count == 1 { "fails its checksum" } else { "fail their checksums" };
                format!("{chunks} {fail}: {of_first}expected {expected:08x}, found {found:08x}")
            }
            Fault::Hash => format!("{chunks} with the right checksum: {of_first}the bytes have another hash"),
            Fault::NoBool => format!("{chunks} of a bool variable: {of_first}some bytes are neither 0 nor 1"),
            Fault::Unread(why) => format!("{chunks} cannot be read: {why}"),
            Fault::Overlap => format!("{chunks} over other chunks, which no writer lays them"),
            Fault::Missing => format!("{chunks} beyond the end of the file"),
        }
    }
}
