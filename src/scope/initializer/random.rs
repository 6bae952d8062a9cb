//! Random initializers: uniform, normal, truncated normal; and where the others of that kind are run.

use std::fmt;

use super::float::{Float, with_float};
use super::normal::{quantile, truncated_quantile};
use super::number::Number;
use super::orthogonal;
use super::scalar::Scalar;
use super::scaling::{self, Distribution, Mode};
use super::stream::Stream;
use super::{InitializerFunction, Place, bad_argument, unsupported};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// A random initializer function.
///
/// What it makes follows from its seed alone or, without one, from the store's seed, the variable's name and, for a slice
/// of a partitioned variable, the slice's offset. So the order in which variables are created does not matter. With
/// a seed, two slices of equal shape get equal values, as in TensorFlow.
///
/// The same place and seed give the same bits on every machine that computes in IEEE 754 binary64, and in every version
/// of this crate.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Random {
    law: Law,
    seed: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Law {
    Uniform { min: Scalar, max: Scalar },
    Normal { mean: f64, stddev: f64 },
    TruncatedNormal { mean: f64, stddev: f64 },
    UniformUnitScaling { factor: f64 },
    VarianceScaling { scale: f64, mode: Mode, distribution: Distribution },
    Orthogonal { gain: f64 },
}

/// Uniform over the half-open interval from `min` to `max`.
///
/// For floats; and for int32 and int64, if both bounds are integers. A draw that rounding would put on `max` becomes the
/// number below it. Equal bounds of floats give that number.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`; `invalid_argument`, if the bounds are not finite in the dtype, not in
/// order, or, for integers, equal.
pub fn random_uniform(min: impl Into<Scalar>, max: impl Into<Scalar>) -> Random {
    Law::Uniform { min: min.into(), max: max.into() }.into()
}

/// Normal with this mean and standard deviation. For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`; `invalid_argument`, if the mean is not finite, or the deviation negative or
/// not finite.
pub fn random_normal(mean: f64, stddev: f64) -> Random {
    Law::Normal { mean, stddev }.into()
}

/// Normal with this mean and, before truncation, standard deviation; values beyond two of these are drawn again. For
/// floats.
///
/// # Errors
/// As for [`random_normal`].
pub fn truncated_normal(mean: f64, stddev: f64) -> Random {
    Law::TruncatedNormal { mean, stddev }.into()
}

/// Uniform over ±`factor`·√(3/n), n being the product of all sizes of the whole variable but the last. For floats.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`; `invalid_argument`, if the factor is negative or not finite.
pub fn uniform_unit_scaling(factor: f64) -> Random {
    Law::UniformUnitScaling { factor }.into()
}

impl Random {
    /// Makes the values follow from this seed alone, not from the store's seed and the variable's name.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }
}

impl From<Law> for Random {
    fn from(law: Law) -> Self {
        Self { law, seed: None }
    }
}

impl InitializerFunction for Random {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        if let Law::Uniform { min: Scalar::Int(min), max: Scalar::Int(max) } = &self.law {
            match place.dtype {
                DType::I32 => return uniform_integers(*min, *max, place, self.seed, |int| i32::try_from(int).ok()),
                DType::I64 => return uniform_integers(*min, *max, place, self.seed, |int| i64::try_from(int).ok()),
                _ => {}
            }
        }
        if matches!(self.law, Law::Orthogonal { .. }) && place.shape.rank() < 2 {
            let what = format!("orthogonal needs at least two axes, not shape {}", place.shape);
            return Err(Error::new(ErrorKind::InitializerRank, what).of_variable(place.name));
        }
        with_float!(place.dtype, T => self.make::<T>(place), else Err(unsupported(place, &self.law)))
    }
}

