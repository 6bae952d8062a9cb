//! Files as memory: the only unsafe code of this package.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result};
use memmap2::Mmap;

/// Maps a file for reading.
#[expect(unsafe_code, reason = "mapping asks for a promise about the file, which this file gives")]
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    // SAFETY: the file lies in a temporary folder that this run has made for itself, was written before by this process or its parent,
    // and is neither changed nor cut while the map lives: every case drops its maps before it removes its files.
    unsafe { Mmap::map(&file) }.with_context(|| format!("cannot map {}", path.display()))
}
