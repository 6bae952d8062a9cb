//! A file inside the zip: as it lies, or unpacked.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::read::DeflateDecoder;

use super::header::Header;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::file::Cursor;
use crate::io::{ReadFile, Spill};
use crate::sync::atomic::{AtomicBool, Ordering};

/// Checksums are taken, and bytes unpacked, in pieces of this.
const PIECE_BYTES: usize = 256 << 10;

/// Where a member lies in its zip, and what it should be.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) zip: Arc<ReadFile>,
    pub(crate) start: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) is_deflated: bool,
    /// Unpacked.
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
    /// Whether the checksum held, in this process.
    pub(crate) checked: AtomicBool,
}

impl Member {
    /// Reads it from its first byte on, unpacked, and checks it when the last one comes.
    pub(crate) fn unpack(&self) -> Result<Unpacking<'_>> {
        let mut cursor = Cursor::new(Arc::clone(&self.zip));
        cursor.seek(SeekFrom::Start(self.start)).map_err(|error| self.corrupt("it cannot be read").caused_by(error))?;
        let stored = cursor.take(self.stored_bytes);
        let reader: Box<dyn Read> =
            if self.is_deflated { Box::new(DeflateDecoder::new(stored)) } else { Box::new(stored) };
        Ok(Unpacking { member: self, reader, hasher: crc32fast::Hasher::new(), left: self.bytes })
    }

    /// Checks the checksum of a member that is not compressed, unless it has been checked before.
    pub(crate) fn check(&self) -> Result<()> {
        if self.checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.unpack()?.skip(self.bytes)
    }

    /// Unpacks it into a file without a name.
    pub(crate) fn spill(&self) -> Result<Arc<ReadFile>> {
        let mut spill = Spill::create(self.zip.path())?;
        let mut unpacking = self.unpack()?;
        let mut room = vec![0; PIECE_BYTES];
        while unpacking.left > 0 {
            let part = &mut room[..(unpacking.left.min(PIECE_BYTES as u64)) as usize];
            unpacking.fill(part)?;
            spill.write_all(part)?;
        }
        Ok(spill.finish())
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::new(ErrorKind::Corrupt, what).in_file(self.zip.path()).at_offset(self.start)
    }
}

/// A member that is being read from front to back.
pub(crate) struct Unpacking<'a> {
    member: &'a Member,
    reader: Box<dyn Read>,
    hasher: crc32fast::Hasher,
    left: u64,
}

impl Unpacking<'_> {
    /// Fills the buffer with the next bytes. With the last one the checksum has been checked.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        let member = self.member;
        self.left = self
            .left
            .checked_sub(buffer.len() as u64)
            .ok_or_else(|| Error::new(ErrorKind::IndexOutOfRange, "the array ends before"))?;
        self.reader.read_exact(buffer).map_err(|error| {
            // An error of the disk is one of ours, wrapped.
            match error.downcast::<Error>() {
                Ok(ours) => ours,
                Err(error) => {
                    let what = match error.kind() {
                        io::ErrorKind::UnexpectedEof => "the array ends before the zip says it does",
                        _ => "the compressed bytes are ill-formed",
                    };
                    member.corrupt(what).caused_by(error)
                }
            }
        })?;
        self.hasher.update(buffer);
        if self.left == 0 {
            self.finish()?;
        }
        Ok(())
    }

    /// Reads on without looking.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<()> {
        let mut room = vec![0; PIECE_BYTES.min(bytes as usize)];
        let mut left = bytes;
        while left > 0 {
            let part = &mut room[..left.min(PIECE_BYTES as u64) as usize];
            self.fill(part)?;
            left -= part.len() as u64;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let member = self.member;
        let more = self.reader.read(&mut [0]).unwrap_or(0);
        if more > 0 {
            return Err(member.corrupt("the array goes on behind where the zip says it ends"));
        }
        let (expected, found) = (member.crc32, self.hasher.clone().finalize());
        // A fuzzer cannot guess checksums.
        if expected != found && !cfg!(fuzzing) {
            let what = format!("the array fails its checksum: expected {expected:08x}, found {found:08x}");
            return Err(member.corrupt(&what));
        }
        member.checked.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Read for Unpacking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.fill(&mut buffer[..len]).map_err(io::Error::other)?;
        Ok(len)
    }
}

/// Checks that a member is as long as its header says.
pub(crate) fn check_length(header: &Header, bytes: u64) -> Result<()> {
    if header.len_bytes.checked_add(header.data_bytes) == Some(bytes) {
        return Ok(());
    }
    let what = format!(
        "an array of shape {} has {} bytes behind its header, and {} are there",
        header.shape,
        header.data_bytes,
        bytes.saturating_sub(header.len_bytes)
    );
    Err(Error::new(ErrorKind::Corrupt, what))
}
