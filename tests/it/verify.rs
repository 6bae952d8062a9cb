//! `verify` through the public interface: what it says of sound stores, and of each kind of damage.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use varkeep::{ErrorKind, Store, Which, init};

use crate::tiny::{files_in, files_of, read_all, tiny, verify};

/// Changes one byte of a file.
fn flip(file: &Path, offset: u64) {
    let open = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    open.read_exact_at(&mut byte, offset).unwrap();
    open.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

#[test]
fn a_sound_store_is_sound_and_everything_is_read_once() {
    let tiny = tiny();
    let mut steps = Vec::new();
    let report = varkeep::verify(&tiny.path, None, &mut |progress| steps.push(progress)).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.unused, Vec::<std::path::PathBuf>::new());
    let files = files_of(&tiny.path);
    assert_eq!(report.files, files.len() as u64);
    assert_eq!(report.bytes, files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>());
    // Commit 2 has new chunks for `a/w` and `step` and shares those of the mask, the words and both slices.
    assert_eq!(report.chunks, 2 * 2 + 4);
    let last = steps.last().unwrap();
    assert_eq!((last.bytes_done, last.bytes_total), (report.bytes, report.bytes));
    assert!(steps.is_sorted_by_key(|step| step.bytes_done));
    let health: Vec<_> = report.checkpoints.iter().map(|h| (h.number, h.tag.as_deref(), h.variables)).collect();
    assert_eq!(health, [(2, Some("two"), 5), (1, Some("one"), 5)]);
    assert!(report.checkpoints.iter().all(|health| health.readable && health.damaged.is_empty()));
}

#[test]
fn damaged_payload_names_file_offset_variables_and_checkpoints_and_the_rest_reads() {
    let tiny = tiny();
    let checkpoint = varkeep::Checkpoint::open(&tiny.path, "one").unwrap();
    let placement = checkpoint.get("emb/part_1").unwrap().placements().remove(0);
    drop(checkpoint);
    let shard = tiny.path.join(format!("shards/{}.shard", placement.shard));
    flip(&shard, placement.offset_bytes + 3);
    let report = verify(&tiny.path);
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert_eq!((&damage.path, damage.offset_bytes), (&shard, Some(placement.offset_bytes)));
    assert_eq!(damage.variables, ["emb/part_1"]);
    assert_eq!(damage.checkpoints, [1, 2]);
    assert!(damage.what.contains("expected") && damage.what.contains("found"), "{}", damage.what);
    assert!(damage.advice.as_ref().is_some_and(|advice| advice.contains("all variables but 2")), "{damage:?}");
    for health in &report.checkpoints {
        assert!(health.readable);
        assert_eq!(health.damaged, ["emb", "emb/part_1"]);
    }
    // Reading finds the same, and hands out everything else.
    let checkpoint = varkeep::Checkpoint::open(&tiny.path, None).unwrap();
    for (name, value) in &tiny.values[&2] {
        let read = checkpoint.get(name).unwrap().tensor();
        if name.starts_with("emb") && name != "emb/part_0" {
            let error = read.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!((error.path(), error.offset_bytes()), (Some(&*shard), Some(placement.offset_bytes)));
            assert_eq!(error.variable(), Some("emb/part_1"));
        } else {
            assert_eq!(read.unwrap(), *value, "{name}");
        }
    }
}

#[test]
fn damage_that_no_value_needs_hurts_nobody() {
    let tiny = tiny();
    let shard = files_in(&tiny.path, "shards").remove(0);
    let end = fs::metadata(&shard).unwrap().len();
    // The header block's zeros and the table at the end.
    for offset in [100, end - 70] {
        flip(&shard, offset);
        let report = verify(&tiny.path);
        assert!(!report.is_sound());
        assert!(report.damage.iter().all(|damage| damage.path == shard), "{report:?}");
        flip(&shard, offset);
    }
    // A byte behind an extent, before the next.
    let checkpoint = varkeep::Checkpoint::open(&tiny.path, "one").unwrap();
    let step = checkpoint.get("step").unwrap().placements().remove(0);
    let shard = tiny.path.join(format!("shards/{}.shard", step.shard));
    flip(&shard, step.offset_bytes + 8);
    let report = verify(&tiny.path);
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert!(damage.variables.is_empty() && damage.checkpoints.is_empty(), "{damage:?}");
    assert!(report.checkpoints.iter().all(|health| health.readable && health.damaged.is_empty()));
    assert_eq!(read_all(&tiny.path, Which::Number(1)).unwrap(), tiny.values[&1]);
}

