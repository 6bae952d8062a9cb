//! Elements against elements.

use varkeep::DType;

use super::{Change, Tolerance};
use crate::elements::{Real, magnitude, reals, with_real};
use crate::number::Number;

/// Elements are passed over so many at a time where all their bytes are equal: comparing memory is far quicker.
const RUN: usize = 256;

/// Compares elements of one dtype. Gives the number of the one with the largest finite difference.
pub(super) fn compare(change: &mut Change, dtype: DType, a: &[u8], b: &[u8], tolerance: Tolerance) -> Option<u64> {
    if a == b {
        return None;
    }
    match dtype {
        DType::C64 => complex::<f32>(change, a, b, tolerance),
        DType::C128 => complex::<f64>(change, a, b, tolerance),
        dtype if dtype.is_floating() || dtype.is_integer() => {
            with_real!(dtype, T => real::<T>(change, a, b, tolerance), _ => None)
        }
        dtype => {
            // Only told apart: truth values, raw bytes, and byte by byte where elements share bytes.
            let size = dtype.element_bytes().unwrap_or(1);
            each_different(a, b, size, |_, _, _| change.changed += 1);
            None
        }
    }
}

/// Compares real numbers of two dtypes by value. Zeros are equal whatever their sign, and so are NaN.
pub(super) fn compare_widened(
    change: &mut Change,
    (a_dtype, a): (DType, &[u8]),
    (b_dtype, b): (DType, &[u8]),
    wide: &mut (Vec<f64>, Vec<f64>),
    tolerance: Tolerance,
) -> Option<u64> {
    for (dtype, bytes, into) in [(a_dtype, a, &mut wide.0), (b_dtype, b, &mut wide.1)] {
        into.clear();
        with_real!(dtype, T => into.extend(reals::<T>(bytes).map(Real::widen)), _ => {});
    }
    let mut largest = Largest::default();
    for (i, (a, b)) in wide.0.iter().zip(&wide.1).enumerate() {
        if !Tolerance::NONE.is_close(*a, *b) && !tolerance.is_close(*a, *b) {
            note(change, (*a, *b), Number::Float((a - b).abs()), &mut largest, i);
        }
    }
    largest.finish(change)
}

/// The largest finite difference so far, and where.
#[derive(Default)]
struct Largest {
    delta: Option<Number>,
    at: usize,
}

impl Largest {
    fn finish(self, change: &mut Change) -> Option<u64> {
        change.max_delta = self.delta;
        self.delta.map(|_| self.at as u64)
    }
}

/// Runs over the elements whose bytes differ.
fn each_different<'a>(a: &'a [u8], b: &'a [u8], size: usize, mut run: impl FnMut(usize, &'a [u8], &'a [u8])) {
    let runs = a.chunks(size * RUN).zip(b.chunks(size * RUN)).enumerate();
    for (number, (a, b)) in runs.filter(|(_, (a, b))| a != b) {
        for (i, (a, b)) in a.chunks_exact(size).zip(b.chunks_exact(size)).enumerate() {
            if a != b {
                run(number * RUN + i, a, b);
            }
        }
    }
}

fn real<T: Real>(change: &mut Change, a: &[u8], b: &[u8], tolerance: Tolerance) -> Option<u64> {
    let mut largest = Largest::default();
    each_different(a, b, T::BYTES, |i, a, b| {
        let (a, b) = (T::of_bytes(a), T::of_bytes(b));
        let (wide_a, wide_b) = (a.widen(), b.widen());
        if tolerance.is_none() || !tolerance.is_close(wide_a, wide_b) {
            note(change, (wide_a, wide_b), a.distance(b), &mut largest, i);
        }
    });
    largest.finish(change)
}

/// Notes two real numbers that differ.
fn note(change: &mut Change, (a, b): (f64, f64), delta: Number, largest: &mut Largest, at: usize) {
    change.changed += 1;
    let size = delta.to_f64();
    if !size.is_finite() {
        change.new_nans += u64::from(b.is_nan() && !a.is_nan());
        change.new_infinities += u64::from(b.is_infinite() && !a.is_infinite());
        return;
    }
    change.sums.delta += size * size;
    change.sums.a += a * a;
    change.sums.b += b * b;
    change.sums.product += a * b;
    if largest.delta.is_none_or(|known| known.max(delta) != known) {
        *largest = Largest { delta: Some(delta), at };
    }
}

fn complex<T: Real>(change: &mut Change, a: &[u8], b: &[u8], tolerance: Tolerance) -> Option<u64> {
    let mut largest = Largest::default();
    each_different(a, b, 2 * T::BYTES, |i, a, b| {
        let part = |bytes: &[u8]| T::of_bytes(bytes).widen();
        let ((ar, ai), (br, bi)) = (a.split_at(T::BYTES), b.split_at(T::BYTES));
        let [ar, ai, br, bi] = [ar, ai, br, bi].map(part);
        let (size_a, size_b) = (magnitude(ar, ai), magnitude(br, bi));
        let delta = magnitude(ar - br, ai - bi);
        // Of complex numbers the distance counts, as in NumPy.
        let is_close = if delta.is_finite() {
            tolerance.allows(delta, size_b)
        } else {
            size_a.is_nan() && size_b.is_nan() || ar == br && ai == bi
        };
        if !tolerance.is_none() && is_close {
            return;
        }
        note(change, (size_a, size_b), Number::Float(delta), &mut largest, i);
        if delta.is_finite() {
            // The product of magnitudes is not that of the numbers.
            change.sums.product += ar * br + ai * bi - size_a * size_b;
        }
    });
    largest.finish(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Tolerance = Tolerance::NONE;

    fn between(dtype: DType, a: &[u8], b: &[u8], tolerance: Tolerance) -> Change {
        let elements = (a.len() / dtype.element_bytes().unwrap()) as u64;
        let mut change = Change { elements, ..Change::default() };
        change.max_at = compare(&mut change, dtype, a, b, tolerance).map(|flat| vec![flat]);
        change
    }

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn floats(a: &[f32], b: &[f32], tolerance: Tolerance) -> Change {
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
        let cosine = (10.5 + 12.0) / (5.0 * (3.5_f64 * 3.5 + 9.0).sqrt());
        assert!((change.cosine().unwrap() - cosine).abs() < 1e-12);
        let change = floats(&[0.0], &[1.0], EXACT);
        assert_eq!((change.l2_relative(), change.cosine()), (Some(f64::INFINITY), None));
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
    fn complex_numbers_differ_by_their_distance() {
        let change = between(DType::C64, &bytes(&[3.0, 4.0, 1.0, 0.0]), &bytes(&[3.0, 4.0, 0.0, 1.0]), EXACT);
        assert_eq!((change.changed, change.max_at.as_deref()), (1, Some(&[1][..])));
        assert!((change.max_delta.unwrap().to_f64() - 2_f64.sqrt()).abs() < 1e-15);
        assert!(change.cosine().unwrap().abs() < 1e-15, "i is at a right angle to 1");
    }

    #[test]
    fn numbers_of_two_types_are_compared_by_value() {
        let halves: Vec<u8> =
            [1.0_f32, -0.0, f32::NAN, 5.0].iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
        let mut change = Change { elements: 4, ..Change::default() };
        let singles = bytes(&[1.0, 0.0, f32::NAN, 5.5]);
        let largest = compare_widened(
            &mut change,
            (DType::F16, &halves),
            (DType::F32, &singles),
            &mut (Vec::new(), Vec::new()),
            EXACT,
        );
        assert_eq!((change.changed, change.max_delta, largest), (1, Some(Number::Float(0.5)), Some(3)));
    }
}
