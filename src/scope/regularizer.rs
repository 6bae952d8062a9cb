//! Regularizers: what a variable adds to the losses, as a function of its value.
//!
//! A regularizer is a sum of terms. The built-in terms are data, so they are recorded with the variable and work after
//! a reopen; a term that is a function of the caller's is recorded by name and has to be supplied again.

use std::fmt;
use std::sync::Arc;

use half::{bf16, f16};
use ndarray::{ArrayView, ArrayViewMut, IxDyn, Zip};
use serde::{Deserialize, Serialize};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// A function of a variable's value to the loss it adds; `None` is no loss.
pub type RegularizerFunction = dyn Fn(&Tensor) -> Result<Option<f64>> + Send + Sync;

/// What a variable adds to the losses.
#[derive(Clone)]
pub struct Regularizer {
    // Terms of scale 0 are left out, so no term means no loss.
    terms: Arc<[Term]>,
}

#[derive(Clone)]
enum Term {
    L1(f64),
    L2(f64),
    Custom { name: Option<String>, function: Option<Arc<RegularizerFunction>> },
}

/// A regularizer as files record it: the sum of these terms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegularizerRecord {
    /// The terms; none of them is no loss.
    pub terms: Vec<TermRecord>,
}

/// One term of a recorded regularizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TermRecord {
    /// The scale times the sum of magnitudes.
    L1(f64),
    /// The scale times half the sum of squares.
    L2(f64),
    /// A function, which only a process that supplies it can evaluate.
    Custom {
        /// What the function was registered as.
        name: Option<String>,
    },
}

/// `scale · Σ|x|`.
///
/// # Errors
/// `regularizer_bad_argument`, if the scale is negative or no number.
pub fn l1(scale: f64) -> Result<Regularizer> {
    Ok(Regularizer::of(check_scale("l1", scale)?.map(Term::L1)))
}

/// `scale · Σx²/2`.
///
/// # Errors
/// `regularizer_bad_argument`, if the scale is negative or no number.
pub fn l2(scale: f64) -> Result<Regularizer> {
    Ok(Regularizer::of(check_scale("l2", scale)?.map(Term::L2)))
}

/// The sum of [`l1`] and [`l2`].
///
/// # Errors
/// `regularizer_bad_argument`, if a scale is negative or no number.
pub fn l1_l2(scale_l1: f64, scale_l2: f64) -> Result<Regularizer> {
    Ok(sum([l1(scale_l1)?, l2(scale_l2)?]))
}

/// The sum of several regularizers.
pub fn sum(regularizers: impl IntoIterator<Item = Regularizer>) -> Regularizer {
    Regularizer::of(regularizers.into_iter().flat_map(|regularizer| regularizer.terms.to_vec()))
}

/// No loss: given to a get, it switches off a regularizer that the scope supplies.
pub fn none() -> Regularizer {
    Regularizer::of([])
}

/// A function of the value. It is recorded without a name.
pub fn custom(function: impl Fn(&Tensor) -> Result<Option<f64>> + Send + Sync + 'static) -> Regularizer {
    Regularizer::of([Term::Custom { name: None, function: Some(Arc::new(function)) }])
}

/// A function of the value, recorded under a name of the caller's by which it is known after a reopen.
pub fn named(
    name: impl Into<String>,
    function: impl Fn(&Tensor) -> Result<Option<f64>> + Send + Sync + 'static,
) -> Regularizer {
    Regularizer::of([Term::Custom { name: Some(name.into()), function: Some(Arc::new(function)) }])
}

impl Regularizer {
    fn of(terms: impl IntoIterator<Item = Term>) -> Self {
        Self { terms: terms.into_iter().collect() }
    }

