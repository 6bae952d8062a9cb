//! Numbers as the rules of conversion see them: what of a [`Scalar`] an element type takes.

use half::{bf16, f16};
use num_complex::Complex;

use super::float::Float;
use super::scalar::Scalar;
use crate::dtype::Element;

/// An element type that numbers and truth values convert to and from.
pub(super) trait Number: Element {
    /// This number, without loss.
    fn scalar(self) -> Scalar;

    /// A scalar written by hand: only of a kind this type takes, and in its range.
    ///
    /// `true` is an integer, an integer is a float, a float is complex; never the other way, so 2.0 is no integer and 1
    /// is no `bool`.
    fn take(scalar: &Scalar) -> Option<Self>;

    /// An element of an array, converted as NumPy's `astype` does: towards zero, nonzero is true, the real part alone.
    /// What an integer type cannot hold is refused rather than wrapped round.
    fn cast(scalar: &Scalar) -> Option<Self>;
}

impl Number for bool {
    fn scalar(self) -> Scalar {
        Scalar::Bool(self)
    }

    fn take(scalar: &Scalar) -> Option<Self> {
        match scalar {
            Scalar::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    fn cast(scalar: &Scalar) -> Option<Self> {
        match scalar {
            Scalar::Bool(truth) => Some(*truth),
            Scalar::Int(int) => Some(*int != 0),
            Scalar::Float(float) => Some(*float != 0.0),
            Scalar::Complex(complex) => Some(complex.re != 0.0 || complex.im != 0.0),
            Scalar::Text(_) => None,
        }
    }
}

macro_rules! integers {
    ($( $type:ty )+) => { $(
        impl Number for $type {
            fn scalar(self) -> Scalar {
                Scalar::Int(self.into())
            }

            fn take(scalar: &Scalar) -> Option<Self> {
                match scalar {
                    Scalar::Bool(truth) => Some((*truth).into()),
                    Scalar::Int(int) => (*int).try_into().ok(),
                    _ => None,
                }
            }

            fn cast(scalar: &Scalar) -> Option<Self> {
                match scalar {
                    // Beyond the range of an i128 the conversion saturates, which is outside every type's range.
                    Scalar::Float(float) if !float.is_nan() => (*float as i128).try_into().ok(),
                    Scalar::Complex(complex) => Self::cast(&Scalar::Float(complex.re)),
                    other => Self::take(other),
                }
            }
        }
    )+ };
}

integers! { u8 u16 u32 u64 i8 i16 i32 i64 }

macro_rules! floats {
    ($( $type:ty )+) => { $(
        impl Number for $type {
            fn scalar(self) -> Scalar {
                Scalar::Float(self.widen())
            }

            fn take(scalar: &Scalar) -> Option<Self> {
                match scalar {
                    Scalar::Bool(truth) => Some(Self::nearest(f64::from(*truth))),
                    Scalar::Int(int) => Some(Self::of_integer(*int)),
                    Scalar::Float(float) => Some(Self::nearest(*float)),
                    _ => None,
                }
            }

            fn cast(scalar: &Scalar) -> Option<Self> {
                match scalar {
                    Scalar::Complex(complex) => Some(Self::nearest(complex.re)),
                    other => Self::take(other),
                }
            }
        }
    )+ };
}

floats! { f16 bf16 f32 f64 }

macro_rules! complexes {
    ($( $part:ty )+) => { $(
        impl Number for Complex<$part> {
            fn scalar(self) -> Scalar {
                Scalar::Complex(Complex::new(self.re.into(), self.im.into()))
            }

            fn take(scalar: &Scalar) -> Option<Self> {
                match scalar {
                    Scalar::Complex(complex) => Some(Self::new(complex.re as $part, complex.im as $part)),
                    other => Some(Self::new(<$part>::take(other)?, 0.0)),
                }
            }

            fn cast(scalar: &Scalar) -> Option<Self> {
                Self::take(scalar)
            }
        }
    )+ };
}

complexes! { f32 f64 }

/// Runs code with `$type` standing for the element type of a dtype that holds numbers or truth values.
macro_rules! with_number {
    ($dtype:expr, $type:ident => $run:expr, else $other:expr) => {
        match $dtype {
            $crate::dtype::DType::Bool => { type $type = bool; $run }
            $crate::dtype::DType::U8 => { type $type = u8; $run }
            $crate::dtype::DType::U16 => { type $type = u16; $run }
            $crate::dtype::DType::U32 => { type $type = u32; $run }
            $crate::dtype::DType::U64 => { type $type = u64; $run }
            $crate::dtype::DType::I8 => { type $type = i8; $run }
            $crate::dtype::DType::I16 => { type $type = i16; $run }
            $crate::dtype::DType::I32 => { type $type = i32; $run }
            $crate::dtype::DType::I64 => { type $type = i64; $run }
            $crate::dtype::DType::C64 => { type $type = num_complex::Complex<f32>; $run }
            $crate::dtype::DType::C128 => { type $type = num_complex::Complex<f64>; $run }
            other => $crate::scope::initializer::float::with_float!(other, $type => $run, else $other),
        }
    };
}

pub(super) use with_number;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_taken_only_by_kinds_that_hold_it() {
        assert_eq!(i32::take(&Scalar::from(2.0)), None);
        assert_eq!(bool::take(&Scalar::from(1)), None);
        assert_eq!(i8::take(&Scalar::from(128)), None);
        assert_eq!(u64::take(&Scalar::from(u64::MAX)), Some(u64::MAX));
        assert_eq!(u8::take(&Scalar::from(true)), Some(1));
        assert_eq!(f32::take(&Scalar::from(true)), Some(1.0));
        assert_eq!(f32::take(&Scalar::from(Complex::new(1.0, 0.0))), None);
        assert_eq!(Complex::<f32>::take(&Scalar::from(3)), Some(Complex::new(3.0, 0.0)));
        assert_eq!(f64::take(&Scalar::from("1")), None);
    }

    #[test]
    fn an_element_is_cast_as_numpy_does() {
        assert_eq!(i32::cast(&Scalar::from(-2.9)), Some(-2));
        assert_eq!(bool::cast(&Scalar::from(f64::NAN)), Some(true));
        assert_eq!(bool::cast(&Scalar::from(-0.0)), Some(false));
        assert_eq!(f32::cast(&Scalar::from(Complex::new(1.5, 9.0))), Some(1.5));
        for far in [f64::NAN, f64::INFINITY, 1e300, -1.0, 256.0] {
            assert_eq!(u8::cast(&Scalar::from(far)), None, "{far}");
        }
        assert_eq!(u8::cast(&Scalar::from(-0.5)), Some(0));
        assert_eq!(u8::cast(&Scalar::from("7")), None);
    }
}
