//! Writing a large file front to back at the speed of the disk: in large pieces from buffers that are used again and
//! again, past the page cache where the file system can, the next piece being filled while one is written.

use std::fmt;
use std::sync::Arc;

use super::{NewFile, is_disk_full};
use crate::error::{Error, Result};
use crate::memory::AlignedBytes;
use crate::sync::mpsc::{self, SyncSender};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// How much is written at once: enough for the disk, and so little that the buffers stay in the processor's cache.
const PIECE_BYTES: usize = 1 << 20;

/// What writes past the page cache have to start and end on, in memory and in the file.
const PAGE_BYTES: usize = 4096;

/// Room is asked of the file system in steps of this.
const PREALLOCATE_BYTES: u64 = 64 << 20;

/// Buffers kept for the next writers: fresh memory costs as much as the disk. A writer has at most three in hand.
const SPARE_MAX: usize = 6;

/// Buffers that writers take and give back.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<AlignedBytes>>);

impl Buffers {
    fn spare(&self) -> MutexGuard<'_, Vec<AlignedBytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> AlignedBytes {
        let spare = self.spare().pop();
        spare.unwrap_or_else(|| AlignedBytes::zeroed_on(PIECE_BYTES, PAGE_BYTES))
    }

    fn give_back(&self, buffer: AlignedBytes) {
        let mut spare = self.spare();
        if spare.len() < SPARE_MAX {
            spare.push(buffer);
        }
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffers({} spare)", self.spare().len())
    }
}

/// Writes a new file from its start to its end.
///
/// Up to one piece is written when the file is [finished](StreamWriter::finish), by the caller; more goes through a
/// thread of the file's own, so that bytes are brought together while the disk is busy.
pub(crate) struct StreamWriter {
    buffers: Arc<Buffers>,
    file: Arc<NewFile>,
    buffer: AlignedBytes,
    filled: usize,
    /// Where in the file the buffer begins.
    start: u64,
    drain: Option<Drain>,
}

/// Whole pages to be written.
struct Piece {
    buffer: AlignedBytes,
    len: usize,
    start: u64,
}

/// The thread that writes pieces.
struct Drain {
    pieces: SyncSender<Piece>,
    thread: JoinHandle<Result<()>>,
}

impl StreamWriter {
    pub(crate) fn new(file: NewFile, buffers: &Arc<Buffers>) -> Self {
        file.write_direct();
        let (buffers, file) = (Arc::clone(buffers), Arc::new(file));
        let buffer = buffers.take();
        Self { buffers, file, buffer, filled: 0, start: 0, drain: None }
    }

    /// How long the file is so far.
    pub(crate) fn len(&self) -> u64 {
        self.start + self.filled as u64
    }

    /// Writes behind what was written so far.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.filled));
            self.buffer.as_mut_slice()[self.filled..][..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == PIECE_BYTES {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Waits until so many bytes, up to a piece less a page, can be appended without waiting for the disk.
    pub(crate) fn make_room(&mut self, len_bytes: u64) -> Result<()> {
        if len_bytes > (PIECE_BYTES - self.filled) as u64 && self.filled >= PAGE_BYTES {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Hands the whole pages of the buffer to the thread and takes another buffer, with what is left over.
    fn hand_over(&mut self) -> Result<()> {
        let drain = match self.drain.take() {
            Some(drain) => drain,
            None => Drain::start(&self.file, &self.buffers)?,
        };
        let mut next = self.buffers.take();
        let len = self.filled - self.filled % PAGE_BYTES;
        let over = &self.buffer.as_slice()[len..self.filled];
        next.as_mut_slice()[..over.len()].copy_from_slice(over);
        let piece = Piece { buffer: std::mem::replace(&mut self.buffer, next), len, start: self.start };
        (self.start, self.filled) = (self.start + len as u64, self.filled - len);
        if drain.pieces.send(piece).is_err() {
            return Err(drain.join().expect_err("the thread ends before its time only with an error"));
        }
        self.drain = Some(drain);
        Ok(())
    }

    /// Writes what is left, and cuts the file to its length. It is not durable yet.
    ///
    /// # Errors
    /// Those of writing; the file has been removed then, as far as that was possible.
    pub(crate) fn finish(mut self) -> Result<NewFile> {
        match self.write_rest() {
            Ok(()) => Ok(self.into_file()),
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    fn write_rest(&mut self) -> Result<()> {
        self.drain.take().map_or(Ok(()), Drain::join)?;
        let len = self.len();
        // Whole pages, the last one filled up with zeros, which the file then loses again.
        let whole = self.filled.next_multiple_of(PAGE_BYTES);
        let rest = &mut self.buffer.as_mut_slice()[..whole];
        rest[self.filled..].fill(0);
        self.file.write_all_at(rest, self.start)?;
        self.file.set_len(len)
    }

    /// Gives up the file and removes it.
    pub(crate) fn discard(mut self) {
        // Its error is of no interest any more.
        let _ended = self.drain.take().map(Drain::join);
        self.into_file().discard();
    }

    fn into_file(self) -> NewFile {
        self.buffers.give_back(self.buffer);
        Arc::into_inner(self.file).expect("the thread that shared it has ended")
    }
}

impl Drain {
    fn start(file: &Arc<NewFile>, buffers: &Arc<Buffers>) -> Result<Self> {
        let (pieces, inbox) = mpsc::sync_channel::<Piece>(1);
        let path = file.path().to_owned();
        let (file, buffers) = (Arc::clone(file), Arc::clone(buffers));
        let work = move || {
            let mut reserved = 0;
            for Piece { buffer, len, start } in inbox {
                let end = start + len as u64;
                if end > reserved {
                    reserved = end.next_multiple_of(PREALLOCATE_BYTES);
                    match file.preallocate(start, reserved - start) {
                        // There may still be room for what is really written.
                        Err(error) if is_disk_full(&error) => {}
                        done => done?,
                    }
                }
                file.write_all_at(&buffer.as_slice()[..len], start)?;
                buffers.give_back(buffer);
            }
            Ok(())
        };
        let thread = thread::spawn_named("varkeep-writer", work);
        let thread = thread.map_err(|error| Error::io("start a thread that writes the file", &path, error))?;
        Ok(Self { pieces, thread })
    }

    /// Waits until everything handed over is written.
    fn join(self) -> Result<()> {
        drop(self.pieces);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests;
