//! States to be saved: variables of a store whose bytes the peers borrow, so that everybody writes the same.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use varkeep::{Read, Store, Variable, init};

use crate::files::Files;

/// How long a catalog may take to catch up.
pub(crate) const CATALOG_WAIT: Duration = Duration::from_mins(5);

/// A store begins to tidy up as soon as nothing was saved for 20 ms.
const QUIET: Duration = Duration::from_millis(100);

/// The name of the `i`-th variable, as a model has them.
pub(crate) fn name(i: u64) -> String {
    format!("model/layer_{}/block_{}/weights_{i}", i % 48, i % 7)
}

/// Creates variables of so many f32 each. Their values are random, which nothing can compress.
pub(crate) fn create(store: &Store, count: u64, elements: u64) -> Result<Vec<Variable>> {
    create_with(store, count, elements, None)
}

/// As [`create`], with this chunk size.
pub(crate) fn create_with(store: &Store, count: u64, elements: u64, chunk_bytes: Option<u64>) -> Result<Vec<Variable>> {
    let root = store.root();
    (0..count)
        .map(|i| {
            let get = root.get_variable(&name(i)).shape(elements as usize).initializer(init::zeros());
            let variable = if let Some(bytes) = chunk_bytes { get.chunk_bytes(bytes) } else { get }.get()?;
            fill(&variable)?;
            Ok(variable)
        })
        .collect()
}

/// Gives a variable random values.
pub(crate) fn fill(variable: &Variable) -> Result<()> {
    Ok(variable.update::<f32>(|mut values| {
        values.map_inplace(|value| *value = fastrand::f32() + f32::MIN_POSITIVE);
    })?)
}

/// A training step: every element of every variable becomes another one, in place.
pub(crate) fn step(variables: &[Variable]) -> Result<()> {
    for variable in variables {
        variable.update::<f32>(|mut values| values *= 0.999)?;
    }
    Ok(())
}

/// A step that changes ten of many variables, in each round others.
pub(crate) fn step_ten(variables: &[Variable], round: usize) -> Result<()> {
    for i in 0..10 {
        let at = (round * 10 + i) * 7919 % variables.len();
        step(&variables[at..=at])?;
    }
    Ok(())
}

/// The values of variables, held for as long as others borrow their bytes.
pub(crate) struct Held(Vec<(String, Read<f32>)>);

impl Held {
    pub(crate) fn of(variables: &[Variable]) -> Result<Self> {
        let held = variables.iter().map(|variable| Ok((variable.name(), variable.read()?)));
        held.collect::<Result<_>>().map(Self)
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, values)| {
            let elements = values.as_slice().expect("what a store hands out is in one piece");
            (name.as_str(), bytemuck::cast_slice(elements))
        })
    }

    pub(crate) fn bytes(&self) -> Vec<&[u8]> {
        self.tensors().map(|(_, bytes)| bytes).collect()
    }
}

/// Opens a new store.
pub(crate) fn open(path: &Path) -> Result<Store> {
    Ok(Store::open(path)?)
}

/// Waits until the store has merged and reclaimed what its last save left: until its files stay the same for a while.
pub(crate) fn wait_until_tidy(store: &Store) -> Result<()> {
    let mut files = Files::of(store.path())?;
    let (mut since, begun) = (Instant::now(), Instant::now());
    while since.elapsed() < QUIET && begun.elapsed() < CATALOG_WAIT {
        std::thread::sleep(QUIET / 10);
        let now = Files::of(store.path())?;
        if now != files {
            (files, since) = (now, Instant::now());
        }
    }
    Ok(())
}
