//! Making commits: the state and the steps of the publishing thread.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::View;
use crate::commit::{Candidate, Ledger, Published, dropped, publish, stage_commit, tag_not_found};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{CommitRecord, Entry, ManifestKind, Retention, ShardRef, Summary, TagEntry};
use crate::id::{AttemptId, CommitId};
use crate::io::{self, Dir, NewFile, sync_all};
use crate::manifest::{ManifestFile, overlay, to_fold, to_merge, write_manifest};
use crate::shard::{Placing, Progress, SliceJob, Stored, Written, write_slices};
use crate::store::changes::{Changes, Held, Upsert};
use crate::store::checkpoint_facts::Facts;
use crate::store::merging::{Merged, Merging};
use crate::store::moving::{self, Move, Moves, Survey};
use crate::store::remover::{Doomed, Remover};
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot};
use crate::variable::Object;

/// So many files of no further use wait for a moment without commits; more do not.
const BACKLOG_MAX: usize = 256;

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
struct Unsynced {
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
struct Told {
    changes: Changes,
    /// The commit that changed names; `None` if only values did.
    names: Option<CommitId>,
}

/// A state that is written, all but the commit that names it.
struct Next {
    view: Arc<View>,
    names_changed: bool,
    summary: Summary,
    /// What lies elsewhere than before, and where.
    moved: Vec<(Move, Arc<Stored>)>,
}

/// The state of the publishing thread.
pub(crate) struct Publisher {
    store: Arc<StoreState>,
    /// The newest commit, of which the next one carries the tags on.
    head: Option<CommitRecord>,
    /// No commit file has this number or a higher one.
    next_number: u64,
    /// Changes that an earlier commit did not get to write, and later ones count on.
    unpublished: Changes,
    /// What kept commits name; unknown after an opening or a failure, until it is looked for.
    ledger: Option<Ledger>,
    /// Whether anything may be reclaimed.
    reclaims: bool,
    tidies_at_once: bool,
    remover: Remover,
    /// What was published last and has still to be told to the catalog.
    published: Option<Told>,
    merging: Option<Merging>,
    /// What later saves are to take along.
    moves: Option<Moves>,
    /// How much there was at the last survey.
    surveyed: moving::Extent,
    facts: Facts,
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
        self.remover.remove(Doomed::Values(replaced));
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

