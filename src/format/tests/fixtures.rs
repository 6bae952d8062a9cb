//! Files of every released version stay readable: these were written once and are never written again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{samples, shard_layout};
use crate::format::{Access, CommitRecord, Entry, ManifestKind, ManifestLayout, ShardHead, StoreFile};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

#[test]
fn store_file_of_version_1() {
    assert_eq!(StoreFile::parse(&fixture("FORMAT"), Access::Write).unwrap(), samples::store_file());
}

#[test]
fn commit_of_version_1() {
    let record = CommitRecord::parse(&fixture("commit"), samples::STORE, Access::Write).unwrap();
    assert_eq!(record, samples::commit());
}

fn holds(bytes: &[u8], kind: ManifestKind, expected: &[Entry]) {
    let layout = ManifestLayout::parse(bytes, samples::STORE, Access::Write).unwrap();
    layout.check_all(bytes).unwrap();
    assert_eq!(layout.kind(), kind);
    assert_eq!(layout.entries(bytes).collect::<Result<Vec<_>, _>>().unwrap(), expected);
}

#[test]
fn manifests_of_version_1() {
    holds(&fixture("manifest-base"), ManifestKind::Base, &samples::base_entries());
    holds(&fixture("manifest-delta"), ManifestKind::Delta, &samples::delta_entries());
}

#[test]
fn shard_of_version_1() {
    let bytes = &fixture("shard");
    let head = ShardHead::parse(bytes, None, Access::Write).unwrap();
    assert_eq!((head.id(), head.store(), head.partition), (samples::SHARD.id, samples::STORE, 3));
    let layout = shard_layout(bytes, samples::STORE).unwrap();
    layout.check_block(0, &bytes[..layout.block_range(0).unwrap().end as usize]).unwrap();
    assert_eq!(bytes[layout.payload().start as usize..layout.payload().end as usize], samples::payload());
}

/// Writes the fixtures that are missing, for a new version of the format. Existing ones are left alone: a version that
/// was released is never written again.
#[test]
#[ignore = "writes into the source tree"]
fn write_missing_fixtures() {
    for (name, bytes) in [
        ("FORMAT", samples::store_file().encode().unwrap()),
        ("commit", samples::commit().encode(samples::STORE).unwrap()),
        ("manifest-base", samples::base()),
        ("manifest-delta", samples::delta()),
        ("shard", samples::shard()),
    ] {
        if let Ok(mut file) = File::create_new(folder().join(name)) {
            file.write_all(&bytes).unwrap();
        }
    }
}
