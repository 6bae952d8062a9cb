//! The state of an open store, shared by its handles, its scopes and its publishing thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Catalog, Change};
use crate::checkpoint::{Reading, View};
use crate::commit::History;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CommitId;
use crate::io::Buffers;
use crate::shard::Shards;
use crate::store::table::Table;
use crate::sync::thread;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError, ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};
use crate::variable::{Reserve, Shared};

/// Everything of an open store but its lock and its threads.
#[derive(Debug)]
pub(crate) struct StoreState {
    pub(crate) history: History,
    pub(crate) shards: Shards,
    pub(crate) reading: Reading,
    /// Threads that write shards of one save.
    pub(crate) threads: usize,
    /// What they write from.
    pub(crate) buffers: Arc<Buffers>,
    /// Names which unseeded random initializers derive their seeds from, with the variable's name and place.
    pub(crate) seed: u64,
    pub(crate) shared: Arc<Shared>,
    /// Read by every get of what is live, changed by every other: reading takes a lock of the thread's own.
    table: ShardedLock<Table>,
    /// Counts transactions that ended while others waited, which are signalled then.
    settled: (Mutex<u64>, Condvar),
    catalog: Mutex<Option<Catalog>>,
    latch: Mutex<Option<String>>,
}

/// The table, locked against everybody else.
pub(crate) type TableGuard<'a> = ShardedLockWriteGuard<'a, Table>;

/// What saves may take.
#[derive(Debug)]
pub(crate) struct Saving {
    pub(crate) threads: usize,
    pub(crate) reserve: Reserve,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StoreState {
    pub(crate) fn new(
        history: History,
        shards: Shards,
        base: Arc<View>,
        next_ordinal: u64,
        reading: Reading,
        seed: u64,
        saving: Saving,
    ) -> Self {
        let Saving { threads, reserve } = saving;
        let shared = Arc::new(Shared::new(reserve));
        let table = ShardedLock::new(Table::new(Arc::clone(&shared), base, next_ordinal));
        let (settled, catalog, latch) = (Default::default(), Mutex::new(None), Mutex::new(None));
        let buffers = Arc::default();
        Self { history, shards, reading, threads, buffers, seed, shared, table, settled, catalog, latch }
    }

    /// The table, to be changed, or for what is not live yet.
    pub(crate) fn table(&self) -> TableGuard<'_> {
        // Every change of the table is made whole before anything that can fail.
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table as it is.
    pub(crate) fn table_to_read(&self) -> ShardedLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until some transaction has ended.
    pub(crate) fn wait_settled(&self, table: TableGuard<'_>) -> TableGuard<'_> {
        let (ended, signal) = &self.settled;
        let mut ended = lock(ended);
        let before = *ended;
        // Who ends from here on has to count that, for which it waits.
        drop(table);
        while *ended == before {
            ended = signal.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        drop(ended);
        self.table()
    }

    /// Lets the table go after a transaction has ended, or a part of one, and tells those who wait for that.
    pub(crate) fn settle(&self, table: TableGuard<'_>) {
        let is_awaited = !table.waits.is_empty();
        drop(table);
        if is_awaited {
            let (ended, signal) = &self.settled;
            *lock(ended) += 1;
            signal.notify_all();
        }
    }

    /// The commit that the live state is relative to.
    pub(crate) fn base(&self) -> Arc<View> {
        Arc::clone(&self.table_to_read().base)
    }

    /// Makes a commit that has just been published the base.
    ///
    /// Of the removals those are forgotten that commits have told of, which are the first `removals`; what was removed
    /// later is still to be removed. Gives the base that was.
    pub(crate) fn adopt(&self, view: View, removals: u64) -> Arc<View> {
        let mut table = self.table();
        let before = std::mem::replace(&mut table.base, Arc::new(view));
        table.removed.retain(|_, when| *when > removals);
        before
    }

    pub(crate) fn start_catalog(&self) -> Result<()> {
        let base = self.base();
        let catalog = Catalog::start(&self.history.folders.root, base.stack().clone(), base.names())?;
        *lock(&self.catalog) = Some(catalog);
        Ok(())
    }

    /// Closes the catalog, waiting for what it has to do.
    pub(crate) fn close_catalog(&self) {
        let catalog = lock(&self.catalog).take();
        drop(catalog);
    }

    pub(crate) fn catalog_apply(&self, changes: Vec<Change>, names: CommitId) {
        if let Some(catalog) = &*lock(&self.catalog) {
            catalog.apply(changes, names);
        }
    }

    pub(crate) fn catalog_rebuild(&self, view: &View) {
        if let Some(catalog) = &*lock(&self.catalog) {
            catalog.rebuild(view.stack().clone(), view.names());
        }
    }

    /// The durable members of a collection that are wanted, by the catalog, if it is up to date.
    pub(crate) fn catalog_members(
        &self,
        collection: &str,
        names: CommitId,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        lock(&self.catalog).as_ref()?.members(collection, names, wanted)
    }

    pub(crate) fn wait_for_catalog(&self, at_most: Duration) -> bool {
        let (names, start) = (self.base().names(), Instant::now());
        while start.elapsed() < at_most {
            // It is told of commits through the same lock.
            if lock(&self.catalog).as_ref().is_some_and(|catalog| catalog.mirrors(names)) {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Refuses to publish from now on: what is on the disk is not known for certain.
    pub(crate) fn latch(&self, error: &Error) {
        lock(&self.latch).get_or_insert_with(|| error.to_string());
    }

    pub(crate) fn check_latch(&self) -> Result<()> {
        match &*lock(&self.latch) {
            None => Ok(()),
            Some(earlier) => {
                let what = format!("the store stopped publishing after an earlier failure ({earlier})");
                Err(Error::new(ErrorKind::StoreLatched, what)
                    .in_file(self.history.folders.root.path())
                    .advise("open the store again: it tells what is durable"))
            }
        }
    }
}
