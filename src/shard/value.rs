//! Values as they are written: read a part at a time, wherever they lie.

use std::ops::Range;
use std::sync::Arc;

use crate::error::Result;
use crate::shard::stored::Stored;

/// The bytes of one slice, which stay the same until they are written.
pub(crate) trait Value: Send + Sync {
    fn len_bytes(&self) -> u64;

    /// What the store last held in its place: chunks equal to those there are kept. Asked for when the value's turn comes.
    fn base(&self) -> Option<Arc<Stored>>;

    /// Shows these bytes, checked if they come from the disk.
    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// Hears that the bytes below this one will not be looked at again.
    fn done_below(&self, _end: u64) {}

    /// Whether somebody waits until the value has been written.
    fn is_awaited(&self) -> bool {
        false
    }
}

/// Bytes that a caller lends.
pub(crate) struct Lent<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) base: Option<Arc<Stored>>,
}

impl Value for Lent<'_> {
    fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn base(&self) -> Option<Arc<Stored>> {
        self.base.clone()
    }

    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        look(&self.bytes[range.start as usize..range.end as usize])
    }
}