#[test]
fn a_damaged_newest_commit_is_named_with_the_one_before_and_the_others_are_checked() {
    let tiny = tiny();
    let newest = files_in(&tiny.path, "commits").remove(1);
    flip(&newest, 200);
    let error = varkeep::Checkpoint::open(&tiny.path, None).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(&*newest)));
    let advice = error.advice().unwrap();
    assert!(advice.contains("commit, 2,") && advice.contains("at_commit(1)"), "{advice}");
    let opened = Store::options().create(false).open(&tiny.path).unwrap_err();
    assert_eq!((opened.kind(), opened.path()), (ErrorKind::Corrupt, Some(&*newest)));
    assert_eq!(read_all(&tiny.path, Which::Number(1)).unwrap(), tiny.values[&1]);

    let report = verify(&tiny.path);
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert_eq!((&damage.path, &damage.checkpoints[..]), (&newest, &[2][..]));
    assert_eq!(damage.advice.as_deref(), Some(advice));
    let health: Vec<_> = report.checkpoints.iter().map(|h| (h.number, h.readable, h.tag.as_deref())).collect();
    assert_eq!(health, [(2, false, None), (1, true, Some("one"))]);
    // What the damaged commit needs is not known, so nothing is called unused.
    assert!(report.unused.is_empty(), "{:?}", report.unused);
}

#[test]
fn one_checkpoint_alone_and_what_it_needs() {
    let tiny = tiny();
    let shards = files_in(&tiny.path, "shards");
    let only_two: Vec<_> = {
        let of = |number| varkeep::verify(&tiny.path, Some(Which::Number(number)), &mut |_| {}).unwrap();
        let (one, two) = (of(1), of(2));
        assert_eq!((one.checkpoints.len(), two.checkpoints.len()), (1, 1));
        assert!(one.files < two.files && one.is_sound() && two.is_sound());
        let checkpoint = varkeep::Checkpoint::open(&tiny.path, "one").unwrap();
        let of_one: Vec<_> = checkpoint
            .variables("")
            .flat_map(|saved| saved.unwrap().placements())
            .map(|placement| placement.shard.to_string())
            .collect();
        shards.iter().filter(|shard| !of_one.contains(&shard.file_stem().unwrap().to_str().unwrap().into())).collect()
    };
    flip(only_two[0], 4096 + 1);
    let sound = |which| varkeep::verify(&tiny.path, Some(which), &mut |_| {}).unwrap().is_sound();
    assert!(sound(Which::Tag("one".into())) && sound(Which::Number(1)));
    assert!(!sound(Which::Tag("two".into())) && !sound(Which::Head));
    let error = varkeep::verify(&tiny.path, Some(Which::Tag("twoo".into())), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagNotFound);
    assert!(error.advice().unwrap().contains("\"two\""));
    let error = varkeep::verify(&tiny.path, Some(Which::Number(9)), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagNotFound);
}

#[test]
fn what_belongs_to_nobody_is_unused_and_what_is_rebuilt_is_not_looked_at() {
    let tiny = tiny();
    let orphan = tiny.path.join(format!("shards/{}.shard", "ab".repeat(16)));
    let temp = tiny.path.join("commits/00000000000000000003.commit.tmp-0123456789abcdef");
    let foreign = tiny.path.join("notes.txt");
    for file in [&orphan, &temp, &foreign] {
        fs::write(file, "x").unwrap();
    }
    fs::write(tiny.path.join("LOCK"), "process 1\n").unwrap();
    fs::create_dir_all(tiny.path.join("catalog-00")).unwrap();
    fs::write(tiny.path.join("catalog-00/db"), "garbage").unwrap();
    let report = verify(&tiny.path);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.unused, [foreign, temp, orphan]);
}

