//! The one thread of a store that publishes commits and reclaims what they leave behind, first in, first out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use crate::checkpoint::View;
use crate::commit::{Published, Roots, publish, reclaim, tag_not_found};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Body, CommitRecord, Entry, ManifestRef, ShardRef, Summary, TagEntry};
use crate::id::{AttemptId, CommitId, ShardId};
use crate::io;
use crate::manifest::write_base;
use crate::shard::{ShardWriter, Stored, Written};
use crate::store::changes::{Changes, Difference, Upsert};
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

    /// Hands a job in; it runs on the publishing thread after those handed in before. This waits for nothing.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
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
        Ok(Pending(answered))
    }

    /// Runs `job` on the publishing thread and waits for its answer, which comes before anything is tidied up.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(job)?.wait()
    }
}

/// The answer of a job that was handed in.
#[must_use = "what came of the job is in it"]
pub(crate) struct Pending<T>(Receiver<Result<T>>);

impl<T> Pending<T> {
    pub(crate) fn wait(self) -> Result<T> {
        self.0.recv().map_err(|_| gone())?
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::StoreLatched, "the store's publishing thread has ended").advise("open the store again")
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

/// A state that is on the disk, all but the commit that names it.
struct Next {
    view: Arc<View>,
    /// From the base.
    difference: Difference,
    summary: Summary,
    /// Where what was written lies, by name.
    stored: HashMap<String, Arc<Stored>>,
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

    /// Forgets what earlier commits failed to publish: the state has been replaced.
    pub(crate) fn forget_unpublished(&mut self) {
        self.unpublished = Changes::default();
    }

    /// Makes changes durable as one unit.
    ///
    /// # Errors
    /// `tag_exists`; what reading and writing fails with, the state staying dirty; `outcome_unknown`, which latches.
    pub(crate) fn commit(&mut self, changes: Changes, plan: Plan) -> Result<Outcome> {
        // Changes of a state that was given up for another one while they waited are given up with it.
        if changes.resets == self.store.table().resets {
            self.unpublished.add(changes);
        }
        self.store.check_latch()?;
        self.check_tag(&plan)?;
        // Should this fail, what it has written is nobody's, and tidying removes it.
        let needed_tidying = std::mem::replace(&mut self.needs_tidying, true);
        let base = self.store.base();
        let id = CommitId::from_bytes(io::random_128()?);
        let next = self.prepare(&base, id)?;
        let head = self.head.as_ref().filter(|head| Some(head.id) == base.id());
        let (record, is_new) = match head {
            Some(head) if plan.tag.is_none() && next.difference == Difference::default() => (head.clone(), false),
            _ => (self.publish(self.record(&base, id, &next, plan)?)?, true),
        };
        self.needs_tidying = needed_tidying || is_new;
        // The commit is durable: nothing from here on can fail.
        let outcome = Outcome { number: record.number, id: record.id, summary: record.summary, is_new };
        let published = std::mem::take(&mut self.unpublished);
        for (name, upsert) in &published.upserts {
            if let Upsert::Single { single, state } = upsert {
                if let Some(stored) = next.stored.get(name) {
                    state.payload.mark_durable(Arc::clone(stored));
                }
                single.set_committed(record.id, &state.payload);
            }
        }
        self.head = Some(record.clone());
        let names = record.names;
        self.store.adopt(next.view.with_commit(record), &published.removed);
        if next.difference.names {
            self.store.catalog_apply(published.catalog(), names);
        }
        Ok(outcome)
    }

    fn check_tag(&self, plan: &Plan) -> Result<()> {
        let tags = self.head.as_ref().map_or(&[][..], |head| &head.tags);
        let taken = plan.tag.as_ref().and_then(|tag| tags.iter().find(|entry| entry.tag == *tag));
        let Some(taken) = taken.filter(|_| !plan.replace) else { return Ok(()) };
        let what = format!("there is a checkpoint tagged {:?} already, commit {}", taken.tag, taken.number);
        Err(Error::new(ErrorKind::TagExists, what)
            .in_file(self.store.history.folders.root.path())
            .advise("choose another tag, or replace that checkpoint with `.replace()`"))
    }

