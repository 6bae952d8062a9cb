//! A small store that has something of everything, and what it must read as.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array, array};
use varkeep::scope::partitioner::fixed_size;
use varkeep::{Checkpoint, DType, ErrorKind, Result, Save, Store, Tensor, VerifyReport, Which, init};

/// Values by name.
pub(crate) type Values = BTreeMap<String, Tensor>;

/// A store with two checkpoints, and what they hold.
pub(crate) struct Tiny {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    /// By number of the commit.
    pub(crate) values: BTreeMap<u64, Values>,
}

/// Commit 1 is tagged "one", commit 2, the newest, "two".
pub(crate) fn tiny() -> Tiny {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.varkeep");
    let store = Store::options().seed(7).open(&path).unwrap();
    let root = store.root();
    let weights = Array::from_shape_fn((6, 5), |(i, j)| 0.5 * i as f32 - j as f32);
    let w = root.get_variable("a/w").initializer(init::array(weights)).get().unwrap();
    let step = root.get_variable("step").dtype(DType::I64).scalar().initializer(init::constant(41)).get().unwrap();
    let mask = root.get_variable("mask").shape([3]).dtype(DType::Bool).initializer(init::zeros()).get().unwrap();
    mask.assign(array![true, false, true]).unwrap();
    let words = root.get_variable("words").shape([2]).dtype(DType::String).initializer(init::zeros()).get().unwrap();
    words.assign(Tensor::from_strings([2], &["a", "marker"]).unwrap()).unwrap();
    let embedding = Array::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
    let emb = root.get_variable("emb").shape([4, 3]).dtype(DType::F64).partitioner(fixed_size(2, 0));
    emb.initializer(init::zeros()).get().unwrap().assign(embedding).unwrap();
    store.alias("tied", &w).unwrap();
    store.save(Save::tag("one").metadata(&0.25)).unwrap();
    step.assign(42_i64).unwrap();
    w.update::<f32>(|mut w| w += 1.0).unwrap();
    store.save("two").unwrap();
    drop(root);
    drop(store);
    let mut tiny = Tiny { _folder: folder, path, values: BTreeMap::new() };
    for number in [1, 2] {
        tiny.values.insert(number, read_all(&tiny.path, Which::Number(number)).unwrap());
    }
    assert_eq!(tiny.values[&2].len(), 8);
    assert_ne!(tiny.values[&1], tiny.values[&2]);
    tiny
}

/// Every value of a checkpoint.
pub(crate) fn read_all(path: &Path, which: Which) -> Result<Values> {
    let checkpoint = Checkpoint::open(path, which)?;
    checkpoint
        .variables("")
        .map(|saved| saved.and_then(|saved| Ok((saved.name().to_owned(), saved.tensor()?))))
        .collect()
}

/// Verifies everything.
pub(crate) fn verify(path: &Path) -> VerifyReport {
    varkeep::verify(path, None, &mut |_| {}).unwrap()
}

/// The files of a store that a check covers, sorted: all but the catalog's and the note of the lock.
pub(crate) fn files_of(store: &Path) -> Vec<PathBuf> {
    let mut files = vec![store.join("FORMAT")];
    for part in ["commits", "manifests", "shards"] {
        files.extend(std::fs::read_dir(store.join(part)).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files
}

/// The files of one kind, oldest commit first.
pub(crate) fn files_in(store: &Path, part: &str) -> Vec<PathBuf> {
    files_of(store).into_iter().filter(|file| file.parent().unwrap().ends_with(part)).collect()
}

/// Copies what a check covers.
pub(crate) fn copy_of(store: &Path, to: &Path) {
    for part in ["commits", "manifests", "shards"] {
        std::fs::create_dir_all(to.join(part)).unwrap();
    }
    for file in files_of(store) {
        std::fs::copy(&file, to.join(file.strip_prefix(store).unwrap())).unwrap();
    }
}

/// Whether an error says that bytes are not what was written: nothing else may come of damage.
pub(crate) fn says_damage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Corrupt | ErrorKind::UnsupportedFormat)
}
