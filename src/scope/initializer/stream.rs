//! Random bits for a place: the same on every machine and in every version.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twox_hash::XxHash3_128;

use super::Place;
use super::float::Float;

/// Bytes drawn at a time; a multiple of every draw.
const BLOCK_BYTES: usize = 4096;

/// A stream of bits of `ChaCha8`.
///
/// Its key is the function's own seed, or else follows from the store's seed, the variable's name and the slice's
/// offset. Changing how it is derived changes what every unseeded initializer makes: the golden values in the tests
/// must then change too, and they must not.
pub(super) struct Stream {
    bits: ChaCha8Rng,
}

impl Stream {
    pub(super) fn new(seed: Option<u64>, place: &Place<'_>) -> Self {
        let mut key = [0; 32];
        if let Some(seed) = seed {
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key[24..].copy_from_slice(b"explicit");
        } else {
            let mut text = place.name.as_bytes().to_vec();
            text.extend((place.name.len() as u64).to_le_bytes());
            text.extend(place.offset.iter().flat_map(|start| start.to_le_bytes()));
            key[..16].copy_from_slice(&XxHash3_128::oneshot_with_seed(place.store_seed, &text).to_le_bytes());
            key[16..24].copy_from_slice(&place.store_seed.to_le_bytes());
            key[24..].copy_from_slice(b"by-place");
        }
        Self { bits: ChaCha8Rng::from_seed(key) }
    }

    /// Sets every element from one draw, spread evenly and symmetrically over the open interval from -0.5 to 0.5; no
    /// draw is zero.
    pub(super) fn fill<T: Float>(&mut self, elements: &mut [T], from_draw: impl Fn(f64) -> T) {
        let mut block = [0; BLOCK_BYTES];
        for elements in elements.chunks_mut(BLOCK_BYTES / T::DRAW_BYTES) {
            let bytes = &mut block[..elements.len() * T::DRAW_BYTES];
            self.bits.fill_bytes(bytes);
            for (element, bits) in elements.iter_mut().zip(bytes.chunks_exact(T::DRAW_BYTES)) {
                *element = from_draw(centered(bits));
            }
        }
    }

    /// An integer below `bound`, which is not zero, every one equally likely.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // Of the 2^64 values of a word, the first (2^64 mod bound) are left out, so that the rest divide evenly.
        let left_out = bound.wrapping_neg() % bound;
        loop {
            let mut word = [0; 8];
            self.bits.fill_bytes(&mut word);
            let product = u128::from(u64::from_le_bytes(word)) * u128::from(bound);
            if product as u64 >= left_out {
                return (product >> 64) as u64;
            }
        }
    }
}

/// The bits as a number: the middle of one of 2^32 or 2^52 equal parts of the interval from -0.5 to 0.5.
///
/// Every step is exact.
fn centered(bits: &[u8]) -> f64 {
    const PARTS_32: f64 = (1_u64 << 32) as f64;
    const PARTS_52: f64 = (1_u64 << 52) as f64;
    if let Ok(word) = bits.try_into() {
        return (f64::from(i32::from_le_bytes(word)) + 0.5) / PARTS_32;
    }
    let word = bits.try_into().expect("a draw has four or eight bytes");
    ((i64::from_le_bytes(word) >> 12) as f64 + 0.5) / PARTS_52
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "every draw is exact")]
    fn draws_are_symmetric_and_inside() {
        for (least, greatest) in [
            (i32::MIN.to_le_bytes().to_vec(), i32::MAX.to_le_bytes().to_vec()),
            (i64::MIN.to_le_bytes().to_vec(), i64::MAX.to_le_bytes().to_vec()),
        ] {
            assert!(centered(&least) > -0.5);
            assert_eq!(centered(&least), -centered(&greatest));
            assert_eq!(centered(&vec![0; least.len()]), -centered(&vec![0xff; least.len()]));
        }
    }
}
