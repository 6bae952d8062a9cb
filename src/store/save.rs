//! What a save is told and what it reports.

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::checkpoint::decode_metadata;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CommitId;
use crate::limits::{METADATA_BYTES_MAX, METADATA_DEPTH_MAX};

/// A save about to be made: a tag, and what else is to be said.
///
/// A plain tag is one too, so that `store.save("step-1000")` does.
#[derive(Debug)]
#[must_use = "it is saved by `Store::save`"]
pub struct Save {
    pub(crate) tag: String,
    pub(crate) replace: bool,
    pub(crate) metadata: Result<Vec<u8>>,
}

impl Save {
    /// A save under this tag: 1 to 255 bytes of text without white space, `@` and `:`.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), replace: false, metadata: Ok(Vec::new()) }
    }

    /// Lets the checkpoint take the place of an earlier one with the same tag.
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// A save with metadata that is written already.
    #[cfg(feature = "interop")]
    pub(crate) fn of_bytes(tag: String, replace: bool, metadata: Vec<u8>) -> Self {
        Self { tag, replace, metadata: check_metadata(metadata) }
    }

    /// Metadata to be kept with the checkpoint: any value that serde can write. Infinities and NaN are kept.
    pub fn metadata(mut self, metadata: &impl Serialize) -> Self {
        self.metadata = rmp_serde::to_vec_named(metadata)
            .map_err(|error| Error::new(ErrorKind::Metadata, "the metadata cannot be written").caused_by(error))
            .and_then(check_metadata);
        self
    }
}

/// Refuses what nobody could read back.
fn check_metadata(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.len() > METADATA_BYTES_MAX {
        let what = format!("the metadata takes {} bytes", bytes.len());
        return Err(Error::new(ErrorKind::Metadata, what)
            .advise(format!("at most {METADATA_BYTES_MAX} bytes are kept; make it a variable")));
    }
    if matches!(decode_metadata::<IgnoredAny>(&bytes), Err(rmp_serde::decode::Error::DepthLimitExceeded)) {
        return Err(Error::new(ErrorKind::Metadata, "the metadata is nested too deep")
            .advise(format!("lists and maps may lie in each other up to {METADATA_DEPTH_MAX} deep")));
    }
    Ok(bytes)
}

impl From<&str> for Save {
    fn from(tag: &str) -> Self {
        Self::tag(tag)
    }
}

impl From<String> for Save {
    fn from(tag: String) -> Self {
        Self::tag(tag)
    }
}

impl From<&String> for Save {
    fn from(tag: &String) -> Self {
        Self::tag(tag)
    }
}

/// What a commit or save did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SaveReport {
    /// The commit's number.
    pub number: u64,
    /// The commit's id.
    pub id: CommitId,
    /// Whether anything was written: a `commit` with nothing new writes nothing.
    pub is_new: bool,
    /// Variables in the commit; a partitioned one counts once.
    pub variables: u64,
    /// Bytes of values that were written.
    pub bytes_new: u64,
    /// Bytes of values that an earlier commit had written already.
    pub bytes_shared: u64,
    /// Trainable variables that are not in `GLOBAL_VARIABLES` and so were left out, as TensorFlow's saver would.
    pub left_out: Vec<String>,
}
