//! Training steps that a save never cuts in two.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::sync::thread::{self, ThreadId};
use crate::variable::Shared;

/// A step in progress: a save from another thread waits until it is dropped.
///
/// Without it each variable is consistent by itself; with it, all that is changed while it is held is saved together.
#[derive(Debug)]
#[must_use = "the step ends when this is dropped"]
pub struct Step {
    shared: Arc<Shared>,
    thread: ThreadId,
    /// A step belongs to its thread.
    _one_thread: PhantomData<*const ()>,
}

impl Step {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Self {
        shared.steps().enter();
        Self { shared: Arc::clone(shared), thread: thread::current().id(), _one_thread: PhantomData }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.shared.steps().leave(self.thread);
    }
}
