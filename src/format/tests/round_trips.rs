//! Every record reads back as it was written.

use proptest::prelude::*;

use super::strategies;
use super::{samples, shard_layout, shard_with};
use crate::format::{
    Access, CommitRecord, Entry, ManifestKind, ManifestLayout, ManifestWriter, ShardHead, ShardRef, StoreFile,
};
use crate::id::{ManifestId, ShardId};

fn manifest_reads_back(kind: ManifestKind, shards: &[ShardRef], entries: &[Entry]) {
    let mut writer = ManifestWriter::new(samples::STORE, ManifestId::from_bytes([3; 16]), kind);
    for shard in shards {
        writer.declare_shard(*shard);
    }
    for entry in entries {
        writer.push(entry).unwrap();
    }
    let (bytes, reference) = writer.finish().unwrap();
    let layout = ManifestLayout::parse(&bytes, samples::STORE, Access::Write).unwrap();
    layout.check_is(&reference).unwrap();
    layout.check_all(&bytes).unwrap();
    assert_eq!((layout.kind(), layout.len()), (kind, entries.len() as u64));
    assert!(layout.shards().iter().all(|shard| shards.contains(shard)));
    let read: Vec<Entry> = layout.entries(&bytes).collect::<Result<_, _>>().unwrap();
    assert_eq!(read, entries);
    for (i, entry) in entries.iter().enumerate() {
        assert_eq!(layout.find(&bytes, &entry.name).unwrap(), Some(i as u64));
        assert_eq!(layout.find(&bytes, &format!("{}~", entry.name)).unwrap(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn store_files_read_back(record in strategies::store_file()) {
        prop_assert_eq!(StoreFile::parse(&record.encode().unwrap(), Access::Write).unwrap(), record);
    }

    #[test]
    fn commits_read_back(record in strategies::commit()) {
        let bytes = record.encode(samples::STORE).unwrap();
        prop_assert_eq!(CommitRecord::parse(&bytes, samples::STORE, Access::Write).unwrap(), record);
    }

    #[test]
    fn bases_read_back((shards, entries) in strategies::manifest(ManifestKind::Base)) {
        manifest_reads_back(ManifestKind::Base, &shards, &entries);
    }

    #[test]
    fn deltas_read_back((shards, entries) in strategies::manifest(ManifestKind::Delta)) {
        manifest_reads_back(ManifestKind::Delta, &shards, &entries);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Lengths around one block of 256 KiB, with and without an odd end.
    #[test]
    fn shards_read_back(len in prop_oneof![0..200_usize, 257_900..258_200_usize, 520_000..520_100_usize], partition: u32) {
        let payload: Vec<u8> = (0..len).map(|i| ((i * 31) >> 3) as u8).collect();
        let id = ShardId::from_bytes([8; 16]);
        let bytes = shard_with(samples::STORE, id, partition, &payload);
        let head = ShardHead::parse(&bytes[..4096], None, Access::Read).unwrap();
        prop_assert_eq!((head.id(), head.store(), head.partition), (id, samples::STORE, partition));
        let layout = shard_layout(&bytes, samples::STORE).unwrap();
        layout.check_is(&ShardRef { id, len_bytes: bytes.len() as u64, partition }).unwrap();
        let at = layout.payload();
        prop_assert_eq!(&bytes[at.start as usize..at.end as usize], &payload[..]);
        for block in 0..layout.block_count() {
            let range = layout.block_range(block).unwrap();
            layout.check_block(block, &bytes[range.start as usize..range.end as usize]).unwrap();
        }
        prop_assert_eq!(layout.block_range(layout.block_count()), None);
        prop_assert_eq!(layout.blocks_under(&at).end, if len == 0 { 0 } else { at.end.div_ceil(256 << 10) });
    }
}
