//! The disk fails at any one operation: what an error promises holds, and the store goes on or says that it cannot.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{Class, ErrorKind, ReadMode, Store};

use crate::support::{Kept, durable_files, folder, is_catalog_thread, kept, vector};
use crate::workload::{SCRIPT, World, undisturbed};

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// One operation fails.
    Once,
    /// One operation is done, or half done if it moves bytes, and then fails.
    HalfDone,
    /// From one operation on there is no room, until some is made.
    Full,
}

/// Fails operations from a number on, of those that it can fail, in the order they come.
struct FaultyDisk {
    fault: Fault,
    from: usize,
    begun: AtomicUsize,
    /// Which operation failed first.
    failed: Mutex<Option<String>>,
    freed: AtomicUsize,
}

impl FaultyDisk {
    fn new(fault: Fault, from: usize) -> Arc<Self> {
        Arc::new(Self { fault, from, begun: AtomicUsize::new(0), failed: Mutex::new(None), freed: AtomicUsize::new(0) })
    }

    fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap().clone()
    }

    fn free(&self) {
        self.freed.store(1, Ordering::SeqCst);
    }
}

fn takes_room(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::CreateDir | Op::CreateFile | Op::Write { .. } | Op::Preallocate { .. } | Op::Link { .. } | Op::SyncFile
    )
}

/// Half of what an operation moves.
fn half(op: &Op<'_>) -> usize {
    match op {
        Op::Write { bytes, .. } => bytes.len() / 2,
        Op::Read { len, .. } => usize::try_from(len / 2).unwrap(),
        _ => 0,
    }
}

impl Tap for FaultyDisk {
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict {
        if is_catalog_thread() {
            return Verdict::Go;
        }
        if self.fault == Fault::Full && !takes_room(op) {
            return Verdict::Go;
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst);
        let fails = match self.fault {
            Fault::Once | Fault::HalfDone => number == self.from,
            Fault::Full => number >= self.from && self.freed.load(Ordering::SeqCst) == 0,
        };
        if !fails {
            return Verdict::Go;
        }
        self.failed.lock().unwrap().get_or_insert_with(|| format!("{op:?} of {}", path.display()));
        let broken = io::Error::from_raw_os_error(5);
        match self.fault {
            Fault::Once => Verdict::Fail(broken),
            Fault::HalfDone => Verdict::Short { bytes: half(op), then: Some(broken) },
            Fault::Full => Verdict::Fail(io::ErrorKind::StorageFull.into()),
        }
    }
}

/// What came of running the script on a disk with a fault.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    refused: usize,
    unknown: usize,
    unnoticed: usize,
}

/// Runs the script with a fault from operation `from` on; `false` if there are not so many.
fn run(fault: Fault, mode: ReadMode, from: usize, expected: &[Kept], files: usize, tally: &mut Tally) -> bool {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = FaultyDisk::new(fault, from);
    let mut world = World::new(&path, disk.clone()).reading(mode);
    let mut noticed = false;
    for (i, step) in SCRIPT.iter().enumerate() {
        let (before, after) = (i.checked_sub(1).map(|i| &expected[i]), &expected[i]);
        let case = || format!("{fault:?} from {from} on ({:?}), step {i}", disk.failed());
        let Err(error) = step(&mut world) else {
            if before != Some(after) {
                assert_eq!(kept(&path).unwrap(), *after, "{}: what was acknowledged is not there", case());
            }
            continue;
        };
        assert!(disk.failed().is_some() && !noticed, "{}: {error:?}", case());
        noticed = true;
        if error.kind() == ErrorKind::OutcomeUnknown {
            tally.unknown += 1;
            check_unknown(&mut world, before.unwrap_or(after), after, &case());
            return true;
        }
        tally.refused += 1;
        assert_eq!(error.class(), Class::Io, "{}: {error:?}", case());
        match before {
            Some(before) => assert_eq!(kept(&path).unwrap(), *before, "{}: {error:?}", case()),
            None => assert!(kept(&path).map_or(true, |kept| kept == Kept::default()), "{}", case()),
        }
        disk.free();
        step(&mut world).unwrap_or_else(|error| panic!("{}: again: {error:?}", case()));
        assert_eq!(kept(&path).unwrap(), *after, "{}: after trying again", case());
    }
    world.close();
    if disk.failed().is_none() {
        return false;
    }
    tally.runs += 1;
    tally.unnoticed += usize::from(!noticed);
    drop(Store::open(&path).unwrap());
    assert_eq!(kept(&path).unwrap(), *expected.last().unwrap(), "{fault:?} from {from} on: after opening again");
    let left: Vec<_> = durable_files(&path).into_keys().collect();
    assert_eq!(left.len(), files, "{fault:?} from {from} on: orphans are left: {left:#?}");
    true
}

