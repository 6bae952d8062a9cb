//! The identity matrix.

use super::number::{Number, with_number};
use super::scalar::Scalar;
use super::{Initializer, InitializerFunction, Place, unsupported};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// The identity matrix times `gain`: of the whole variable, so that a slice holds its part of the diagonal.
///
/// For matrices of floats and complex numbers; they need not be square, and may be empty.
///
/// # Errors
/// When run: `initializer_rank`, if the whole variable is no matrix; then `initializer_dtype_unsupported`.
pub fn identity(gain: f64) -> Initializer {
    Identity { gain }.into()
}

struct Identity {
    gain: f64,
}

impl InitializerFunction for Identity {
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        let ([_, _], &[rows, columns]) = (place.full_shape.sizes(), place.shape.sizes()) else {
            let what = format!("identity needs a matrix, not shape {}", place.full_shape);
            return Err(Error::new(ErrorKind::InitializerRank, what).of_variable(place.name));
        };
        let dtype = place.dtype;
        if !dtype.is_floating() && !dtype.is_complex() {
            return Err(unsupported(place, "identity"));
        }
        let offset = |axis: usize| place.offset.get(axis).copied().unwrap_or(0);
        with_number!(dtype, T => {
            let gain = T::take(&Scalar::Float(self.gain)).ok_or_else(|| unsupported(place, "identity"))?;
            let mut tensor = Tensor::zeros(dtype, place.shape.clone())?;
            let elements = tensor.elements_mut::<T>()?;
            for row in 0..rows {
                let column = (offset(0).saturating_add(row)).checked_sub(offset(1));
                if let Some(column) = column.filter(|column| *column < columns) {
                    elements[(row * columns + column) as usize] = gain;
                }
            }
            Ok(tensor)
        }, else Err(unsupported(place, "identity")))
    }
}
