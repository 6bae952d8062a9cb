//! Resuming: a program written without reuse runs again and continues.

use varkeep::scope::{Next, VariableRequest, partitioner};
use varkeep::{DType, Error, ErrorKind, Result, Scope, Store, Variable, init};

use super::{folder, members, refused, reopened, store_in, store_path, values, vector};

/// A program that knows nothing of earlier runs of itself; `pieces` is how many slices it wants, 0 for no partitioner.
fn program(store: &Store, pieces: u64) -> Result<Vec<Variable>> {
    let root = store.root();
    let mut made = Vec::new();
    for _layer in 0..2 {
        let layer = root.unique_scope("dense").resume().enter()?;
        let get = layer.get_variable("w").shape([5]).initializer(init::zeros());
        let get = if pieces == 0 { get } else { get.partitioner(partitioner::fixed_size(pieces, 0)) };
        made.push(get.get()?);
        made.push(layer.get_variable("step").initializer(ndarray::arr0(0_i64)).get()?);
        layer.get_local_variable("seen").scalar().initializer(init::zeros()).get()?;
    }
    for variable in &made {
        if variable.dtype() == DType::I64 {
            variable.assign_add(&ndarray::arr0(1_i64))?;
        } else {
            variable.update::<f32>(|mut all| all += 1.0)?;
        }
    }
    Ok(made)
}

#[test]
fn a_program_without_reuse_continues_with_any_number_of_slices() {
    let folder = folder();
    let mut store = store_in(&folder);
    for (run, pieces) in [3, 2, 5, 1, 0, 0, 4].into_iter().enumerate() {
        let made = program(&store, pieces).unwrap();
        let names: Vec<String> = made.iter().map(Variable::name).collect();
        assert_eq!(names, ["dense/w", "dense/step", "dense_1/w", "dense_1/step"]);
        for variable in &made {
            let expected = (run + 1) as f32;
            match variable.dtype() {
                DType::I64 => assert_eq!(variable.read::<i64>().unwrap()[[]], i64::try_from(run + 1).unwrap()),
                _ => assert_eq!(values(variable), [expected; 5]),
            }
        }
        assert_eq!(made[0].slices().len() as u64, pieces);
        assert_eq!(members(&store, "variables").len() as u64, 2 * (pieces.max(1) + 1));
        let error = refused(
            program(&store, pieces),
            if pieces == 0 { ErrorKind::VariableExists } else { ErrorKind::PartitionedVariableExists },
        );
        assert!(error.advice().is_some_and(|advice| advice.contains("this session")), "{error}");
        store = reopened(store);
        assert_eq!(members(&store, "local_variables"), Vec::<String>::new());
    }
}

#[test]
fn what_was_never_committed_starts_anew() {
    let folder = folder();
    let store = store_in(&folder);
    program(&store, 0).unwrap();
    store.commit().unwrap();
    let root = store.root();
    root.scope("dense").reuse().enter().unwrap().get_variable("w").get().unwrap().assign(vector(&[7.0; 5])).unwrap();
    root.variable("other", 1).unwrap();
    drop(root);
    drop(store);
    let store = store_in(&folder);
    assert_eq!(values(&program(&store, 0).unwrap()[0]), [2.0; 5]);
    assert_eq!(store.find("other").unwrap(), None);
}

fn resuming(store: &Store, get: impl FnOnce(&Scope<'_>) -> Result<Variable>) -> Result<Variable> {
    get(&store.root().scope("").resume().enter()?)
}

#[test]
fn what_is_resumed_must_be_what_is_asked_for() {
    let folder = folder();
    let store = store_in(&folder);
    resuming(&store, |scope| scope.variable("v", 3)).unwrap();
    resuming(&store, |scope| scope.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0)).get())
        .unwrap();
    let store = reopened(store);
    refused(resuming(&store, |scope| scope.variable("v", 4)), ErrorKind::ShapeMismatch);
    let as_i32 = |scope: &Scope<'_>| scope.get_variable("v").shape([3]).dtype(DType::I32).get();
    refused(resuming(&store, as_i32), ErrorKind::DtypeMismatch);
    refused(resuming(&store, |scope| scope.variable("w", 5)), ErrorKind::PartitionedShapeMismatch);
    // Neither took the name; a plain mode sees it as existing, and finding by name is no get.
    refused(store.root().variable("v", 3), ErrorKind::VariableExists);
    let found = store.find("v").unwrap().unwrap();
    assert_eq!(resuming(&store, |scope| scope.variable("v", 3)).unwrap(), found);
    refused(resuming(&store, |scope| scope.variable("v", 3)), ErrorKind::VariableExists);
    // A get that reuses counts as using the name.
    store.root().scope("").reuse().enter().unwrap().get_variable("w").get().unwrap();
    refused(resuming(&store, |scope| scope.variable("w", 4)), ErrorKind::PartitionerMissing);
}

fn failing(next: &mut Next<'_, Variable>, request: VariableRequest) -> Result<Variable> {
    next.get(request)?;
    Err(Error::new(ErrorKind::InvalidArgument, "on purpose"))
}

