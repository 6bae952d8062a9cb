//! One immutable value of one slice: in memory, or where it lies on disk.
//!
//! Whether and where a value is durable is a write-once field of the value itself, never of the variable that holds it.
//! So whatever is assigned, restored or rolled back while a save runs, "durable" is never said of the wrong bytes; and
//! the field is gone before anyone gets to change the bytes.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::io::{Held, MappedRange, MemoryRange, StableBytes};
use crate::memory::Memory;
use crate::shape::Shape;
use crate::shard::file::ReadMode;
use crate::shard::stored::{Checked, Stored, Verification};
use crate::shard::value::Value;
use crate::sync::atomic::Ordering;
use crate::sync::process::AtomicU64;
use crate::tensor::Tensor;

/// The bytes of one slice.
#[derive(Debug)]
pub(crate) struct Payload {
    /// No other payload of this process has the same.
    serial: u64,
    source: Source,
    durable: OnceLock<Arc<Stored>>,
}

#[derive(Debug)]
enum Source {
    Memory(Arc<Memory>),
    Stored(OnDisk),
    #[cfg_attr(not(feature = "interop"), expect(dead_code, reason = "imports make them"))]
    Elsewhere(Box<FromElsewhere>),
}

/// Bytes of a slice that lie in no store: read when they are written into a shard, a chunk at a time.
pub(crate) trait Elsewhere: std::fmt::Debug + Send + Sync {
    /// How many there are.
    fn len_bytes(&self) -> u64;

    /// Fills the buffer from byte `start` on. While a value is written, once or twice, that is from its first byte to its
    /// last.
    fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()>;
}

/// A value from elsewhere: in memory if it was wanted before it was written, in its shard from then on.
#[derive(Debug)]
struct FromElsewhere {
    content: Arc<dyn Elsewhere>,
    reading: (ReadMode, Verification),
    gathered: OnceLock<Arc<Memory>>,
    written: OnceLock<OnDisk>,
}

impl FromElsewhere {
    fn gathered(&self) -> Result<&Arc<Memory>> {
        if let Some(memory) = self.gathered.get() {
            return Ok(memory);
        }
        let mut memory = Memory::zeroed(self.content.len_bytes() as usize);
        self.content.read_at(0, memory.bytes_mut())?;
        Ok(self.gathered.get_or_init(|| Arc::new(memory)))
    }
}

