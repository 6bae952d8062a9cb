//! The first 64 bytes of every file: what it is, who may read it, whose it is.
//!
//! These bytes keep their places in every version to come, so that an old reader can always say "newer" rather than
//! "damaged".

use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::{bytes_in, crc32, is_sound, put, to_u64, u32_in};
use crate::id::StoreId;

/// How every file begins. A byte beyond ASCII, both kinds of line end and an end-of-file mark, so that a transfer in
/// text mode cannot leave it whole.
pub(super) const MAGIC: [u8; 8] = *b"\x89VKP\r\n\x1a\n";

/// The version of the format written here, and the newest one read.
pub(super) const VERSION: u32 = 1;

record_layout! {
    /// The fields of the header.
    at: 64 {
        MAGIC: 0..8,
        KIND: 8..12,
        VERSION: 12..16,
        COMPAT: 16..20,
        RO_COMPAT: 20..24,
        INCOMPAT: 24..28,
        STORE_ID: 28..44,
        OWN_ID: 44..60,
        CRC: 60..64,
    }
}

/// The bytes of a header.
pub(super) const HEADER_BYTES: usize = at::BYTES;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// `FORMAT`: names the store.
    Store,
    /// One commit.
    Commit,
    /// Entries, sorted by name.
    Manifest,
    /// Payload.
    Shard,
}

impl FileKind {
    /// Every kind there is.
    pub(super) const ALL: [Self; 4] = [Self::Store, Self::Commit, Self::Manifest, Self::Shard];

    /// The number of this kind, as files hold it.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Store => 1,
            Self::Commit => 2,
            Self::Manifest => 3,
            Self::Shard => 4,
        }
    }

    /// What a message calls it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Store => "store file",
            Self::Commit => "commit file",
            Self::Manifest => "manifest",
            Self::Shard => "shard",
        }
    }
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To be read, beside writers that may know more.
    Read,
    /// To be read by a writer, who has to keep what it says.
    Write,
}

/// Sets of feature bits: what a file needs of those who open it.
///
/// Unknown `compat` bits may be ignored. With unknown `ro_compat` bits a file may be read, but its store not be written.
/// With unknown `incompat` bits it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) compat: u32,
    pub(crate) ro_compat: u32,
    pub(crate) incompat: u32,
}

impl Features {
    /// The bits this version knows: none are given out yet.
    pub(super) const KNOWN: Self = Self { compat: 0, ro_compat: 0, incompat: 0 };

    fn check(self, kind: FileKind, access: Access) -> Result<()> {
        let kind = kind.word();
        let incompat = self.incompat & !Self::KNOWN.incompat;
        if incompat != 0 {
            let what = format!("this {kind} cannot be read: it has the unknown incompat features {}", bits(incompat));
            return Err(unsupported(what).at_offset(to_u64(at::INCOMPAT.start)));
        }
        let ro_compat = self.ro_compat & !Self::KNOWN.ro_compat;
        if access == Access::Write && ro_compat != 0 {
            let what = format!(
                "the store of this {kind} can only be read: it has the unknown ro_compat features {}",
                bits(ro_compat)
            );
            return Err(unsupported(what).at_offset(to_u64(at::RO_COMPAT.start)));
        }
        Ok(())
    }
}

/// The numbers of the bits that are set, for a message.
fn bits(set: u32) -> String {
    let numbers = (0..u32::BITS).filter(|bit| set.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1));
    format!("{:?}", numbers.collect::<Vec<_>>())
}

/// An error that says "newer" rather than "damaged".
pub(super) fn unsupported(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnsupportedFormat, what)
        .advise("it was written by a newer version of varkeep; open it with that version")
}

/// The first 64 bytes of a file, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: FileKind,
    /// The version of the format the file was written in.
    pub(crate) version: u32,
    pub(crate) features: Features,
    pub(crate) store: StoreId,
    /// The file's own identifier: of the commit, manifest or shard; a store file repeats the store's.
    pub(crate) own_id: [u8; 16],
}

impl Header {
    /// The header of a file that needs no features.
    pub(super) const fn new(kind: FileKind, store: StoreId, own_id: [u8; 16]) -> Self {
        Self { kind, version: VERSION, features: Features::KNOWN, store, own_id }
    }

