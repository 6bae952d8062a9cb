//! The catalog: an index of scoped names and collections in sled, made from manifests and never trusted alone.
//!
//! sled is kept at arm's length. It runs on a thread of its own that nothing waits for; only a folder that is byte for
//! byte what a clean close left ([`seal`]) is ever given to it, everything else is rebuilt from the manifests into a
//! fresh folder; and whoever asks while it is not up to date reads the manifests instead. So whatever becomes of its
//! files, no variable is lost or changed, and opening a store takes no longer.

mod seal;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::format::{Body, Entry};
use crate::id::CommitId;
use crate::io::{self, Dir};
use crate::manifest::Stack;

pub(crate) use seal::PREFIX as NAME_PREFIX;
pub(crate) use tree::{Change, Record};
use tree::{FILE_LOCKED, Trees};

/// How long closing a store waits for its catalog. One that is not done is rebuilt by the next open.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// How often it is asked whether something has ended that tells nobody when it does.
const POLL: Duration = Duration::from_micros(200);

/// Changes are handed to sled in batches of this many names.
const BATCH_NAMES: usize = 1000;

/// The handle of the catalog thread.
pub(crate) struct Catalog {
    jobs: Sender<Job>,
    current: Arc<Mutex<Option<Current>>>,
    given_up: Arc<AtomicBool>,
    worker: Option<JoinHandle<()>>,
}

/// A catalog that is up to date with some commit.
#[derive(Clone)]
struct Current {
    trees: Trees,
    names: CommitId,
}

enum Job {
    Apply { changes: Vec<Change>, names: CommitId },
    Rebuild { stack: Stack, names: CommitId },
    Close,
}

impl Catalog {
    /// Starts the thread, which opens or rebuilds the catalog of the state `stack`, whose names are those of `names`.
    pub(crate) fn start(root: &Dir, stack: Stack, names: CommitId) -> Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let current = Arc::new(Mutex::new(None));
        let given_up = Arc::new(AtomicBool::new(false));
        let mut worker =
            Worker { root: root.clone(), current: Arc::clone(&current), given_up: Arc::clone(&given_up), open: None };
        let worker = std::thread::Builder::new()
            .name("varkeep-catalog".to_owned())
            .spawn(move || worker.run(&inbox, &stack, names))
            .map_err(|error| Error::io("start the catalog thread of the store", root.path(), error))?;
        Ok(Self { jobs, current, given_up, worker: Some(worker) })
    }

    fn send(&self, job: Job) {
        // A thread that is gone left no catalog: readers use the manifests.
        let _gone = self.jobs.send(job);
    }

    /// Brings the catalog forward to a commit, some time after it was acknowledged.
    pub(crate) fn apply(&self, changes: Vec<Change>, names: CommitId) {
        self.send(Job::Apply { changes, names });
    }

    /// Makes the catalog anew for another state.
    pub(crate) fn rebuild(&self, stack: Stack, names: CommitId) {
        *lock(&self.current) = None;
        self.send(Job::Rebuild { stack, names });
    }

    /// The durable members of a collection that are wanted, in order of creation, if the catalog lists them and mirrors
    /// the names of `names`.
    pub(crate) fn members(
        &self,
        collection: &str,
        names: CommitId,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        if !tree::lists(collection) {
            return None;
        }
        let current = lock(&self.current).clone().filter(|current| current.names == names)?;
        if let Ok(Ok(members)) = catch_unwind(AssertUnwindSafe(|| current.trees.members(collection, wanted))) {
            return Some(members);
        }
        *lock(&self.current) = None;
        None
    }

    /// Whether the catalog is up to date with `names`.
    pub(crate) fn mirrors(&self, names: CommitId) -> bool {
        lock(&self.current).as_ref().is_some_and(|current| current.names == names)
    }
}

