use super::*;
use crate::io::Dir;
use crate::io::faults::{Faults, broken, is};
use crate::io::tap::{NoTap, Tap, Verdict};

const MIB: usize = 1 << 20;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// Writes `content` in parts of `part` bytes.
fn write(folder: &tempfile::TempDir, tap: Arc<dyn Tap>, content: &[u8], part: usize) -> Result<NewFile> {
    let file = Dir::open(folder.path(), tap).unwrap().create_file("x")?;
    let mut writer = StreamWriter::new(file, &Arc::default());
    for part in content.chunks(part) {
        if let Err(error) = writer.append(part) {
            writer.discard();
            return Err(error);
        }
    }
    assert_eq!(writer.len(), content.len() as u64);
    writer.finish()
}

#[test]
fn any_length_in_any_parts_is_what_the_file_holds() {
    for (len, part) in [(0, 1), (1, 1), (4095, 4000), (4096, 5000), (4 * MIB, 4 * MIB), (9 * MIB + 5, 300_001)] {
        let folder = tempfile::tempdir().unwrap();
        let content = bytes(len);
        drop(write(&folder, NoTap::shared(), &content, part).unwrap());
        assert!(std::fs::read(folder.path().join("x")).unwrap() == content, "{len} bytes in parts of {part}");
    }
}

#[test]
fn a_file_system_without_direct_writes_gets_ordinary_ones() {
    let folder = tempfile::tempdir().unwrap();
    let content = bytes(5 * MIB + 1);
    // A write that is cut short goes on in the midst of a page, which no direct write may.
    let short = Faults::new(|_, op| match op {
        op if is(op, "write") => Verdict::Short { bytes: 100_001, then: None },
        _ => Verdict::Go,
    });
    drop(write(&folder, short, &content, MIB).unwrap());
    assert!(std::fs::read(folder.path().join("x")).unwrap() == content);
}

#[test]
fn an_error_in_any_piece_reaches_the_caller_and_leaves_no_file() {
    let content = bytes(13 * MIB);
    let operations = {
        let (folder, faults) = (tempfile::tempdir().unwrap(), Faults::none());
        drop(write(&folder, faults.clone(), &content, MIB).unwrap());
        faults.take().len()
    };
    assert!(operations > 6);
    // The first two open the folder and make the file.
    for number in 2..operations {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder, Faults::at(number), &content, MIB).unwrap_err();
        assert!(error.to_string().contains('x'), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "operation {number}");
    }
}

#[test]
fn a_full_disk_shows_only_where_bytes_really_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let no_room = Faults::on("preallocate", || std::io::ErrorKind::StorageFull.into());
    drop(write(&folder, no_room, &bytes(5 * MIB), MIB).unwrap());
    let folder = tempfile::tempdir().unwrap();
    assert!(write(&folder, Faults::on("preallocate", broken), &bytes(5 * MIB), MIB).is_err());
}
