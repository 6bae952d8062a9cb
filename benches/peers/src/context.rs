//! What all cases share: where files go, how often and how large, and what the page cache can be made to do.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{Advice, fadvise, statvfs, syncfs};
use tempfile::TempDir;

/// No case has more than this on the disk at once.
const DISK_BYTES_MAX: u64 = 12 << 30;

const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";

/// How a cold page cache is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// The kernel drops everything.
    DropCaches,
    /// The kernel is asked to forget the files of the run, and does so as far as it likes.
    Advice,
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DropCaches => "emptied through /proc/sys/vm/drop_caches",
            Self::Advice => "asked to forget the files of the run (POSIX_FADV_DONTNEED); as root it would be emptied",
        })
    }
}

/// One run.
pub(crate) struct Context {
    folder: TempDir,
    pub(crate) repeats: usize,
    /// What sizes and counts are multiplied with. At 1 they are those of the bars.
    pub(crate) scale: f64,
    /// Threads of a writer, as many as varkeep's own has.
    pub(crate) threads: usize,
    is_chatty: bool,
    eviction: Eviction,
}

impl Context {
    pub(crate) fn new(dir: &Path, repeats: usize, scale: f64, is_chatty: bool) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("varkeep-peers-")
            .tempdir_in(dir)
            .with_context(|| format!("cannot make a folder in {}", dir.display()))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        Ok(Self { folder, repeats, scale, threads, is_chatty, eviction: eviction() })
    }

    /// Where files of this name go.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A count or a size at this run's scale, but no less than `least`.
    pub(crate) fn scaled(&self, full: u64, least: u64) -> u64 {
        ((full as f64 * self.scale) as u64).clamp(least.min(full), full)
    }

    /// Says what is being done, to a person who waits.
    pub(crate) fn note(&self, what: fmt::Arguments<'_>) {
        if self.is_chatty {
            eprintln!("    {what}");
        }
    }

    /// Fails early if the disk has no room for a case that needs this much at full scale.
    pub(crate) fn check_room(&self, full_bytes: u64) -> Result<()> {
        let needed = self.scaled(full_bytes, 64 << 20);
        ensure!(needed <= DISK_BYTES_MAX, "the case would take {} GiB of disk", needed >> 30);
        let statistics = statvfs(self.folder.path())?;
        let free = statistics.f_bavail * statistics.f_frsize;
        let (needed_mib, free_mib) = (needed >> 20, free >> 20);
        let at = self.folder.path().display();
        ensure!(free > needed, "needs {needed_mib} MiB at {at}, but {free_mib} MiB are free; choose another --dir");
        Ok(())
    }

    /// Waits until nothing that was written before is still on its way to the disk.
    pub(crate) fn settle(&self) -> Result<()> {
        syncfs(File::open(self.folder.path())?).context("cannot sync the file system")
    }

    /// Empties the page cache, as far as this process may.
    pub(crate) fn empty_page_cache(&self) -> Result<()> {
        match self.eviction {
            Eviction::DropCaches => fs::write(DROP_CACHES, "1").with_context(|| format!("cannot write {DROP_CACHES}")),
            Eviction::Advice => forget(self.folder.path()),
        }
    }
}

/// Finds out which way of emptying the page cache is allowed here.
pub(crate) fn eviction() -> Eviction {
    let is_allowed = fs::OpenOptions::new().write(true).open(DROP_CACHES).is_ok();
    if is_allowed { Eviction::DropCaches } else { Eviction::Advice }
}

fn forget(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path)?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}
