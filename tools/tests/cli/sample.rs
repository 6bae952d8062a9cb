//! A small store with one of everything.

use std::path::Path;

use ndarray::{Array2, array};
use serde::Serialize;
use varkeep::scope::partitioner;
use varkeep::{DType, Save, Store, Tensor, init};

/// What a trainer tells of a checkpoint.
#[derive(Serialize)]
struct Facts {
    step: u64,
    metrics: Metrics,
}

#[derive(Serialize)]
struct Metrics {
    loss: f64,
    accuracy: f32,
}

fn facts(step: u64, loss: f64) -> Facts {
    Facts { step, metrics: Metrics { loss, accuracy: 0.9 } }
}

/// Makes `digits.varkeep` in a folder: three checkpoints, the last of them the head.
pub(crate) fn digits(folder: &Path) -> Store {
    let store = Store::open(folder.join("digits.varkeep")).unwrap();
    {
        let root = store.root();
        let hidden = root.scope("hidden").resume().enter().unwrap();
        let w = Array2::from_shape_fn((64, 32), |(i, j)| (i as f32 - 32.0) / 64.0 + j as f32 / 256.0);
        let w = hidden.get_variable("w").initializer(w).get().unwrap();
        hidden.get_variable("b").initializer(array![0.5_f32, -1.5, 0.0, 2.0]).get().unwrap();
        let slot = hidden.get_variable("w/Adam").trainable(false).also_in("slots");
        slot.shape([64, 32]).initializer(init::zeros()).get().unwrap();
        let cut = root.get_variable("embedding").shape([6, 2]).partitioner(partitioner::fixed_size(3, 0));
        cut.initializer(init::ones()).get().unwrap();
        let step = root.get_variable("step").scalar().dtype(DType::I64).trainable(false);
        step.initializer(init::zeros()).get().unwrap();
        let labels = Tensor::from_strings([3], &["cat", "it's", ""]).unwrap();
        let labels_request = root.get_variable("labels").dtype(DType::String).trainable(false);
        labels_request.initializer(labels).get().unwrap();
        store.alias("tied/w", &w).unwrap();
    }
    store.save(Save::tag("step-0").metadata(&facts(0, f64::INFINITY))).unwrap();
    train(&store, 100);
    store.save(Save::tag("step-100").metadata(&facts(100, 0.25))).unwrap();
    train(&store, 200);
    store.save(Save::tag("step-200").metadata(&facts(200, 0.125))).unwrap();
    store
}

/// Changes some values, as a step would.
pub(crate) fn train(store: &Store, step: i64) {
    let get = |name: &str| store.find(name).unwrap().unwrap();
    get("step").assign(step).unwrap();
    get("hidden/w").update::<f32>(|mut w| w[[3, 17]] += 0.25).unwrap();
    get("embedding").update::<f32>(|mut rows| rows[[4, 1]] = if step == 200 { f32::NAN } else { 3.0 }).unwrap();
}

/// Adds what `diff` has to tell apart by form: a checkpoint `other`, and its store is closed.
pub(crate) fn reshape(store: &Store) {
    store.remove("hidden/b").unwrap();
    store.rename("hidden/w/Adam", "hidden/w/Momentum").unwrap();
    let root = store.root();
    root.get_variable("hidden/b").initializer(array![0.5_f64, -1.5]).get().unwrap();
    drop(root);
    store.save("other").unwrap();
}
