//! The conversion of an array, element by element.

use super::number::{Number, with_number};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// The array in another dtype, as NumPy's `astype` converts it; numbers that an integer type cannot hold are refused.
pub(super) fn as_type(array: &Tensor, dtype: DType) -> Result<Tensor> {
    with_number!(array.dtype(), From => {
        with_number!(dtype, To => cast::<From, To>(array), else Err(refused(array, dtype)))
    }, else Err(refused(array, dtype)))
}

fn cast<From: Number, To: Number>(array: &Tensor) -> Result<Tensor> {
    let mut converted = Tensor::zeros(To::DTYPE, array.shape().clone())?;
    for (to, from) in converted.elements_mut::<To>()?.iter_mut().zip(array.elements::<From>()?) {
        let scalar = from.scalar();
        *to = To::cast(&scalar).ok_or_else(|| {
            let what = format!("{scalar}, an element of an array of {}, is no {}", From::DTYPE, To::DTYPE);
            Error::new(ErrorKind::InitializerDtypeUnsupported, what)
        })?;
    }
    Ok(converted)
}

fn refused(array: &Tensor, dtype: DType) -> Error {
    let what = format!("an array of {} cannot be made {dtype}", array.dtype());
    Error::new(ErrorKind::InitializerDtypeUnsupported, what)
}
