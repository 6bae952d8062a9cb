//! A file that is being written, once, by whoever made it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::FileIdentity;
use super::tap::{self, Op, Tap};
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicBool, Ordering};

/// A file open for writing that did not exist before.
///
/// Dropping it closes it and leaves it where it is, written or not: an unfinished file carries a name nobody refers to
/// and is removed with the other orphans when the store is next opened, as after a crash. [`NewFile::discard`] removes
/// it at once. It is durable only after [`NewFile::sync_data`] *and* a sync of its folder.
#[must_use]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    tap: Arc<dyn Tap>,
    position: u64,
    /// Whether writes pass by the page cache.
    is_direct: AtomicBool,
}

impl NewFile {
    pub(super) fn create(path: PathBuf, tap: Arc<dyn Tap>) -> Result<Self> {
        let created = tap::retrying(&*tap, Op::CreateFile, &path, |_| File::create_new(&path));
        match created {
            Ok(file) => Ok(Self { file, path, tap, position: 0, is_direct: AtomicBool::new(false) }),
            Err(error) => Err(Error::io("create the file", &path, error)),
        }
    }

    /// A file that is open already, and empty.
    #[cfg(feature = "interop")]
    pub(super) fn of_file(file: File, path: PathBuf, tap: Arc<dyn Tap>) -> Self {
        Self { file, path, tap, position: 0, is_direct: AtomicBool::new(false) }
    }

    #[cfg(feature = "interop")]
    pub(super) fn into_file(self) -> File {
        self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes behind what was written so far.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Lets writes pass by the page cache, if the file system can: they have to come from pages and go to pages then.
    /// One that does not, or that the file system refuses after all, makes the file an ordinary one again.
    pub(crate) fn write_direct(&self) {
        self.is_direct.store(set_direct(&self.file, true).is_ok(), Ordering::Relaxed);
    }

    /// Writes at an offset; several threads may do so at once. [`NewFile::write_all`] knows nothing of it.
    pub(crate) fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let (mut rest, mut at) = (bytes, offset);
        while !rest.is_empty() {
            let op = Op::Write { offset: at, bytes: rest };
            let written = tap::retrying(&*self.tap, op, &self.path, |most| {
                let part = &rest[..rest.len().min(most)];
                let written = match self.file.write_at(part, at) {
                    Err(error) if is_unsupported(&error) && self.is_direct.swap(false, Ordering::Relaxed) => {
                        set_direct(&self.file, false)?;
                        self.file.write_at(part, at)?
                    }
                    written => written?,
                };
                if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
            });
            let written = written.map_err(|e| Error::io("write to the file", &self.path, e).at_offset(at))?;
            rest = &rest[written..];
            at += written as u64;
        }
        Ok(())
    }

    /// Reserves room, so that a full disk shows now and writes need not grow the file; the room reads as zeros and
    /// counts as part of the file until [`NewFile::set_len`]. Where the file system cannot, nothing happens.
    pub(crate) fn preallocate(&self, offset: u64, len: u64) -> Result<()> {
        if len == 0 {
            return Ok(());
        }
        let reserved = tap::retrying(&*self.tap, Op::Preallocate { offset, len }, &self.path, |_| {
            // macOS would cut a file that is longer already.
            if cfg!(target_vendor = "apple") && self.file.metadata()?.len() >= offset.saturating_add(len) {
                return Ok(());
            }
            Ok(fallocate(&self.file, FallocateFlags::empty(), offset, len)?)
        });
        match reserved {
            Err(error) if is_unsupported(&error) => Ok(()),
            reserved => reserved.map_err(|e| Error::io("reserve room for the file", &self.path, e)),
        }
    }

    /// Cuts or grows the file.
    pub(crate) fn set_len(&self, len: u64) -> Result<()> {
        tap::retrying(&*self.tap, Op::SetLen { len }, &self.path, |_| self.file.set_len(len))
            .map_err(|e| Error::io("set the length of the file", &self.path, e))
    }

    /// Makes the bytes and the length durable. After a failure the file is worthless: the kernel may have dropped what
    /// it could not write, and the next sync would not tell.
    pub(crate) fn sync_data(&self) -> Result<()> {
        tap::retrying(&*self.tap, Op::SyncFile, &self.path, |_| self.file.sync_data())
            .map_err(|e| Error::io("make the file durable", &self.path, e))
    }

    /// Lets the process open many more files without delay. Linux enlarges its table of open files when the 65th and the 257th are
    /// opened, and where threads share the table waits for all processors, 10 to 20 ms were measured: whoever calls this waits instead.
    pub(crate) fn make_room_for_others(&self) {
        // Who opens more than this notices nothing new. What is refused costs others time, and nothing else.
        #[cfg(target_os = "linux")]
        let _closed = rustix::io::fcntl_dupfd_cloexec(&self.file, 1023);
    }

    #[cfg(test)]
    /// The length now, reserved room included.
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.metadata()?.len())
    }

    pub(super) fn identity(&self) -> Result<FileIdentity> {
        self.metadata().map(|metadata| FileIdentity::of(&metadata))
    }

    /// Closes and removes the file. That it was worthless is the news, not whether it could be removed: the caller has
    /// an error to report already, and what is left is an orphan.
    pub(crate) fn discard(self) {
        let removed = tap::retrying(&*self.tap, Op::Unlink, &self.path, |_| std::fs::remove_file(&self.path));
        drop(removed);
    }

    fn metadata(&self) -> Result<std::fs::Metadata> {
        tap::retrying(&*self.tap, Op::Look, &self.path, |_| self.file.metadata())
            .map_err(|e| Error::io("look at the file", &self.path, e))
    }
}

impl fmt::Debug for NewFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewFile({})", self.path.display())
    }
}

/// Lets writes of an open file pass by the page cache, or through it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn set_direct(file: &File, direct: bool) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}

/// Elsewhere all writes go through the page cache.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn set_direct(_file: &File, direct: bool) -> io::Result<()> {
    if direct { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
}

/// Whether the file system says it has no such operation. Linux answers `EOPNOTSUPP`, an old kernel `ENOSYS`, some
/// network file systems `EINVAL`.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    [Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOSYS, Errno::INVAL]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests;
