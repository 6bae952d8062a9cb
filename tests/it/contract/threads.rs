//! Many threads getting the same names.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use varkeep::init::Initializer;
use varkeep::scope::partitioner;
use varkeep::{Error, ErrorKind, Result, Store, Tensor, Variable, init};

use super::{folder, members, root_kind, store_in, values};

const THREADS: usize = 32;
const NAMES: usize = 12;

/// An initializer that does not come to a value at first, and counts how often it did.
fn stubborn(failures: usize, tries: &Arc<AtomicUsize>, made: &Arc<AtomicUsize>) -> Initializer {
    let (tries, made) = (Arc::clone(tries), Arc::clone(made));
    init::function(move |place| {
        let before = tries.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
        if before < failures {
            assert!(before % 2 == 0, "on purpose");
            return Err(Error::new(ErrorKind::InvalidArgument, "on purpose"));
        }
        made.fetch_add(1, Ordering::Relaxed);
        Tensor::from_vec(place.shape, vec![7.0_f32; place.shape.elements() as usize])
    })
}

#[test]
fn one_thread_creates_and_all_see_the_initialised_value() {
    let folder = folder();
    let store = store_in(&folder);
    let start = Barrier::new(THREADS);
    let tries: Vec<Arc<AtomicUsize>> = (0..NAMES).map(|_| Arc::default()).collect();
    let made: Vec<Arc<AtomicUsize>> = (0..NAMES).map(|_| Arc::default()).collect();
    let got: Mutex<HashMap<String, Vec<(Variable, bool)>>> = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, start, tries, made, got) = (&store, &start, &tries, &made, &got);
            scope.spawn(move || {
                let root = store.root();
                let auto = root.scope("s").auto_reuse().enter().unwrap();
                start.wait();
                for n in (0..NAMES).map(|n| (n + thread) % NAMES) {
                    let gotten = loop {
                        // Every third name fails and panics a few times, every third is partitioned.
                        let failures = if n % 3 == 0 { 5 } else { 0 };
                        let initializer = stubborn(failures, &tries[n], &made[n]);
                        let get = auto.get_variable(&format!("v{n}")).shape([4]).initializer(initializer);
                        let get = if n % 3 == 1 { get.partitioner(partitioner::fixed_size(2, 0)) } else { get };
                        match catch_unwind(AssertUnwindSafe(|| get.get_reported())) {
                            Ok(Ok(gotten)) => break gotten,
                            Ok(Err(error)) => assert_eq!(root_kind(&error), ErrorKind::InvalidArgument, "{error:?}"),
                            Err(_) => {}
                        }
                    };
                    assert_eq!(values(&gotten.variable), [7.0; 4]);
                    let name = gotten.variable.name();
                    got.lock().unwrap().entry(name).or_default().push((gotten.variable, gotten.is_new));
                }
            });
        }
    });
    let got = got.into_inner().unwrap();
    assert_eq!(got.len(), NAMES);
    for (name, handles) in &got {
        assert_eq!(handles.len(), THREADS);
        assert!(handles.iter().all(|(handle, _)| *handle == handles[0].0), "{name} was created twice");
        assert_eq!(handles.iter().filter(|(_, is_new)| *is_new).count(), 1, "{name}");
    }
    for (n, made) in made.iter().enumerate() {
        assert_eq!(made.load(Ordering::Relaxed), if n % 3 == 1 { 2 } else { 1 }, "v{n}");
    }
    assert_eq!(members(&store, "variables").len(), NAMES + NAMES / 3);
}

#[test]
fn crossed_creations_end_in_an_error_for_one_of_them() {
    let folder = folder();
    let store = Arc::new(store_in(&folder));
    let both_inside = Arc::new(Barrier::new(2));
    let crossed = |mine: &'static str, other: &'static str| -> Result<Variable> {
        let (inside, barrier, first) = (Arc::clone(&store), Arc::clone(&both_inside), AtomicUsize::new(0));
        let initializer = init::function(move |place| {
            if first.fetch_add(1, Ordering::Relaxed) == 0 {
                barrier.wait();
            }
            let root = inside.root();
            root.scope("").auto_reuse().enter()?.get_variable(other).shape([1]).initializer(init::ones()).get()?;
            Tensor::zeros(place.dtype, place.shape.clone())
        });
        store.root().scope("").auto_reuse().enter()?.get_variable(mine).shape([1]).initializer(initializer).get()
    };
    let (a, b) = std::thread::scope(|scope| {
        let a = scope.spawn(|| crossed("a", "b"));
        let b = scope.spawn(|| crossed("b", "a"));
        (a.join().unwrap(), b.join().unwrap())
    });
    let failed: Vec<&Error> = [&a, &b].into_iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(failed.len(), 1, "one waits for the other, which is told of the circle: {a:?}, {b:?}");
    assert_eq!(failed[0].kind(), ErrorKind::UserFunctionFailed);
    assert_eq!(root_kind(failed[0]), ErrorKind::CreationCycle);
    // The one that went on created both.
    let mut both = members(&store, "variables");
    both.sort();
    assert_eq!(both, ["a", "b"]);
}

#[test]
fn what_is_being_created_is_awaited_not_seen() {
    let folder = folder();
    let store: &Store = &store_in(&folder);
    let (entered, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    std::thread::scope(|scope| {
        let (inside, leave) = (Arc::clone(&entered), Arc::clone(&go));
        let creating = scope.spawn(move || {
            let slow = init::function(move |place| {
                inside.wait();
                leave.wait();
                Tensor::from_vec(place.shape, vec![1.0_f32])
            });
            store.root().get_variable("v").shape([1]).initializer(slow).get().unwrap()
        });
        entered.wait();
        assert_eq!(store.find("v").unwrap(), None);
        assert_eq!(members(store, "variables"), Vec::<String>::new());
        assert_eq!(store.commit().unwrap().variables, 0);
        // Other names are not held up.
        store.root().variable("other", 1).unwrap();
        let waiting = scope.spawn(|| {
            let root = store.root();
            let reused = root.scope("").reuse().enter().unwrap();
            reused.get_variable("v").get().unwrap()
        });
        go.wait();
        let created = creating.join().unwrap();
        assert_eq!(waiting.join().unwrap(), created);
    });
}
