//! A folder and what can be done in it.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::tap::{self, Op, Tap};
use super::{FileIdentity, NewFile, ReadFile};
use crate::error::{Error, Result};

/// A handle of a folder, by its absolute path; clones are the same handle.
///
/// Names are single components. Nothing made, moved or removed is durable before [`Dir::sync`] returns.
#[derive(Clone)]
pub(crate) struct Dir {
    path: Arc<Path>,
    tap: Arc<dyn Tap>,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) kind: Kind,
}

impl Entry {
    /// The name, if this is a file and the name is UTF-8, as those of a store are.
    pub(crate) fn file_name(&self) -> Option<&str> {
        if self.kind == Kind::File { self.name.to_str() } else { None }
    }
}

/// What a name in a folder stands for; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    File,
    Folder,
    Symlink,
    Other,
}

/// What became of putting a file under a name that must be free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Done,
    NameTaken,
}

impl Dir {
    /// Opens a folder that exists; the path may be a link to one.
    pub(crate) fn open(path: impl AsRef<Path>, tap: Arc<dyn Tap>) -> Result<Self> {
        let dir = Self::at(path.as_ref(), tap)?;
        dir.handle("open the folder")?;
        Ok(dir)
    }

    /// Makes a folder, and those above it that are missing, each made durable in its parent. One that exists is kept.
    pub(crate) fn create(path: impl AsRef<Path>, tap: Arc<dyn Tap>) -> Result<Self> {
        let dir = Self::at(path.as_ref(), tap)?;
        dir.make()?;
        Ok(dir)
    }

    /// The folder of this name inside this one, whether it exists or not.
    pub(crate) fn child(&self, name: &str) -> Self {
        Self { path: self.join(name).into(), tap: Arc::clone(&self.tap) }
    }

    /// As [`Dir::create`], for the folder of this name inside this one.
    pub(crate) fn create_child(&self, name: &str) -> Result<Self> {
        let child = self.child(name);
        child.make()?;
        Ok(child)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        debug_assert!(!matches!(name, "" | "." | "..") && !name.contains(['/', '\0']), "{name:?} is not a file name");
        self.path.join(name)
    }

    pub(crate) fn tap(&self) -> &Arc<dyn Tap> {
        &self.tap
    }

