use std::os::unix::fs::symlink;

use super::*;
use crate::error::ErrorKind;
use crate::io::faults::{Faults, broken, make_pipe};
use crate::io::is_not_found;
use crate::io::tap::{NoTap, Verdict};

/// One thing done in a folder.
type Operation = fn(&Dir) -> Result<()>;

fn temp() -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::open(folder.path(), NoTap::shared()).unwrap();
    (folder, dir)
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) {
    dir.create_file(name).unwrap().write_all(bytes).unwrap();
}

#[test]
fn folders_are_made_with_those_above_and_each_is_durable_in_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let dir = Dir::create(folder.path().join("a/b"), faults.clone()).unwrap();
    let top = folder.path().file_name().unwrap().to_string_lossy();
    let expected =
        ["create-dir b failed", "create-dir a ok", &format!("sync-dir {top} ok"), "create-dir b ok", "sync-dir a ok"];
    assert_eq!(faults.take(), expected);
    assert!(dir.path().is_dir());
    // Again: kept, and made durable, since whoever made it may have crashed.
    write(&dir, "x", b"kept");
    Dir::create(folder.path().join("a/b"), faults.clone()).unwrap();
    assert_eq!(faults.take()[2..], ["create-dir b ok", "sync-dir a ok"]);
    assert!(dir.exists("x").unwrap());
    assert!(dir.create_child("c").unwrap().path().is_dir());
}

#[test]
fn a_file_is_no_folder() {
    let (folder, dir) = temp();
    write(&dir, "file", b"");
    for result in [
        Dir::create(folder.path().join("file"), NoTap::shared()),
        Dir::create(folder.path().join("file/below"), NoTap::shared()),
        Dir::open(folder.path().join("file"), NoTap::shared()),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Io);
    }
    assert!(is_not_found(&Dir::open(folder.path().join("none"), NoTap::shared()).unwrap_err()));
}

#[test]
fn a_handle_stays_when_the_working_directory_moves() {
    assert!(Dir::at(Path::new("store"), NoTap::shared()).unwrap().path().is_absolute());
}

#[test]
fn listing_is_sorted_and_does_not_follow_links() {
    let (folder, dir) = temp();
    write(&dir, "b", b"");
    write(&dir, "a", b"");
    dir.create_child("c").unwrap();
    symlink(folder.path().join("c"), folder.path().join("link")).unwrap();
    make_pipe(&folder.path().join("pipe"));
    let listed = dir.list().unwrap();
    let expected =
        [("a", Kind::File), ("b", Kind::File), ("c", Kind::Folder), ("link", Kind::Symlink), ("pipe", Kind::Other)];
    assert_eq!(listed, expected.map(|(name, kind)| Entry { name: name.into(), kind }));
    assert_eq!(listed.iter().filter_map(Entry::file_name).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn new_names_are_never_given_over_old_ones_unless_asked() {
    let (folder, dir) = temp();
    write(&dir, "old", b"old");
    write(&dir, "new", b"new");
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(dir.link_new("new", "old").unwrap(), Placed::NameTaken);
    assert_eq!(dir.rename_new("new", "old").unwrap(), Placed::NameTaken);
    assert_eq!(read("old"), b"old");
    assert_eq!(dir.link_new("new", "second").unwrap(), Placed::Done);
    assert_eq!(dir.identity_of("new").unwrap(), dir.identity_of("second").unwrap());
    assert_ne!(dir.identity_of("new").unwrap(), dir.identity_of("old").unwrap());
    assert_eq!(dir.rename_new("second", "third").unwrap(), Placed::Done);
    dir.rename("third", "old").unwrap();
    assert_eq!(read("old"), b"new");
    assert!(is_not_found(&dir.rename("third", "fourth").unwrap_err()));
    assert_eq!(dir.create_file("old").unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(read("old"), b"new");
}

#[test]
fn removing_can_be_repeated_and_spares_what_links_lead_to() {
    let (folder, dir) = temp();
    write(&dir, "x", b"");
    dir.unlink("x").unwrap();
    dir.unlink("x").unwrap();
    let spared = dir.create_child("spared").unwrap();
    write(&spared, "x", b"");
    let tree = dir.create_child("tree").unwrap();
    write(&tree.create_child("deep").unwrap(), "y", b"");
    symlink(spared.path(), folder.path().join("tree/link")).unwrap();
    tree.remove_tree().unwrap();
    tree.remove_tree().unwrap();
    assert!(!dir.exists("tree").unwrap());
    assert!(spared.exists("x").unwrap());
    assert_eq!(dir.unlink("spared").unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_refused_operation_does_not_happen_and_names_its_file() {
    let (folder, clean) = temp();
    write(&clean, "x", b"");
    let operations: [(&str, &str, Operation); 9] = [
        ("list", "", |dir| dir.list().map(drop)),
        ("look", "x", |dir| dir.exists("x").map(drop)),
        ("create-file", "y", |dir| dir.create_file("y").map(drop)),
        ("open-file", "x", |dir| dir.open_file("x").map(drop)),
        ("rename", "x", |dir| dir.rename("x", "y")),
        ("rename-new", "x", |dir| dir.rename_new("x", "y").map(drop)),
        ("link", "x", |dir| dir.link_new("x", "y").map(drop)),
        ("unlink", "x", |dir| dir.unlink("x")),
        ("sync-dir", "", Dir::sync),
    ];
    for (word, name, operation) in operations {
        let faults = Faults::on(word, broken);
        let error = operation(&Dir::open(folder.path(), faults.clone()).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{word}");
        assert_eq!(error.path(), Some(&*folder.path().join(name)).map(|p| p.components().as_path()), "{word}");
        let done = faults.take().pop().unwrap();
        assert!(done.starts_with(word) && done.ends_with("failed"), "{done}");
        assert_eq!(clean.list().unwrap().len(), 1, "{word}");
    }
    // A signal is no failure.
    let interrupted =
        Faults::new(|n, _| if n % 2 == 0 { Verdict::Fail(io::ErrorKind::Interrupted.into()) } else { Verdict::Go });
    let dir = Dir::open(folder.path(), interrupted).unwrap();
    assert_eq!(dir.list().unwrap().len(), 1);
    dir.sync().unwrap();
    dir.open_file("x").unwrap();
}
