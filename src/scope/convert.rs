//! How a value that is no tensor takes the dtype asked for, where a partitioner makes it do so.

use std::borrow::Cow;

use half::{bf16, f16};
use num_complex::Complex;

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// A number on its way from one dtype to another.
#[derive(Clone, Copy)]
enum Number {
    Integer(i128),
    Real(f64),
    Complex(Complex<f64>),
}

impl Number {
    fn is_true(self) -> bool {
        match self {
            Self::Integer(n) => n != 0,
            Self::Real(x) => x != 0.0,
            Self::Complex(z) => z.re != 0.0 || z.im != 0.0,
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Real(x) => x,
            Self::Complex(z) => z.re,
        }
    }

    /// Towards zero; what is beyond every integer ends at the last, and no number is 0.
    fn integer(self) -> i128 {
        match self {
            Self::Integer(n) => n,
            Self::Real(x) => x as i128,
            Self::Complex(z) => z.re as i128,
        }
    }

    fn complex(self) -> Complex<f64> {
        match self {
            Self::Complex(z) => z,
            real => Complex::new(real.real(), 0.0),
        }
    }
}

trait Numeric: Element {
    fn to_number(self) -> Number;
    fn from_number(number: Number) -> Self;
}

macro_rules! numeric {
    ($( $type:ty: |$value:ident| $to:expr, |$number:ident| $from:expr; )+) => { $(
        impl Numeric for $type {
            fn to_number(self) -> Number {
                let $value = self;
                $to
            }

            fn from_number($number: Number) -> Self {
                $from
            }
        }
    )+ };
    (@integers $( $type:ty )+) => {
        numeric! { $( $type: |x| Number::Integer(x.into()), |n| n.integer() as $type; )+ }
    };
}

// Casts between integers wrap round, as NumPy's do.
numeric!(@integers u8 u16 u32 u64 i8 i16 i32 i64);
numeric! {
    bool: |x| Number::Integer(x.into()), |n| n.is_true();
    f16: |x| Number::Real(x.into()), |n| f16::from_f64(n.real());
    bf16: |x| Number::Real(x.into()), |n| bf16::from_f64(n.real());
    f32: |x| Number::Real(x.into()), |n| match n {
        // Straight from the integer: through f64 it would be rounded twice.
        Number::Integer(n) => n as f32,
        other => other.real() as f32,
    };
    f64: |x| Number::Real(x), |n| n.real();
    Complex<f32>: |z| Number::Complex(Complex::new(z.re.into(), z.im.into())), |n| match n {
        Number::Integer(n) => Complex::new(n as f32, 0.0),
        other => { let z = other.complex(); Complex::new(z.re as f32, z.im as f32) }
    };
    Complex<f64>: |z| Number::Complex(z), |n| n.complex();
}

/// Calls a generic function with the Rust type of a dtype; `None` for byte strings and raw dtypes.
macro_rules! with_type {
    ($dtype:expr, $function:ident($($argument:expr),*)) => { with_type!($dtype, $function::<>($($argument),*)) };
    ($dtype:expr, $function:ident::<$($before:ty),*>($($argument:expr),*)) => {
        match $dtype {
            DType::Bool => Some($function::<$($before,)* bool>($($argument),*)),
            DType::U8 => Some($function::<$($before,)* u8>($($argument),*)),
            DType::U16 => Some($function::<$($before,)* u16>($($argument),*)),
            DType::U32 => Some($function::<$($before,)* u32>($($argument),*)),
            DType::U64 => Some($function::<$($before,)* u64>($($argument),*)),
            DType::I8 => Some($function::<$($before,)* i8>($($argument),*)),
            DType::I16 => Some($function::<$($before,)* i16>($($argument),*)),
            DType::I32 => Some($function::<$($before,)* i32>($($argument),*)),
            DType::I64 => Some($function::<$($before,)* i64>($($argument),*)),
            DType::F16 => Some($function::<$($before,)* f16>($($argument),*)),
            DType::BF16 => Some($function::<$($before,)* bf16>($($argument),*)),
            DType::F32 => Some($function::<$($before,)* f32>($($argument),*)),
            DType::F64 => Some($function::<$($before,)* f64>($($argument),*)),
            DType::C64 => Some($function::<$($before,)* Complex<f32>>($($argument),*)),
            DType::C128 => Some($function::<$($before,)* Complex<f64>>($($argument),*)),
            _ => None,
        }
    };
}

