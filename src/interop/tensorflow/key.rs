//! The keys of slices: number 0, name, rank, then start and length of each axis, in `OrderedCode`, which sorts as its
//! values do.

use super::proto::TensorSlice;

/// What the length of a whole axis is written as.
const WHOLE: i64 = -1;

/// The key of a slice.
pub(crate) fn of_slice(name: &str, slice: &TensorSlice) -> Vec<u8> {
    let mut key = Vec::new();
    put_number(&mut key, 0);
    put_text(&mut key, name.as_bytes());
    put_number(&mut key, slice.extent.len() as u64);
    for extent in &slice.extent {
        put_signed(&mut key, extent.start);
        put_signed(&mut key, extent.length.unwrap_or(WHOLE));
    }
    key
}

/// The name in the key of a slice; `None` if it is no such key.
pub(crate) fn name_in(key: &[u8]) -> Option<String> {
    // The number 0 is one zero byte.
    let mut bytes = key.strip_prefix(&[0])?.iter().copied();
    let mut name = Vec::new();
    loop {
        match bytes.next()? {
            0x00 => match bytes.next()? {
                0x01 => break,
                0xff => name.push(0x00),
                _ => return None,
            },
            0xff => match bytes.next()? {
                0x00 => name.push(0xff),
                _ => return None,
            },
            byte => name.push(byte),
        }
    }
    String::from_utf8(name).ok()
}

fn put_number(key: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let leading = number.leading_zeros() as usize / 8;
    key.push((bytes.len() - leading) as u8);
    key.extend(&bytes[leading..]);
}

fn put_text(key: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            0x00 => key.extend([0x00, 0xff]),
            0xff => key.extend([0xff, 0x00]),
            other => key.push(*other),
        }
    }
    key.extend([0x00, 0x01]);
}

fn put_signed(key: &mut Vec<u8>, value: i64) {
    let magnitude = (if value < 0 { !value } else { value }).cast_unsigned();
    // The smallest number of bytes whose bits, less one for each byte's header bit and one for the sign, hold it.
    let len = (1..10).find(|n| magnitude < 1_u64 << (7 * n - 1)).unwrap_or(10);
    let mut bytes = [if value < 0 { 0xff } else { 0x00 }; 10];
    bytes[2..].copy_from_slice(&value.to_be_bytes());
    let bytes = &mut bytes[10 - len..];
    // As many ones as there are bytes, then zeros.
    let header = !(u16::MAX >> len);
    let [first, second] = header.to_be_bytes();
    bytes[0] ^= first;
    if len > 8 {
        bytes[1] ^= second;
    }
    key.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::super::proto::Extent;
    use super::*;
    use proptest::prelude::*;

    fn signed(value: i64) -> Vec<u8> {
        let mut key = Vec::new();
        put_signed(&mut key, value);
        key
    }

    #[test]
    fn the_examples_of_the_specification() {
        let examples: &[(i64, &[u8])] = &[
            (0, &[0x80]),
            (1, &[0x81]),
            (63, &[0xbf]),
            (64, &[0xc0, 0x40]),
            (8191, &[0xdf, 0xff]),
            (8192, &[0xe0, 0x20, 0x00]),
            (-1, &[0x7f]),
            (-64, &[0x40]),
            (-65, &[0x3f, 0xbf]),
            (i64::MAX, &[0xff, 0xc0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        for (value, bytes) in examples {
            assert_eq!(signed(*value), *bytes, "{value}");
        }
        let extent = vec![Extent { start: 4, length: Some(3) }, Extent { start: 0, length: Some(3) }];
        let key = of_slice("m/rows", &TensorSlice { extent });
        assert_eq!(key, b"\x00m/rows\x00\x01\x01\x02\x84\x83\x80\x83");
        assert_eq!(name_in(&key).as_deref(), Some("m/rows"));
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_numbers(a in any::<i64>(), b in any::<i64>(), shift in 0_u32..64) {
            let (a, b) = (a >> shift, b >> shift);
            prop_assert_eq!(signed(a).cmp(&signed(b)), a.cmp(&b));
        }

        #[test]
        fn any_name_reads_back(name in any::<String>()) {
            let key = of_slice(&name, &TensorSlice::default());
            prop_assert_eq!(name_in(&key), Some(name));
        }

        #[test]
        fn any_bytes_are_a_key_or_none(bytes in any::<Vec<u8>>()) {
            let _either = name_in(&bytes);
        }
    }
}
