//! Making commits: the state and the steps of the publishing thread.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::View;
use crate::commit::{Ledger, Published, publish, stage_commit};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{CommitRecord, Content, Entry, ManifestKind, ShardRef, Summary, TagEntry};
use crate::id::{AttemptId, CommitId};
use crate::io::{self, Dir, NewFile, sync_all};
use crate::manifest::{ManifestFile, to_fold, write_manifest};
use crate::shard::{Placing, Progress, SliceJob, Stored, Written, write_slices};
use crate::store::changes::Changes;
use crate::store::checkpoint_facts::Facts;
use crate::store::comparison::Comparison;
use crate::store::merging::Merging;
use crate::store::moving::{self, Move, Moves};
use crate::store::remover::{Doomed, Remover};
use crate::store::state::StoreState;

/// About what a manifest takes beside its entries.
const MANIFEST_BYTES_MIN: u64 = 1 << 10;

/// What a commit is to be.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) tag: Option<String>,
    pub(crate) replace: bool,
    pub(crate) metadata: Vec<u8>,
    pub(crate) progress: Arc<Progress>,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) number: u64,
    pub(crate) id: CommitId,
    pub(crate) summary: Summary,
    /// Whether anything was written at all.
    pub(crate) is_new: bool,
}

/// Files that are written and not yet durable.
#[derive(Default)]
pub(super) struct Unsynced {
    files: Vec<NewFile>,
    /// Their folders.
    dirs: Vec<Dir>,
}

impl Unsynced {
    fn discard(self) {
        self.files.into_iter().for_each(NewFile::discard);
    }
}

/// What a commit made durable: the catalog hears of it behind the answer.
pub(super) struct Told {
    pub(super) changes: Changes,
    /// The commit that changed names; `None` if only values did.
    pub(super) names: Option<CommitId>,
}

/// A state that is written, all but the commit that names it.
struct Next {
    view: Arc<View>,
    names_changed: bool,
    summary: Summary,
    /// Where the captured values lie, in their order.
    stored: Vec<Arc<Stored>>,
    /// What lies elsewhere than before, and where.
    moved: Vec<(Move, Arc<Stored>)>,
}

/// The state of the publishing thread.
pub(crate) struct Publisher {
    pub(super) store: Arc<StoreState>,
    /// The newest commit, of which the next one carries the tags on.
    pub(super) head: Option<CommitRecord>,
    /// No commit file has this number or a higher one.
    pub(super) next_number: u64,
    /// Changes that an earlier commit did not get to write, and later ones count on.
    pub(super) unpublished: Changes,
    /// So many of the names removed so far the commits have told of.
    pub(super) removals_published: u64,
    /// What kept commits name; unknown after an opening or a failure, until it is looked for.
    pub(super) ledger: Option<Ledger>,
    /// Whether anything may be reclaimed.
    pub(super) reclaims: bool,
    pub(super) tidies_at_once: bool,
    pub(super) remover: Remover,
    /// What was published last and has still to be told to the catalog.
    pub(super) published: Option<Told>,
    pub(super) merging: Option<Merging>,
    /// What later saves are to take along.
    pub(super) moves: Option<Moves>,
    /// How much there was at the last survey.
    pub(super) surveyed: moving::Extent,
    pub(super) facts: Facts,
}

