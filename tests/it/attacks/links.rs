//! What is no plain file of its own: links out of the store, folders, pipes, sockets, devices, two names of one file.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use varkeep::{Checkpoint, Store, Which};

use crate::attacks::refused::text_of;
use crate::support::{files, folder};
use crate::tiny::{copy_of, files_of, read_all, says_damage, tiny, verify};

/// Reading, verifying, salvaging and going on refuse the store, or do without what is wrong; none hangs.
fn assert_refused(path: &Path, what: &str) {
    for which in [Which::Head, Which::Number(1)] {
        let opened = Checkpoint::open(path, which).map(drop);
        assert!(opened.as_ref().err().is_none_or(|error| says_damage(error.kind())), "{what}: {opened:?}");
    }
    match varkeep::verify(path, None, &mut |_| {}) {
        Ok(report) => assert!(!report.is_sound(), "{what}"),
        Err(error) => assert!(says_damage(error.kind()), "{what}: {}", text_of(&error)),
    }
    let opened = Store::options().create(false).open(path).and_then(|store| store.commit());
    assert!(opened.as_ref().err().is_none_or(|error| says_damage(error.kind())), "{what}: {opened:?}");
    let folder = folder();
    drop(varkeep::salvage(path, folder.path().join("to"), &mut |_| {}));
}

/// Somebody else's store would lose what it does not share with ours.
#[test]
fn folders_that_are_links_are_refused_and_nothing_beyond_them_is_touched() {
    for part in ["commits", "manifests", "shards"] {
        let (hostile, victim) = (tiny(), tiny());
        let before = files(&victim.path);
        fs::remove_dir_all(hostile.path.join(part)).unwrap();
        symlink(victim.path.join(part), hostile.path.join(part)).unwrap();
        assert_refused(&hostile.path, part);
        let report = varkeep::verify(&hostile.path, None, &mut |_| {}).map_err(|error| error.to_string());
        let is_told = match &report {
            Ok(report) => report.damage.iter().any(|damage| damage.what.contains("symbolic link")),
            Err(error) => error.contains("symbolic link"),
        };
        assert!(is_told, "{part}: {report:?}");
        assert_eq!(files(&victim.path), before, "{part}");
        // Even where it leads back into the store: a store holds no links.
        let moved = hostile.path.join("moved");
        let good = tiny();
        fs::rename(good.path.join(part), &moved).unwrap();
        symlink(&moved, good.path.join(part)).unwrap();
        assert_refused(&good.path, part);
    }
}

/// The catalog is made anew elsewhere, whatever its folder was.
#[test]
fn a_catalog_that_is_a_link_is_not_followed() {
    let (hostile, victim) = (tiny(), tiny());
    let catalog = |path: &Path| {
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("catalog-") && !name.contains(".seal")).collect::<Vec<_>>()
    };
    let own = catalog(&hostile.path).remove(0);
    let other = victim.path.join(catalog(&victim.path).remove(0));
    // The same files as the seal lists, behind a link.
    fs::remove_dir_all(&other).unwrap();
    fs::rename(hostile.path.join(&own), &other).unwrap();
    symlink(&other, hostile.path.join(&own)).unwrap();
    let before = files(&victim.path);
    let store = Store::open(&hostile.path).unwrap();
    store.wait_for_catalog(crate::support::CATALOG_WAIT);
    assert!(!store.collection("variables", "").unwrap().is_empty());
    drop(store);
    assert_eq!(files(&victim.path), before);
    assert!(!hostile.path.join(&own).exists());
}

#[test]
fn the_note_of_the_lock_may_be_anything() {
    let tiny = tiny();
    let outside = tiny.path.with_extension("outside");
    fs::write(&outside, "mine").unwrap();
    let note = tiny.path.join("LOCK");
    symlink(&outside, &note).unwrap();
    drop(Store::open(&tiny.path).unwrap());
    assert_eq!(fs::read(&outside).unwrap(), b"mine");
    fs::create_dir_all(&note).unwrap();
    drop(Store::open(&tiny.path).unwrap());
    assert_eq!(read_all(&tiny.path, Which::Number(2)).unwrap(), tiny.values[&2]);
}

#[test]
fn links_pipes_sockets_folders_and_devices_in_the_place_of_files_are_refused() {
    let tiny = tiny();
    let elsewhere = folder();
    let copy = elsewhere.path().join("s.varkeep");
    for inside in files_of(&tiny.path) {
        let inside = inside.strip_prefix(&tiny.path).unwrap().to_owned();
        for kind in ["link", "loop", "device", "pipe", "socket", "folder"] {
            drop(fs::remove_dir_all(&copy));
            copy_of(&tiny.path, &copy);
            let place = copy.join(&inside);
            fs::remove_file(&place).unwrap();
            match kind {
                "link" => symlink(tiny.path.join(&inside), &place).unwrap(),
                "loop" => symlink(&place, &place).unwrap(),
                "device" => symlink("/dev/zero", &place).unwrap(),
                "pipe" => assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success()),
                "socket" => drop(UnixListener::bind(&place).unwrap()),
                _ => fs::create_dir_all(&place).unwrap(),
            }
            assert_refused(&copy, &format!("{} as a {kind}", inside.display()));
        }
    }
}

/// As backups make them: a store of links to the files of another one is a store, and neither hurts the other.
#[test]
fn hard_links_are_files() {
    let tiny = tiny();
    let linked = tiny.path.with_extension("linked");
    for part in ["commits", "manifests", "shards"] {
        fs::create_dir_all(linked.join(part)).unwrap();
    }
    for file in files_of(&tiny.path) {
        fs::hard_link(&file, linked.join(file.strip_prefix(&tiny.path).unwrap())).unwrap();
    }
    assert!(verify(&linked).is_sound());
    let store = Store::open(&linked).unwrap();
    store.find("step").unwrap().unwrap().assign(7_i64).unwrap();
    store.save("three").unwrap();
    store.delete("one").unwrap();
    drop(store);
    assert!(verify(&tiny.path).is_sound() && verify(&linked).is_sound());
    assert_eq!(read_all(&tiny.path, Which::Number(1)).unwrap(), tiny.values[&1]);
}
