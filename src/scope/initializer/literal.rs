//! Literals: values written by hand, with a dtype that follows from how they are written.

use super::Initializer;
use super::number::{Number, with_number};
use super::scalar::{Constant, Scalar};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// A bare literal: a number, truth value or text, or a flat list of them, with a dtype of its own.
///
/// The dtype is bool, int32, float32 or string. A list that holds a float is float32, else one that holds an integer
/// int32; an empty list is float32.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    tensor: Tensor,
    constant: Constant,
}

/// A literal, as an initializer that is a value: the variable takes its shape and dtype.
///
/// Takes `bool`, `i32`, `f32`, `f64` (made float32), text, and flat lists of these. [`Literal::new`] takes what is known
/// only when the program runs.
pub fn literal(literal: impl Into<Literal>) -> Initializer {
    literal.into().into()
}

impl Literal {
    /// A literal of what is known only when the program runs.
    ///
    /// # Errors
    /// `initializer_dtype_unsupported`, if an integer is beyond int32, or texts and numbers are mixed, or a number is
    /// complex.
    pub fn new(constant: impl Into<Constant>) -> Result<Self> {
        let constant = constant.into();
        let scalars = constant.scalars();
        let dtype = if scalars.iter().any(|scalar| matches!(scalar, Scalar::Text(_))) {
            DType::String
        } else if scalars.is_empty() || scalars.iter().any(|scalar| matches!(scalar, Scalar::Float(_))) {
            DType::F32
        } else if scalars.iter().any(|scalar| matches!(scalar, Scalar::Int(_))) {
            DType::I32
        } else {
            DType::Bool
        };
        Ok(Self { tensor: of_dtype(&constant, dtype)?, constant })
    }

    /// The literal as an array of its own dtype: bool, int32, float32 or string.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// Whether it is a list, and so has one axis.
    pub fn is_list(&self) -> bool {
        self.constant.is_list()
    }

    /// The literal in another dtype, which must take its kind, as for a [`constant`](super::constant()).
    ///
    /// # Errors
    /// `initializer_dtype_unsupported`, if the dtype does not take the kind, or an integer is beyond its range.
    pub fn to_dtype(&self, dtype: DType) -> Result<Tensor> {
        of_dtype(&self.constant, dtype)
    }
}

impl From<Literal> for Initializer {
    fn from(literal: Literal) -> Self {
        Self::Literal(literal)
    }
}

fn of_dtype(constant: &Constant, dtype: DType) -> Result<Tensor> {
    let scalars = constant.scalars();
    let shape = if constant.is_list() { vec![scalars.len()] } else { vec![] };
    let refused = |scalar: &Scalar| {
        let what = format!("the literal {scalar} is no {dtype}");
        Error::new(ErrorKind::InitializerDtypeUnsupported, what)
    };
    if dtype == DType::String {
        let texts = scalars.iter().map(|scalar| match scalar {
            Scalar::Text(text) => Ok(text.as_slice()),
            other => Err(refused(other)),
        });
        return Tensor::from_strings(shape, &texts.collect::<Result<Vec<_>>>()?);
    }
    with_number!(dtype, T => {
        let elements = scalars.iter().map(|scalar| T::take(scalar).ok_or_else(|| refused(scalar)));
        Tensor::from_vec(shape, elements.collect::<Result<Vec<T>>>()?)
    }, else {
        let what = format!("a literal cannot initialize {dtype}");
        Err(Error::new(ErrorKind::InitializerDtypeUnsupported, what))
    })
}

macro_rules! literals {
    ($( $type:ty )+) => { $(
        literals! { @one $type, }
        literals! { @one Vec<$type>, }
        literals! { @one &[$type], }
        literals! { @one [$type; N], const N: usize }
    )+ };
    (@one $type:ty, $($parameter:tt)*) => {
        impl<$($parameter)*> From<$type> for Literal {
            fn from(value: $type) -> Self {
                Self::new(value).expect("this type has a dtype among literals")
            }
        }
    };
}

literals! { bool i32 f32 f64 &str String }
