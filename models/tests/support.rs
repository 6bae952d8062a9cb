//! What the models share: variables whose values tell whether they are whole, and what checkpoints hold of them.

use std::path::Path;

use ndarray::{Array2, ArrayView1, Axis, Ix2};
use shuttle::rand::Rng;
use varkeep::{Checkpoint, Error, ErrorKind, Gotten, Options, Result, Store, Variable, init, verify};

/// Rows of a variable, each a chunk of its own.
pub(crate) const ROWS: usize = 3;
const COLUMNS: usize = 1024;
const CHUNK_BYTES: u64 = 4096;

/// One of these, as the scheduler's dice have it.
pub(crate) fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[shuttle::rand::thread_rng().gen_range(0..choices.len())]
}

/// Memory for saves: enough, or less than one value, so that changes wait for saves.
pub(crate) fn options() -> Options {
    Store::options().save_memory_bytes(one_of(&[1 << 20, 2 * CHUNK_BYTES]))
}

/// The variable of a name; where there is none, a new one of one value everywhere.
pub(crate) fn variable_or_new(store: &Store, name: &str, value: f32) -> Result<Gotten> {
    let root = store.root();
    let scope = root.scope("").auto_reuse().enter()?;
    let get = scope.get_variable(name).shape([ROWS, COLUMNS]).chunk_bytes(CHUNK_BYTES);
    get.initializer(init::constant(value)).get_reported()
}

pub(crate) fn variable(store: &Store, name: &str, value: f32) -> Variable {
    let gotten = variable_or_new(store, name, value).unwrap();
    assert!(gotten.is_new);
    gotten.variable
}

pub(crate) fn uniform(value: f32) -> Array2<f32> {
    Array2::from_elem((ROWS, COLUMNS), value)
}

/// Sets all of a variable, in one of the ways there are.
pub(crate) fn set(variable: &Variable, value: f32) -> Result<()> {
    match one_of(&[0, 1, 2, 3]) {
        0 => variable.assign(uniform(value)),
        1 => variable.update::<f32>(|mut all| all.fill(value)),
        2 => variable.update_rows::<f32>(0..ROWS, |mut rows| rows.fill(value)),
        _ => variable.scatter_update(&[2, 0, 1], &uniform(value)),
    }
}

/// Adds to all of a variable, in one of the ways there are.
pub(crate) fn add(variable: &Variable, value: f32) -> Result<()> {
    match one_of(&[0, 1, 2, 3]) {
        0 => variable.assign_add(&uniform(value)),
        1 => variable.assign_sub(&uniform(-value)),
        2 => variable.update::<f32>(|mut all| all += value),
        _ => variable.update_rows::<f32>(0..ROWS, |mut rows| rows += value),
    }
}

/// The value of each row, all elements of which have to be the same.
fn rows_of<'v>(rows: impl Iterator<Item = ArrayView1<'v, f32>>) -> [f32; ROWS] {
    let rows: Vec<f32> = rows
        .map(|row| {
            assert!(row.iter().all(|element| *element == row[0]), "a row is torn: {row}");
            row[0]
        })
        .collect();
    rows.try_into().unwrap()
}

/// What a variable holds, by rows.
pub(crate) fn rows(variable: &Variable) -> Result<[f32; ROWS]> {
    let value = variable.read::<f32>()?;
    Ok(rows_of(value.view().into_dimensionality::<Ix2>().unwrap().axis_iter(Axis(0))))
}

fn same(rows: [f32; ROWS]) -> f32 {
    assert!(rows.iter().all(|row| *row == rows[0]), "a value is torn: {rows:?}");
    rows[0]
}

/// What all of a variable holds.
pub(crate) fn value(variable: &Variable) -> Result<f32> {
    rows(variable).map(same)
}

/// What a checkpoint holds of a variable, by rows; `None` if it does not hold the variable.
pub(crate) fn find_rows(checkpoint: &Checkpoint, name: &str) -> Option<[f32; ROWS]> {
    let value = checkpoint.find(name).unwrap()?.read::<f32>().unwrap();
    Some(rows_of(value.view().into_dimensionality::<Ix2>().unwrap().axis_iter(Axis(0))))
}

pub(crate) fn find_saved(checkpoint: &Checkpoint, name: &str) -> Option<f32> {
    find_rows(checkpoint, name).map(same)
}

/// What the checkpoint of a tag holds of a variable.
pub(crate) fn saved(path: &Path, tag: &str, name: &str) -> f32 {
    let checkpoint = Checkpoint::open(path, tag).unwrap();
    find_saved(&checkpoint, name).unwrap_or_else(|| panic!("{tag} does not hold {name}"))
}

pub(crate) fn saved_rows(path: &Path, tag: &str, name: &str) -> [f32; ROWS] {
    find_rows(&Checkpoint::open(path, tag).unwrap(), name).unwrap()
}

/// Closes a store, checks every byte, and opens it once more.
pub(crate) fn reopen(store: Store, path: &Path) -> Store {
    drop(store);
    let report = verify(path, None, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.damage);
    Store::open(path).unwrap()
}

/// The value of a variable of a store that has just been opened.
pub(crate) fn found(store: &Store, name: &str) -> f32 {
    value(&store.find(name).unwrap().unwrap_or_else(|| panic!("{name} is gone"))).unwrap()
}

/// What is at the bottom of an error.
pub(crate) fn root_kind(error: &Error) -> ErrorKind {
    let mut kind = error.kind();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            kind = error.kind();
        }
        cause = error.source();
    }
    kind
}
