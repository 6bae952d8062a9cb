//! Get-or-create by several threads: whatever initializers do, a variable is there whole or not at all, once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::thread;
use varkeep::init::Initializer;
use varkeep::scope::partitioner::fixed_size;
use varkeep::testing::scope;
use varkeep::{Checkpoint, Error, ErrorKind, Gotten, Result, Store, Tensor, Variable, init};

use crate::schedules::explore;
use crate::support::{find_saved, found, one_of, options, reopen, root_kind, set, variable};

/// A variable of four elements, got or created.
fn get(store: &Store, name: &str, initializer: impl Into<Initializer>, slices: u64) -> Result<Gotten> {
    let root = store.root();
    let scope = root.scope("").auto_reuse().enter()?;
    let get = scope.get_variable(name).shape([4]).initializer(initializer);
    if slices > 1 { get.partitioner(fixed_size(slices, 0)).get_reported() } else { get.get_reported() }
}

/// All of a variable, which has to be the same.
fn item(variable: &Variable) -> f32 {
    let value = variable.read::<f32>().unwrap();
    assert!(value.iter().all(|element| *element == value[[0]]), "a value is torn: {value:?}");
    value[[0]]
}

/// The outcome of a function of the caller.
#[derive(Clone, Copy)]
enum Outcome {
    Value,
    Failure,
    Panic,
}

fn come_to(outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Value => Ok(()),
        Outcome::Failure => Err(Error::new(ErrorKind::InvalidArgument, "on purpose")),
        // Without a message each time.
        Outcome::Panic => resume_unwind(Box::new("on purpose")),
    }
}

#[test]
fn a_variable_is_created_once_and_seen_by_nobody_before_it_is_initialised() {
    explore(|path| {
        let store = &options().open(path).unwrap();
        let (failures, made) = (Arc::new(AtomicUsize::new(one_of(&[0, 1, 2]))), Arc::new(AtomicUsize::new(0)));
        let slices = one_of(&[1, 2]);
        let get_it = || {
            let (failures, made) = (Arc::clone(&failures), Arc::clone(&made));
            let initializer = init::function(move |place| {
                thread::yield_now();
                if failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    come_to(one_of(&[Outcome::Failure, Outcome::Panic]))?;
                }
                thread::yield_now();
                made.fetch_add(1, Ordering::Relaxed);
                Tensor::from_vec(place.shape, vec![7.0_f32; place.shape.elements() as usize])
            });
            match catch_unwind(AssertUnwindSafe(|| get(store, "v", initializer, slices))) {
                Ok(Ok(gotten)) => {
                    assert_eq!(item(&gotten.variable), 7.0);
                    Some(gotten)
                }
                Ok(Err(error)) => {
                    assert_eq!(root_kind(&error), ErrorKind::InvalidArgument, "{error}");
                    None
                }
                Err(_) => None,
            }
        };
        let got: Vec<Gotten> = scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(get_it)).collect();
            for _ in 0..2 {
                if let Some(v) = store.find("v").unwrap() {
                    assert_eq!(item(&v), 7.0);
                }
                let members = store.collection("variables", "").unwrap();
                assert!([0, slices as usize].contains(&members.len()), "{members:?}");
                assert!(members.iter().all(|member| item(member) == 7.0));
                assert!(store.commit().unwrap().variables <= 1);
            }
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        let Some(first) = got.first() else {
            // All of three failed, of which two may; so this cannot be.
            panic!("nobody came to a value");
        };
        assert!(got.iter().all(|gotten| gotten.variable == first.variable));
        assert_eq!(got.iter().filter(|gotten| gotten.is_new).count(), 1);
        // Of a variable whose second slice fails, the first was made in vain.
        assert!(made.load(Ordering::Relaxed) - slices as usize <= if slices == 1 { 0 } else { 2 });
        store.save("all").unwrap();
        let saved = Checkpoint::open(path, "all").unwrap().get("v").unwrap().read::<f32>().unwrap().to_owned();
        assert!(saved.len() == 4 && saved.iter().all(|element| *element == 7.0));
    });
}

