//! Variance scaling: random values whose spread follows from the shape of the whole variable.
//!
//! The *fans* of a shape count the inputs and outputs of one unit: of a scalar 1 and 1; of a vector its size, twice; of a
//! matrix its two sizes; of more axes the product of all but the last two, times the last but one (in) and the last (out).

use super::random::{Law, Random};
use crate::shape::Shape;

/// The standard deviation of a standard normal value truncated at two: what the truncated draw is divided by.
pub(super) const TRUNCATED_STDDEV: f64 = 0.879_625_661_034_239_8;

/// What [`variance_scaling`] divides the scale by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The number of inputs.
    FanIn,
    /// The number of outputs.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// What [`variance_scaling`] draws from. All three have the same variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Normal, with values beyond two standard deviations (before truncation) drawn again.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// Random values with mean 0 and variance `scale` / max(1, fan). For floats.
///
/// Uniform: over ±√(3·variance). Truncated normal: with a deviation of √variance / 0.8796… before truncation.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`; `invalid_argument`, if the scale is not positive and finite.
pub fn variance_scaling(scale: f64, mode: Mode, distribution: Distribution) -> Random {
    Law::VarianceScaling { scale, mode, distribution }.into()
}

/// Uniform over ±√(6 / (inputs + outputs)): the default for floats. For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn glorot_uniform() -> Random {
    variance_scaling(1.0, Mode::FanAvg, Distribution::Uniform)
}

/// Truncated normal with variance 2 / (inputs + outputs). For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn glorot_normal() -> Random {
    variance_scaling(1.0, Mode::FanAvg, Distribution::TruncatedNormal)
}

/// Uniform over ±√(6 / inputs). For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn he_uniform() -> Random {
    variance_scaling(2.0, Mode::FanIn, Distribution::Uniform)
}

/// Truncated normal with variance 2 / inputs. For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn he_normal() -> Random {
    variance_scaling(2.0, Mode::FanIn, Distribution::TruncatedNormal)
}

/// Uniform over ±√(3 / inputs). For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn lecun_uniform() -> Random {
    variance_scaling(1.0, Mode::FanIn, Distribution::Uniform)
}

/// Truncated normal with variance 1 / inputs. For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn lecun_normal() -> Random {
    variance_scaling(1.0, Mode::FanIn, Distribution::TruncatedNormal)
}

/// Inputs and outputs of a variable of this shape.
fn fans(shape: &Shape) -> (f64, f64) {
    match shape.sizes() {
        [] => (1.0, 1.0),
        [size] => (*size as f64, *size as f64),
        [field @ .., inputs, outputs] => {
            let field = product(field);
            (field * *inputs as f64, field * *outputs as f64)
        }
    }
}

pub(super) fn fan(mode: Mode, shape: &Shape) -> f64 {
    let (inputs, outputs) = fans(shape);
    match mode {
        Mode::FanIn => inputs,
        Mode::FanOut => outputs,
        Mode::FanAvg => f64::midpoint(inputs, outputs),
    }
}

/// √(3/n), n being the product of all sizes but the last, and at least 1.
pub(super) fn unit_limit(shape: &Shape) -> f64 {
    let leading = shape.sizes().split_last().map_or(1.0, |(_, leading)| product(leading));
    (3.0 / leading.max(1.0)).sqrt()
}

fn product(sizes: &[u64]) -> f64 {
    sizes.iter().map(|size| *size as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_follow_the_shape() {
        let fans_of = |sizes: &[u64]| fans(&Shape::new(sizes).unwrap());
        assert_eq!(fans_of(&[]), (1.0, 1.0));
        assert_eq!(fans_of(&[5]), (5.0, 5.0));
        assert_eq!(fans_of(&[3, 4]), (3.0, 4.0));
        assert_eq!(fans_of(&[2, 3, 5, 7]), (30.0, 42.0));
        assert_eq!(fans_of(&[0, 3, 5]), (0.0, 0.0));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the square root is exact to the last bit")]
    fn the_unit_limit_leaves_the_last_axis_out() {
        let limit = |sizes: &[u64]| unit_limit(&Shape::new(sizes).unwrap());
        assert_eq!(limit(&[]), 3.0_f64.sqrt());
        assert_eq!(limit(&[9]), 3.0_f64.sqrt());
        assert_eq!(limit(&[2, 6, 9]), 0.5);
        assert_eq!(limit(&[0, 9]), 3.0_f64.sqrt());
    }
}
