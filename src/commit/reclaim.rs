//! Reclaiming: files that nothing needs any more are unlinked, in an order that no crash can turn into damage.
//!
//! Commit files go first, and their folder is synced before anything they named goes: a crash in between leaves orphans,
//! never a commit that names what is gone. Only files whose names are ids of ours are touched.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::error::Result;
use crate::format::{CommitRecord, file_names};
use crate::id::{ManifestId, ShardId};
use crate::io::{Dir, is_temp_name};
use crate::manifest::{ManifestFile, Stack};
use crate::shard::{ReadMode, Shards};

use super::history::History;

/// What the kept commits name, and what no longer is: so that the cost of a commit does not grow with their number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The manifests of each kept commit, by its number.
    commits: BTreeMap<u64, Vec<ManifestId>>,
    /// For each manifest that commits name, how many do, and the shards it names.
    manifests: HashMap<ManifestId, (usize, Vec<ShardId>)>,
    /// For each shard, how many manifests name it.
    shards: HashMap<ShardId, usize>,
    /// Named by no kept commit any more: to be unlinked once that is durable.
    unnamed_manifests: HashSet<ManifestId>,
    unnamed_shards: HashSet<ShardId>,
    /// Whether the folder of commits has to be synced before.
    has_unsynced: bool,
}

impl Ledger {
    /// Reads what kept commits name.
    ///
    /// # Errors
    /// `corrupt`, `io`: what a commit names that cannot be read is not known, so nothing may go then.
    pub(crate) fn read(history: &History, kept: &[CommitRecord], mode: ReadMode) -> Result<Self> {
        let mut ledger = Self::default();
        for record in kept {
            let missing = record.manifests.iter().any(|reference| !ledger.manifests.contains_key(&reference.id));
            let stack = if missing {
                Stack::open(&history.folders.manifests, history.store.id, &record.manifests, mode)?
            } else {
                Stack::default()
            };
            ledger.keep(record, stack.files());
        }
        Ok(ledger)
    }

    /// Counts a commit in. `files` holds those of its manifests that have not been seen before.
    pub(crate) fn keep(&mut self, record: &CommitRecord, files: &[Arc<ManifestFile>]) {
        let ids: Vec<ManifestId> = record.manifests.iter().map(|reference| reference.id).collect();
        for file in files {
            let shards = &mut self.shards;
            self.manifests.entry(file.id()).or_insert_with(|| {
                let named: Vec<ShardId> = file.shards().iter().map(|shard| shard.id).collect();
                for id in &named {
                    *shards.entry(*id).or_default() += 1;
                }
                (0, named)
            });
        }
        for id in &ids {
            if let Some((count, _)) = self.manifests.get_mut(id) {
                *count += 1;
            }
        }
        self.commits.insert(record.number, ids);
    }

    /// Counts a commit out.
    fn forget(&mut self, number: u64) {
        for id in self.commits.remove(&number).unwrap_or_default() {
            let Some((count, _)) = self.manifests.get_mut(&id) else { continue };
            *count -= 1;
            if *count > 0 {
                continue;
            }
            let (_, named) = self.manifests.remove(&id).unwrap_or_default();
            self.unnamed_manifests.insert(id);
            for shard in named {
                let count = self.shards.entry(shard).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.shards.remove(&shard);
                    self.unnamed_shards.insert(shard);
                }
            }
        }
    }

    /// Unlinks the files of commits that are no longer kept.
    pub(crate) fn unlink_commits(&mut self, history: &History, kept: &HashSet<u64>) -> Result<()> {
        let gone: Vec<u64> = self.commits.keys().filter(|number| !kept.contains(number)).copied().collect();
        for number in gone {
            history.folders.commits.unlink(&file_names::of_commit(number))?;
            self.has_unsynced = true;
            self.forget(number);
        }
        Ok(())
    }

    /// How many files wait to be unlinked.
    pub(crate) fn backlog(&self) -> usize {
        self.unnamed_manifests.len() + self.unnamed_shards.len() + usize::from(self.has_unsynced)
    }

    /// Gives the files that no kept commit names, to be unlinked in any order: from now on nobody can come to name them
    /// again. `in_use` are manifests that this process reads; shards it reads are known to `shards`. Both wait for the next
    /// time.
    pub(crate) fn take_unnamed(
        &mut self,
        history: &History,
        in_use: &HashSet<ManifestId>,
        shards: &Shards,
    ) -> Result<Vec<(Dir, String)>> {
        if self.has_unsynced {
            history.folders.commits.sync()?;
            self.has_unsynced = false;
        }
        let Self { manifests, shards: named_shards, unnamed_manifests, unnamed_shards, .. } = self;
        let mut doomed = Vec::new();
        // What was taken for an orphan may have been named since.
        unnamed_manifests.retain(|id| !manifests.contains_key(id));
        unnamed_shards.retain(|id| !named_shards.contains_key(id));
        for id in unnamed_manifests.extract_if(|id| !in_use.contains(id)) {
            doomed.push((history.folders.manifests.clone(), file_names::of_manifest(id)));
        }
        for id in unnamed_shards.extract_if(|id| shards.forget_unless_open(*id)) {
            doomed.push((history.folders.shards.clone(), file_names::of_shard(id)));
        }
        Ok(doomed)
    }

    /// Looks through the folders for what no kept commit names and nobody has counted: the leftovers of failures and
    /// crashes.
    pub(crate) fn find_orphans(&mut self, history: &History) -> Result<()> {
        for number in history.numbers()? {
            if !self.commits.contains_key(&number) {
                history.folders.commits.unlink(&file_names::of_commit(number))?;
                self.has_unsynced = true;
            }
        }
        for file in history.folders.manifests.list()? {
            let id = file.file_name().and_then(file_names::manifest_id);
            self.unnamed_manifests.extend(id.filter(|id| !self.manifests.contains_key(id)));
        }
        for file in history.folders.shards.list()? {
            let id = file.file_name().and_then(file_names::shard_id);
            self.unnamed_shards.extend(id.filter(|id| !self.shards.contains_key(id)));
        }
        for dir in [&history.folders.root, &history.folders.commits] {
            for file in dir.list()? {
                if let Some(name) = file.file_name().filter(|name| is_temp_name(name)) {
                    dir.unlink(name)?;
                }
            }
        }
        Ok(())
    }
}