#[test]
fn a_missing_format_file_is_damage_and_all_else_is_checked() {
    let tiny = tiny();
    let shard = files_in(&tiny.path, "shards").remove(0);
    fs::remove_file(tiny.path.join("FORMAT")).unwrap();
    let report = verify(&tiny.path);
    let [damage] = &report.damage[..] else { panic!("{report:?}") };
    assert_eq!((&damage.path, &damage.checkpoints[..]), (&tiny.path.join("FORMAT"), &[1, 2][..]));
    assert!(damage.advice.as_ref().unwrap().contains("copy FORMAT back"));
    assert!(report.checkpoints.iter().all(|health| !health.readable));
    flip(&shard, 4096);
    assert_eq!(verify(&tiny.path).damage.len(), 2);
}

#[test]
fn a_path_without_a_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let verify = |path: &Path| varkeep::verify(path, None, &mut |_| {}).map(drop).unwrap_err().kind();
    assert_eq!(verify(&folder.path().join("none")), ErrorKind::StoreNotFound);
    assert_eq!(verify(folder.path()), ErrorKind::NotAStore);
    fs::write(folder.path().join("FORMAT"), "this is something else, of another program, and it is long enough")
        .unwrap();
    assert_eq!(verify(folder.path()), ErrorKind::NotAStore);
    let empty = folder.path().join("empty.varkeep");
    drop(Store::open(&empty).unwrap());
    assert!(varkeep::verify(&empty, None, &mut |_| {}).unwrap().is_sound());
    let head = varkeep::verify(&empty, Some(Which::Head), &mut |_| {}).unwrap_err();
    assert_eq!(head.kind(), ErrorKind::RestoreNoCheckpoint);
}

#[test]
fn a_link_to_a_store_is_followed_and_links_inside_are_not() {
    let tiny = tiny();
    let link = tiny.path.with_extension("link");
    symlink(&tiny.path, &link).unwrap();
    assert!(verify(&link).is_sound());
    let shard = files_in(&tiny.path, "shards").remove(0);
    let moved = tiny.path.with_extension("moved");
    fs::rename(&shard, &moved).unwrap();
    symlink(&moved, &shard).unwrap();
    let report = verify(&tiny.path);
    assert!(report.damage.iter().all(|damage| damage.path == shard) && !report.is_sound(), "{report:?}");
}

/// A large variable: several reads, chunks across their borders, a run of damaged chunks told as one.
#[test]
fn runs_of_damaged_chunks_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("s")).unwrap();
    let root = store.root();
    let big = root.get_variable("big").shape([700, 1000]).chunk_bytes(64 << 10);
    big.initializer(init::random_uniform(-1.0, 1.0)).get().unwrap();
    root.get_variable("v").shape([300_000]).initializer(init::ones()).get().unwrap();
    store.save("a").unwrap();
    let path = store.path().to_owned();
    let checkpoint = store.checkpoint("a").unwrap();
    let place = checkpoint.get("big").unwrap().placements().remove(0);
    assert!(verify(&path).is_sound());
    let shard = path.join(format!("shards/{}.shard", place.shard));
    for chunk in [3, 15, 16, 17, 42] {
        flip(&shard, place.offset_bytes + chunk * (64 << 10) + 5);
    }
    let report = verify(&path);
    let chunk = |n: u64| Some(place.offset_bytes + n * (64 << 10));
    let offsets: Vec<_> = report.damage.iter().map(|damage| damage.offset_bytes).collect();
    assert_eq!(offsets, [chunk(3), chunk(15), chunk(42)], "{report:?}");
    assert!(report.damage[1].what.starts_with("3 chunks"), "{}", report.damage[1].what);
    assert!(report.damage.iter().all(|damage| damage.variables == ["big"]));
}
