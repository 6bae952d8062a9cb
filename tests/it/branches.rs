//! History that branches, tags that come and go, and what stays readable meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{Checkpoint, ErrorKind, Read, Save, Store, Variable, Which, init};

use crate::support::{CATALOG_WAIT, contents, durable_files, files, folder, kept, vector};

fn filled(value: f32) -> ndarray::Array1<f32> {
    ndarray::Array1::from_elem(200_000, value)
}

fn all(read: &Read<f32>) -> f32 {
    assert!(read.iter().all(|element| *element == read[0]));
    read[0]
}

/// A store with `w` saved as 1 under `one` and as 2 under `two`, and a small variable beside it.
fn store_at_two(path: &Path) -> (Store, Variable) {
    let store = Store::open(path).unwrap();
    let w = vector(&store, "w", filled(1.0).to_vec());
    vector(&store, "small", vec![7.0]);
    store.save("one").unwrap();
    w.assign(filled(2.0)).unwrap();
    vector(&store, "later", vec![8.0]);
    store.save("two").unwrap();
    (store, w)
}

#[test]
fn both_branches_of_a_history_stay_readable() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    let later = store.find("later").unwrap().unwrap();
    store.restore("one").unwrap();
    assert_eq!(all(&w.read().unwrap()), 1.0, "a handle keeps standing for its variable");
    assert_eq!(later.read::<f32>().unwrap_err().kind(), ErrorKind::VariableDetached);
    w.update::<f32>(|mut w| w += 10.0).unwrap();
    vector(&store, "other", vec![9.0]);
    let report = store.save("branch").unwrap();
    assert_eq!(report.bytes_new, 800_004);
    drop(store);
    for (tag, value, names) in [
        ("one", 1.0, vec!["small", "w"]),
        ("two", 2.0, vec!["later", "small", "w"]),
        ("branch", 11.0, vec!["other", "small", "w"]),
    ] {
        let checkpoint = Checkpoint::open(&path, tag).unwrap();
        assert_eq!(contents(&checkpoint).unwrap().keys().collect::<Vec<_>>(), names, "{tag}");
        assert_eq!(all(&checkpoint.get("w").unwrap().read().unwrap()), value, "{tag}");
    }
    let id = |tag| Checkpoint::open(&path, tag).unwrap().info().id();
    let parent = |tag| Checkpoint::open(&path, tag).unwrap().info().parent();
    assert_eq!((parent("one"), parent("two"), parent("branch")), (None, Some(id("one")), Some(id("one"))));
    let numbers: Vec<u64> = varkeep::checkpoints(&path).unwrap().iter().map(varkeep::CheckpointInfo::number).collect();
    assert_eq!(numbers, [3, 2, 1]);
}

#[test]
fn a_step_back_is_durable_with_the_next_commit_and_not_before() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    drop(w);
    store.restore("one").unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(all(&store.find("w").unwrap().unwrap().read().unwrap()), 2.0);
    store.restore(Which::Number(1)).unwrap();
    let report = store.commit().unwrap();
    assert!(report.is_new, "going back is something new");
    assert_eq!(report.bytes_new, 0);
    assert!(!store.commit().unwrap().is_new);
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(all(&store.find("w").unwrap().unwrap().read().unwrap()), 1.0);
    assert!(store.find("later").unwrap().is_none());
}

#[test]
fn deleting_the_tag_that_was_restored_from_loses_nothing() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    store.restore("one").unwrap();
    let before = w.read::<f32>().unwrap();
    let untouched = store.find("small").unwrap().unwrap();
    store.delete("one").unwrap();
    // Whatever is reclaimed is reclaimed before the next job is done.
    store.delete("two").unwrap();
    assert_eq!(store.delete("one").unwrap_err().kind(), ErrorKind::TagNotFound);
    assert_eq!(all(&before), 1.0);
    assert_eq!(all(&w.read().unwrap()), 1.0);
    assert_eq!(untouched.read::<f32>().unwrap()[0], 7.0);
    // One chunk changes; the others are kept where they lie, in a shard that no commit names any more.
    w.update_rows::<f32>(0..1, |mut row| row[0] = 5.0).unwrap();
    let report = store.save("three").unwrap();
    assert_eq!(report.bytes_new, 256 << 10);
    drop((store, before, w, untouched));
    let store = Store::open(&path).unwrap();
    let w = store.find("w").unwrap().unwrap().read::<f32>().unwrap();
    assert_eq!((w[0], w[1], w[199_999]), (5.0, 1.0, 1.0));
    assert_eq!(store.find("small").unwrap().unwrap().read::<f32>().unwrap()[0], 7.0);
    assert_eq!(store.checkpoints().unwrap().len(), 1);
    drop(store);
    assert_eq!(kept(&path).unwrap().tags.keys().collect::<Vec<_>>(), ["three"]);
}

