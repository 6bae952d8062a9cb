//! A save that goes on while the program does.

use std::sync::Arc;

use crate::error::Result;
use crate::shard::Progress;
use crate::store::publish::Outcome;
use crate::store::publisher::Pending;
use crate::store::save::SaveReport;

/// A save in the background. What it saves is settled; dropping this does not stop it.
#[derive(Debug)]
#[must_use = "whether the save succeeded is known to `wait`"]
pub struct PendingSave {
    pending: Pending<Outcome>,
    progress: Arc<Progress>,
    left_out: Vec<String>,
}

/// How far a save has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveProgress {
    /// Bytes of values that have been looked at, and written where they had changed.
    pub bytes_done: u64,
    /// Bytes of all values to be looked at; 0 until the save's turn has come.
    pub bytes_total: u64,
}

impl PendingSave {
    pub(crate) fn new(pending: Pending<Outcome>, progress: Arc<Progress>, left_out: Vec<String>) -> Self {
        Self { pending, progress, left_out }
    }

    /// Waits until the save is durable.
    ///
    /// # Errors
    /// Those of [`Store::save`](crate::Store::save); `save_cancelled`; `earlier_save_failed`, if a save that was begun
    /// before, and that this one counted on, failed: nothing was lost, and the next save covers it.
    pub fn wait(self) -> Result<SaveReport> {
        let Self { pending, left_out, .. } = self;
        pending.wait().map(|outcome| report(outcome, left_out))
    }

    /// What came of the save, if it is over; otherwise the handle again.
    ///
    /// # Errors
    /// The handle, while the save goes on. What the save itself failed with is inside.
    pub fn try_wait(self) -> Result<Result<SaveReport>, Self> {
        match self.pending.poll() {
            Some(outcome) => Ok(outcome.map(|outcome| report(outcome, self.left_out))),
            None => Err(self),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> SaveProgress {
        let (bytes_done, bytes_total) = self.progress.bytes();
        SaveProgress { bytes_done, bytes_total }
    }

    /// Asks the save to end without a commit. It may have passed the point where it can: [`PendingSave::wait`] tells, by
    /// a report or by `save_cancelled`.
    pub fn cancel(&self) {
        self.progress.cancel();
    }
}

fn report(outcome: Outcome, left_out: Vec<String>) -> SaveReport {
    let Outcome { number, id, summary, is_new } = outcome;
    let bytes_new = if is_new { summary.bytes_new } else { 0 };
    let (variables, bytes_shared) = (summary.variables, summary.bytes_total.saturating_sub(bytes_new));
    SaveReport { number, id, is_new, variables, bytes_new, bytes_shared, left_out }
}
