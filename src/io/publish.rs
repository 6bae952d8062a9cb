//! Putting a whole file under its final name, durably: the dance of temporary name, sync, name, sync, done here only.
//!
//! Until the file has its final name nothing has happened but an orphan, at most. After the folder is synced it is
//! there for good. Only between the two may a failure leave open which: that is [`PublishError::Unknown`].

use super::dir::{Dir, Placed};
use super::new_file::{NewFile, is_unsupported};
use super::{FileIdentity, os_cause, random_128};
use crate::error::{Error, Result};

/// What stands between a name and the random digits of its temporary one.
const TEMP_MARK: &str = ".tmp-";

/// What happens to a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is replaced, in one instant.
    Replace,
    /// It stays, and publishing is refused.
    NoReplace,
}

/// Why a file was not published, by what that leaves behind.
#[derive(Debug)]
pub(crate) enum PublishError {
    /// Another file has the name; nothing happened.
    NameTaken,
    /// It failed before the file got its name; nothing happened.
    Before(Error),
    /// The file has its name, or may have, and whether that lasts is not known: it may be there after a crash, or not.
    Unknown(Error),
}

impl From<Error> for PublishError {
    /// What fails without further word failed before.
    fn from(error: Error) -> Self {
        Self::Before(error)
    }
}

/// Publishes bytes as a file of this name.
pub(crate) fn publish_bytes(dir: &Dir, name: &str, bytes: &[u8], how: How) -> Result<(), PublishError> {
    let file = stage(dir, name, bytes)?;
    if let Err(error) = file.sync_data() {
        file.discard();
        return Err(error.into());
    }
    publish_synced(dir, file, name, how)
}

/// A file of these bytes under a temporary name, not durable yet: for one that is made durable together with others, and
/// then published by [`publish_synced`].
pub(crate) fn stage(dir: &Dir, name: &str, bytes: &[u8]) -> Result<NewFile> {
    let mut file = create_temp(dir, name)?;
    match file.write_all(bytes) {
        Ok(()) => Ok(file),
        Err(error) => {
            file.discard();
            Err(error)
        }
    }
}

/// Publishes a file of a temporary name in the same folder, whose bytes are durable, under its final name.
pub(crate) fn publish_synced(dir: &Dir, file: NewFile, name: &str, how: How) -> Result<(), PublishError> {
    let identity = match file.identity() {
        Ok(identity) => identity,
        Err(error) => {
            file.discard();
            return Err(error.into());
        }
    };
    let temp = file.path().file_name().and_then(|name| name.to_str()).expect("temporary names are made of UTF-8 names");
    let placed = match how {
        How::Replace => dir.rename(temp, name).map(|()| Placed::Done),
        How::NoReplace => place_new(dir, temp, name),
    };
    if !matches!(placed, Ok(Placed::Done)) {
        // A network file system may do what it was told and lose the answer, or repeat the order and find the name
        // taken by our own file. So look what has the name.
        match (holds(dir, name, identity), placed) {
            (Ok(true), _) => {}
            (Ok(false), Ok(_)) => {
                file.discard();
                return Err(PublishError::NameTaken);
            }
            (Ok(false), Err(error)) => {
                file.discard();
                return Err(PublishError::Before(error));
            }
            (Err(unseen), Ok(_)) => return Err(PublishError::Unknown(unseen)),
            (Err(_), Err(error)) => return Err(PublishError::Unknown(error)),
        }
    }
    if how == How::NoReplace {
        // A link leaves the temporary name behind. It does no harm, so failing to remove it is no failure.
        file.discard();
    }
    dir.sync().map_err(PublishError::Unknown)
}

/// Makes a file under a temporary name that tells which file it is to become; a crash leaves it as an orphan.
pub(crate) fn create_temp(dir: &Dir, name: &str) -> Result<NewFile> {
    let digits = u64::from_le_bytes(random_128()?[..8].try_into().expect("8 of 16 bytes"));
    dir.create_file(&format!("{name}{TEMP_MARK}{digits:016x}"))
}

/// Whether this is a name [`create_temp`] makes: the file was never published and may be removed, under the lock.
pub(crate) fn is_temp_name(name: &str) -> bool {
    name.rsplit_once(TEMP_MARK).is_some_and(|(of, digits)| {
        !of.is_empty() && digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// By a link, which every file system of Unix's own can; by a rename where there are no links.
fn place_new(dir: &Dir, temp: &str, name: &str) -> Result<Placed> {
    match dir.link_new(temp, name) {
        Err(error) if os_cause(&error).is_some_and(cannot_link) => dir.rename_new(temp, name),
        placed => placed,
    }
}

/// Linux answers `EPERM` where the file system has no links.
fn cannot_link(cause: &std::io::Error) -> bool {
    is_unsupported(cause) || cause.kind() == std::io::ErrorKind::PermissionDenied
}

fn holds(dir: &Dir, name: &str, identity: FileIdentity) -> Result<bool> {
    Ok(dir.identity_of(name)? == Some(identity))
}

#[cfg(test)]
mod tests;
