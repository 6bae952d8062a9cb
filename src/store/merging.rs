//! Merging manifests, and looking for what to move, beside all commits: on a thread of its own.

use std::sync::Arc;

use crate::checkpoint::View;
use crate::error::{Error, ErrorKind, Result};
use crate::format::ManifestKind;
use crate::io::{self, NewFile, sync_all};
use crate::manifest::{ManifestFile, write_manifest};
use crate::store::moving::{Moves, Survey};
use crate::store::state::StoreState;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, JoinHandle};

/// A merge in progress. Its result serves the next commit; nothing waits for it.
pub(crate) struct Merging {
    /// The manifests that are being merged, newest first.
    pub(crate) from: Vec<Arc<ManifestFile>>,
    cancelled: Arc<AtomicBool>,
    thread: JoinHandle<Result<Merged>>,
}

/// What came of it.
pub(crate) struct Merged {
    /// The merged manifest, which is durable; `None` if there was nothing to merge.
    pub(crate) file: Option<Arc<ManifestFile>>,
    /// What of the state is to be moved, if that was asked for.
    pub(crate) moves: Option<Moves>,
}

impl Merging {
    /// Begins to merge the `count` newest manifests of a state, and then to survey it. `None` if no thread can be had: the
    /// next commit tries.
    pub(crate) fn start(
        store: &Arc<StoreState>,
        view: &Arc<View>,
        count: usize,
        survey: Option<Survey>,
    ) -> Option<Self> {
        let from = view.stack().files()[..count].to_vec();
        let cancelled = Arc::new(AtomicBool::new(false));
        let (store, view, flag) = (Arc::clone(store), Arc::clone(view), Arc::clone(&cancelled));
        let work = move || {
            io::give_way();
            // One manifest is merged already.
            let file = (count > 1).then(|| merge(&store, &view, count, &flag).map(Arc::new)).transpose()?;
            let merged = match &file {
                Some(file) => {
                    let stack = view.stack().with_newest(Arc::clone(file), count)?;
                    Some(view.with_merged(stack, &store.shards)?)
                }
                None => None,
            };
            let view = merged.as_ref().unwrap_or(&view);
            let moves = survey.map(|survey| Moves::survey(view, survey)).transpose()?;
            Ok(Merged { file, moves })
        };
        let thread = thread::spawn_named("varkeep-merge", work).ok()?;
        Some(Self { from, cancelled, thread })
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the result.
    pub(crate) fn finish(self) -> Result<Merged> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Gives it up and waits for its end. What it has written is an orphan.
    pub(crate) fn cancel(self) {
        self.cancelled.store(true, Ordering::Relaxed);
        let _given_up = self.thread.join();
    }
}

fn merge(store: &StoreState, view: &View, count: usize, cancelled: &AtomicBool) -> Result<ManifestFile> {
    let (stack, history, mode) = (view.stack(), &store.history, store.reading.mode);
    let (dir, store) = (&history.folders.manifests, history.store.id);
    let kind = if count == stack.files().len() { ManifestKind::Base } else { ManifestKind::Delta };
    let entries = stack.merged(count).map(|entry| {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::SaveCancelled, "the store is being closed"));
        }
        entry
    });
    let (file, reference) = write_manifest(dir, store, kind, view.shards(), entries)?;
    // The next commits open a shard each, and none of them shall wait for that.
    file.make_room_for_others();
    let merged = sync_all(&[&file], &[dir]).and_then(|()| ManifestFile::open(dir, store, &reference, mode));
    if merged.is_err() {
        NewFile::discard(file);
    }
    merged
}
