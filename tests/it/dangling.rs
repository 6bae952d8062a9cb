//! What a store still needs of a checkpoint outlives its tag: whatever is deleted, and at whatever moment, nothing that a
//! later commit names is gone.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use ndarray::{Array1, Array2};
use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{Checkpoint, CheckpointInfo, LoadOptions, LoadReport, ReadMode, Retention, Store, Variable};

use crate::gate::{saved, zeros};
use crate::support::{folder, is_catalog_thread};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn variable(store: &Store, name: &str) -> Variable {
    store.find(name).unwrap().unwrap()
}

fn fill(store: &Store, value: f32) {
    for name in NAMES {
        variable(store, name).assign(Array2::from_elem((64, 100), value)).unwrap();
    }
}

/// A store with the tags `one` to `three`, in each of which every variable holds its number.
fn make(path: &Path) {
    let store = Store::options().tidies_at_once(true).open(path).unwrap();
    for name in NAMES {
        zeros(&store, name, [64, 100]);
    }
    for (value, tag) in [(1.0, "one"), (2.0, "two"), (3.0, "three")] {
        fill(&store, value);
        store.save(tag).unwrap();
    }
}

fn open(path: &Path, mode: ReadMode) -> Store {
    Store::options().tidies_at_once(true).read_mode(mode).open(path).unwrap()
}

fn tags(store: &Store) -> Vec<String> {
    let infos = store.checkpoints().unwrap();
    infos.iter().filter_map(CheckpointInfo::tag).map(str::to_owned).collect()
}

/// Checks what a store holds that nobody has open: that all is sound, nothing is left over once it was opened, and what
/// the variables hold under a tag, in it and live.
fn check(path: &Path, tag: &str, values: [f32; 3]) {
    drop(open(path, ReadMode::Map));
    let report = varkeep::verify(path, None, &mut |_| ()).unwrap();
    assert!(report.is_sound() && report.unused.is_empty(), "{:?}, {:?}", report.damage, report.unused);
    let store = open(path, ReadMode::Map);
    store.restore(tag).unwrap();
    for (name, value) in NAMES.iter().zip(values) {
        let expected = Array2::from_elem((64, 100), value);
        assert_eq!(saved(path, tag, name), expected, "{name} of {tag}");
        assert_eq!(*variable(&store, name).read::<f32>().unwrap(), expected.into_dyn(), "{name}");
    }
}

#[test]
fn the_tag_a_store_was_restored_from_is_deleted_before_its_values_were_read() {
    for mode in [ReadMode::Map, ReadMode::Memory] {
        let folder = folder();
        let path = folder.path().join("store");
        make(&path);
        let store = open(&path, mode);
        store.restore("one").unwrap();
        store.delete("one").unwrap();
        store.delete("two").unwrap();
        assert_eq!(tags(&store), ["three"]);
        assert_eq!(variable(&store, "b").read::<f32>().unwrap()[[63, 99]], 1.0);
        variable(&store, "a").assign(Array2::from_elem((64, 100), 9.0_f32)).unwrap();
        let report = store.save("four").unwrap();
        assert_eq!(report.bytes_new, 25_600, "what lay on the disk already is used where it lies");
        assert_eq!(variable(&store, "c").read::<f32>().unwrap()[[0, 0]], 1.0);
        store.delete("three").unwrap();
        drop(store);
        check(&path, "four", [9.0, 1.0, 1.0]);
    }
}

#[test]
fn a_value_loaded_from_a_checkpoint_outlives_its_tag() {
    let ways: [fn(&Store, &LoadOptions) -> varkeep::Result<LoadReport>; 3] = [
        |store, options| store.load(&store.checkpoint("one")?, options),
        |store, options| store.load(&Checkpoint::open(store.path(), "one")?, options),
        |store, options| store.load_from(store.path(), "one", options),
    ];
    for way in ways {
        let folder = folder();
        let path = folder.path().join("store");
        make(&path);
        let store = open(&path, ReadMode::Map);
        let report = way(&store, &LoadOptions::strict().only(|name| name != "c")).unwrap();
        assert_eq!(report.restored, ["a", "b"]);
        store.delete("one").unwrap();
        // Reclaiming goes on while the values are nobody's yet but the program's.
        store.delete("two").unwrap();
        assert_eq!(variable(&store, "a").read::<f32>().unwrap()[[0, 0]], 1.0);
        store.save("four").unwrap();
        store.delete("three").unwrap();
        drop(store);
        check(&path, "four", [1.0, 1.0, 3.0]);
    }
}

