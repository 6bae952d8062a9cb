//! One writer of a variable at a time, and no waiting for oneself.

use crate::error::{Error, ErrorKind, Result};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, PoisonError};

/// Lets one thread at a time change a value. Readers do not pass here.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    inside: Mutex<Option<ThreadId>>,
    left: Condvar,
}

/// Being inside; dropping leaves, also when a closure panics.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// Waits until nobody else is inside, then enters.
    ///
    /// # Errors
    /// `update_reentered`, if this thread is inside already.
    pub(crate) fn enter(&self) -> Result<Inside<'_>> {
        let me = thread::current().id();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(thread) = *inside {
            if thread == me {
                let what = "the variable was changed from inside its own update";
                return Err(Error::new(ErrorKind::UpdateReentered, what)
                    .advise("change it through the view that the update hands out"));
            }
            inside = self.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        *inside = Some(me);
        Ok(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.left.notify_one();
    }
}
