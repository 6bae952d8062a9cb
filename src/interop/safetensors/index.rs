//! `model.safetensors.index.json`: which tensor of a sharded set lies in which file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::interop::file;

/// The largest index that is read: a million long names fit.
const INDEX_BYTES_MAX: u64 = 256 << 20;

/// The index, as the file holds it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, Value>,
    pub(crate) weight_map: BTreeMap<String, String>,
}

impl Index {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = file::read_small(path, INDEX_BYTES_MAX)?;
        let index: Self = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, "the file is no index of a set of safetensors files")
                .in_file(path)
                .caused_by(error)
        })?;
        // The files lie beside the index; a path could lead anywhere.
        for (name, shard) in &index.weight_map {
            if shard.is_empty() || shard == ".." || shard.contains(['/', '\\', '\0']) {
                let what = format!("the index puts {name:?} into {shard:?}, which is no plain file name");
                return Err(Error::new(ErrorKind::Corrupt, what).in_file(path).of_variable(name));
            }
        }
        Ok(index)
    }
}