    /// The recorded regularizer; its functions are not bound.
    ///
    /// # Errors
    /// `regularizer_bad_argument`, if a scale is negative or no number.
    pub fn from_record(record: &RegularizerRecord) -> Result<Self> {
        let mut terms = Vec::with_capacity(record.terms.len());
        for term in &record.terms {
            terms.extend(match term {
                TermRecord::L1(scale) => check_scale("l1", *scale)?.map(Term::L1),
                TermRecord::L2(scale) => check_scale("l2", *scale)?.map(Term::L2),
                TermRecord::Custom { name } => Some(Term::Custom { name: name.clone(), function: None }),
            });
        }
        Ok(Self::of(terms))
    }

    /// What to record.
    pub fn record(&self) -> RegularizerRecord {
        let terms = self.terms.iter().map(|term| match term {
            Term::L1(scale) => TermRecord::L1(*scale),
            Term::L2(scale) => TermRecord::L2(*scale),
            Term::Custom { name, .. } => TermRecord::Custom { name: name.clone() },
        });
        RegularizerRecord { terms: terms.collect() }
    }

    /// Whether every function it needs is there.
    pub fn is_bound(&self) -> bool {
        !self.terms.iter().any(|term| matches!(term, Term::Custom { function: None, .. }))
    }

    /// Whether this one supplies the functions that `unbound`, read from a file, lacks: same terms, all bound.
    pub fn binds(&self, unbound: &Self) -> bool {
        !unbound.is_bound() && self.is_bound() && self.record() == unbound.record()
    }

    /// The last part of the loss's name in the collection of losses.
    pub fn operation(&self) -> &str {
        match &*self.terms {
            [Term::L1(_)] => "l1_regularizer",
            [Term::L2(_)] => "l2_regularizer",
            [Term::L1(_), Term::L2(_)] => "l1_l2_regularizer",
            [Term::Custom { name: Some(name), .. }] => name,
            [Term::Custom { name: None, .. }] => "custom_regularizer",
            _ => "sum_regularizer",
        }
    }

    /// Whether a variable just created with this value adds a loss. The built-in terms tell by the dtype, without
    /// looking at the value.
    ///
    /// # Errors
    /// `regularizer_unsupported_dtype`, `regularizer_unbound`; `user_function_failed` for a function of the caller's.
    pub fn applies_to(&self, value: &Tensor) -> Result<bool> {
        let mut applies = false;
        for term in &*self.terms {
            applies |= match term {
                Term::L1(_) | Term::L2(_) => check_floating(value.dtype()).map(|()| true)?,
                Term::Custom { name, function } => call(name.as_deref(), function.as_deref(), value)?.is_some(),
            };
        }
        Ok(applies)
    }

    /// The loss for this value, computed in its dtype; `None` is no loss.
    ///
    /// # Errors
    /// `regularizer_unsupported_dtype`, `regularizer_unbound`; `user_function_failed` for a function of the caller's.
    pub fn loss(&self, value: &Tensor) -> Result<Option<f64>> {
        let mut sum = None;
        for term in &*self.terms {
            let loss = match term {
                Term::L1(scale) => Some(scaled_sum(*scale, value.dtype(), value.bytes(), f64::abs)?),
                Term::L2(scale) => Some(scaled_sum(*scale, value.dtype(), value.bytes(), |x| x * x / 2.0)?),
                Term::Custom { name, function } => call(name.as_deref(), function.as_deref(), value)?,
            };
            sum = match (sum, loss) {
                (Some(sum), Some(loss)) => Some(round_to(value.dtype(), sum + loss)),
                (sum, loss) => sum.or(loss),
            };
        }
        Ok(sum)
    }

