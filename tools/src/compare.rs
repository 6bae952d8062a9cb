//! How much the values of two variables of one dtype and shape differ, read a block at a time.

use std::ops::Range;

use varkeep::{DType, SavedPiece, SavedVariable};

use crate::elements::{Real, with_real};
use crate::failure::Outcome;
use crate::number::Number;

/// Read at once, of each side: a multiple of every chunk size.
const BLOCK_BYTES: u64 = varkeep::limits::CHUNK_BYTES_MAX;

/// What counts as no change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

impl Tolerance {
    /// Nothing but the same bits.
    pub(crate) fn is_none(self) -> bool {
        self.relative == 0.0 && self.absolute == 0.0
    }

    /// NumPy's `isclose(a, b, equal_nan=True)`.
    fn is_close(self, a: f64, b: f64) -> bool {
        if !a.is_finite() || !b.is_finite() {
            // Two NaN are close, whatever their bits; an infinity only to itself.
            return a.total_cmp(&b).is_eq() || (a.is_nan() && b.is_nan());
        }
        (a - b).abs() <= self.absolute + self.relative * b.abs()
    }
}

/// The difference of two values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// Elements of the variable.
    pub(crate) elements: u64,
    /// Those that differ.
    pub(crate) changed: u64,
    /// The largest finite difference, if any is finite.
    pub(crate) max_delta: Option<Number>,
    /// Where it is, one index per axis.
    pub(crate) max_at: Option<Vec<u64>>,
    /// NaN in B where A has none.
    pub(crate) new_nans: u64,
    /// Infinities in B where A has none.
    pub(crate) new_infinities: u64,
    /// Of the elements that changed and are finite on both sides: sums of squares of the change, and of A.
    delta_squares: f64,
    reference_squares: f64,
    /// Bytes of B that were looked at: the others are known to be equal.
    pub(crate) bytes_read: u64,
}

