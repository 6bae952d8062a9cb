//! What a workload left behind: what reached the disk, and what was promised when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Content;
use super::recorder::Recorder;
use crate::support::{Kept, files};

/// A state that was to become durable.
pub(super) struct Expected {
    /// How many events had happened when it was begun.
    pub(super) begun: usize,
    /// How many had when it was acknowledged.
    pub(super) acknowledged: usize,
    pub(super) kept: Kept,
}

/// The files of a catalog that was closed, by paths from the store's folder.
pub(super) type Catalog = BTreeMap<PathBuf, Arc<Content>>;

/// A workload that is over.
pub(super) struct Recorded {
    pub(super) name: String,
    /// The folder that the disk is mounted on; the store is `store` in it.
    pub(super) root: PathBuf,
    pub(super) recorder: Arc<Recorder>,
    /// In the order in which they were published, but for the first: a store without commits.
    pub(super) states: Vec<Expected>,
    /// After how many events there is a store for certain.
    pub(super) created: usize,
    /// From how many events on the disk is looked at.
    pub(super) from: usize,
    /// Catalogs, and how many events had happened by then.
    pub(super) catalogs: Vec<(usize, Catalog)>,
}

impl Recorded {
    pub(super) fn new(name: String, root: PathBuf, recorder: Arc<Recorder>) -> Self {
        let states = vec![Expected { begun: 0, acknowledged: 0, kept: Kept::default() }];
        Self { name, root, recorder, states, created: 0, from: 0, catalogs: Vec::new() }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// A state was begun, and has not been acknowledged yet; gives its place.
    pub(super) fn begin(&mut self, begun: usize, kept: Kept) -> usize {
        self.states.push(Expected { begun, acknowledged: usize::MAX, kept });
        self.states.len() - 1
    }

    pub(super) fn acknowledge(&mut self, state: usize) {
        self.states[state].acknowledged = self.recorder.len();
    }

    /// What may be found once so many events have happened: the last state acknowledged, and those begun since.
    pub(super) fn allowed(&self, happened: usize) -> &[Expected] {
        let last = self.states.iter().rposition(|state| state.acknowledged <= happened).unwrap_or_default();
        let begun = self.states.iter().rposition(|state| state.begun <= happened).unwrap_or_default();
        &self.states[last..=begun.max(last)]
    }

    /// Copies the catalog of the store, which was closed.
    pub(super) fn take_catalog(&mut self) {
        let store = self.store();
        let below = |path: PathBuf| path.strip_prefix(&store).unwrap().to_owned();
        let files = files(&store).into_iter().map(|(path, bytes)| (below(path), bytes));
        let catalog = files.filter(|(path, _)| is_of_catalog(path));
        let catalog = catalog.map(|(path, bytes)| (path, Content::new(bytes))).collect();
        self.catalogs.push((self.recorder.len(), catalog));
    }
}

/// Whether this is a file of the catalog, by its path from the store's folder.
fn is_of_catalog(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("catalog-"))
}
