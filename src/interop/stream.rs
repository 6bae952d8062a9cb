//! Reading a piece once, from its first byte to its last.

use crate::error::Result;
use crate::interop::source::Source;

/// A piece that is being read from its first byte to its last.
pub trait PieceStream {
    /// Fills the buffer with the next bytes of the piece, which must have as many left. With the last one, checksums
    /// have been checked.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()>;
}

/// A stream by way of [`Source::read_at`].
pub(crate) struct ByRange<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) variable: usize,
    pub(crate) piece: usize,
    pub(crate) at: u64,
}

impl PieceStream for ByRange<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.source.read_at(self.variable, self.piece, self.at, buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }
}

/// The whole value from front to back, put together from its pieces in blocks.
pub(crate) struct Whole<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) variable: usize,
    pub(crate) at: u64,
}

impl PieceStream for Whole<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.source.read_into(self.variable, self.at, buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }
}
