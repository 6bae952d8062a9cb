//! A histogram of so many bins, growing in width with the numbers in them, that one of equal bins between any bounds can be
//! made of it later.

use varkeep::DType;

use super::BINS;
use crate::elements::{self, Real, with_real};
use crate::number::whole;

/// As many bits of a number, written so that its order is that of integers, tell its bin: sign, exponent, and five of the
/// mantissa. A bin is 3 % wide at most.
const BITS: u32 = 14;

/// Counts of finite numbers.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    counts: Vec<u64>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { counts: vec![0; 1 << BITS] }
    }
}

impl Sketch {
    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
    }

    pub(super) fn add(&mut self, dtype: DType, bytes: &[u8]) {
        match dtype {
            DType::C64 => self.count(elements::magnitudes::<f32>(bytes)),
            DType::C128 => self.count(elements::magnitudes::<f64>(bytes)),
            dtype => with_real!(dtype, T => self.count(elements::reals::<T>(bytes)), _ => {}),
        }
    }

    fn count<T: Real>(&mut self, elements: impl Iterator<Item = T>) {
        for x in elements.map(Real::widen).filter(|x| x.is_finite()) {
            self.counts[bin_of(x)] += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// The counts in equal bins from `low` to `high`, where all numbers are. What lies in a bin of the sketch is taken to
    /// be spread evenly in it.
    pub(super) fn between(&self, low: f64, high: f64) -> Vec<f64> {
        let mut bins = vec![0.0; BINS];
        let width = (high - low) / BINS as f64;
        for (number, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = *count as f64;
            let (start, end) = (edge(number).clamp(low, high), edge(number + 1).clamp(low, high));
            let place = |x: f64| (x - low) / width;
            let (first, last) = (place(start), place(end));
            if last - first < 1e-9 {
                bins[whole(first).min(BINS - 1)] += count;
                continue;
            }
            for (bin, into) in
                bins.iter_mut().enumerate().skip(whole(first)).take_while(|(bin, _)| (*bin as f64) < last)
            {
                let overlap = last.min(bin as f64 + 1.0) - first.max(bin as f64);
                *into += count * overlap.max(0.0) / (last - first);
            }
        }
        bins
    }
}

/// The bits of a single, so that larger numbers have larger bits.
fn ordered(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn bin_of(x: f64) -> usize {
    let single = (x as f32).clamp(f32::MIN, f32::MAX);
    // Both zeros are one number.
    (ordered(if single == 0.0 { 0.0 } else { single }) >> (32 - BITS)) as usize
}

/// The least number of a bin.
fn edge(bin: usize) -> f64 {
    let bits = u32::try_from(bin).unwrap_or(u32::MAX).checked_shl(32 - BITS).unwrap_or(u32::MAX);
    let bits = if bin >= 1 << BITS { u32::MAX } else { bits };
    let single = f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits });
    if single.is_nan() { f64::from(f32::MAX).copysign(single.into()) } else { single.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bins_hold_what_equal_bins_would_count() {
        let values: Vec<f64> = (0..100_000).map(|i| f64::from(i) / 50_000.0 - 1.0).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut sketch = Sketch::default();
        sketch.add(DType::F64, &bytes);
        let bins = sketch.between(-1.0, 1.0);
        assert!((bins.iter().sum::<f64>() - 100_000.0).abs() < 1e-3);
        let expected = 100_000.0 / BINS as f64;
        assert!(bins.iter().all(|count| (count - expected).abs() < 0.35 * expected), "{bins:?}");
        let middle = bins[BINS / 2];
        assert!((middle - expected).abs() < 0.02 * expected, "near zero it is fine: {middle}");
    }

    #[test]
    fn every_number_is_between_the_edges_of_its_bin() {
        for x in [0.0, -0.0, 1.0, -1.0, 0.1, -3.5e-30, 1e38, -1e300, 1e300, f64::MIN_POSITIVE] {
            let (bin, single) = (bin_of(x), f64::from((x as f32).clamp(f32::MIN, f32::MAX)));
            assert!(edge(bin) <= single && single <= edge(bin + 1), "{x}: {} {}", edge(bin), edge(bin + 1));
        }
    }
}
