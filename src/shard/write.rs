//! Writing the slices of a save: into one shard for each partition ordinal, several side by side where there is much.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::error::Result;
use crate::format::Content;
use crate::io::{self, NewFile};
use crate::shard::place::{Group, Placer, Placing, SliceJob};
use crate::shard::progress::Progress;
use crate::shard::stored::Stored;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread;

/// The slices of one ordinal are spread over several shards only if each gets at least so much, or so many.
const SHARE_BYTES_MIN: u64 = 32 << 20;
const SHARE_SLICES_MIN: u64 = 16 << 10;

/// Where the slices of one save went.
#[derive(Default)]
pub(crate) struct Written {
    /// In the order of the jobs.
    pub(crate) stored: Vec<Arc<Stored>>,
    /// New shards, whole but not yet durable.
    pub(crate) files: Vec<NewFile>,
    /// Payload bytes written, of each job.
    pub(crate) bytes_new: Vec<u64>,
}

/// Hears where a slice lies.
type Heard<'a> = dyn Fn(usize, &Content) -> Result<()> + Sync + 'a;

/// Slices that go into one shard, by their place in the list of jobs.
struct Share {
    ordinal: u32,
    jobs: VecDeque<usize>,
}

/// Writes all slices, on up to so many threads. Nothing is durable yet when this returns. `placed` hears of each slice, by
/// its place in the list, as soon as its chunks have theirs: while the disk is busy with them.
///
/// # Errors
/// Whatever looking at a value, a write or `placed` fails with. The new files have been removed then, as far as that was possible;
/// nothing names what is left, and reclaiming removes it.
pub(crate) fn write_slices(
    placing: &Placing<'_>,
    threads: usize,
    jobs: &[SliceJob<'_>],
    placed: &Heard<'_>,
) -> Result<Written> {
    placing.progress.expect(jobs.iter().map(|job| job.value.len_bytes()).sum());
    let shares = divide(jobs, threads);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(write_share(placing, share, jobs, placed));
        }
        done
    };
    let gives_way = placing.progress.is_in_background();
    let work_behind = || {
        if gives_way {
            io::give_way();
        }
        work()
    };
    let done = thread::scope(|scope| {
        // This thread cannot give way only for once.
        let others = usize::from(!gives_way)..threads.min(shares.len());
        let spawn = |_| thread::spawn_named_scoped(scope, "varkeep-save", work_behind).ok();
        // A thread that cannot be had leaves its share to the others.
        let others: Vec<_> = others.filter_map(spawn).collect();
        let mut done = if gives_way && !others.is_empty() { Vec::new() } else { work() };
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    let mut written = Written { bytes_new: vec![0; jobs.len()], ..Written::default() };
    let mut stored: Vec<Option<Arc<Stored>>> = vec![None; jobs.len()];
    let mut failure = None;
    for share in done {
        match share {
            Ok((placed, group)) => {
                written.files.extend(group.file);
                for ((job, bytes_new), slice) in placed.into_iter().zip(group.stored) {
                    written.bytes_new[job] = bytes_new;
                    stored[job] = Some(slice);
                }
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        written.files.into_iter().for_each(NewFile::discard);
        return Err(error);
    }
    written.stored = stored.into_iter().map(|slice| slice.expect("every job is in a share")).collect();
    Ok(written)
}

/// Divides the slices by ordinal, and those of one ordinal once more where that is worth while.
fn divide(jobs: &[SliceJob<'_>], threads: usize) -> Vec<Share> {
    let mut by_ordinal: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (i, job) in jobs.iter().enumerate() {
        by_ordinal.entry(job.ordinal).or_default().push(i);
    }
    let mut shares = Vec::new();
    for (ordinal, members) in by_ordinal {
        // A slice takes about as long as so many bytes.
        let weight = |i: usize| jobs[i].value.len_bytes() + SHARE_BYTES_MIN / SHARE_SLICES_MIN;
        let all: u64 = members.iter().map(|i| weight(*i)).sum();
        let parts = (all / SHARE_BYTES_MIN).clamp(1, threads.max(1) as u64);
        let (mut share, mut held, mut cut) = (VecDeque::new(), 0, 1);
        for i in members {
            share.push_back(i);
            held += weight(i);
            if held >= all * cut / parts && cut < parts {
                shares.push(Share { ordinal, jobs: std::mem::take(&mut share) });
                cut += 1;
            }
        }
        if !share.is_empty() {
            shares.push(Share { ordinal, jobs: share });
        }
    }
    shares
}

/// Writes one share. Gives the jobs in the order in which it did, with the bytes written of each, and the slices.
fn write_share(
    placing: &Placing<'_>,
    share: &Share,
    jobs: &[SliceJob<'_>],
    heard: &Heard<'_>,
) -> Result<(Vec<(usize, u64)>, Group)> {
    let mut placer = Placer::new(placing.clone(), share.ordinal);
    let mut left = share.jobs.clone();
    let mut placed = Vec::with_capacity(left.len());
    while let Some(job) = take_next(&mut left, jobs, &placing.progress) {
        let found = placer.place(&jobs[job]);
        match found.and_then(|(content, bytes_new)| heard(job, content).map(|()| bytes_new)) {
            Ok(bytes_new) => placed.push((job, bytes_new)),
            Err(error) => {
                placer.discard();
                return Err(error);
            }
        }
    }
    Ok((placed, placer.finish()?))
}

/// What somebody waits for comes first.
fn take_next(left: &mut VecDeque<usize>, jobs: &[SliceJob<'_>], progress: &Progress) -> Option<usize> {
    let awaited = if progress.is_awaited() { left.iter().position(|job| jobs[*job].value.is_awaited()) } else { None };
    left.remove(awaited.unwrap_or(0))
}
