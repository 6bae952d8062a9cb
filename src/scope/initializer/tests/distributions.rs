//! What random initializers draw: bounds, moments, orthogonality.

use half::bf16;
use ndarray::Array2;
use proptest::prelude::*;

use super::super::float::Float;
use super::*;

const COUNT: usize = 40_000;

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance)
}

fn drawn<T: Float>(random: Random, shape: impl IntoSizes) -> Vec<f64> {
    elements::<T>(random, shape).into_iter().map(Float::widen).collect()
}

/// Mean 0 and this variance, within what `COUNT` values allow (five standard errors, and the dtype's own rounding).
fn assert_moments(values: &[f64], mean: f64, variance: f64, precision: f64) {
    let (found_mean, found_variance) = moments(values);
    let deviation = variance.sqrt();
    let error = 5.0 / (values.len() as f64).sqrt() + precision;
    assert!((found_mean - mean).abs() < error * deviation, "mean {found_mean}, not {mean}");
    assert!((found_variance / variance - 1.0).abs() < 2.0 * error, "variance {found_variance}, not {variance}");
}

fn assert_law<T: Float>(precision: f64) {
    assert_moments(&drawn::<T>(random_uniform(-1.0, 3.0), [COUNT]), 1.0, 16.0 / 12.0, precision);
    assert_moments(&drawn::<T>(random_normal(0.5, 2.0), [COUNT]), 0.5, 4.0, precision);
    // The variance of a standard normal value truncated at two is 0.7737.
    let truncated = drawn::<T>(truncated_normal(0.0, 2.0), [COUNT]);
    assert_moments(&truncated, 0.0, 4.0 * 0.773_741, precision);
    assert!(truncated.iter().all(|x| x.abs() <= 4.0));
    assert!(truncated.iter().any(|x| x.abs() > 3.9));
    let shape = [COUNT / 100, 100];
    let fan_mean = f64::midpoint(shape[0] as f64, 100.0);
    assert_moments(&drawn::<T>(glorot_uniform(), shape), 0.0, 1.0 / fan_mean, precision);
    assert_moments(&drawn::<T>(glorot_normal(), shape), 0.0, 1.0 / fan_mean, precision);
    assert_moments(&drawn::<T>(he_uniform(), shape), 0.0, 2.0 / shape[0] as f64, precision);
    assert_moments(&drawn::<T>(he_normal(), shape), 0.0, 2.0 / shape[0] as f64, precision);
    assert_moments(&drawn::<T>(lecun_uniform(), shape), 0.0, 1.0 / shape[0] as f64, precision);
    assert_moments(&drawn::<T>(lecun_normal(), shape), 0.0, 1.0 / shape[0] as f64, precision);
    let fan_out = variance_scaling(1.5, Mode::FanOut, Distribution::UntruncatedNormal);
    assert_moments(&drawn::<T>(fan_out, shape), 0.0, 1.5 / 100.0, precision);
    assert_moments(&drawn::<T>(uniform_unit_scaling(2.0), shape), 0.0, 4.0 / shape[0] as f64, precision);
}

#[test]
fn moments_are_those_of_the_law_in_every_floating_dtype() {
    assert_law::<f64>(0.0);
    assert_law::<f32>(0.0);
    assert_law::<f16>(1e-3);
    assert_law::<bf16>(8e-3);
}

#[test]
fn a_normal_value_reaches_as_far_as_its_law_says() {
    let values = drawn::<f32>(random_normal(0.0, 1.0), [COUNT]);
    for (limit, outside) in [(1.0, 0.317_310_5), (2.0, 0.045_500_3), (3.0, 0.002_699_8)] {
        let found = values.iter().filter(|x| x.abs() > limit).count() as f64 / COUNT as f64;
        let error = 5.0 * (outside / COUNT as f64).sqrt();
        assert!((found - outside).abs() < error, "{found} beyond {limit}, not {outside}");
    }
}

#[test]
fn uniform_ranges_are_the_formulas() {
    let greatest =
        |random: Random, sizes: [usize; 3]| drawn::<f64>(random, sizes).into_iter().map(f64::abs).fold(0.0, f64::max);
    let cases = [
        (glorot_uniform(), (6.0 / (200.0 + 500.0_f64)).sqrt()),
        (he_uniform(), (6.0 / 200.0_f64).sqrt()),
        (lecun_uniform(), (3.0 / 200.0_f64).sqrt()),
        (variance_scaling(2.0, Mode::FanOut, Distribution::Uniform), (6.0 / 500.0_f64).sqrt()),
        (uniform_unit_scaling(0.5), 0.5 * (3.0 / 200.0_f64).sqrt()),
    ];
    for (random, limit) in cases {
        let found = greatest(random.clone(), [10, 20, 50]);
        assert!(found <= limit && found > 0.999 * limit, "{random:?}: {found}, not {limit}");
    }
    // Small fans count as 1.
    assert!(drawn::<f64>(glorot_uniform(), ()).iter().all(|x| x.abs() <= 3.0_f64.sqrt()));
}

#[test]
fn a_slice_is_scaled_by_the_whole() {
    let full = Shape::new([10_000, 4]).unwrap();
    let shape = Shape::new([10, 4]).unwrap();
    for random in [glorot_uniform(), uniform_unit_scaling(1.0), he_normal()] {
        let slice = make_slice(random, DType::F32, &full, &[10, 0], &shape).unwrap();
        assert!(slice.elements::<f32>().unwrap().iter().all(|x| x.abs() < 0.04));
    }
}