#[test]
fn what_an_initializer_created_goes_with_it() {
    explore(|path| {
        let store = Arc::new(options().open(path).unwrap());
        let outcome = one_of(&[Outcome::Value, Outcome::Failure, Outcome::Panic]);
        let outer = {
            let store = Arc::clone(&store);
            move || {
                let inside = Arc::clone(&store);
                let initializer = init::function(move |place| {
                    let inner = get(&inside, "inner", init::constant(1.0), 1)?.variable;
                    thread::yield_now();
                    come_to(outcome)?;
                    Tensor::from_vec(place.shape, vec![item(&inner) + 10.0; 4])
                });
                catch_unwind(AssertUnwindSafe(|| get(&store, "outer", initializer, 1))).is_ok_and(|got| got.is_ok())
            }
        };
        let (inner, is_outer) = scope(|scope| {
            let outer = scope.spawn(outer);
            scope.spawn(|| store.commit().unwrap());
            (get(&store, "inner", init::constant(2.0), 1).unwrap(), outer.join().unwrap())
        });
        assert_eq!(is_outer, matches!(outcome, Outcome::Value));
        let found = item(&inner.variable);
        assert_eq!(found, if inner.is_new { 2.0 } else { 1.0 });
        assert!(is_outer || inner.is_new, "it was seen, and then it went");
        assert_eq!(store.find("inner").unwrap().unwrap(), inner.variable);
        let outer = store.find("outer").unwrap();
        assert_eq!(outer.as_ref().map(item), is_outer.then_some(found + 10.0));
        drop((inner, outer));
        assert_eq!(store.save("all").unwrap().variables, if is_outer { 2 } else { 1 });
    });
}

/// Creates each of these names in a thread of its own, by an initializer that wants the next one. Says which failed.
fn cross(store: &Arc<Store>, names: &'static [&'static str]) -> Vec<&'static str> {
    let create = |k: usize| {
        let (inside, next) = (Arc::clone(store), names[(k + 1) % names.len()]);
        let initializer = init::function(move |place| {
            let other = get(&inside, next, init::constant(1.0), 1)?.variable;
            Tensor::from_vec(place.shape, vec![item(&other) + 1.0; 4])
        });
        match get(store, names[k], initializer, 1) {
            Ok(gotten) => assert!(item(&gotten.variable) >= 1.0),
            Err(error) => {
                assert_eq!(
                    (error.kind(), root_kind(&error)),
                    (ErrorKind::UserFunctionFailed, ErrorKind::CreationCycle)
                );
                return Some(names[k]);
            }
        }
        None
    };
    scope(|scope| {
        let create = &create;
        let threads: Vec<_> = (0..names.len()).map(|k| scope.spawn(move || create(k))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn crossed_creations_end_in_an_error_for_one_of_them() {
    explore(|path| {
        let store = Arc::new(options().open(path).unwrap());
        let names: &[&str] = one_of(&[&["a", "b"][..], &["a", "b", "c"]]);
        let failed = cross(&store, names);
        assert!(failed.len() <= 1, "{failed:?}");
        // Those that went on created what the other did not.
        for name in names {
            assert!(item(&store.find(name).unwrap().unwrap()) >= 1.0);
        }
        assert_eq!(store.save("all").unwrap().variables, names.len() as u64);
    });
}

#[test]
fn what_is_removed_and_created_again_beside_saves_is_one_or_the_other() {
    explore(|path| {
        let store = options().open(path).unwrap();
        let v = variable(&store, "v", 1.0);
        let kept = variable(&store, "kept", 5.0);
        store.save("one").unwrap();
        let seen = scope(|scope| {
            scope.spawn(|| {
                store.remove("v").unwrap();
                assert_eq!(v.assign(crate::support::uniform(9.0)).unwrap_err().kind(), ErrorKind::VariableDetached);
                let again = variable(&store, "v", 2.0);
                set(&again, 3.0).unwrap();
            });
            set(&kept, 6.0).unwrap();
            let pending = [store.save_in_background("two").unwrap(), store.save_in_background("three").unwrap()];
            for pending in pending {
                assert!(pending.wait().is_ok());
            }
            ["two", "three"].map(|tag| {
                let checkpoint = Checkpoint::open(path, tag).unwrap();
                assert_eq!(find_saved(&checkpoint, "kept"), Some(6.0));
                // In the order in which it was them.
                [Some(1.0), None, Some(2.0), Some(3.0)]
                    .iter()
                    .position(|value| *value == find_saved(&checkpoint, "v"))
                    .expect("it was one of them")
            })
        });
        assert!(seen[0] <= seen[1], "{seen:?}");
        store.save("all").unwrap();
        drop((v, kept));
        let store = reopen(store, path);
        assert_eq!(found(&store, "v"), 3.0);
        assert_eq!(found(&store, "kept"), 6.0);
    });
}