    fn take_up(&mut self, changes: Changes) -> Result<()> {
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
        let next = self.prepare(&base, id, &progress, &mut unsynced);
        let (next, stored) = match next {
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
        for (name, upsert) in &published.upserts {
            let Upsert::Single(snapshot) = upsert else { continue };
            match &snapshot.value {
                Held::Captured(capture) => {
                    if let Some(stored) = stored.get(name) {
                        capture.committed(record.id, stored);
                    }
                }
                Held::Durable(stored) => snapshot.single.state_mut().set_committed(record.id, stored),
            }
        }
        self.rehome(&next.moved);
        let names = record.names;
        let view = next.view.with_commit(record.clone());
        self.head = Some(record);
        self.store.adopt(view, &published.removed);
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

    /// Writes the next state, all but the commit that names it, and opens its files. Where what was written lies comes
    /// with it, by name.
    fn prepare(
        &mut self,
        base: &Arc<View>,
        id: CommitId,
        progress: &Arc<Progress>,
        unsynced: &mut Unsynced,
    ) -> Result<(Next, HashMap<String, Arc<Stored>>)> {
        let store = Arc::clone(&self.store);
        let StoreState { history, shards, buffers, threads, .. } = &*store;
        let mut jobs = self.unpublished.jobs();
        let changed = jobs.len();
        let bytes = jobs.iter().map(|job| job.value.len_bytes()).sum();
        let is_changed = |name: &str| self.unpublished.mentions(name);
        let moves = self.moves.as_mut().map_or_else(Vec::new, |moves| moves.take(base, bytes, is_changed));
        jobs.extend(moves.iter().map(|moved| SliceJob {
            name: &moved.entry.name,
            value: &moved.payload,
            base: Some(Arc::clone(&moved.stored)),
            chunk_bytes: moved.stored.content().chunk_bytes,
            ordinal: 0,
            leave: self.moves.as_ref().map(Moves::leave),
        }));
        let placing = Placing { shards, buffers, hash_seed: history.store.hash_seed, progress: Arc::clone(progress) };
        let Written { mut stored, files, bytes_new } = write_slices(&placing, *threads, &jobs)?;
        if !files.is_empty() {
            unsynced.files = files;
            unsynced.dirs.push(history.folders.shards.clone());
        }
        let moved_to = stored.split_off(changed);
        let bytes_new = bytes_new[..changed].iter().sum();
        let stored: HashMap<&str, Arc<Stored>> = jobs.iter().map(|job| job.name).zip(stored).collect();
        let mut difference = self.unpublished.difference(base, id, &stored, *threads)?;
        let summary = Summary { bytes_new, ..difference.summary };
        // Values that only lie elsewhere are no reason for a commit, but they come with one.
        let is_same = difference.entries.is_empty() && base.commit().is_some();
        let view = if is_same {
            Arc::clone(base)
        } else {
            difference.add_moved(moves.iter().zip(&moved_to));
            let new_shards = stored.values().chain(&moved_to).flat_map(|stored| stored.shards());
            let new_shards = new_shards.map(|(_, shard)| shard).chain(self.unpublished.durable_shards());
            Arc::new(self.write_manifest(base, difference.entries, new_shards, unsynced)?)
        };
        let stored = stored.into_iter().map(|(name, stored)| (name.to_owned(), stored)).collect();
        let moved = if is_same { Vec::new() } else { moves.into_iter().zip(moved_to).collect() };
        Ok((Next { view, names_changed: difference.names, summary, moved }, stored))
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
        let entries = laid_over(entries, stack.merged(folded));
        let entries = entries.filter(|entry| {
            // What is not there need not be removed from what is all there is.
            kind == ManifestKind::Delta || !matches!(entry, Ok(Entry { body: crate::format::Body::Removed, .. }))
        });
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
    fn publish(&mut self, mut record: CommitRecord, unsynced: Unsynced, progress: &Progress) -> Result<CommitRecord> {
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

    /// Publishes a commit of the state of the head that differs in its tags or its policy.
    fn publish_again(&mut self, head: CommitRecord, tags: Vec<TagEntry>, retention: Retention) -> Result<()> {
        let base = self.store.base();
        let is_base = base.id() == Some(head.id);
        let record = CommitRecord {
            id: CommitId::from_bytes(io::random_128()?),
            number: self.next_number,
            parent: Some(head.id),
            attempt: AttemptId::from_bytes(io::random_128()?),
            unix_millis: io::unix_millis_now(),
            tag: None,
            tags,
            retention,
            summary: Summary { bytes_new: 0, ..head.summary },
            ..head
        };
        let ledger = self.ledger.take();
        let record = self.publish(record, Unsynced::default(), &Progress::default())?;
        self.ledger = ledger;
        if is_base {
            self.store.adopt(base.with_commit(record.clone()), &HashMap::new());
        }
        self.head = Some(record);
        self.account();
        Ok(())
    }

    /// Deletes a checkpoint: a commit that no longer lists its tag, then, behind the answer, its files.
    pub(crate) fn delete_tag(&mut self, tag: &str) -> Result<()> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else { return Err(tag_not_found(tag, std::iter::empty(), self.path())) };
        if !head.tags.iter().any(|entry| entry.tag == tag) {
            return Err(tag_not_found(tag, head.tags.iter().map(|entry| entry.tag.as_str()), self.path()));
        }
        let tags = head.tags.iter().filter(|entry| entry.tag != tag).cloned().collect();
        let retention = head.retention.clone();
        self.publish_again(head, tags, retention)
    }

    /// The policy that each save applies.
    pub(crate) fn retention(&self) -> Retention {
        self.head.as_ref().map(|head| head.retention.clone()).unwrap_or_default()
    }

    /// Makes this the policy that each save applies, this commit first.
    ///
    /// # Errors
    /// `restore_no_checkpoint`, if there is no commit yet that could hold it; those of publishing.
    pub(crate) fn set_retention(&mut self, retention: Retention) -> Result<()> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else {
            return Err(Error::new(
                ErrorKind::RestoreNoCheckpoint,
                "the store has no commit yet that could hold a policy",
            )
            .in_file(self.path())
            .advise("commit or save first"));
        };
        let tags = head.tags.clone();
        self.publish_again(head, tags, retention)
    }

    /// Deletes the checkpoints that a policy does not keep, unless this is a dry run. Gives their tags, and those of the
    /// others, oldest first.
    pub(crate) fn prune(&mut self, policy: &Retention, dry_run: bool) -> Result<(Vec<String>, Vec<String>)> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else { return Ok((Vec::new(), Vec::new())) };
        let mut gone = dropped(policy, &self.candidates(&head.tags, policy, None), io::unix_millis_now());
        gone.reverse();
        let mut kept: Vec<TagEntry> = head.tags.iter().filter(|entry| !gone.contains(&entry.tag)).cloned().collect();
        kept.sort_by_key(|entry| entry.number);
        let tags = kept.iter().map(|entry| entry.tag.clone()).collect();
        if !dry_run && !gone.is_empty() {
            let retention = head.retention.clone();
            self.publish_again(head, kept, retention)?;
        }
        Ok((gone, tags))
    }

    /// Takes the tags out of a commit about to be published that its policy does not keep.
    fn apply_retention(&mut self, record: &mut CommitRecord) {
        if record.retention == Retention::default() {
            return;
        }
        let policy = record.retention.clone();
        let candidates = self.candidates(&record.tags, &policy, Some(record));
        let gone = dropped(&policy, &candidates, record.unix_millis);
        record.tags.retain(|entry| !gone.contains(&entry.tag));
    }

    fn candidates(&mut self, tags: &[TagEntry], policy: &Retention, newest: Option<&CommitRecord>) -> Vec<Candidate> {
        let metric = policy.keep_best.as_ref().map(|best| best.metric.as_str());
        self.facts.candidates(&self.store.history, tags, metric, newest)
    }

    /// Counts the head in, and the commits out that it no longer keeps.
    fn account(&mut self) {
        let (Some(head), Some(ledger)) = (&self.head, &mut self.ledger) else { return };
        let base = self.store.base();
        let files = if base.id() == Some(head.id) { base.stack().files() } else { &[] };
        ledger.keep(head, files);
        let kept: HashSet<u64> = head.tags.iter().map(|entry| entry.number).chain([head.number]).collect();
        if ledger.unlink_commits(&self.store.history, &kept).is_err() {
            // What is left over is found when it is looked for.
            self.ledger = None;
        }
    }

    /// Tells the variables whose values have moved where they lie now.
    fn rehome(&mut self, moved: &[(Move, Arc<Stored>)]) {
        if self.moves.as_ref().is_some_and(Moves::is_empty) {
            self.moves = None;
        }
        let table = self.store.table();
        for (Move { entry, .. }, stored) in moved {
            if let Some(Slot::Live(Named::Object(Object::Single(single)))) = table.slots.get(&entry.name) {
                single.rehome(stored, self.store.reading.mode, self.store.reading.verification);
            }
        }
    }

    /// Begins a merge of manifests, or a survey of what to move, if one is due.
    fn merge_if_due(&mut self) {
        if self.merging.is_some() {
            return;
        }
        let base = self.store.base();
        let sizes = base.stack().sizes();
        let extent = moving::Extent::of(&base);
        let needed = base.commit().map_or(0, |commit| commit.summary.bytes_total);
        let survey = if self.moves.is_none() { extent.due(needed, self.surveyed) } else { None };
        if survey.is_some() {
            self.surveyed = extent;
        }
        let count = if survey == Some(Survey::All) { sizes.len() } else { to_merge(&sizes) };
        if count > 0 || survey.is_some() {
            self.merging = Merging::start(&self.store, &base, count, survey);
        }
    }

    /// Puts a merged manifest in the place of those it was made from, if the merge is over.
    fn take_up_merge(&mut self) {
        let Some(merging) = self.merging.take_if(|merging| merging.is_finished()) else { return };
        let from = merging.from.clone();
        // A merge that failed costs nothing: the manifests are still there, and one is due again.
        let Ok(Merged { file, moves }) = merging.finish() else { return };
        self.moves = moves.filter(|moves| !moves.is_empty()).or(self.moves.take());
        let Some(merged) = file else { return };
        let base = self.store.base();
        let view = base.stack().with_merged(&merged, &from);
        if let Some(view) = view.and_then(|stack| base.with_merged(stack, &self.store.shards).ok()) {
            self.store.adopt(view, &HashMap::new());
        } else {
            // The state was replaced by another one meanwhile.
            self.ledger = None;
        }
    }

    /// Whether there is something to tidy up.
    pub(crate) fn has_backlog(&self) -> bool {
        self.reclaims
            && self.store.check_latch().is_ok()
            && self.ledger.as_ref().is_none_or(|ledger| ledger.backlog() > 0)
    }

    /// Tidies up behind a commit only if there is much to tidy: the next commit may be waiting.
    pub(crate) fn tidy_behind_commit(&mut self) {
        if let Some(Told { changes, names: Some(names) }) = self.published.take() {
            self.store.catalog_apply(changes.catalog(), names);
        }
        if self.tidies_at_once && self.has_backlog() {
            self.tidy();
        }
        if self.ledger.as_ref().is_some_and(|ledger| ledger.backlog() > BACKLOG_MAX) {
            self.tidy();
        }
    }

    /// Reclaims what nothing needs any more. A failure costs space, never a commit: the next time tries again.
    pub(crate) fn tidy(&mut self) {
        self.take_up_merge();
        if !self.reclaims || self.store.check_latch().is_err() || self.try_tidy().is_err() {
            self.ledger = None;
        }
    }

    fn try_tidy(&mut self) -> Result<()> {
        let StoreState { history, shards, reading, .. } = &*self.store;
        let base = self.store.base();
        let mut in_use: HashSet<_> = base.stack().files().iter().map(|file| file.id()).collect();
        let mut ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            // What a merge is writing would look like an orphan.
            None if self.merging.is_some() => return Ok(()),
            None => {
                let mut ledger = Ledger::read(history, &history.kept()?, reading.mode)?;
                ledger.find_orphans(history)?;
                ledger
            }
        };
        in_use.extend(self.merging.iter().flat_map(|merging| &merging.from).map(|file| file.id()));
        let doomed = ledger.take_unnamed(history, &in_use, shards)?;
        if self.tidies_at_once {
            for (dir, name) in doomed {
                dir.unlink(&name)?;
            }
        } else {
            self.remover.remove(Doomed::Files(doomed));
        }
        self.ledger = Some(ledger);
        Ok(())
    }

    /// Tidies up for the last time.
    pub(crate) fn close(mut self) {
        if let Some(merging) = self.merging.take() {
            merging.cancel();
            self.ledger = None;
        }
        if self.has_backlog() {
            self.tidy();
        }
    }
}

/// Newer entries laid over older ones, in the order of names.
fn laid_over(newer: Vec<Entry>, older: impl Iterator<Item = Result<Entry>>) -> impl Iterator<Item = Result<Entry>> {
    let mut older = older.peekable();
    let mut newer = newer.into_iter().peekable();
    std::iter::from_fn(move || match (older.peek(), newer.peek()) {
        (Some(Ok(old)), Some(new)) if new.name < old.name => newer.next().map(Ok),
        (Some(Ok(old)), Some(new)) if new.name == old.name => {
            let (new, old) = (newer.next()?, older.next()?);
            Some(old.and_then(|old| overlay(new, old)))
        }
        (Some(_), _) => older.next(),
        (None, _) => newer.next().map(Ok),
    })
}