impl Random {
    fn make<T: Float + PartialOrd>(&self, place: &Place<'_>) -> Result<Tensor> {
        let mut tensor = Tensor::zeros(T::DTYPE, place.shape.clone())?;
        let elements = tensor.elements_mut::<T>()?;
        let mut stream = Stream::new(self.seed, place);
        match &self.law {
            Law::Uniform { min, max } => {
                let bound = |bound: &Scalar| f64::take(bound).ok_or_else(|| unsupported(place, &self.law));
                fill_uniform(bound(min)?, bound(max)?, elements, &mut stream, place)?;
            }
            Law::Normal { mean, stddev } => fill_normal(*mean, *stddev, quantile, elements, &mut stream, place)?,
            Law::TruncatedNormal { mean, stddev } => {
                fill_normal(*mean, *stddev, truncated_quantile, elements, &mut stream, place)?;
            }
            Law::UniformUnitScaling { factor } => {
                check_not_negative("the factor", *factor, place)?;
                let limit = factor * scaling::unit_limit(place.full_shape);
                fill_uniform(-limit, limit, elements, &mut stream, place)?;
            }
            Law::VarianceScaling { scale, mode, distribution } => {
                if !scale.is_finite() || *scale <= 0.0 {
                    return Err(bad_argument(place, format!("the scale {scale} is not a positive number")));
                }
                let variance = scale / scaling::fan(*mode, place.full_shape).max(1.0);
                match distribution {
                    Distribution::Uniform => {
                        let limit = (3.0 * variance).sqrt();
                        fill_uniform(-limit, limit, elements, &mut stream, place)?;
                    }
                    Distribution::TruncatedNormal => {
                        let stddev = variance.sqrt() / scaling::TRUNCATED_STDDEV;
                        fill_normal(0.0, stddev, truncated_quantile, elements, &mut stream, place)?;
                    }
                    Distribution::UntruncatedNormal => {
                        fill_normal(0.0, variance.sqrt(), quantile, elements, &mut stream, place)?;
                    }
                }
            }
            Law::Orthogonal { gain } => {
                if !gain.is_finite() {
                    return Err(bad_argument(place, format!("the gain {gain} is not finite")));
                }
                orthogonal::fill(*gain, place.shape, elements, &mut stream);
            }
        }
        Ok(tensor)
    }
}

fn fill_uniform<T: Float + PartialOrd>(
    min: f64,
    max: f64,
    elements: &mut [T],
    stream: &mut Stream,
    place: &Place<'_>,
) -> Result<()> {
    // The bounds as the dtype has them: rounding a number between them then stays between them.
    let (low, high) = (T::nearest(min), T::nearest(max));
    let (from, width) = (low.widen(), high.widen() - low.widen());
    if !width.is_finite() {
        return Err(bad_argument(place, format!("the bounds {min:?} and {max:?} are not finite in {}", T::DTYPE)));
    }
    if width < 0.0 {
        return Err(bad_argument(place, format!("the bounds {min:?} and {max:?} are not in order")));
    }
    let greatest = if width == 0.0 { low } else { high.below() };
    stream.fill(elements, |draw| {
        let value = T::nearest(from + (draw + 0.5) * width);
        if value > greatest { greatest } else { value }
    });
    Ok(())
}

fn fill_normal<T: Float>(
    mean: f64,
    stddev: f64,
    quantile: impl Fn(f64) -> f64,
    elements: &mut [T],
    stream: &mut Stream,
    place: &Place<'_>,
) -> Result<()> {
    if !mean.is_finite() {
        return Err(bad_argument(place, format!("the mean {mean} is not finite")));
    }
    check_not_negative("the standard deviation", stddev, place)?;
    stream.fill(elements, |draw| T::nearest(mean + stddev * quantile(draw)));
    Ok(())
}

fn uniform_integers<T: Number>(
    min: i128,
    max: i128,
    place: &Place<'_>,
    seed: Option<u64>,
    narrow: impl Fn(i128) -> Option<T>,
) -> Result<Tensor> {
    // The interval is half-open: its last integer is max - 1.
    let fits = min < max && narrow(min).is_some() && narrow(max - 1).is_some();
    let (true, Ok(width)) = (fits, u64::try_from(max.saturating_sub(min))) else {
        let what = format!("the integers from {min} up to but not including {max} are no interval of {}", T::DTYPE);
        return Err(bad_argument(place, what));
    };
    let mut tensor = Tensor::zeros(T::DTYPE, place.shape.clone())?;
    let mut stream = Stream::new(seed, place);
    for element in tensor.elements_mut::<T>()? {
        *element = narrow(min + i128::from(stream.below(width))).expect("it lies between the bounds");
    }
    Ok(tensor)
}

fn check_not_negative(what: &str, value: f64, place: &Place<'_>) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(bad_argument(place, format!("{what} {value} is negative or not finite")))
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform { min, max } => write!(f, "random_uniform({min}, {max})"),
            Self::Normal { mean, stddev } => write!(f, "random_normal({mean}, {stddev})"),
            Self::TruncatedNormal { mean, stddev } => write!(f, "truncated_normal({mean}, {stddev})"),
            Self::UniformUnitScaling { factor } => write!(f, "uniform_unit_scaling({factor})"),
            Self::VarianceScaling { scale, mode, distribution } => {
                write!(f, "variance_scaling({scale}, {mode:?}, {distribution:?})")
            }
            Self::Orthogonal { gain } => write!(f, "orthogonal({gain})"),
        }
    }
}
