//! What a fuzzer drives: any bytes as a file of another format, everything in it read in every way.

#![cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "public where a fuzzer is built"))]

use std::fs;
#[cfg(test)]
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::error::Result;
use crate::interop::{Format, Source, format};

/// Values beyond this are not read: a file may well describe what memory cannot hold.
const READ_BYTES_MAX: u64 = 1 << 20;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("there is a folder for temporary files"));

/// Reads bytes as a file of the kind that the number says: safetensors, the index of a set, a TensorFlow checkpoint
/// (two bytes that say how long the index is, the index, the data), the file `checkpoint`, an `.npz`, an `.npy`.
pub fn read_foreign(kind: u8, bytes: &[u8]) {
    let put = |name: &str, bytes: &[u8]| {
        let path = FOLDER.path().join(name);
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    };
    let opened = match kind % 6 {
        0 => format::open_as(Format::SafeTensors, put("x.safetensors", bytes)),
        1 => format::open(put("model.safetensors.index.json", bytes)),
        2 => {
            let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return };
            let (index, data) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
            put("model.data-00000-of-00001", data);
            put("model.index", index);
            format::open_as(Format::TensorFlow, FOLDER.path().join("model"))
        }
        3 => format::open(put("checkpoint", bytes)),
        4 => format::open_as(Format::Npz, put("x.npz", bytes)),
        _ => format::open_as(Format::Npy, put("x.npy", bytes)),
    };
    // Errors are answers.
    if let Ok(source) = opened {
        for variable in 0..source.variables().len() {
            drop(read(&*source, variable));
        }
    }
}

/// Reads a value whole, in a stream and by range: all agree.
fn read(source: &dyn Source, variable: usize) -> Result<()> {
    let held = &source.variables()[variable];
    assert_eq!(source.index_of(&held.name), Some(variable));
    for piece in 0..held.pieces.len() {
        if held.len_bytes().is_some_and(|len| len > READ_BYTES_MAX)
            || source.len_bytes(variable, piece)? > READ_BYTES_MAX
        {
            return Ok(());
        }
    }
    let whole = source.tensor(variable)?;
    for piece in 0..held.pieces.len() {
        let mut bytes = vec![0; source.len_bytes(variable, piece)? as usize];
        let mut stream = source.stream(variable, piece)?;
        bytes.chunks_mut(1000).try_for_each(|part| stream.fill(part))?;
        if held.pieces.len() == 1 {
            assert_eq!(bytes, whole.bytes());
        }
    }
    if held.dtype.element_bytes().is_some() {
        let middle = whole.bytes().len() / 2;
        let mut half = vec![0; whole.bytes().len() - middle];
        source.read_into(variable, middle as u64, &mut half)?;
        assert_eq!(half, whole.bytes()[middle..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The seeds of the fuzzer, a kind and a file each.
    fn seeds() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/foreign");
        let seeds = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let mut seeds: Vec<Vec<u8>> = seeds.collect();
        assert!(seeds.len() >= 10);
        seeds.sort();
        seeds
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// A few minutes of what the fuzzer does for hours, on every run of the tests.
        #[test]
        fn damaged_files_are_refused_or_read(
            seed in prop::sample::select(seeds()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..4), 0..6),
        ) {
            let mut bytes = seed;
            for (at, byte, cut) in edits {
                let at = 1 + at.index(bytes.len() - 1);
                match cut {
                    0 => bytes.truncate(at.max(2)),
                    1 => bytes.insert(at, byte),
                    _ => bytes[at] = byte,
                }
            }
            read_foreign(bytes[0], &bytes[1..]);
        }
    }
}
