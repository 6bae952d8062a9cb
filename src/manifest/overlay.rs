//! Laying a newer entry over an older one, and what has to be laid over one state to get another.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::{Body, ChunkSum, Content, Entry, Extent, PatchRecord, PatchRun};

/// A patch takes the place of an entry only if that has at least so many chunks: below, an entry costs as little.
const PATCHED_CHUNKS_MIN: usize = 16;

/// What two entries of one name come to.
///
/// # Errors
/// `corrupt`, if a patch does not fit what it is laid over.
pub(crate) fn overlay(newer: Entry, older: Entry) -> Result<Entry> {
    let Body::Patch(patch) = newer.body else { return Ok(newer) };
    let name = newer.name;
    let body = match older.body {
        Body::Variable(mut record) => {
            record.content = patched(&record.content, &patch).map_err(|error| error.of_variable(&name))?;
            Body::Variable(record)
        }
        Body::Patch(older) => Body::Patch(both(patch, older).map_err(|error| error.of_variable(&name))?),
        Body::Whole(_) | Body::Alias(_) | Body::Removed => return Err(patch_of_nothing(&name)),
    };
    Ok(Entry { name, body, extra: older.extra })
}

pub(super) fn patch_of_nothing(name: &str) -> Error {
    Error::corrupt(format!("the manifests patch {name:?}, which none of them holds")).of_variable(name)
}

fn check_fit(patch: &PatchRecord, len_bytes: u64, chunk_bytes: u64) -> Result<()> {
    if (len_bytes, chunk_bytes) == (patch.len_bytes, patch.chunk_bytes) {
        return Ok(());
    }
    let what = format!(
        "a patch is for {} bytes in chunks of {}, but what it changes has {len_bytes} in chunks of {chunk_bytes}",
        patch.len_bytes, patch.chunk_bytes
    );
    Err(Error::corrupt(what))
}

/// The content after a patch: the runs of the patch take the place of what lay there.
fn patched(content: &Content, patch: &PatchRecord) -> Result<Content> {
    check_fit(patch, content.len_bytes, content.chunk_bytes)?;
    let mut patched = Content { extents: Vec::new(), ..content.clone() };
    let mut next = 0;
    for run in &patch.runs {
        let chunks = chunks_of(run);
        keep(&content.extents, content.chunk_bytes, next..chunks.start, &mut patched.extents);
        patched.chunks[chunks.start as usize..chunks.end as usize].copy_from_slice(&run.chunks);
        patched.extents.extend(&run.extents);
        next = chunks.end;
    }
    let rest = next..content.chunks.len() as u64;
    keep(&content.extents, content.chunk_bytes, rest, &mut patched.extents);
    Ok(patched)
}

/// One patch that does what two do, one after the other.
fn both(newer: PatchRecord, older: PatchRecord) -> Result<PatchRecord> {
    check_fit(&newer, older.len_bytes, older.chunk_bytes)?;
    let chunk_bytes = older.chunk_bytes;
    let mut pieces: Vec<PatchRun> = Vec::new();
    let mut cover = newer.runs.iter().map(chunks_of).peekable();
    for run in older.runs {
        // What the newer patch leaves of this run.
        let chunks = chunks_of(&run);
        let mut from = chunks.start;
        while cover.peek().is_some_and(|covered| covered.end <= from) {
            cover.next();
        }
        let mut covered = cover.clone();
        while from < chunks.end {
            let next = covered.next().filter(|next| next.start < chunks.end);
            let until = next.as_ref().map_or(chunks.end, |next| next.start.max(from));
            if from < until {
                pieces.push(part_of(&run, from..until, chunk_bytes));
            }
            from = next.map_or(chunks.end, |next| next.end);
        }
    }
    pieces.extend(newer.runs);
    pieces.sort_unstable_by_key(|run| run.first_chunk);
    let mut runs: Vec<PatchRun> = Vec::new();
    for piece in pieces {
        match runs.last_mut().filter(|last| chunks_of(last).end == piece.first_chunk) {
            Some(last) => {
                last.chunks.extend(piece.chunks);
                last.extents.extend(piece.extents);
            }
            None => runs.push(piece),
        }
    }
    Ok(PatchRecord { runs, ..older_grid(newer.len_bytes, chunk_bytes) })
}