impl Drop for Catalog {
    /// Closes and seals the catalog, or gives it up if that takes too long.
    fn drop(&mut self) {
        self.send(Job::Close);
        let Some(worker) = self.worker.take() else { return };
        let start = std::time::Instant::now();
        while !worker.is_finished() && start.elapsed() < CLOSE_WAIT {
            std::thread::sleep(POLL);
        }
        // From now on the folder may be somebody else's: a thread that is still busy must not touch it again.
        self.given_up.store(true, Ordering::SeqCst);
        if worker.is_finished() {
            let _panicked = worker.join();
        }
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalog")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    root: Dir,
    current: Arc<Mutex<Option<Current>>>,
    given_up: Arc<AtomicBool>,
    open: Option<Open>,
}

/// A sled database that is open.
struct Open {
    folder: String,
    trees: Trees,
    names: CommitId,
}

impl Worker {
    fn run(&mut self, inbox: &Receiver<Job>, stack: &Stack, names: CommitId) {
        // Whatever goes wrong here costs an index, which the next open makes anew; nothing else depends on it.
        let opened = self.guarded(|worker| worker.open_sealed(names));
        if opened != Some(true) {
            self.guarded(|worker| worker.rebuild(stack, names));
        }
        for job in inbox {
            match job {
                Job::Apply { changes, names } => {
                    self.guarded(|worker| worker.apply(&changes, names));
                }
                Job::Rebuild { stack, names } => {
                    self.guarded(|worker| worker.rebuild(&stack, names));
                }
                Job::Close => break,
            }
        }
        self.guarded(Self::close);
    }

    /// Runs a step; one that fails or panics leaves no catalog.
    fn guarded<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| step(self)));
        if let Ok(Ok(value)) = result {
            return Some(value);
        }
        *lock(&self.current) = None;
        self.open = None;
        None
    }

    /// Whether nobody waits for this thread any more.
    fn check_wanted(&self) -> Result<()> {
        if self.given_up.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::StoreLatched, "the store was closed without its catalog"));
        }
        Ok(())
    }

    fn announce(&self) {
        let current = self.open.as_ref().map(|open| Current { trees: open.trees.clone(), names: open.names });
        *lock(&self.current) = current;
    }

    /// Opens the catalog that a clean close left, if it mirrors the right names. Says whether it did.
    fn open_sealed(&mut self, names: CommitId) -> Result<bool> {
        let Some(sealed) = seal::find(&self.root)? else { return Ok(false) };
        if sealed.names != names || !sealed.holds(&self.root)? {
            return Ok(false);
        }
        // From here on the folder changes: the seal is broken first.
        seal::remove(&self.root, &sealed.folder)?;
        let trees = Trees::open(&self.root.path().join(&sealed.folder))?;
        self.open = Some(Open { folder: sealed.folder, trees, names });
        self.announce();
        Ok(true)
    }

    fn rebuild(&mut self, stack: &Stack, names: CommitId) -> Result<()> {
        *lock(&self.current) = None;
        self.open = None;
        self.check_wanted()?;
        seal::remove_all(&self.root)?;
        let folder = format!("{}{}", seal::PREFIX, CommitId::from_bytes(io::random_128()?));
        let trees = Trees::open(&self.root.path().join(&folder))?;
        let mut batch = Vec::with_capacity(BATCH_NAMES);
        for entry in stack.entries("") {
            batch.extend(record_of(&entry?).map(Change::Put));
            if batch.len() == BATCH_NAMES {
                self.check_wanted()?;
                trees.apply(&batch)?;
                batch.clear();
            }
        }
        trees.apply(&batch)?;
        self.open = Some(Open { folder, trees, names });
        self.announce();
        Ok(())
    }

    fn apply(&mut self, changes: &[Change], names: CommitId) -> Result<()> {
        *lock(&self.current) = None;
        let Some(open) = &mut self.open else { return Ok(()) };
        for batch in changes.chunks(BATCH_NAMES) {
            open.trees.apply(batch)?;
        }
        open.names = names;
        self.announce();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        *lock(&self.current) = None;
        let Some(open) = self.open.take() else { return Ok(()) };
        open.trees.close()?;
        let folder = self.root.child(&open.folder);
        while !folder.open_file(FILE_LOCKED)?.is_unlocked()? {
            self.check_wanted()?;
            std::thread::sleep(POLL);
        }
        self.check_wanted()?;
        seal::write(&self.root, &open.folder, open.names)
    }
}

/// What the catalog says of an entry.
pub(crate) fn record_of(entry: &Entry) -> Option<Record> {
    let (ordinal, collections) = match &entry.body {
        Body::Variable(record) => (record.statics.ordinal, record.statics.collections.clone()),
        Body::Whole(record) => (record.ordinal, Vec::new()),
        Body::Alias(record) => (record.ordinal, Vec::new()),
        Body::Removed | Body::Patch(_) => return None,
    };
    Some(Record { name: entry.name.clone(), ordinal, collections })
}