    /// Adds the loss's gradient at `value` to `gradient`: for l1 the scale times the sign, for l2 the scale times the
    /// element.
    ///
    /// # Errors
    /// `regularizer_unsupported_dtype`; `assign_shape_mismatch` if the two differ in shape; `invalid_argument` if a term
    /// is a function, whose gradient is not known.
    pub fn add_gradient<T: Element>(
        &self,
        value: ArrayView<'_, T, IxDyn>,
        gradient: ArrayViewMut<'_, T, IxDyn>,
    ) -> Result<()> {
        if self.terms.iter().any(|term| matches!(term, Term::Custom { .. })) {
            let what = format!("the gradient of {} is not known", self.operation());
            return Err(Error::new(ErrorKind::InvalidArgument, what).advise("differentiate the function yourself"));
        }
        if value.shape() != gradient.shape() {
            let what = format!("a gradient of shape {:?} is not one of a {:?}", gradient.shape(), value.shape());
            return Err(Error::new(ErrorKind::AssignShapeMismatch, what));
        }
        if self.terms.is_empty() {
            return Ok(());
        }
        let (mut scale_l1, mut scale_l2) = (0.0, 0.0);
        for term in &*self.terms {
            match term {
                Term::L1(scale) => scale_l1 += scale,
                Term::L2(scale) => scale_l2 += scale,
                Term::Custom { .. } => {}
            }
        }
        // Unlike `signum`, the slope is 0 at 0.
        let slope = |x: f64| (if x == 0.0 { 0.0 } else { scale_l1 * x.signum() }) + scale_l2 * x;
        match T::DTYPE {
            DType::F16 => add_slopes::<T, f16>(value, gradient, slope),
            DType::BF16 => add_slopes::<T, bf16>(value, gradient, slope),
            DType::F32 => add_slopes::<T, f32>(value, gradient, slope),
            DType::F64 => add_slopes::<T, f64>(value, gradient, slope),
            other => return check_floating(other),
        }
        Ok(())
    }
}

impl fmt::Debug for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Regularizer");
        for term in self.record().terms {
            tuple.field(&term);
        }
        tuple.finish()
    }
}

/// A dtype that is computed with: widened to f64 and rounded back.
trait Floating: Element {
    fn widen(self) -> f64;
    fn narrow(x: f64) -> Self;
}

macro_rules! floating {
    ($( $type:ty, $narrow:expr; )+) => { $(
        impl Floating for $type {
            fn widen(self) -> f64 {
                self.into()
            }

            fn narrow(x: f64) -> Self {
                let narrow: fn(f64) -> Self = $narrow;
                narrow(x)
            }
        }
    )+ };
}

floating! {
    f16, f16::from_f64;
    bf16, bf16::from_f64;
    f32, |x| x as f32;
    f64, |x| x;
}

/// Adds the slope at each element to the gradient. `F` is `T` itself, by the name under which it can be computed with.
fn add_slopes<T: Element, F: Floating>(
    value: ArrayView<'_, T, IxDyn>,
    gradient: ArrayViewMut<'_, T, IxDyn>,
    slope: impl Fn(f64) -> f64,
) {
    Zip::from(gradient).and(value).for_each(|gradient, element| {
        let before: F = bytemuck::checked::cast(*gradient);
        let x: F = bytemuck::checked::cast(*element);
        *gradient = bytemuck::checked::cast(F::narrow(before.widen() + slope(x.widen())));
    });
}

/// The scale, or `None` where it is 0.
fn check_scale(regularizer: &str, scale: f64) -> Result<Option<f64>> {
    if scale >= 0.0 {
        return Ok(Some(scale).filter(|scale| *scale > 0.0));
    }
    let what = format!("the scale of the {regularizer} regularizer is {scale}");
    Err(Error::new(ErrorKind::RegularizerBadArgument, what).advise("give a scale of 0 or more"))
}

fn check_floating(dtype: DType) -> Result<()> {
    if dtype.is_floating() {
        return Ok(());
    }
    let what = format!("the regularizer cannot handle elements of {dtype}, only floating-point ones");
    Err(Error::new(ErrorKind::RegularizerUnsupportedDtype, what)
        .advise("switch it off for this variable with `regularizer::none()`"))
}

