//! The same under the scheduler of a model, and what shuttle lacks.

pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};

// A sharded lock is a lock, as far as anybody can tell.
pub(crate) use shuttle::sync::{
    RwLock as ShardedLock, RwLockReadGuard as ShardedLockReadGuard, RwLockWriteGuard as ShardedLockWriteGuard,
};

/// Shuttle's has no constant initializers.
macro_rules! local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        shuttle::thread_local! { $(#[$attribute])* static $name: $type = $value; }
    };
}
pub(crate) use local as thread_local;

pub(crate) mod mpsc {
    use std::time::Duration;

    use shuttle::rand::Rng;
    pub(crate) use shuttle::sync::mpsc::{
        Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
    };

    /// Waits for a message. Time is for the scheduler to tell: it is up where nothing has come and the dice say so.
    pub(crate) fn recv_timeout<T>(receiver: &Receiver<T>, _at_most: Duration) -> Result<T, RecvTimeoutError> {
        if shuttle::rand::thread_rng().gen_bool(0.5) {
            return receiver.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }
}

pub(crate) mod thread {
    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use shuttle::thread::{self, Builder};
    pub(crate) use shuttle::thread::{Scope, ScopedJoinHandle, ThreadId, current, sleep};
    pub(crate) use std::thread::available_parallelism;

    /// Shuttle's cannot be asked whether the thread is over.
    #[derive(Debug)]
    pub(crate) struct JoinHandle<T> {
        handle: thread::JoinHandle<T>,
        is_finished: Arc<AtomicBool>,
    }

    impl<T> JoinHandle<T> {
        pub(crate) fn join(self) -> thread::Result<T> {
            self.handle.join()
        }

        pub(crate) fn is_finished(&self) -> bool {
            thread::yield_now();
            self.is_finished.load(Ordering::Relaxed)
        }
    }

    /// As std's. The last thread of one of shuttle's to end wakes the one that opened the scope, whatever that one waits for;
    /// so one thread more stays until that one waits for the end. And shuttle's waits for nobody after a panic.
    pub fn scope<'env, T>(work: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T) -> T {
        let result = thread::scope(|scope| {
            let (stays, ends) = super::mpsc::channel::<()>();
            scope.spawn(move || ends.recv());
            let result = catch_unwind(AssertUnwindSafe(|| work(scope)));
            drop(stays);
            result
        });
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    pub(crate) fn spawn_named<T: Send + 'static>(
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let is_finished = Arc::new(AtomicBool::new(false));
        let finished = Arc::clone(&is_finished);
        let work = move || {
            let result = work();
            finished.store(true, Ordering::Relaxed);
            result
        };
        Ok(JoinHandle { handle: Builder::new().name(name.to_owned()).spawn(work)?, is_finished })
    }

    #[expect(clippy::unnecessary_wraps, reason = "std's may fail")]
    pub(crate) fn spawn_named_scoped<'scope, T: Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        _name: &str,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> io::Result<ScopedJoinHandle<'scope, T>> {
        Ok(scope.spawn(work))
    }
}
