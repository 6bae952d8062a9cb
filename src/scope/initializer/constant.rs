//! Functions that make the same value everywhere: zeros, ones, a constant.

use std::sync::Arc;

use super::number::{Number, with_number};
use super::scalar::{Constant, Scalar};
use super::{Initializer, InitializerFunction, Place, bad_argument, unsupported};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// Zeros; `false`; empty strings. For every dtype but the raw ones.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
pub fn zeros() -> Initializer {
    Zeros.into()
}

/// Ones; `true`. For every dtype of numbers and `bool`.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`, for strings and raw dtypes.
pub fn ones() -> Initializer {
    Ones.into()
}

/// One scalar everywhere, or a list laid out in row-major order, whose last element fills what it leaves.
///
/// The constant has a kind, not a dtype: it is laid down in the dtype of the variable, which must take its kind.
/// Integers take integers and truth values; floats these and floats; complex numbers all numbers; `bool` truth values
/// only; strings text only. In a slice of a partitioned variable a list starts anew. A variable or slice without
/// elements takes any constant.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`, if the dtype does not take the kind, or an integer is beyond its range;
/// `constant_too_many_elements`, if the list is longer than the variable; `invalid_argument`, if it is empty and the
/// variable is not.
///
/// ```
/// use varkeep::init;
/// init::constant(0.1); // every element
/// init::constant([1, 2, 3]); // 1, 2, 3, 3, 3, …
/// ```
pub fn constant(constant: impl Into<Constant>) -> Initializer {
    Fill(Arc::new(constant.into())).into()
}

struct Zeros;

impl InitializerFunction for Zeros {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        if place.dtype.is_raw() {
            return Err(unsupported(place, "zeros"));
        }
        Tensor::zeros(place.dtype, place.shape.clone())
    }
}

struct Ones;

impl InitializerFunction for Ones {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        with_number!(place.dtype, T => {
            let one = T::take(&Scalar::Bool(true)).expect("every type of numbers takes a truth value");
            lay_out(&[one], place)
        }, else Err(unsupported(place, "ones")))
    }
}

struct Fill(Arc<Constant>);

impl InitializerFunction for Fill {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        if place.shape.elements() == 0 {
            return Tensor::zeros(place.dtype, place.shape.clone());
        }
        let scalars = self.0.scalars();
        if scalars.is_empty() {
            return Err(bad_argument(place, "an empty list of constants cannot fill a variable"));
        }
        if place.dtype == DType::String {
            let texts = scalars.iter().map(|scalar| match scalar {
                Scalar::Text(text) => Ok(text.as_slice()),
                other => Err(unsupported(place, format_args!("the constant {other}"))),
            });
            let texts: Vec<&[u8]> = texts.collect::<Result<_>>()?;
            check_count(texts.len(), place)?;
            let count = place.shape.elements() as usize;
            let last = texts[texts.len() - 1];
            let laid_out: Vec<_> = texts.into_iter().chain(std::iter::repeat(last)).take(count).collect();
            return Tensor::from_strings(place.shape, &laid_out);
        }
        with_number!(place.dtype, T => {
            let elements = scalars.iter().map(|scalar| {
                T::take(scalar).ok_or_else(|| unsupported(place, format_args!("the constant {scalar}")))
            });
            lay_out(&elements.collect::<Result<Vec<T>>>()?, place)
        }, else Err(unsupported(place, "a constant")))
    }
}

/// These elements, of which there is at least one, and the last of them from there on.
fn lay_out<T: Number>(elements: &[T], place: &Place<'_>) -> Result<Tensor> {
    let mut tensor = Tensor::zeros(T::DTYPE, place.shape.clone())?;
    if place.shape.elements() == 0 {
        return Ok(tensor);
    }
    check_count(elements.len(), place)?;
    let (head, tail) = tensor.elements_mut()?.split_at_mut(elements.len());
    head.copy_from_slice(elements);
    tail.fill(elements[elements.len() - 1]);
    Ok(tensor)
}

fn check_count(count: usize, place: &Place<'_>) -> Result<()> {
    let room = place.shape.elements();
    if count as u64 <= room {
        return Ok(());
    }
    let what = format!("{count} constants do not fit into shape {}, which has {room} elements", place.shape);
    Err(Error::new(ErrorKind::ConstantTooManyElements, what).of_variable(place.name))
}
