//! `FORMAT`, the file that makes a folder a store.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::format::codec;
use crate::format::container::{Builder, Container};
use crate::format::header::{Access, FileKind, Header};
use crate::format::table::Tag;
use crate::id::StoreId;

/// The section with the store's record.
pub(super) const STORE: Tag = Tag(*b"STORE   ");

pub(super) const KNOWN: [Tag; 1] = [STORE];

/// What holds for a store as long as it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreFile {
    /// Every file of the store names it.
    pub(crate) id: StoreId,
    /// Keys the hash by which chunks are the same.
    pub(crate) hash_seed: u64,
    /// When the store was created, in milliseconds since 1970.
    pub(crate) created_unix_millis: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    hash_seed: u64,
    created_unix_millis: u64,
}

impl StoreFile {
    /// The bytes of the file.
    ///
    /// # Errors
    /// None in fact: the record is of fixed size.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let wire = Wire { hash_seed: self.hash_seed, created_unix_millis: self.created_unix_millis };
        let mut file = Builder::new(Header::new(FileKind::Store, self.id, self.id.to_bytes()), 256);
        file.section(STORE, &codec::encode("the store's record", &wire)?);
        Ok(file.finish())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// `not_a_store` if this was never such a file, `corrupt` if it is damaged, `unsupported_format` if a newer version
    /// is needed.
    pub(crate) fn parse(bytes: &[u8], access: Access) -> Result<Self> {
        let file = Container::parse_whole(bytes, FileKind::Store, None, access, &KNOWN)?;
        let (section, offset) = file.section(STORE)?;
        let Wire { hash_seed, created_unix_millis } = codec::decode("the store's record", section, offset)?;
        Ok(Self { id: file.header().store, hash_seed, created_unix_millis })
    }
}