#[test]
fn values_that_are_held_outlive_their_variable_and_their_tag() {
    let folder = folder();
    let path = folder.path().join("store");
    make(&path);
    let store = open(&path, ReadMode::Map);
    let held = variable(&store, "a").read::<f32>().unwrap();
    let checkpoint = store.checkpoint("two").unwrap();
    store.remove("a").unwrap();
    fill_others(&store, 4.0);
    store.save("four").unwrap();
    for tag in ["one", "two", "three"] {
        store.delete(tag).unwrap();
    }
    assert_eq!(held.sum(), 3.0 * 6400.0);
    assert_eq!(checkpoint.get("a").unwrap().read::<f32>().unwrap().sum(), 2.0 * 6400.0);
    drop(store);
    assert_eq!(held.sum(), 3.0 * 6400.0);
    assert_eq!(checkpoint.get("b").unwrap().read::<f32>().unwrap().sum(), 2.0 * 6400.0);
}

fn fill_others(store: &Store, value: f32) {
    for name in &NAMES[1..] {
        variable(store, name).assign(Array2::from_elem((64, 100), value)).unwrap();
    }
}

/// Stops at one operation, counted from when it is set, until it is let go; of one thread, or of any but that of the
/// catalog, which is at work whenever it likes. Can fail the next link, which is the point where a commit is published.
#[derive(Default)]
struct Stop {
    state: Mutex<StopState>,
    moved: Condvar,
    fails_link: AtomicBool,
}

#[derive(Default)]
struct StopState {
    /// How many operations from now; `None` if not set.
    after: Option<usize>,
    of: Option<ThreadId>,
    is_stopped: bool,
    /// Before a file is opened or read: whoever opens a shard keeps others from handing out or forgetting one.
    is_reading: bool,
    is_over: bool,
}

impl Stop {
    fn set(&self, after: usize, of: Option<ThreadId>) {
        *self.state.lock().unwrap() = StopState { after: Some(after), of, ..StopState::default() };
    }

    /// Waits until it has stopped; `false` if what it was to stop is over.
    fn wait(&self) -> bool {
        let state = self.state.lock().unwrap();
        self.moved.wait_while(state, |state| !state.is_stopped && !state.is_over).unwrap().is_stopped
    }

    fn over(&self) {
        self.state.lock().unwrap().is_over = true;
        self.moved.notify_all();
    }

    fn let_go(&self) {
        *self.state.lock().unwrap() = StopState::default();
        self.moved.notify_all();
    }
}

impl Tap for Stop {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        if matches!(op, Op::Link { .. }) && self.fails_link.swap(false, Ordering::SeqCst) {
            return Verdict::Fail(std::io::Error::from_raw_os_error(5));
        }
        let mut state = self.state.lock().unwrap();
        if state.of.is_some_and(|of| of != thread::current().id()) || is_catalog_thread() {
            return Verdict::Go;
        }
        match state.after {
            Some(0) => {
                state.is_reading = matches!(op, Op::OpenFile | Op::Read { .. } | Op::Map { .. });
                (state.after, state.is_stopped) = (None, true);
                self.moved.notify_all();
                drop(self.moved.wait_while(state, |state| state.is_stopped).unwrap());
            }
            Some(after) => state.after = Some(after - 1),
            None => {}
        }
        Verdict::Go
    }
}

/// The store of [`make`], gone back to its oldest checkpoint, so that what is live lies where only that names it, and
/// changed a little.
fn gone_back(path: &Path, stop: &Arc<Stop>) -> Store {
    make(path);
    let store = Store::options().tidies_at_once(true).tap(stop.clone()).open(path).unwrap();
    store.restore("one").unwrap();
    variable(&store, "a").update_rows::<f32>(0..64, |mut rows| rows.fill(7.0)).unwrap();
    store
}

