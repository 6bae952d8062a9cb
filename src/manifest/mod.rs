//! Manifests as an engine: open files, looked up newest first, merged and written.

mod file;
mod stack;
mod write;

pub(crate) use file::ManifestFile;
pub(crate) use stack::Stack;
pub(crate) use write::write_base;
