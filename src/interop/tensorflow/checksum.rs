//! crc32c, and the mask that TensorFlow stores it under.

/// Added after the rotation.
const MASK: u32 = 0xa282_ead8;

/// The checksum as files hold it.
pub(crate) const fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK)
}

/// The masked checksum of some bytes.
pub(crate) fn masked(bytes: &[u8]) -> u32 {
    mask(crc32c::crc32c(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_the_specification() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked(b""), 0xa282_ead8);
    }
}
