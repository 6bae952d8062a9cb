//! varkeep keeps variables: durable model state under TensorFlow-style scoped names.

mod catalog;
mod checkpoint;
mod commit;
mod dtype;
mod error;
mod format;
mod id;
#[cfg(feature = "interop")]
pub mod interop;
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
mod sync;
mod tensor;
mod variable;
mod verify;

/// For tests of durability: watching and disturbing what reaches the disk. No part of the stable interface.
#[doc(hidden)]
pub mod testing {
    pub use crate::io::tap::{NoTap, Op, Tap, Verdict};
    #[cfg(shuttle)]
    pub use crate::sync::thread::scope;
}

pub use checkpoint::{
    Checkpoint, CheckpointInfo, Placement, SavedKind, SavedPiece, SavedSlice, SavedVariable, checkpoints,
};
pub use commit::Which;
pub use dtype::{DType, Element};
pub use error::{Class, Error, ErrorKind, Result};
pub use id::{AttemptId, CommitId, ManifestId, ShardId, StoreId};
pub use scope::initializer as init;
pub use shape::{IntoSizes, PartialShape, Shape};
pub use shard::{ReadMode, Verification};
pub use store::{
    Commit, GetVariable, Gotten, LoadOptions, LoadReport, Loss, OpenScope, Options, PendingSave, PruneReport,
    Retention, SalvageReport, Save, SaveProgress, SaveReport, Scope, ScopeHandle, ScopeName, Step, Store, salvage,
};
pub use strings::Strings;
pub use tensor::Tensor;
pub use variable::{Read, ReadStrings, Slice, Variable};
pub use verify::{CheckpointHealth, Damage, VerifyProgress, VerifyReport, verify};

/// What the fuzz targets reach. No part of the stable interface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod hidden {
    use crate::error::Result;
    use crate::name;

    #[cfg(feature = "interop")]
    pub use crate::interop::fuzzing::read_foreign;

    pub use crate::format::fuzzing::{parse_commit, parse_manifest, parse_shard, parse_store_file};

    pub fn decode_key(key: &[u8]) -> Option<String> {
        name::key::decode(key)
    }

    pub fn encode_key(full_name: &str) -> Vec<u8> {
        name::key::encode(full_name)
    }

    pub fn check_scope(parent: &str, scope: &str) -> Result<()> {
        name::check_scope(parent, scope)
    }

    pub fn check_tag(tag: &str) -> Result<()> {
        name::check_tag(tag)
    }

    pub fn check_variable(full_name: &str, scope: &str) -> Result<()> {
        name::check_variable(full_name, scope)
    }
}

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The examples of the page on TensorFlow run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/TENSORFLOW.md")]
mod tensorflow {}

#[cfg(target_endian = "big")]
compile_error!("varkeep's files are little-endian and mapped as they are: big-endian machines are not supported");
