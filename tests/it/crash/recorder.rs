//! A tap that writes down what reaches the disk, and that can hold up a save in the midst of it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;

use varkeep::testing::{Op, Tap, Verdict};

use crate::support::is_catalog_thread;

/// Something that happened to the disk.
#[derive(Clone, Debug)]
pub(super) enum Event {
    MakeFolder(PathBuf),
    MakeFile(PathBuf),
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    SetLen {
        path: PathBuf,
        len: usize,
    },
    Grow {
        path: PathBuf,
        len: usize,
    },
    /// A sync covers what had happened when it began: the first so many events.
    SyncFile {
        path: PathBuf,
        covers: usize,
    },
    SyncFolder {
        path: PathBuf,
        covers: usize,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink(PathBuf),
}

/// Records what reaches the disk, in order, but for the catalog, which needs no order.
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    /// The manifests that are merged beside commits.
    merged: Mutex<Vec<PathBuf>>,
    /// The thread of the test, which is never held up.
    owner: ThreadId,
    /// How many operations the store's threads may still do; `None` if they may do any.
    allowed: Mutex<Option<usize>>,
    released: Condvar,
}

impl Default for Recorder {
    fn default() -> Self {
        let owner = std::thread::current().id();
        Self {
            events: Mutex::default(),
            merged: Mutex::default(),
            owner,
            allowed: Mutex::default(),
            released: Condvar::new(),
        }
    }
}

thread_local! {
    /// How many events there were when this thread began the operation it is at.
    static BEGUN: Cell<usize> = const { Cell::new(0) };
}

impl Recorder {
    /// How many events there are by now.
    pub(crate) fn len(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(super) fn merged(&self) -> Vec<PathBuf> {
        self.merged.lock().unwrap().clone()
    }

    /// Lets the store's own threads do so many operations more, and then stops them until what this gives is dropped.
    pub(super) fn hold_after(&self, operations: usize) -> Hold<'_> {
        *self.allowed.lock().unwrap() = Some(operations);
        Hold(self)
    }

    fn pass(&self) {
        if std::thread::current().id() == self.owner {
            return;
        }
        let mut allowed = self.allowed.lock().unwrap();
        while *allowed == Some(0) {
            allowed = self.released.wait(allowed).unwrap();
        }
        if let Some(allowed) = &mut *allowed {
            *allowed -= 1;
        }
    }
}

/// While this lives the store's threads stop where they were told to.
pub(super) struct Hold<'a>(&'a Recorder);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        *self.0.allowed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.released.notify_all();
    }
}

impl Tap for Recorder {
    fn before(&self, _op: &Op<'_>, _path: &Path) -> Verdict {
        if !is_catalog_thread() {
            self.pass();
            BEGUN.set(self.len());
        }
        Verdict::Go
    }

    fn after(&self, op: &Op<'_>, path: &Path, ok: bool) {
        if !ok || is_catalog_thread() {
            return;
        }
        let path = path.to_owned();
        if matches!(op, Op::CreateFile) && std::thread::current().name() == Some("varkeep-merge") {
            self.merged.lock().unwrap().push(path.clone());
        }
        let number = |n: u64| usize::try_from(n).unwrap();
        let event = match *op {
            Op::CreateDir => Event::MakeFolder(path),
            Op::CreateFile => Event::MakeFile(path),
            Op::Write { offset, bytes } => Event::Write { path, offset: number(offset), bytes: bytes.to_owned() },
            Op::Preallocate { offset, len } => Event::Grow { path, len: number(offset + len) },
            Op::SetLen { len } => Event::SetLen { path, len: number(len) },
            Op::SyncFile => Event::SyncFile { path, covers: BEGUN.get() },
            Op::SyncDir => Event::SyncFolder { path, covers: BEGUN.get() },
            Op::Rename { to, .. } => Event::Rename { from: path, to: to.to_owned() },
            Op::Link { to } => Event::Link { from: path, to: to.to_owned() },
            Op::Unlink => Event::Unlink(path),
            _ => return,
        };
        self.events.lock().unwrap().push(event);
    }
}
