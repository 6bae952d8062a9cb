//! What a store has on the disk, and what it has written since.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folders whose files are a store's truth; the catalog is only an index.
const FOLDERS: [&str; 3] = ["shards", "manifests", "commits"];

/// The names of a store's files at some time. Files are written once, under names that are used once.
#[derive(PartialEq)]
pub(crate) struct Files {
    store: PathBuf,
    names: HashSet<PathBuf>,
}

impl Files {
    pub(crate) fn of(store: &Path) -> Result<Self> {
        let names = files(store)?.into_iter().map(|(path, _)| path).collect();
        Ok(Self { store: store.to_owned(), names })
    }

    /// Bytes of the files that came after.
    pub(crate) fn bytes_since(&self) -> Result<u64> {
        Ok(files(&self.store)?.into_iter().filter(|(path, _)| !self.names.contains(path)).map(|(_, len)| len).sum())
    }
}

fn files(store: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(store.join(folder))? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => found.push((entry.path(), metadata.len())),
                // The store is tidying up.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot look at {}", entry.path().display())),
            }
        }
    }
    Ok(found)
}

/// Bytes that this process has asked files for (cached or not), by read calls; maps are not in it.
pub(crate) fn bytes_read() -> Result<u64> {
    counter("/proc/self/io", "rchar:")
}

/// Bytes that the disk has given this process, maps included.
pub(crate) fn bytes_from_disk() -> Result<u64> {
    counter("/proc/self/io", "read_bytes:")
}

/// A line `name: value` of a file of the kernel's, without the unit.
pub(crate) fn counter(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next());
    value.with_context(|| format!("{file} has no {name}"))?.parse().with_context(|| format!("{name} of {file}"))
}