/// The array in another dtype, element by element as NumPy's `astype` does it.
///
/// Reals become integers by truncation towards zero, integers wrap round, anything but zero is true, a complex number
/// that becomes real loses its imaginary part.
///
/// # Errors
/// `initializer_dtype_unsupported` between text and numbers, and for the dtypes that are only bytes.
pub fn convert_array(array: &Tensor, dtype: DType) -> Result<Cow<'_, Tensor>> {
    fn from<S: Numeric>(array: &Tensor, dtype: DType) -> Option<Result<Tensor>> {
        with_type!(dtype, cast::<S>(array))
    }
    fn cast<S: Numeric, T: Numeric>(array: &Tensor) -> Result<Tensor> {
        let elements = array.elements::<S>()?.iter().map(|x| T::from_number(x.to_number()));
        Tensor::from_vec(array.shape(), elements.collect::<Vec<T>>())
    }
    if array.dtype() == dtype {
        return Ok(Cow::Borrowed(array));
    }
    match with_type!(array.dtype(), from(array, dtype)).flatten() {
        Some(converted) => converted.map(Cow::Owned),
        None => Err(unsupported("an array", array.dtype(), dtype, "give an array of the variable's dtype")),
    }
}

/// The literal in another dtype, if it is of a kind that the dtype takes.
///
/// # Errors
/// `initializer_dtype_unsupported` for a real where integers are wanted (even 2.0), a number where truth values are,
/// text where numbers are or the reverse, and an integer that the dtype cannot hold.
pub fn convert_literal(literal: &Tensor, dtype: DType) -> Result<Cow<'_, Tensor>> {
    let held = literal.dtype();
    let taken = held == dtype
        || match dtype {
            DType::Bool | DType::String => false,
            _ if dtype.is_integer() => held == DType::Bool || held.is_integer(),
            _ if dtype.is_floating() => held == DType::Bool || held.is_integer() || held.is_floating(),
            _ => dtype.is_complex(),
        };
    let refused = |what: &str| Err(unsupported(what, held, dtype, "write a literal of the variable's kind"));
    if !taken {
        return refused("a literal");
    }
    if held.is_integer() && dtype.is_integer() && !keeps_integers(literal, dtype)? {
        return refused("a literal with a number out of range");
    }
    convert_array(literal, dtype)
}

/// Whether every integer is one of the other dtype too.
fn keeps_integers(literal: &Tensor, dtype: DType) -> Result<bool> {
    fn from<S: Numeric>(literal: &Tensor, dtype: DType) -> Option<Result<bool>> {
        with_type!(dtype, all_kept::<S>(literal))
    }
    fn all_kept<S: Numeric, T: Numeric>(literal: &Tensor) -> Result<bool> {
        let mut integers = literal.elements::<S>()?.iter().map(|x| x.to_number().integer());
        Ok(integers.all(|n| T::from_number(Number::Integer(n)).to_number().integer() == n))
    }
    with_type!(literal.dtype(), from(literal, dtype)).flatten().unwrap_or(Ok(false))
}

