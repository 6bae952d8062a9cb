use std::sync::Arc;

use super::*;
use crate::io::faults::{Faults, broken, is};
use crate::io::tap::{NoTap, Tap, Verdict};

const NAME: &str = "7.commit";

fn dir(folder: &tempfile::TempDir, tap: Arc<dyn Tap>) -> Dir {
    Dir::open(folder.path(), tap).unwrap()
}

fn held(folder: &tempfile::TempDir) -> Option<Vec<u8>> {
    std::fs::read(folder.path().join(NAME)).ok()
}

/// The names that are not final.
fn orphans(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = dir(folder, NoTap::shared()).list().unwrap();
    entries.iter().filter_map(|e| e.file_name()).filter(|n| *n != NAME).map(str::to_owned).collect()
}

#[test]
fn the_order_is_write_sync_name_sync() {
    for (how, naming) in [(How::NoReplace, &["link", "unlink"][..]), (How::Replace, &["rename"])] {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::none();
        let dir = dir(&folder, faults.clone());
        faults.take();
        publish_bytes(&dir, NAME, b"new", how).unwrap();
        let done = faults.take();
        let done: Vec<_> = done.iter().map(|op| op.split(' ').next().unwrap()).collect();
        let expected = [&["create-file", "write", "sync-file", "look"], naming, &["sync-dir"]].concat();
        assert_eq!(done, expected);
        assert_eq!(held(&folder).unwrap(), b"new");
        assert_eq!(orphans(&folder), [""; 0]);
    }
}

#[test]
fn a_name_that_is_taken_stays_as_it_is_or_is_replaced_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let dir = dir(&folder, NoTap::shared());
    publish_bytes(&dir, NAME, b"one", How::NoReplace).unwrap();
    let taken = publish_bytes(&dir, NAME, b"two", How::NoReplace);
    assert!(matches!(taken, Err(PublishError::NameTaken)), "{taken:?}");
    assert_eq!(held(&folder).unwrap(), b"one");
    publish_bytes(&dir, NAME, b"three", How::Replace).unwrap();
    assert_eq!(held(&folder).unwrap(), b"three");
    publish_bytes(&dir, "empty", b"", How::NoReplace).unwrap();
    assert_eq!(orphans(&folder), ["empty"]);
}

/// Breaks each operation in turn: what the answer says must be what the folder holds.
#[test]
fn a_fault_at_any_operation_is_reported_as_what_it_left() {
    for how in [How::NoReplace, How::Replace] {
        let mut answers = Vec::new();
        // The first operation opens the folder.
        for number in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let faults = Faults::at(number);
            let answer = publish_bytes(&dir(&folder, faults.clone()), NAME, b"new", how);
            let broke = faults.take().into_iter().find(|op| op.ends_with("failed"));
            let Some(broke) = broke else {
                assert!(answer.is_ok());
                break;
            };
            let what = match &answer {
                Ok(()) => "ok",
                Err(PublishError::Before(_)) => "before",
                Err(PublishError::Unknown(_)) => "unknown",
                Err(PublishError::NameTaken) => "taken",
            };
            assert_eq!(held(&folder).is_some(), what != "before", "{broke}");
            assert!(orphans(&folder).iter().all(|name| is_temp_name(name)));
            assert_eq!(orphans(&folder).len(), usize::from(broke.starts_with("unlink")), "{broke}");
            answers.push(format!("{} {what}", broke.split(' ').next().unwrap()));
        }
        let naming: &[_] = if how == How::Replace { &["rename before"] } else { &["link before", "unlink ok"] };
        let before = ["create-file before", "write before", "sync-file before", "look before"];
        assert_eq!(answers, [&before, naming, &["sync-dir unknown"]].concat());
    }
}

#[test]
fn where_nothing_can_be_cleaned_up_an_orphan_with_a_telling_name_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::new(|_, op| match op {
        _ if is(op, "sync-file") || is(op, "unlink") => Verdict::Fail(broken()),
        _ => Verdict::Go,
    });
    let answer = publish_bytes(&dir(&folder, faults), NAME, b"new", How::NoReplace);
    assert!(matches!(answer, Err(PublishError::Before(_))));
    assert!(matches!(&orphans(&folder)[..], [name] if is_temp_name(name)));
}

#[test]
fn without_links_the_file_is_renamed_and_still_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let no_links = || Faults::on("link", || rustix::io::Errno::PERM.into());
    publish_bytes(&dir(&folder, no_links()), NAME, b"one", How::NoReplace).unwrap();
    let taken = publish_bytes(&dir(&folder, no_links()), NAME, b"two", How::NoReplace);
    assert!(matches!(taken, Err(PublishError::NameTaken)), "{taken:?}");
    assert_eq!(held(&folder).unwrap(), b"one");
    assert_eq!(orphans(&folder), [""; 0]);
}

/// A network file system that does as it is told and then says it failed: the operation happens, then fails.
#[test]
fn a_lost_answer_is_found_out_by_looking() {
    for (how, word) in [(How::NoReplace, "link"), (How::Replace, "rename")] {
        for blind in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let looks = std::sync::atomic::AtomicUsize::new(0);
            let faults = Faults::new(move |_, op| {
                let looked = is(op, "look") && looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0;
                match op {
                    _ if is(op, word) => Verdict::Short { bytes: 0, then: Some(broken()) },
                    _ if blind && looked => Verdict::Fail(broken()),
                    _ => Verdict::Go,
                }
            });
            let answer = publish_bytes(&dir(&folder, faults), NAME, b"new", how);
            assert!(if blind { matches!(answer, Err(PublishError::Unknown(_))) } else { answer.is_ok() }, "{answer:?}");
            assert_eq!(held(&folder).unwrap(), b"new");
        }
    }
}

#[test]
fn only_names_we_make_are_taken_for_temporary() {
    assert!(is_temp_name("7.commit.tmp-0123456789abcdef"));
    for other in
        ["7.commit", ".tmp-0123456789abcdef", "a.tmp-0123", "a.tmp-0123456789abcdeF", "a.tmp-0123456789abcdef.b"]
    {
        assert!(!is_temp_name(other), "{other}");
    }
}
