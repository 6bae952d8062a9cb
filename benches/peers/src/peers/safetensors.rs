//! safetensors: its own writer and its own reader, as its documentation shows them.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors, View};

use crate::mapped;

/// How many tensors a file can hold, about: its header may take 100 MB, of which one with a name like ours takes 120 bytes.
pub(crate) const TENSORS_MAX: u64 = 500_000;

/// A tensor that is borrowed.
struct Borrowed<'a> {
    shape: [usize; 1],
    bytes: &'a [u8],
}

impl View for Borrowed<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.bytes.into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes f32 tensors with the library's file writer, which syncs nothing.
pub(crate) fn write<'a>(path: &Path, tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    let views = tensors.into_iter().map(|(name, bytes)| (name, Borrowed { shape: [bytes.len() / 4], bytes }));
    safetensors::serialize_to_file(views, None, path).with_context(|| format!("cannot write {}", path.display()))
}

/// As [`write()`], and makes the file durable.
pub(crate) fn write_durably<'a>(path: &Path, tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    write(path, tensors)?;
    File::open(path)?.sync_all()?;
    File::open(path.parent().context("a file is in a folder")?)?.sync_all()?;
    Ok(())
}

/// Maps a file and gives the first element of one tensor.
pub(crate) fn first_element(path: &Path, name: &str) -> Result<f32> {
    let map: Mmap = mapped::map(path)?;
    let file = SafeTensors::deserialize(&map)?;
    let bytes = file.tensor(name)?.data().first_chunk::<4>().copied().context("the tensor is empty")?;
    Ok(f32::from_le_bytes(bytes))
}
