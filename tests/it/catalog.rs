//! The catalog is an index: whatever becomes of its files, a store opens to the same state, and soon.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use varkeep::{DType, Store, init};

use crate::support::{CATALOG_WAIT, Seeded, copy_tree, files, folder, members, vector};

/// What an open with a damaged catalog may take, and more than any should.
const OPEN_MAX: Duration = Duration::from_secs(20);

const COLLECTIONS: [&str; 5] = ["variables", "trainable_variables", "mine", "mi\0ne", "nobody's"];

/// All a store says: every collection with names, order and values.
type Said = Vec<Vec<(String, Vec<u8>)>>;

fn said(store: &Store) -> Said {
    COLLECTIONS.iter().map(|collection| members(store, collection)).collect()
}

/// A store that was closed, and what it says.
fn closed_store(path: &Path) -> Said {
    let store = Store::open(path).unwrap();
    let root = store.root();
    for i in 0..300_u16 {
        let scope = root.scope(if i % 2 == 0 { "even" } else { "odd" }).auto_reuse().enter().unwrap();
        let request = scope.get_variable(&format!("v{i}")).shape([3]).initializer(init::constant(f32::from(i)));
        let request = request.trainable(i % 3 == 0);
        let request = if i % 5 == 0 { request.also_in("mine") } else { request };
        if i % 7 == 0 { request.also_in("mi\0ne") } else { request }.get().unwrap();
    }
    store.save("all").unwrap();
    store.remove("even/v4").unwrap();
    store.rename("odd/v5", "renamed").unwrap();
    root.get_variable("later").dtype(DType::I64).scalar().initializer(init::zeros()).get().unwrap();
    store.commit().unwrap();
    let said = said(&store);
    assert_eq!(said[0].len(), 300);
    assert!(said[2].iter().any(|(name, _)| name == "renamed") && !said[3].is_empty());
    said
}

/// The catalog folders there are.
fn catalogs(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries
        .filter(|path| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with("catalog-"))
        .collect();
    folders.sort();
    folders
}

fn seal(store: &Path) -> PathBuf {
    catalogs(store)[0].with_extension("seal")
}

/// Opens a store whose catalog was tampered with: it says the same before and after its catalog is there again, and so
/// does the one that is opened after it.
fn check(store: &Path, expected: &Said, case: &str) {
    for round in 0..2 {
        let start = Instant::now();
        let opened = Store::open(store).unwrap();
        assert_eq!(said(&opened), *expected, "{case}, round {round}");
        assert!(opened.wait_for_catalog(CATALOG_WAIT), "{case}, round {round}: no catalog");
        assert_eq!(said(&opened), *expected, "{case}, round {round}, by the catalog");
        drop(opened);
        assert!(start.elapsed() < OPEN_MAX, "{case}, round {round}: {:?}", start.elapsed());
        assert_eq!(catalogs(store).len(), 1, "{case}: old catalogs are left behind");
        assert!(seal(store).is_file(), "{case}: not sealed");
    }
}

#[test]
fn a_catalog_that_was_closed_is_used_again_as_it_is() {
    let folder = folder();
    let path = folder.path().join("store");
    let expected = closed_store(&path);
    let before = catalogs(&path);
    assert_eq!(before.len(), 1);
    for _ in 0..20 {
        check(&path, &expected, "untouched");
        assert_eq!(catalogs(&path), before, "the sealed catalog was not used");
    }
}

#[test]
fn a_sealed_catalog_is_final_as_soon_as_the_store_is_closed() {
    let folder = folder();
    let path = folder.path().join("store");
    closed_store(&path);
    for _ in 0..10 {
        let sealed = files(&path);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(files(&path), sealed, "something was written after the store was closed");
        drop(Store::open(&path).unwrap());
    }
}

type Damage = fn(&Path);

