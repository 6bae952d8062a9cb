//! Files that no checkpoint needs.

use std::path::PathBuf;

use crate::catalog;
use crate::commit::Folders;
use crate::error::Result;
use crate::format::file_names;
use crate::io::{self, Dir};
use crate::verify::references::References;
use crate::verify::survey::Survey;

/// Everything in the store's folders that is neither needed nor part of the catalog. As long as it is not known what all
/// checkpoints need, files named like ours are left out: they may be needed.
pub(super) fn list(survey: &Survey, references: &References) -> Result<Vec<PathBuf>> {
    let is_complete = references.is_complete;
    let Folders { root, commits, manifests, shards } = &survey.history.folders;
    let is_kept = |number| !is_complete || survey.commits.iter().any(|commit| commit.number == number);
    let names_manifest = |id| !is_complete || references.names_manifest(id);
    let names_shard = |id| !is_complete || references.shards.contains_key(&id);
    let mut unused = Vec::new();
    let mut list = |dir: &Dir, is_used: &dyn Fn(&str) -> bool| {
        let entries = match dir.list() {
            // Noted already, where something in it is needed.
            Err(error) if io::is_not_found(&error) => Vec::new(),
            entries => entries?,
        };
        for entry in entries {
            if !entry.name.to_str().is_some_and(is_used) {
                unused.push(dir.path().join(entry.name));
            }
        }
        Ok(())
    };
    list(root, &|name| {
        let parts = [file_names::STORE_FILE, io::LOCK_NOTE, Folders::COMMITS, Folders::MANIFESTS, Folders::SHARDS];
        parts.contains(&name) || name.starts_with(catalog::NAME_PREFIX)
    })?;
    list(commits, &|name| file_names::commit_number(name).is_some_and(is_kept))?;
    list(manifests, &|name| file_names::manifest_id(name).is_some_and(names_manifest))?;
    list(shards, &|name| file_names::shard_id(name).is_some_and(names_shard))?;
    Ok(unused)
}
