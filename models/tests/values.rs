//! Changing and reading values while saves capture and write them.

use varkeep::Store;
use varkeep::testing::scope;

use crate::schedules::explore;
use crate::support::{add, found, options, reopen, rows, saved, saved_rows, set, value, variable};

#[test]
fn a_save_holds_what_was_there_when_it_was_begun() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let (a, b) = (variable(&store, "a", 1.0), variable(&store, "b", 1.0));
        store.save("one").unwrap();
        set(&a, 2.0).unwrap();
        let two = store.save_in_background("two").unwrap();
        set(&a, 3.0).unwrap();
        set(&b, 3.0).unwrap();
        let three = store.save_in_background("three").unwrap();
        add(&b, 1.0).unwrap();
        set(&a, 5.0).unwrap();
        set(&a, 4.0).unwrap();
        two.wait().unwrap();
        assert_eq!((value(&a).unwrap(), value(&b).unwrap()), (4.0, 4.0));
        three.wait().unwrap();
        // Nothing of this may be taken for saved.
        store.save("four").unwrap();
        assert!(!store.commit().unwrap().is_new);
        for (tag, a, b) in [("one", 1.0, 1.0), ("two", 2.0, 1.0), ("three", 3.0, 3.0), ("four", 4.0, 4.0)] {
            assert_eq!((saved(path, tag, "a"), saved(path, tag, "b")), (a, b), "{tag}");
        }
        drop((a, b));
        let store = reopen(store, path);
        assert_eq!((found(&store, "a"), found(&store, "b")), (4.0, 4.0));
    });
}

#[test]
fn several_threads_change_one_variable_and_no_change_is_lost_or_halved() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let v = variable(&store, "v", 0.0);
        store.commit().unwrap();
        scope(|scope| {
            scope.spawn(|| {
                add(&v, 1.0).unwrap();
                add(&v, 1.0).unwrap();
            });
            scope.spawn(|| {
                add(&v, 10.0).unwrap();
                v.update_rows::<f32>(1..2, |mut row| row += 100.0).unwrap();
            });
            scope.spawn(|| {
                // What is held does not change any more, and what is read never goes back.
                let mut before = rows(&v).unwrap();
                for _ in 0..3 {
                    let held = v.read::<f32>().unwrap();
                    let first = held[[0, 0]];
                    let now = rows(&v).unwrap();
                    assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "{before:?}, then {now:?}");
                    assert_eq!(held[[0, 0]], first);
                    before = now;
                }
            });
            for tag in ["one", "two"] {
                let before = rows(&v).unwrap();
                let pending = store.save_in_background(tag).unwrap();
                let after = rows(&v).unwrap();
                pending.wait().unwrap();
                let saved = saved_rows(path, tag, "v");
                let is_between = (0..3).all(|row| before[row] <= saved[row] && saved[row] <= after[row]);
                assert!(is_between, "{saved:?} is not between {before:?} and {after:?}");
            }
        });
        assert_eq!(rows(&v).unwrap(), [12.0, 112.0, 12.0]);
        store.save("all").unwrap();
        assert_eq!(saved_rows(path, "all", "v"), [12.0, 112.0, 12.0]);
        drop(v);
        drop(reopen(store, path));
    });
}

/// Sets both variables in one step, or in one step inside another.
fn step(store: &Store, k: f32) {
    let (a, b) = (store.find("a").unwrap().unwrap(), store.find("b").unwrap().unwrap());
    let step = store.step();
    set(&a, k).unwrap();
    {
        let _inner = store.step();
        set(&b, k).unwrap();
    }
    add(&a, 10.0).unwrap();
    add(&b, 10.0).unwrap();
    drop(step);
}

#[test]
fn what_is_changed_in_one_step_is_saved_together() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let (a, b) = (variable(&store, "a", 0.0), variable(&store, "b", 0.0));
        let c = variable(&store, "c", 0.0);
        scope(|scope| {
            scope.spawn(|| (1..=2).for_each(|k| step(&store, k as f32)));
            scope.spawn(|| {
                // Steps of two threads do not wait for each other.
                let _step = store.step();
                set(&c, 1.0).unwrap();
                set(&c, 2.0).unwrap();
            });
            for tag in ["one", "two"] {
                store.save_in_background(tag).unwrap().wait().unwrap();
                assert_eq!(saved(path, tag, "a"), saved(path, tag, "b"), "{tag}");
                assert_ne!(saved(path, tag, "c"), 1.0, "{tag}");
            }
        });
        store.save("all").unwrap();
        assert_eq!((saved(path, "all", "a"), saved(path, "all", "b"), saved(path, "all", "c")), (12.0, 12.0, 2.0));
        drop((a, b, c));
    });
}