impl Change {
    /// Compares two variables of the same dtype and shape. `progress` is told the bytes of every block.
    pub(crate) fn between(
        a: &SavedVariable,
        b: &SavedVariable,
        tolerance: Tolerance,
        progress: &mut dyn FnMut(u64),
    ) -> Outcome<Self> {
        let mut change = Self { elements: a.shape().elements(), ..Self::default() };
        if a.dtype() == DType::String {
            change.compare_strings(a, b)?;
            return Ok(change);
        }
        let kind = Kind::of(a.dtype());
        let (ours, theirs) = (a.pieces(), b.pieces());
        let is_cut_alike = ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| a.offset() == b.offset() && a.shape() == b.shape());
        if is_cut_alike {
            for (ours, theirs) in ours.iter().zip(&theirs) {
                change.compare_pieces(kind, ours, theirs, tolerance, progress)?;
            }
        } else {
            let (ours, theirs) = (a.tensor()?, b.tensor()?);
            let place = |flat| unravel(flat, a.shape().sizes(), None);
            change.compare_bytes(kind, ours.bytes(), theirs.bytes(), 0, tolerance, &place);
            change.bytes_read += theirs.bytes().len() as u64;
            progress(b.len_bytes());
        }
        Ok(change)
    }

    fn compare_pieces(
        &mut self,
        kind: Kind,
        a: &SavedPiece<'_>,
        b: &SavedPiece<'_>,
        tolerance: Tolerance,
        progress: &mut dyn FnMut(u64),
    ) -> Outcome<()> {
        let place = |flat| unravel(flat, a.shape().sizes(), Some(a.offset()));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for range in a.ranges_to_compare(b) {
            for block in blocks(range) {
                let len = (block.end - block.start) as usize;
                ours.resize(len, 0);
                theirs.resize(len, 0);
                a.read_into(block.start, &mut ours)?;
                b.read_into(block.start, &mut theirs)?;
                let first = block.start / kind.element_bytes as u64;
                self.compare_bytes(kind, &ours, &theirs, first, tolerance, &place);
                self.bytes_read += len as u64;
                progress(len as u64);
            }
        }
        Ok(())
    }

    /// Compares elements of which the first is the `first` one of its piece.
    fn compare_bytes(
        &mut self,
        kind: Kind,
        a: &[u8],
        b: &[u8],
        first: u64,
        tolerance: Tolerance,
        place: &dyn Fn(u64) -> Vec<u64>,
    ) {
        if a == b {
            return;
        }
        let size = kind.element_bytes;
        // Equal runs are the rule, and comparing memory is far quicker than comparing elements.
        let run = size * 256;
        for (number, (a, b)) in a.chunks(run).zip(b.chunks(run)).enumerate() {
            if a == b {
                continue;
            }
            for (i, (a, b)) in a.chunks(size).zip(b.chunks(size)).enumerate() {
                if a != b {
                    self.compare_element(kind, a, b, tolerance, &|| place(first + (number * 256 + i) as u64));
                }
            }
        }
    }

    /// Notes two elements whose bits differ.
    fn compare_element(&mut self, kind: Kind, a: &[u8], b: &[u8], tolerance: Tolerance, place: &dyn Fn() -> Vec<u64>) {
        let Some(Pair { delta, a, b, reference }) = kind.pair(a, b) else {
            self.changed += 1;
            return;
        };
        let is_close = !tolerance.is_none()
            && match kind.class {
                // Of complex numbers the distance counts, as in NumPy.
                Class::Complex if delta.to_f64().is_finite() => {
                    delta.to_f64() <= tolerance.absolute + tolerance.relative * b.abs()
                }
                _ => tolerance.is_close(a, b),
            };
        if is_close {
            return;
        }
        self.changed += 1;
        self.new_nans += u64::from(b.is_nan() && !a.is_nan());
        self.new_infinities += u64::from(b.is_infinite() && !a.is_infinite());
        let size = delta.to_f64();
        if !size.is_finite() {
            return;
        }
        self.delta_squares += size * size;
        self.reference_squares += reference * reference;
        if self.max_delta.is_none_or(|known| known.max(delta) != known) {
            self.max_delta = Some(delta);
            self.max_at = Some(place());
        }
    }

    fn compare_strings(&mut self, a: &SavedVariable, b: &SavedVariable) -> Outcome<()> {
        let (a, b) = (a.read_strings()?, b.read_strings()?);
        self.changed = a.strings().iter().zip(b.strings().iter()).filter(|(a, b)| a != b).count() as u64;
        self.bytes_read = b.strings().iter().map(|text| text.len() as u64).sum();
        Ok(())
    }

    /// The share of elements that changed.
    pub(crate) fn share(&self) -> f64 {
        if self.elements == 0 { 0.0 } else { self.changed as f64 / self.elements as f64 }
    }

    /// The length of the change.
    pub(crate) fn l2_delta(&self) -> Option<f64> {
        self.max_delta.map(|_| self.delta_squares.sqrt())
    }

    /// The length of the change relative to the length of A, over the elements that changed; infinite if they all were
    /// zero.
    pub(crate) fn l2_relative(&self) -> Option<f64> {
        let delta = self.l2_delta()?;
        Some(if delta == 0.0 { 0.0 } else { delta / self.reference_squares.sqrt() })
    }
}

/// How elements of a dtype are compared.
#[derive(Clone, Copy, Debug)]
struct Kind {
    dtype: DType,
    class: Class,
    element_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Real,
    Complex,
    /// Only told apart: truth values, raw bytes.
    Opaque,
}

/// Two elements: how far they are apart, both for the tolerance, and the size of the first.
struct Pair {
    delta: Number,
    a: f64,
    b: f64,
    reference: f64,
}

impl Kind {
    fn of(dtype: DType) -> Self {
        let class = match dtype {
            dtype if dtype.is_complex() => Class::Complex,
            dtype if dtype.is_floating() || dtype.is_integer() => Class::Real,
            _ => Class::Opaque,
        };
        // Elements that share bytes are told apart byte by byte.
        Self { dtype, class, element_bytes: dtype.element_bytes().unwrap_or(1) }
    }

    fn pair(self, a: &[u8], b: &[u8]) -> Option<Pair> {
        match self.class {
            Class::Opaque => None,
            Class::Real => with_real!(self.dtype, T => {
                let (a, b) = (T::of_bytes(a), T::of_bytes(b));
                Some(Pair { delta: a.distance(b), a: a.widen(), b: b.widen(), reference: a.widen() })
            }, _ => None),
            Class::Complex => {
                let half = self.element_bytes / 2;
                let part = |bytes: &[u8]| match self.dtype {
                    DType::C64 => f32::of_bytes(bytes).widen(),
                    _ => f64::of_bytes(bytes),
                };
                let [ar, ai, br, bi] = [&a[..half], &a[half..], &b[..half], &b[half..]].map(part);
                let size = |re: f64, im: f64| if re.is_nan() || im.is_nan() { f64::NAN } else { re.hypot(im) };
                let delta = Number::Float(size(ar - br, ai - bi));
                Some(Pair { delta, a: size(ar, ai), b: size(br, bi), reference: size(ar, ai) })
            }
        }
    }
}

