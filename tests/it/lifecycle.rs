//! Opening, creating and closing stores; what is refused, and that a refusal changes nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use varkeep::{Checkpoint, ErrorKind, Store, Which, init};

use crate::support::{contents, copy_tree, durable_files, files, folder, kept, only_file, vector};

/// The header of every file: where the fields are that these tests change.
const VERSION: usize = 12;
const RO_COMPAT: usize = 20;
const INCOMPAT: usize = 24;
const HEADER_CRC: usize = 60;
const HEADER_BYTES: usize = 64;
/// The footer repeats the header's crc, and has one of its own at its end.
const FOOTER_BYTES: usize = 64;

fn commit_file(store: &Path, number: u64) -> std::path::PathBuf {
    store.join(format!("commits/{number:020}.commit"))
}

/// Sets a field of a file's header and makes its checksum right again.
fn patch_header(path: &Path, at: usize, value: u32) {
    let mut bytes = fs::read(path).unwrap();
    let old = u32::from_le_bytes(bytes[HEADER_CRC..HEADER_BYTES].try_into().unwrap()).to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..HEADER_CRC]).to_le_bytes();
    bytes[HEADER_CRC..HEADER_BYTES].copy_from_slice(&crc);
    let footer = bytes.len() - FOOTER_BYTES;
    let repeated = footer + bytes[footer..].windows(4).position(|window| window == old).unwrap();
    bytes[repeated..repeated + 4].copy_from_slice(&crc);
    let end = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[footer..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&crc);
    fs::write(path, bytes).unwrap();
}

fn store_with_two_commits(path: &Path) {
    let store = Store::open(path).unwrap();
    let v = vector(&store, "v", vec![1.0, 2.0]);
    store.save("one").unwrap();
    v.assign(ndarray::array![3.0_f32, 4.0]).unwrap();
    vector(&store, "second", vec![5.0]);
    store.save("two").unwrap();
}

fn open_error(path: &Path) -> varkeep::Error {
    Store::open(path).expect_err("opening was to fail")
}

type Damage<'a> = &'a dyn Fn(&Path);

#[test]
fn a_path_that_is_a_file_is_refused() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "mine").unwrap();
    for path in [path.clone(), path.join("below")] {
        assert_eq!(open_error(&path).kind(), ErrorKind::NotAStore);
        assert_eq!(Checkpoint::open(&path, None).unwrap_err().kind(), ErrorKind::NotAStore);
    }
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("theirs");
    fs::create_dir_all(path.join("sub")).unwrap();
    // Other stores have files of this name too.
    for (name, text) in [("LOCK", "theirs"), ("CURRENT", "MANIFEST-1"), ("sub/file", "x")] {
        fs::write(path.join(name), text).unwrap();
    }
    let before = files(&path);
    let error = open_error(&path);
    assert_eq!(error.kind(), ErrorKind::NotAStore);
    assert!(error.to_string().contains("CURRENT"), "{error}");
    assert_eq!(Checkpoint::open(&path, None).unwrap_err().kind(), ErrorKind::NotAStore);
    assert_eq!(files(&path), before);
}

#[test]
fn nothing_is_created_where_that_was_not_asked_for() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let open = |path: &Path| Store::options().create(false).open(path).unwrap_err().kind();
    assert_eq!(open(&missing), ErrorKind::StoreNotFound);
    assert!(!missing.exists());
    fs::create_dir_all(&missing).unwrap();
    assert_eq!(open(&missing), ErrorKind::StoreNotFound);
    assert!(files(&missing).is_empty());
    assert_eq!(Checkpoint::open(folder.path().join("never"), None).unwrap_err().kind(), ErrorKind::StoreNotFound);
}

#[test]
fn a_store_is_created_with_the_folders_above_it_and_is_empty() {
    let folder = folder();
    let path = folder.path().join("a/b/c.varkeep");
    let store = Store::open(&path).unwrap();
    let id = store.id();
    assert!(store.checkpoints().unwrap().is_empty());
    assert_eq!(store.checkpoint(None).unwrap_err().kind(), ErrorKind::RestoreNoCheckpoint);
    assert_eq!(store.save("x").unwrap_err().kind(), ErrorKind::SaverNoVariables);
    store.rollback().unwrap();
    drop(store);
    assert_eq!(Checkpoint::open(&path, None).unwrap_err().kind(), ErrorKind::RestoreNoCheckpoint);
    assert_eq!(Store::open(&path).unwrap().id(), id);
}

