//! How a record becomes bytes inside a section: bincode, with its configuration pinned here and nowhere else.
//!
//! Records are decoded from wire structs that borrow: texts are `&str`, lists are [`List`]. So a length that lies
//! costs nothing: it is compared with the bytes that are there before anything is allocated.

use std::fmt;
use std::marker::PhantomData;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of one record, at most.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

/// Little-endian, every integer at its full width, lengths and variant numbers as u64 and u32.
const CONFIG: Configuration<LittleEndian, Fixint, Limit<RECORD_BYTES_MAX>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<RECORD_BYTES_MAX>();

/// The bytes of a record.
///
/// # Errors
/// `invalid_argument` if they would be more than a reader takes.
pub(super) fn encode(what: &str, record: &impl Serialize) -> Result<Vec<u8>> {
    let bytes = bincode::serde::encode_to_vec(record, CONFIG).map_err(|cause| {
        Error::new(ErrorKind::InvalidArgument, format!("{what} cannot be encoded")).caused_by(cause)
    })?;
    if bytes.len() > RECORD_BYTES_MAX {
        let what = format!("{what} takes {} bytes", bytes.len());
        return Err(Error::new(ErrorKind::InvalidArgument, what)
            .advise(format!("a record may have up to {RECORD_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// The record in exactly these bytes, which begin at `offset` of their file.
///
/// # Errors
/// `corrupt` if they are not one record, or one record and more.
pub(super) fn decode<'de, T: Deserialize<'de>>(what: &str, bytes: &'de [u8], offset: u64) -> Result<T> {
    let (record, used) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG)
        .map_err(|cause| Error::corrupt(format!("{what} cannot be decoded")).at_offset(offset).caused_by(cause))?;
    if used != bytes.len() {
        let what = format!("{what} has {} bytes and uses {used} of them", bytes.len());
        return Err(Error::corrupt(what).at_offset(offset));
    }
    Ok(record)
}

/// A list whose stated length is not believed: it grows with the elements that are really there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Grow<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Grow<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Grow(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample<'a> {
        name: &'a str,
        raw: &'a [u8],
        sizes: List<Option<u64>>,
    }

    #[test]
    fn the_pinned_encoding_is_little_endian_and_of_fixed_width() {
        let sample = Sample { name: "w", raw: b"\x07", sizes: List(vec![Some(0x0102), None]) };
        let bytes = encode("a sample", &sample).unwrap();
        let expected = b"\x01\0\0\0\0\0\0\0w\x01\0\0\0\0\0\0\0\x07\x02\0\0\0\0\0\0\0\x01\x02\x01\0\0\0\0\0\0\0";
        assert_eq!(bytes, expected);
        assert_eq!(decode::<Sample<'_>>("a sample", &bytes, 0).unwrap(), sample);
    }

    #[test]
    fn bytes_left_over_are_refused() {
        let bytes = encode("a number", &7_u64).unwrap();
        let longer = [&bytes[..], b"\0"].concat();
        let error = decode::<u64>("a number", &longer, 64).unwrap_err();
        assert_eq!((error.kind(), error.offset_bytes()), (ErrorKind::Corrupt, Some(64)));
    }

    /// An allocation of any of these lengths would abort the test.
    #[test]
    fn a_length_that_lies_allocates_nothing() {
        for len in [2, 1 << 20, RECORD_BYTES_MAX as u64, 1 << 45, u64::MAX] {
            let mut bytes = len.to_le_bytes().to_vec();
            bytes.push(b'x');
            assert!(decode::<&str>("a text", &bytes, 0).is_err());
            assert!(decode::<&[u8]>("bytes", &bytes, 0).is_err());
            assert!(decode::<List<u64>>("a list", &bytes, 0).is_err());
            assert!(decode::<List<&str>>("a list", &bytes, 0).is_err());
        }
    }

    #[test]
    fn texts_are_utf8_and_flags_are_flags() {
        assert!(decode::<&str>("a text", b"\x01\0\0\0\0\0\0\0\xff", 0).is_err());
        assert!(decode::<bool>("a flag", b"\x02", 0).is_err());
        assert!(decode::<Option<u8>>("an option", b"\x02\0", 0).is_err());
    }
}
