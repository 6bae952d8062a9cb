use proptest::prelude::*;

use super::*;
use crate::dtype::DType;
use crate::format::{Statics, VariableRecord};
use crate::id::{CommitId, ShardId};
use crate::shape::{PartialShape, Shape};

const CHUNK: u64 = 4096;

/// A variable of so many chunks, each with a sum and a shard of its own choice.
fn variable(chunks: &[(u128, u8)]) -> Entry {
    let mut extents: Vec<Extent> = Vec::new();
    let sums = chunks.iter().map(|(hash, _)| ChunkSum { crc32: *hash as u32, hash: *hash });
    for (i, (_, shard)) in chunks.iter().enumerate() {
        let (shard, i) = (ShardId::from_bytes([*shard; 16]), i as u64);
        // Chunk i lies at the same place in whatever shard it lies in, so neighbours in one shard are one extent.
        match extents.last_mut().filter(|last| last.shard == shard) {
            Some(last) => last.chunks += 1,
            None => extents.push(Extent { shard, offset: 4096 + i * CHUNK, first_chunk: i, chunks: 1 }),
        }
    }
    let len_bytes = chunks.len() as u64 * CHUNK;
    let shape = Shape::new(vec![len_bytes]).unwrap();
    let statics = Statics {
        ordinal: 0,
        dtype: DType::U8,
        declared: PartialShape::from(&shape),
        trainable: true,
        collections: Vec::new(),
        regularizer: None,
        caching_device: None,
        validate_shape: true,
        use_resource: true,
        first_commit: CommitId::from_bytes([1; 16]),
        slice: None,
        chunk_bytes: CHUNK,
    };
    let content = Content { len_bytes, chunk_bytes: CHUNK, chunks: sums.collect(), extents };
    Entry { name: "v".to_owned(), body: Body::Variable(VariableRecord { statics, shape, content }), extra: Vec::new() }
}

fn chunks(entry: &Entry) -> Vec<(ChunkSum, ShardId, u64)> {
    let Body::Variable(record) = &entry.body else { panic!("{entry:?}") };
    placed_chunks(&record.content).collect()
}

fn states() -> impl Strategy<Value = Vec<Vec<(u128, u8)>>> {
    // Few distinct sums and shards, so that states differ in few places.
    let state = |len| proptest::collection::vec((0_u128..3, 0_u8..2), len);
    (PATCHED_CHUNKS_MIN..40).prop_flat_map(move |len| proptest::collection::vec(state(len), 4))
}

/// As `states`, each with few chunks changed from the one before.
fn history() -> impl Strategy<Value = Vec<Vec<(u128, u8)>>> {
    states().prop_map(|mut states| {
        for i in 1..states.len() {
            for chunk in 0..states[i].len() {
                if chunk % (i + 2) != 0 {
                    states[i][chunk] = states[i - 1][chunk];
                }
            }
        }
        states
    })
}

proptest! {
    #[test]
    fn what_changed_laid_over_what_was_is_what_is(history in history()) {
        let entries: Vec<Entry> = history.iter().map(|state| variable(state)).collect();
        let changes: Vec<Entry> =
            entries.windows(2).map(|pair| change_between(&pair[0], pair[1].clone())).collect();
        // Whichever are brought together first.
        let mut one_by_one = entries[0].clone();
        for change in &changes {
            one_by_one = overlay(change.clone(), one_by_one).unwrap();
        }
        let upper = overlay(changes[2].clone(), changes[1].clone()).unwrap();
        let all = overlay(upper.clone(), changes[0].clone()).unwrap();
        let at_once = overlay(all, entries[0].clone()).unwrap();
        let lower = overlay(changes[1].clone(), changes[0].clone()).unwrap();
        let mixed = overlay(overlay(changes[2].clone(), lower).unwrap(), entries[0].clone()).unwrap();
        let expected = chunks(&entries[3]);
        prop_assert_eq!(&chunks(&one_by_one), &expected);
        prop_assert_eq!(&chunks(&at_once), &expected);
        prop_assert_eq!(&chunks(&mixed), &expected);
    }

    #[test]
    fn runs_of_patches_are_in_order_and_apart(history in history()) {
        let entries: Vec<Entry> = history.iter().map(|state| variable(state)).collect();
        let changes = entries.windows(2).map(|pair| change_between(&pair[0], pair[1].clone()));
        let merged = changes.reduce(|older, newer| overlay(newer, older).unwrap()).unwrap();
        if let Body::Patch(patch) = merged.body {
            for pair in patch.runs.windows(2) {
                prop_assert!(chunks_of(&pair[0]).end < pair[1].first_chunk);
            }
        }
    }
}

#[test]
fn a_patch_that_does_not_fit_is_damage() {
    let before = variable(&[(1, 1); 20]);
    let mut after = [(1, 1); 20];
    after[3] = (2, 1);
    let patch = change_between(&before, variable(&after));
    assert!(matches!(patch.body, Body::Patch(_)));
    for older in [variable(&[(1, 1); 21]), Entry { body: Body::Removed, ..before }] {
        assert_eq!(overlay(patch.clone(), older).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }
}