#[test]
fn any_damage_to_the_catalog_is_survived() {
    let folder = folder();
    let path = folder.path().join("store");
    let expected = closed_store(&path);
    let cases: [(&str, Damage); 13] = [
        ("folder deleted", |store| fs::remove_dir_all(&catalogs(store)[0]).unwrap()),
        ("folder and seal deleted", |store| {
            fs::remove_file(seal(store)).unwrap();
            fs::remove_dir_all(&catalogs(store)[0]).unwrap();
        }),
        ("seal deleted", |store| fs::remove_file(seal(store)).unwrap()),
        ("seal emptied", |store| fs::write(seal(store), "").unwrap()),
        ("seal not text", |store| fs::write(seal(store), [0xff; 99]).unwrap()),
        ("seal of nothing", |store| {
            let text = fs::read_to_string(seal(store)).unwrap();
            fs::write(seal(store), text.lines().take(2).collect::<Vec<_>>().join("\n") + "\n").unwrap();
        }),
        ("seal a folder", |store| {
            let seal = seal(store);
            fs::remove_file(&seal).unwrap();
            fs::create_dir_all(seal.join("in/it")).unwrap();
        }),
        ("files full of garbage", |store| {
            let mut seeded = Seeded::new(1);
            for (file, bytes) in files(&catalogs(store)[0]) {
                let garbage: Vec<u8> = bytes.iter().map(|_| seeded.next().to_le_bytes()[0]).collect();
                fs::write(file, garbage).unwrap();
            }
        }),
        ("files emptied", |store| {
            for file in files(&catalogs(store)[0]).into_keys() {
                fs::write(file, "").unwrap();
            }
        }),
        ("a file more", |store| fs::write(catalogs(store)[0].join("snap.0000000000000000"), "x").unwrap()),
        ("two catalogs", |store| {
            let first = catalogs(store)[0].clone();
            let second = store.join("catalog-00000000000000000000000000000000");
            copy_tree(&first, &second);
            fs::copy(first.with_extension("seal"), second.with_extension("seal")).unwrap();
        }),
        ("folder a file", |store| {
            let folder = catalogs(store)[0].clone();
            fs::remove_dir_all(&folder).unwrap();
            fs::write(folder, "not a folder").unwrap();
        }),
        ("a link to elsewhere", |store| {
            let folder = catalogs(store)[0].clone();
            let elsewhere = store.parent().unwrap().join("elsewhere");
            fs::rename(&folder, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
        }),
    ];
    for (case, damage) in cases {
        let before = catalogs(&path);
        damage(&path);
        check(&path, &expected, case);
        assert_ne!(catalogs(&path), before, "{case}: what was damaged was given to sled");
    }
}

#[test]
fn single_bits_zeroed_pages_and_cut_ends_are_survived() {
    let folder = folder();
    let path = folder.path().join("store");
    let expected = closed_store(&path);
    let mut seeded = Seeded::new(0x5ea1);
    for round in 0..60 {
        let mut targets = files(&catalogs(&path)[0]);
        targets.insert(seal(&path), fs::read(seal(&path)).unwrap());
        targets.retain(|_, bytes| !bytes.is_empty());
        let (file, before) = targets.into_iter().nth(seeded.below(3)).unwrap();
        let (mut bytes, catalog) = (before.clone(), catalogs(&path));
        let at = seeded.below(bytes.len());
        match round % 4 {
            0 | 1 => bytes[at] ^= 1 << seeded.below(8),
            2 => {
                let page = at / 4096 * 4096;
                let end = bytes.len().min(page + 4096);
                bytes[page..end].fill(0);
            }
            _ => bytes.truncate(at),
        }
        fs::write(&file, &bytes).unwrap();
        let case = format!("round {round}, byte {at} of {}", file.display());
        check(&path, &expected, &case);
        // Zeros may have been zeros before.
        assert_eq!(catalogs(&path) == catalog, bytes == before, "{case}: was it given to sled?");
    }
}

#[test]
fn a_catalog_in_use_when_the_process_ended_is_made_anew() {
    let folder = folder();
    let (path, killed) = (folder.path().join("store"), folder.path().join("killed"));
    let mut expected = closed_store(&path);
    let store = Store::open(&path).unwrap();
    assert!(store.wait_for_catalog(CATALOG_WAIT));
    // What a kill leaves: the folder at some instant, without anything that closing does.
    copy_tree(&path, &killed);
    check(&killed, &expected, "copied while open");
    fs::remove_dir_all(&killed).unwrap();
    vector(&store, "more", vec![1.0]);
    store.commit().unwrap();
    copy_tree(&path, &killed);
    expected = said(&store);
    check(&killed, &expected, "copied after a commit");
}

#[test]
fn a_catalog_of_older_or_other_names_is_not_believed() {
    let folder = folder();
    let path = folder.path().join("store");
    closed_store(&path);
    let (older, sealed) = (catalogs(&path)[0].clone(), folder.path().join("older"));
    copy_tree(&older, &sealed);
    let text = fs::read(seal(&path)).unwrap();
    let store = Store::open(&path).unwrap();
    store.remove("even/v0").unwrap();
    vector(&store, "more", vec![1.0]);
    store.commit().unwrap();
    let expected = said(&store);
    drop(store);
    fs::remove_file(seal(&path)).unwrap();
    fs::remove_dir_all(&catalogs(&path)[0]).unwrap();
    copy_tree(&sealed, &older);
    fs::write(older.with_extension("seal"), text).unwrap();
    check(&path, &expected, "an old catalog with its old seal");
}

#[test]
fn a_commit_of_values_alone_leaves_the_catalog_as_it_is() {
    let folder = folder();
    let path = folder.path().join("store");
    closed_store(&path);
    let before = catalogs(&path);
    let store = Store::open(&path).unwrap();
    let v = store.find("odd/v1").unwrap().unwrap();
    v.assign(ndarray::array![7.0_f32, 8.0, 9.0]).unwrap();
    store.save("values").unwrap();
    assert!(store.wait_for_catalog(CATALOG_WAIT));
    drop(store);
    drop(Store::open(&path).unwrap());
    assert_eq!(catalogs(&path), before);
}

#[test]
fn the_catalog_follows_restores_and_rollbacks() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "a", vec![1.0]);
    store.save("one").unwrap();
    vector(&store, "b", vec![2.0]);
    store.save("two").unwrap();
    let names =
        |store: &Store| -> Vec<String> { members(store, "variables").into_iter().map(|(name, _)| name).collect() };
    for (tag, expected) in [("one", vec!["a"]), ("two", vec!["a", "b"]), ("one", vec!["a"])] {
        store.restore(tag).unwrap();
        assert_eq!(names(&store), expected);
        assert!(store.wait_for_catalog(CATALOG_WAIT));
        assert_eq!(names(&store), expected, "by the catalog");
    }
    vector(&store, "c", vec![3.0]);
    assert_eq!(names(&store), ["a", "c"]);
    store.rollback().unwrap();
    assert_eq!(names(&store), ["a"]);
    drop(store);
    // The step back was not committed.
    assert_eq!(names(&Store::open(&path).unwrap()), ["a", "b"]);
}
