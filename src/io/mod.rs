//! The disk: the only files of this crate that touch it. Folders and files with the errors, the retries and the
//! durability the layers above count on; nothing here knows what the bytes mean.
//!
//! Unix only (Linux first, macOS by the same calls): a store relies on unlinking files that are mapped, on hard links or
//! renames that never replace, on fsync of folders and on flock of a folder.

mod dir;
mod direct;
mod lock;
mod map;
mod new_file;
mod publish;
mod random;
mod read_file;
#[cfg(feature = "interop")]
mod spill;
mod sync;
mod system;
pub(crate) mod tap;

#[cfg(test)]
pub(crate) mod faults;

pub(crate) use dir::{Dir, Kind};
pub(crate) use direct::{Buffers, StreamWriter};
pub(crate) use lock::{FolderLock, NOTE as LOCK_NOTE};
pub(crate) use map::{Held, MappedRange, Mapping, MemoryRange, StableBytes};
pub(crate) use new_file::NewFile;
#[cfg(feature = "interop")]
pub(crate) use publish::create_temp;
pub(crate) use publish::{How, PublishError, is_temp_name, publish_bytes, publish_synced, stage};
pub(crate) use random::{random_128, random_seed};
pub(crate) use read_file::ReadFile;
#[cfg(feature = "interop")]
pub(crate) use spill::Spill;
pub(crate) use sync::sync_all;
pub(crate) use system::{give_way, unix_millis_now};
pub(crate) use tap::NoTap;

use crate::error::Error;

/// Whether this error says that the file or folder is not there.
pub(crate) fn is_not_found(error: &Error) -> bool {
    os_cause(error).is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// Whether this error says that something other than a folder stands where one was to be.
pub(crate) fn is_not_a_folder(error: &Error) -> bool {
    os_cause(error).is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotADirectory)
}

/// Whether this error says that there is no room left on the disk, or within the quota.
pub(crate) fn is_disk_full(error: &Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    os_cause(error).is_some_and(|cause| matches!(cause.kind(), StorageFull | QuotaExceeded))
}

fn os_cause(error: &Error) -> Option<&std::io::Error> {
    std::error::Error::source(error).and_then(|cause| cause.downcast_ref())
}

/// What a path leads to, links followed; `None` if there is nothing, or nothing that may be looked at.
#[cfg(feature = "interop")]
pub(crate) fn kind_at(path: &std::path::Path) -> Option<Kind> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(match metadata.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Folder,
        _ => Kind::Other,
    })
}

/// Which file this is, whatever its names: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    pub(crate) fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}
