//! Making several files and folders durable together.

use super::{Dir, NewFile};
use crate::error::Result;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread;

/// At most so many syncs run at a time.
const THREADS_MAX: usize = 8;

/// Makes files and folders durable, side by side: what waits for the disk in one sync waits for all of them, and a file
/// system with a journal writes it once. When this returns all syncs have ended.
///
/// # Errors
/// That of the first in the order given that failed.
pub(crate) fn sync_all(files: &[&NewFile], dirs: &[&Dir]) -> Result<()> {
    let count = files.len() + dirs.len();
    let sync = |i: usize| match files.get(i) {
        Some(file) => file.sync_data(),
        None => dirs[i - files.len()].sync(),
    };
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return;
            }
            if let Err(error) = sync(i) {
                failures.lock().expect("nobody panics while holding it").push((i, error));
            }
        }
    };
    thread::scope(|scope| {
        // A thread that cannot be had leaves its share to the others.
        for _ in 1..count.min(THREADS_MAX) {
            let _shared = thread::spawn_named_scoped(scope, "varkeep-sync", work);
        }
        work();
    });
    let failures = failures.into_inner().expect("nobody panicked while holding it");
    failures.into_iter().min_by_key(|(i, _)| *i).map_or(Ok(()), |(_, error)| Err(error))
}
