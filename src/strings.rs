//! How byte strings lie in memory and on disk: a table of offsets, then the bytes.
//!
//! For `n` strings the table has `n + 1` little-endian u64: where each string starts, counted from the end of the
//! table, and last where the final one ends. The first is 0 and none is below the one before.

use crate::error::{Error, Result};

const OFFSET_BYTES: usize = 8;

/// Byte strings in row-major order, borrowed from where they lie.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    table: &'a [u8],
    text: &'a [u8],
}

impl<'a> Strings<'a> {
    /// Reads `count` strings from their bytes.
    ///
    /// # Errors
    /// `corrupt`, if the table does not fit the bytes or is not in order.
    pub fn parse(bytes: &'a [u8], count: u64) -> Result<Self> {
        let table_bytes = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_add(1)?.checked_mul(OFFSET_BYTES))
            .filter(|len| *len <= bytes.len())
            .ok_or_else(|| Error::corrupt(format!("{} bytes cannot hold {count} byte strings", bytes.len())))?;
        let (table, text) = bytes.split_at(table_bytes);
        let strings = Self { table, text };
        let mut before = 0;
        for i in 0..=strings.len() {
            let offset = strings.offset(i);
            let in_order = offset >= before && (i != 0 || offset == 0);
            if !in_order || (i == strings.len() && offset != text.len() as u64) {
                return Err(Error::corrupt(format!("offset {offset} of byte string {i} is out of order")));
            }
            before = offset;
        }
        Ok(strings)
    }

    fn offset(&self, i: usize) -> u64 {
        let bytes = &self.table[i * OFFSET_BYTES..(i + 1) * OFFSET_BYTES];
        u64::from_le_bytes(bytes.try_into().expect("the range is eight bytes long"))
    }

    /// The number of strings.
    pub fn len(&self) -> usize {
        self.table.len() / OFFSET_BYTES - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `i`-th string; `None` beyond the last.
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        if i >= self.len() {
            return None;
        }
        Some(&self.text[self.offset(i) as usize..self.offset(i + 1) as usize])
    }

    /// All strings, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let strings = *self;
        (0..strings.len()).map(move |i| strings.get(i).expect("the index is in range"))
    }
}

impl std::fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(String::from_utf8_lossy)).finish()
    }
}

/// The bytes of these strings.
pub(crate) fn encode<S: AsRef<[u8]>>(strings: &[S]) -> Vec<u8> {
    let text: usize = strings.iter().map(|s| s.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity((strings.len() + 1) * OFFSET_BYTES + text);
    let mut offset = 0_u64;
    bytes.extend(offset.to_le_bytes());
    for string in strings {
        offset += string.as_ref().len() as u64;
        bytes.extend(offset.to_le_bytes());
    }
    for string in strings {
        bytes.extend(string.as_ref());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_read_back(strings in any::<Vec<Vec<u8>>>()) {
            let bytes = encode(&strings);
            let read = Strings::parse(&bytes, strings.len() as u64).unwrap();
            prop_assert_eq!(read.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), strings);
        }

        #[test]
        fn hostile_tables_are_refused_or_readable(bytes in any::<Vec<u8>>(), count in any::<u64>()) {
            for count in [count, count % 4] {
                if let Ok(strings) = Strings::parse(&bytes, count) {
                    prop_assert_eq!(strings.iter().count() as u64, count);
                }
            }
        }
    }
}
