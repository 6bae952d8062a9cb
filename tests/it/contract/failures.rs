//! A failed get leaves nothing behind, wherever it fails.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use varkeep::scope::{Next, Partitioner, VariableRequest, collection, partitioner, regularizer};
use varkeep::{DType, Error, ErrorKind, GetVariable, Result, Scope, Store, Tensor, Variable, init};

use super::{folder, members, names, refused, root_kind, store_in, store_path, values, vector};

fn fault() -> Error {
    Error::new(ErrorKind::InvalidArgument, "on purpose")
}

/// Everything that could have changed.
fn seen(store: &Store) -> String {
    let mut text = String::new();
    for key in ["variables", "local_variables", "trainable_variables", "mine"] {
        for variable in store.collection(key, "").unwrap() {
            write!(text, "{key} {variable:?} {:?} {:?}; ", variable.tensor().unwrap().bytes(), variable.collections())
                .unwrap();
        }
    }
    for name in ["kept", "v", "w", "w/part_0", "w/part_1", "w/part_2", "w/part_3", "w/0", "w/1", "x"] {
        write!(text, "{name} {:?}; ", store.find(name).unwrap().map(|v| (v.declared_shape(), v.is_durable()))).unwrap();
    }
    text + &format!("{:?}", store.regularization_losses("").unwrap().len())
}

/// Runs a get that is to fail or panic, and checks that it left nothing: not in memory, not to be committed. Returns
/// its error, or nothing if it panicked.
#[track_caller]
fn leaves_nothing(prepare: impl FnOnce(&Scope<'_>), fail: impl FnOnce(&Scope<'_>) -> Error) -> Option<Error> {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    root.get_variable("kept").shape([2]).initializer(init::ones()).get().unwrap();
    prepare(&root);
    store.commit().unwrap();
    let before = seen(&store);
    let error = catch_unwind(AssertUnwindSafe(|| fail(&root))).ok();
    assert_eq!(seen(&store), before);
    assert!(!store.commit().unwrap().is_new, "something was left to be committed");
    assert_eq!(root.unique_scope("w").enter().unwrap().name(), "w", "no counter was touched");
    drop(root);
    drop(store);
    assert_eq!(seen(&Store::open(store_path(&folder)).unwrap()), before);
    error
}

/// The error of a get that fails.
#[track_caller]
fn failing(get: GetVariable<'_>) -> Error {
    get.get().expect_err("it should fail")
}

fn nothing(_: &Scope<'_>) {}

#[test]
fn initializers_that_fail_or_panic() {
    let error = leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([2]).initializer(init::function(|_| Err(fault()))))
    });
    let error = error.unwrap();
    assert_eq!((error.kind(), error.variable()), (ErrorKind::UserFunctionFailed, Some("w")));
    assert_eq!(root_kind(&error), ErrorKind::InvalidArgument, "its own error is the cause");
    leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([2]).initializer(init::function(|_| panic!("on purpose"))))
    });
    let error =
        leaves_nothing(nothing, |root| failing(root.get_variable("w").initializer(init::nullary(|| Err(fault())))));
    assert_eq!(error.unwrap().kind(), ErrorKind::UserFunctionFailed);
    let wrong = init::function(|place| Tensor::zeros(DType::I8, place.shape.clone()));
    let error = leaves_nothing(nothing, |root| failing(root.get_variable("w").shape([2]).initializer(wrong)));
    assert_eq!(error.unwrap().kind(), ErrorKind::InitializerWrongResult);
}

#[test]
fn slices_that_fail_midway() {
    for panics in [false, true] {
        let third = init::function(move |place| {
            if place.offset[0] < 4 {
                return Tensor::zeros(place.dtype, place.shape.clone());
            }
            assert!(!panics, "on purpose");
            Err(fault())
        });
        leaves_nothing(nothing, |root| {
            let get = root.get_variable("w").shape([8]).partitioner(partitioner::fixed_size(4, 0));
            failing(get.initializer(third).regularizer(regularizer::l2(1.0).unwrap()).also_in("mine"))
        });
    }
    // The second slice stands there already, with another shape; the first was made when that is found.
    let stray = |root: &Scope<'_>| {
        root.scope("").auto_reuse().enter().unwrap().variable("w/part_0", 2).unwrap();
        root.variable("w/part_1", 5).unwrap();
    };
    let error = leaves_nothing(stray, |root| {
        let auto = root.scope("").auto_reuse().enter().unwrap();
        failing(auto.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0)))
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::ShapeMismatch);
}

