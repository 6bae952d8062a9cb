//! Reclaiming: files that nothing needs any more are unlinked, in an order that no crash can turn into damage.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::format::{CommitRecord, file_names};
use crate::id::{ManifestId, ShardId};
use crate::io::is_temp_name;
use crate::manifest::Stack;
use crate::shard::{ReadMode, Shards};

use super::history::History;

/// What a reclaim removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reclaimed {
    pub(crate) commits: u64,
    pub(crate) manifests: u64,
    pub(crate) shards: u64,
}

/// Which shards manifests name. Manifests never change, so each is opened once.
#[derive(Debug, Default)]
pub(crate) struct Roots(HashMap<ManifestId, Vec<ShardId>>);

impl Roots {
    fn name(&mut self, history: &History, record: &CommitRecord, mode: ReadMode) -> Result<()> {
        if record.manifests.iter().all(|reference| self.0.contains_key(&reference.id)) {
            return Ok(());
        }
        let stack = Stack::open(&history.folders.manifests, history.store.id, &record.manifests, mode)?;
        for file in stack.files() {
            self.0.insert(file.id(), file.shards().iter().map(|shard| shard.id).collect());
        }
        Ok(())
    }
}

/// Removes commit files that are not kept, and manifests and shards that no kept commit names.
///
/// Commits go first and their folder is synced before anything they named goes: a crash in between leaves orphans,
/// never a commit that names what is gone. Only files whose names are ids of ours are touched. `in_use` manifests are
/// those this process reads; shards it reads are known to `shards`. If any kept commit cannot be read nothing is
/// removed: what it names is not known then.
pub(crate) fn reclaim(
    history: &History,
    kept: &[CommitRecord],
    in_use: &HashSet<ManifestId>,
    shards: &Shards,
    mode: ReadMode,
    roots: &mut Roots,
) -> Result<Reclaimed> {
    let mut named_manifests = in_use.clone();
    for record in kept {
        roots.name(history, record, mode)?;
        named_manifests.extend(record.manifests.iter().map(|reference| reference.id));
    }
    roots.0.retain(|id, _| named_manifests.contains(id));
    let named_shards: HashSet<ShardId> = roots.0.values().flatten().copied().collect();
    let mut reclaimed = Reclaimed::default();
    let numbers: HashSet<u64> = kept.iter().map(|record| record.number).collect();
    for number in history.numbers()? {
        if !numbers.contains(&number) {
            history.folders.commits.unlink(&file_names::of_commit(number))?;
            reclaimed.commits += 1;
        }
    }
    if reclaimed.commits > 0 {
        history.folders.commits.sync()?;
    }
    for file in history.folders.manifests.list()? {
        let Some(id) = file.file_name().and_then(file_names::manifest_id) else { continue };
        if !named_manifests.contains(&id) {
            history.folders.manifests.unlink(&file_names::of_manifest(id))?;
            reclaimed.manifests += 1;
        }
    }
    for file in history.folders.shards.list()? {
        let Some(id) = file.file_name().and_then(file_names::shard_id) else { continue };
        if !named_shards.contains(&id) && shards.unlink_unless_open(id)? {
            reclaimed.shards += 1;
        }
    }
    for dir in [&history.folders.root, &history.folders.commits] {
        for file in dir.list()? {
            if let Some(name) = file.file_name().filter(|name| is_temp_name(name)) {
                dir.unlink(name)?;
            }
        }
    }
    Ok(reclaimed)
}