/// A commit of which nobody knows whether it is durable: the store says so, refuses to publish, and opening tells.
fn check_unknown(world: &mut World, before: &Kept, after: &Kept, case: &str) {
    let path = world.path.clone();
    let store = world.store();
    for _ in 0..2 {
        assert_eq!(store.commit().unwrap_err().kind(), ErrorKind::StoreLatched, "{case}");
        assert_eq!(store.save("latched").unwrap_err().kind(), ErrorKind::StoreLatched, "{case}");
        assert_eq!(store.delete("one").unwrap_err().kind(), ErrorKind::StoreLatched, "{case}");
    }
    for variable in store.collection("variables", "").unwrap() {
        variable.tensor().unwrap_or_else(|error| panic!("{case}: {error:?}"));
    }
    world.close();
    let store = Store::open(&path).unwrap();
    let found = kept(&path).unwrap();
    assert!(found == *before || found == *after, "{case}: neither the state before nor the one after");
    vector(&store, "and_on", vec![1.0]);
    store.save("and-on").unwrap();
    drop(store);
    let found = kept(&path).unwrap();
    assert!(found.tags["and-on"].contains_key("and_on"), "{case}");
}

/// How many files the script leaves, after an open that removed what nobody needs.
fn files_at_the_end(path: &Path) -> usize {
    drop(Store::open(path).unwrap());
    durable_files(path).len()
}

fn each_operation(fault: Fault, mode: ReadMode) {
    let folder = folder();
    let path = folder.path().join("undisturbed");
    let expected = undisturbed(&path);
    // Otherwise a step that lost its commit, or gained one, would not show.
    let published = expected.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(published, 21, "every commit of the script changes what is kept");
    let files = files_at_the_end(&path);
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while run(fault, mode, next.fetch_add(1, Ordering::SeqCst), &expected, files, &mut tally) {}
                let mut total = total.lock().unwrap();
                total.runs += tally.runs;
                total.refused += tally.refused;
                total.unknown += tally.unknown;
                total.unnoticed += tally.unnoticed;
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("{fault:?} {mode:?}: {total:?}");
    // Which operation has a number depends a little on what threads do first.
    let (unknown, unnoticed) = if fault == Fault::Full { (0, 0) } else { (published - 3, 75) };
    assert!(total.refused > 100 && total.unknown >= unknown && total.unnoticed >= unnoticed, "{total:?}");
}

#[test]
fn one_operation_fails() {
    each_operation(Fault::Once, ReadMode::Map);
}

#[test]
fn one_operation_fails_where_nothing_is_mapped() {
    each_operation(Fault::Once, ReadMode::Memory);
}

#[test]
fn one_operation_is_half_done_and_fails() {
    each_operation(Fault::HalfDone, ReadMode::Map);
}

#[test]
fn the_disk_is_full_and_then_is_not() {
    each_operation(Fault::Full, ReadMode::Map);
}

/// Interrupts every operation the first time, and moves a few bytes at a time.
#[derive(Default)]
struct Halting {
    begun: AtomicUsize,
}

