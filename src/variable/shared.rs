//! What all variables of one open store share: who changed since the last commit, memory to use again, steps.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::Memory;
use crate::variable::single::Single;

/// Memory of replaced values is kept for the next update up to this many bytes, or one buffer if that is larger.
const SPARE_BYTES: usize = 64 << 20;

/// Shared by the variables of one open store.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    changed: Mutex<Vec<Weak<Single>>>,
    spare: Mutex<Vec<Memory>>,
    steps: Steps,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Notes that a durable variable may differ from what the last commit holds.
    pub(crate) fn note_changed(&self, variable: &Arc<Single>) {
        lock(&self.changed).push(Arc::downgrade(variable));
    }

    /// Takes the list of changed variables.
    pub(crate) fn take_changed(&self) -> Vec<Arc<Single>> {
        std::mem::take(&mut *lock(&self.changed)).iter().filter_map(Weak::upgrade).collect()
    }

    /// Memory that holds a copy of these bytes: fresh memory is slow, so that of an earlier value serves again.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Memory {
        let spare = {
            let mut spare = lock(&self.spare);
            let found = spare.iter().position(|memory| memory.bytes().len() == bytes.len());
            found.map(|i| spare.swap_remove(i))
        };
        match spare {
            Some(mut memory) => {
                memory.bytes_mut().copy_from_slice(bytes);
                memory
            }
            None => Memory::copy_of(bytes),
        }
    }

    /// Keeps memory for [`Shared::copy`], letting the oldest go beyond the budget.
    pub(crate) fn recycle(&self, memory: Memory) {
        if !memory.takes_any_bytes() {
            return;
        }
        let mut spare = lock(&self.spare);
        spare.push(memory);
        let mut held: usize = spare.iter().map(|memory| memory.bytes().len()).sum();
        while held > SPARE_BYTES && spare.len() > 1 {
            held -= spare.remove(0).bytes().len();
        }
    }

    pub(crate) fn steps(&self) -> &Steps {
        &self.steps
    }
}

/// Training steps in progress, which a snapshot does not cut in two.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    state: Mutex<StepsState>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct StepsState {
    /// How deep each thread is in steps.
    depth: HashMap<ThreadId, usize>,
    /// Snapshots that wait or are being taken: new outermost steps wait for them.
    snapshots: usize,
}

impl Steps {
    pub(crate) fn enter(&self) {
        let me = thread::current().id();
        let mut state = lock(&self.state);
        while state.snapshots > 0 && !state.depth.contains_key(&me) {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state.depth.entry(me).or_default() += 1;
    }

    pub(crate) fn leave(&self, thread: ThreadId) {
        let mut state = lock(&self.state);
        if let Some(depth) = state.depth.get_mut(&thread) {
            *depth -= 1;
            if *depth == 0 {
                state.depth.remove(&thread);
            }
        }
        self.moved.notify_all();
    }

    /// Runs `snapshot` while no step is in progress.
    ///
    /// # Errors
    /// `invalid_argument` inside a step of the same thread, which would wait for itself.
    pub(crate) fn between<T>(&self, snapshot: impl FnOnce() -> T) -> Result<T> {
        let me = thread::current().id();
        let mut state = lock(&self.state);
        if state.depth.contains_key(&me) {
            let what = "a save was started inside a step of the same thread";
            return Err(Error::new(ErrorKind::InvalidArgument, what).advise("drop the step's guard before saving"));
        }
        state.snapshots += 1;
        while !state.depth.is_empty() {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let result = snapshot();
        lock(&self.state).snapshots -= 1;
        self.moved.notify_all();
        Ok(result)
    }
}
