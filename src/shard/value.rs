//! Values as they are written: read a part at a time, wherever they lie.

use std::ops::Range;

use crate::error::Result;

/// The bytes of one slice, which stay the same until they are written.
pub(crate) trait Value: Send + Sync {
    fn len_bytes(&self) -> u64;

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
impl Value for &[u8] {
    fn len_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        look(&self[range.start as usize..range.end as usize])
    }
}
