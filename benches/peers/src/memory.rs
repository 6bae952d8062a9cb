//! How much memory a process has that is its own: anonymous and shared, mapped files apart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::files::counter;

const SAMPLE_EVERY: Duration = Duration::from_millis(1);

/// Resident bytes that no file stands behind.
pub(crate) fn resident() -> Result<u64> {
    let kibibytes = ["RssAnon:", "RssShmem:"].map(|name| counter("/proc/self/status", name));
    let [anonymous, shared] = kibibytes;
    Ok((anonymous? + shared?) << 10)
}

/// Does something, and says by how much memory rose above what it was before, at the highest.
pub(crate) fn extra<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let before = resident()?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| -> Result<u64> {
            let mut highest = 0;
            while !is_over.load(Ordering::Relaxed) {
                highest = highest.max(resident()?);
                std::thread::sleep(SAMPLE_EVERY);
            }
            Ok(highest)
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        let highest = sampler.join().expect("sampling does not panic")?;
        Ok((done?, highest.max(resident()?).saturating_sub(before)))
    })
}
