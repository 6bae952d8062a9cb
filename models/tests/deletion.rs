//! Deleting and pruning beside saves and readers: nothing that somebody still needs goes.

use varkeep::testing::scope;
use varkeep::{Checkpoint, ErrorKind, Retention, checkpoints};

use crate::schedules::explore;
use crate::support::{find_saved, found, one_of, options, reopen, saved, set, value, variable};

#[test]
fn what_a_save_in_flight_or_a_reader_needs_stays_whatever_is_deleted() {
    explore(|path| {
        let store = options().tidies_at_once(one_of(&[false, true])).open(path).unwrap();
        // Its value is written once, and every later commit only names it.
        let (kept, v) = (variable(&store, "kept", 7.0), variable(&store, "v", 1.0));
        store.save("one").unwrap();
        set(&v, 2.0).unwrap();
        store.save("two").unwrap();
        let prunes = one_of(&[false, true]);
        scope(|scope| {
            scope.spawn(|| {
                if prunes {
                    store.prune(&Retention::keep_all().keep_last(1), false).unwrap();
                } else {
                    store.delete("one").unwrap();
                    store.delete("two").unwrap();
                }
            });
            scope.spawn(|| match Checkpoint::open(path, "one") {
                Ok(one) => {
                    assert_eq!(find_saved(&one, "v"), Some(1.0));
                    assert_eq!(find_saved(&one, "kept"), Some(7.0));
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::TagNotFound, "{error}"),
            });
            set(&v, 3.0).unwrap();
            let pending = store.save_in_background("three").unwrap();
            // As it was at first: the chunks of the first checkpoint would do, if they are still there.
            set(&v, 1.0).unwrap();
            pending.wait().unwrap();
            store.save("four").unwrap();
        });
        let tags: Vec<String> = checkpoints(path).unwrap().iter().filter_map(|c| c.tag().map(str::to_owned)).collect();
        assert!(tags.contains(&"four".to_owned()) && (prunes || tags.len() == 2), "{tags:?}");
        for (tag, expected) in [("three", 3.0), ("four", 1.0)] {
            if !tags.contains(&tag.to_owned()) {
                continue;
            }
            assert_eq!((saved(path, tag, "v"), saved(path, tag, "kept")), (expected, 7.0), "{tag}");
        }
        drop((kept, v));
        let store = reopen(store, path);
        assert_eq!((found(&store, "v"), found(&store, "kept")), (1.0, 7.0));
    });
}

#[test]
fn a_checkpoint_is_restored_whole_or_deleted() {
    explore(|path| {
        let store = options().tidies_at_once(one_of(&[false, true])).open(path).unwrap();
        let (v, w) = (variable(&store, "v", 1.0), variable(&store, "w", 1.0));
        store.save("one").unwrap();
        set(&v, 2.0).unwrap();
        set(&w, 2.0).unwrap();
        store.save("two").unwrap();
        let restored = scope(|scope| {
            scope.spawn(|| store.delete("one").unwrap());
            scope.spawn(|| store.commit().unwrap());
            match store.restore("one") {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::TagNotFound => false,
                Err(error) => panic!("{error}"),
            }
        });
        let expected = if restored { 1.0 } else { 2.0 };
        // Its files are read only now, if they were restored.
        assert_eq!((value(&v).unwrap(), value(&w).unwrap()), (expected, expected));
        store.save("three").unwrap();
        assert_eq!((saved(path, "three", "v"), saved(path, "three", "w")), (expected, expected));
        drop((v, w));
        let store = reopen(store, path);
        assert_eq!((found(&store, "v"), found(&store, "w")), (expected, expected));
    });
}