fn call(name: Option<&str>, function: Option<&RegularizerFunction>, value: &Tensor) -> Result<Option<f64>> {
    let called = name.map(|name| format!(" {name:?}")).unwrap_or_default();
    let Some(function) = function else {
        let what = format!("the regularizer{called} is a function that this process has not supplied");
        return Err(
            Error::new(ErrorKind::RegularizerUnbound, what).advise("get the variable with that regularizer first")
        );
    };
    function(value).map_err(|error| {
        Error::new(ErrorKind::UserFunctionFailed, format!("the regularizer{called} failed")).caused_by(error)
    })
}

/// The scale times the sum of a function of the elements, each step rounded to the dtype as TensorFlow's kernels do.
fn scaled_sum(scale: f64, dtype: DType, bytes: &[u8], each: impl Fn(f64) -> f64) -> Result<f64> {
    let sum = match dtype {
        DType::F16 => sum_of(bytes, |x| f16::from_le_bytes(x).into(), each),
        DType::BF16 => sum_of(bytes, |x| bf16::from_le_bytes(x).into(), each),
        DType::F32 => sum_of(bytes, |x| f32::from_le_bytes(x).into(), each),
        DType::F64 => sum_of(bytes, f64::from_le_bytes, each),
        other => return Err(check_floating(other).expect_err("the floating ones are above")),
    };
    Ok(round_to(dtype, round_to(dtype, scale) * round_to(dtype, sum)))
}

/// Sums in blocks, so that the error grows with the length of a block and the number of blocks, not with the elements.
fn sum_of<const N: usize>(bytes: &[u8], widen: impl Fn([u8; N]) -> f64, each: impl Fn(f64) -> f64) -> f64 {
    const BLOCK_ELEMENTS: usize = 4096;
    let element = |bytes: &[u8]| each(widen(bytes.try_into().expect("chunks are of this length")));
    bytes.chunks(BLOCK_ELEMENTS * N).map(|block| block.chunks_exact(N).map(element).sum::<f64>()).sum()
}

