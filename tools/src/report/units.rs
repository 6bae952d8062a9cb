//! The units of a layer: the columns of its weights, along the last axis, as TensorFlow and most others lay them out.

use varkeep::DType;

use crate::elements::{Real, reals, with_real};

/// A layer of more units is not looked at unit by unit.
const UNITS_MAX: u64 = 1 << 16;

/// A unit is exploding whose weights are longer than so many times those of the unit in the midst.
const EXPLODING: f64 = 20.0;

/// Sums of squares for each unit of one version of a layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    squares: Vec<f64>,
}

/// Whether a variable has units: weights of a layer that may have been trained.
pub(super) fn has_units(dtype: DType, shape: &[u64], is_trainable: bool) -> bool {
    let last = shape.last().copied().unwrap_or(0);
    is_trainable && dtype.is_floating() && shape.len() >= 2 && (2..=UNITS_MAX).contains(&last)
}

/// Where the elements of a block belong: the unit of its first one, and the units that follow each other in the piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// The first unit of the piece.
    pub(super) offset: usize,
    /// Units in the piece.
    pub(super) width: usize,
    /// The column in the piece of the first element.
    pub(super) first: usize,
}

impl Columns {
    fn each(self) -> impl Iterator<Item = usize> {
        (0..self.width).cycle().skip(self.first % self.width.max(1)).map(move |column| self.offset + column)
    }
}

impl Units {
    pub(super) fn of(units: usize) -> Self {
        Self { squares: vec![0.0; units] }
    }

    pub(super) fn clear(&mut self) {
        self.squares.fill(0.0);
    }

    pub(super) fn add(&mut self, dtype: DType, bytes: &[u8], columns: Columns) {
        with_real!(dtype, T => {
            for (x, unit) in reals::<T>(bytes).map(Real::widen).zip(columns.each()) {
                self.squares[unit] += x * x;
            }
        }, _ => {});
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, more)| *sum += more);
    }

    /// How many units have no weight but zero, unless all have.
    pub(super) fn zero(&self) -> u64 {
        let zero = self.squares.iter().filter(|sum| **sum == 0.0).count();
        if zero == self.squares.len() { 0 } else { zero as u64 }
    }

    /// How many units have weights far longer than those of most.
    pub(super) fn exploding(&self) -> u64 {
        let mut lengths: Vec<f64> = self.squares.iter().map(|sum| sum.sqrt()).collect();
        lengths.sort_by(f64::total_cmp);
        let midst = lengths[lengths.len() / 2];
        if midst == 0.0 {
            return 0;
        }
        // What is not finite is told as that.
        lengths.iter().filter(|length| length.is_finite() && **length > EXPLODING * midst).count() as u64
    }
}

/// Marks the units in which anything differs.
pub(super) fn mark_moved(moved: &mut [bool], element_bytes: usize, a: &[u8], b: &[u8], columns: Columns) {
    let pairs = a.chunks_exact(element_bytes).zip(b.chunks_exact(element_bytes));
    for ((a, b), unit) in pairs.zip(columns.each()) {
        moved[unit] |= a != b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_columns_wherever_a_block_begins() {
        let values: [f32; 6] = [1.0, 0.0, 50.0, 1.0, 0.0, 50.0];
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let (mut whole, mut parts) = (Units::of(3), Units::of(3));
        whole.add(DType::F32, &bytes, Columns { offset: 0, width: 3, first: 0 });
        parts.add(DType::F32, &bytes[..16], Columns { offset: 0, width: 3, first: 0 });
        parts.add(DType::F32, &bytes[16..], Columns { offset: 0, width: 3, first: 4 });
        assert_eq!(whole.squares, parts.squares);
        assert_eq!((whole.zero(), whole.exploding()), (1, 1));
        let mut moved = vec![false; 3];
        let mut other = bytes.clone();
        other[0] ^= 1;
        mark_moved(&mut moved, 4, &bytes, &other, Columns { offset: 0, width: 3, first: 0 });
        assert_eq!(moved, [true, false, false]);
    }
}
