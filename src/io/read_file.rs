//! A file open for reading.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::map::Mapping;
use super::new_file::is_unsupported;
use super::tap::{self, Op, Tap};
use crate::error::{Error, Result};
use crate::memory::ALIGNMENT;

/// A regular file open for reading; its length is the one it had when it was opened.
///
/// It stays readable when its name is removed. Threads may share it: reads are positioned.
pub(crate) struct ReadFile {
    file: File,
    path: PathBuf,
    tap: Arc<dyn Tap>,
    len: u64,
}

impl ReadFile {
    /// Opens a file of a store. What is no regular file there (a link, a pipe) was not put there by us.
    pub(super) fn open(path: PathBuf, tap: Arc<dyn Tap>) -> Result<Self> {
        let refused = |what| Error::corrupt(what).advise("a store holds plain files only").in_file(&path);
        // Without NONBLOCK, opening a pipe would wait for a writer; regular files do not care.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let opened = tap::retrying(&*tap, Op::OpenFile, &path, |_| {
            let file = File::from(rustix::fs::open(&path, flags, Mode::empty())?);
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = match opened {
            Ok(opened) => opened,
            Err(e) if is(&e, Errno::LOOP) => {
                return Err(refused("a symbolic link stands where a file should").caused_by(e));
            }
            Err(e) if is(&e, Errno::NXIO) => return Err(refused("something stands there that is not a regular file")),
            Err(e) => return Err(Error::io("open the file", &path, e)),
        };
        if metadata.is_dir() {
            return Err(refused("a folder stands where a file should"));
        }
        if !metadata.is_file() {
            return Err(refused("something stands there that is not a regular file"));
        }
        Ok(Self { file, path, tap, len: metadata.len() })
    }

    #[cfg(feature = "interop")]
    /// Opens a file that is none of a store's. Links are followed: caches of models are made of them.
    pub(crate) fn open_anywhere(path: &Path) -> Result<Self> {
        // Without NONBLOCK, opening a pipe would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let tap = super::NoTap::shared();
        let opened = tap::retrying(&*tap, Op::OpenFile, path, |_| {
            let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = opened.map_err(|e| Error::io("open the file", path, e))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "this is a folder" } else { "this is no regular file" };
            return Err(Error::new(crate::error::ErrorKind::InvalidArgument, what)
                .in_file(path)
                .advise("give the path of a file"));
        }
        Ok(Self { file, path: path.to_owned(), tap, len: metadata.len() })
    }

    /// A file that is open already.
    #[cfg(feature = "interop")]
    pub(super) fn of_file(file: File, path: PathBuf, tap: Arc<dyn Tap>, len: u64) -> Self {
        Self { file, path, tap, len }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The length when it was opened, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether nobody holds a lock on the file at this moment.
    pub(crate) fn is_unlocked(&self) -> Result<bool> {
        let locked = tap::retrying(&*self.tap, Op::Lock, &self.path, |_| match self.file.try_lock() {
            Ok(()) => self.file.unlock().map(|()| true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        });
        locked.map_err(|e| Error::io("ask for the lock of the file", &self.path, e))
    }

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// `corrupt`, if the file ends before; `io`, if the disk does not give the bytes.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let wanted = buffer.len();
        let (mut rest, mut at) = (buffer, offset);
        while !rest.is_empty() {
            let op = Op::Read { offset: at, len: rest.len() as u64 };
            let read = tap::retrying(&*self.tap, op, &self.path, |most| {
                let most = rest.len().min(most);
                self.file.read_at(&mut rest[..most], at)
            });
            match read.map_err(|e| Error::io("read the file", &self.path, e).at_offset(at))? {
                0 => return Err(self.too_short(wanted as u64, offset, at)),
                read => {
                    rest = &mut rest[read..];
                    at = at.saturating_add(read as u64);
                }
            }
        }
        Ok(())
    }

    /// Says that bytes will be wanted soon, so that the disk is not waited for one piece at a time. Only advice: nothing
    /// comes of its failing.
    pub(crate) fn will_need(&self, range: &Range<u64>) {
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        {
            let len = std::num::NonZeroU64::new(range.end.min(self.len).saturating_sub(range.start));
            if let Some(len) = len {
                let _advice = rustix::fs::fadvise(&self.file, range.start, Some(len), rustix::fs::Advice::WillNeed);
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
        let _ = range;
    }

    /// Brings bytes of this file into memory through its mapping; an error of the disk is an error then, and not a signal
    /// when they are touched. `false`, if the system cannot.
    pub(crate) fn populate(&self, mapping: &Mapping, range: &Range<u64>) -> Result<bool> {
        let op = Op::Read { offset: range.start, len: range.end - range.start };
        match tap::retrying(&*self.tap, op, &self.path, |_| mapping.populate(range.clone())) {
            Ok(()) => Ok(true),
            Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::Unsupported => Ok(false),
            Err(error) => Err(Error::io("read the file", &self.path, error).at_offset(range.start)),
        }
    }

    /// Maps the whole file. An error of the disk while a mapped byte is touched is a signal, not an error: check the
    /// bytes with [`ReadFile::read_exact_at`] first, or use [`ReadFile::load`].
    pub(crate) fn map(&self) -> Result<Mapping> {
        tap::retrying(&*self.tap, Op::Map { len: self.len }, &self.path, |_| Mapping::of_file(&self.file, self.len))
            .map_err(|e| Error::io("map the file", &self.path, e))
    }

    /// Reads the whole file into memory: what [`ReadFile::map`] gives, for files that may change or vanish under us.
    ///
    /// # Errors
    /// `corrupt`, if it has become shorter; `io`, if the disk does not give the bytes or memory does not hold them.
    pub(crate) fn load(&self) -> Result<Mapping> {
        // The room is reserved, and refused if there is none, before a byte is read; it is not zeroed first.
        let room = usize::try_from(self.len).ok().and_then(|len| len.checked_add(ALIGNMENT));
        let mut bytes: Vec<u8> = Vec::new();
        let reserved = room.is_some_and(|room| bytes.try_reserve_exact(room).is_ok());
        if !reserved {
            return Err(Error::io("find memory for the file", &self.path, io::ErrorKind::OutOfMemory.into()));
        }
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        bytes.resize(start, 0);
        let mut at = 0;
        while at < self.len {
            let op = Op::Read { offset: at, len: self.len - at };
            let read = tap::retrying(&*self.tap, op, &self.path, |most| {
                // A failed attempt may have left something behind.
                bytes.truncate(start + at as usize);
                let most = (self.len - at).min(most as u64);
                At { file: &self.file, at }.take(most).read_to_end(&mut bytes)
            });
            match read.map_err(|e| Error::io("read the file", &self.path, e).at_offset(at))? {
                0 => return Err(self.too_short(self.len, 0, at)),
                read => at += read as u64,
            }
        }
        Ok(Mapping::of_memory(bytes, start))
    }

    fn too_short(&self, wanted: u64, offset: u64, at: u64) -> Error {
        let end = at.min(self.len);
        let what = format!("the file ends at byte {end}, where {wanted} bytes from byte {offset} were expected");
        Error::corrupt(what).in_file(&self.path).at_offset(offset)
    }
}

impl fmt::Debug for ReadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadFile({}, {} bytes)", self.path.display(), self.len)
    }
}

/// A position in a file, so that reading to the end of a vector does not move the file's own.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests;
