//! What std has, under its own names.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};
pub(crate) use std::thread_local;

pub(crate) use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

pub(crate) mod mpsc {
    use std::time::Duration;

    pub(crate) use std::sync::mpsc::{
        Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
    };

    /// Waits for a message, but no longer than this.
    pub(crate) fn recv_timeout<T>(receiver: &Receiver<T>, at_most: Duration) -> Result<T, RecvTimeoutError> {
        receiver.recv_timeout(at_most)
    }
}

pub(crate) mod thread {
    use std::io;
    use std::thread::Builder;

    pub(crate) use std::thread::{
        JoinHandle, Scope, ScopedJoinHandle, ThreadId, available_parallelism, current, scope, sleep,
    };

    /// Starts a thread of this name, if one can be had.
    pub(crate) fn spawn_named<T: Send + 'static>(
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        Builder::new().name(name.to_owned()).spawn(work)
    }

    /// Starts a thread of this name that may borrow what outlives the scope, if one can be had.
    pub(crate) fn spawn_named_scoped<'scope, T: Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        name: &str,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> io::Result<ScopedJoinHandle<'scope, T>> {
        Builder::new().name(name.to_owned()).spawn_scoped(scope, work)
    }
}