    /// The 64 bytes.
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, at::MAGIC, &MAGIC);
        put(&mut bytes, at::KIND, &self.kind.number().to_le_bytes());
        put(&mut bytes, at::VERSION, &self.version.to_le_bytes());
        put(&mut bytes, at::COMPAT, &self.features.compat.to_le_bytes());
        put(&mut bytes, at::RO_COMPAT, &self.features.ro_compat.to_le_bytes());
        put(&mut bytes, at::INCOMPAT, &self.features.incompat.to_le_bytes());
        put(&mut bytes, at::STORE_ID, &self.store.to_bytes());
        put(&mut bytes, at::OWN_ID, &self.own_id);
        let crc = checksum_in(&bytes);
        put(&mut bytes, at::CRC, &crc.to_le_bytes());
        bytes
    }

    /// The checksum that ends the header; the footer repeats it.
    pub(super) fn crc(self) -> u32 {
        u32_in(&self.to_bytes(), at::CRC)
    }

    /// Reads the header at the start of a file of any kind and store, as a salvage does that knows nothing else.
    ///
    /// # Errors
    /// `corrupt`, `not_a_store` if these bytes were never varkeep's, `unsupported_format` if a newer version is needed.
    pub(crate) fn peek(file: &[u8], access: Access) -> Result<Self> {
        let bytes = match file.get(..HEADER_BYTES) {
            Some(bytes) if bytes.starts_with(&MAGIC) => bytes,
            _ => return Err(not_ours(file)),
        };
        if !is_sound(bytes.get(..at::CRC.start).unwrap_or_default(), u32_in(bytes, at::CRC)) {
            return Err(Error::corrupt("the header fails its checksum").at_offset(0));
        }
        let version = u32_in(bytes, at::VERSION);
        if version > VERSION {
            let what = format!("the file has format version {version}, and {VERSION} is the newest known here");
            return Err(unsupported(what).at_offset(to_u64(at::VERSION.start)));
        }
        if version == 0 {
            return Err(Error::corrupt("there is no format version 0").at_offset(to_u64(at::VERSION.start)));
        }
        let number = u32_in(bytes, at::KIND);
        let kind = FileKind::ALL.into_iter().find(|kind| kind.number() == number).ok_or_else(|| {
            unsupported(format!("the file is of the unknown kind {number}")).at_offset(to_u64(at::KIND.start))
        })?;
        let features = Features {
            compat: u32_in(bytes, at::COMPAT),
            ro_compat: u32_in(bytes, at::RO_COMPAT),
            incompat: u32_in(bytes, at::INCOMPAT),
        };
        features.check(kind, access)?;
        let store = StoreId::from_bytes(bytes_in(bytes, at::STORE_ID));
        Ok(Self { kind, version, features, store, own_id: bytes_in(bytes, at::OWN_ID) })
    }

    /// Reads the header of a file that has to be of this kind, and of this store if that is known.
    ///
    /// # Errors
    /// As [`Header::peek`]; `corrupt` if it is another kind of file, or another store's.
    pub(super) fn parse(file: &[u8], kind: FileKind, store: Option<StoreId>, access: Access) -> Result<Self> {
        let header = Self::peek(file, access).map_err(|error| match store {
            // Inside a store, a file that was never ours is damage.
            Some(_) if error.kind() == ErrorKind::NotAStore => Error::corrupt(error.what()).at_offset(0),
            _ => error,
        })?;
        if header.kind != kind {
            let what = format!("a {} lies where a {} is expected", header.kind.word(), kind.word());
            return Err(Error::corrupt(what).at_offset(to_u64(at::KIND.start)));
        }
        if let Some(store) = store.filter(|store| *store != header.store) {
            let what = format!("this {} belongs to store {}, not to {store}", kind.word(), header.store);
            return Err(Error::corrupt(what).at_offset(to_u64(at::STORE_ID.start)));
        }
        Ok(header)
    }
}

fn checksum_in(header: &[u8; HEADER_BYTES]) -> u32 {
    crc32(header.get(..at::CRC.start).unwrap_or_default())
}

