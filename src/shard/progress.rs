//! How far a save has come, and whether it shall go on.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::shard::pace::Pace;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::thread;

/// Who begins to wait for a save that rests does so at most this long.
const REST_MAX: Duration = Duration::from_millis(2);

/// Shared by a save in flight and by those who watch it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes_total: AtomicU64,
    bytes_done: AtomicU64,
    is_cancelled: AtomicBool,
    waiting: AtomicUsize,
    /// Of a save in the background.
    pace: Option<Pace>,
}

impl Progress {
    /// Of a save that nobody waits for yet.
    pub(crate) fn in_background(pace: Pace) -> Self {
        Self { pace: Some(pace), ..Self::default() }
    }

    /// Whether the program goes on meanwhile, and shall have the processor first.
    pub(crate) fn is_in_background(&self) -> bool {
        self.pace.is_some()
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

    /// To be called between two chunks, with nothing locked: a save that is in no hurry rests here.
    ///
    /// # Errors
    /// `save_cancelled`.
    pub(crate) fn go_on(&self) -> Result<()> {
        self.check()?;
        if let Some(pace) = &self.pace {
            loop {
                let (done, total) = self.bytes();
                let rest = pace.rest(done, total.saturating_sub(done), self.is_awaited(), Instant::now());
                if rest.is_zero() {
                    break;
                }
                thread::sleep(rest.min(REST_MAX));
                self.check()?;
            }
        }
        Ok(())
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
