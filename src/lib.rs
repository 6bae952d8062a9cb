//! varkeep keeps variables: durable model state under TensorFlow-style scoped names.

mod dtype;
mod error;
mod format;
mod id;
pub mod limits;
mod memory;
mod name;
pub mod scope;
mod shape;
mod strings;
mod tensor;

pub use dtype::{DType, Element};
pub use error::{Class, Error, ErrorKind, Result};
pub use id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
pub use shape::{IntoSizes, PartialShape, Shape};
pub use strings::Strings;
pub use tensor::Tensor;

/// What fuzz targets reach; not part of the interface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod hidden {
    pub use crate::format::fuzzing::{parse_commit, parse_manifest, parse_shard, parse_store_file};
}

#[cfg(target_endian = "big")]
compile_error!("varkeep's files are little-endian and mapped as they are: big-endian machines are not supported");
