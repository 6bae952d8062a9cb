//! Numbers that lie: counts, lengths and offsets near the end of 64 bits, in every place that has one.

use std::fs;

use varkeep::{Checkpoint, ErrorKind, Save, Store};

use crate::attacks::craft::{Commit, Crafted, File, Manifest, Row, Shard, Variable, alias, format_file, whole};
use crate::attacks::refused::text_of;
use crate::tiny::says_damage;

const EXTREMES: [u64; 8] =
    [u64::MAX, u64::MAX - 7, u64::MAX - 63, 1 << 63, i64::MAX as u64, 1 << 62, 1 << 40, 64 << 20];

fn manifest_over(store: &mut Crafted) -> Manifest {
    let shard = store.shard(&[7; 100]);
    Manifest::over(shard, &[7; 100]).entry("v", Variable::of_bytes(100).entry())
}

/// A store whose manifest was changed before it was sealed.
fn with_manifest(change: impl Fn(&mut File)) -> Crafted {
    let mut store = Crafted::new();
    let mut file = manifest_over(&mut store).file([9; 16]);
    change(&mut file);
    let reference = store.put_manifest(file);
    store.commit(&Commit::new(1, &[reference]).tag("one", 1));
    store
}

/// Opening says damage, whichever way; so does verification.
#[track_caller]
fn assert_unopened(store: &Crafted) {
    let error = Checkpoint::open(&store.path, None).unwrap_err();
    assert!(says_damage(error.kind()), "{}", text_of(&error));
    let error = Store::options().create(false).open(&store.path).unwrap_err();
    assert!(says_damage(error.kind()), "{}", text_of(&error));
    match varkeep::verify(&store.path, None, &mut |_| {}) {
        Ok(report) => assert!(!report.is_sound()),
        Err(error) => assert!(says_damage(error.kind()), "{}", text_of(&error)),
    }
}

#[test]
fn sections_beyond_the_file_over_each_other_or_too_many_are_refused() {
    let mut store = Crafted::new();
    let manifest = manifest_over(&mut store);
    store.holding(&manifest).assert_sound("v", &[7; 100]);
    for i in 0..7 {
        for extreme in EXTREMES {
            assert_unopened(&with_manifest(|file| file.rows[i].offset = extreme));
            assert_unopened(&with_manifest(|file| file.rows[i].len = extreme));
        }
        assert_unopened(&with_manifest(|file| file.rows[i].offset += 64));
        assert_unopened(&with_manifest(|file| _ = file.rows.remove(i)));
        assert_unopened(&with_manifest(|file| file.rows[i].tag = file.rows[(i + 1) % 7].tag));
    }
    assert_unopened(&with_manifest(|file| file.rows.swap(2, 3)));
    let unknown = |i: u32, flags| {
        move |file: &mut File| {
            let offset = file.body.len().next_multiple_of(8) as u64;
            let tags = (0..i).map(|i| Row { tag: u64::from(i).to_le_bytes(), offset, len: 0, crc: 0, flags });
            file.rows.extend(tags);
        }
    };
    assert_unopened(&with_manifest(unknown(58, 0)));
    assert_unopened(&with_manifest(unknown(5000, 0)));
    // Such as a later version writes: skipped, or refused if it has to be understood.
    with_manifest(unknown(57, 0)).assert_sound("v", &[7; 100]);
    assert_unopened(&with_manifest(unknown(1, 1)));
}

#[test]
fn a_count_of_entries_that_lies_is_refused() {
    for count in EXTREMES.into_iter().chain([0, 2, u64::MAX / 16, 1 << 60]) {
        let mut store = Crafted::new();
        let manifest = Manifest { count: Some(count), ..manifest_over(&mut store) };
        assert_unopened(&store.holding(&manifest));
    }
}

#[test]
fn offsets_of_names_and_entries_that_lead_elsewhere_are_refused() {
    for extreme in EXTREMES.into_iter().chain([2, 150]) {
        for (name, entry) in [(extreme, 150), (1, extreme)] {
            for rows in [vec![(0, 0), (name, entry)], vec![(name, entry), (1, 150)]] {
                let mut store = Crafted::new();
                let manifest = Manifest { offsets: Some(rows), ..manifest_over(&mut store) };
                let store = store.holding(&manifest);
                // The name itself may be lost.
                store.read("v", varkeep::ReadMode::Map).unwrap_err();
                assert!(!store.verify().is_sound(), "{name} {entry}");
            }
        }
    }
}

