//! Manifests as an engine: open files, looked up newest first, merged and written.

mod file;
mod levels;
mod overlay;
mod stack;
mod write;

pub(crate) use file::ManifestFile;
pub(crate) use levels::{to_fold, to_merge};
pub(crate) use overlay::change_between;
pub(crate) use stack::Stack;
pub(crate) use write::write_manifest;