#[test]
fn a_failed_resume_does_not_use_the_name_up() {
    let folder = folder();
    let store = store_in(&folder);
    program(&store, 2).unwrap();
    let store = reopened(store);
    let w = store.find("dense/w").unwrap().unwrap();
    for pieces in [2, 3] {
        let partitioner = partitioner::fixed_size(pieces, 0);
        let get = |scope: &Scope<'_>| {
            scope.get_variable("dense/w").shape([5]).partitioner(partitioner).custom_getter(failing).get()
        };
        refused(resuming(&store, get), ErrorKind::InvalidArgument);
        assert_eq!(store.find("dense/w").unwrap().as_ref(), Some(&w));
        assert_eq!((w.slices().len(), values(&w)), (2, vec![1.0; 5]));
        assert!(!store.commit().unwrap().is_new);
    }
    let step = |scope: &Scope<'_>| {
        let get = scope.get_variable("dense/step").initializer(ndarray::arr0(0_i64));
        get.custom_getter(failing).get()
    };
    refused(resuming(&store, step), ErrorKind::InvalidArgument);
    program(&store, 3).unwrap();
    refused(w.read::<f32>(), ErrorKind::VariableDetached);
}

#[test]
fn a_failed_get_leaves_the_name_used_up_by_another_one() {
    let folder = folder();
    let store = store_in(&folder);
    store.root().variable("v", 4).unwrap();
    let cut = |scope: &Scope<'_>| scope.get_variable("cut").shape([4]).partitioner(partitioner::fixed_size(2, 0)).get();
    cut(&store.root()).unwrap();
    let store = std::sync::Arc::new(reopened(store));
    for name in ["v", "cut"] {
        let others = std::sync::Arc::clone(&store);
        let got_by_both = move |next: &mut Next<'_, Variable>, request: VariableRequest| {
            next.get(request)?;
            let get = || others.root().scope("").reuse().enter()?.get_variable(name).get();
            std::thread::scope(|scope| scope.spawn(get).join()).expect("it does not panic")?;
            Err(Error::new(ErrorKind::InvalidArgument, "on purpose"))
        };
        let root = store.root();
        root.reuse_variables();
        refused(root.get_variable(name).custom_getter(got_by_both).get(), ErrorKind::InvalidArgument);
    }
    refused(resuming(&store, |scope| scope.variable("v", 4)), ErrorKind::VariableExists);
    refused(resuming(&store, cut), ErrorKind::PartitionedVariableExists);
}

#[test]
fn a_save_while_a_cut_is_being_changed_holds_the_values() {
    let folder = folder();
    let store = std::sync::Arc::new(store_in(&folder));
    let get =
        store.root().get_variable("w").initializer(vector(&[1.0, 2.0, 3.0])).partitioner(partitioner::fixed_size(3, 0));
    get.get().unwrap();
    store.commit().unwrap();
    drop(store);
    let store = std::sync::Arc::new(store_in(&folder));
    store.find("w").unwrap().unwrap().assign(vector(&[4.0, 5.0, 6.0])).unwrap();
    let inside = std::sync::Arc::clone(&store);
    let save_and_fail = move |next: &mut Next<'_, Variable>, request: VariableRequest| {
        let resliced = next.get(request)?;
        assert_eq!((resliced.slices().len(), values(&resliced)), (2, vec![4.0, 5.0, 6.0]));
        inside.save("meanwhile").unwrap();
        Err(Error::new(ErrorKind::InvalidArgument, "on purpose"))
    };
    let get = |scope: &Scope<'_>| {
        let get = scope.get_variable("w").shape([3]).partitioner(partitioner::fixed_size(2, 0));
        get.custom_getter(save_and_fail).get()
    };
    refused(resuming(&store, get), ErrorKind::InvalidArgument);
    let saved = varkeep::Checkpoint::open(store_path(&folder), "meanwhile").unwrap().get("w").unwrap();
    assert_eq!((saved.slices().len(), saved.tensor().unwrap()), (3, vector(&[4.0, 5.0, 6.0])));
    assert_eq!(values(&store.find("w").unwrap().unwrap()), [4.0, 5.0, 6.0]);
    store.commit().unwrap();
    drop(store);
    assert_eq!(values(&store_in(&folder).find("w").unwrap().unwrap()), [4.0, 5.0, 6.0]);
}

#[test]
fn attributes_and_aliases_outlive_another_cut() {
    let folder = folder();
    let store = store_in(&folder);
    let regularizer = varkeep::scope::regularizer::l1(1.0).unwrap();
    let get = |scope: &Scope<'_>, pieces: u64| {
        let get = scope.get_variable("w").shape([4]).initializer(init::ones()).trainable(false).also_in("mine");
        let get = get.caching_device("cpu").regularizer(regularizer.clone());
        get.partitioner(partitioner::fixed_size(pieces, 0)).get()
    };
    let w = resuming(&store, |scope| get(scope, 2)).unwrap();
    store.alias("tied", &w).unwrap();
    let store = reopened(store);
    resuming(&store, |scope| get(scope, 3)).unwrap();
    let store = reopened(store);
    assert_eq!(store.find("tied").unwrap().unwrap().slices().len(), 3);
    let w = store.find("w").unwrap().unwrap();
    assert_eq!(members(&store, "mine"), ["w/part_0", "w/part_1", "w/part_2"]);
    assert_eq!((w.is_trainable(), w.caching_device().as_deref()), (false, Some("cpu")));
    let losses = store.regularization_losses("").unwrap();
    let losses: Vec<f64> = losses.iter().map(|loss| loss.value().unwrap()).collect();
    assert_eq!(losses, [2.0, 1.0, 1.0]);
}
