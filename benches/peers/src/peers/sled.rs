//! sled alone, with the records and the settings that varkeep's catalog has.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sled::{Batch, Db, IVec, Mode, Tree};

/// The catalog's own settings.
const CACHE_BYTES: u64 = 64 << 20;
const BATCH_NAMES: usize = 1000;
const TREES: [&str; 2] = ["records", "members"];

/// After a drop sled's threads hold its lock a little longer.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// An open database and its trees.
pub(crate) struct Open {
    db: Db,
    trees: [Tree; 2],
}

fn open_once(folder: &Path) -> sled::Result<Open> {
    let config = sled::Config::new().path(folder).mode(Mode::HighThroughput).flush_every_ms(None);
    let db = config.cache_capacity(CACHE_BYTES).open()?;
    let trees = [db.open_tree(TREES[0])?, db.open_tree(TREES[1])?];
    Ok(Open { db, trees })
}

/// Opens the database, and says how long the opening took that was not refused for an earlier one.
pub(crate) fn open(folder: &Path) -> Result<(Open, Duration)> {
    let waiting = Instant::now();
    loop {
        let start = Instant::now();
        match open_once(folder) {
            Ok(open) => return Ok((open, start.elapsed())),
            Err(error) if waiting.elapsed() > LOCK_WAIT => return Err(error).context("sled does not open"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The folder of a store's catalog.
pub(crate) fn catalog_of(store: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("catalog-") && entry.file_type()?.is_dir() {
            return Ok(entry.path());
        }
    }
    bail!("{} has no catalog", store.display())
}

/// Copies a catalog that is closed.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Everything a catalog holds, tree by tree.
pub(crate) struct Records([Vec<(IVec, IVec)>; 2]);

impl Records {
    pub(crate) fn of(open: &Open) -> Result<Self> {
        let [records, members] = &open.trees;
        Ok(Self([records.iter().collect::<sled::Result<_>>()?, members.iter().collect::<sled::Result<_>>()?]))
    }

    pub(crate) fn len(&self) -> usize {
        self.0[0].len()
    }

    /// Puts all into a new database, in batches as large as the catalog's.
    pub(crate) fn fill(&self, folder: &Path) -> Result<Open> {
        let open = open_once(folder)?;
        for (tree, pairs) in open.trees.iter().zip(&self.0) {
            for pairs in pairs.chunks(BATCH_NAMES) {
                let mut batch = Batch::default();
                for (key, value) in pairs {
                    batch.insert(key, value);
                }
                tree.apply_batch(batch)?;
            }
        }
        Ok(open)
    }
}

impl Open {
    /// Closes the database and waits until its files are final.
    pub(crate) fn close(self, folder: &Path) -> Result<()> {
        self.db.flush()?;
        drop(self);
        // Who gets in is the only one there.
        drop(open(folder)?);
        Ok(())
    }
}
