use super::*;
use crate::error::ErrorKind;
use crate::io::Dir;
use crate::io::faults::{Faults, broken, is};
use crate::io::is_disk_full;
use crate::io::tap::Verdict;

fn temp(faults: Arc<Faults>) -> (tempfile::TempDir, NewFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = Dir::open(folder.path(), faults).unwrap().create_file("x").unwrap();
    (folder, file)
}

fn held(folder: &tempfile::TempDir) -> Vec<u8> {
    std::fs::read(folder.path().join("x")).unwrap()
}

#[test]
fn writes_go_on_one_after_the_other_and_anywhere() {
    let (folder, mut file) = temp(Faults::none());
    file.write_all(b"one").unwrap();
    file.write_all(b"two").unwrap();
    file.write_all_at(b"far", 8).unwrap();
    assert_eq!((file.position, file.len().unwrap()), (6, 11));
    file.write_all(b"").unwrap();
    file.set_len(10).unwrap();
    file.sync_data().unwrap();
    drop(file);
    assert_eq!(held(&folder), b"onetwo\0\0fa");
}

#[test]
fn reserved_room_counts_until_the_file_is_cut() {
    let (folder, file) = temp(Faults::none());
    file.preallocate(0, 1 << 16).unwrap();
    file.preallocate(1 << 16, 0).unwrap();
    file.write_all_at(b"abc", 0).unwrap();
    file.set_len(3).unwrap();
    assert_eq!(held(&folder), b"abc");
    file.discard();
    assert!(!folder.path().join("x").exists());
}

#[test]
fn room_that_cannot_be_reserved_is_no_matter_but_a_full_disk_is() {
    let (_folder, file) = temp(Faults::on("preallocate", || Errno::OPNOTSUPP.into()));
    file.preallocate(0, 4096).unwrap();
    assert_eq!(file.len().unwrap(), 0);
    let (_folder, file) = temp(Faults::on("preallocate", || Errno::NOSPC.into()));
    let error = file.preallocate(0, 4096).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && is_disk_full(&error));
}

#[test]
fn short_writes_and_signals_are_taken_up_where_they_stopped() {
    let faults = Faults::new(|n, op| match (is(op, "write"), n % 3) {
        (true, 0) => Verdict::Fail(io::ErrorKind::Interrupted.into()),
        (true, 1) => Verdict::Short { bytes: 2, then: None },
        _ => Verdict::Go,
    });
    let (folder, mut file) = temp(faults.clone());
    file.write_all(b"abc").unwrap();
    file.write_all(b"defgh").unwrap();
    assert_eq!(held(&folder), b"abcdefgh");
    let writes: Vec<_> = faults.take().into_iter().filter(|op| op.starts_with("write")).collect();
    assert_eq!(writes, ["write 3@0 x ok", "write 5@3 x failed", "write 5@3 x ok", "write 3@5 x ok"]);
}

#[test]
fn a_broken_write_says_where_and_leaves_what_came_before() {
    let faults = Faults::new(|_, op| match op {
        Op::Write { offset: 3, .. } => Verdict::Short { bytes: 2, then: Some(broken()) },
        _ => Verdict::Go,
    });
    let (folder, mut file) = temp(faults);
    file.write_all(b"abc").unwrap();
    let error = file.write_all(b"defg").unwrap_err();
    assert_eq!((error.kind(), error.offset_bytes(), file.position), (ErrorKind::Io, Some(3), 3));
    assert_eq!(held(&folder), b"abcde");
    let (folder, mut file) = temp(Faults::new(|_, op| match op {
        Op::Write { .. } => Verdict::Short { bytes: 0, then: None },
        _ => Verdict::Go,
    }));
    assert_eq!(file.write_all(b"abc").unwrap_err().kind(), ErrorKind::Io);
    // Dropped unfinished: it stays, an orphan.
    drop(file);
    assert_eq!(held(&folder), b"");
}

#[test]
fn a_failed_sync_or_cut_is_an_error() {
    let (_folder, file) = temp(Faults::on("sync-file", broken));
    assert_eq!(file.sync_data().unwrap_err().what(), "cannot make the file durable");
    let (_folder, file) = temp(Faults::on("set-len", broken));
    assert_eq!(file.set_len(1).unwrap_err().kind(), ErrorKind::Io);
}
