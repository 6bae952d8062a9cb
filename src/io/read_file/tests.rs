use std::os::unix::fs::symlink;

use super::*;
use crate::error::ErrorKind;
use crate::io::Dir;
use crate::io::faults::{Faults, broken, is, make_pipe};
use crate::io::tap::{NoTap, Verdict};

fn temp(bytes: &[u8], tap: Arc<dyn Tap>) -> (tempfile::TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), bytes).unwrap();
    let dir = Dir::open(folder.path(), tap).unwrap();
    (folder, dir)
}

#[test]
fn bytes_are_read_from_anywhere_and_a_short_file_is_damage() {
    let (_folder, dir) = temp(b"0123456789", NoTap::shared());
    let file = dir.open_file("x").unwrap();
    let mut buffer = [0; 4];
    file.read_exact_at(&mut buffer, 6).unwrap();
    assert_eq!((&buffer, file.len()), (b"6789", 10));
    file.read_exact_at(&mut [], 99).unwrap();
    for offset in [8, 10, 1 << 40_u64] {
        let error = file.read_exact_at(&mut buffer, offset).unwrap_err();
        assert_eq!((error.kind(), error.offset_bytes()), (ErrorKind::Corrupt, Some(offset)));
        assert!(error.what().contains("ends at byte 10, where 4 bytes"), "{error}");
    }
    // No file reaches there; the system says so.
    assert_eq!(file.read_exact_at(&mut buffer, u64::MAX).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn what_is_no_plain_file_is_refused_without_waiting_for_it() {
    let (folder, dir) = temp(b"", NoTap::shared());
    symlink(folder.path().join("x"), folder.path().join("link")).unwrap();
    symlink(folder.path().join("none"), folder.path().join("dangling")).unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    dir.create_child("folder").unwrap();
    for name in ["link", "dangling", "pipe", "socket", "folder"] {
        let error = dir.open_file(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
        assert_eq!(error.path(), Some(&*folder.path().join(name)));
    }
    assert!(dir.find_file("none").unwrap().is_none());
    assert!(dir.find_file("x").unwrap().is_some());
    assert!(dir.find_file("link").is_err());
}

#[test]
fn mapped_and_loaded_are_the_same_bytes_and_outlive_the_name() {
    for len in [0, 1, 4096, 70_001_u32] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let (folder, dir) = temp(&bytes, NoTap::shared());
        let file = dir.open_file("x").unwrap();
        let (mapped, loaded) = (file.map().unwrap(), file.load().unwrap());
        drop(file);
        dir.unlink("x").unwrap();
        drop(folder);
        assert_eq!((&mapped[..], &loaded[..]), (&bytes[..], &bytes[..]));
        assert_eq!(loaded.as_ptr().align_offset(ALIGNMENT), 0);
    }
}

#[test]
fn loading_takes_up_short_reads_and_notices_a_file_cut_meanwhile() {
    let bytes: Vec<u8> = (0..1000_u16).map(|i| (i % 251) as u8).collect();
    let choppy = Faults::new(|n, op| match (is(op, "read"), n % 3) {
        (true, 0) => Verdict::Short { bytes: 5, then: Some(io::ErrorKind::Interrupted.into()) },
        (true, 1) => Verdict::Short { bytes: 300, then: None },
        _ => Verdict::Go,
    });
    let (folder, dir) = temp(&bytes, choppy);
    let file = dir.open_file("x").unwrap();
    assert_eq!(file.load().unwrap()[..], bytes);
    let mut buffer = [0; 999];
    file.read_exact_at(&mut buffer, 1).unwrap();
    assert_eq!(buffer, bytes[1..]);
    File::options().write(true).open(folder.path().join("x")).unwrap().set_len(400).unwrap();
    assert_eq!(file.load().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_file_larger_than_memory_is_an_error_not_an_abort() {
    let (_folder, dir) = temp(b"", NoTap::shared());
    for len in [u64::MAX, i64::MAX as u64] {
        let error = ReadFile { len, ..dir.open_file("x").unwrap() }.load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}

#[test]
fn a_disk_that_does_not_give_the_bytes_is_no_damage() {
    for word in ["read", "map"] {
        let (_folder, dir) = temp(b"abc", Faults::on(word, broken));
        let file = dir.open_file("x").unwrap();
        let error = if word == "map" { file.map().unwrap_err() } else { file.load().unwrap_err() };
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}
