//! How the files of a store are named. Names that are none of ours are left alone.

use crate::id::{ManifestId, ShardId};

/// The file that makes a folder a store.
pub(crate) const STORE_FILE: &str = "FORMAT";

const COMMIT_DIGITS: usize = 20;
const COMMIT: &str = ".commit";
const MANIFEST: &str = ".manifest";
const SHARD: &str = ".shard";

/// The file of a commit: its number with leading zeros, so that names sort as numbers do.
pub(crate) fn of_commit(number: u64) -> String {
    format!("{number:020}{COMMIT}")
}

/// The number of a commit file.
pub(crate) fn commit_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(COMMIT)?;
    let all_digits = digits.len() == COMMIT_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

/// The file of a manifest.
pub(crate) fn of_manifest(id: ManifestId) -> String {
    format!("{id}{MANIFEST}")
}

/// The id of a manifest file.
pub(crate) fn manifest_id(name: &str) -> Option<ManifestId> {
    ManifestId::parse(name.strip_suffix(MANIFEST)?)
}

/// The file of a shard.
pub(crate) fn of_shard(id: ShardId) -> String {
    format!("{id}{SHARD}")
}

/// The id of a shard file.
pub(crate) fn shard_id(name: &str) -> Option<ShardId> {
    ShardId::parse(name.strip_suffix(SHARD)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_none_of_ours() {
        assert_eq!(commit_number(&of_commit(u64::MAX)), Some(u64::MAX));
        assert_eq!(of_commit(7), "00000000000000000007.commit");
        let (manifest, shard) = (ManifestId::from_bytes([7; 16]), ShardId::from_bytes([8; 16]));
        assert_eq!(manifest_id(&of_manifest(manifest)), Some(manifest));
        assert_eq!(shard_id(&of_shard(shard)), Some(shard));
        for other in ["7.commit", "+0000000000000000007.commit", "0000000000000000000a.commit", "x.shard", "LOCK"] {
            assert!(commit_number(other).is_none() && manifest_id(other).is_none() && shard_id(other).is_none());
        }
    }
}
