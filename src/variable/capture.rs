//! The value that a variable had when a save began, for as long as the save has not written it.
//!
//! A save takes no copy and holds no lock. It reads what the variable holds, a chunk at a time, and whoever changes the
//! variable meanwhile sees to it first that what is not written yet is not lost: bytes about to be changed in place are
//! copied, a value about to be replaced is handed over. Both are charged to a budget; where that is spent the change
//! waits, and the save writes that variable next.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::id::CommitId;
use crate::memory::Memory;
use crate::shard::{Payload, Progress, Stored, Value};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};
use crate::variable::single::{Single, State};

/// A captured value.
#[derive(Debug)]
pub(crate) struct Capture {
    single: Arc<Single>,
    /// Which value it is.
    serial: u64,
    len_bytes: u64,
    /// What is looked at, and preserved, at once.
    chunk_bytes: u64,
    progress: Arc<Progress>,
    /// How many threads wait for it.
    waiting: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The value, once the variable may hold another one. Until then the variable's lock guards it.
    own: Option<Arc<Payload>>,
    /// Chunks as they were before those of the variable were changed in place.
    preserved: HashMap<u64, Memory>,
    /// What is below has been written.
    written_below: u64,
    /// Whether bytes of the variable's value were changed in place since.
    is_changed: bool,
    charged: u64,
}

impl Capture {
    /// Captures the value that a variable holds; `state` is the variable's, locked against changes.
    pub(crate) fn of(single: &Arc<Single>, state: &State, progress: &Arc<Progress>) -> Self {
        // What lies on the disk is never changed in place.
        let own = state.payload.is_on_disk().then(|| Arc::clone(&state.payload));
        let inner = Mutex::new(Inner { own, ..Inner::default() });
        Self {
            single: Arc::clone(single),
            serial: state.payload.serial(),
            len_bytes: state.payload.len_bytes(),
            chunk_bytes: state.statics.chunk_bytes,
            progress: Arc::clone(progress),
            waiting: AtomicUsize::new(0),
            inner,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change of it is whole before anything that can fail.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares for these bytes of the variable's value to be changed in place: says whether they can be by now.
    pub(crate) fn preserve(&self, payload: &Payload, bytes: &Range<u64>) -> Result<bool> {
        let mut inner = self.inner();
        if inner.own.is_none() {
            let start = bytes.start.max(inner.written_below);
            let end = bytes.end.clamp(start, self.len_bytes.max(start));
            for chunk in start / self.chunk_bytes..end.div_ceil(self.chunk_bytes) {
                let range = self.range_of(chunk);
                if range.end <= inner.written_below || inner.preserved.contains_key(&chunk) {
                    continue;
                }
                let len = range.end - range.start;
                if !self.single.reserve().charge(len) {
                    return Ok(false);
                }
                inner.charged += len;
                inner.preserved.insert(chunk, self.single.reserve().copy(payload.bytes_in(range)?));
            }
        }
        inner.is_changed = true;
        Ok(true)
    }

    /// Prepares for the variable's value to be replaced: says whether it can be by now.
    pub(crate) fn hand_over(&self, payload: &Arc<Payload>) -> bool {
        let mut inner = self.inner();
        if inner.own.is_none() && inner.written_below < self.len_bytes {
            if !self.single.reserve().charge(self.len_bytes) {
                return false;
            }
            inner.charged += self.len_bytes;
            inner.own = Some(Arc::clone(payload));
        }
        true
    }

    /// Asks the save to write this value next.
    pub(crate) fn begin_waiting(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.progress.add_waiting();
    }

    /// Takes back what [`Capture::begin_waiting`] asked.
    pub(crate) fn end_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.progress.remove_waiting();
    }

    /// Notes that a commit holds the value now.
    pub(crate) fn committed(&self, commit: CommitId, stored: &Arc<Stored>) {
        let mut state = self.single.state_mut();
        if !self.inner().is_changed && state.payload.serial() == self.serial {
            state.payload.mark_durable(Arc::clone(stored));
        }
        state.set_committed(commit, stored);
    }

    /// Whether writing it has begun, so that it need not be whole any more.
    pub(crate) fn is_begun(&self) -> bool {
        self.inner().written_below > 0
    }

    fn range_of(&self, chunk: u64) -> Range<u64> {
        let start = chunk * self.chunk_bytes;
        start..(start + self.chunk_bytes).min(self.len_bytes)
    }

    fn let_go(&self, inner: &mut Inner) {
        let reserve = self.single.reserve();
        reserve.release(std::mem::take(&mut inner.charged));
        let own = inner.own.take().and_then(Payload::into_memory);
        for memory in inner.preserved.drain().map(|(_, memory)| memory).chain(own) {
            reserve.recycle(memory);
        }
    }
}

impl Value for Capture {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn base(&self) -> Option<Arc<Stored>> {
        self.single.state().base.clone()
    }

    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let state = self.single.state();
        let inner = self.inner();
        if let Some(memory) = inner.preserved.get(&(range.start / self.chunk_bytes)) {
            let start = range.start % self.chunk_bytes;
            return look(&memory.bytes()[start as usize..(start + range.end - range.start) as usize]);
        }
        if let Some(own) = inner.own.clone() {
            drop((inner, state));
            return own.look(range, look);
        }
        if state.payload.serial() != self.serial {
            // Better no checkpoint than one with a value that came later.
            return Err(Error::new(ErrorKind::StoreLatched, "a value was replaced while a save read it"));
        }
        state.payload.look(range, look)
    }

    fn done_below(&self, end: u64) {
        let mut inner = self.inner();
        inner.written_below = end;
        if end == self.len_bytes {
            self.let_go(&mut inner);
        } else if !inner.preserved.is_empty() {
            let Inner { preserved, charged, .. } = &mut *inner;
            let is_written = |chunk: &u64, _: &mut Memory| self.range_of(*chunk).end <= end;
            for (_, memory) in preserved.extract_if(is_written) {
                let len = memory.bytes().len() as u64;
                *charged -= len;
                self.single.reserve().release(len);
                self.single.reserve().recycle(memory);
            }
        }
        drop(inner);
        self.single.reserve().notify();
    }

    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let mut inner = std::mem::take(self.inner.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.let_go(&mut inner);
    }
}
