//! What all variables of one open store share: who changed since the last commit, memory for saves, steps.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::error::{Error, ErrorKind, Result};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::variable::reserve::Reserve;
use crate::variable::single::Single;

/// Shared by the variables of one open store.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    changed: Mutex<Vec<Weak<Single>>>,
    /// Trainable variables that no save covers.
    uncovered: Mutex<Vec<Weak<Single>>>,
    reserve: Reserve,
    steps: Steps,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// With this budget for saves in flight.
    pub(crate) fn new(reserve: Reserve) -> Self {
        Self { reserve, ..Self::default() }
    }

    /// Notes that a durable variable may differ from what the last commit holds.
    pub(crate) fn note_changed(&self, variable: &Arc<Single>) {
        lock(&self.changed).push(Arc::downgrade(variable));
    }

    /// Takes the list of changed variables.
    pub(crate) fn take_changed(&self) -> Vec<Arc<Single>> {
        std::mem::take(&mut *lock(&self.changed)).iter().filter_map(Weak::upgrade).collect()
    }

    /// Notes a trainable variable that no save covers.
    pub(crate) fn note_uncovered(&self, variable: &Arc<Single>) {
        lock(&self.uncovered).push(Arc::downgrade(variable));
    }

    /// The names of the trainable variables that no save covers, in order of creation.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let uncovered: Vec<_> = {
            let mut noted = lock(&self.uncovered);
            noted.retain(|variable| variable.strong_count() > 0);
            noted.iter().filter_map(Weak::upgrade).collect()
        };
        let mut names: Vec<(u64, String)> = uncovered
            .iter()
            .map(|variable| variable.state())
            .filter(|state| state.attached)
            .map(|state| (state.statics.ordinal, state.name.to_string()))
            .collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// Memory that saves in flight may take.
    pub(crate) fn reserve(&self) -> &Reserve {
        &self.reserve
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
