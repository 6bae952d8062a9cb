//! A checkpoint as a store of its own.

use std::path::{Path, PathBuf};

use varkeep::Checkpoint;

use super::{Restored, What};
use crate::address::Address;
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};

/// A store that was made.
#[derive(Debug)]
pub(crate) struct NewStore {
    pub(crate) path: PathBuf,
    pub(crate) tag: String,
    pub(crate) bytes: u64,
}

pub(super) fn run(address: &Address, path: &Path, is_dry_run: bool) -> Outcome<Restored> {
    let checkpoint = Checkpoint::open(&address.path, address.which.clone())?;
    let subject = Subject::of(address, checkpoint.info());
    let tag = subject.tag.clone().unwrap_or_else(|| format!("commit-{}", checkpoint.info().number()));
    let mut bytes = subject.bytes;
    if !is_dry_run {
        bytes = checkpoint.copy_to(path, &tag)?.bytes_new;
    } else if path.read_dir().map_or_else(|_| path.exists(), |mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("there is something at {} already", path.display()))
            .hint("give a path where nothing is yet"));
    }
    Ok(Restored { subject, is_dry_run, what: What::NewStore(NewStore { path: path.to_owned(), tag, bytes }) })
}
