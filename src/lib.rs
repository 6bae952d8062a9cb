//! varkeep keeps variables: durable model state under TensorFlow-style scoped names.

mod dtype;
mod error;
mod id;
mod io;
pub mod limits;
mod memory;
mod name;
pub mod scope;
mod shape;
mod strings;
mod tensor;

/// For tests of durability: watching and disturbing what reaches the disk. No part of the stable interface.
#[doc(hidden)]
pub mod testing {
    pub use crate::io::tap::{NoTap, Op, Tap, Verdict};
}

pub use dtype::{DType, Element};
pub use error::{Class, Error, ErrorKind, Result};
pub use id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
pub use shape::{IntoSizes, PartialShape, Shape};
pub use strings::Strings;
pub use tensor::Tensor;

#[cfg(target_endian = "big")]
compile_error!("varkeep's files are little-endian and mapped as they are: big-endian machines are not supported");