/// Cuts a range where blocks end.
fn blocks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = range.end.min((start / BLOCK_BYTES + 1) * BLOCK_BYTES);
        (start < range.end).then_some(start..at)
    })
}

/// The index of the `flat`-th element, of the whole that the piece is part of.
fn unravel(mut flat: u64, sizes: &[u64], offset: Option<&[u64]>) -> Vec<u64> {
    let mut index = vec![0; sizes.len()];
    for (axis, size) in sizes.iter().enumerate().rev() {
        index[axis] = flat % size + offset.map_or(0, |offset| offset[axis]);
        flat /= size;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Tolerance = Tolerance { relative: 0.0, absolute: 0.0 };

    fn between(dtype: DType, a: &[u8], b: &[u8], tolerance: Tolerance) -> Change {
        let kind = Kind::of(dtype);
        let mut change = Change { elements: (a.len() / kind.element_bytes) as u64, ..Change::default() };
        change.compare_bytes(kind, a, b, 0, tolerance, &|flat| vec![flat]);
        change
    }

    fn floats(a: &[f32], b: &[f32], tolerance: Tolerance) -> Change {
        let bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
        between(DType::F32, &bytes(a), &bytes(b), tolerance)
    }

    #[test]
    fn equality_is_of_bits_and_distances_are_of_finite_elements() {
        let nan = f32::NAN;
        let change = floats(&[1.0, nan, 0.0, 2.0, 3.0], &[1.0, nan, -0.0, nan, f32::INFINITY], EXACT);
        assert_eq!((change.changed, change.new_nans, change.new_infinities), (3, 1, 1));
        assert_eq!((change.max_delta, change.l2_relative()), (Some(Number::Float(0.0)), Some(0.0)));
        let change = floats(&[3.0, 4.0, 9.0], &[3.5, 3.0, 9.0], EXACT);
        assert_eq!((change.max_delta, change.max_at.as_deref()), (Some(Number::Float(1.0)), Some(&[1][..])));
        assert!((change.l2_relative().unwrap() - 1.25_f64.sqrt() / 5.0).abs() < 1e-12);
        assert_eq!(floats(&[0.0], &[1.0], EXACT).l2_relative(), Some(f64::INFINITY));
    }

    #[test]
    fn a_tolerance_is_that_of_allclose() {
        let tolerance = Tolerance { relative: 0.1, absolute: 0.01 };
        let inf = f32::INFINITY;
        assert_eq!(floats(&[1.0, 0.0, inf, f32::NAN], &[1.05, 0.005, inf, f32::NAN], tolerance).changed, 0);
        assert_eq!(floats(&[1.0, 0.0, inf, 1.0], &[1.3, 0.02, 1.0, f32::NAN], tolerance).changed, 4);
    }

    #[test]
    fn integers_are_exact_and_truth_values_only_differ() {
        let (a, b) = (u64::MAX.to_le_bytes(), 0_u64.to_le_bytes());
        assert_eq!(between(DType::U64, &a, &b, EXACT).max_delta, Some(Number::Int(u64::MAX.into())));
        let (a, b) = (i64::MIN.to_le_bytes(), i64::MAX.to_le_bytes());
        assert_eq!(between(DType::I64, &a, &b, EXACT).max_delta, Some(Number::Int(u64::MAX.into())));
        let change = between(DType::Bool, &[0, 1], &[1, 1], EXACT);
        assert_eq!((change.changed, change.max_delta, change.share()), (1, None, 0.5));
    }

    #[test]
    fn blocks_end_on_multiples_and_indices_count_from_the_whole() {
        let all: Vec<_> = blocks(BLOCK_BYTES - 1..2 * BLOCK_BYTES + 5).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1], BLOCK_BYTES..2 * BLOCK_BYTES);
        assert_eq!(unravel(7, &[2, 4], Some(&[10, 0])), [11, 3]);
        assert!(unravel(0, &[], None).is_empty());
    }
}
