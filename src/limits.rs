//! The limits, in one place: what is refused rather than attempted.

/// Axes of a shape, at most. ndarray's dynamic dimensions and every known format stay below it.
pub const RANK_MAX: usize = 32;

/// Bytes of one variable (or slice) in memory, at most: what an allocation can hold.
pub const TENSOR_BYTES_MAX: u64 = isize::MAX as u64;

/// Bytes of a name, as stored or imported, at most.
pub const NAME_BYTES_MAX: usize = 4096;

/// Bytes of a tag, at most.
pub const TAG_BYTES_MAX: usize = 255;

/// The smallest chunk, in bytes.
pub const CHUNK_BYTES_MIN: u64 = 4 << 10;

/// The largest chunk, in bytes.
pub const CHUNK_BYTES_MAX: u64 = 4 << 20;

/// The size of a chunk where nothing else is said, in bytes.
pub const CHUNK_BYTES_DEFAULT: u64 = 256 << 10;

/// Bytes of user metadata of one checkpoint, at most.
pub const METADATA_BYTES_MAX: usize = 16 << 20;

/// How deep lists and maps of metadata may lie in each other.
pub const METADATA_DEPTH_MAX: usize = 128;