#[test]
fn what_live_values_are_mapped_from_stays_though_no_commit_names_it() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let w = vector(&store, "w", filled(1.0).to_vec());
    store.save("one").unwrap();
    w.assign(filled(2.0)).unwrap();
    store.save("two").unwrap();
    drop((store, w));
    let store = Store::options().at_commit(1).open(&path).unwrap();
    let w = store.find("w").unwrap().unwrap();
    // The first thing this store does is to give up the commit that it stands on.
    store.delete("one").unwrap();
    store.delete("two").unwrap();
    w.update_rows::<f32>(0..1, |mut row| row[0] = 5.0).unwrap();
    assert_eq!(store.save("three").unwrap().bytes_new, 256 << 10);
    drop((store, w));
    let w = Checkpoint::open(&path, "three").unwrap().get("w").unwrap().read::<f32>().unwrap();
    assert_eq!((w[0], w[1], w[199_999]), (5.0, 1.0, 1.0));
}

#[test]
fn a_restored_state_whose_tag_is_gone_can_still_be_committed_as_it_is() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, _) = store_at_two(&path);
    let expected = contents(&store.checkpoint("one").unwrap()).unwrap();
    store.restore("one").unwrap();
    store.delete("one").unwrap();
    store.delete("two").unwrap();
    let report = store.save("again").unwrap();
    assert_eq!(report.bytes_new, 0);
    drop(store);
    drop(Store::open(&path).unwrap());
    assert_eq!(contents(&Checkpoint::open(&path, "again").unwrap()).unwrap(), expected);
}

#[test]
fn the_newest_state_outlives_its_tags() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    store.delete("two").unwrap();
    store.delete("one").unwrap();
    assert_eq!(all(&w.read().unwrap()), 2.0);
    let kept_now = store.checkpoints().unwrap();
    assert_eq!((kept_now.len(), kept_now[0].tag()), (1, None));
    assert!(!store.commit().unwrap().is_new, "deleting tags changes no state");
    drop((store, w));
    let store = Store::open(&path).unwrap();
    assert_eq!(all(&store.find("w").unwrap().unwrap().read().unwrap()), 2.0);
    drop(store);
    // One FORMAT, commit, manifest, and the shards of what is left.
    assert_eq!(files(&path.join("commits")).len(), 1);
    assert_eq!(files(&path.join("manifests")).len(), 1);
    assert_eq!(files(&path.join("shards")).len(), 2);
}

#[test]
fn a_tag_is_taken_until_it_is_replaced() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    w.assign(filled(3.0)).unwrap();
    let error = store.save("one").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagExists);
    let report = store.save(Save::tag("one").replace()).unwrap();
    assert_eq!((report.number, report.bytes_new), (3, 800_000), "what the refused save took is still to be saved");
    assert_eq!(all(&store.checkpoint("one").unwrap().get("w").unwrap().read().unwrap()), 3.0);
    let error = store.checkpoint("twoo").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagNotFound);
    assert!(error.to_string().contains("\"two\""), "{error}");
    store.save(Save::tag("one").replace()).unwrap();
    drop((store, w));
    drop(Store::open(&path).unwrap());
    assert_eq!(files(&path.join("commits")).len(), 2);
}

#[test]
fn a_reader_keeps_what_it_opened() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    let reader = Checkpoint::open(&path, "one").unwrap();
    let inside = store.checkpoint("one").unwrap();
    store.delete("one").unwrap();
    w.assign(filled(3.0)).unwrap();
    store.save("three").unwrap();
    drop(store);
    drop(Store::open(&path).unwrap());
    for checkpoint in [reader, inside] {
        assert_eq!(all(&checkpoint.get("w").unwrap().read().unwrap()), 1.0);
        assert_eq!(contents(&checkpoint).unwrap().len(), 2);
    }
    assert_eq!(Checkpoint::open(&path, "one").unwrap_err().kind(), ErrorKind::TagNotFound);
}

