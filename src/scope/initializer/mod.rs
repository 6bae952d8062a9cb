//! Initializers: where the first value of a variable comes from.
//!
//! TensorFlow tells functions from values, and among values a tensor from an array from a bare literal, because its
//! rules treat each differently (dtype, shape, partitioning). So does [`Initializer`].

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::Result;
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

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

/// A bare literal: a number, truth value or text, or a flat list of them, with a dtype of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    tensor: Tensor,
}

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
            Self::Literal(literal) => write!(f, "Literal({})", literal.tensor.dtype()),
        }
    }
}

impl Literal {
    /// The literal as an array of its own dtype: bool, int32, float32 or string.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }
}
