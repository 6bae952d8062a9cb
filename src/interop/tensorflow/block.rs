//! One block of the table: entries whose keys share prefixes.

use crate::limits::NAME_BYTES_MAX;

/// The longest key there is: a name with every byte escaped, and 32 axes with their headers.
pub(crate) const KEY_BYTES_MAX: usize = 2 * NAME_BYTES_MAX + 2 + 32 * 20 + 16;

const U32_BYTES: usize = 4;

/// Reads the entries of a block in order.
///
/// # Errors
/// What is wrong, in words, and at which byte of the block.
pub(crate) fn entries(contents: &[u8], mut each: impl FnMut(&[u8], &[u8]) -> Result<(), String>) -> Result<(), String> {
    let restarts_end = contents.len().checked_sub(U32_BYTES).ok_or("a block of the table is too short")?;
    let count = u32::from_le_bytes(contents[restarts_end..].try_into().expect("the range is four bytes long")) as usize;
    let end = count
        .checked_mul(U32_BYTES)
        .and_then(|len| restarts_end.checked_sub(len))
        .filter(|_| count > 0)
        .ok_or_else(|| format!("a block of the table says that it has {count} restarts, which do not fit in it"))?;
    let mut key = Vec::new();
    let mut rest = &contents[..end];
    while !rest.is_empty() {
        let at = end - rest.len();
        let cut = || format!("the entry at byte {at} of the block is cut off");
        let shared = varint(&mut rest).ok_or_else(cut)?;
        let unshared = varint(&mut rest).ok_or_else(cut)?;
        let value_len = varint(&mut rest).ok_or_else(cut)?;
        let shared = usize::try_from(shared).ok().filter(|shared| *shared <= key.len());
        let shared =
            shared.ok_or_else(|| format!("the entry at byte {at} of the block shares more than the key before"))?;
        let unshared = take(&mut rest, unshared).ok_or_else(cut)?;
        let value = take(&mut rest, value_len).ok_or_else(cut)?;
        if shared + unshared.len() > KEY_BYTES_MAX {
            return Err(format!("the key at byte {at} of the block is longer than {KEY_BYTES_MAX} bytes"));
        }
        key.truncate(shared);
        key.extend_from_slice(unshared);
        each(&key, value)?;
    }
    Ok(())
}

/// Takes a varint off the front.
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Appends a varint.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_read_back(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = &bytes[..];
            prop_assert_eq!(varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_entries_or_an_error(bytes in any::<Vec<u8>>()) {
            let _either = entries(&bytes, |_, _| Ok(()));
        }
    }
}
