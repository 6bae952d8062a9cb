//! A file without a name: what is unpacked once to be read in any order, and vanishes with the process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{NewFile, NoTap, ReadFile};
use crate::error::{Error, Result};

/// An unnamed file that is being filled, in the system's folder for temporary files.
#[derive(Debug)]
pub(crate) struct Spill {
    file: NewFile,
    of: PathBuf,
    len: u64,
}

impl Spill {
    /// Makes one for what is unpacked from the file at `of`, which messages name.
    pub(crate) fn create(of: &Path) -> Result<Self> {
        let file =
            tempfile::tempfile().map_err(|error| Error::io("make a temporary file to unpack it into", of, error))?;
        Ok(Self { file: NewFile::of_file(file, of.to_owned(), NoTap::shared()), of: of.to_owned(), len: 0 })
    }

    /// Appends bytes.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.len += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// The file, for reading.
    pub(crate) fn finish(self) -> Arc<ReadFile> {
        let file: File = self.file.into_file();
        Arc::new(ReadFile::of_file(file, self.of, NoTap::shared(), self.len))
    }
}
