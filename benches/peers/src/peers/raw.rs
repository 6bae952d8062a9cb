//! The limit: nothing but bytes, brought to the disk as fast as it takes them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;

/// What a direct write must start on, in memory and in the file.
const ALIGNMENT: usize = 4096;

/// What one write takes.
const BLOCK_BYTES: usize = 4 << 20;

/// Writes the pieces one after another into a new file: room reserved first, then blocks from `threads` threads, each with one
/// aligned buffer that it uses again, past the page cache if the file system can; at the end one fdatasync, and one of the
/// folder. What varkeep does besides (checksums, hashes, placing, manifests, a commit) is what the ratio shows.
pub(crate) fn write(path: &Path, pieces: &[&[u8]], threads: usize) -> Result<()> {
    let file = create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let source = Source::new(pieces);
    let room = source.len().next_multiple_of(ALIGNMENT);
    if room > 0 {
        fallocate(&file, FallocateFlags::empty(), 0, room as u64).context("cannot reserve room")?;
    }
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        let mut room = vec![0; BLOCK_BYTES + ALIGNMENT];
        let start = room.as_ptr().align_offset(ALIGNMENT);
        let buffer = &mut room[start..start + BLOCK_BYTES];
        loop {
            let offset = next.fetch_add(1, Ordering::Relaxed) * BLOCK_BYTES;
            if offset >= source.len() {
                return Ok(());
            }
            let len = source.copy_to(offset, buffer);
            let padded = len.next_multiple_of(ALIGNMENT);
            buffer[len..padded].fill(0);
            file.write_all_at(&buffer[..padded], offset as u64)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a writer does not panic"))
    })
    .context("cannot write")?;
    file.set_len(source.len() as u64)?;
    file.sync_data()?;
    File::open(path.parent().context("a file is in a folder")?)?.sync_all()?;
    Ok(())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let direct = options.clone().custom_flags(OFlags::DIRECT.bits().cast_signed()).open(path);
    match direct {
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
            // The file system has no direct writes; on some the file is there nevertheless.
            options.create_new(false).create(true).truncate(true).open(path)
        }
        opened => opened,
    }
}

/// Many pieces as one run of bytes.
struct Source<'a> {
    pieces: &'a [&'a [u8]],
    /// Where each piece ends.
    ends: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(pieces: &'a [&'a [u8]]) -> Self {
        let ends = pieces.iter().scan(0, |end, piece| {
            *end += piece.len();
            Some(*end)
        });
        Self { pieces, ends: ends.collect() }
    }

    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Fills the buffer from `offset` on and says how many bytes there were.
    fn copy_to(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        let first = self.ends.partition_point(|end| *end <= offset);
        for (piece, end) in self.pieces[first..].iter().zip(&self.ends[first..]) {
            let from = offset + filled - (end - piece.len());
            let len = (piece.len() - from).min(buffer.len() - filled);
            buffer[filled..filled + len].copy_from_slice(&piece[from..from + len]);
            filled += len;
            if filled == buffer.len() {
                break;
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_pieces_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        for lens in [vec![], vec![0, 3], vec![4096], vec![50 << 10; 300], vec![1, BLOCK_BYTES, 7, BLOCK_BYTES * 2 + 5]]
        {
            let pieces: Vec<Vec<u8>> = lens.iter().map(|len| (0..*len).map(|_| fastrand::u8(..)).collect()).collect();
            let views: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let path = folder.path().join(format!("{}", lens.len()));
            write(&path, &views, 2).unwrap();
            assert!(std::fs::read(&path).unwrap() == pieces.concat(), "{lens:?}");
        }
    }
}