impl Tap for Halting {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        let is_first = self.begun.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        match op {
            Op::Write { bytes, .. } if !is_first => Verdict::Short { bytes: bytes.len().div_ceil(3), then: None },
            Op::Read { len, .. } if !is_first => {
                Verdict::Short { bytes: usize::try_from(len.div_ceil(3)).unwrap(), then: None }
            }
            // These are done, and only their answer is lost.
            Op::CreateDir | Op::Rename { .. } | Op::Link { .. } | Op::Unlink | Op::RemoveTree if is_first => {
                Verdict::Short { bytes: 0, then: Some(io::ErrorKind::Interrupted.into()) }
            }
            _ if is_first => Verdict::Fail(io::ErrorKind::Interrupted.into()),
            _ => Verdict::Go,
        }
    }
}

#[test]
fn interruptions_and_short_moves_are_nothing() {
    let folder = folder();
    let expected = undisturbed(&folder.path().join("undisturbed"));
    let path = folder.path().join("store");
    let mut world = World::new(&path, Arc::new(Halting::default()));
    for (i, step) in SCRIPT.iter().enumerate() {
        step(&mut world).unwrap_or_else(|error| panic!("step {i}: {error:?}"));
        assert_eq!(kept(&path).unwrap(), expected[i], "step {i}");
    }
}

/// A disk with room for no more than this many bytes at once: asking for more is refused.
struct SmallDisk(u64);

impl Tap for SmallDisk {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        match op {
            Op::Preallocate { len, .. } if *len > self.0 => Verdict::Fail(io::ErrorKind::StorageFull.into()),
            _ => Verdict::Go,
        }
    }
}

#[test]
fn what_has_room_is_saved_though_reserving_more_has_not() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::options().tap(Arc::new(SmallDisk(16 << 20))).open(&path).unwrap();
    vector(&store, "v", vec![1.0; 1 << 20]);
    store.save("x").unwrap();
    assert_eq!(store.checkpoint("x").unwrap().get("v").unwrap().len_bytes(), 4 << 20);
}

/// Fails every read and every map while it is told to.
#[derive(Default)]
struct Unreadable(AtomicUsize);

impl Tap for Unreadable {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        match op {
            Op::Read { .. } | Op::Map { .. } if self.0.load(Ordering::SeqCst) > 0 && !is_catalog_thread() => {
                Verdict::Fail(io::Error::from_raw_os_error(5))
            }
            _ => Verdict::Go,
        }
    }
}

#[test]
fn a_value_that_cannot_be_read_is_an_error_and_no_more() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "v", vec![1.0; 5000]);
    vector(&store, "w", vec![2.0; 5000]);
    store.save("x").unwrap();
    drop(store);
    for mode in [ReadMode::Map, ReadMode::Memory] {
        let disk = Arc::new(Unreadable::default());
        let store = Store::options().read_mode(mode).tap(disk.clone()).open(&path).unwrap();
        let v = store.find("v").unwrap().unwrap();
        let ones = ndarray::Array1::from_elem(5000, 1.0_f32);
        disk.0.store(1, Ordering::SeqCst);
        let failed = [
            v.read::<f32>().map(|_| ()),
            v.update::<f32>(|_| ()),
            v.update_rows::<f32>(0..1, |mut row| row[0] = 2.0),
            v.assign_add(&ones),
            v.scatter_update(&[1], &ndarray::array![1.0_f32]),
            v.tensor().map(|_| ()),
        ];
        for result in failed {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.variable()), (ErrorKind::Io, Some("v")), "{mode:?}: {error:?}");
        }
        assert!(!store.commit().unwrap().is_new, "{mode:?}: what failed changed nothing");
        disk.0.store(0, Ordering::SeqCst);
        v.assign_add(&ones).unwrap();
        assert!(v.read::<f32>().unwrap().iter().all(|element| *element == 2.0));
        store.rollback().unwrap();
    }
}
