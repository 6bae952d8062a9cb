//! A disk that can be stopped before it writes to shards, and that can fail.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ndarray::Array2;
use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{Checkpoint, Store, Variable, init};

/// Stops whoever makes or writes a shard while it is closed; open at first.
#[derive(Default)]
pub(crate) struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
    pub(crate) fails: AtomicBool,
    waiting: AtomicU64,
    /// Microseconds that each write takes.
    pub(crate) slowness: AtomicU64,
}

impl Gate {
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub(crate) fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Waits until somebody stands before the closed gate.
    pub(crate) fn wait_for_somebody(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

fn is_of_shard(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "shard")
}

impl Tap for Gate {
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict {
        // Making the file comes before any value is looked at, writing it after.
        if !matches!(op, Op::CreateFile | Op::Write { .. }) || !is_of_shard(path) {
            return Verdict::Go;
        }
        let mut closed = self.closed.lock().unwrap();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while *closed {
            closed = self.opened.wait(closed).unwrap();
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(closed);
        std::thread::sleep(Duration::from_micros(self.slowness.load(Ordering::SeqCst)));
        if self.fails.load(Ordering::SeqCst) && matches!(op, Op::Write { .. }) {
            return Verdict::Fail(std::io::Error::from_raw_os_error(5));
        }
        Verdict::Go
    }
}

pub(crate) fn store_on(path: &Path, gate: &Arc<Gate>, memory_bytes: u64) -> Store {
    Store::options().tap(gate.clone()).save_memory_bytes(memory_bytes).open(path).unwrap()
}

pub(crate) fn zeros(store: &Store, name: &str, shape: [usize; 2]) -> Variable {
    store.root().get_variable(name).shape(shape).initializer(init::zeros()).chunk_bytes(4096).get().unwrap()
}

pub(crate) fn saved(path: &Path, tag: &str, name: &str) -> Array2<f32> {
    let value = Checkpoint::open(path, tag).unwrap().get(name).unwrap().read::<f32>().unwrap().to_owned();
    value.into_dimensionality().unwrap()
}
