//! candle: a `VarMap`, as its training examples save it.

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Var};
use candle_nn::VarMap;

/// A map of f32 variables, which copies the bytes: candle keeps its own.
pub(crate) fn var_map<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<VarMap> {
    let map = VarMap::new();
    let mut variables = map.data().lock().expect("nobody panicked with the lock");
    for (name, bytes) in tensors {
        let elements: &[f32] = bytemuck::cast_slice(bytes);
        variables.insert(name.to_owned(), Var::from_slice(elements, elements.len(), &Device::Cpu)?);
    }
    drop(variables);
    Ok(map)
}

/// Writes the map; nothing is synced.
pub(crate) fn save(map: &VarMap, path: &Path) -> Result<()> {
    Ok(map.save(path)?)
}
