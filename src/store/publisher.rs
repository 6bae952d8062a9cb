//! The one thread of a store that publishes commits and reclaims what they leave behind, first in, first out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use crate::checkpoint::View;
use crate::commit::{Published, Roots, publish, reclaim, tag_not_found};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Body, CommitRecord, Entry, ManifestRef, ShardRef, Summary, TagEntry};
use crate::id::{AttemptId, CommitId, ShardId};
use crate::io;
use crate::manifest::write_base;
use crate::shard::{ShardWriter, Stored, Written};
use crate::store::changes::{Changes, Upsert};
use crate::store::state::StoreState;

type Job = Box<dyn FnOnce(&mut Publisher) + Send>;

/// The handle of the publishing thread.
#[derive(Debug)]
pub(crate) struct PublisherThread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl PublisherThread {
    pub(crate) fn start(mut publisher: Publisher) -> Result<Self> {
        let path = publisher.store.history.folders.root.path().to_owned();
        let (jobs, inbox) = mpsc::channel::<Job>();
        let work = move || {
            publisher.tidy();
            for job in inbox {
                job(&mut publisher);
                publisher.tidy();
            }
        };
        let thread = std::thread::Builder::new()
            .name("varkeep-publisher".to_owned())
            .spawn(work)
            .map_err(|error| Error::io("start the publishing thread of the store", &path, error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `job` on the publishing thread and waits for its answer, which comes before anything is tidied up.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || {
            Error::new(ErrorKind::StoreLatched, "the store's publishing thread has ended")
                .advise("open the store again")
        };
        let (answer, answered) = mpsc::channel();
        let job: Job = Box::new(move |publisher| {
            let result = catch_unwind(AssertUnwindSafe(|| job(publisher))).unwrap_or_else(|_| {
                let error =
                    Error::new(ErrorKind::StoreLatched, "publishing a commit failed by a fault of varkeep's own");
                publisher.store.latch(&error);
                Err(error.advise("open the store again, and please report this"))
            });
            // A caller that is gone needs no answer.
            let _gone = answer.send(result);
        });
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

impl Drop for PublisherThread {
    /// Waits for all that was handed in.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// What a commit is to be.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) tag: Option<String>,
    pub(crate) replace: bool,
    pub(crate) metadata: Vec<u8>,
}

/// What came of a commit.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) number: u64,
    pub(crate) id: CommitId,
    pub(crate) summary: Summary,
    /// Whether anything was written at all.
    pub(crate) is_new: bool,
}

/// The state of the publishing thread.
pub(crate) struct Publisher {
    pub(crate) store: Arc<StoreState>,
    /// The newest commit, of which the next one carries the tags on.
    head: Option<CommitRecord>,
    /// No commit file has this number or a higher one.
    next_number: u64,
    /// Changes that an earlier commit failed to publish.
    unpublished: Changes,
    /// Shards named by manifests that were looked at before.
    roots: Roots,
    needs_tidying: bool,
}

impl Publisher {
    pub(crate) fn new(store: Arc<StoreState>, head: Option<CommitRecord>, next_number: u64, tidy: bool) -> Self {
        Self { store, head, next_number, unpublished: Changes::default(), roots: Roots::default(), needs_tidying: tidy }
    }

    pub(crate) fn head(&self) -> Option<&CommitRecord> {
        self.head.as_ref()
    }

    /// Forgets what earlier commits failed to publish: the state has been replaced.
    pub(crate) fn forget_unpublished(&mut self) {
        self.unpublished = Changes::default();
    }

    /// Makes changes durable as one unit.
    ///
    /// # Errors
    /// `tag_exists`; what reading and writing fails with, the state staying dirty; `outcome_unknown`, which latches.
    pub(crate) fn commit(&mut self, changes: Changes, plan: Plan) -> Result<Outcome> {
        self.unpublished.add(changes);
        self.store.check_latch()?;
        let tags = self.head.as_ref().map_or(&[][..], |head| &head.tags);
        if let Some(tag) = plan.tag.as_ref().filter(|_| !plan.replace) {
            if let Some(taken) = tags.iter().find(|entry| entry.tag == *tag) {
                let what = format!("there is a checkpoint tagged {tag:?} already, commit {}", taken.number);
                return Err(Error::new(ErrorKind::TagExists, what)
                    .in_file(self.store.history.folders.root.path())
                    .advise("choose another tag, or replace that checkpoint with `.replace()`"));
            }
        }
        let base = self.store.base();
        let at_head = base.id() == self.head.as_ref().map(|head| head.id);
        if let (None, true, true, Some(head)) = (&plan.tag, at_head, self.unpublished.is_empty(), &self.head) {
            let outcome = Outcome { number: head.number, id: head.id, summary: head.summary, is_new: false };
            return Ok(outcome);
        }
        let id = CommitId::from_bytes(io::random_128()?);
        let attempt = AttemptId::from_bytes(io::random_128()?);
        let (written, stored) = self.write_slices()?;
        let record = self
            .write_manifests(&base, id, &stored)
            .map(|(manifests, mut summary)| {
                summary.bytes_new = written.bytes_new;
                self.record(&base, (id, attempt), manifests, summary, plan)
            })
            .and_then(|record| self.publish(record));
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                if error.kind() != ErrorKind::OutcomeUnknown {
                    let shards = written.shards;
                    drop((written.stored, stored));
                    self.abandon_shards(&shards);
                    self.needs_tidying = true;
                }
                return Err(error);
            }
        };
        // The commit is durable: whatever fails from here on does not turn that into an error.
        let outcome = Outcome { number: record.number, id, summary: record.summary, is_new: true };
        for (name, upsert) in &self.unpublished.upserts {
            if let Upsert::Single { single, state } = upsert {
                if let Some(stored) = stored.get(name) {
                    state.payload.mark_durable(Arc::clone(stored));
                }
                single.state_mut().base = state.payload.durable().cloned();
                single.set_first_commit(id);
            }
        }
        self.head = Some(record.clone());
        self.needs_tidying = true;
        let names = record.names;
        if let Ok(view) = View::of(&self.store.history, &self.store.shards, record, self.store.reading) {
            let published = std::mem::take(&mut self.unpublished);
            self.store.adopt(view, &published.removed);
            if published.names {
                self.store.catalog_apply(published.catalog(), names);
            }
        }
        // Where its files could not be opened again, the state stays relative to the commit before, and the next commit
        // holds the same changes once more.
        Ok(outcome)
    }

    fn write_slices(&self) -> Result<(Written, HashMap<String, Arc<Stored>>)> {
        let jobs = self.unpublished.jobs();
        let writer = ShardWriter {
            shards: &self.store.shards,
            hash_seed: self.store.history.store.hash_seed,
            threads: self.store.threads,
        };
        let written = writer.write(&jobs)?;
        let stored = jobs.into_iter().map(|job| job.name).zip(written.stored.iter().cloned()).collect();
        Ok((written, stored))
    }

    /// Writes the manifests of the next commit and brings them to the disk.
    fn write_manifests(
        &self,
        base: &View,
        id: CommitId,
        stored: &HashMap<String, Arc<Stored>>,
    ) -> Result<(Vec<ManifestRef>, Summary)> {
        let changes = &self.unpublished;
        if changes.is_empty() {
            let summary = base.commit().map(|commit| commit.summary).unwrap_or_default();
            return Ok((base.stack().references(), summary));
        }
        let upserts = changes.entries(id, stored)?;
        let files: HashMap<ShardId, ShardRef> = changes
            .upserts
            .iter()
            .filter_map(|(name, upsert)| match upsert {
                Upsert::Single { state, .. } => stored.get(name).or(state.payload.durable()),
                _ => None,
            })
            .flat_map(|stored| stored.shards())
            .collect();
        let kept = base.stack().entries("").filter(|entry| match entry {
            Ok(entry) => !changes.removed.contains_key(&entry.name) && !changes.upserts.contains_key(&entry.name),
            Err(_) => true,
        });
        let mut summary = Summary::default();
        let entries = merge(kept, upserts).inspect(|entry| {
            if let Ok(entry) = entry {
                count(entry, &mut summary);
            }
        });
        let dir = &self.store.history.folders.manifests;
        let shards = base.shards().chain(files.into_values());
        let reference = write_base(dir, self.store.history.store.id, shards, entries)?;
        dir.sync()?;
        Ok((vec![reference], summary))
    }

    fn record(
        &self,
        base: &View,
        (id, attempt): (CommitId, AttemptId),
        manifests: Vec<ManifestRef>,
        summary: Summary,
        plan: Plan,
    ) -> CommitRecord {
        let mut tags = self.head.as_ref().map(|head| head.tags.clone()).unwrap_or_default();
        if let Some(tag) = &plan.tag {
            tags.retain(|entry| entry.tag != *tag);
            tags.push(TagEntry { tag: tag.clone(), commit: id, number: self.next_number });
        }
        let known = base.commit().map_or(0, |commit| commit.next_ordinal);
        CommitRecord {
            id,
            number: self.next_number,
            parent: base.id(),
            attempt,
            unix_millis: io::unix_millis_now(),
            tag: plan.tag,
            manifests,
            tags,
            retention: self.head.as_ref().map(|head| head.retention.clone()).unwrap_or_default(),
            names: if self.unpublished.names { id } else { base.names() },
            next_ordinal: known.max(self.unpublished.next_ordinal),
            summary,
            metadata: plan.metadata,
        }
    }

    /// The commit point.
    fn publish(&mut self, mut record: CommitRecord) -> Result<CommitRecord> {
        loop {
            match publish(&self.store.history.folders, self.store.history.store.id, &record) {
                Ok(Published::Yes) => {
                    self.next_number = record.number + 1;
                    return Ok(record);
                }
                Ok(Published::NumberTaken) => {
                    // Nobody else can publish while we hold the lock, but a file that we could not read may stand there.
                    record.number += 1;
                    for entry in record.tags.iter_mut().filter(|entry| entry.commit == record.id) {
                        entry.number = record.number;
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::OutcomeUnknown {
                        self.store.latch(&error);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Deletes checkpoints: a commit that no longer lists their tags, then, behind the answer, their files.
    pub(crate) fn delete_tag(&mut self, tag: &str) -> Result<()> {
        self.store.check_latch()?;
        let path = self.store.history.folders.root.path();
        let Some(head) = self.head.clone() else { return Err(tag_not_found(tag, std::iter::empty(), path)) };
        if !head.tags.iter().any(|entry| entry.tag == tag) {
            return Err(tag_not_found(tag, head.tags.iter().map(|entry| entry.tag.as_str()), path));
        }
        let id = CommitId::from_bytes(io::random_128()?);
        let was_base = self.store.base().id() == Some(head.id);
        let record = CommitRecord {
            id,
            number: self.next_number,
            parent: Some(head.id),
            attempt: AttemptId::from_bytes(io::random_128()?),
            unix_millis: io::unix_millis_now(),
            tag: None,
            tags: head.tags.iter().filter(|entry| entry.tag != tag).cloned().collect(),
            summary: Summary { bytes_new: 0, ..head.summary },
            ..head
        };
        let record = self.publish(record)?;
        if was_base {
            let view = View::of(&self.store.history, &self.store.shards, record.clone(), self.store.reading)?;
            self.store.adopt(view, &HashMap::new());
        }
        self.head = Some(record);
        self.needs_tidying = true;
        Ok(())
    }

    /// Removes shards of a commit that came to nothing. What cannot be removed is an orphan of the next tidying.
    fn abandon_shards(&self, ids: &[ShardId]) {
        for id in ids {
            let _orphan_at_worst = self.store.shards.unlink_unless_open(*id);
        }
    }

    /// Reclaims what nothing needs any more. A failure costs space, never a commit: the next tidying tries again.
    fn tidy(&mut self) {
        if !self.needs_tidying || self.store.check_latch().is_err() {
            return;
        }
        let kept = self.store.history.kept();
        let tidied = kept.and_then(|kept| {
            let base = self.store.base();
            let in_use = base.stack().files().iter().map(|file| file.id()).collect();
            reclaim(&self.store.history, &kept, &in_use, &self.store.shards, &mut self.roots)
        });
        self.needs_tidying = tidied.is_err();
    }
}

/// Entries of the base that stay, and those that change, together in the order of names.
fn merge(kept: impl Iterator<Item = Result<Entry>>, upserts: Vec<Entry>) -> impl Iterator<Item = Result<Entry>> {
    let mut kept = kept.peekable();
    let mut upserts = upserts.into_iter().peekable();
    std::iter::from_fn(move || match (kept.peek(), upserts.peek()) {
        (Some(Ok(old)), Some(new)) if new.name < old.name => upserts.next().map(Ok),
        (Some(_), _) => kept.next(),
        (None, _) => upserts.next().map(Ok),
    })
}

fn count(entry: &Entry, summary: &mut Summary) {
    match &entry.body {
        Body::Variable(record) => {
            summary.bytes_total += record.content.len_bytes;
            summary.variables += u64::from(record.statics.slice.is_none());
        }
        Body::Whole(_) => summary.variables += 1,
        Body::Alias(_) | Body::Removed | Body::Patch(_) => {}
    }
}
