//! The same bytes under many names, or many times under one: to make reading take more memory than the files hold, or
//! checking more time.

use varkeep::ReadMode;

use crate::attacks::craft::{CHUNK, Crafted, Extent, Manifest, PAYLOAD, Variable, whole};
use crate::attacks::refused::text_of;

/// One chunk, or the middle of one, again and again.
fn repeated(times: u64) -> Variable {
    let extent = Extent { shard: 0, offset: PAYLOAD, chunks: 1 };
    let len = times * CHUNK;
    Variable { extents: vec![extent; times as usize], ..Variable::of_bytes(len) }
}

fn overlap_is_told(store: &Crafted) {
    let report = store.verify();
    assert!(report.damage.iter().any(|damage| damage.what.contains("overlap")), "{report:?}");
}

#[test]
fn a_value_of_the_same_bytes_again_and_again_is_not_larger_than_its_files() {
    let chunk = vec![3; CHUNK as usize];
    let build = |times: u64| {
        let mut store = Crafted::new();
        let shard = store.shard(&chunk);
        let manifest = Manifest { chunks: vec![chunk.clone(); times as usize], ..Manifest::over(shard, &[]) };
        store.holding(&manifest.entry("v", repeated(times).entry()))
    };
    build(1).assert_sound("v", &chunk);
    for times in [3, 1000, 20_000] {
        let store = build(times);
        for mode in [ReadMode::Map, ReadMode::Memory] {
            let error = store.read("v", mode).unwrap_err();
            assert!(text_of(&error).contains("are said to lie in files of"), "{}", text_of(&error));
        }
        overlap_is_told(&store);
    }
}

/// Each slice alone is as large as its file; all together are not.
#[test]
fn slices_of_the_same_bytes_make_no_whole_larger_than_their_files() {
    let payload = vec![3; 4 * CHUNK as usize];
    let build = |count: u64| {
        let mut store = Crafted::new();
        let shard = store.shard(&payload);
        let names: Vec<String> = (0..count).map(|i| format!("w/part_{i:05}")).collect();
        let chunks = Manifest::over(shard, &payload).chunks;
        let mut manifest = Manifest { chunks: Vec::new(), ..Manifest::over(shard, &[]) };
        let total = payload.len() as u64 * count;
        manifest = manifest.entry("w", whole(&[total], &[count], &names));
        for (i, name) in names.iter().enumerate() {
            let first_sum = manifest.chunks.len() as u64;
            manifest.chunks.extend(chunks.iter().cloned());
            let slice = Some(("w".to_owned(), i as u32, vec![payload.len() as u64 * i as u64]));
            manifest = manifest.entry(name, Variable { slice, first_sum, ..Variable::of_bytes(16_384) }.entry());
        }
        store.holding(&manifest)
    };
    build(1).assert_sound("w", &payload);
    for count in [2, 2000] {
        let store = build(count);
        for mode in [ReadMode::Map, ReadMode::Memory] {
            let error = store.read("w", mode).unwrap_err();
            assert!(text_of(&error).contains("are said to lie in files of"), "{}", text_of(&error));
            assert!(store.read("w/part_00000", mode).is_ok());
        }
        overlap_is_told(&store);
    }
}

#[test]
fn variables_that_lie_over_each_other_are_found() {
    let payload: Vec<u8> = (0..3 * CHUNK).map(|i| (i / 64) as u8).collect();
    for (offset, is_apart) in [(0, false), (64, false), (CHUNK, true), (CHUNK - 64, false)] {
        let mut store = Crafted::new();
        let shard = store.shard(&payload);
        let other = payload[offset as usize..][..CHUNK as usize].to_vec();
        let chunks = vec![payload[..CHUNK as usize].to_vec(), other.clone()];
        let manifest = Manifest { chunks, ..Manifest::over(shard, &[]) };
        let place = Extent { shard: 0, offset: PAYLOAD + offset, chunks: 1 };
        let second = Variable { first_sum: 1, extents: vec![place], ..Variable::of_bytes(CHUNK) };
        let store = store.holding(&manifest.entry("a", Variable::of_bytes(CHUNK).entry()).entry("b", second.entry()));
        // Each reads what its checksums say.
        assert_eq!(store.read("b", ReadMode::Map).unwrap().bytes(), other);
        if is_apart {
            assert!(store.verify().is_sound());
        } else {
            overlap_is_told(&store);
        }
    }
}

/// Twenty thousand values over the same four MiB: each byte is read and summed once, not twenty thousand times.
#[test]
fn checking_bytes_that_many_values_claim_takes_no_more_time() {
    const BIG: u64 = 4 << 20;
    const VALUES: u64 = 20_000;
    let payload = vec![9; BIG as usize + 64 * VALUES as usize];
    let mut store = Crafted::new();
    let shard = store.shard(&payload);
    let mut manifest = Manifest::over(shard, &[]);
    for i in 0..VALUES {
        // No two have the same place and the same sum.
        manifest.chunks.push(i.to_le_bytes().to_vec());
        let extents = vec![Extent { shard: 0, offset: PAYLOAD + 64 * i, chunks: 1 }];
        let variable = Variable { extents, chunk: BIG, first_sum: i, ..Variable::of_bytes(BIG) };
        manifest = manifest.entry(format!("v{i:05}"), variable.entry());
    }
    let store = store.holding(&manifest);
    // Eighty GiB of checksums would take minutes.
    overlap_is_told(&store);
}
