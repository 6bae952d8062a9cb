//! Commits, manifests and shards that name each other, or what is somebody else's.

use std::fs;

use varkeep::{Checkpoint, ErrorKind, ReadMode, Store, Which};

use crate::attacks::craft::{Commit, Crafted, Extent, Manifest, Reference, Shard, Variable, commit_id};
use crate::attacks::refused::text_of;
use crate::tiny::says_damage;

fn one_variable(shard: Shard, byte: u8) -> Manifest {
    Manifest::over(shard, &[byte; 100]).entry("v", Variable::of_bytes(100).entry())
}

#[test]
fn manifests_that_name_each_others_shards_read_what_their_checksums_say_or_nothing() {
    let mut store = Crafted::new();
    let (one, two) = (store.shard(&[1; 100]), store.shard(&[2; 100]));
    // Each has the other's shard under its own sums.
    let first = store.manifest(&one_variable(two, 1));
    let second = store.manifest(&one_variable(one, 2));
    store.commit(&Commit::new(1, &[first]));
    store.commit(&Commit::new(2, &[second]).tag("one", 1));
    for number in [1, 2] {
        for mode in [ReadMode::Map, ReadMode::Memory] {
            let which = Which::Number(number);
            let checkpoint =
                Checkpoint::open_with(&store.path, which, mode, varkeep::Verification::FirstTouch).unwrap();
            let error = checkpoint.get("v").unwrap().tensor().unwrap_err();
            assert!(text_of(&error).contains("fails its checksum"), "{}", text_of(&error));
        }
    }
    let report = store.verify();
    assert_eq!(report.damage.len(), 2, "{report:?}");
    assert!(report.checkpoints.iter().all(|health| health.damaged == ["v"]), "{report:?}");
}

#[test]
fn two_manifests_that_differ_about_a_shard_cannot_both_be_right() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; 100]);
    let longer = Shard { len: shard.len + 4096, ..shard };
    let (right, wrong) = (store.manifest(&one_variable(shard, 1)), store.manifest(&one_variable(longer, 1)));
    store.commit(&Commit::new(1, &[wrong]));
    store.commit(&Commit::new(2, &[right]).tag("one", 1));
    assert_eq!(store.read("v", ReadMode::Map).unwrap().bytes(), [1; 100]);
    let error = Checkpoint::open(&store.path, "one").unwrap_err();
    assert!(text_of(&error).contains("its manifest says"), "{}", text_of(&error));
    let report = store.verify();
    let health: Vec<_> = report.checkpoints.iter().map(|health| (health.number, health.readable)).collect();
    assert_eq!(health, [(2, true), (1, false)]);
    // In one commit, one of them a delta.
    let delta = Manifest { is_delta: true, ..one_variable(longer, 1) };
    let delta = store.manifest(&delta);
    store.commit(&Commit::new(3, &[delta, right]).tag("one", 1));
    let error = Checkpoint::open(&store.path, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{}", text_of(&error));
}

#[test]
fn a_shard_twice_in_a_table_or_of_another_name_is_refused() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; 100]);
    let twice = Manifest { shards: vec![shard, shard], ..one_variable(shard, 1) };
    let store = store.holding(&twice);
    assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains("twice"));
    assert!(!store.verify().is_sound());
    // The file of a shard holds another one.
    let mut store = Crafted::new();
    let (one, two) = (store.shard(&[1; 100]), store.shard(&[1; 100]));
    fs::copy(store.shard_path(two), store.shard_path(one)).unwrap();
    let store = store.holding(&one_variable(one, 1));
    assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains("the file holds shard"));
    assert!(!store.verify().is_sound());
}

#[test]
fn files_of_another_store_are_refused() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; 100]);
    let mut file = one_variable(shard, 1).file([9; 16]);
    file.store = [2; 16];
    let reference = store.put_manifest(file);
    store.commit(&Commit::new(1, &[reference]));
    assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains("belongs to store"));
    let reference = store.manifest(&one_variable(shard, 1));
    let mut file = Commit::new(1, &[reference]).file();
    file.store = [2; 16];
    store.put("commits/00000000000000000001.commit", file);
    assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains("belongs to store"));
    assert!(!store.verify().is_sound());
}

/// Ancestry is told, and followed by nobody.
#[test]
fn parents_that_form_a_cycle_end() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; 100]);
    let reference = store.manifest(&one_variable(shard, 1));
    for (number, parent) in [(1, 3), (2, 1), (3, 2)] {
        let commit = Commit { parent: Some(commit_id(parent)), ..Commit::new(number, &[reference]) };
        store.commit(&commit.tag("one", 1).tag("two", 2));
    }
    let infos = varkeep::checkpoints(&store.path).unwrap();
    assert_eq!(infos.iter().map(varkeep::CheckpointInfo::number).collect::<Vec<_>>(), [3, 2, 1]);
    store.assert_sound("v", &[1; 100]);
    let open = Store::open(&store.path).unwrap();
    open.restore("one").unwrap();
    open.save("next").unwrap();
    drop(open);
    assert!(store.verify().is_sound());
    // Its own parent, which no writer's is.
    store.commit(&Commit { parent: Some(commit_id(9)), ..Commit::new(9, &[reference]) });
    assert!(text_of(&store.read("v", ReadMode::Map).unwrap_err()).contains("its own parent"));
}

#[test]
fn tags_that_lead_to_no_commit_or_to_another_are_damage() {
    let build = |tags: &[(&str, u8, u64)]| {
        let mut store = Crafted::new();
        let shard = store.shard(&[1; 100]);
        let reference = store.manifest(&one_variable(shard, 1));
        let tags = tags.iter().map(|(tag, id, number)| ((*tag).to_owned(), [*id; 16], *number)).collect();
        store.commit(&Commit::new(1, &[reference]));
        store.commit(&Commit { tags, ..Commit::new(2, &[reference]) });
        store
    };
    build(&[("one", 1, 1), ("two", 2, 2)]).assert_sound("v", &[1; 100]);
    for tag in [("x", 1, 2), ("x", 2, 1), ("x", 9, 9), ("x", 9, 1), ("x", 1, u64::MAX), ("x", 1, 0)] {
        let store = build(&[tag]);
        let error = Checkpoint::open(&store.path, "x").unwrap_err();
        assert!(says_damage(error.kind()), "{tag:?}: {}", text_of(&error));
        assert!(!store.verify().is_sound(), "{tag:?}");
        assert_eq!(store.read("v", ReadMode::Map).unwrap().bytes(), [1; 100]);
    }
}

#[test]
fn a_manifest_twice_in_a_commit_or_not_as_it_says_is_refused() {
    let mut store = Crafted::new();
    let shard = store.shard(&[1; 100]);
    let good = store.manifest(&one_variable(shard, 1));
    for wrong in [
        vec![good, good],
        vec![Reference { len: good.len + 1, ..good }],
        vec![Reference { crc: !good.crc, ..good }],
        vec![Reference { id: [77; 16], ..good }],
        vec![good, Reference { id: [77; 16], ..good }],
    ] {
        store.commit(&Commit::new(1, &wrong));
        let error = store.read("v", ReadMode::Map).unwrap_err();
        assert!(says_damage(error.kind()), "{}", text_of(&error));
        assert!(!store.verify().is_sound());
    }
    // What a manifest of this size may claim to hold in a shard that is as long as it says.
    let extents = vec![Extent { shard: 0, offset: shard.len - 64, chunks: 1 }];
    let frame = Variable { extents, ..Variable::of_bytes(64) };
    store.holding(&Manifest::over(shard, &[0; 64]).entry("v", frame.entry())).assert_refused("v", "leaves shard");
}
