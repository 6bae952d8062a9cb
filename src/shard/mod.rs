//! Shards: where payload lies on disk, how it is read back, and how it is written.

mod file;
mod payload;
mod stored;
mod write;

pub use file::ReadMode;
pub(crate) use file::{ShardFile, Shards};
pub(crate) use payload::Payload;
#[cfg(feature = "interop")]
pub(crate) use payload::{Elsewhere, FillInOrder};
pub(crate) use stored::Stored;
pub use stored::Verification;
pub(crate) use write::{ShardWriter, SliceJob, Written};
