//! Typed 128-bit identifiers: a shard's can never be passed where a commit's is wanted.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($( $(#[doc = $doc:literal])+ $name:ident; )+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes, in the order they are written to files.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }

            /// Reads back what `Display` writes: 32 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    )+ };
}

ids! {
    /// Names a store for as long as it exists.
    StoreId;
    /// Names a commit, whatever its number.
    CommitId;
    /// Names one attempt at publishing a commit.
    AttemptId;
    /// Names a manifest file.
    ManifestId;
    /// Names a shard file.
    ShardId;
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = (*byte << 4) | value;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_and_nothing_else_does() {
        let id = ShardId::from_bytes(*b"\x00\x01\xfe\xff0123456789ab");
        assert_eq!(ShardId::parse(&id.to_string()), Some(id));
        for bad in ["", "0", "g0000000000000000000000000000000", "A0000000000000000000000000000000"] {
            assert_eq!(ShardId::parse(bad), None);
        }
    }
}
