//! varkeep keeps variables: durable model state under TensorFlow-style scoped names.

mod catalog;
mod checkpoint;
mod commit;
mod dtype;
mod error;
mod format;
mod id;
mod io;
pub mod limits;
mod manifest;
mod memory;
mod name;
pub mod scope;
mod shape;
mod shard;
mod store;
mod strings;
mod tensor;
mod variable;
mod verify;

/// For tests of durability: watching and disturbing what reaches the disk. No part of the stable interface.
#[doc(hidden)]
pub mod testing {
    pub use crate::io::tap::{NoTap, Op, Tap, Verdict};
}

pub use checkpoint::{Checkpoint, CheckpointInfo, Placement, SavedKind, SavedSlice, SavedVariable, checkpoints};
pub use commit::Which;
pub use dtype::{DType, Element};
pub use error::{Class, Error, ErrorKind, Result};
pub use id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
pub use scope::initializer as init;
pub use shape::{IntoSizes, PartialShape, Shape};
pub use shard::{ReadMode, Verification};
pub use store::{
    GetVariable, Gotten, LoadOptions, LoadReport, Loss, OpenScope, Options, Save, SaveReport, Scope, ScopeHandle,
    ScopeName, Step, Store,
};
pub use strings::Strings;
pub use tensor::Tensor;
pub use variable::{Read, ReadStrings, Slice, Variable};
pub use verify::{CheckpointHealth, Damage, VerifyProgress, VerifyReport, verify};

/// What fuzz targets reach; not part of the interface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod hidden {
    pub use crate::format::fuzzing::{parse_commit, parse_manifest, parse_shard, parse_store_file};
    pub use crate::name::key::{decode as decode_key, encode as encode_key};
    pub use crate::name::{check_scope, check_tag, check_variable};
}

#[cfg(target_endian = "big")]
compile_error!("varkeep's files are little-endian and mapped as they are: big-endian machines are not supported");