/// Waits until what was published last has been tidied up behind: that goes before the next request.
fn wait_for_tidying(store: &Store) {
    assert_eq!(store.retention().unwrap(), Retention::keep_all());
}

fn keep_newest() -> Retention {
    Retention::keep_all().keep_last(1)
}

#[test]
fn pruning_begun_at_any_operation_of_a_background_save_leaves_all_it_holds() {
    for operation in 0.. {
        let (folder, stop) = (folder(), Arc::new(Stop::default()));
        let path = folder.path().join("store");
        let store = gone_back(&path, &stop);
        stop.set(operation, None);
        let was_stopped = thread::scope(|scope| {
            scope.spawn(|| {
                store.save_in_background("new").unwrap().wait().unwrap();
                stop.over();
            });
            let was_stopped = stop.wait();
            let pruning = scope.spawn(|| store.prune(&keep_newest(), false).unwrap());
            let keeping = scope.spawn(|| store.set_retention(&keep_newest()).unwrap());
            stop.let_go();
            pruning.join().unwrap();
            keeping.join().unwrap();
            was_stopped
        });
        fill_others(&store, 5.0);
        store.rollback().unwrap();
        assert_eq!(variable(&store, "b").read::<f32>().unwrap()[[1, 1]], 1.0, "stopped at {operation}");
        assert_eq!(tags(&store), ["new"], "stopped at {operation}");
        drop(store);
        check(&path, "new", [7.0, 1.0, 1.0]);
        if !was_stopped {
            assert!(operation > 10, "a save takes more operations than {operation}");
            return;
        }
    }
}

#[test]
fn a_save_begun_at_any_operation_of_a_pruning_finds_all_it_shares() {
    for operation in 0.. {
        let (folder, stop) = (folder(), Arc::new(Stop::default()));
        let path = folder.path().join("store");
        let store = gone_back(&path, &stop);
        stop.set(operation, None);
        let was_stopped = thread::scope(|scope| {
            scope.spawn(|| {
                store.prune(&keep_newest(), false).unwrap();
                wait_for_tidying(&store);
                stop.over();
            });
            let was_stopped = stop.wait();
            let pending = store.save_in_background("new").unwrap();
            stop.let_go();
            pending.wait().unwrap();
            was_stopped
        });
        assert_eq!(tags(&store), ["new", "three"], "stopped at {operation}");
        drop(store);
        check(&path, "new", [7.0, 1.0, 1.0]);
        if !was_stopped {
            assert!(operation > 10, "a pruning takes more operations than {operation}");
            return;
        }
    }
}

/// Values put one by one lie in shards that no commit names before the last moment.
#[test]
fn reclaiming_at_any_operation_of_a_streamed_commit_takes_none_of_its_shards() {
    for operation in 0.. {
        let (folder, stop) = (folder(), Arc::new(Stop::default()));
        let path = folder.path().join("store");
        let store = gone_back(&path, &stop);
        let was_stopped = thread::scope(|scope| {
            scope.spawn(|| {
                stop.set(operation, Some(thread::current().id()));
                let mut commit = store.begin().unwrap();
                for (name, value) in [("a", 8.0_f32), ("b", 6.0)] {
                    let value = Array1::from_elem(6400, value).into_shape_with_order((64, 100)).unwrap();
                    commit.put_array(&variable(&store, name), &value).unwrap();
                }
                commit.save("new").unwrap();
                stop.over();
            });
            let was_stopped = stop.wait();
            if stop.state.lock().unwrap().is_reading {
                scope.spawn(|| store.delete("two").unwrap());
            } else if was_stopped {
                // After a failure what is there is looked for, and what nobody names is taken for an orphan.
                stop.fails_link.store(true, Ordering::SeqCst);
                assert!(store.save("failed").is_err());
                store.delete("two").unwrap();
                wait_for_tidying(&store);
            }
            stop.let_go();
            was_stopped
        });
        drop(store);
        check(&path, "new", [8.0, 6.0, 1.0]);
        if !was_stopped {
            assert!(operation > 3, "streaming takes more operations than {operation}");
            return;
        }
    }
}
