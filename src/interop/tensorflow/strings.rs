//! Byte strings: there, their lengths as varints, a checksum of the lengths, then the bytes; here, a table of offsets,
//! then the bytes.

use super::block::{put_varint, varint};
use super::checksum::mask;
use crate::error::{Error, ErrorKind, Result};
use crate::io::ReadFile;
use crate::strings::Strings;

const CHECKSUM_BYTES: u64 = 4;

/// Varints are read in pieces of this.
const READ_BYTES: usize = 64 << 10;

/// The longest varint.
const VARINT_BYTES_MAX: usize = 10;

/// The lengths of a tensor of strings, and where its bytes are.
#[derive(Debug)]
pub(crate) struct StringLengths {
    /// The table of offsets, as our values have it.
    pub(crate) table: Vec<u8>,
    /// Where in the file the bytes begin.
    pub(crate) text_offset: u64,
    pub(crate) text_bytes: u64,
    /// The checksum so far: of the lengths and of their checksum.
    pub(crate) crc: u32,
}

/// Reads and checks the lengths of `count` strings that lie in `size` bytes from `offset` on.
///
/// # Errors
/// `corrupt`, `io`; `shape_too_large`, if there is no memory for the table.
pub(crate) fn read_lengths(file: &ReadFile, offset: u64, size: u64, count: u64) -> Result<StringLengths> {
    let corrupt = |what: String| Error::new(ErrorKind::Corrupt, what).at_offset(offset);
    let too_few = || corrupt(format!("{size} bytes cannot hold {count} byte strings"));
    // Each length takes a byte at least.
    let lengths_most = size.checked_sub(CHECKSUM_BYTES).filter(|most| count <= *most).ok_or_else(too_few)?;
    let mut table = Vec::new();
    table.try_reserve_exact((count as usize + 1) * 8).map_err(|error| {
        Error::new(ErrorKind::ShapeTooLarge, format!("there is no memory for the lengths of {count} byte strings"))
            .caused_by(error)
    })?;
    table.extend(0_u64.to_le_bytes());
    let (mut room, mut used, mut read) = (Vec::new(), 0, 0_u64);
    let (mut text_bytes, mut crc) = (0_u64, 0);
    for _ in 0..count {
        if room.len() - used < VARINT_BYTES_MAX && read < lengths_most {
            room.drain(..used);
            used = 0;
            let more = (READ_BYTES as u64).min(lengths_most - read) as usize;
            let kept = room.len();
            room.resize(kept + more, 0);
            file.read_exact_at(&mut room[kept..], offset + read)?;
            read += more as u64;
        }
        let mut rest = &room[used..];
        let length = varint(&mut rest).ok_or_else(too_few)?;
        used = room.len() - rest.len();
        text_bytes = text_bytes.checked_add(length).filter(|bytes| *bytes <= size).ok_or_else(too_few)?;
        table.extend(text_bytes.to_le_bytes());
        crc = extend_by_length(crc, length);
    }
    let lengths_bytes = read - (room.len() - used) as u64;
    if lengths_bytes + CHECKSUM_BYTES + text_bytes != size {
        let what = format!("the lengths of the byte strings add up to {text_bytes} bytes, which do not fill {size}");
        return Err(corrupt(what));
    }
    let mut stored = [0; CHECKSUM_BYTES as usize];
    file.read_exact_at(&mut stored, offset + lengths_bytes)?;
    let (expected, found) = (u32::from_le_bytes(stored), mask(crc));
    // A fuzzer cannot guess checksums.
    if expected != found && !cfg!(fuzzing) {
        let what =
            format!("the lengths of the byte strings fail their checksum: expected {expected:08x}, found {found:08x}");
        return Err(corrupt(what).at_offset(offset + lengths_bytes));
    }
    let crc = crc32c::crc32c_append(crc, &stored);
    Ok(StringLengths { table, text_offset: offset + lengths_bytes + CHECKSUM_BYTES, text_bytes, crc })
}

/// Takes one length into the running checksum: the number as four bytes, or eight if it needs them.
pub(crate) fn extend_by_length(crc: u32, length: u64) -> u32 {
    match u32::try_from(length) {
        Ok(short) => crc32c::crc32c_append(crc, &short.to_le_bytes()),
        Err(_) => crc32c::crc32c_append(crc, &length.to_le_bytes()),
    }
}

/// Hands out the bytes of a tensor of strings as the data file has them; gives their checksum.
pub(crate) fn write(strings: Strings<'_>, mut put: impl FnMut(&[u8]) -> Result<()>) -> Result<u32> {
    let mut lengths = Vec::new();
    let mut crc = 0;
    for string in strings.iter() {
        put_varint(&mut lengths, string.len() as u64);
        crc = extend_by_length(crc, string.len() as u64);
    }
    let checksum = mask(crc).to_le_bytes();
    lengths.extend(checksum);
    put(&lengths)?;
    crc = crc32c::crc32c_append(crc, &checksum);
    for string in strings.iter() {
        crc = crc32c::crc32c_append(crc, string);
        put(string)?;
    }
    Ok(crc)
}