#[test]
fn partitioners_that_fail_or_panic() {
    let error = leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([8]).partitioner(Partitioner::new(|_, _| Err(fault()))))
    });
    assert_eq!(root_kind(&error.unwrap()), ErrorKind::InvalidArgument);
    leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([8]).partitioner(Partitioner::new(|_, _| panic!("on purpose"))))
    });
    let error = leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([2]).partitioner(Partitioner::new(|_, _| Ok(vec![3]))))
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::TooManyPartitions);
}

#[test]
fn regularizers_that_fail_or_panic() {
    let error = leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([2]).regularizer(regularizer::custom(|_| Err(fault()))))
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::UserFunctionFailed);
    leaves_nothing(nothing, |root| {
        failing(root.get_variable("w").shape([2]).regularizer(regularizer::custom(|_| panic!("on purpose"))))
    });
    let error = leaves_nothing(nothing, |root| {
        let get = root.get_variable("w").shape([4]).dtype(DType::I32).partitioner(partitioner::fixed_size(2, 0));
        failing(get.regularizer(regularizer::l1(1.0).unwrap()))
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::RegularizerUnsupportedDtype);
}

#[test]
fn getters_that_fail_after_what_they_called_succeeded() {
    for panics in [false, true] {
        leaves_nothing(nothing, |root| {
            let outer = root
                .scope("")
                .custom_getter(move |next: &mut Next<'_, Variable>, request: VariableRequest| {
                    next.get(request)?;
                    assert!(!panics, "on purpose");
                    Err(fault())
                })
                .enter()
                .unwrap();
            let pair = |next: &mut Next<'_, Variable>, request: VariableRequest| {
                let named =
                    |last: &str| VariableRequest { name: format!("{}/{last}", request.name), ..request.clone() };
                refused(next.get(named("0")), ErrorKind::InvalidArgument);
                next.get(named("1"))
            };
            let inner = outer.scope("").custom_getter(pair).enter().unwrap();
            let get = inner.get_variable("w").shape([2]).partitioner(partitioner::fixed_size(2, 0));
            failing(get.regularizer(regularizer::l2(1.0).unwrap()))
        });
    }
}

#[test]
fn a_panic_that_a_getter_catches_takes_back_what_panicked() {
    let folder = folder();
    let store = store_in(&folder);
    let half = init::function(|place| {
        assert_eq!(place.offset[0], 0, "on purpose");
        Tensor::zeros(place.dtype, place.shape.clone())
    });
    let root = store.root();
    let catch = |next: &mut Next<'_, Variable>, request: VariableRequest| {
        let _panic = catch_unwind(AssertUnwindSafe(|| next.get(request.clone()))).expect_err("it panics");
        next.get(VariableRequest { name: "instead".to_owned(), initializer: None, partitioner: None, ..request })
    };
    let get = root.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0));
    let got = get.initializer(half).custom_getter(catch).get().unwrap();
    assert_eq!(got.name(), "instead");
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["instead"]);
    assert_eq!(store.find("w/part_0").unwrap(), None);
}

#[test]
fn an_adoption_taken_back_leaves_the_slices_their_own() {
    let fail = |next: &mut Next<'_, Variable>, request: VariableRequest| {
        next.get(request)?;
        Err(fault())
    };
    let open = |root: &Scope<'_>, name: &str, value: &[f32]| {
        let get = root.get_variable(name).initializer(init::array(vector(value))).validate_shape(false);
        get.get().unwrap()
    };
    leaves_nothing(
        |root| {
            open(root, "w/part_0", &[1.0, 2.0]);
            open(root, "w/part_1", &[3.0, 4.0]);
        },
        |root| {
            let auto = root.scope("").auto_reuse().enter().unwrap();
            let get = auto.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0));
            failing(get.custom_getter(fail))
        },
    );
    // And once they are slices, they keep their shape.
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let part = open(&root, "w/part_0", &[1.0, 2.0]);
    part.assign_any_shape(vector(&[5.0])).unwrap();
    part.assign_any_shape(vector(&[1.0, 2.0])).unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    let get = auto.get_variable("w").shape([2]).partitioner(partitioner::fixed_size(1, 0));
    let gotten = get.get_reported().unwrap();
    assert!(!gotten.is_new, "a whole put together of slices that existed is no new storage");
    assert_eq!(gotten.variable.slices()[0].variable, part);
    refused(part.assign_any_shape(vector(&[5.0])), ErrorKind::AssignShapeMismatch);
    assert_eq!(values(&gotten.variable), [1.0, 2.0]);
}

