//! The contract of `get_variable`, where the conformance programs do not reach: what is durable, what failures leave,
//! what threads see, and what is varkeep's own.

mod documentation;
mod failures;
mod getters;
mod losses;
mod names;
mod partitions;
mod properties;
mod resume;
mod threads;

use tempfile::TempDir;
use varkeep::{ErrorKind, Result, Store, Tensor, Variable};

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn store_in(folder: &TempDir) -> Store {
    Store::open(store_path(folder)).unwrap()
}

pub(crate) fn store_path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("store")
}

/// Commits, closes and opens the store again.
pub(crate) fn reopened(store: Store) -> Store {
    let path = store.path().to_path_buf();
    store.commit().unwrap();
    drop(store);
    Store::open(path).unwrap()
}

/// The values as `f32`, in row-major order.
pub(crate) fn values(variable: &Variable) -> Vec<f32> {
    variable.read::<f32>().unwrap().iter().copied().collect()
}

pub(crate) fn vector(values: &[f32]) -> Tensor {
    Tensor::from_vec([values.len()], values.to_vec()).unwrap()
}

pub(crate) fn names(variables: &[Variable]) -> Vec<String> {
    variables.iter().map(Variable::name).collect()
}

pub(crate) fn members(store: &Store, key: &str) -> Vec<String> {
    names(&store.collection(key, "").unwrap())
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) -> varkeep::Error {
    let error = result.expect_err("it should be refused");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

/// The innermost error of this crate in a chain of causes.
pub(crate) fn root_kind(error: &varkeep::Error) -> ErrorKind {
    let mut kind = error.kind();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<varkeep::Error>() {
            kind = error.kind();
        }
        cause = error.source();
    }
    kind
}