fn unsupported(what: &str, held: DType, dtype: DType, advice: &str) -> Error {
    let what = format!("{what} of {held} cannot initialize a variable of {dtype}");
    Error::new(ErrorKind::InitializerDtypeUnsupported, what).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tensor<T: Element>(elements: &[T]) -> Tensor {
        Tensor::from_vec([elements.len()], elements.to_vec()).unwrap()
    }

    fn as_type<T: Element>(array: &Tensor) -> Vec<T> {
        convert_array(array, T::DTYPE).unwrap().elements::<T>().unwrap().to_vec()
    }

    #[test]
    fn arrays_convert_as_numpy_does() {
        let reals = tensor(&[-1.9_f64, 0.0, 0.5, 300.0, f64::NAN]);
        assert_eq!(as_type::<i32>(&reals), [-1, 0, 0, 300, 0]);
        assert_eq!(as_type::<i8>(&reals), [-1, 0, 0, 44, 0]);
        assert_eq!(as_type::<bool>(&reals), [true, false, true, true, true]);
        assert_eq!(as_type::<f16>(&reals)[3], f16::from_f32(300.0));
        assert_eq!(as_type::<bf16>(&reals)[0], bf16::from_f64(-1.9));
        assert_eq!(as_type::<Complex<f32>>(&reals)[2], Complex::new(0.5, 0.0));
        let integers = tensor(&[-1_i64, 256, i64::MAX]);
        assert_eq!(as_type::<u8>(&integers), [255, 0, 255]);
        assert_eq!(as_type::<f32>(&integers)[2].to_bits(), (i64::MAX as f32).to_bits());
        let complex = tensor(&[Complex::new(0.0_f32, 2.0), Complex::new(-1.5, 1.0)]);
        assert_eq!(as_type::<bool>(&complex), [true, true]);
        assert_eq!(as_type::<i16>(&complex), [0, -1]);
        assert_eq!(as_type::<f32>(&tensor(&[true, false])), [1.0, 0.0]);
    }

    #[test]
    fn text_and_numbers_do_not_meet() {
        let text = Tensor::from_strings([1], &["1"]).unwrap();
        for (array, dtype) in [(&text, DType::F32), (&tensor(&[1.0_f32]), DType::String), (&text, DType::F8E5M2)] {
            assert_eq!(convert_array(array, dtype).unwrap_err().kind(), ErrorKind::InitializerDtypeUnsupported);
        }
        assert!(matches!(convert_array(&text, DType::String), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn literals_must_be_of_the_kind_that_the_dtype_takes() {
        let real = tensor(&[2.0_f32]);
        let integer = tensor(&[2_i32]);
        let truth = tensor(&[true]);
        let text = Tensor::from_strings([1], &["2"]).unwrap();
        for dtype in [DType::Bool, DType::U8, DType::I64, DType::F16, DType::F64, DType::C64, DType::String] {
            let taken = |literal| convert_literal(literal, dtype).is_ok();
            assert_eq!(taken(&real), dtype.is_floating() || dtype.is_complex(), "real in {dtype}");
            let numeric = !matches!(dtype, DType::Bool | DType::String);
            assert_eq!(taken(&integer), numeric, "integer in {dtype}");
            assert_eq!(taken(&truth), dtype != DType::String, "bool in {dtype}");
            assert_eq!(taken(&text), dtype == DType::String, "text in {dtype}");
        }
        for (integer, dtype) in [(-1_i32, DType::U32), (-1, DType::U64), (300, DType::U8), (200, DType::I8)] {
            let error = convert_literal(&tensor(&[integer]), dtype).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InitializerDtypeUnsupported, "{integer} in {dtype}");
        }
    }

    proptest! {
        #[test]
        fn what_fits_comes_back(integers in prop::collection::vec(any::<i8>(), 0..20)) {
            let array = tensor(&integers);
            for dtype in DType::ALL.iter().filter(|dtype| dtype.bits().is_some_and(|bits| bits >= 16) && !dtype.is_raw()) {
                if matches!(dtype, DType::U16 | DType::U32 | DType::U64) || *dtype == DType::BF16 {
                    continue;
                }
                let there = convert_array(&array, *dtype).unwrap();
                prop_assert_eq!(&*convert_array(&there, DType::I8).unwrap(), &array);
            }
        }
    }
}
