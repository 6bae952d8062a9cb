//! One writer per folder.
//!
//! The lock is an exclusive flock on the folder itself: it ends with the process, however that ends, and there is no
//! lock file to go stale. A text file beside it says who holds the lock, for messages only. Two handles in one process
//! are told apart from two processes by a list of the folders locked here.
//!
//! On network file systems the lock may hold among the processes of one machine only.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};

use super::FileIdentity;
use super::dir::Dir;
use super::system::{process_id, program_name, unix_millis_now};
use super::tap::{self, Op};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::PoisonError;
use crate::sync::process::{Mutex, MutexGuard};

/// The file that says who holds the lock.
pub(crate) const NOTE: &str = "LOCK";

/// A note is not read beyond this, whoever wrote it.
const NOTE_BYTES_MAX: u64 = 1024;

/// The right to write in a folder, held until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct FolderLock {
    dir: Dir,
    // First the folder is unlocked, then it leaves the list.
    folder: File,
    _entry: RegistryEntry,
}

impl FolderLock {
    /// Locks a folder, or says at once who holds it.
    ///
    /// # Errors
    /// `store_in_use`, if this process or another one holds it.
    pub(crate) fn acquire(dir: &Dir) -> Result<Self> {
        let folder = dir.handle("open the folder")?;
        let identity = identity_of(&folder, dir)?;
        let entry = RegistryEntry::new(identity).ok_or_else(|| {
            Error::new(ErrorKind::StoreInUse, "the store is open in this process already")
                .in_file(dir.path())
                .advise("share that handle among threads, or drop it before opening the store again")
        })?;
        let locked = tap::retrying(&**dir.tap(), Op::Lock, dir.path(), |_| match folder.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        });
        if !locked.map_err(|e| Error::io("lock the folder", dir.path(), e))? {
            return Err(in_use(dir));
        }
        // Everything else goes by the path, so it must still lead to what was locked.
        if identity_of(&dir.handle("open the folder")?, dir)? != identity {
            return Err(Error::new(ErrorKind::StoreInUse, "the folder was replaced while it was being locked")
                .in_file(dir.path())
                .advise("try again"));
        }
        let lock = Self { dir: dir.clone(), folder, _entry: entry };
        // Advice only: a store is usable without.
        drop(lock.write_note());
        Ok(lock)
    }

    fn write_note(&self) -> Result<()> {
        // The old one first, so that a note left by a crash accuses nobody, and never through a link.
        self.dir.unlink(NOTE)?;
        let mut note = self.dir.create_file(NOTE)?;
        let program = program_name().unwrap_or_default();
        note.write_all(
            format!("process {}\nprogram {program}\nsince {} ms after 1970\n", process_id(), unix_millis_now())
                .as_bytes(),
        )
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Still locked, so the note is ours.
        drop(self.dir.unlink(NOTE));
        // Closing is not enough for as long as a process that another thread has just forked holds the folder open too.
        let _closing_does = self.folder.unlock();
    }
}

fn identity_of(folder: &File, dir: &Dir) -> Result<FileIdentity> {
    let metadata = folder.metadata().map_err(|e| Error::io("look at the folder", dir.path(), e))?;
    Ok(FileIdentity::of(&metadata))
}

fn in_use(dir: &Dir) -> Error {
    let by = read_note(dir).map_or_else(|| "another process".to_owned(), |note| note.to_string());
    Error::new(ErrorKind::StoreInUse, format!("the store is in use by {by}"))
        .in_file(dir.path())
        .advise("wait for it to end, or stop it; checkpoints can be read meanwhile")
}

/// Who holds a lock, by what they noted.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    process: u32,
    program: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.process)?;
        if self.program.is_empty() { Ok(()) } else { write!(f, " ({})", self.program) }
    }
}

/// What the note says; it may be missing, half written, or anybody's.
fn read_note(dir: &Dir) -> Option<Holder> {
    let file = dir.find_file(NOTE).ok()??;
    let mut bytes = vec![0; file.len().min(NOTE_BYTES_MAX) as usize];
    file.read_exact_at(&mut bytes, 0).ok()?;
    parse_note(&String::from_utf8_lossy(&bytes))
}

fn parse_note(text: &str) -> Option<Holder> {
    let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let process = field("process")?.parse().ok()?;
    // A terminal will show it.
    let program = field("program").unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    Some(Holder { process, program })
}

/// The folders this process holds locked. flock alone would refuse a second handle too, but not say that it is ours.
static REGISTRY: Mutex<BTreeSet<FileIdentity>> = Mutex::new(BTreeSet::new());

#[derive(Debug)]
struct RegistryEntry(FileIdentity);

impl RegistryEntry {
    /// `None`, if the folder is on the list.
    fn new(folder: FileIdentity) -> Option<Self> {
        if registry().insert(folder) { Some(Self(folder)) } else { None }
    }
}

impl Drop for RegistryEntry {
    fn drop(&mut self) {
        registry().remove(&self.0);
    }
}

fn registry() -> MutexGuard<'static, BTreeSet<FileIdentity>> {
    // Inserting and removing leave the set whole whatever panics elsewhere.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
