//! Initializers: where the first value of a variable comes from.
//!
//! TensorFlow tells functions from values, and among values a tensor from an array from a bare literal, because its
//! rules treat each differently (dtype, shape, partitioning). So does [`Initializer`].
//!
//! | made by | form | shape and dtype |
//! |---|---|---|
//! | [`zeros`], [`ones`], [`constant()`], [`identity()`], [`function`], [`fill`], and all of [`Random`] | function | those asked for |
//! | [`nullary`] | function without parameters | its own |
//! | [`tensor`], [`tensor_with_static_shape`], an ndarray itself | tensor | its own |
//! | [`array()`] | array | its own; converted when it is cut into slices |
//! | [`literal()`] | literal | its own; converted, strictly, when it is cut into slices |
//!
//! A bare number converts into none of them: whether `1.0` is a [`constant()`] that takes the variable's dtype and shape
//! or a [`literal()`] with its own is said, never guessed.

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

mod closure;
mod constant;
mod convert;
mod float;
mod identity;
mod literal;
mod normal;
mod number;
mod orthogonal;
mod random;
mod scalar;
mod scaling;
mod stream;
#[cfg(test)]
mod tests;
mod value;

pub use closure::{fill, function, nullary};
pub use constant::{constant, ones, zeros};
pub use identity::identity;
pub use literal::{Literal, literal};
pub use orthogonal::orthogonal;
pub use random::{Random, random_normal, random_uniform, truncated_normal, uniform_unit_scaling};
pub use scalar::{Constant, Scalar};
pub use scaling::{
    Distribution, Mode, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform,
    variance_scaling,
};
pub use value::{array, tensor, tensor_with_static_shape};

/// What an initializer function is asked to make: one slice of a variable, or all of it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Full name of the variable, or of the whole that the slice belongs to.
    pub name: &'a str,
    /// Shape of the whole.
    pub full_shape: &'a Shape,
    /// Where in the whole the slice starts, one index per axis; all zero for a variable in one piece.
    pub offset: &'a [u64],
    /// Shape to make.
    pub shape: &'a Shape,
    /// Type to make.
    pub dtype: DType,
    /// The store's seed: unseeded random functions derive theirs from it, the name and the offset.
    pub store_seed: u64,
}

/// A function that makes the first value of a variable. It may run more than once for one variable.
pub trait InitializerFunction: Send + Sync {
    /// Makes a value of the shape and dtype of `place`.
    ///
    /// # Errors
    /// `initializer_dtype_unsupported`, `initializer_rank`, and whatever the function itself fails with.
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor>;
}

/// A function without parameters that makes a value of its own shape and dtype.
pub type NullaryFunction = dyn Fn() -> Result<Tensor> + Send + Sync;

/// Where the first value of a variable comes from.
#[derive(Clone)]
pub enum Initializer {
    /// A function of shape, dtype and place.
    Function(Arc<dyn InitializerFunction>),
    /// A function without parameters.
    Nullary(Arc<NullaryFunction>),
    /// A tensor, of which only `static_shape` is known beforehand.
    Tensor {
        /// The value.
        value: Tensor,
        /// What is known of its shape before it is looked at.
        static_shape: PartialShape,
    },
    /// A plain array.
    Array(Tensor),
    /// A bare literal.
    Literal(Literal),
}

impl fmt::Debug for Initializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(_) => f.write_str("Function"),
            Self::Nullary(_) => f.write_str("Nullary"),
            Self::Tensor { value, static_shape } => write!(f, "Tensor({} {static_shape})", value.dtype()),
            Self::Array(value) => write!(f, "Array({} {})", value.dtype(), value.shape()),
            Self::Literal(literal) => write!(f, "Literal({})", literal.tensor().dtype()),
        }
    }
}

impl<F: InitializerFunction + 'static> From<F> for Initializer {
    fn from(function: F) -> Self {
        Self::Function(Arc::new(function))
    }
}

/// The refusal of a dtype that an initializer cannot make.
fn unsupported(place: &Place<'_>, what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InitializerDtypeUnsupported, format!("{what} cannot initialize {}", place.dtype))
        .of_variable(place.name)
}

/// The refusal of an argument that makes no sense, found when the initializer is run.
fn bad_argument(place: &Place<'_>, what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, what).of_variable(place.name)
}
