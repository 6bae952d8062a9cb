//! Tests of the format as a whole: records read back, damage shows, old files stay readable, the documentation is true.

mod damage;
mod documentation;
mod fixtures;
mod manifests;
mod round_trips;
mod samples;
mod strategies;

use crate::error::Result;
use crate::format::shard::ShardLayout;
use crate::format::{Access, ShardTrailer};
use crate::id::{ShardId, StoreId};

/// The frame of a shard in memory.
fn shard_layout(bytes: &[u8], store: StoreId) -> Result<ShardLayout> {
    let range = |range: std::ops::Range<u64>| range.start as usize..range.end as usize;
    ShardLayout::read(bytes.len() as u64, store, Access::Read, |at| Ok(&bytes[range(at)]))
}

/// A whole shard in memory.
fn shard_with(store: StoreId, id: ShardId, partition: u32, payload: &[u8]) -> Vec<u8> {
    let (mut bytes, mut trailer) = ShardTrailer::begin(store, id, partition);
    bytes.extend(payload);
    trailer.update(payload);
    assert_eq!(trailer.position(), bytes.len() as u64);
    bytes.extend(trailer.finish());
    bytes
}