fn older_grid(len_bytes: u64, chunk_bytes: u64) -> PatchRecord {
    PatchRecord { len_bytes, chunk_bytes, runs: Vec::new() }
}

fn chunks_of(run: &PatchRun) -> Range<u64> {
    run.first_chunk..run.first_chunk + run.chunks.len() as u64
}

fn part_of(run: &PatchRun, chunks: Range<u64>, chunk_bytes: u64) -> PatchRun {
    let places = (chunks.start - run.first_chunk) as usize..(chunks.end - run.first_chunk) as usize;
    let mut extents = Vec::new();
    keep(&run.extents, chunk_bytes, chunks.clone(), &mut extents);
    PatchRun { first_chunk: chunks.start, chunks: run.chunks[places].to_vec(), extents }
}

/// Adds the extents, or parts of them, that hold these chunks.
fn keep(of: &[Extent], chunk_bytes: u64, chunks: Range<u64>, extents: &mut Vec<Extent>) {
    let first = of.partition_point(|extent| extent.first_chunk + extent.chunks <= chunks.start);
    for extent in of[first..].iter().take_while(|extent| extent.first_chunk < chunks.end) {
        let start = extent.first_chunk.max(chunks.start);
        let end = (extent.first_chunk + extent.chunks).min(chunks.end);
        if start < end {
            let offset = extent.offset + (start - extent.first_chunk) * chunk_bytes;
            extents.push(Extent { shard: extent.shard, offset, first_chunk: start, chunks: end - start });
        }
    }
}

/// What is to be written where a state holds `after` and the one before it `before`: a patch, if that is much less.
pub(crate) fn change_between(before: &Entry, after: Entry) -> Entry {
    let (Body::Variable(old), Body::Variable(new)) = (&before.body, &after.body) else { return after };
    let same_facts = old.statics == new.statics && old.shape == new.shape && before.extra == after.extra;
    let same_grid =
        (old.content.len_bytes, old.content.chunk_bytes) == (new.content.len_bytes, new.content.chunk_bytes);
    if !same_facts || !same_grid || new.content.chunks.len() < PATCHED_CHUNKS_MIN {
        return after;
    }
    let Content { len_bytes, chunk_bytes, ref chunks, ref extents } = new.content;
    let changed = changed_runs(&old.content, &new.content);
    if changed.iter().map(|run| run.end - run.start).sum::<u64>() > chunks.len() as u64 / 2 {
        return after;
    }
    let runs = changed.into_iter().map(|run| {
        let mut held = Vec::new();
        keep(extents, chunk_bytes, run.clone(), &mut held);
        let sums = chunks[run.start as usize..run.end as usize].to_vec();
        PatchRun { first_chunk: run.start, chunks: sums, extents: held }
    });
    let patch = PatchRecord { len_bytes, chunk_bytes, runs: runs.collect() };
    Entry { name: after.name, body: Body::Patch(patch), extra: Vec::new() }
}

/// The runs of chunks that differ, or lie elsewhere.
fn changed_runs(before: &Content, after: &Content) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for (chunk, (old, new)) in placed_chunks(before).zip(placed_chunks(after)).enumerate() {
        let chunk = chunk as u64;
        if old == new {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == chunk => run.end += 1,
            _ => runs.push(chunk..chunk + 1),
        }
    }
    runs
}

/// Every chunk with where it lies.
fn placed_chunks(content: &Content) -> impl Iterator<Item = (ChunkSum, crate::id::ShardId, u64)> + '_ {
    let places = content
        .extents
        .iter()
        .flat_map(|extent| (0..extent.chunks).map(|i| (extent.shard, extent.offset + i * content.chunk_bytes)));
    content.chunks.iter().zip(places).map(|(sum, (shard, offset))| (*sum, shard, offset))
}

#[cfg(test)]
mod tests;
