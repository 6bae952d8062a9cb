//! One commit, opened: its manifests and every shard they refer to.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use crate::commit::{History, Which};
use crate::error::{Error, Result};
use crate::format::{CommitRecord, Content, Entry, ManifestRef, ShardRef};
use crate::id::{CommitId, ShardId};
use crate::io;
use crate::manifest::Stack;
use crate::shard::{Payload, ReadMode, ShardFile, Shards, Stored, Verification};

/// How often opening looks again when a commit is deleted under its eyes.
const LOOKS_MAX: usize = 100;

/// How payload is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) mode: ReadMode,
    pub(crate) verification: Verification,
}

/// One commit, or the state before the first. All its files are open, so it stays readable whatever is deleted.
#[derive(Debug)]
pub(crate) struct View {
    commit: Option<CommitRecord>,
    stack: Stack,
    shards: HashMap<ShardId, Arc<ShardFile>>,
    reading: Reading,
}

impl View {
    /// The state of a store before its first commit.
    pub(crate) fn empty(reading: Reading) -> Self {
        Self { commit: None, stack: Stack::default(), shards: HashMap::new(), reading }
    }

    /// Opens the files of a state: of a commit, or of one that is about to be published.
    pub(crate) fn of_manifests(
        history: &History,
        shards: &Shards,
        manifests: &[ManifestRef],
        reading: Reading,
    ) -> Result<Self> {
        let stack = Stack::open(&history.folders.manifests, history.store.id, manifests, reading.mode)?;
        let mut open = HashMap::new();
        for reference in stack.files().iter().flat_map(|file| file.shards()) {
            open.insert(reference.id, shards.open(reference)?);
        }
        Ok(Self { commit: None, stack, shards: open, reading })
    }

    /// The same files as those of a commit that lists them.
    pub(crate) fn with_commit(&self, commit: CommitRecord) -> Self {
        let (stack, shards) = (self.stack.clone(), self.shards.clone());
        Self { commit: Some(commit), stack, shards, reading: self.reading }
    }

    /// The state that other manifests over the same history come to, such as one on top that this view has not. Files that
    /// are open already are not opened again.
    pub(crate) fn with_stack(&self, stack: Stack, shards: &Shards) -> Result<Self> {
        let mut open = HashMap::new();
        for reference in stack.files().iter().flat_map(|file| file.shards()) {
            if let Slot::Vacant(vacant) = open.entry(reference.id) {
                let known = self.shards.get(&reference.id).filter(|file| file.reference() == reference);
                vacant.insert(known.map_or_else(|| shards.open(reference), |file| Ok(Arc::clone(file)))?);
            }
        }
        Ok(Self { commit: None, stack, shards: open, reading: self.reading })
    }

    /// Opens all files of a commit.
    fn of(history: &History, shards: &Shards, commit: CommitRecord, reading: Reading) -> Result<Self> {
        let files = Self::of_manifests(history, shards, &commit.manifests, reading)?;
        Ok(Self { commit: Some(commit), ..files })
    }

    /// Opens the commit that is meant. If it is being deleted meanwhile the look is repeated, so that a file that is
    /// gone means either that the commit is gone too, or damage.
    pub(crate) fn open(history: &History, shards: &Shards, which: &Which, reading: Reading) -> Result<Self> {
        let advised = |error: Error, number: u64| match which {
            Which::Head => history.advise_step_back(error, number),
            Which::Tag(_) | Which::Number(_) => error,
        };
        let mut failure = None;
        for _ in 0..LOOKS_MAX {
            let Some(commit) = history.find(which)? else { return Ok(Self::empty(reading)) };
            let (number, id) = (commit.number, commit.id);
            match Self::of(history, shards, commit, reading) {
                Ok(view) => return Ok(view),
                Err(error) if io::is_not_found(&error) => {
                    if history.read(number)?.is_some_and(|again| again.id == id) {
                        let what = format!("commit {number} is there, but a file it names is not");
                        let path = error.path().map(std::path::Path::to_owned).unwrap_or_default();
                        return Err(advised(Error::corrupt(what).in_file(path).caused_by(error), number));
                    }
                    failure = Some(error);
                }
                Err(error) => return Err(advised(error, number)),
            }
        }
        Err(failure.expect("every look that did not return has failed"))
    }

    pub(crate) fn commit(&self) -> Option<&CommitRecord> {
        self.commit.as_ref()
    }

    /// The same state of the same commit, its manifests merged.
    pub(crate) fn with_merged(&self, stack: Stack, shards: &Shards) -> Result<Self> {
        Ok(Self { commit: self.commit.clone(), ..self.with_stack(stack, shards)? })
    }

    pub(crate) fn id(&self) -> Option<CommitId> {
        self.commit.as_ref().map(|commit| commit.id)
    }

    /// The commit whose names this one has; all zero before the first.
    pub(crate) fn names(&self) -> CommitId {
        self.commit.as_ref().map_or(CommitId::from_bytes([0; 16]), |commit| commit.names)
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The shards that the manifests refer to.
    pub(crate) fn shards(&self) -> impl Iterator<Item = ShardRef> + '_ {
        self.shards.values().map(|file| *file.reference())
    }

    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }

    pub(crate) fn lookup(&self, name: &str) -> Result<Option<Entry>> {
        self.stack.lookup(name)
    }

    /// Where this content lies, with its files.
    pub(crate) fn stored(&self, content: Content) -> Result<Arc<Stored>> {
        let files = content.extents.iter().map(|extent| {
            self.shards.get(&extent.shard).cloned().ok_or_else(|| {
                Error::corrupt(format!("an entry refers to shard {}, which its manifest does not list", extent.shard))
            })
        });
        let files = files.collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(Stored::new(content, files)))
    }

    /// The value of this content.
    pub(crate) fn payload(&self, stored: Arc<Stored>) -> Payload {
        Payload::on_disk(stored, self.reading.mode, self.reading.verification)
    }
}