/// In every place of an entry where a count or a number is, the extremes.
#[test]
fn every_number_of_an_entry_may_lie() {
    let entries = [Variable::of_bytes(100).entry(), alias("v"), whole(&[100], &[1], &["v".to_owned()])];
    let mut tried = 0;
    for entry in &entries {
        for at in 0..=entry.0.len() - 8 {
            for extreme in EXTREMES {
                let mut changed = entry.clone();
                changed.0[at..at + 8].copy_from_slice(&extreme.to_le_bytes());
                let mut store = Crafted::new();
                let manifest = manifest_over(&mut store).entry("w", changed);
                let store = store.holding(&manifest);
                let checkpoint = Checkpoint::open(&store.path, None).unwrap();
                for saved in checkpoint.variables("") {
                    // Some of the places hold a number that may be anything.
                    match saved.and_then(|saved| saved.tensor()) {
                        Ok(value) => assert_eq!(value.bytes(), [7; 100]),
                        Err(error) => assert!(says_damage(error.kind()), "{}", text_of(&error)),
                    }
                }
                if at % 4 == 0 {
                    drop(store.verify());
                }
                tried += 1;
            }
        }
    }
    println!("{tried} entries");
}

#[test]
fn every_number_of_a_commit_may_lie() {
    let mut store = Crafted::new();
    let manifest = manifest_over(&mut store);
    let reference = store.manifest(&manifest);
    let good = Commit::new(1, &[reference]).tag("one", 1).file();
    let mut tried = 0;
    for i in 0..good.rows.len() {
        let (start, len) = (good.rows[i].offset as usize, good.rows[i].len as usize);
        for at in start..(start + len).saturating_sub(7) {
            for extreme in EXTREMES {
                let mut file = Commit::new(1, &[reference]).tag("one", 1).file();
                file.body[at..at + 8].copy_from_slice(&extreme.to_le_bytes());
                file.rows[i].crc = crc32fast::hash(&file.body[start..start + len]);
                store.put("commits/00000000000000000001.commit", file);
                for info in varkeep::checkpoints(&store.path).iter().flatten() {
                    // Whatever the clock is said to have shown.
                    assert!(info.time() >= std::time::UNIX_EPOCH);
                }
                if let Err(error) = Checkpoint::open(&store.path, "one") {
                    let is_other = matches!(error.kind(), ErrorKind::TagNotFound);
                    assert!(is_other || says_damage(error.kind()), "{}", text_of(&error));
                }
                drop(store.verify());
                tried += 1;
            }
        }
    }
    println!("{tried} commits");
}

