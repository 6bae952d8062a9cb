//! Mapped files, and typed views that keep their memory alive: the only unsafe code of this crate.
//!
//! **Why mapping is sound here.** A `&[u8]` must not change while it exists. Every file of a store is written once, under a
//! name that is new, made durable, and from then on only read or unlinked; an unlinked file stays as long as it is
//! mapped. So nothing we do changes or shortens mapped bytes. What remains is trust that nobody else does: a process that
//! writes into a store's files or truncates them behind our back can change bytes after they were checked, or end this
//! process with a signal (so can a disk that fails under a mapped page). Who cannot trust the other users of the files
//! reads them into memory instead ([`super::ReadFile::load`]); the type is the same.
#![expect(unsafe_code, reason = "mapping a file and views that own their memory cannot be written without")]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};
use ndarray::{ArrayRef, ArrayView, IxDyn};

use crate::dtype::Element;
use crate::memory::Memory;
use crate::shape::Shape;

/// All bytes of a file, mapped or read into memory; clones share them. They start on a multiple of
/// [`crate::memory::ALIGNMENT`] and stay when the file is unlinked.
#[derive(Clone)]
pub(crate) struct Mapping(Arc<Backing>);

enum Backing {
    Mapped(Mmap),
    Loaded { bytes: Vec<u8>, start: usize },
}

impl Mapping {
    /// Maps a file from its start; `len` is its length.
    pub(super) fn of_file(file: &File, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: the bytes do not change while they are mapped: see the head of this file.
        let map = unsafe { MmapOptions::new().len(len).map(file) }?;
        Ok(Self(Arc::new(Backing::Mapped(map))))
    }

    /// Says that single places will be looked at: otherwise the system reads megabytes around each. Only advice: nothing
    /// comes of its failing.
    pub(crate) fn expect_single_places(&self) {
        if let Backing::Mapped(map) = &*self.0 {
            let _advice = map.advise(memmap2::Advice::Random);
        }
    }

    /// Brings bytes into memory, where touching them waits for nothing and cannot fail any more, unless they are driven
    /// out again. `Unsupported`, if the system has no such call.
    pub(super) fn populate(&self, range: Range<u64>) -> io::Result<()> {
        let Backing::Mapped(map) = &*self.0 else { return Ok(()) };
        #[cfg(target_os = "linux")]
        {
            let (start, len) = (range.start as usize, (range.end - range.start) as usize);
            map.advise_range(memmap2::Advice::PopulateRead, start, len)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (map, range);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// The bytes of a vector behind its first `start`.
    pub(super) fn of_memory(bytes: Vec<u8>, start: usize) -> Self {
        Self(Arc::new(Backing::Loaded { bytes, start }))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.0 {
            Backing::Mapped(map) => map,
            Backing::Loaded { bytes, start } => &bytes[*start..],
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapping({} bytes)", self.len())
    }
}

/// A part of a mapping, which it keeps alive.
#[derive(Clone)]
pub(crate) struct MappedRange {
    mapping: Mapping,
    range: Range<usize>,
}

impl MappedRange {
    /// The `len` bytes from `start`; `None` if they do not lie inside.
    pub(crate) fn new(mapping: Mapping, start: u64, len: u64) -> Option<Self> {
        let end = usize::try_from(start.checked_add(len)?).ok()?;
        let range = usize::try_from(start).ok()?..end;
        if end <= mapping.len() { Some(Self { mapping, range }) } else { None }
    }

    /// The `len` bytes from `start` of this range, which must lie inside.
    pub(crate) fn part(&self, start: usize, len: usize) -> Self {
        let start = self.range.start + start;
        debug_assert!(start + len <= self.range.end);
        Self { mapping: self.mapping.clone(), range: start..start + len }
    }
}

impl Deref for MappedRange {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.mapping[self.range.clone()]
    }
}

impl fmt::Debug for MappedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MappedRange({} bytes at {})", self.range.len(), self.range.start)
    }
}