impl Publisher {
    /// With `tidies_at_once`, what is of no further use goes before the next commit: so that the order of operations does
    /// not depend on time.
    pub(crate) fn new(
        store: Arc<StoreState>,
        head: Option<CommitRecord>,
        next_number: u64,
        reclaims: bool,
        tidies_at_once: bool,
    ) -> Self {
        Self {
            store,
            head,
            next_number,
            unpublished: Changes::default(),
            removals_published: 0,
            ledger: None,
            reclaims,
            tidies_at_once,
            remover: Remover::default(),
            published: None,
            merging: None,
            moves: None,
            surveyed: moving::Extent::default(),
            facts: Facts::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.store.history.folders.root.path()
    }

    pub(crate) fn store(&self) -> &Arc<StoreState> {
        &self.store
    }

    pub(crate) fn latch(&self, error: &Error) {
        self.store.latch(error);
    }

    /// Replaces the state: what earlier commits failed to publish is forgotten.
    pub(crate) fn reset_to(&mut self, view: &Arc<View>) -> Result<()> {
        let replaced = self.store.reset_to(view)?;
        self.remover.remove(Doomed::State(replaced));
        self.unpublished = Changes::default();
        Ok(())
    }

    /// Makes changes durable as one unit.
    ///
    /// # Errors
    /// `tag_exists`; what reading and writing fails with, the state staying dirty; `outcome_unknown`, which latches;
    /// `earlier_save_failed`, if it counted on a save that failed after it had begun to write.
    pub(crate) fn commit(&mut self, changes: Changes, plan: Plan) -> Result<Outcome> {
        let taken_up = self.take_up(changes);
        let outcome = taken_up.and_then(|()| {
            self.store.check_latch()?;
            self.check_tag(&plan)?;
            self.write_and_publish(plan)
        });
        if outcome.is_err() {
            let mut table = self.store.table();
            // What has begun to write may have let go of values that were changed since. Unless others count on it, so
            // may what has not: it holds memory.
            if self.unpublished.is_begun() || table.saves_queued == 0 {
                table.failures += 1;
                std::mem::take(&mut self.unpublished).give_back(&mut table);
            }
        }
        outcome
    }

    fn take_up(&mut self, mut changes: Changes) -> Result<()> {
        let mut table = self.store.table();
        table.saves_queued -= 1;
        // Changes of a state that was given up for another one while they waited are given up with it.
        if changes.resets != table.resets {
            return Ok(());
        }
        if changes.failures != table.failures {
            changes.give_back(&mut table);
            return Err(Error::new(ErrorKind::EarlierSaveFailed, "a save that this one counted on has failed")
                .in_file(self.path())
                .advise("save again: nothing was lost, and the next save covers all of it"));
        }
        drop(table);
        // Of removals that are published already it must not tell again: the name may have come back since.
        changes.removed.retain(|_, when| *when > self.removals_published);
        self.unpublished.add(changes);
        Ok(())
    }

    fn write_and_publish(&mut self, plan: Plan) -> Result<Outcome> {
        self.take_up_merge();
        let base = self.store.base();
        let id = CommitId::from_bytes(io::random_128()?);
        // Should this fail, what it has written is nobody's.
        let ledger = self.ledger.take();
        let mut unsynced = Unsynced::default();
        let progress = Arc::clone(&plan.progress);
        let next = match self.prepare(&base, id, &progress, &mut unsynced) {
            Ok(next) => next,
            Err(error) => {
                unsynced.discard();
                return Err(error);
            }
        };
        let head = self.head.as_ref().filter(|head| Some(head.id) == base.id());
        let (record, is_new) = match head {
            Some(head) if plan.tag.is_none() && Arc::ptr_eq(&next.view, &base) => {
                unsynced.discard();
                (head.clone(), false)
            }
            _ => (self.publish(self.record(&base, id, &next, plan)?, unsynced, &progress)?, true),
        };
        self.ledger = ledger;
        // The commit is durable: nothing from here on can fail.
        let outcome = Outcome { number: record.number, id: record.id, summary: record.summary, is_new };
        let published = std::mem::take(&mut self.unpublished);
        published.committed(record.id, &next.stored, self.store.threads);
        self.rehome(&next.moved);
        let names = record.names;
        let view = next.view.with_commit(record.clone());
        self.head = Some(record);
        self.removals_published = self.removals_published.max(published.removals);
        drop(self.store.adopt(view, self.removals_published));
        self.published = Some(Told { changes: published, names: next.names_changed.then_some(names) });
        if is_new {
            self.account();
            self.merge_if_due();
        }
        Ok(outcome)
    }

    fn check_tag(&self, plan: &Plan) -> Result<()> {
        let tags = self.head.as_ref().map_or(&[][..], |head| &head.tags);
        let taken = plan.tag.as_ref().and_then(|tag| tags.iter().find(|entry| entry.tag == *tag));
        let Some(taken) = taken.filter(|_| !plan.replace) else { return Ok(()) };
        let what = format!("there is a checkpoint tagged {:?} already, commit {}", taken.tag, taken.number);
        Err(Error::new(ErrorKind::TagExists, what)
            .in_file(self.path())
            .advise("choose another tag, or replace that checkpoint with `.replace()`"))
    }

    /// Writes the next state, all but the commit that names it, and opens its files.
    fn prepare(
        &mut self,
        base: &Arc<View>,
        id: CommitId,
        progress: &Arc<Progress>,
        unsynced: &mut Unsynced,
    ) -> Result<Next> {
        let store = Arc::clone(&self.store);
        let StoreState { history, shards, buffers, threads, .. } = &*store;
        let captured = self.unpublished.captured();
        let mut jobs: Vec<SliceJob<'_>> = captured.iter().map(|captured| captured.job()).collect();
        let changed = jobs.len();
        let bytes = jobs.iter().map(|job| job.value.len_bytes()).sum();
        let is_changed = |name: &str| self.unpublished.mentions(name);
        let moves = self.moves.as_mut().map_or_else(Vec::new, |moves| moves.take(base, bytes, is_changed));
        jobs.extend(moves.iter().map(|moved| SliceJob {
            name: &moved.entry.name,
            value: &moved.payload,
            chunk_bytes: moved.stored.content().chunk_bytes,
            ordinal: 0,
            leave: self.moves.as_ref().map(Moves::leave),
        }));
        let placing = Placing { shards, buffers, hash_seed: history.store.hash_seed, progress: Arc::clone(progress) };
        let comparison = Comparison::with(base);
        // What is only moved is what it was.
        let compare = |job: usize, content: &Content| match captured.get(job) {
            Some(captured) => comparison.add(captured.name, captured.snapshot.body(content, id)),
            None => Ok(()),
        };
        let Written { mut stored, files, bytes_new } = write_slices(&placing, *threads, &jobs, &compare)?;
        if !files.is_empty() {
            unsynced.files = files;
            unsynced.dirs.push(history.folders.shards.clone());
        }
        let moved_to = stored.split_off(changed);
        let bytes_new = bytes_new[..changed].iter().sum();
        self.unpublished.compare(&comparison, id)?;
        let mut difference = comparison.finish();
        let summary = Summary { bytes_new, ..difference.summary };
        // Values that only lie elsewhere are no reason for a commit, but they come with one.
        let is_same = difference.entries.is_empty() && base.commit().is_some();
        let view = if is_same {
            Arc::clone(base)
        } else {
            difference.add_moved(moves.iter().zip(&moved_to));
            let new_shards = stored.iter().chain(&moved_to).flat_map(|stored| stored.shards());
            let new_shards = new_shards.map(|(_, shard)| shard).chain(self.unpublished.durable_shards());
            Arc::new(self.write_manifest(base, difference.entries, new_shards, unsynced)?)
        };
        let moved = if is_same { Vec::new() } else { moves.into_iter().zip(moved_to).collect() };
        Ok(Next { view, names_changed: difference.names, summary, stored, moved })
    }

    /// Writes the manifest of what differs from the base, and with it what the newest manifests of the base say, as far
    /// as that is worth while.
    fn write_manifest(
        &self,
        base: &View,
        entries: Vec<Entry>,
        shards: impl Iterator<Item = ShardRef>,
        unsynced: &mut Unsynced,
    ) -> Result<View> {
        let StoreState { history, shards: open, reading, .. } = &*self.store;
        let stack = base.stack();
        let sizes = stack.sizes();
        // What is being merged stays as it is.
        let free = self.merging.as_ref().and_then(|merging| {
            let first = merging.from.first()?.id();
            stack.files().iter().position(|file| file.id() == first)
        });
        let size = MANIFEST_BYTES_MIN + entries.iter().map(Entry::size_hint).sum::<u64>();
        let folded = to_fold(size, &sizes, free.unwrap_or(sizes.len()));
        let kind = if folded == sizes.len() { ManifestKind::Base } else { ManifestKind::Delta };
        let entries = stack.merged_under(entries, folded);
        let dir = &history.folders.manifests;
        let (file, reference) = write_manifest(dir, history.store.id, kind, base.shards().chain(shards), entries)?;
        unsynced.files.push(file);
        unsynced.dirs.push(dir.clone());
        let file = ManifestFile::open(dir, history.store.id, &reference, reading.mode)?;
        base.with_stack(stack.with_newest(Arc::new(file), folded)?, open)
    }

    fn record(&self, base: &View, id: CommitId, next: &Next, plan: Plan) -> Result<CommitRecord> {
        let number = self.next_number;
        let mut tags = self.head.as_ref().map(|head| head.tags.clone()).unwrap_or_default();
        if let Some(tag) = &plan.tag {
            tags.retain(|entry| entry.tag != *tag);
            tags.push(TagEntry { tag: tag.clone(), commit: id, number });
        }
        let known = [base.commit(), self.head.as_ref()].into_iter().flatten().map(|commit| commit.next_ordinal).max();
        Ok(CommitRecord {
            id,
            number,
            parent: base.id(),
            attempt: AttemptId::from_bytes(io::random_128()?),
            unix_millis: io::unix_millis_now(),
            tag: plan.tag,
            manifests: next.view.stack().references(),
            tags,
            retention: self.head.as_ref().map(|head| head.retention.clone()).unwrap_or_default(),
            names: if next.names_changed { id } else { base.names() },
            next_ordinal: self.unpublished.next_ordinal.max(known.unwrap_or_default()),
            summary: next.summary,
            metadata: plan.metadata,
        })
    }

    /// Makes durable what was written, and then the commit that names it.
    pub(super) fn publish(
        &mut self,
        mut record: CommitRecord,
        unsynced: Unsynced,
        progress: &Progress,
    ) -> Result<CommitRecord> {
        self.apply_retention(&mut record);
        let store = Arc::clone(&self.store);
        let (folders, id) = (&store.history.folders, store.history.store.id);
        let mut files = unsynced.files;
        let mut dirs: Vec<&Dir> = unsynced.dirs.iter().collect();
        loop {
            let staged = stage_commit(folders, id, &record).and_then(|staged| {
                files.push(staged);
                progress.check()?;
                sync_all(&files.iter().collect::<Vec<_>>(), &dirs)
            });
            if let Err(error) = staged {
                files.into_iter().for_each(NewFile::discard);
                return Err(error);
            }
            let staged = files.pop().expect("the staged commit came last");
            match publish(folders, staged, &record) {
                Ok(Published::Yes) => {
                    self.next_number = record.number + 1;
                    return Ok(record);
                }
                Ok(Published::NumberTaken) => {
                    // Nobody else can publish while we hold the lock, but a file that we could not read may stand there.
                    record.number = record.number.saturating_add(1);
                    for entry in record.tags.iter_mut().filter(|entry| entry.commit == record.id) {
                        entry.number = record.number;
                    }
                    // All the rest is durable by now.
                    files.clear();
                    dirs.clear();
                }
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                    self.store.latch(&error);
                    return Err(error);
                }
                Err(error) => {
                    files.into_iter().for_each(NewFile::discard);
                    return Err(error);
                }
            }
        }
    }
}