/// Where a value is read.
enum Place<'a> {
    Memory(&'a Arc<Memory>),
    Disk(&'a OnDisk),
}

/// Bytes that come from the disk when they are first wanted.
#[derive(Debug)]
struct OnDisk {
    stored: Arc<Stored>,
    mode: ReadMode,
    verification: Verification,
    checked: Checked,
    mapped: OnceLock<Arc<MappedRange>>,
    gathered: OnceLock<Arc<Memory>>,
}

impl OnDisk {
    fn new(stored: Arc<Stored>, mode: ReadMode, verification: Verification) -> Self {
        let checked = Checked::none_of(&stored);
        Self { stored, mode, verification, checked, mapped: OnceLock::new(), gathered: OnceLock::new() }
    }

    fn is_mapped(&self) -> bool {
        self.mode == ReadMode::Map && self.stored.in_one_piece().is_some()
    }

    fn mapped(&self) -> Result<&Arc<MappedRange>> {
        if let Some(range) = self.mapped.get() {
            return Ok(range);
        }
        let (file, offset) = self.stored.in_one_piece().expect("asked only where it is in one piece");
        let range = MappedRange::new(file.mapping()?.clone(), offset, self.stored.len_bytes());
        let range = range.ok_or_else(|| {
            Error::corrupt("the slice reaches beyond the end of its shard")
                .in_file(file.file().path())
                .at_offset(offset)
        })?;
        Ok(self.mapped.get_or_init(|| Arc::new(range)))
    }

    fn gathered(&self) -> Result<&Arc<Memory>> {
        if let Some(memory) = self.gathered.get() {
            return Ok(memory);
        }
        let memory = self.stored.gather(self.verification)?;
        Ok(self.gathered.get_or_init(|| Arc::new(memory)))
    }

    /// Shows bytes without keeping any that were read for it.
    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(memory) = self.gathered.get() {
            return look(&memory.bytes()[range.start as usize..range.end as usize]);
        }
        let mut room = vec![0; (range.end - range.start) as usize];
        self.stored.read_range(&range, &mut room, self.verification)?;
        look(&room)
    }

    fn bytes(&self, range: &Range<u64>) -> Result<&[u8]> {
        if !self.is_mapped() {
            return Ok(self.gathered()?.bytes());
        }
        let mapped = self.mapped()?;
        if self.verification == Verification::FirstTouch {
            self.checked.ensure(&self.stored, mapped, range)?;
        }
        Ok(mapped)
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Payload {
    /// A value in memory, durable nowhere.
    pub(crate) fn in_memory(memory: Arc<Memory>) -> Self {
        Self { serial: next_serial(), source: Source::Memory(memory), durable: OnceLock::new() }
    }

    /// A value on disk. It is durable where it lies only if the files are this store's own: see
    /// [`Payload::mark_durable`].
    pub(crate) fn on_disk(stored: Arc<Stored>, mode: ReadMode, verification: Verification) -> Self {
        let source = Source::Stored(OnDisk::new(stored, mode, verification));
        Self { serial: next_serial(), source, durable: OnceLock::new() }
    }

    /// A value that is read from elsewhere; once it is durable, where it lies.
    #[cfg(feature = "interop")]
    pub(crate) fn elsewhere(content: Arc<dyn Elsewhere>, mode: ReadMode, verification: Verification) -> Self {
        let (gathered, written) = (OnceLock::new(), OnceLock::new());
        let from = FromElsewhere { content, reading: (mode, verification), gathered, written };
        Self { serial: next_serial(), source: Source::Elsewhere(Box::new(from)), durable: OnceLock::new() }
    }

    /// Where the value is read now.
    fn place(&self) -> Result<Place<'_>> {
        Ok(match (&self.source, self.durable.get()) {
            (Source::Memory(memory), _) => Place::Memory(memory),
            (Source::Stored(on_disk), _) => Place::Disk(on_disk),
            (Source::Elsewhere(from), Some(stored)) => {
                let (mode, verification) = from.reading;
                Place::Disk(from.written.get_or_init(|| OnDisk::new(Arc::clone(stored), mode, verification)))
            }
            (Source::Elsewhere(from), None) => Place::Memory(from.gathered()?),
        })
    }

    /// Tells this payload from every other one.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether its bytes come from the disk, and so never change in place.
    pub(crate) fn is_on_disk(&self) -> bool {
        matches!(self.source, Source::Stored(_) | Source::Elsewhere(_))
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        match &self.source {
            Source::Memory(memory) => memory.bytes().len() as u64,
            Source::Stored(on_disk) => on_disk.stored.len_bytes(),
            Source::Elsewhere(from) => from.content.len_bytes(),
        }
    }

    /// Where the value is read from, if that is the disk.
    pub(crate) fn stored(&self) -> Option<&Arc<Stored>> {
        match &self.source {
            Source::Stored(on_disk) => Some(&on_disk.stored),
            Source::Memory(_) | Source::Elsewhere(_) => None,
        }
    }

    /// Where the value is durable in this store, if it is.
    pub(crate) fn durable(&self) -> Option<&Arc<Stored>> {
        self.durable.get()
    }

    /// Says where the value is durable now; the first answer stands.
    pub(crate) fn mark_durable(&self, stored: Arc<Stored>) {
        let _first = self.durable.set(stored);
    }

    /// All bytes, checked.
    pub(crate) fn bytes(&self) -> Result<&[u8]> {
        self.bytes_for(&(0..self.len_bytes()))
    }

    /// The bytes of the slice from 0 on, of which only `range` is checked and may be looked at.
    fn bytes_for(&self, range: &Range<u64>) -> Result<&[u8]> {
        match self.place()? {
            Place::Memory(memory) => Ok(memory.bytes()),
            Place::Disk(on_disk) => on_disk.bytes(range),
        }
    }

    /// These bytes of the slice, checked.
    pub(crate) fn bytes_in(&self, range: Range<u64>) -> Result<&[u8]> {
        let bytes = self.bytes_for(&range)?;
        Ok(&bytes[range.start as usize..range.end as usize])
    }

    /// The elements of type `T` from byte `start` on, as an array of this shape; no byte is copied if it is mapped or
    /// in memory.
    pub(crate) fn view<T: Element>(&self, start: u64, shape: &Shape) -> Result<Held<T>> {
        let len = T::DTYPE.bytes_of(shape.elements()).expect("an element type has a size");
        let is_all = len == self.len_bytes();
        // Checks the chunks that hold the elements.
        self.bytes_in(start..start + len)?;
        let in_memory = |memory: &Arc<Memory>| -> Arc<dyn StableBytes> {
            let memory = Arc::clone(memory);
            if is_all { memory } else { Arc::new(MemoryRange::new(memory, start as usize, len as usize)) }
        };
        let owner: Arc<dyn StableBytes> = match self.place()? {
            Place::Memory(memory) => in_memory(memory),
            Place::Disk(on_disk) if on_disk.is_mapped() => {
                let mapped = Arc::clone(on_disk.mapped()?);
                if is_all { mapped } else { Arc::new(mapped.part(start as usize, len as usize)) }
            }
            Place::Disk(on_disk) => in_memory(on_disk.gathered()?),
        };
        Held::new(owner, shape)
            .ok_or_else(|| Error::corrupt(format!("the bytes of the slice are not a {} of shape {shape}", T::DTYPE)))
    }

    /// The memory that the value was made in, if it was: nothing is read for this.
    pub(crate) fn memory(&self) -> Option<Arc<Memory>> {
        match &self.source {
            Source::Memory(memory) => Some(Arc::clone(memory)),
            Source::Stored(_) | Source::Elsewhere(_) => None,
        }
    }

    /// The memory that holds the value, if memory does.
    pub(crate) fn shared_memory(&self) -> Result<Option<Arc<Memory>>> {
        match self.place()? {
            Place::Memory(memory) => Ok(Some(Arc::clone(memory))),
            Place::Disk(on_disk) if on_disk.is_mapped() => Ok(None),
            Place::Disk(on_disk) => on_disk.gathered().map(|memory| Some(Arc::clone(memory))),
        }
    }

    /// The memory of this value for changing it in place, if nobody else holds it; the value is durable nowhere then.
    pub(crate) fn memory_mut(self: &mut Arc<Self>) -> Option<&mut Memory> {
        let payload = Arc::get_mut(self)?;
        let Source::Memory(memory) = &mut payload.source else { return None };
        let memory = Arc::get_mut(memory)?;
        payload.durable = OnceLock::new();
        Some(memory)
    }

    /// Whether [`Payload::memory_mut`] would give the memory.
    pub(crate) fn is_changeable(self: &mut Arc<Self>) -> bool {
        match Arc::get_mut(self).map(|payload| &mut payload.source) {
            Some(Source::Memory(memory)) => Arc::get_mut(memory).is_some(),
            Some(Source::Stored(_) | Source::Elsewhere(_)) | None => false,
        }
    }

    /// The memory, if nobody else holds it: to be used again.
    pub(crate) fn into_memory(self: Arc<Self>) -> Option<Memory> {
        match Arc::into_inner(self)?.source {
            Source::Memory(memory) => Arc::into_inner(memory),
            Source::Stored(_) | Source::Elsewhere(_) => None,
        }
    }

    /// The value as a tensor: without a copy if it lies in memory.
    pub(crate) fn tensor(&self, dtype: DType, shape: Shape) -> Result<Tensor> {
        let bytes = self.bytes()?;
        match self.shared_memory()? {
            Some(memory) => Tensor::from_memory(dtype, shape, memory),
            None => Tensor::from_bytes(dtype, shape, bytes),
        }
    }
}

impl Value for Payload {
    fn len_bytes(&self) -> u64 {
        Self::len_bytes(self)
    }

    fn base(&self) -> Option<Arc<Stored>> {
        self.durable().cloned()
    }

    fn look(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match &self.source {
            Source::Memory(memory) => look(&memory.bytes()[range.start as usize..range.end as usize]),
            Source::Stored(on_disk) => on_disk.look(range, look),
            Source::Elsewhere(from) => {
                let mut room = vec![0; (range.end - range.start) as usize];
                from.content.read_at(range.start, &mut room)?;
                look(&room)
            }
        }
    }
}