/// The next commit counts on from what a file says.
#[test]
fn the_last_number_there_is_stops_saves_and_nothing_else() {
    for (number, next_ordinal) in [(i64::MAX as u64, 1000), (1, i64::MAX as u64)] {
        let mut store = Crafted::new();
        let manifest = manifest_over(&mut store);
        let reference = store.manifest(&manifest);
        store.commit(&Commit { next_ordinal, ..Commit::new(number, &[reference]) });
        let open = Store::options().create(false).open(&store.path).unwrap();
        let made = open.root().get_variable("new").shape([1]).initializer(varkeep::init::zeros()).get();
        drop(made);
        if let Err(error) = open.save("next") {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{}", text_of(&error));
            assert!(error.to_string().contains("is not possible"), "{error}");
        }
        assert_eq!(open.find("v").unwrap().unwrap().tensor().unwrap().bytes(), [7; 100]);
    }
    // A file of the number behind all others, whatever is in it.
    let mut store = Crafted::new();
    let manifest = manifest_over(&mut store);
    let store = store.holding(&manifest);
    fs::write(store.path.join("commits/18446744073709551615.commit"), "junk").unwrap();
    assert!(!store.verify().is_sound());
    let error = Checkpoint::open(&store.path, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.advice().unwrap().contains("at_commit(1)"), "{error}");
    let opened = Store::options().create(false).at_commit(1).open(&store.path);
    assert_eq!(opened.map(drop).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn metadata_and_files_beyond_all_limits_are_refused() {
    let mut store = Crafted::new();
    let manifest = manifest_over(&mut store);
    let reference = store.manifest(&manifest);
    store.commit(&Commit { metadata: vec![0xc0; (16 << 20) + 1], ..Commit::new(1, &[reference]) });
    assert_unopened(&store);
    assert!(text_of(&Checkpoint::open(&store.path, None).unwrap_err()).contains("the metadata has 16777217 bytes"));
    // Metadata that is nested without end is an error for whoever wants to know it, and for nobody else.
    store.commit(&Commit { metadata: vec![0x91; 1 << 20], ..Commit::new(1, &[reference]) });
    let checkpoint = Checkpoint::open(&store.path, None).unwrap();
    let nested = checkpoint.info().metadata::<serde_json::Value>();
    assert_eq!(nested.unwrap_err().kind(), ErrorKind::Metadata);
    // As long as no disk is, without a byte in it.
    for inside in ["FORMAT", "commits/00000000000000000001.commit"] {
        let file = fs::File::options().write(true).open(store.path.join(inside)).unwrap();
        file.set_len(1 << 40).unwrap();
        assert_unopened(&store);
        fs::remove_file(store.path.join(inside)).unwrap();
        store.put("FORMAT", format_file());
    }
}

/// What is saved reads back; what would not is refused when it is saved.
#[test]
fn metadata_may_be_nested_as_deep_as_it_can_be_read() {
    let mut store = Crafted::new();
    let manifest = manifest_over(&mut store);
    let store = store.holding(&manifest);
    let open = Store::open(&store.path).unwrap();
    let nested = |depth| (0..depth).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    let deepest = nested(varkeep::limits::METADATA_DEPTH_MAX);
    open.save(Save::tag("deep").metadata(&deepest)).unwrap();
    let read = open.checkpoint("deep").unwrap().info().metadata::<serde_json::Value>();
    assert_eq!(read.unwrap(), Some(deepest));
    let deeper = nested(varkeep::limits::METADATA_DEPTH_MAX + 1);
    let error = open.save(Save::tag("deeper").metadata(&deeper)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Metadata, "{error}");
}

/// A file as long as its manifest says, nearly all of it a hole: as much memory as there is not is not asked for.
#[test]
fn a_shard_that_is_nearly_all_hole_is_read_as_far_as_memory_goes() {
    let mut store = Crafted::new();
    let shard = store.shard(&[7; 100]);
    let file = fs::File::options().write(true).open(store.shard_path(shard)).unwrap();
    file.set_len(1 << 42).unwrap();
    for len in [100, 1 << 42] {
        let manifest = Manifest::over(Shard { len, ..shard }, &[7; 100]);
        let reference = store.manifest(&manifest.entry("v", Variable::of_bytes(100).entry()));
        store.commit(&Commit::new(1, &[reference]));
        let read = store.read("v", varkeep::ReadMode::Memory);
        // The few bytes that are wanted are there, and right.
        assert!(len == 100 && read.is_err() || read.unwrap().bytes() == [7; 100]);
    }
}

#[test]
fn later_versions_and_unknown_features_are_called_what_they_are() {
    type Change = fn(&mut File);
    let assert_newer = |store: &Crafted, write_only: bool| {
        let read = Checkpoint::open(&store.path, None);
        assert_eq!(
            read.map(drop).map_err(|error| error.kind()).err(),
            (!write_only).then_some(ErrorKind::UnsupportedFormat)
        );
        let opened = Store::options().create(false).open(&store.path).map(drop);
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat, "{error}");
        assert!(error.advice().unwrap().contains("newer version"), "{error}");
    };
    let changes: [(Change, bool); 4] = [
        (|file| file.version = 2, false),
        (|file| file.version = u32::MAX, false),
        (|file| file.features[2] = 1 << 31, false),
        (|file| file.features[1] = 1, true),
    ];
    for (change, write_only) in changes {
        let mut store = Crafted::new();
        let manifest = manifest_over(&mut store);
        let store = store.holding(&manifest);
        let mut file = format_file();
        change(&mut file);
        store.put("FORMAT", file);
        assert_newer(&store, write_only);
        if !write_only {
            assert_newer(&with_manifest(change), false);
        }
    }
    // Features that nobody has to know.
    with_manifest(|file| file.features[0] = u32::MAX).assert_sound("v", &[7; 100]);
    // No version has a kind of file that is none.
    assert_unopened(&with_manifest(|file| file.kind = 77));
    assert_unopened(&with_manifest(|file| file.version = 0));
    assert_unopened(&with_manifest(|file| file.kind = 2));
}
