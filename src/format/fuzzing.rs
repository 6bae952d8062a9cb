//! What a fuzzer drives: take any bytes for a file, and touch everything a reader could touch.

#![cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "public where a fuzzer is built"))]

use crate::error::Result;
use crate::format::bytes::{len_of, part};
use crate::format::{Access, CommitRecord, Header, ManifestLayout, ShardLayout, StoreFile};

/// Reads a `FORMAT` file.
pub fn parse_store_file(bytes: &[u8]) -> Result<()> {
    StoreFile::parse(bytes, Access::Write).map(drop)
}

/// Reads a commit file.
pub fn parse_commit(bytes: &[u8]) -> Result<()> {
    let store = Header::peek(bytes, Access::Write)?.store;
    CommitRecord::parse(bytes, store, Access::Write).map(drop)
}

/// Reads a manifest: every entry by number and by name, whether or not the whole is sound; then says whether it is.
pub fn parse_manifest(bytes: &[u8]) -> Result<()> {
    let store = Header::peek(bytes, Access::Write)?.store;
    let layout = ManifestLayout::parse(bytes, store, Access::Write)?;
    for (index, entry) in (0..=layout.len()).zip(layout.entries(bytes)) {
        if let (Ok(name), Ok(entry)) = (layout.name_at(bytes, index), entry) {
            assert_eq!(name, entry.name);
            // In a manifest out of order the search may miss, but not lead to another name.
            if let Ok(Some(found)) = layout.find(bytes, name) {
                assert_eq!(layout.name_at(bytes, found).ok(), Some(name));
            }
        }
    }
    layout.check_all(bytes)
}

/// Reads a shard: its frame and every block.
pub fn parse_shard(bytes: &[u8]) -> Result<()> {
    let store = Header::peek(bytes, Access::Write)?.store;
    let read = |range| Ok(part(bytes, range).unwrap_or_default());
    let layout = ShardLayout::read(len_of(bytes), store, Access::Write, read)?;
    (0..layout.block_count()).try_for_each(|block| {
        let block_bytes = layout.block_range(block).and_then(|range| part(bytes, range)).unwrap_or_default();
        layout.check_block(block, block_bytes)
    })
}