/// A part of some memory, which it keeps alive.
#[derive(Clone, Debug)]
pub(crate) struct MemoryRange {
    memory: Arc<Memory>,
    range: Range<usize>,
}

impl MemoryRange {
    /// The `len` bytes from `start`, which must lie inside.
    pub(crate) fn new(memory: Arc<Memory>, start: usize, len: usize) -> Self {
        debug_assert!(start + len <= memory.bytes().len());
        Self { memory, range: start..start + len }
    }
}

/// An owner of bytes that stay where and what they are while it is shared.
///
/// # Safety
/// As long as the owner lies in an `Arc` and no `&mut` to it is made (which an `Arc` held elsewhere prevents),
/// `stable_bytes` must return the same address and length every time, and the bytes there must not change; so there must
/// be no interior mutability on the way to them.
pub(crate) unsafe trait StableBytes: Send + Sync + 'static {
    /// The bytes.
    fn stable_bytes(&self) -> &[u8];
}

// SAFETY: memory owns its bytes in a vector, its own or one moved in, which is touched through `&mut Memory` only; there
// is no interior mutability in it.
unsafe impl StableBytes for Memory {
    fn stable_bytes(&self) -> &[u8] {
        self.bytes()
    }
}

// SAFETY: the range is fixed when it is made, and the share of the memory that it owns keeps anybody from getting
// `&mut Memory`, the only way to its bytes.
unsafe impl StableBytes for MemoryRange {
    fn stable_bytes(&self) -> &[u8] {
        &self.memory.bytes()[self.range.clone()]
    }
}

// SAFETY: the range is fixed when it is made, and the mapping it owns a share of gives no `&mut` to its bytes: a mapped
// file's do not change (see the head of this file), a vector's cannot be reached.
unsafe impl StableBytes for MappedRange {
    fn stable_bytes(&self) -> &[u8] {
        self
    }
}

/// An array that keeps the memory it lies in alive; it derefs to the array.
///
/// It derefs to an [`ArrayRef`] and not to a view, because a view could be copied out and outlive the memory.
pub(crate) struct Held<T: Element> {
    /// The lifetime is not true: it ends with `owner`. So the view itself is never handed out, nor a copy of it.
    view: ArrayView<'static, T, IxDyn>,
    owner: Arc<dyn StableBytes>,
}

impl<T: Element> Held<T> {
    /// The owner's bytes as an array of this shape, in row-major order. `None` if they are not as many elements, not
    /// valid ones (a `bool` is 0 or 1), or do not lie where such elements can.
    pub(crate) fn new(owner: Arc<dyn StableBytes>, shape: &Shape) -> Option<Self> {
        let bytes = owner.stable_bytes();
        // Nothing lies well anywhere, also where an empty range of a file ends up.
        let elements: &[T] = if bytes.is_empty() { &[] } else { bytemuck::checked::try_cast_slice(bytes).ok()? };
        if elements.len() as u64 != shape.elements() {
            return None;
        }
        // SAFETY: the elements lie in the bytes of `owner`, which is kept in an `Arc` as long as this view of them. So
        // nobody gets `&mut` to it, and by the contract of `StableBytes` the bytes stay where and what they are.
        // Whoever derefs gets them for as long as `self` is borrowed, not for longer.
        let elements: &'static [T] = unsafe { std::slice::from_raw_parts(elements.as_ptr(), elements.len()) };
        let view = ArrayView::from_shape(shape.to_dim(), elements).ok()?;
        Some(Self { view, owner })
    }

    #[cfg(test)]
    /// The elements in row-major order.
    pub(crate) fn elements(&self) -> &[T] {
        self.view.to_slice().expect("the view was made in row-major order")
    }
}

impl<T: Element> Deref for Held<T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &ArrayRef<T, IxDyn> {
        &self.view
    }
}

impl<T: Element> Clone for Held<T> {
    /// Another hold on the same memory.
    fn clone(&self) -> Self {
        Self { view: self.view.clone(), owner: Arc::clone(&self.owner) }
    }
}

impl<T: Element> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}

#[cfg(test)]
mod tests;
