//! How fast a save in the background goes.
//!
//! What it takes of the memory's speed, and of the disk's, the program beside it lacks. So it is gentle when haste serves nobody: when
//! no thread waits for it, and when what is left to be written is so little that all of it could be preserved and no change will
//! ever have to wait. Otherwise it is as fast as it can be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, PoisonError};

/// What a gentle save looks at in a second.
const GENTLE_BYTES_PER_SECOND: u64 = 128 << 20;

/// Shorter rests are saved up: a thread cannot sleep for so short a time.
const REST_MIN: Duration = Duration::from_micros(500);

/// Counts those who wait for the publishing thread of a store, and what waits there for its turn.
#[derive(Debug, Default)]
pub(crate) struct Demand(AtomicUsize);

/// One who waits; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Demanding(Arc<Demand>);

impl Demand {
    /// Counts one more until the guard is dropped.
    pub(crate) fn add(self: &Arc<Self>) -> Demanding {
        self.0.fetch_add(1, Ordering::Relaxed);
        Demanding(Arc::clone(self))
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Demanding {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The pace of one save; its threads share it.
#[derive(Debug)]
pub(crate) struct Pace {
    demand: Arc<Demand>,
    /// So much can be preserved before a change has to wait.
    budget_bytes: u64,
    /// Since when it is gentle, and how many bytes were done by then.
    gentle_since: Mutex<Option<(Instant, u64)>>,
}

impl Pace {
    pub(crate) fn new(demand: Arc<Demand>, budget_bytes: u64) -> Self {
        Self { demand, budget_bytes, gentle_since: Mutex::default() }
    }

    /// How long a thread of the save shall rest now that so many bytes are done and so many are left. `is_awaited` says that a
    /// change waits for it.
    pub(crate) fn rest(&self, done: u64, left: u64, is_awaited: bool, now: Instant) -> Duration {
        let mut since = self.gentle_since.lock().unwrap_or_else(PoisonError::into_inner);
        if is_awaited || left > self.budget_bytes || self.demand.is_any() {
            *since = None;
            return Duration::ZERO;
        }
        let (start, done_then) = *since.get_or_insert((now, done));
        let takes = Duration::from_secs_f64(done.saturating_sub(done_then) as f64 / GENTLE_BYTES_PER_SECOND as f64);
        match (start + takes).checked_duration_since(now) {
            Some(ahead) if ahead >= REST_MIN => ahead,
            Some(_) => Duration::ZERO,
            None => {
                // A slow disk gives no right to be hasty later.
                *since = Some((now, done));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn pace() -> (Arc<Demand>, Pace) {
        let demand = Arc::<Demand>::default();
        (Arc::clone(&demand), Pace::new(demand, 192 * MIB))
    }

    #[test]
    fn it_rests_only_when_all_that_is_left_could_be_preserved_and_nobody_waits() {
        let (demand, pace) = pace();
        let start = Instant::now();
        let rest_after = |done, left, is_awaited| {
            pace.rest(done, left, false, start);
            pace.rest(done + 64 * MIB, left, is_awaited, start)
        };
        assert_eq!(rest_after(0, 192 * MIB, false), Duration::from_millis(500));
        assert_eq!(rest_after(0, 192 * MIB + 1, false), Duration::ZERO);
        assert_eq!(rest_after(0, MIB, true), Duration::ZERO);
        let (one, other) = (demand.add(), demand.add());
        assert_eq!(rest_after(0, MIB, false), Duration::ZERO);
        drop(one);
        assert_eq!(rest_after(0, MIB, false), Duration::ZERO, "one still waits");
        drop(other);
        assert_eq!(rest_after(0, MIB, false), Duration::from_millis(500));
    }

    #[test]
    fn what_was_done_in_haste_or_missed_on_a_slow_disk_does_not_count() {
        let (_, pace) = pace();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(pace.rest(900 * MIB, 300 * MIB, false, start), Duration::ZERO);
        assert_eq!(pace.rest(1010 * MIB, 190 * MIB, false, start), Duration::ZERO, "gentle from here on");
        // Due after half a second, and the disk took a whole one.
        assert_eq!(pace.rest(1074 * MIB, 126 * MIB, false, after(1000)), Duration::ZERO);
        assert_eq!(pace.rest(1138 * MIB, 62 * MIB, false, after(1010)), Duration::from_millis(490));
    }

    #[test]
    fn rests_too_short_to_sleep_are_saved_up() {
        let (_, pace) = pace();
        let start = Instant::now();
        let rests = (0..=4).map(|part| pace.rest(part * MIB / 32, 10 * MIB, false, start));
        let micros: Vec<_> = rests.map(|rest| rest.as_micros()).collect();
        assert_eq!(micros, [0, 0, 0, 732, 976]);
    }
}
