//! Constants written by hand: numbers, truth values and texts, and flat lists of them.

use std::fmt;

use half::{bf16, f16};
use num_complex::Complex;

/// One number, truth value or text, of no dtype yet: only of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(Complex<f64>),
    /// A byte string.
    Text(Vec<u8>),
}

/// A [`Scalar`], or a flat list of them.
///
/// A list may mix kinds: `Constant::from(vec![Scalar::from(1), Scalar::from(2.5)])`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    scalars: Vec<Scalar>,
    is_list: bool,
}

impl Constant {
    /// The scalar alone, or the elements of the list.
    pub fn scalars(&self) -> &[Scalar] {
        &self.scalars
    }

    /// Whether this is a list, if only of one element.
    pub fn is_list(&self) -> bool {
        self.is_list
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(int) => write!(f, "{int}"),
            // With a point or an exponent, so that it is seen to be a float.
            Self::Float(float) => write!(f, "{float:?}"),
            Self::Complex(complex) => write!(f, "{complex}"),
            Self::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
        }
    }
}

macro_rules! scalars {
    ($( $type:ty: $value:ident => $scalar:expr; )+) => { $(
        impl From<$type> for Scalar {
            fn from($value: $type) -> Self {
                $scalar
            }
        }

        constants! { $type }
    )+ };
}

macro_rules! constants {
    ($type:ty) => {
        impl From<$type> for Constant {
            fn from(value: $type) -> Self {
                Self { scalars: vec![value.into()], is_list: false }
            }
        }

        impl From<Vec<$type>> for Constant {
            fn from(values: Vec<$type>) -> Self {
                Self { scalars: values.into_iter().map(Scalar::from).collect(), is_list: true }
            }
        }

        impl From<&[$type]> for Constant {
            fn from(values: &[$type]) -> Self {
                values.to_vec().into()
            }
        }

        impl<const N: usize> From<[$type; N]> for Constant {
            fn from(values: [$type; N]) -> Self {
                Vec::from(values).into()
            }
        }
    };
}

scalars! {
    bool: truth => Self::Bool(truth);
    i8: int => Self::Int(int.into());
    i16: int => Self::Int(int.into());
    i32: int => Self::Int(int.into());
    i64: int => Self::Int(int.into());
    u8: int => Self::Int(int.into());
    u16: int => Self::Int(int.into());
    u32: int => Self::Int(int.into());
    u64: int => Self::Int(int.into());
    f16: float => Self::Float(float.into());
    bf16: float => Self::Float(float.into());
    f32: float => Self::Float(float.into());
    f64: float => Self::Float(float);
    Complex<f32>: complex => Self::Complex(Complex::new(complex.re.into(), complex.im.into()));
    Complex<f64>: complex => Self::Complex(complex);
    &str: text => Self::Text(text.as_bytes().to_vec());
    String: text => Self::Text(text.into_bytes());
}

constants! { Scalar }
