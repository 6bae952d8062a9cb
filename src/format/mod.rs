//! The files' bytes: `&[u8]` ⇄ structs, and nothing else. No files, no clocks, no catalog.
//!
//! All four kinds of file share one container: a header of 64 bytes, tagged sections, a table of the sections, and a
//! footer of 64 bytes. `docs/FORMAT.md` has the bytes, for someone who writes another reader; a test compares its
//! tables with the constants here.
//!
//! - [`header`], [`footer`], [`table`]: the parts of the container; [`container`] puts them together.
//! - [`blocks`]: the checksums of large files, one per block, so that a part can be checked without the rest.
//! - [`codec`]: how a record becomes bytes inside a section.
//! - [`store_file`], [`commit`], [`manifest`], [`shard`]: the four kinds; [`entry`] and [`content`] are what a manifest
//!   says about one name.
//!
//! Every byte is taken for hostile: parsers check each range before they follow it, allocate no more than the bytes in
//! front of them justify, and answer with an error, never with a panic. The lints below hold that line. Errors carry
//! the offset in the file; the caller adds the path.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

#[macro_use]
mod bytes;

mod blocks;
mod codec;
mod commit;
mod container;
mod content;
mod entry;
pub(crate) mod file_names;
mod footer;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod header;
mod manifest;
mod regularizer_record;
mod shard;
mod store_file;
mod table;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use commit::{Best, CommitRecord, ManifestRef, Retention, Summary, TagEntry};
#[cfg(test)]
pub(crate) use content::chunk_count;
pub(crate) use content::{ChunkSum, Content, EXTENT_ALIGNMENT, Extent, PatchRecord, PatchRun};
pub(crate) use entry::{AliasRecord, Body, Entry, SlicePlace, Statics, VariableRecord, WholeRecord};
#[cfg(test)]
pub(crate) use header::FileKind;
pub(crate) use header::{Access, Header};
pub(crate) use manifest::{ManifestKind, ManifestLayout, ManifestWriter, ShardRef};
pub(crate) use shard::{EXTENTS_OFFSET, ShardHead, ShardLayout, ShardTrailer};
pub(crate) use store_file::StoreFile;
