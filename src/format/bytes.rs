//! Fixed-width fields and ranges, read and written without a cast and without a panic on foreign numbers.

use std::ops::Range;

/// The number of bytes of a u32.
const U32: usize = size_of::<u32>();
/// The number of bytes of a u64.
const U64: usize = size_of::<u64>();

/// Declares the fields of a fixed-width record, in a module of their names; they tile the record, or it does not compile.
macro_rules! record_layout {
    ($(#[$doc:meta])* $name:ident: $bytes:literal { $( $field:ident: $start:literal .. $end:literal, )+ }) => {
        $(#[$doc])*
        pub(in crate::format) mod $name {
            use std::ops::Range;

            /// The bytes of the whole record.
            pub(in crate::format) const BYTES: usize = $bytes;
            $( pub(in crate::format) const $field: Range<usize> = $start..$end; )+

            /// Every field, for the comparison with the documentation.
            #[cfg(test)]
            pub(in crate::format) const FIELDS: &[(&str, Range<usize>)] = &[$( (stringify!($field), $field), )+];

            const _: () = {
                let at = 0;
                $( assert!($start == at && $start < $end, "the fields of a record tile it"); let at = $end; )+
                assert!(at == BYTES, "the fields of a record fill it");
            };
        }
    };
}

/// The checksum of the format: CRC-32 as in zip and PNG.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Whether the bytes have this checksum. A fuzzer cannot guess checksums, so under fuzzing all do.
pub(super) fn is_sound(bytes: &[u8], crc: u32) -> bool {
    cfg!(fuzzing) || crc32(bytes) == crc
}

/// A length in memory, as files hold it.
pub(super) fn len_of(bytes: &[u8]) -> u64 {
    to_u64(bytes.len())
}

/// A count in memory, as files hold it.
pub(super) fn to_u64(count: usize) -> u64 {
    u64::try_from(count).expect("what is in memory is counted in at most 64 bits")
}

/// The part of the bytes that a range of a file names; `None` if it is not all there.
pub(super) fn part(bytes: &[u8], range: Range<u64>) -> Option<&[u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// The range of `len` bytes from `start`, if it does not leave 64 bits.
pub(super) fn range_of(start: u64, len: u64) -> Option<Range<u64>> {
    Some(start..start.checked_add(len)?)
}

/// The bytes of a field of a record that was cut to its full length before.
pub(super) fn bytes_in<const N: usize>(record: &[u8], field: Range<usize>) -> [u8; N] {
    record
        .get(field)
        .and_then(|bytes| bytes.try_into().ok())
        .expect("a record is cut to its full length before its fields are read")
}

/// The u32 in a field.
pub(super) fn u32_in(record: &[u8], field: Range<usize>) -> u32 {
    u32::from_le_bytes(bytes_in::<U32>(record, field))
}

/// The u64 in a field.
pub(super) fn u64_in(record: &[u8], field: Range<usize>) -> u64 {
    u64::from_le_bytes(bytes_in::<U64>(record, field))
}

/// Writes a field of a record; the value has the field's width.
pub(super) fn put(record: &mut [u8], field: Range<usize>, value: &[u8]) {
    record.get_mut(field).expect("a record has its full length before its fields are written").copy_from_slice(value);
}

/// Lengthens the bytes with zeros up to a multiple of `alignment`.
pub(super) fn pad(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}
