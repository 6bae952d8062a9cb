//! Byte strings that were read.

use varkeep::{ReadStrings, Strings, Tensor};

use crate::failure::Outcome;

/// A value of byte strings.
#[derive(Debug)]
pub(crate) enum Texts {
    Saved(ReadStrings),
    Foreign(Tensor),
}

impl Texts {
    pub(crate) fn strings(&self) -> Outcome<Strings<'_>> {
        match self {
            Self::Saved(read) => Ok(read.strings()),
            Self::Foreign(tensor) => Ok(tensor.strings()?),
        }
    }
}
