//! Foreign files: opened wherever they lie, read by position, with errors that name the place.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::io::{self as disk, ReadFile};

/// Opens a file to be imported. Links are followed.
///
/// # Errors
/// `restore_no_checkpoint`, if there is none; `io`.
pub(crate) fn open(path: &Path) -> Result<Arc<ReadFile>> {
    ReadFile::open_anywhere(path).map(Arc::new).map_err(|error| {
        if disk::is_not_found(&error) {
            return Error::new(ErrorKind::RestoreNoCheckpoint, "there is no such file").in_file(path);
        }
        error
    })
}

/// A whole small file.
///
/// # Errors
/// As [`open`]; `corrupt`, if it is larger than `most`.
pub(crate) fn read_small(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    if file.len() > most {
        let what = format!("the file has {} bytes, and at most {most} make sense", file.len());
        return Err(Error::new(ErrorKind::Corrupt, what).in_file(path));
    }
    let mut bytes = vec![0; file.len() as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// A file as the standard library's traits want it; clones have positions of their own.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    file: Arc<ReadFile>,
    at: u64,
}

impl Cursor {
    pub(crate) fn new(file: Arc<ReadFile>) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.len().saturating_sub(self.at);
        let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.file.read_exact_at(&mut buffer[..len], self.at).map_err(io::Error::other)?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
