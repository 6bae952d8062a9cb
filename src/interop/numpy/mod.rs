//! NumPy's arrays: one in a `.npy`, several in a zip that is an `.npz`.

mod array;
mod header;
mod member;
mod read;
mod strings;
mod write;

pub(crate) use read::{open_npy, open_npz};
pub(crate) use write::{obstacle, write_npy, write_npz};
