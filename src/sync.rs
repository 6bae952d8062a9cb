//! Locks, channels and threads, for all of the crate: in ordinary builds std's, and a lock of crossbeam's.
//!
//! The models (`models/`) compile the crate with `cfg(shuttle)`. Then these are shuttle's: all threads of a store, and those
//! of the model, take turns on one thread of the system, and a scheduler decides at each operation on any of these who
//! goes on. So an interleaving can be chosen, found again, and told from a deadlock.
//!
//! `Arc` and `OnceLock` are std's everywhere: what they do is one step, and never waits. The catalog has std's threads, since sled
//! has threads of its own; models do without one.

#[cfg(not(shuttle))]
mod plain;
#[cfg(shuttle)]
mod scheduled;

#[cfg(not(shuttle))]
pub(crate) use plain::*;
#[cfg(shuttle)]
pub(crate) use scheduled::*;

pub(crate) use std::sync::PoisonError;

/// What all stores of the process share: it outlives every schedule, and nobody waits for it, so it is under none.
pub(crate) mod process {
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::sync::{Mutex, MutexGuard};
}