#[test]
fn a_handle_kept_from_an_undone_creation_is_detached() {
    let folder = folder();
    let store = store_in(&folder);
    let stash: Arc<Mutex<Vec<Variable>>> = Arc::default();
    let keep = Arc::clone(&stash);
    let getter = move |next: &mut Next<'_, Variable>, request: VariableRequest| {
        let whole = next.get(request)?;
        let mut stash = keep.lock().unwrap();
        stash.extend(whole.slices().into_iter().map(|slice| slice.variable));
        stash.push(whole);
        Err(fault())
    };
    let root = store.root();
    let get = root.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0));
    refused(get.custom_getter(getter).get(), ErrorKind::InvalidArgument);
    let stash = stash.lock().unwrap();
    assert_eq!(names(&stash), ["w/part_0", "w/part_1", "w"]);
    for variable in &*stash {
        refused(variable.read::<f32>(), ErrorKind::VariableDetached);
        refused(variable.assign(vector(&[0.0; 4])), ErrorKind::VariableDetached);
        refused(variable.update::<f32>(|_| {}), ErrorKind::VariableDetached);
    }
    let again = root.variable("w", 4).unwrap();
    assert!(stash.iter().all(|variable| *variable != again));
}

#[test]
fn creations_in_a_circle_end_in_an_error() {
    let folder = folder();
    let store = Arc::new(store_in(&folder));
    let (inside, seen) = (Arc::clone(&store), Arc::new(Mutex::new(None)));
    let note = Arc::clone(&seen);
    let itself = init::function(move |place| -> Result<Tensor> {
        let error = inside.root().variable("v", 1).expect_err("it would wait for itself");
        *note.lock().unwrap() = Some(error.kind());
        assert!(error.advice().is_some());
        Tensor::zeros(place.dtype, place.shape.clone())
    });
    store.root().get_variable("v").shape([1]).initializer(itself).get().unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(ErrorKind::CreationCycle));

    // An initializer may well create others.
    let inside = Arc::clone(&store);
    let other = init::function(move |place| {
        let b = inside
            .root()
            .scope("")
            .auto_reuse()
            .enter()?
            .get_variable("b")
            .shape([2])
            .initializer(init::ones())
            .get()?;
        assert_eq!(place.name, "a");
        b.tensor()
    });
    let a = store.root().get_variable("a").shape([2]).initializer(other).get().unwrap();
    assert_eq!(values(&a), [1.0, 1.0]);
    assert_eq!(members(&store, collection::GLOBAL_VARIABLES), ["v", "b", "a"]);
}

#[test]
fn a_failed_outer_creation_takes_the_inner_one_with_it() {
    let folder = folder();
    let store = Arc::new(store_in(&folder));
    let inside = Arc::clone(&store);
    let failing = init::function(move |_| {
        inside.root().variable("b", 1)?;
        Err(fault())
    });
    refused(store.root().get_variable("a").shape([1]).initializer(failing).get(), ErrorKind::UserFunctionFailed);
    assert_eq!(store.find("b").unwrap(), None);
    store.root().variable("b", 1).unwrap();
}

#[test]
fn a_message_says_what_where_and_what_to_do() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let scope = root.scope("layer").enter().unwrap();
    scope.variable("w", (2, 3)).unwrap();
    let error = refused(scope.variable("w", (2, 3)), ErrorKind::VariableExists);
    let text = error.to_string();
    for part in ["layer/w", "[2, 3]", "float32", "failures.rs:", "reuse"] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert!(error.advice().is_some() && error.variable() == Some("layer/w"));
    let reused = root.scope("layer").reuse().enter().unwrap();
    let error = refused(reused.variable("w", (3, 2)), ErrorKind::ShapeMismatch);
    assert!(error.what().contains("[3, 2]") && error.what().contains("[2, 3]"), "{error}");
    let error = refused(reused.variable("u", 1), ErrorKind::VariableNotFound);
    assert!(error.to_string().contains("layer/u") && error.advice().is_some_and(|advice| advice.contains("automatic")));
}
