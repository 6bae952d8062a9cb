//! Values written as they are read, in formats of others: [`npy`], [`csv`], bytes as they are.

mod csv;
mod npy;

use std::io::Write;

use crate::failure::Outcome;
use crate::select::Selection;

pub(crate) use csv::csv;
pub(crate) use npy::npy;

/// The bytes: row-major, little-endian.
pub(crate) fn raw(selection: &Selection, out: &mut dyn Write) -> Outcome<()> {
    selection.for_each_bytes(&mut |bytes| Ok(out.write_all(bytes)?))
}
