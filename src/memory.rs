//! Memory that holds elements: aligned bytes of our own, or an array the caller moved in.

use std::any::Any;
use std::fmt;

use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};

/// Every element type is at home at this alignment, and so is the processor's widest load.
pub(crate) const ALIGNMENT: usize = 64;

/// Less than this is there, or nothing is.
const PROBED_BYTES_MIN: u64 = 64 << 20;

/// Checks that so much memory can be had, so that a file which is nearly all hole is an error and not the end of the process.
///
/// # Errors
/// `io`.
pub(crate) fn check_room(len: u64) -> Result<()> {
    let is_there = || Vec::<u8>::new().try_reserve_exact(usize::try_from(len).ok()?).ok();
    if len < PROBED_BYTES_MIN || is_there().is_some() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, format!("there is no memory for a value of {len} bytes"))
        .advise("read it mapped, or a part at a time"))
}

/// Bytes that start on a multiple of [`ALIGNMENT`], or of what was asked for.
///
/// The vector is a little longer than asked for and never resized, so the start stays where it is.
pub(crate) struct AlignedBytes {
    room: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::zeroed_on(len, ALIGNMENT)
    }

    /// Bytes that start on a multiple of another power of two.
    pub(crate) fn zeroed_on(len: usize, alignment: usize) -> Self {
        let room = vec![0; len + alignment - 1];
        let start = room.as_ptr().align_offset(alignment);
        Self { room, start, len }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.room[self.start..self.start + self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.room[self.start..self.start + self.len]
    }
}

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeroed(bytes.len());
        aligned.as_mut_slice().copy_from_slice(bytes);
        aligned
    }
}

/// Memory of an array that was moved in, whatever its element type.
trait Moved: Send + Sync {
    fn bytes(&self) -> &[u8];
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<T: Element> Moved for Vec<T> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// The bytes of one tensor in memory.
pub(crate) struct Memory(Kind);

enum Kind {
    Aligned(AlignedBytes),
    Moved(Box<dyn Moved>),
}

impl Memory {
    pub(crate) fn zeroed(len: usize) -> Self {
        AlignedBytes::zeroed(len).into()
    }

    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        AlignedBytes::from(bytes).into()
    }

    /// Takes over a vector without copying it.
    pub(crate) fn moved<T: Element>(elements: Vec<T>) -> Self {
        Self(Kind::Moved(Box::new(elements)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Aligned(bytes) => bytes.as_slice(),
            Kind::Moved(vector) => vector.bytes(),
        }
    }

    /// The elements; `None` if they are not valid `T`s, or lie where a `T` cannot.
    pub(crate) fn elements<T: Element>(&self) -> Option<&[T]> {
        bytemuck::checked::try_cast_slice(self.bytes()).ok()
    }

    /// The elements, to be changed; `None` as for [`Memory::elements`], or if the array moved in was one of others.
    pub(crate) fn elements_mut<T: Element>(&mut self) -> Option<&mut [T]> {
        match &mut self.0 {
            Kind::Aligned(bytes) => bytemuck::checked::try_cast_slice_mut(bytes.as_mut_slice()).ok(),
            Kind::Moved(vector) => vector.as_any_mut().downcast_mut::<Vec<T>>().map(Vec::as_mut_slice),
        }
    }

    /// Whether any bytes may be written here: memory that was moved in has a type that may forbid some.
    pub(crate) fn takes_any_bytes(&self) -> bool {
        matches!(self.0, Kind::Aligned(_))
    }

    /// The bytes, to be changed; memory that was moved in is copied first, since its type forbids some bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        if let Kind::Moved(vector) = &self.0 {
            self.0 = Kind::Aligned(vector.bytes().into());
        }
        match &mut self.0 {
            Kind::Aligned(bytes) => bytes.as_mut_slice(),
            Kind::Moved(_) => unreachable!("it has just been copied"),
        }
    }
}

impl From<AlignedBytes> for Memory {
    fn from(bytes: AlignedBytes) -> Self {
        Self(Kind::Aligned(bytes))
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self::copy_of(self.bytes())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} bytes)", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_for_every_element() {
        for len in [0, 1, 63, 64, 1000] {
            let memory = Memory::zeroed(len);
            assert_eq!(memory.bytes().as_ptr().align_offset(ALIGNMENT), 0);
            assert_eq!(memory.bytes().len(), len);
        }
    }

    #[test]
    fn bytes_that_are_no_bool_are_not_handed_out_as_bool() {
        let memory = Memory::copy_of(&[0, 1, 2]);
        assert!(memory.elements::<bool>().is_none());
        assert_eq!(Memory::copy_of(&[0, 1]).elements::<bool>(), Some(&[false, true][..]));
    }

    #[test]
    fn a_vector_moves_in_without_a_copy_and_changes_in_place() {
        let vector = vec![1.5_f32, 2.5];
        let address = vector.as_ptr();
        let mut memory = Memory::moved(vector);
        assert_eq!(memory.elements::<f32>().unwrap().as_ptr(), address);
        memory.elements_mut::<f32>().unwrap()[0] = 7.0;
        assert_eq!(memory.elements::<f32>(), Some(&[7.0, 2.5][..]));
        assert!(memory.elements_mut::<u32>().is_none());
        memory.bytes_mut()[..4].copy_from_slice(&1.0_f32.to_le_bytes());
        assert_eq!(memory.elements::<f32>(), Some(&[1.0, 2.5][..]));
    }
}
