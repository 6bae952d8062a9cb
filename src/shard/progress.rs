//! How far a save has come, and whether it shall go on.

use crate::error::{Error, ErrorKind, Result};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Shared by a save in flight and by those who watch it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes_total: AtomicU64,
    bytes_done: AtomicU64,
    is_cancelled: AtomicBool,
    waiting: AtomicUsize,
    is_in_background: bool,
}

impl Progress {
    /// Of a save that nobody waits for yet.
    pub(crate) fn in_background() -> Self {
        Self { is_in_background: true, ..Self::default() }
    }

    /// Whether the program goes on meanwhile, and shall have the processor first.
    pub(crate) fn is_in_background(&self) -> bool {
        self.is_in_background
    }

    /// Says how many bytes of values have to be looked at.
    pub(crate) fn expect(&self, bytes_total: u64) {
        self.bytes_total.store(bytes_total, Ordering::Relaxed);
    }

    /// Counts bytes that have been looked at, and written if they had changed.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes done, and bytes in all.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.bytes_done.load(Ordering::Relaxed), self.bytes_total.load(Ordering::Relaxed))
    }

    /// One more thread waits until some value has been written.
    pub(crate) fn add_waiting(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// One thread fewer does.
    pub(crate) fn remove_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether somebody waits until some value has been written.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Asks the save to end. It may have passed the point where it still can.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// `save_cancelled`.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::SaveCancelled, "the save was cancelled")
                .advise("nothing of it is durable, and the next save covers what it would have"));
        }
        Ok(())
    }
}