#[test]
fn a_rollback_forgets_what_was_not_committed() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    w.assign(filled(9.0)).unwrap();
    let fresh = vector(&store, "fresh", vec![1.0]);
    store.remove("small").unwrap();
    store.rename("later", "renamed").unwrap();
    store.alias("also", &w).unwrap();
    store.rollback().unwrap();
    assert_eq!(all(&w.read().unwrap()), 2.0);
    assert_eq!(fresh.read::<f32>().unwrap_err().kind(), ErrorKind::VariableDetached);
    for (name, is_there) in [("small", true), ("later", true), ("renamed", false), ("also", false), ("fresh", false)] {
        assert_eq!(store.find(name).unwrap().is_some(), is_there, "{name}");
    }
    assert!(!store.commit().unwrap().is_new);
    // A rolled back name can be made again, and what is made is saved.
    vector(&store, "fresh", vec![4.0]);
    store.save("after").unwrap();
    drop((store, w));
    let after = Checkpoint::open(&path, "after").unwrap();
    assert_eq!(after.get("fresh").unwrap().read::<f32>().unwrap()[0], 4.0);
    assert_eq!(contents(&after).unwrap().keys().collect::<Vec<_>>(), ["fresh", "later", "small", "w"]);
}

#[test]
fn a_commit_with_nothing_new_changes_no_file() {
    let folder = folder();
    let path = folder.path().join("store");
    let (store, w) = store_at_two(&path);
    assert!(store.wait_for_catalog(CATALOG_WAIT));
    let before = durable_files(&path);
    for _ in 0..3 {
        let report = store.commit().unwrap();
        assert!(!report.is_new && report.number == 2 && report.bytes_new == 0);
    }
    w.read::<f32>().unwrap();
    w.assign(filled(2.0)).unwrap();
    assert!(!store.commit().unwrap().is_new, "the same value again is nothing new");
    store.remove("later").unwrap();
    store.rollback().unwrap();
    vector(&store, "passing", vec![1.0]);
    store.remove("passing").unwrap();
    assert!(!store.commit().unwrap().is_new, "what came and went is nothing new");
    assert_eq!(durable_files(&path), before);
    drop((store, w));
    let store = Store::open(&path).unwrap();
    let root = store.root();
    let w = root.scope("").resume().enter().unwrap().get_variable("w").shape([200_000]).get().unwrap();
    assert!(!store.commit().unwrap().is_new, "getting a variable is nothing new");
    drop((root, w));
    drop(store);
    assert_eq!(durable_files(&path), before);
}

#[test]
fn names_come_and_go_around_commits() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let a = vector(&store, "a", vec![1.0]);
    store.alias("tied", &a).unwrap();
    store.commit().unwrap();
    store.remove("a").unwrap();
    let again = vector(&store, "a", vec![2.0, 3.0]);
    store.commit().unwrap();
    assert_eq!(a.read::<f32>().unwrap_err().kind(), ErrorKind::VariableDetached);
    store.rename("a", "b").unwrap();
    store.rename("b", "c").unwrap();
    vector(&store, "a", vec![4.0]);
    store.alias("other", &again).unwrap();
    let report = store.commit().unwrap();
    assert_eq!(report.bytes_new, 4, "a renamed variable is not written again");
    again.assign(ndarray::array![5.0_f32, 6.0]).unwrap();
    store.rename("c", "d").unwrap();
    store.save("end").unwrap();
    drop(store);
    let end = contents(&Checkpoint::open(&path, "end").unwrap()).unwrap();
    assert_eq!(end.keys().collect::<Vec<_>>(), ["a", "d", "other"]);
    assert_eq!(end["other"].kind, varkeep::SavedKind::AliasOf("d".to_owned()));
    let store = Store::open(&path).unwrap();
    assert_eq!(store.find("other").unwrap().unwrap().read::<f32>().unwrap()[1], 6.0);
    store.remove("d").unwrap();
    store.save("gone").unwrap();
    drop(store);
    let gone = contents(&Checkpoint::open(&path, "gone").unwrap()).unwrap();
    assert_eq!(gone.keys().collect::<Vec<_>>(), ["a"], "an alias goes with its variable");
}

