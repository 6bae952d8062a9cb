//! Deltas and patches: over nothing, over what they do not fit, in endless numbers.

use varkeep::ReadMode;

use crate::attacks::craft::{
    CHUNK, Commit, Crafted, Extent, Manifest, PAYLOAD, Record, Reference, Shard, Variable, alias, patch,
};
use crate::attacks::refused::text_of;

const LEN: u64 = 2 * CHUNK + 100;

fn base(shard: Shard) -> Manifest {
    Manifest::over(shard, &[1; LEN as usize]).entry("v", Variable::of_bytes(LEN).entry())
}

fn chunks(count: u64, byte: u8) -> Vec<Vec<u8>> {
    vec![vec![byte; CHUNK as usize]; count as usize]
}

/// A base, and one delta over it that patches it so.
fn patched(entry: Record, sums: Vec<Vec<u8>>) -> Crafted {
    let mut store = Crafted::new();
    let (old, new) = (store.shard(&[1; LEN as usize]), store.shard(&[2; 2 * CHUNK as usize]));
    let base = store.manifest(&base(old));
    let delta = Manifest { is_delta: true, shards: vec![new], chunks: sums, ..Manifest::default() };
    let delta = store.manifest(&delta.entry("v", entry));
    store.commit(&Commit::new(1, &[delta, base]).tag("one", 1));
    store
}

fn place(chunks: u64) -> Vec<Extent> {
    vec![Extent { shard: 0, offset: PAYLOAD, chunks }]
}

#[test]
fn a_patch_that_fits_is_laid_over() {
    let store = patched(patch(LEN, CHUNK, &[(1, 1, 0, place(1))]), chunks(1, 2));
    let expected = [&[1; CHUNK as usize][..], &[2; CHUNK as usize], &[1; 100]].concat();
    store.assert_sound("v", &expected);
}

#[test]
fn patches_that_do_not_fit_are_refused() {
    let two = || chunks(2, 2);
    for (entry, words) in [
        (patch(LEN + 1, CHUNK, &[(1, 1, 0, place(1))]), "a patch is for"),
        (patch(LEN, 2 * CHUNK, &[]), "a patch is for"),
        (patch(u64::MAX, CHUNK, &[]), "does not fit into memory"),
        (patch(LEN, 0, &[]), "are not possible"),
        (patch(LEN, CHUNK, &[(3, 1, 0, place(1))]), "too many chunks"),
        (patch(LEN, CHUNK, &[(u64::MAX, 1, 0, place(1))]), ""),
        (patch(LEN, CHUNK, &[(u64::MAX - 1, 1, 0, place(1))]), "too many chunks"),
        (patch(LEN, CHUNK, &[(1, u64::MAX, 0, place(1))]), "chunk sums"),
        (patch(LEN, CHUNK, &[(1, 0, 0, place(1))]), "not in order"),
        (patch(LEN, CHUNK, &[(1, 1, u64::MAX, place(1))]), "chunk sums"),
        (patch(LEN, CHUNK, &[(1, 1, 0, place(1)), (0, 1, 1, place(1))]), "not in order"),
        (patch(LEN, CHUNK, &[(1, 1, 0, place(1)), (1, 1, 1, place(1))]), "not in order"),
        (patch(LEN, CHUNK, &[(0, 2, 0, place(1))]), "extents end before"),
        (patch(LEN, CHUNK, &[(0, 1, 0, place(2))]), "extents end before"),
        (patch(LEN, CHUNK, &[(0, 1, 0, vec![])]), "extents end before"),
    ] {
        patched(entry, two()).assert_refused("v", words);
    }
}

#[test]
fn stacks_that_are_none_are_refused() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; LEN as usize]);
    let (one, two) = (store.manifest(&base(shard)), store.manifest(&base(shard)));
    let delta = store.manifest(&Manifest { is_delta: true, ..base(shard) });
    for (manifests, words) in [
        (vec![one, two], "are not deltas over one base"),
        (vec![delta], "are not deltas over one base"),
        (vec![one, delta], "are not deltas over one base"),
        (vec![delta, one, two], "are not deltas over one base"),
    ] {
        store.commit(&Commit::new(1, &manifests));
        assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains(words));
        assert!(!store.verify().is_sound());
    }
    // A base with what only deltas have.
    let removed = Record::default().u32(3).u64(0);
    for entry in [patch(LEN, CHUNK, &[]), removed] {
        let mut store = Crafted::new();
        let shard = store.shard(&[1; LEN as usize]);
        let store = store.holding(&Manifest::over(shard, &[]).entry("v", entry));
        store.assert_refused("v", "a base manifest holds a change");
    }
}

#[test]
fn patches_of_what_is_no_variable_are_refused() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; LEN as usize]);
    let base = store.manifest(&base(shard).entry("w", alias("v")));
    for name in ["no", "w"] {
        let delta = Manifest { is_delta: true, ..Manifest::default() }.entry(name, patch(LEN, CHUNK, &[]));
        let delta = store.manifest(&delta);
        store.commit(&Commit::new(1, &[delta, base]).tag("one", 1));
        store.assert_refused(name, "which none of them holds");
    }
    // Removed, and patched afterwards.
    let removed = Manifest { is_delta: true, ..Manifest::default() }.entry("v", Record::default().u32(3).u64(0));
    let removed = store.manifest(&removed);
    let delta = Manifest { is_delta: true, ..Manifest::default() }.entry("v", patch(LEN, CHUNK, &[]));
    let delta = store.manifest(&delta);
    store.commit(&Commit::new(1, &[delta, removed, base]).tag("one", 1));
    store.assert_refused("v", "which none of them holds");
}

/// As many manifests as no writer leaves: each patches, removes, or brings back.
#[test]
fn a_stack_of_hundreds_of_deltas_is_read_as_it_says() {
    let mut store = Crafted::new();
    let (old, new) = (store.shard(&[1; LEN as usize]), store.shard(&[2; 2 * CHUNK as usize]));
    let mut stack: Vec<Reference> = vec![store.manifest(&base(old))];
    for i in 0..200_u64 {
        let delta = Manifest { is_delta: true, shards: vec![new], chunks: chunks(1, 2), ..Manifest::default() };
        let entry = patch(LEN, CHUNK, &[(i % 2, 1, 0, place(1))]);
        stack.insert(0, store.manifest(&delta.entry("v", entry)));
    }
    store.commit(&Commit::new(1, &stack).tag("one", 1));
    let expected = [&[2; 2 * CHUNK as usize][..], &[1; 100]].concat();
    for mode in [ReadMode::Map, ReadMode::Memory] {
        assert_eq!(store.read("v", mode).unwrap().bytes(), expected);
    }
    let open = varkeep::Store::open(&store.path).unwrap();
    open.find("v").unwrap().unwrap().update::<u8>(|mut v| v[0] = 9).unwrap();
    open.save("next").unwrap();
    drop(open);
    assert_eq!(store.read("v", ReadMode::Map).unwrap().bytes()[..2], [9, 2]);
    assert_eq!(
        varkeep::Checkpoint::open(&store.path, "one").unwrap().get("v").unwrap().tensor().unwrap().bytes(),
        expected
    );
}