    /// Brings the next state to the disk, all but the commit that names it, and opens its files.
    fn prepare(&self, base: &Arc<View>, id: CommitId) -> Result<Next> {
        let StoreState { history, shards, .. } = &*self.store;
        let jobs = self.unpublished.jobs();
        let writer = ShardWriter { shards, hash_seed: history.store.hash_seed, threads: self.store.threads };
        let Written { stored, bytes_new } = writer.write(&jobs)?;
        let stored = jobs.into_iter().map(|job| job.name).zip(stored).collect();
        let entries = self.unpublished.entries(id, &stored)?;
        let difference = self.unpublished.difference(base, &entries)?;
        if let (Some(commit), true) = (base.commit(), difference == Difference::default()) {
            let summary = Summary { bytes_new, ..commit.summary };
            return Ok(Next { view: Arc::clone(base), difference, summary, stored });
        }
        let (manifest, summary) = self.write_manifest(base, entries, &stored)?;
        let view = View::of_manifests(history, shards, &[manifest], self.store.reading)?;
        Ok(Next { view: Arc::new(view), difference, summary: Summary { bytes_new, ..summary }, stored })
    }

    /// Writes the manifest of the next state and brings it to the disk.
    fn write_manifest(
        &self,
        base: &View,
        upserts: Vec<Entry>,
        stored: &HashMap<String, Arc<Stored>>,
    ) -> Result<(ManifestRef, Summary)> {
        let changes = &self.unpublished;
        let files: HashMap<ShardId, ShardRef> = changes
            .upserts
            .iter()
            .filter_map(|(name, upsert)| match upsert {
                Upsert::Single { state, .. } => stored.get(name).or(state.payload.durable()),
                Upsert::Whole(_) | Upsert::Alias(_) => None,
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
        Ok((reference, summary))
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
            names: if next.difference.names { id } else { base.names() },
            next_ordinal: self.unpublished.next_ordinal.max(known.unwrap_or_default()),
            summary: next.summary,
            metadata: plan.metadata,
        })
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
                    record.number = record.number.saturating_add(1);
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

    /// Deletes a checkpoint: a commit that no longer lists its tag, then, behind the answer, its files.
    pub(crate) fn delete_tag(&mut self, tag: &str) -> Result<()> {
        self.store.check_latch()?;
        let path = self.store.history.folders.root.path();
        let Some(head) = self.head.clone() else { return Err(tag_not_found(tag, std::iter::empty(), path)) };
        if !head.tags.iter().any(|entry| entry.tag == tag) {
            return Err(tag_not_found(tag, head.tags.iter().map(|entry| entry.tag.as_str()), path));
        }
        let base = self.store.base();
        let is_base = base.id() == Some(head.id);
        let record = CommitRecord {
            id: CommitId::from_bytes(io::random_128()?),
            number: self.next_number,
            parent: Some(head.id),
            attempt: AttemptId::from_bytes(io::random_128()?),
            unix_millis: io::unix_millis_now(),
            tag: None,
            tags: head.tags.iter().filter(|entry| entry.tag != tag).cloned().collect(),
            summary: Summary { bytes_new: 0, ..head.summary },
            ..head
        };
        self.needs_tidying = true;
        let record = self.publish(record)?;
        if is_base {
            self.store.adopt(base.with_commit(record.clone()), &HashMap::new());
        }
        self.head = Some(record);
        Ok(())
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
            let mode = self.store.reading.mode;
            reclaim(&self.store.history, &kept, &in_use, &self.store.shards, mode, &mut self.roots)
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
            summary.bytes_total = summary.bytes_total.saturating_add(record.content.len_bytes);
            summary.variables += u64::from(record.statics.slice.is_none());
        }
        Body::Whole(_) => summary.variables += 1,
        Body::Alias(_) | Body::Removed | Body::Patch(_) => {}
    }
}