/// The nearest number of the dtype.
fn round_to(dtype: DType, x: f64) -> f64 {
    match dtype {
        DType::F16 => f16::from_f64(x).into(),
        DType::BF16 => bf16::from_f64(x).into(),
        DType::F32 => f64::from(x as f32),
        _ => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;
    use proptest::prelude::*;

    fn tensor<T: Element>(elements: &[T]) -> Tensor {
        Tensor::from_vec([elements.len()], elements.to_vec()).unwrap()
    }

    #[test]
    fn losses_follow_the_formulas_in_the_dtype_of_the_value() {
        let value = tensor(&[1.0_f32, -2.0, 0.5]);
        assert_eq!(l1(0.5).unwrap().loss(&value).unwrap(), Some(1.75));
        assert_eq!(l2(0.5).unwrap().loss(&value).unwrap(), Some(1.3125));
        assert_eq!(l1_l2(0.5, 0.5).unwrap().loss(&value).unwrap(), Some(3.0625));
        let third = l1(1.0 / 3.0).unwrap();
        assert_eq!(third.loss(&tensor(&[1.0_f32])).unwrap(), Some(f64::from(1.0_f32 / 3.0)));
        assert_eq!(third.loss(&tensor(&[1.0_f64])).unwrap(), Some(1.0 / 3.0));
        let half = Some(f16::from_f64(1.0 / 3.0).to_f64());
        assert_eq!(third.loss(&tensor(&[f16::ONE])).unwrap(), half);
        assert_eq!(l2(1.0).unwrap().loss(&tensor::<bf16>(&[])).unwrap(), Some(0.0));
    }

    #[test]
    fn scales_of_zero_and_functions_of_nothing_add_no_loss() {
        let integers = tensor(&[1_i32]);
        for nothing in [l1(0.0).unwrap(), l1_l2(0.0, -0.0).unwrap(), none(), custom(|_| Ok(None))] {
            assert_eq!(nothing.loss(&integers).unwrap(), None);
            assert!(!nothing.applies_to(&integers).unwrap());
        }
        let partly = sum([custom(|_| Ok(None)), l1_l2(0.0, 2.0).unwrap(), custom(|_| Ok(Some(1.0)))]);
        assert_eq!(partly.loss(&tensor(&[1.0_f32])).unwrap(), Some(2.0));
        for scale in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(l1_l2(0.0, scale).unwrap_err().kind(), ErrorKind::RegularizerBadArgument);
            let record = RegularizerRecord { terms: vec![TermRecord::L1(scale)] };
            assert_eq!(Regularizer::from_record(&record).unwrap_err().kind(), ErrorKind::RegularizerBadArgument);
        }
    }

    #[test]
    fn only_floating_elements_are_regularized() {
        let text = Tensor::from_strings([1], &["x"]).unwrap();
        for value in [tensor(&[1_i32]), tensor(&[true]), tensor(&[num_complex::Complex::new(1.0_f32, 0.0)]), text] {
            for refused in [l2(1.0).unwrap().applies_to(&value).map(drop), l1(1.0).unwrap().loss(&value).map(drop)] {
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::RegularizerUnsupportedDtype);
            }
        }
    }

    #[test]
    fn a_recorded_function_must_be_supplied_again() {
        let mine = sum([l1(0.5).unwrap(), named("mine", |_| Ok(Some(1.0)))]);
        let bytes = serde_json::to_vec(&mine.record()).unwrap();
        let read = Regularizer::from_record(&serde_json::from_slice(&bytes).unwrap()).unwrap();
        let value = tensor(&[2.0_f32]);
        assert_eq!(read.loss(&value).unwrap_err().kind(), ErrorKind::RegularizerUnbound);
        assert!(mine.binds(&read) && !read.binds(&read) && !l1(0.5).unwrap().binds(&read));
        assert!(!mine.binds(&mine));
        assert_eq!(mine.loss(&value).unwrap(), Some(2.0));
        let failing = custom(|_| Err(Error::new(ErrorKind::InvalidArgument, "no")));
        assert_eq!(failing.loss(&value).unwrap_err().kind(), ErrorKind::UserFunctionFailed);
    }

    proptest! {
        /// The gradient is the slope of the loss.
        #[test]
        fn gradients_are_slopes(x in -8.0_f64..8.0, a in 0.0_f64..2.0, b in 0.0_f64..2.0) {
            prop_assume!(x.abs() > 1e-3);
            let both = l1_l2(a, b).unwrap();
            let loss = |x: f64| both.loss(&Tensor::from(x)).unwrap().unwrap_or(0.0);
            let step = 1e-5;
            let slope = (loss(x + step) - loss(x - step)) / (2.0 * step);
            let mut gradient = ArrayD::from_elem(IxDyn(&[]), 1.0);
            both.add_gradient(ArrayD::from_elem(IxDyn(&[]), x).view(), gradient.view_mut()).unwrap();
            prop_assert!((gradient[IxDyn(&[])] - 1.0 - slope).abs() < 1e-6);
        }
    }

    #[test]
    fn gradients_of_other_dtypes_shapes_and_functions_are_refused() {
        let zeros = |n: usize| ArrayD::<f32>::zeros(IxDyn(&[n]));
        let add = |regularizer: Regularizer, n| regularizer.add_gradient(zeros(2).view(), zeros(n).view_mut());
        add(l1(1.0).unwrap(), 2).unwrap();
        assert_eq!(add(l1(1.0).unwrap(), 3).unwrap_err().kind(), ErrorKind::AssignShapeMismatch);
        assert_eq!(add(custom(|_| Ok(None)), 2).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let integers = ArrayD::<i32>::zeros(IxDyn(&[1]));
        let refused = l1(1.0).unwrap().add_gradient(integers.view(), integers.clone().view_mut());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::RegularizerUnsupportedDtype);
    }
}
