//! Saves, commits and steps back by several threads; saves that are given up, and stores that are closed meanwhile.

use std::sync::Arc;

use shuttle::thread;
use varkeep::testing::scope;
use varkeep::{Checkpoint, ErrorKind, Save, Store, checkpoints};

use crate::schedules::explore;
use crate::support::{one_of, options, saved, set, value, variable};

#[test]
fn a_tag_is_one_saves() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let (a, b) = (variable(&store, "a", 0.0), variable(&store, "b", 0.0));
        let replaces = one_of(&[false, true]);
        let save = |variable, k: f32| {
            set(variable, k).unwrap();
            let save = Save::tag("tag");
            let save = if replaces { save.replace() } else { save };
            store.save_in_background(save).unwrap().wait().map(|_| ())
        };
        let (first, second) = scope(|scope| {
            let first = scope.spawn(|| save(&a, 1.0));
            (save(&b, 1.0), first.join().unwrap())
        });
        let failed: Vec<ErrorKind> =
            [&first, &second].into_iter().filter_map(|result| Some(result.as_ref().err()?.kind())).collect();
        assert_eq!(failed, if replaces { vec![] } else { vec![ErrorKind::TagExists] });
        // What was refused is still to be saved.
        assert_eq!(store.save("after").unwrap().variables, 2);
        assert_eq!((saved(path, "after", "a"), saved(path, "after", "b")), (1.0, 1.0));
        assert!(saved(path, "tag", "a") + saved(path, "tag", "b") >= 1.0);
        drop((a, b));
    });
}

#[test]
fn a_save_that_is_cancelled_is_there_whole_or_not_at_all() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let (a, b) = (variable(&store, "a", 1.0), variable(&store, "b", 1.0));
        store.save("one").unwrap();
        set(&a, 2.0).unwrap();
        let two = store.save_in_background("two").unwrap();
        set(&b, 3.0).unwrap();
        let three = scope(|scope| {
            scope.spawn(|| two.cancel());
            set(&a, 3.0).unwrap();
            store.save_in_background("three").unwrap()
        });
        let (two, three) = (two.wait(), three.wait());
        let tags: Vec<String> = checkpoints(path).unwrap().iter().filter_map(|c| c.tag().map(str::to_owned)).collect();
        assert_eq!(two.is_ok(), tags.contains(&"two".to_owned()));
        assert_eq!(three.is_ok(), tags.contains(&"three".to_owned()));
        match &two {
            Ok(_) => assert_eq!((saved(path, "two", "a"), saved(path, "two", "b")), (2.0, 1.0)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::SaveCancelled),
        }
        match &three {
            Ok(_) => assert_eq!((saved(path, "three", "a"), saved(path, "three", "b")), (3.0, 3.0)),
            Err(error) => {
                assert!(two.is_err(), "{error}");
                assert_eq!(error.kind(), ErrorKind::EarlierSaveFailed);
            }
        }
        store.save("all").unwrap();
        assert_eq!((saved(path, "all", "a"), saved(path, "all", "b")), (3.0, 3.0));
        drop((a, b));
    });
}

#[test]
fn a_store_that_is_closed_finishes_what_was_begun() {
    explore(|path| {
        let store = Arc::new(options().open(path).unwrap());
        let v = variable(&store, "v", 1.0);
        let opened = Arc::clone(&store);
        let saver = thread::spawn({
            let v = v.clone();
            move || {
                set(&v, 2.0).unwrap();
                let pending = opened.save_in_background("two").unwrap();
                drop(opened);
                // A handle outlives the store, and changing it waits for nothing that is not there.
                set(&v, 3.0).unwrap();
                pending.wait().unwrap();
            }
        });
        let pending = store.save_in_background("one").unwrap();
        drop(store);
        let reader = thread::spawn(move || {
            let value = value(&v).unwrap();
            set(&v, 4.0).unwrap();
            value
        });
        // As soon as it is durable, not as soon as the store is closed.
        pending.wait().unwrap();
        assert!(saved(path, "one", "v") <= 3.0);
        saver.join().unwrap();
        assert!(reader.join().unwrap() <= 3.0);
        let store = Store::open(path).unwrap();
        // Whoever changed it last before the save did it by then.
        let two = Checkpoint::open(path, "two").unwrap();
        assert!([2.0, 4.0].contains(&crate::support::find_saved(&two, "v").unwrap()));
        drop(store);
    });
}
