//! The index file: a sorted table of keys and values, in blocks, each with a checksum.

use super::block::{self, put_varint, varint};
use super::checksum::masked;
use crate::error::{Error, ErrorKind, Result};
use crate::io::ReadFile;

pub(crate) const FOOTER_BYTES: u64 = 48;
pub(crate) const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

/// Behind each block: how it is compressed, and a checksum.
const TRAILER_BYTES: usize = 5;

/// What snappy can make of a byte, at most: three bytes stand for up to 64.
const SNAPPY_RATIO_MAX: usize = 22;

/// Shared prefixes make keys out of nothing. Real tables stay far below this many bytes of keys for each of theirs.
const KEY_BYTES_PER_BYTE: u64 = 32;
const KEY_BYTES_FREE: u64 = 16 << 20;

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Handle {
    /// The handle as two varints.
    pub(crate) fn encoded(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, self.offset);
        put_varint(&mut bytes, self.size);
        bytes
    }

    fn parse(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { offset: varint(bytes)?, size: varint(bytes)? })
    }
}

/// Reads all keys and values in order.
///
/// # Errors
/// `corrupt`, with the offset; `unsupported_format`; `io`; those of `each`.
pub(crate) fn read(file: &ReadFile, mut each: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let footer_at = file
        .len()
        .checked_sub(FOOTER_BYTES)
        .ok_or_else(|| corrupt(format!("{} bytes are too few for the index of a checkpoint", file.len()), 0))?;
    let mut footer = [0; FOOTER_BYTES as usize];
    file.read_exact_at(&mut footer, footer_at)?;
    let (handles, magic) = footer.split_at(FOOTER_BYTES as usize - 8);
    if magic != MAGIC.to_le_bytes() {
        return Err(corrupt(
            "this is no index of a TensorFlow checkpoint: its last bytes are not those of one",
            footer_at + 40,
        )
        .advise("give the prefix of a V2 checkpoint; V1 checkpoints are one file without an index"));
    }
    let mut handles = handles;
    let ill_formed = || corrupt("the footer is ill-formed", footer_at);
    let metaindex = Handle::parse(&mut handles).ok_or_else(ill_formed)?;
    let index = Handle::parse(&mut handles).ok_or_else(ill_formed)?;
    // There is nothing in it, but its checksum counts.
    read_block(file, metaindex, footer_at)?;
    let mut blocks: Vec<(Vec<u8>, Handle)> = Vec::new();
    let contents = read_block(file, index, footer_at)?;
    let listed = block::entries(&contents, |key, mut value| {
        let handle = Handle::parse(&mut value).ok_or("the index block holds something that is no place of a block")?;
        blocks.push((key.to_vec(), handle));
        Ok(())
    });
    listed.map_err(|what| corrupt(what, index.offset))?;
    let allowed = KEY_BYTES_FREE.saturating_add(file.len().saturating_mul(KEY_BYTES_PER_BYTE));
    let mut key_bytes = 0_u64;
    let mut before: Option<Vec<u8>> = None;
    for (bound, handle) in blocks {
        let contents = read_block(file, handle, footer_at)?;
        let mut failed = None;
        let parsed = block::entries(&contents, |key, value| {
            if before.as_ref().is_some_and(|before| before.as_slice() >= key) {
                return Err("the keys of the table are not in order".to_owned());
            }
            key_bytes += key.len() as u64;
            if key_bytes > allowed {
                return Err("the keys of the table are too long for its size".to_owned());
            }
            let last = before.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            each(key, value).map_err(|error| {
                failed = Some(error);
                String::new()
            })
        });
        parsed.map_err(|what| failed.unwrap_or_else(|| corrupt(what, handle.offset)))?;
        if before.as_ref().is_some_and(|last| *last > bound) {
            return Err(corrupt("a block of the table holds a key beyond its bound", handle.offset));
        }
    }
    Ok(())
}

/// The contents of a block, checked and decompressed.
fn read_block(file: &ReadFile, handle: Handle, end: u64) -> Result<Vec<u8>> {
    let Handle { offset, size } = handle;
    let behind = offset.checked_add(size).and_then(|at| at.checked_add(TRAILER_BYTES as u64));
    if behind.is_none_or(|behind| behind > end) {
        return Err(corrupt(format!("a block of {size} bytes at byte {offset} leaves the file"), offset));
    }
    let mut stored = vec![0; size as usize + TRAILER_BYTES];
    file.read_exact_at(&mut stored, offset)?;
    let (checked, checksum) = stored.split_at(size as usize + 1);
    let (expected, found) = (u32::from_le_bytes(checksum.try_into().expect("four bytes follow")), masked(checked));
    // A fuzzer cannot guess checksums.
    if expected != found && !cfg!(fuzzing) {
        let what = format!("a block of the table fails its checksum: expected {expected:08x}, found {found:08x}");
        return Err(corrupt(what, offset));
    }
    let compression = checked[size as usize];
    stored.truncate(size as usize);
    match compression {
        0 => Ok(stored),
        1 => {
            let refused = |what: String| corrupt(what, offset);
            let len = snap::raw::decompress_len(&stored)
                .map_err(|error| refused("a compressed block is ill-formed".to_owned()).caused_by(error))?;
            if len > stored.len() * SNAPPY_RATIO_MAX + 64 {
                return Err(refused(format!("{size} compressed bytes cannot become {len}")));
            }
            snap::raw::Decoder::new()
                .decompress_vec(&stored)
                .map_err(|error| refused("a compressed block is ill-formed".to_owned()).caused_by(error))
        }
        other => {
            let what = format!("a block is compressed in way {other}, and only none (0) and snappy (1) are known");
            Err(Error::new(ErrorKind::UnsupportedFormat, what).at_offset(offset + size))
        }
    }
}

fn corrupt(what: impl Into<String>, offset: u64) -> Error {
    Error::new(ErrorKind::Corrupt, what).at_offset(offset)
}
