//! safetensors: a header in JSON, then the bytes. The header is the official crate's to read and to write.

mod dtypes;
mod index;
mod read;
mod write;

pub(crate) use read::{open, open_set};
pub(crate) use write::{obstacle, write};
