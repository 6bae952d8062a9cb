//! A part of a value that lies together.

use std::ops::Range;

use varkeep::SavedPiece;
use varkeep::interop::{Source, SourcePiece};

use super::BLOCK_BYTES;
use crate::failure::Outcome;

/// The value of a variable in one piece, or one slice of a partitioned one.
#[derive(Clone, Debug)]
pub(crate) enum Piece<'a> {
    Saved(SavedPiece<'a>),
    Foreign(ForeignPiece<'a>),
}

/// Files of other formats are read so many bytes at once.
pub(super) const FOREIGN_CHUNK_BYTES: u64 = 256 << 10;

/// A piece in a file of another format.
#[derive(Clone, Debug)]
pub(crate) struct ForeignPiece<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) variable: usize,
    pub(super) piece: usize,
    pub(super) len_bytes: u64,
}

impl ForeignPiece<'_> {
    fn facts(&self) -> &SourcePiece {
        &self.source.variables()[self.variable].pieces[self.piece]
    }
}

impl Piece<'_> {
    /// Where in the variable it starts, one index per axis.
    pub(crate) fn offset(&self) -> &[u64] {
        match self {
            Self::Saved(piece) => piece.offset(),
            Self::Foreign(piece) => &piece.facts().offset,
        }
    }

    pub(crate) fn sizes(&self) -> &[u64] {
        match self {
            Self::Saved(piece) => piece.shape().sizes(),
            Self::Foreign(piece) => piece.facts().shape.sizes(),
        }
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        match self {
            Self::Saved(piece) => piece.len_bytes(),
            Self::Foreign(piece) => piece.len_bytes,
        }
    }

    /// Ranges on multiples of this are read without reading a byte twice.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        match self {
            Self::Saved(piece) => piece.chunk_bytes(),
            Self::Foreign(_) => FOREIGN_CHUNK_BYTES,
        }
    }

    /// Reads bytes from `start` on, until the buffer is full. Memory holds the buffer and at most one chunk.
    pub(crate) fn read_into(&self, start: u64, buffer: &mut [u8]) -> Outcome<()> {
        match self {
            Self::Saved(piece) => Ok(piece.read_into(start, buffer)?),
            Self::Foreign(ForeignPiece { source, variable, piece, .. }) => {
                let name = &source.variables()[*variable].name;
                Ok(source.read_at(*variable, *piece, start, buffer).map_err(|error| error.of_variable(name))?)
            }
        }
    }

    /// The ranges of bytes that are not known to be equal to those of another piece of this form without reading them.
    pub(crate) fn ranges_to_compare(&self, other: &Self) -> Vec<Range<u64>> {
        match (self, other) {
            (Self::Saved(a), Self::Saved(b)) => a.ranges_to_compare(b),
            _ if self.len_bytes() == 0 => Vec::new(),
            _ => std::iter::once(0..self.len_bytes()).collect(),
        }
    }

    /// All of it, in blocks.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        blocks(0..self.len_bytes())
    }
}

/// Cuts a range where blocks end.
pub(crate) fn blocks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = range.end.min((start / BLOCK_BYTES + 1) * BLOCK_BYTES);
        (start < range.end).then_some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_on_multiples() {
        let all: Vec<_> = blocks(BLOCK_BYTES - 1..2 * BLOCK_BYTES + 5).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1], BLOCK_BYTES..2 * BLOCK_BYTES);
        assert_eq!(blocks(5..5).count(), 0);
    }
}
