//! The commit point.

use crate::error::{Error, ErrorKind, Result};
use crate::format::{CommitRecord, file_names};
use crate::id::StoreId;
use crate::io::{How, NewFile, PublishError, publish_synced, stage};

use super::history::Folders;

/// How publishing ended, when it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// The commit is durable.
    Yes,
    /// The number is taken by somebody else's commit; nothing has happened.
    NumberTaken,
}

/// Writes the file of a commit under a temporary name: to be made durable together with all that the commit names, and
/// then published.
pub(crate) fn stage_commit(folders: &Folders, store: StoreId, record: &CommitRecord) -> Result<NewFile> {
    stage(&folders.commits, &file_names::of_commit(record.number), &record.encode(store)?)
}

/// Publishes a staged commit under its number. It, and all it names, must be on the disk already.
///
/// # Errors
/// `io` if nothing was published; `outcome_unknown` if only the last sync failed, so that the commit may be there after
/// a crash or may not.
pub(crate) fn publish(folders: &Folders, staged: NewFile, record: &CommitRecord) -> Result<Published> {
    match publish_synced(&folders.commits, staged, &file_names::of_commit(record.number), How::NoReplace) {
        Ok(()) => Ok(Published::Yes),
        Err(PublishError::NameTaken) => Ok(Published::NumberTaken),
        Err(PublishError::Before(error)) => Err(error),
        Err(PublishError::Unknown(error)) => {
            let what = format!("commit {} ({}) may or may not be durable", record.number, record.id);
            Err(Error::new(ErrorKind::OutcomeUnknown, what)
                .in_file(folders.commits.path())
                .caused_by(error)
                .advise("open the store again: it tells which"))
        }
    }
}
