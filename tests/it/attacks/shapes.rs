//! Shapes that no value has: products that overflow, axes without end, counts of slices and of strings.

use crate::attacks::craft::{Crafted, Manifest, Record, Variable, whole};

const STRING: u8 = 16;
const F64: u8 = 13;

fn store_with(variable: &Variable, payload: &[u8]) -> Crafted {
    let mut store = Crafted::new();
    let shard = store.shard(payload);
    let manifest = Manifest::over(shard, payload).entry("v", variable.entry());
    store.holding(&manifest)
}

#[test]
fn shapes_whose_product_overflows_or_is_not_the_length_are_refused() {
    let of = |shape: &[u64], dtype| Variable { shape: shape.to_vec(), dtype, ..Variable::of_bytes(16) };
    store_with(&of(&[2], F64), &[0; 16]).assert_sound("v", &[0; 16]);
    for shape in [
        &[u64::MAX][..],
        &[u64::MAX, 2],
        &[1 << 32, 1 << 32],
        &[1 << 62, 4, 4],
        &[1 << 63, 2, 2],
        // Exactly two modulo 2^64.
        &[(1 << 63) + 1, 2],
        &[0, u64::MAX, u64::MAX],
        &[0],
        &[3],
        &[],
        &[1; 33],
        &[u64::MAX; 33],
    ] {
        store_with(&of(shape, F64), &[0; 16]).assert_refused("v", "");
    }
    // Elements times their size overflows, the elements alone do not.
    store_with(&of(&[(1 << 61) + 2], F64), &[0; 16]).assert_refused("v", "");
    store_with(&of(&[2], 255), &[0; 16]).assert_refused("v", "unknown dtype 255");
}

#[test]
fn counts_of_strings_that_do_not_fit_are_refused() {
    let table = Record::default().numbers(&[]).u64(3).bytes(b"abc").0;
    let len = table.len() as u64;
    let of = |count| Variable { shape: vec![count], dtype: STRING, ..Variable::of_bytes(len) };
    store_with(&of(1), &table).assert_sound("v", &table);
    for count in [2, 3, (1 << 61) - 1, 1 << 61, u64::MAX - 1, u64::MAX] {
        store_with(&of(count), &table).assert_refused("v", "");
    }
    // Tables out of order, beyond the end, or not from the start.
    for offsets in [[0, 2], [0, 4], [1, 3], [3, 0], [0, u64::MAX], [u64::MAX, 3]] {
        let table = Record::default().u64(offsets[0]).u64(offsets[1]).bytes(b"abc").0;
        store_with(&of(1), &table).assert_refused("v", "out of order");
    }
}

#[test]
fn wholes_of_absurd_shapes_are_refused() {
    let slices = ["v".to_owned()];
    for (shape, counts) in [
        (&[u64::MAX][..], &[1][..]),
        (&[u64::MAX, u64::MAX], &[1, 1]),
        (&[1 << 63, 2], &[1 << 63, 2]),
        (&[1 << 33, 1 << 33], &[1 << 32, 1 << 32]),
        (&[16], &[0]),
        (&[16], &[17]),
        (&[16], &[u64::MAX]),
        (&[16], &[]),
        (&[16], &[1, 1]),
        (&[], &[]),
        (&[0], &[1]),
        (&[17], &[1]),
        (&[4, 4], &[1, 1]),
    ] {
        let mut store = Crafted::new();
        let shard = store.shard(&[5; 16]);
        let manifest = Manifest::over(shard, &[5; 16]).entry("v", Variable::of_bytes(16).entry());
        let store = store.holding(&manifest.entry("w", whole(shape, counts, &slices)));
        store.assert_refused("w", "");
    }
}

#[test]
fn slices_that_overlap_leave_gaps_or_are_no_slices_are_refused() {
    let build = |names: &[&str], shape: &[u64]| {
        let mut store = Crafted::new();
        let shard = store.shard(&[5; 16]);
        let manifest = Manifest::over(shard, &[5; 16]).entry("a", Variable::of_bytes(16).entry());
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        store.holding(&manifest.entry("w", whole(shape, &[names.len() as u64], &names)))
    };
    build(&["a"], &[16]).assert_sound("w", &[5; 16]);
    build(&["a", "a"], &[32]).assert_refused("w", "listed twice");
    // The second is not there, is the whole itself, or is nothing.
    for other in ["b", "w", ""] {
        build(&["a", other], &[32]).assert_refused("w", "is missing or of another shape");
    }
    // Three to cut 32 in two: neither sixteen nor less is left for each.
    build(&["a", "b"], &[33]).assert_refused("w", "is missing or of another shape");
}
