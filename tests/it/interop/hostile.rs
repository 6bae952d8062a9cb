//! Bad files of other formats: a clear error that names the file, never a panic, never more memory than they are worth.

use std::fs;
use std::path::Path;

use varkeep::ErrorKind;
use varkeep::interop::{self, Format, Source};

use super::fixtures::{all, folder};

/// Reads everything.
fn read(source: &dyn Source) -> varkeep::Result<()> {
    for i in 0..source.variables().len() {
        source.tensor(i)?;
        for piece in 0..source.variables()[i].pieces.len() {
            let mut bytes = vec![0; source.len_bytes(i, piece)? as usize];
            source.stream(i, piece)?.fill(&mut bytes)?;
        }
    }
    Ok(())
}

#[test]
fn what_the_official_reader_refuses_is_refused() {
    let invalid = folder().join("safetensors/invalid");
    let mut seen = 0;
    for entry in fs::read_dir(invalid).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let opened = interop::open(&path);
        if name == "leading_space_header.safetensors" {
            assert!(opened.unwrap().variables().is_empty());
            continue;
        }
        let error = opened.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::ShapeTooLarge), "{name}: {error}");
        assert_eq!(error.path(), Some(&*path), "{name}: {error}");
        seen += 1;
    }
    assert_eq!(seen, 19);
}

/// Any byte of a TensorFlow checkpoint or of a zip that is changed shows: all of them have checksums.
#[test]
fn a_changed_byte_shows_or_changes_nothing() {
    let copies = tempfile::tempdir().unwrap();
    for (path, _) in all() {
        let source = interop::open(&path).unwrap();
        let (files, places) = (source.files(), if source.variables().len() > 100 { 8 } else { 100 });
        let has_checksums = Format::detect(&path).unwrap() == Some(Format::TensorFlow);
        for file in files {
            let original = fs::read(&file).unwrap();
            let step = 1 + original.len() / places;
            for at in (0..original.len()).step_by(step) {
                let mut bytes = original.clone();
                bytes[at] ^= 1 << (at % 8);
                let of_set = copied_with(&path, &file, &bytes, copies.path());
                let opened = interop::open(&of_set).and_then(|source| read(&*source));
                let is_padding =
                    has_checksums && file.extension().is_some_and(|e| e == "index") && at + 48 > original.len();
                if has_checksums && !is_padding {
                    assert!(opened.is_err(), "{} byte {at}", file.display());
                }
                if let Err(error) = opened {
                    assert!(!error.what().is_empty());
                }
            }
        }
    }
}

/// A copy of a checkpoint in which one file is replaced; what to open it by.
fn copied_with(path: &Path, file: &Path, bytes: &[u8], to: &Path) -> std::path::PathBuf {
    for sibling in fs::read_dir(path.parent().unwrap()).unwrap() {
        let sibling = sibling.unwrap().path();
        let stem = path.file_name().unwrap().to_str().unwrap();
        if sibling.is_file() && sibling.file_name().unwrap().to_str().unwrap().starts_with(stem) {
            fs::copy(&sibling, to.join(sibling.file_name().unwrap())).unwrap();
        }
    }
    fs::write(to.join(file.file_name().unwrap()), bytes).unwrap();
    to.join(path.file_name().unwrap())
}

#[test]
fn files_that_are_cut_off_are_refused() {
    let copies = tempfile::tempdir().unwrap();
    for (path, _) in all() {
        let source = interop::open(&path).unwrap();
        let places = if source.variables().len() > 100 { 4 } else { 40 };
        for file in source.files() {
            let original = fs::read(&file).unwrap();
            for len in (0..original.len()).step_by(1 + original.len() / places) {
                let of_set = copied_with(&path, &file, &original[..len], copies.path());
                let opened = interop::open(&of_set).and_then(|source| read(&*source));
                assert!(opened.is_err(), "{} cut to {len} bytes", file.display());
            }
        }
    }
}

#[test]
fn a_missing_data_file_is_named() {
    let copies = tempfile::tempdir().unwrap();
    let prefix = folder().join("tf/sharded/model");
    let copy = copied_with(
        &prefix,
        &prefix.with_file_name("model.index"),
        &fs::read(prefix.with_file_name("model.index")).unwrap(),
        copies.path(),
    );
    fs::remove_file(copies.path().join("model.data-00001-of-00003")).unwrap();
    let error = interop::open(&copy).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RestoreNoCheckpoint);
    assert!(error.path().unwrap().ends_with("model.data-00001-of-00003"), "{error}");
}
