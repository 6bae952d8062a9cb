//! Where an entry says that its bytes lie: beyond the end, in the frame, nowhere, in an order that does not tile.

use crate::attacks::craft::{CHUNK, Crafted, Extent, Manifest, PAYLOAD, Variable};

/// Three chunks, the last one short.
const LEN: u64 = 10_000;

fn payload() -> Vec<u8> {
    (0..LEN).map(|i| (i / 7) as u8).collect()
}

/// A store whose one variable is like this.
fn store_with(variable: &Variable) -> Crafted {
    let mut store = Crafted::new();
    let shard = store.shard(&payload());
    let manifest = Manifest::over(shard, &payload()).entry("v", variable.entry());
    store.holding(&manifest)
}

fn with_extents(extents: &[(u64, u64)]) -> Variable {
    let extents = extents.iter().map(|(offset, chunks)| Extent { shard: 0, offset: *offset, chunks: *chunks });
    Variable { extents: extents.collect(), ..Variable::of_bytes(LEN) }
}

#[test]
fn what_is_attacked_here_is_sound_before() {
    store_with(&Variable::of_bytes(LEN)).assert_sound("v", &payload());
    let second = PAYLOAD + CHUNK;
    store_with(&with_extents(&[(PAYLOAD, 1), (second, 2)])).assert_sound("v", &payload());
}

#[test]
fn extents_beyond_their_shard_or_in_its_frame_are_refused() {
    for offset in [PAYLOAD + CHUNK, 1 << 20, 1 << 62, u64::MAX - 63, !63] {
        store_with(&with_extents(&[(offset, 3)])).assert_refused("v", "leaves shard");
    }
    // Over the end of the payload, what follows it is not what was summed.
    store_with(&with_extents(&[(PAYLOAD + 64, 3)])).assert_refused("v", "");
    for offset in [0, 64, PAYLOAD - 64] {
        store_with(&with_extents(&[(offset, 3)])).assert_refused("v", "leaves shard");
    }
    store_with(&with_extents(&[(PAYLOAD + 1, 2), (PAYLOAD, 1)])).assert_refused("v", "not on a multiple");
}

#[test]
fn chunk_lists_that_do_not_tile_are_refused() {
    let second = PAYLOAD + CHUNK;
    for (extents, words) in [
        (&[][..], "extents end before chunk 0"),
        (&[(PAYLOAD, 2)], "extents end before chunk 2"),
        (&[(PAYLOAD, 0), (PAYLOAD, 3)], "does not go on with chunk 0"),
        (&[(PAYLOAD, 3), (PAYLOAD, 0)], "does not go on with chunk 3"),
        (&[(PAYLOAD, 4)], "too many chunks"),
        (&[(PAYLOAD, 3), (PAYLOAD, 1)], "too many chunks"),
        (&[(PAYLOAD, u64::MAX)], "too many chunks"),
        (&[(PAYLOAD, 1), (second, u64::MAX)], "too many chunks"),
        (&[(PAYLOAD, 1), (second, u64::MAX - 1)], "too many chunks"),
        (&[(PAYLOAD, 1 << 52)], "too many chunks"),
    ] {
        store_with(&with_extents(extents)).assert_refused("v", words);
    }
}

#[test]
fn chunk_sums_that_are_not_there_are_refused() {
    for first_sum in [1, 3, 1 << 40, u64::MAX / 20, u64::MAX - 2, u64::MAX] {
        store_with(&Variable { first_sum, ..Variable::of_bytes(LEN) }).assert_refused("v", "");
    }
    // Sums that belong to nobody, or to two.
    let mut store = Crafted::new();
    let shard = store.shard(&payload());
    let mut spare = Manifest::over(shard, &payload()).entry("v", Variable::of_bytes(LEN).entry());
    spare.chunks.push(vec![1]);
    let report = store.holding(&spare).verify();
    assert!(report.damage.iter().any(|damage| damage.what.contains("chunk sums")), "{report:?}");
}

#[test]
fn lengths_and_chunks_that_cannot_be_are_refused() {
    for chunk in [0, 1, 2048, 3 * CHUNK, 8 << 20, 1 << 63, u64::MAX] {
        store_with(&Variable { chunk, ..Variable::of_bytes(LEN) }).assert_refused("v", "are not possible");
    }
    for len in [u64::MAX, 1 << 63, i64::MAX as u64 + 1] {
        store_with(&Variable { len, ..Variable::of_bytes(LEN) }).assert_refused("v", "does not fit into memory");
    }
    // As long as memory can be: the sums for it are not there.
    store_with(&Variable { len: i64::MAX as u64, ..Variable::of_bytes(LEN) }).assert_refused("v", "section CHUNKSUM");
    for len in [0, 1, LEN - 1, LEN + 1, 2 * LEN] {
        store_with(&Variable { len, ..Variable::of_bytes(LEN) }).assert_refused("v", "");
    }
}

#[test]
fn shards_that_no_table_lists_are_refused() {
    for shard in [1, 2, u32::MAX] {
        let extents = vec![Extent { shard, offset: PAYLOAD, chunks: 3 }];
        let variable = Variable { extents, ..Variable::of_bytes(LEN) };
        store_with(&variable).assert_refused("v", "the table of shards has no row");
    }
}
