//! Saves of which one fails, beside changes: nothing is lost, and the next save covers it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shuttle::rand::Rng;
use varkeep::ErrorKind;
use varkeep::testing::scope;
use varkeep::testing::{Op, Tap, Verdict};

use crate::schedules::explore;
use crate::support::{found, options, reopen, saved, set, variable};

/// A disk on which one operation on files to be written fails, some time.
#[derive(Default)]
struct Failing {
    /// How many go well before.
    left: AtomicI64,
}

impl Tap for Failing {
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict {
        // A sync that fails at the commit point is another story: the store is latched.
        let is_commit = path.parent().is_some_and(|parent| parent.ends_with("commits"));
        let is_one = matches!(op, Op::CreateFile | Op::Write { .. } | Op::SyncFile);
        if is_one && !is_commit && self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Verdict::Fail(std::io::Error::from_raw_os_error(5));
        }
        Verdict::Go
    }
}

#[test]
fn a_save_that_fails_loses_nothing() {
    explore(|path| {
        let tap = Arc::new(Failing { left: AtomicI64::new(-1) });
        let store = options().tap(tap.clone()).open(path).unwrap();
        let (a, b) = (variable(&store, "a", 1.0), variable(&store, "b", 1.0));
        store.save("one").unwrap();
        tap.left.store(shuttle::rand::thread_rng().gen_range(0..12), Ordering::Relaxed);
        set(&a, 2.0).unwrap();
        let two = store.save_in_background("two").unwrap();
        let (three, four) = scope(|scope| {
            scope.spawn(|| set(&a, 5.0).unwrap());
            set(&b, 3.0).unwrap();
            let three = store.save_in_background("three").unwrap();
            set(&b, 4.0).unwrap();
            (three, store.save_in_background("four").unwrap())
        });
        let mut failed = 0;
        for (tag, pending, b) in [("two", two, 1.0), ("three", three, 3.0), ("four", four, 4.0)] {
            match pending.wait() {
                Ok(_) => {
                    assert_eq!(saved(path, tag, "b"), b, "{tag}");
                    let a = saved(path, tag, "a");
                    assert!(a == 2.0 || tag != "two" && a == 5.0, "{tag}: {a}");
                }
                Err(error) if error.kind() == ErrorKind::Io => failed += 1,
                Err(error) => {
                    assert!(failed == 1 && error.kind() == ErrorKind::EarlierSaveFailed, "{error}");
                }
            }
        }
        tap.left.store(-1, Ordering::Relaxed);
        store.save("all").unwrap();
        assert_eq!((saved(path, "all", "a"), saved(path, "all", "b")), (5.0, 4.0));
        drop((a, b));
        let store = reopen(store, path);
        assert_eq!((found(&store, "a"), found(&store, "b")), (5.0, 4.0));
    });
}
