//! Values as initializers: a tensor, an array; what is known of them, and the part of them that a slice gets.

use ndarray::{Array, Dimension};

use super::convert::as_type;
use super::{Initializer, Place, bad_argument};
use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

/// A tensor: the variable takes its shape and dtype, under a partitioner too.
pub fn tensor(value: impl Into<Tensor>) -> Initializer {
    let value = value.into();
    Initializer::Tensor { static_shape: value.shape().into(), value }
}

/// A tensor of which only this much of the shape is known before it is looked at.
///
/// # Errors
/// `initializer_shape_mismatch`, if the value does not have such a shape.
pub fn tensor_with_static_shape(value: impl Into<Tensor>, static_shape: PartialShape) -> Result<Initializer> {
    let value = value.into();
    if !static_shape.is_compatible_with(&value.shape().into()) {
        let what = format!("a tensor of shape {} cannot be known to have shape {static_shape}", value.shape());
        return Err(Error::new(ErrorKind::InitializerShapeMismatch, what));
    }
    Ok(Initializer::Tensor { value, static_shape })
}

/// A plain array: the variable takes its shape and dtype, but under a partitioner it is converted to the dtype asked for.
pub fn array(value: impl Into<Tensor>) -> Initializer {
    Initializer::Array(value.into())
}

impl From<Tensor> for Initializer {
    fn from(value: Tensor) -> Self {
        tensor(value)
    }
}

impl<T: Element, D: Dimension> From<Array<T, D>> for Initializer {
    /// A tensor, as by [`tensor`].
    fn from(value: Array<T, D>) -> Self {
        tensor(value)
    }
}

impl Initializer {
    /// The value, unless this is a function.
    pub fn value(&self) -> Option<&Tensor> {
        match self {
            Self::Function(_) | Self::Nullary(_) => None,
            Self::Tensor { value, .. } | Self::Array(value) => Some(value),
            Self::Literal(literal) => Some(literal.tensor()),
        }
    }

    /// Whether this is a value: no function, not even one without parameters.
    pub fn is_value(&self) -> bool {
        self.value().is_some()
    }

    /// The dtype of the value, unless this is a function.
    pub fn dtype(&self) -> Option<DType> {
        self.value().map(Tensor::dtype)
    }

    /// What is known beforehand of the shape of the value, unless this is a function.
    pub fn static_shape(&self) -> Option<PartialShape> {
        match self {
            Self::Tensor { static_shape, .. } => Some(static_shape.clone()),
            other => other.value().map(|value| value.shape().into()),
        }
    }

    /// Makes the first value of a variable, or of a slice, whose shape and dtype are decided.
    ///
    /// A function is called, and its result checked. A value must have the full shape, and gives its part at the offset: a
    /// tensor as it is, an array converted element by element as NumPy's `astype` does, a literal only into a dtype
    /// that takes its kind.
    ///
    /// # Errors
    /// What the function fails with; `initializer_wrong_result`, if it made another shape or dtype;
    /// `initializer_takes_no_arguments`, for a function without parameters; `initializer_dtype_unsupported`,
    /// `initializer_dtype_mismatch` and `initializer_shape_mismatch`, for a value that does not fit; `invalid_argument`,
    /// if the place is not inside its own full shape.
    pub fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        match self {
            Self::Function(function) => {
                let made = function.initialize(place)?;
                check_result(&made, place)?;
                Ok(made)
            }
            Self::Nullary(_) => {
                let what = "an initializer function without parameters cannot be handed a shape";
                Err(Error::new(ErrorKind::InitializerTakesNoArguments, what)
                    .of_variable(place.name)
                    .advise("leave the shape out, or use a function that takes it"))
            }
            Self::Tensor { value, .. } if value.dtype() != place.dtype => {
                let what = format!("a tensor of {} cannot initialize {}", value.dtype(), place.dtype);
                Err(Error::new(ErrorKind::InitializerDtypeMismatch, what).of_variable(place.name))
            }
            Self::Tensor { value, .. } => part(value, place),
            Self::Array(value) if value.dtype() == place.dtype => part(value, place),
            Self::Array(value) => {
                check_shape(value, place)?;
                let converted = as_type(value, place.dtype).map_err(|error| error.of_variable(place.name))?;
                part(&converted, place)
            }
            Self::Literal(literal) => {
                let converted = literal.to_dtype(place.dtype).map_err(|error| error.of_variable(place.name))?;
                part(&converted, place)
            }
        }
    }
}

fn check_result(made: &Tensor, place: &Place<'_>) -> Result<()> {
    if made.dtype() == place.dtype && made.shape() == place.shape {
        return Ok(());
    }
    let what = format!(
        "the initializer was asked for {} of shape {}, and made {} of shape {}",
        place.dtype,
        place.shape,
        made.dtype(),
        made.shape()
    );
    Err(Error::new(ErrorKind::InitializerWrongResult, what).of_variable(place.name))
}

fn check_shape(value: &Tensor, place: &Place<'_>) -> Result<()> {
    if value.shape() == place.full_shape {
        return Ok(());
    }
    let what = format!("a value of shape {} cannot initialize shape {}", value.shape(), place.full_shape);
    Err(Error::new(ErrorKind::InitializerShapeMismatch, what).of_variable(place.name))
}

/// The part of a value that lies at the place.
fn part(value: &Tensor, place: &Place<'_>) -> Result<Tensor> {
    check_shape(value, place)?;
    if !lies_inside(place.offset, place.shape, place.full_shape) {
        let what =
            format!("shape {} at offset {:?} is not inside shape {}", place.shape, place.offset, place.full_shape);
        return Err(bad_argument(place, what));
    }
    if place.shape == place.full_shape { Ok(value.clone()) } else { value.cut(place.offset, place.shape) }
}

fn lies_inside(offset: &[u64], shape: &Shape, full: &Shape) -> bool {
    let mut axes = offset.iter().zip(shape.sizes()).zip(full.sizes());
    offset.len() == full.rank()
        && shape.rank() == full.rank()
        && axes.all(|((start, size), full)| start.checked_add(*size).is_some_and(|end| end <= *full))
}