#[test]
fn commits_are_published_in_the_order_of_their_snapshots() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let counters: Vec<Variable> = (0..4).map(|i| vector(&store, &format!("c{i}"), vec![0.0])).collect();
    store.commit().unwrap();
    let start = Barrier::new(counters.len());
    std::thread::scope(|scope| {
        for counter in &counters {
            let (store, start, path) = (&store, &start, &path);
            scope.spawn(move || {
                start.wait();
                for i in 1..=40_u8 {
                    counter.assign(ndarray::array![f32::from(i)]).unwrap();
                    store.commit().unwrap();
                    // Whatever others commit meanwhile, what was acknowledged is there.
                    let head = Checkpoint::open(path, None).unwrap();
                    let held = head.get(&counter.name()).unwrap().read::<f32>().unwrap()[0];
                    assert_eq!(held, f32::from(i), "{} was acknowledged and is gone", counter.name());
                }
            });
        }
    });
}

/// Holds the publishing thread up when it next opens a file, until it is let go.
#[derive(Default)]
struct Held {
    is_armed: AtomicBool,
    arrived: AtomicBool,
    let_go: AtomicBool,
}

impl Tap for Held {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        let is_publisher = std::thread::current().name() == Some("varkeep-publisher");
        if *op == Op::OpenFile && is_publisher && self.is_armed.swap(false, Ordering::SeqCst) {
            self.arrived.store(true, Ordering::SeqCst);
            while !self.let_go.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
        Verdict::Go
    }
}

#[test]
fn what_a_restore_overtakes_is_not_committed_over_it() {
    let folder = folder();
    let path = folder.path().join("store");
    let held = Arc::new(Held::default());
    let store = Store::options().tap(held.clone()).open(&path).unwrap();
    let w = vector(&store, "w", vec![0.0]);
    store.save("zero").unwrap();
    store.save("again").unwrap();
    held.is_armed.store(true, Ordering::SeqCst);
    w.assign(ndarray::array![1.0_f32]).unwrap();
    std::thread::scope(|scope| {
        let restoring = scope.spawn(|| store.restore("zero").unwrap());
        while !held.arrived.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        // Its snapshot is taken before the restore changes anything, and published after.
        let committing = scope.spawn(|| store.commit().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(100));
        held.let_go.store(true, Ordering::SeqCst);
        restoring.join().unwrap();
        committing.join().unwrap();
    });
    store.commit().unwrap();
    assert_eq!(w.read::<f32>().unwrap()[0], 0.0);
    let head = Checkpoint::open(&path, None).unwrap();
    assert_eq!(head.get("w").unwrap().read::<f32>().unwrap()[0], 0.0, "durable is what was given up");
}

#[test]
fn a_commit_beside_an_unfinished_creation_holds_nothing_of_it() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Arc::new(Store::open(&path).unwrap());
    vector(&store, "w", vec![0.0]);
    store.commit().unwrap();
    let inside = Arc::clone(&store);
    let root = store.root();
    let outcome = root
        .get_variable("outer")
        .initializer(init::function(move |place: &init::Place<'_>| {
            // Made inside, and changed inside: still nothing that anybody else may see.
            let inner = inside.root();
            let inner = inner.get_variable("inner").shape([1]).initializer(init::zeros()).get()?;
            inner.assign(ndarray::array![1.0_f32])?;
            let other = Arc::clone(&inside);
            std::thread::spawn(move || other.commit().unwrap()).join().unwrap();
            let names: Vec<String> = contents(&inside.checkpoint(None)?)?.into_keys().collect();
            assert_eq!(names, ["w"], "{}", place.name);
            Err(varkeep::Error::new(ErrorKind::UserFunctionFailed, "on purpose"))
        }))
        .shape([1])
        .get();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::UserFunctionFailed);
    assert!(!store.commit().unwrap().is_new, "a creation that failed leaves nothing");
    assert!(store.find("inner").unwrap().is_none());
}