#[test]
fn an_unfinished_creation_is_completed_silently() {
    let folder = folder();
    let whole = folder.path().join("whole");
    drop(Store::open(&whole).unwrap());
    let unfinished: [&[&str]; 5] = [
        &[],
        &["commits/"],
        &["commits/", "manifests/", "shards/"],
        &["commits/", "FORMAT.tmp-0123456789abcdef", "LOCK"],
        &["shards/", "manifests/"],
    ];
    for (i, parts) in unfinished.iter().enumerate() {
        let path = folder.path().join(i.to_string());
        fs::create_dir_all(&path).unwrap();
        for part in *parts {
            match part.strip_suffix('/') {
                Some(part) => fs::create_dir_all(path.join(part)).unwrap(),
                None => fs::write(path.join(part), "half").unwrap(),
            }
        }
        let store = Store::open(&path).unwrap();
        vector(&store, "v", vec![1.0]);
        store.save("x").unwrap();
        drop(store);
        let names: Vec<_> = durable_files(&path).into_keys().collect();
        assert_eq!(names.len(), 4, "{parts:?}: {names:?}");
    }
}

#[test]
fn commits_without_format_are_damage() {
    let folder = folder();
    let path = folder.path().join("store");
    store_with_two_commits(&path);
    fs::remove_file(path.join("FORMAT")).unwrap();
    let before = files(&path);
    for error in [open_error(&path), Checkpoint::open(&path, None).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("FORMAT"), "{error}");
    }
    assert_eq!(files(&path), before);
}

#[test]
fn a_newer_format_is_called_newer_and_left_alone() {
    let folder = folder();
    let original = folder.path().join("store");
    store_with_two_commits(&original);
    let cases: [(&str, usize, u32, bool); 4] = [
        ("version", VERSION, 2, true),
        ("incompat features", INCOMPAT, 1 << 7, true),
        ("ro_compat features", RO_COMPAT, 1, false),
        ("compat features", 16, u32::MAX, false),
    ];
    for (what, at, value, is_unreadable) in cases {
        let path = folder.path().join(what);
        copy_tree(&original, &path);
        patch_header(&path.join("FORMAT"), at, value);
        let before = files(&path);
        if at == 16 {
            drop(Store::open(&path).unwrap());
            continue;
        }
        assert_eq!(open_error(&path).kind(), ErrorKind::UnsupportedFormat, "{what}");
        let read = Checkpoint::open(&path, "one").map(|_| ());
        assert_eq!(read.is_err_and(|error| error.kind() == ErrorKind::UnsupportedFormat), is_unreadable, "{what}");
        assert_eq!(files(&path), before, "{what}");
    }
    // A commit may be newer than the store it is in.
    for at in [VERSION, INCOMPAT, RO_COMPAT] {
        let path = folder.path().join(format!("commit-{at}"));
        copy_tree(&original, &path);
        patch_header(&commit_file(&path, 2), at, 2);
        let before = durable_files(&path);
        let error = open_error(&path);
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat, "{error}");
        assert_eq!(durable_files(&path), before);
    }
}

#[test]
fn a_second_open_in_this_process_is_refused_until_the_first_is_dropped() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link, &path.join("../store")] {
        let error = open_error(path);
        assert_eq!(error.kind(), ErrorKind::StoreInUse);
        assert!(error.to_string().contains("this process"), "{error}");
    }
    drop(store);
    Store::open(&link).unwrap();
}

#[test]
fn a_store_that_was_dropped_can_be_opened_at_once() {
    let folder = folder();
    let path = folder.path().join("store");
    for i in 0..50_u8 {
        let store = Store::open(&path).unwrap();
        let root = store.root();
        let scope = root.scope("s").auto_reuse().enter().unwrap();
        let v = scope.get_variable("v").shape([1]).initializer(init::zeros()).get().unwrap();
        assert_eq!(v.read::<f32>().unwrap()[0], f32::from(i));
        v.assign(ndarray::array![f32::from(i + 1)]).unwrap();
        store.commit().unwrap();
    }
}

