use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::io::faults::{Faults, broken};
use crate::io::tap::NoTap;

/// Tells the test binary, started again, which folder to lock.
const CHILD_FOLDER: &str = "VARKEEP_TEST_LOCK_FOLDER";

fn temp() -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::open(folder.path(), NoTap::shared()).unwrap();
    (folder, dir)
}

fn refusal(dir: &Dir) -> String {
    let error = FolderLock::acquire(dir).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreInUse, "{error}");
    error.to_string()
}

#[test]
fn a_second_handle_in_this_process_is_refused_until_the_first_is_dropped() {
    let (folder, dir) = temp();
    let lock = FolderLock::acquire(&dir).unwrap();
    assert!(refusal(&dir).contains("in this process"));
    // Under another path too.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    assert!(refusal(&Dir::open(link, NoTap::shared()).unwrap()).contains("in this process"));
    let note = std::fs::read_to_string(folder.path().join(NOTE)).unwrap();
    assert_eq!(parse_note(&note).unwrap().process, process_id());
    drop(lock);
    assert!(!dir.exists(NOTE).unwrap());
    drop(FolderLock::acquire(&dir).unwrap());
}

#[test]
fn the_lock_ends_though_a_process_just_forked_still_has_the_folder_open() {
    let (_folder, dir) = temp();
    let lock = FolderLock::acquire(&dir).unwrap();
    // What the child of a fork holds until it becomes another program.
    let inherited = lock.folder.try_clone().unwrap();
    drop(lock);
    drop(FolderLock::acquire(&dir).unwrap());
    drop(inherited);
}

#[test]
fn another_process_is_named_and_its_end_frees_the_folder() {
    for killed in [false, true] {
        let (_folder, dir) = temp();
        let (mut child, _output) = locking_child(&dir);
        let text = refusal(&dir);
        assert!(text.contains(&format!("in use by process {} (varkeep", child.id())), "{text}");
        // Without its note it still holds the lock.
        let note = std::fs::read(dir.join(NOTE)).unwrap();
        dir.unlink(NOTE).unwrap();
        assert!(refusal(&dir).contains("in use by another process"));
        std::fs::write(dir.join(NOTE), note).unwrap();
        if killed {
            child.kill().unwrap();
        } else {
            child.stdin.take().unwrap().write_all(b"\n").unwrap();
        }
        child.wait().unwrap();
        assert_eq!(dir.exists(NOTE).unwrap(), killed, "a clean end takes the note along");
        let lock = FolderLock::acquire(&dir).unwrap();
        assert_eq!(read_note(&dir).unwrap().process, process_id());
        drop(lock);
    }
}

/// This test binary again, running only the test below, once it holds the lock.
fn locking_child(dir: &Dir) -> (Child, impl BufRead) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["io::lock::tests::in_a_child_the_folder_is_locked", "--exact", "--nocapture"])
        .env(CHILD_FOLDER, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert!(
        output.by_ref().lines().map_while(Result::ok).any(|line| line.ends_with("it is locked")),
        "it locked nothing"
    );
    (child, output)
}

/// Does nothing unless started by the test above: then it locks and waits for a line.
#[test]
fn in_a_child_the_folder_is_locked() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let lock = FolderLock::acquire(&Dir::open(folder, NoTap::shared()).unwrap()).unwrap();
    println!("it is locked");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    drop(lock);
}

#[test]
fn a_note_is_advice_and_may_fail_or_lie() {
    let (folder, dir) = temp();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join(NOTE)).unwrap();
    assert_eq!(read_note(&dir), None);
    drop(FolderLock::acquire(&dir).unwrap());
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "untouched");
    drop(FolderLock::acquire(&Dir::open(folder.path(), Faults::on("create-file", broken)).unwrap()).unwrap());
    for (text, expected) in [
        ("", None),
        ("process x", None),
        ("process 12", Some((12, ""))),
        ("process 12\nprogram a\u{1b}[31mb\n", Some((12, "a[31mb"))),
    ] {
        let expected = expected.map(|(process, program)| Holder { process, program: program.to_owned() });
        assert_eq!(parse_note(text), expected);
    }
}

#[test]
fn a_lock_that_fails_leaves_the_folder_free() {
    let (folder, dir) = temp();
    let broken = Dir::open(folder.path(), Faults::on("lock", broken)).unwrap();
    assert_eq!(FolderLock::acquire(&broken).unwrap_err().kind(), ErrorKind::Io);
    drop(FolderLock::acquire(&dir).unwrap());
}