#[test]
fn integers_fill_their_interval_evenly() {
    let values = elements::<i64>(random_uniform(-3, 3), [COUNT]);
    for int in -3..3 {
        let count = values.iter().filter(|value| **value == int).count();
        assert!(count.abs_diff(COUNT / 6) < 400, "{int} was drawn {count} times");
    }
    assert!(values.iter().all(|value| (-3..3).contains(value)));
    let all = elements::<i64>(random_uniform(i64::MIN, i64::MAX), [1000]);
    assert!(all.iter().any(|x| *x > i64::MAX / 2) && all.iter().any(|x| *x < i64::MIN / 2));
    // The upper bound itself is never drawn, so it may be one beyond the dtype.
    assert_eq!(elements::<i32>(random_uniform(i64::from(i32::MAX), i64::from(i32::MAX) + 1), [2]), [i32::MAX; 2]);
    assert!(elements::<f64>(random_uniform(0, 3), [9]).iter().all(|x| (0.0..3.0).contains(x)));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let floats = [
        random_uniform(1.0, 0.0),
        random_uniform(f64::NAN, 0.0),
        random_uniform(0.0, f64::INFINITY),
        random_uniform(0.0, 1e300),
        random_normal(f64::NAN, 1.0),
        random_normal(0.0, -1.0),
        truncated_normal(0.0, f64::INFINITY),
        uniform_unit_scaling(-1.0),
        variance_scaling(0.0, Mode::FanIn, Distribution::Uniform),
        orthogonal(f64::NAN),
    ];
    for random in floats {
        assert_eq!(refusal(random.clone(), DType::F32, [2, 2]), ErrorKind::InvalidArgument, "{random:?}");
    }
    for random in [random_uniform(0, 0), random_uniform(3, 0), random_uniform(0, i64::MAX)] {
        assert_eq!(refusal(random, DType::I32, [2]), ErrorKind::InvalidArgument);
    }
    for dtype in [DType::U8, DType::I16, DType::U64, DType::Bool, DType::C64, DType::String, DType::I4] {
        assert_eq!(refusal(random_uniform(0, 3), dtype, [2]), ErrorKind::InitializerDtypeUnsupported);
    }
    assert_eq!(refusal(random_uniform(0.0, 3.0), DType::I32, [2]), ErrorKind::InitializerDtypeUnsupported);
    assert_eq!(refusal(random_uniform(0, 3.0), DType::I64, [2]), ErrorKind::InitializerDtypeUnsupported);
}

fn assert_half_open<T: Float + PartialOrd>(min: f64, width: f64) {
    let max = T::nearest(min + width);
    let values = elements::<T>(random_uniform(min, min + width), [500]);
    if T::nearest(min) < max {
        assert!(values.iter().all(|x| *x >= T::nearest(min) && *x < max), "{min} {width}");
    } else {
        assert!(values.iter().all(|x| *x == max), "{min} {width}");
    }
}

proptest! {
    /// Rounding to a narrow dtype puts no value on the upper bound.
    #[test]
    fn uniform_intervals_stay_half_open(min in -100.0..100.0_f64, exponent in -12_i32..4) {
        let width = 2.0_f64.powi(exponent);
        assert_half_open::<f16>(min, width);
        assert_half_open::<bf16>(min, width);
        assert_half_open::<f32>(min, width);
        assert_half_open::<f64>(min, width);
    }

    /// The shorter side of an orthogonal matrix is orthonormal, whatever the shape, across panel borders too.
    #[test]
    fn orthogonal_matrices_are_orthogonal(sizes in prop::collection::vec(0_u64..9, 1..3), last in 0_u64..40, seed: u64) {
        let rows = sizes.iter().product::<u64>() as usize;
        let columns = last as usize;
        let mut shape = sizes;
        shape.push(last);
        let values = elements::<f32>(orthogonal(3.0).seed(seed), shape);
        let matrix = Array2::from_shape_vec((rows, columns), values).unwrap().mapv(|x| f64::from(x) / 3.0);
        let product = if rows >= columns { matrix.t().dot(&matrix) } else { matrix.dot(&matrix.t()) };
        for ((i, j), value) in product.indexed_iter() {
            prop_assert!((value - f64::from(u8::from(i == j))).abs() < 1e-6, "{} at {} {}", value, i, j);
        }
    }
}

/// Every direction and both determinants are equally likely: first column and determinant of small matrices.
#[test]
fn orthogonal_matrices_are_spread_evenly() {
    let count = 4000_u32;
    let (mut positive, mut right) = (0, 0);
    let mut quarter = [0; 4];
    for seed in 0..u64::from(count) {
        let m = elements::<f64>(orthogonal(1.0).seed(seed), [2, 2]);
        positive += u32::from(m[0] * m[3] - m[1] * m[2] > 0.0);
        right += u32::from(m[3] > 0.0);
        // The quarter between the diagonals that the first column points into.
        let (side, half) = if m[0].abs() > m[2].abs() { (0, m[0] > 0.0) } else { (2, m[2] > 0.0) };
        quarter[side + usize::from(half)] += 1;
    }
    assert!(positive.abs_diff(count / 2) < 160 && right.abs_diff(count / 2) < 160, "{positive} {right}");
    assert!(quarter.iter().all(|n: &u32| n.abs_diff(count / 4) < 140), "{quarter:?}");
}