#[test]
fn a_commit_beside_an_unfinished_recut_holds_what_was_there() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "w", vec![0.0; 10]);
    store.commit().unwrap();
    drop(store);
    for (round, fails) in [(1.0_f32, true), (2.0, true), (3.0, false)] {
        let store = Arc::new(Store::open(&path).unwrap());
        let root = store.root();
        let resumed = root.scope("").resume().enter().unwrap();
        // Not saved yet when the variable is taken out to be cut.
        store.find("w").unwrap().unwrap().assign(ndarray::Array1::from_elem(10, round)).unwrap();
        let inside = Arc::clone(&store);
        let outcome = resumed
            .get_variable("outer")
            .shape([1])
            .initializer(init::function(move |place: &init::Place<'_>| {
                let root = inside.root();
                let scope = root.scope("").resume().enter()?;
                let cut = varkeep::scope::partitioner::fixed_size(2, 0);
                let w = scope.get_variable("w").shape([10]).partitioner(cut).get()?;
                assert_eq!(w.slices().len(), 2);
                let other = Arc::clone(&inside);
                std::thread::spawn(move || other.commit().unwrap()).join().unwrap();
                let head = inside.checkpoint(None)?;
                assert_eq!(contents(&head)?.keys().collect::<Vec<_>>(), ["w"]);
                assert_eq!(head.get("w")?.read::<f32>()?[9], round, "what was visible is not saved");
                if fails {
                    return Err(varkeep::Error::new(ErrorKind::UserFunctionFailed, "on purpose"));
                }
                varkeep::Tensor::zeros(place.dtype, place.shape.clone())
            }))
            .get();
        let outcome = outcome.map(drop).map_err(|error| error.kind());
        assert_eq!(outcome, if fails { Err(ErrorKind::UserFunctionFailed) } else { Ok(()) });
        let report = store.commit().unwrap();
        assert_eq!(report.is_new, !fails, "a cut that failed leaves nothing");
        drop(resumed);
        drop(root);
        let store = Arc::into_inner(store).map(drop);
        assert!(store.is_some());
        let head = contents(&Checkpoint::open(&path, None).unwrap()).unwrap();
        let names: Vec<_> = head.keys().map(String::as_str).collect();
        let expected: &[&str] = if fails { &["w"] } else { &["outer", "w", "w/part_0", "w/part_1"] };
        assert_eq!(names, expected, "round {round}");
        assert_eq!(Checkpoint::open(&path, None).unwrap().get("w").unwrap().read::<f32>().unwrap()[0], round);
    }
}

#[test]
fn a_slice_that_an_unfinished_whole_takes_over_is_still_a_variable() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Arc::new(Store::open(&path).unwrap());
    vector(&store, "n/part_0", vec![1.0; 5]);
    vector(&store, "n/part_1", vec![1.0; 5]);
    store.commit().unwrap();
    let root = store.root();
    let scope = root.scope("").auto_reuse().enter().unwrap();
    for fails in [true, false] {
        let inside = Arc::clone(&store);
        let outcome = scope
            .get_variable("outer")
            .shape([1])
            .initializer(init::function(move |place: &init::Place<'_>| {
                let root = inside.root();
                let scope = root.scope("").auto_reuse().enter()?;
                let cut = varkeep::scope::partitioner::fixed_size(2, 0);
                let whole = scope.get_variable("n").shape([10]).initializer(init::zeros()).partitioner(cut).get()?;
                assert_eq!(whole.read::<f32>()?[0], 1.0, "the slice was not taken over");
                let first = whole.slices()[0].variable.clone();
                first.assign(ndarray::Array1::from_elem(5, 1.0_f32))?;
                let other = Arc::clone(&inside);
                std::thread::spawn(move || other.commit().unwrap()).join().unwrap();
                let head = contents(&inside.checkpoint(None)?)?;
                assert_eq!(head.keys().collect::<Vec<_>>(), ["n/part_0", "n/part_1"]);
                assert_eq!(head["n/part_0"].kind, varkeep::SavedKind::Variable, "half a whole was saved");
                if fails {
                    return Err(varkeep::Error::new(ErrorKind::UserFunctionFailed, "on purpose"));
                }
                varkeep::Tensor::zeros(place.dtype, place.shape.clone())
            }))
            .get();
        match outcome {
            Err(error) => assert!(fails && format!("{error:?}").contains("on purpose"), "{error:?}"),
            Ok(_) => assert!(!fails),
        }
        assert_eq!(store.commit().unwrap().is_new, !fails);
        let head = contents(&store.checkpoint(None).unwrap()).unwrap();
        let expected = if fails { varkeep::SavedKind::Variable } else { varkeep::SavedKind::SliceOf("n".to_owned()) };
        assert_eq!(head["n/part_0"].kind, expected);
    }
}