/// Why a file that does not begin with a whole header does not.
fn not_ours(file: &[u8]) -> Error {
    /// The magic after a transfer in text mode: without or with doubled carriage returns, without the eighth bit, or
    /// taken for Latin-1 or for broken UTF-8 and written as UTF-8.
    const AS_TEXT: [&[u8]; 5] = [b"\x89VKP\n", b"\x89VKP\r\r\n", b"\x09VKP", b"\xc2\x89VKP", b"\xef\xbf\xbdVKP"];

    let error = if file.is_empty() {
        Error::corrupt("the file is empty")
    } else if AS_TEXT.iter().any(|start| file.starts_with(start)) {
        Error::corrupt("the file was changed by a transfer in text mode").advise("copy it again in binary mode")
    } else if file.starts_with(&MAGIC) || MAGIC.starts_with(file) {
        Error::corrupt(format!("the file is cut short: it has {} bytes, and its header {HEADER_BYTES}", file.len()))
    } else if file.iter().take(HEADER_BYTES).all(|byte| *byte == 0) {
        Error::corrupt("the file begins with zeros, where it was never written or its blocks were lost")
    } else if file.iter().zip(&MAGIC).filter(|(found, expected)| found == expected).count() >= MAGIC.len().div_ceil(2) {
        Error::corrupt("the first bytes of the file are damaged")
    } else {
        Error::new(ErrorKind::NotAStore, "this is not a file of a varkeep store")
    };
    error.at_offset(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: StoreId = StoreId::from_bytes([7; 16]);

    fn header() -> Header {
        Header::new(FileKind::Commit, STORE, [9; 16])
    }

    fn resealed(mut bytes: [u8; HEADER_BYTES]) -> [u8; HEADER_BYTES] {
        let crc = checksum_in(&bytes);
        put(&mut bytes, at::CRC, &crc.to_le_bytes());
        bytes
    }

    #[test]
    fn a_header_reads_back_and_no_other_file_passes_for_it() {
        let bytes = header().to_bytes();
        assert_eq!(Header::parse(&bytes, FileKind::Commit, Some(STORE), Access::Write).unwrap(), header());
        let other = StoreId::from_bytes([8; 16]);
        for wrong in [
            Header::parse(&bytes, FileKind::Shard, Some(STORE), Access::Read),
            Header::parse(&bytes, FileKind::Commit, Some(other), Access::Read),
        ] {
            assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn each_kind_of_wrong_beginning_is_called_what_it_is() {
        let whole = header().to_bytes();
        let text = |from: &[u8], to: &[u8]| {
            let at = whole.windows(from.len()).position(|window| window == from).unwrap();
            [&whole[..at], to, &whole[at + from.len()..]].concat()
        };
        let cases: [(Vec<u8>, ErrorKind, &str); 9] = [
            (Vec::new(), ErrorKind::Corrupt, "empty"),
            (whole[..5].to_vec(), ErrorKind::Corrupt, "cut short"),
            (whole[..63].to_vec(), ErrorKind::Corrupt, "cut short"),
            (text(b"\r\n", b"\n"), ErrorKind::Corrupt, "text mode"),
            (text(b"\n", b"\r\n"), ErrorKind::Corrupt, "text mode"),
            (text(b"\x89", b"\xc2\x89"), ErrorKind::Corrupt, "text mode"),
            (vec![0; 100], ErrorKind::Corrupt, "zeros"),
            (text(b"VKP", b"VKQ"), ErrorKind::Corrupt, "damaged"),
            (b"{\"version\": 3}".repeat(9), ErrorKind::NotAStore, "not a file of a varkeep store"),
        ];
        for (bytes, kind, words) in cases {
            let error = Header::peek(&bytes, Access::Read).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_newer_file_is_called_newer_not_damaged() {
        let mut newer = header().to_bytes();
        put(&mut newer, at::VERSION, &2_u32.to_le_bytes());
        assert_eq!(Header::peek(&newer, Access::Read).unwrap_err().kind(), ErrorKind::Corrupt);
        let error = Header::peek(&resealed(newer), Access::Read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    #[test]
    fn unknown_features_are_refused_by_those_whom_they_concern() {
        let with = |features| Header { features, ..header() }.to_bytes();
        let compat = with(Features { compat: 1, ..Features::KNOWN });
        let ro_compat = with(Features { ro_compat: 0b101, ..Features::KNOWN });
        let incompat = with(Features { incompat: 1 << 31, ..Features::KNOWN });
        assert!(Header::peek(&compat, Access::Write).is_ok());
        assert!(Header::peek(&ro_compat, Access::Read).is_ok());
        for (bytes, access, words) in [
            (ro_compat, Access::Write, "ro_compat features [0, 2]"),
            (incompat, Access::Read, "incompat features [31]"),
        ] {
            let error = Header::peek(&bytes, access).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
            assert!(error.to_string().contains(words) && error.to_string().contains("newer version"), "{error}");
        }
    }
}