/// Run by the test below in a process of its own: opens the store it is told of, and holds it until its input ends.
#[test]
fn child_that_holds_a_store() {
    let Ok(path) = std::env::var("VARKEEP_HOLD") else { return };
    let _store = Store::open(path).unwrap();
    println!("held");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn another_process_is_named_and_readers_need_not_ask_it() {
    use std::io::{BufRead, BufReader};
    let folder = folder();
    let path = folder.path().join("store");
    store_with_two_commits(&path);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifecycle::child_that_holds_a_store", "--nocapture"])
        .env("VARKEEP_HOLD", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap().contains("held")));
    let error = open_error(&path);
    assert_eq!(error.kind(), ErrorKind::StoreInUse);
    assert!(error.to_string().contains(&format!("in use by process {}", child.id())), "{error}");
    assert_eq!(contents(&Checkpoint::open(&path, "two").unwrap()).unwrap().len(), 2);
    // Killed, it leaves its note behind, and nothing that would keep anybody out.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.join("LOCK").exists());
    drop(Store::open(&path).unwrap());
}

#[test]
fn a_damaged_newest_commit_is_named_with_the_way_around_it() {
    let folder = folder();
    let original = folder.path().join("store");
    store_with_two_commits(&original);
    let expected_one = contents(&Checkpoint::open(&original, "one").unwrap()).unwrap();
    let manifest_of = |number: u64| {
        let store = folder.path().join(format!("only-{number}"));
        copy_tree(&original, &store);
        let other = if number == 2 { 1 } else { 2 };
        // The manifest that goes with its commit is the one that only that commit names.
        let opened = Checkpoint::open(&store, Which::Number(other)).unwrap();
        drop(opened);
        let newest = files(&store.join("manifests")).into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0;
        let oldest = files(&store.join("manifests")).into_iter().min_by_key(|(_, bytes)| bytes.len()).unwrap().0;
        let path = if number == 2 { newest } else { oldest };
        path.strip_prefix(&store).unwrap().to_owned()
    };
    let commit = Path::new("commits").join(commit_file(Path::new(""), 2).file_name().unwrap());
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
    };
    let empty = |path: &Path| fs::write(path, "").unwrap();
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    let manifest = manifest_of(2);
    let cases: [(&str, &Path, Damage<'_>); 6] = [
        ("commit flipped", &commit, &flip),
        ("commit cut", &commit, &cut),
        ("commit empty", &commit, &empty),
        ("manifest cut", &manifest, &cut),
        ("manifest empty", &manifest, &empty),
        ("manifest gone", &manifest, &gone),
    ];
    for (case, file, damage) in cases {
        let path = folder.path().join(case.replace(' ', "-"));
        copy_tree(&original, &path);
        damage(&path.join(file));
        let before = durable_files(&path);
        for error in [open_error(&path), Checkpoint::open(&path, None).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{case}: {error}");
            let text = error.to_string();
            assert!(text.contains("newest commit, 2, is damaged") && text.contains("at_commit(1)"), "{case}: {text}");
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(text.contains(name), "{case}: the file is not named: {text}");
        }
        assert_eq!(durable_files(&path), before, "{case}: a refusal changed something");

        let store = Store::options().at_commit(1).open(&path).unwrap();
        assert_eq!(store.find("v").unwrap().unwrap().read::<f32>().unwrap()[0], 1.0);
        assert!(store.find("second").unwrap().is_none());
        drop(store);
        assert_eq!(durable_files(&path), before, "{case}: looking changed something");

        let store = Store::options().at_commit(1).open(&path).unwrap();
        vector(&store, "third", vec![9.0]);
        assert_eq!(store.save("three").unwrap().number, 3);
        drop(store);
        assert_eq!(contents(&Checkpoint::open(&path, "one").unwrap()).unwrap(), expected_one, "{case}");
        let store = Store::open(&path).unwrap();
        let three = contents(&store.checkpoint("three").unwrap()).unwrap();
        assert_eq!(three.keys().collect::<Vec<_>>(), ["third", "v"], "{case}");
        // A tag whose commit can still be read is not given up behind the user's back.
        let still_tagged = store.delete("two").is_ok();
        assert_eq!(still_tagged, case.starts_with("manifest"), "{case}");
        assert_eq!(store.checkpoints().unwrap().len(), if still_tagged { 3 } else { 2 }, "{case}");
        drop(store);
        drop(Store::open(&path).unwrap());
        let kept = kept(&path).unwrap();
        assert_eq!(kept.tags.keys().collect::<Vec<_>>(), ["one", "three"], "{case}");
    }
}

