//! TensorFlow's V2 checkpoints (TensorBundle): a sorted table of names, and data files beside it.

mod block;
mod checksum;
mod dtypes;
mod key;
mod proto;
mod read;
mod state;
mod strings;
mod table;
mod table_writer;
mod write;

pub(crate) use read::open;
pub(crate) use state::open_newest;
pub(crate) use write::{obstacle, write};
