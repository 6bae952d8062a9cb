//! All shards, by two threads, and what comes of them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::format::file_names;
use crate::id::ShardId;
use crate::io;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{mpsc, thread};
use crate::verify::VerifyProgress;
use crate::verify::findings::{DamageId, Findings};
use crate::verify::pass::{self, Outcome};
use crate::verify::references::{References, ShardUse};
use crate::verify::survey::Survey;

/// Threads that read shards.
const THREADS: usize = 2;

const NOBODY_IS_HURT: &str = "no value of the checkpoints that were checked lies there";

/// A range of a shard that is damaged, and where that is noted.
struct Hurt {
    range: Range<u64>,
    damage: DamageId,
}

/// The damage in shards.
#[derive(Default)]
pub(super) struct Damaged(BTreeMap<ShardId, Vec<Hurt>>);

impl Damaged {
    /// Ranges of one shard are added in order and do not overlap.
    pub(super) fn add(&mut self, shard: ShardId, range: Range<u64>, damage: DamageId) {
        self.0.entry(shard).or_default().push(Hurt { range, damage });
    }

    /// Brings the ranges into order again.
    pub(super) fn sort(&mut self) {
        self.0.values_mut().for_each(|hurts| hurts.sort_by_key(|hurt| hurt.range.start));
    }

    pub(super) fn is_in(&self, shard: ShardId) -> bool {
        self.0.contains_key(&shard)
    }

    /// The damage in a range of a shard.
    pub(super) fn under(&self, shard: ShardId, range: Range<u64>) -> impl Iterator<Item = DamageId> + '_ {
        let hurts = self.0.get(&shard).map_or(&[][..], Vec::as_slice);
        let first = hurts.partition_point(|hurt| hurt.range.end <= range.start);
        hurts[first..].iter().take_while(move |hurt| hurt.range.start < range.end).map(|hurt| hurt.damage)
    }
}

/// Checks every shard that some checkpoint refers to.
pub(super) fn check(
    survey: &Survey,
    references: &mut References,
    findings: &mut Findings,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Damaged {
    let mut shards: Vec<(ShardId, &ShardUse)> = references.shards.iter().map(|(id, shard)| (*id, shard)).collect();
    let len_of =
        |shard: &ShardUse| shard.references.iter().map(|(reference, _)| reference.len_bytes).max().unwrap_or(0);
    // The largest first, so that no thread is left alone with it.
    shards.sort_by_key(|(_, shard)| std::cmp::Reverse(len_of(shard)));
    let bytes_before = findings.bytes;
    let bytes_total = bytes_before + shards.iter().map(|(_, shard)| len_of(shard)).sum::<u64>();
    let bytes_done = AtomicU64::new(bytes_before);
    let mut tell = || {
        let bytes_done = bytes_done.load(Ordering::Relaxed).min(bytes_total);
        progress(VerifyProgress { bytes_done, bytes_total });
    };
    tell();
    let next = AtomicUsize::new(0);
    let work = |step: &mut dyn FnMut()| {
        let mut results = Vec::new();
        while let Some((id, shard)) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut count = |bytes: u64| {
                bytes_done.fetch_add(bytes, Ordering::Relaxed);
                step();
            };
            results.push((*id, pass::read(survey, *id, shard, &mut count)));
        }
        results
    };
    let mut results = thread::scope(|scope| {
        let (steps, stepped) = mpsc::channel();
        let others: Vec<_> = (1..THREADS.min(shards.len()))
            .map(|_| {
                let steps = steps.clone();
                // Nobody listens any more where the caller's own function has panicked.
                scope.spawn(|| {
                    work(&mut move || {
                        let _nobody_listens = steps.send(());
                    })
                })
            })
            .collect();
        drop(steps);
        let mut results = work(&mut tell);
        for () in stepped {
            tell();
        }
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_by_key(|(id, _)| *id);
    let mut damaged = Damaged::default();
    for (id, outcome) in results {
        enter(survey, references, findings, &mut damaged, id, outcome);
    }
    damaged
}

/// Notes what came of one shard.
fn enter(
    survey: &Survey,
    references: &mut References,
    findings: &mut Findings,
    damaged: &mut Damaged,
    id: ShardId,
    outcome: Outcome,
) {
    let path = survey.history.folders.shards.join(&file_names::of_shard(id));
    let mut is_lost = None;
    for (reference, error) in outcome.refused {
        let by = references.shards[&id].references[reference].1.iter().copied();
        for checkpoint in by.collect::<Vec<_>>() {
            let followed = &mut references.checkpoints[checkpoint];
            if io::is_not_found(&error) && followed.record.as_ref().is_some_and(|record| !survey.is_still_kept(record))
            {
                followed.is_gone = true;
                continue;
            }
            followed.readable = false;
            let damage = findings.add_error(&error, &path);
            findings.hurts(damage, followed.number, None);
            is_lost = Some(damage);
        }
    }
    if let Some(file_bytes) = outcome.file_bytes {
        findings.read_file(file_bytes);
    } else if let Some(damage) = is_lost {
        damaged.add(id, 0..u64::MAX, damage);
    }
    findings.chunks += outcome.chunks;
    for error in &outcome.frame {
        let damage = findings.add_error(error, &path);
        findings.advise(damage, NOBODY_IS_HURT.to_owned());
    }
    for bad in outcome.bad {
        let damage = findings.add(&path, Some(bad.range.start), bad.what);
        if bad.in_chunks {
            damaged.add(id, bad.range, damage);
        } else {
            findings.advise(damage, NOBODY_IS_HURT.to_owned());
        }
    }
}