#[test]
fn going_on_from_an_older_commit_keeps_the_tags_between() {
    let folder = folder();
    let path = folder.path().join("store");
    store_with_two_commits(&path);
    let store = Store::open(&path).unwrap();
    vector(&store, "third", vec![6.0]);
    store.save("three").unwrap();
    drop(store);
    let store = Store::options().at_commit(1).open(&path).unwrap();
    assert!(store.find("second").unwrap().is_none());
    let mine = vector(&store, "mine", vec![7.0]);
    // What it makes comes after all that was ever made, so the order of creation stays one order.
    store.save("four").unwrap();
    let four = store.checkpoint("four").unwrap();
    assert_eq!(four.info().parent(), Some(store.checkpoint("one").unwrap().info().id()));
    let third = store.checkpoint("three").unwrap().get("third").unwrap().ordinal();
    assert!(four.get("mine").unwrap().ordinal() > third);
    store.restore("three").unwrap();
    assert_eq!(mine.read::<f32>().unwrap_err().kind(), ErrorKind::VariableDetached);
    drop((store, four));
    assert_eq!(kept(&path).unwrap().tags.keys().collect::<Vec<_>>(), ["four", "one", "three", "two"]);
    let missing = Store::options().at_commit(77).open(&path).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::TagNotFound);
    assert!(missing.to_string().contains('3'), "{missing}");
}

#[test]
fn orphans_go_at_open_and_foreign_files_stay() {
    let folder = folder();
    let path = folder.path().join("store");
    store_with_two_commits(&path);
    let before = durable_files(&path);
    let manifest = fs::read(before.keys().find(|path| path.ends_with("FORMAT")).unwrap()).unwrap();
    let orphans = [
        "shards/00112233445566778899aabbccddeeff.shard",
        "manifests/00112233445566778899aabbccddeeff.manifest",
        "commits/00000000000000000003.commit.tmp-0123456789abcdef",
        "FORMAT.tmp-0123456789abcdef",
    ];
    let foreign = ["notes.txt", "shards/notes.txt", "shards/UPPER.shard", "manifests/x.manifest", "commits/3.commit"];
    for name in orphans.iter().chain(&foreign) {
        fs::write(path.join(name), &manifest).unwrap();
    }
    drop(Store::open(&path).unwrap());
    let after = durable_files(&path);
    for name in orphans {
        assert!(!after.contains_key(&path.join(name)), "{name} is still there");
    }
    for name in foreign {
        assert!(after.contains_key(&path.join(name)), "{name} was removed");
    }
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
}

#[test]
fn a_shard_that_is_missing_cut_or_of_another_store_is_damage() {
    let folder = folder();
    let original = folder.path().join("store");
    let store = Store::open(&original).unwrap();
    vector(&store, "v", vec![1.0; 5000]);
    store.save("x").unwrap();
    drop(store);
    let other = folder.path().join("another");
    let store = Store::open(&other).unwrap();
    vector(&store, "v", vec![2.0; 5000]);
    store.save("x").unwrap();
    drop(store);
    let cases: [(&str, Damage<'_>); 4] = [
        ("gone", &|shard| fs::remove_file(shard).unwrap()),
        ("cut", &|shard| fs::write(shard, &fs::read(shard).unwrap()[..9000]).unwrap()),
        ("other", &|shard| fs::write(shard, fs::read(only_file(&other, "shards")).unwrap()).unwrap()),
        ("link", &|shard| {
            fs::rename(shard, shard.with_extension("moved")).unwrap();
            std::os::unix::fs::symlink(shard.with_extension("moved"), shard).unwrap();
        }),
    ];
    for (case, damage) in cases {
        let path = folder.path().join(case);
        copy_tree(&original, &path);
        let shard = only_file(&path, "shards");
        damage(&shard);
        for error in [open_error(&path), Checkpoint::open(&path, "x").unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{case}: {error}");
            assert!(error.to_string().contains(shard.file_name().unwrap().to_str().unwrap()), "{case}: {error}");
        }
    }
    // A flipped byte shows when the chunk is read, with its variable, file and offset.
    let path = folder.path().join("flipped");
    copy_tree(&original, &path);
    let shard = only_file(&path, "shards");
    let mut bytes = fs::read(&shard).unwrap();
    bytes[4096 + 77] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    let v = store.find("v").unwrap().unwrap();
    let error = v.read::<f32>().unwrap_err();
    assert_eq!((error.kind(), error.variable(), error.path()), (ErrorKind::Corrupt, Some("v"), Some(&*shard)));
    assert!(error.offset_bytes().is_some());
    // What does not need the rotten bytes goes on, and a new value heals.
    v.assign(ndarray::Array1::from_elem(5000, 3.0_f32)).unwrap();
    store.save("healed").unwrap();
    assert_eq!(store.checkpoint("healed").unwrap().get("v").unwrap().read::<f32>().unwrap()[77], 3.0);
}
