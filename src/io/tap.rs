//! Watching and disturbing the disk: every operation passes a [`Tap`] before and after it happens.
//!
//! Crash and fault tests live on this: a tap that records sees all that reaches the disk, in order, and a tap that
//! refuses plays the disk that fills up or breaks. A store in use has [`NoTap`]. Names may change in any version: only
//! tests should use them.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// One operation on the disk; the path it concerns is passed beside it.
///
/// Files are known by the path they were opened under. None is written after it got another name.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op<'a> {
    /// A folder is about to be made; one that exists is left alone.
    CreateDir,
    /// A folder is about to be opened.
    OpenDir,
    /// A folder is about to be locked, or a file asked whether it is.
    Lock,
    /// The names in a folder are about to be read.
    List,
    /// A file, which must not exist yet, is about to be made for writing.
    CreateFile,
    /// A file is about to be opened for reading.
    OpenFile,
    /// Whether a file is there, and which one, is about to be asked.
    Look,
    /// Bytes are about to be written.
    Write {
        /// Where, from the start of the file.
        offset: u64,
        /// What.
        bytes: &'a [u8],
    },
    /// Room is about to be reserved; the file grows to hold it, as zeros.
    Preallocate {
        /// Where the room starts.
        offset: u64,
        /// How much, in bytes.
        len: u64,
    },
    /// A file is about to be cut or grown.
    SetLen {
        /// The new length.
        len: u64,
    },
    /// What was written to a file is about to be made durable.
    SyncFile,
    /// What changed in a folder (names made, moved, removed) is about to be made durable.
    SyncDir,
    /// A file is about to get another name.
    Rename {
        /// The new path.
        to: &'a Path,
        /// Whether a file of that name is replaced; otherwise the operation fails.
        replace: bool,
    },
    /// A file is about to get a second name, which must be free.
    Link {
        /// The second path.
        to: &'a Path,
    },
    /// A name is about to be removed.
    Unlink,
    /// A folder is about to be removed with all that is in it.
    RemoveTree,
    /// Bytes are about to be read.
    Read {
        /// Where, from the start of the file.
        offset: u64,
        /// How many at most.
        len: u64,
    },
    /// A file is about to be mapped whole.
    Map {
        /// Its length.
        len: u64,
    },
}

/// What shall become of an operation.
#[derive(Debug)]
pub enum Verdict {
    /// It happens.
    Go,
    /// It does not happen, with this error. After `Interrupted` it is tried again.
    Fail(io::Error),
    /// A read or a write moves only so many bytes. Then it fails with the error, or reports the bytes moved, after which
    /// the rest follows as an operation of its own. Other operations are not shortened: they happen, then fail.
    Short {
        /// How many bytes are moved at most.
        bytes: usize,
        /// The error that follows, if any.
        then: Option<io::Error>,
    },
}

/// Sees every operation on the disk, in the order each thread does them.
pub trait Tap: Send + Sync {
    /// Says what shall become of the operation.
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict;

    /// Learns whether it succeeded. Asking for a taken name is a failure here.
    fn after(&self, op: &Op<'_>, path: &Path, ok: bool) {
        let _ = (op, path, ok);
    }
}

/// The tap of a store in use: lets everything happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTap;

impl Tap for NoTap {
    fn before(&self, _op: &Op<'_>, _path: &Path) -> Verdict {
        Verdict::Go
    }
}

impl NoTap {
    /// One to hand out.
    pub fn shared() -> Arc<dyn Tap> {
        Arc::new(Self)
    }
}

impl fmt::Debug for Op<'_> {
    /// One short line, so that a list of operations can be read and compared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateDir => f.write_str("create-dir"),
            Self::OpenDir => f.write_str("open-dir"),
            Self::Lock => f.write_str("lock"),
            Self::List => f.write_str("list"),
            Self::CreateFile => f.write_str("create-file"),
            Self::OpenFile => f.write_str("open-file"),
            Self::Look => f.write_str("look"),
            Self::Write { offset, bytes } => write!(f, "write {}@{offset}", bytes.len()),
            Self::Preallocate { offset, len } => write!(f, "preallocate {len}@{offset}"),
            Self::SetLen { len } => write!(f, "set-len {len}"),
            Self::SyncFile => f.write_str("sync-file"),
            Self::SyncDir => f.write_str("sync-dir"),
            Self::Rename { to, replace: true } => write!(f, "rename {}", to.display()),
            Self::Rename { to, replace: false } => write!(f, "rename-new {}", to.display()),
            Self::Link { to } => write!(f, "link {}", to.display()),
            Self::Unlink => f.write_str("unlink"),
            Self::RemoveTree => f.write_str("remove-tree"),
            Self::Read { offset, len } => write!(f, "read {len}@{offset}"),
            Self::Map { len } => write!(f, "map {len}"),
        }
    }
}

/// Lets one operation happen under a tap, once. `act` is told how many bytes it may move.
fn once<T>(tap: &dyn Tap, op: Op<'_>, path: &Path, act: impl FnOnce(usize) -> io::Result<T>) -> io::Result<T> {
    let result = match tap.before(&op, path) {
        Verdict::Go => act(usize::MAX),
        Verdict::Fail(error) => Err(error),
        Verdict::Short { bytes, then: None } => act(bytes),
        Verdict::Short { bytes, then: Some(error) } => act(bytes).and(Err(error)),
    };
    tap.after(&op, path, result.is_ok());
    result
}

/// Lets one operation happen under a tap, again as long as a signal interrupts it, as some file systems allow with any of
/// them. All may be repeated: whoever finds on the way that it was done already takes that as done.
pub(crate) fn retrying<T>(
    tap: &dyn Tap,
    op: Op<'_>,
    path: &Path,
    mut act: impl FnMut(usize) -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match once(tap, op, path, &mut act) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
