//! Damaged, truncated and hostile files: an error each time, never a panic, never a wrong answer.

use proptest::prelude::*;

use super::{samples, shard_layout};
use crate::error::{Error, ErrorKind};
use crate::format::bytes::{crc32, put, u32_in, u64_in};
use crate::format::fuzzing::{parse_commit, parse_manifest, parse_shard, parse_store_file};
use crate::format::{Access, ManifestLayout};

type Parse = fn(&[u8]) -> Result<(), Error>;

fn files() -> [(&'static str, Vec<u8>, Parse); 5] {
    [
        ("FORMAT", samples::store_file().encode().unwrap(), parse_store_file),
        ("commit", samples::commit().encode(samples::STORE).unwrap(), parse_commit),
        ("base", samples::base(), parse_manifest),
        ("delta", samples::delta(), parse_manifest),
        ("shard", samples::shard(), parse_shard),
    ]
}

#[test]
fn every_changed_byte_shows() {
    for (what, mut bytes, parse) in files() {
        parse(&bytes).unwrap();
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                bytes[at] ^= change;
                assert!(parse(&bytes).is_err(), "{what}: byte {at} changed by {change:#x}");
                bytes[at] ^= change;
            }
        }
    }
}

#[test]
fn every_truncation_and_every_appended_byte_shows() {
    for (what, mut bytes, parse) in files() {
        for len in 0..bytes.len() {
            let error = parse(&bytes[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {len} bytes: {error}");
        }
        bytes.push(0);
        assert_eq!(parse(&bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{what}: one byte more");
    }
}

/// Makes every checksum of a file right again, as somebody would who means harm; garbage is left as it is.
fn reseal(file: &mut [u8]) {
    let len = file.len();
    if len < 128 {
        return;
    }
    let header_crc = crc32(&file[..60]);
    put(file, 60..64, &header_crc.to_le_bytes());
    if u32_in(file, 8..12) == 4 && len > 4096 {
        let crc = crc32(&file[..68]);
        put(file, 68..72, &crc.to_le_bytes());
    }
    let footer = len - 64;
    let table = usize::try_from(u64_in(file, footer..footer + 8)).unwrap_or(len).min(footer);
    for row in (table..footer).step_by(32).filter(|row| row + 32 <= footer) {
        let offset = usize::try_from(u64_in(file, row + 8..row + 16)).unwrap_or(len).min(footer);
        let end = offset.saturating_add(usize::try_from(u64_in(file, row + 16..row + 24)).unwrap_or(len)).min(footer);
        if &file[row..row + 8] == b"BLOCKSUM" {
            let block_bytes = if u32_in(file, 8..12) == 4 { 256 << 10 } else { 16 << 10 };
            let sums: Vec<u8> =
                file[..offset].chunks(block_bytes).flat_map(|block| crc32(block).to_le_bytes()).collect();
            let sums = &sums[..sums.len().min(end.saturating_sub(offset))];
            put(file, offset..offset + sums.len(), sums);
        }
        if u32_in(file, row + 28..row + 32) & 2 == 0 {
            let crc = file.get(offset..end).map_or(0, crc32);
            put(file, row + 24..row + 28, &crc.to_le_bytes());
        }
    }
    let header_crc: [u8; 4] = file[60..64].try_into().unwrap();
    put(file, footer + 44..footer + 48, &header_crc);
    let table_crc = crc32(&file[table..footer]);
    put(file, footer + 48..footer + 52, &table_crc.to_le_bytes());
    let footer_crc = crc32(&file[footer..footer + 60]);
    put(file, footer + 60..footer + 64, &footer_crc.to_le_bytes());
}

#[test]
fn resealing_a_sound_file_changes_nothing() {
    for (what, bytes, _) in files() {
        let mut resealed = bytes.clone();
        reseal(&mut resealed);
        assert!(resealed == bytes, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_answered(mut bytes in prop::collection::vec(any::<u8>(), 0..400), ours: bool) {
        if ours {
            let magic = *b"\x89VKP\r\n\x1a\n";
            bytes.splice(..bytes.len().min(8), magic);
            reseal(&mut bytes);
        }
        for (_, _, parse) in files() {
            prop_assert!(parse(&bytes).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The checksums say nothing here: everything rests on the checks of structure and meaning.
    #[test]
    fn hostile_files_with_right_checksums_are_answered(
        which in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        edge: bool,
    ) {
        let (_, mut bytes, parse) = files().into_iter().nth(which).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            // Whole numbers at their edges find more than single bytes do.
            if edge && at + 8 <= bytes.len() {
                let number = [0, 1, u64::from(value), u64::MAX, u64::MAX >> 1, 1 << 32][usize::from(value % 6)];
                put(&mut bytes, at / 8 * 8..at / 8 * 8 + 8, &number.to_le_bytes());
            } else {
                bytes[at] = value;
            }
        }
        reseal(&mut bytes);
        if let Err(error) = parse(&bytes) {
            prop_assert!(matches!(
                error.kind(),
                ErrorKind::Corrupt | ErrorKind::UnsupportedFormat | ErrorKind::NotAStore
            ));
        }
    }
}

/// The base, changed by `change`, with right checksums.
fn hostile_base(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = samples::base();
    change(&mut bytes);
    reseal(&mut bytes);
    bytes
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    put(bytes, at..at + to.len(), to);
}

#[test]
fn names_out_of_order_or_twice_are_found() {
    for (from, to) in
        [(&b"emb/part_0emb/part_1"[..], &b"emb/part_1emb/part_0"[..]), (b"emb/part_0emb", b"emb/part_1emb")]
    {
        let bytes = hostile_base(|bytes| replace(bytes, from, to));
        let error = parse_manifest(&bytes).unwrap_err();
        assert!(error.to_string().contains("does not follow"), "{error}");
    }
}

#[test]
fn one_bad_entry_leaves_the_others_readable() {
    // The ordinal, dtype and declared shape of `encoder/w`; dtype 200 is nobody's yet.
    let from = b"\x01\0\0\0\0\0\0\0\x0b\x01\x02\0\0\0\0\0\0\0";
    let bytes = hostile_base(|bytes| replace(bytes, from, b"\x01\0\0\0\0\0\0\0\xc8\x01\x02\0\0\0\0\0\0\0"));
    let layout = ManifestLayout::parse(&bytes, samples::STORE, Access::Read).unwrap();
    let bad = layout.find(&bytes, "encoder/w").unwrap().unwrap();
    let error = layout.entry_at(&bytes, bad).unwrap_err();
    assert_eq!((error.kind(), error.variable()), (ErrorKind::UnsupportedFormat, Some("encoder/w")));
    assert!(error.to_string().contains("dtype 200"), "{error}");
    let readable = layout.entries(&bytes).flatten().count() as u64;
    assert_eq!(readable, layout.len() - 1);
}

#[test]
fn a_manifest_or_shard_in_the_place_of_another_is_noticed() {
    let delta = samples::delta();
    let base = samples::base();
    let parse = |bytes: &[u8]| ManifestLayout::parse(bytes, samples::STORE, Access::Read).unwrap();
    assert!(parse(&base).check_is(&parse(&delta).reference()).is_err());
    let layout = shard_layout(&samples::shard(), samples::STORE).unwrap();
    assert!(layout.check_is(&samples::SHARD).is_err());
    // The header of one file before the end of another.
    let mut mixed = base;
    mixed[..64].copy_from_slice(&delta[..64]);
    assert!(parse_manifest(&mixed).unwrap_err().to_string().contains("another file"));
}

#[test]
fn sections_to_come_are_skipped_unless_they_must_be_understood() {
    let with = |flags: u32| {
        let mut bytes = samples::commit().encode(samples::STORE).unwrap();
        // The metadata under a name of a later version.
        let at = bytes.windows(8).rposition(|window| window == b"RETAIN  ").unwrap();
        put(&mut bytes, at..at + 8, b"LATER   ");
        put(&mut bytes, at + 28..at + 32, &flags.to_le_bytes());
        reseal(&mut bytes);
        parse_commit(&bytes).unwrap_err()
    };
    // Skipped, and then missed under the name this version needs.
    assert!(with(0).to_string().contains("no section RETAIN"), "{}", with(0));
    assert_eq!(with(1).kind(), ErrorKind::UnsupportedFormat);
    assert!(with(1).to_string().contains("section LATER"), "{}", with(1));
    assert_eq!(with(4).kind(), ErrorKind::UnsupportedFormat);
}