    /// What is in the folder, sorted by name.
    pub(crate) fn list(&self) -> Result<Vec<Entry>> {
        let list = || {
            let mut entries = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                // Gone since its name was read: no longer in the folder.
                let file_type = match entry.file_type() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    file_type => file_type?,
                };
                let kind = match file_type {
                    t if t.is_file() => Kind::File,
                    t if t.is_dir() => Kind::Folder,
                    t if t.is_symlink() => Kind::Symlink,
                    _ => Kind::Other,
                };
                entries.push(Entry { name: entry.file_name(), kind });
            }
            entries.sort_unstable();
            Ok(entries)
        };
        tap::retrying(&*self.tap, Op::List, &self.path, |_| list())
            .map_err(|e| Error::io("list the folder", &self.path, e))
    }

    /// Whether the name is there, be it a file, a folder or a link, even one that leads nowhere.
    pub(crate) fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.identity_of(name)?.is_some())
    }

    /// Which file has this name, if any.
    pub(crate) fn identity_of(&self, name: &str) -> Result<Option<FileIdentity>> {
        let path = self.join(name);
        let found = tap::retrying(&*self.tap, Op::Look, &path, |_| match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(|metadata| Some(FileIdentity::of(&metadata))),
        });
        found.map_err(|e| Error::io("look for the file", &path, e))
    }

    /// Refuses what stands under a name where only a folder of our own may be: a link would lead somewhere else.
    pub(crate) fn check_child(&self, name: &str) -> Result<()> {
        let path = self.join(name);
        let found = tap::retrying(&*self.tap, Op::Look, &path, |_| match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        });
        let refused =
            |what: &str| Error::corrupt(what).in_file(&path).advise("a store holds plain files and folders only");
        match found.map_err(|e| Error::io("look for the folder", &path, e))? {
            Some(metadata) if metadata.is_symlink() => Err(refused("a symbolic link stands where a folder should")),
            Some(metadata) if !metadata.is_dir() => Err(refused("something stands there that is no folder")),
            // What needs a folder that is missing says so itself.
            Some(_) | None => Ok(()),
        }
    }

    /// Makes a file for writing; the name must be free.
    pub(crate) fn create_file(&self, name: &str) -> Result<NewFile> {
        NewFile::create(self.join(name), Arc::clone(&self.tap))
    }

    /// Opens a file for reading: a regular one, not a link to one.
    pub(crate) fn open_file(&self, name: &str) -> Result<ReadFile> {
        ReadFile::open(self.join(name), Arc::clone(&self.tap))
    }

    /// As [`Dir::open_file`]; `None` if there is no file of this name.
    pub(crate) fn find_file(&self, name: &str) -> Result<Option<ReadFile>> {
        match self.open_file(name) {
            Err(error) if super::is_not_found(&error) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Renames a file; one that has the new name is replaced in the same instant.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.join(from), self.join(to));
        tap::retrying(&*self.tap, Op::Rename { to: &to, replace: true }, &from, |_| fs::rename(&from, &to))
            .map_err(|e| Error::io("rename the file", &from, e))
    }

    /// Renames a file if the new name is free. Not every file system can: see [`Dir::link_new`].
    pub(crate) fn rename_new(&self, from: &str, to: &str) -> Result<Placed> {
        let (from, to) = (self.join(from), self.join(to));
        let renamed = tap::retrying(&*self.tap, Op::Rename { to: &to, replace: false }, &from, |_| {
            Ok(renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE)?)
        });
        placed(renamed).map_err(|e| Error::io("rename the file", &from, e))
    }

    /// Gives a file a second name if that is free. Not every file system can: see [`Dir::rename_new`].
    pub(crate) fn link_new(&self, from: &str, to: &str) -> Result<Placed> {
        let (from, to) = (self.join(from), self.join(to));
        let linked = tap::retrying(&*self.tap, Op::Link { to: &to }, &from, |_| fs::hard_link(&from, &to));
        placed(linked).map_err(|e| Error::io("link the file", &from, e))
    }

    /// Removes a file; one that is gone already is fine, so an interrupted clean-up can be repeated.
    pub(crate) fn unlink(&self, name: &str) -> Result<()> {
        let path = self.join(name);
        gone(tap::retrying(&*self.tap, Op::Unlink, &path, |_| fs::remove_file(&path)))
            .map_err(|e| Error::io("remove the file", &path, e))
    }

    /// Removes this folder with all that is in it; links inside are removed, not followed. Gone already is fine.
    pub(crate) fn remove_tree(&self) -> Result<()> {
        gone(tap::retrying(&*self.tap, Op::RemoveTree, &self.path, |_| fs::remove_dir_all(&self.path)))
            .map_err(|e| Error::io("remove the folder", &self.path, e))
    }

    /// Makes durable which names this folder holds.
    pub(crate) fn sync(&self) -> Result<()> {
        tap::retrying(&*self.tap, Op::SyncDir, &self.path, |_| open_folder(&self.path)?.sync_all())
            .map_err(|e| Error::io("make the folder durable", &self.path, e))
    }

    /// The open folder itself.
    pub(crate) fn handle(&self, what: &str) -> Result<File> {
        tap::retrying(&*self.tap, Op::OpenDir, &self.path, |_| open_folder(&self.path))
            .map_err(|e| Error::io(what, &self.path, e))
    }

    /// The path is made absolute, lest a later change of the working directory moves the store.
    fn at(path: &Path, tap: Arc<dyn Tap>) -> Result<Self> {
        let absolute = std::path::absolute(path).map_err(|e| Error::io("find the folder", path, e))?;
        Ok(Self { path: absolute.into(), tap })
    }

    fn make(&self) -> Result<()> {
        let parent = self.path.parent().map(|path| Self { path: path.into(), tap: Arc::clone(&self.tap) });
        let mut made = self.make_one();
        if let (Err(error), Some(parent)) = (&made, &parent)
            && error.kind() == io::ErrorKind::NotFound
        {
            parent.make()?;
            made = self.make_one();
        }
        made.map_err(|e| Error::io("create the folder", &self.path, e))?;
        // Also when it was there: whoever made it may have crashed before this.
        parent.map_or(Ok(()), |parent| parent.sync())
    }

    #[expect(
        clippy::create_dir,
        reason = "each folder made on the way has to be made durable, so we make one at a time"
    )]
    fn make_one(&self) -> io::Result<()> {
        tap::retrying(&*self.tap, Op::CreateDir, &self.path, |_| match fs::create_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.path.is_dir() => Ok(()),
            made => made,
        })
    }
}

impl fmt::Debug for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dir({})", self.path.display())
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?.into())
}

fn placed(result: io::Result<()>) -> io::Result<Placed> {
    match result {
        Ok(()) => Ok(Placed::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Placed::NameTaken),
        Err(error) => Err(error),
    }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
