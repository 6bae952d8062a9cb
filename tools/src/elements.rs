//! Elements from their bytes: the one place that knows the element types.

use half::{bf16, f16};
use varkeep::{DType, Strings};

use crate::failure::{Failure, Outcome};
use crate::number::Number;
use crate::numpy::{Values, Width};

/// An element that is a real number, for statistics and comparisons.
pub(crate) trait Real: Copy + 'static {
    const BYTES: usize;

    fn of_bytes(bytes: &[u8]) -> Self;

    /// The value, rounded if it is an integer of more than 53 bits.
    fn widen(self) -> f64;

    fn number(self) -> Number;

    /// The size of the difference.
    fn distance(self, other: Self) -> Number;

    /// Whether it is less; false for NaN.
    fn is_below(self, other: Self) -> bool;
}

macro_rules! integers {
    ($( $type:ty, $widen:expr; )+) => { $(
        impl Real for $type {
            const BYTES: usize = size_of::<$type>();

            fn of_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("elements are cut at their size"))
            }

            fn widen(self) -> f64 {
                let widen: fn(Self) -> f64 = $widen;
                widen(self)
            }

            fn number(self) -> Number {
                Number::Int(self.into())
            }

            fn distance(self, other: Self) -> Number {
                Number::Int(self.abs_diff(other).into())
            }

            fn is_below(self, other: Self) -> bool {
                self < other
            }
        }
    )+ };
}

macro_rules! floats {
    ($( $type:ty )+) => { $(
        impl Real for $type {
            const BYTES: usize = size_of::<$type>();

            fn of_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("elements are cut at their size"))
            }

            fn widen(self) -> f64 {
                self.into()
            }

            fn number(self) -> Number {
                Number::Float(self.widen())
            }

            fn distance(self, other: Self) -> Number {
                Number::Float((self.widen() - other.widen()).abs())
            }

            fn is_below(self, other: Self) -> bool {
                self < other
            }
        }
    )+ };
}

integers! {
    u8, f64::from;
    u16, f64::from;
    u32, f64::from;
    u64, |x| x as f64;
    i8, f64::from;
    i16, f64::from;
    i32, f64::from;
    i64, |x| x as f64;
}
floats! { f16 bf16 f32 f64 }

/// Runs `$body` with `$Type` standing for the Rust type of a real dtype (`bool` as bytes); `$other` for any other.
macro_rules! with_real {
    ($dtype:expr, $Type:ident => $body:expr, _ => $other:expr) => {{
        macro_rules! run {
            ($type:ty) => {{
                type $Type = $type;
                $body
            }};
        }
        match $dtype {
            varkeep::DType::Bool | varkeep::DType::U8 => run!(u8),
            varkeep::DType::U16 => run!(u16),
            varkeep::DType::U32 => run!(u32),
            varkeep::DType::U64 => run!(u64),
            varkeep::DType::I8 => run!(i8),
            varkeep::DType::I16 => run!(i16),
            varkeep::DType::I32 => run!(i32),
            varkeep::DType::I64 => run!(i64),
            varkeep::DType::F16 => run!(half::f16),
            varkeep::DType::BF16 => run!(half::bf16),
            varkeep::DType::F32 => run!(f32),
            varkeep::DType::F64 => run!(f64),
            _ => $other,
        }
    }};
}
pub(crate) use with_real;

/// The real numbers in these bytes.
pub(crate) fn reals<T: Real>(bytes: &[u8]) -> impl ExactSizeIterator<Item = T> + '_ {
    bytes.chunks_exact(T::BYTES).map(T::of_bytes)
}

/// The complex numbers in these bytes, as pairs of `T`.
pub(crate) fn complexes<T: Real>(bytes: &[u8]) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
    bytes.chunks_exact(2 * T::BYTES).map(|both| {
        let (real, imaginary) = both.split_at(T::BYTES);
        (T::of_bytes(real).widen(), T::of_bytes(imaginary).widen())
    })
}

/// The magnitudes of the complex numbers in these bytes.
pub(crate) fn magnitudes<T: Real>(bytes: &[u8]) -> impl ExactSizeIterator<Item = f64> + '_ {
    complexes::<T>(bytes).map(|(real, imaginary)| magnitude(real, imaginary))
}

/// The magnitude of a complex number. `hypot` calls infinite what has one infinite part, even if the other is NaN: here
/// NaN counts.
pub(crate) fn magnitude(real: f64, imaginary: f64) -> f64 {
    if real.is_nan() || imaginary.is_nan() { f64::NAN } else { real.hypot(imaginary) }
}

/// The elements in these bytes, to be printed.
///
/// # Errors
/// A dtype that is only kept as raw bytes.
pub(crate) fn decode(dtype: DType, bytes: &[u8]) -> Outcome<Values> {
    let floats = |width| {
        Values::Float(with_real!(dtype, T => reals::<T>(bytes).map(Real::widen).collect(), _ => Vec::new()), width)
    };
    Ok(match dtype {
        DType::Bool => Values::Bool(bytes.iter().map(|byte| *byte != 0).collect()),
        DType::F16 => floats(Width::F16),
        DType::BF16 | DType::F32 => floats(Width::F32),
        DType::F64 => floats(Width::F64),
        DType::C64 => Values::Complex(complexes::<f32>(bytes).collect(), Width::F32),
        DType::C128 => Values::Complex(complexes::<f64>(bytes).collect(), Width::F64),
        dtype if dtype.is_integer() => {
            let exact = |number| if let Number::Int(x) = number { x } else { 0 };
            let all = with_real!(dtype, T => reals::<T>(bytes).map(|x| exact(x.number())).collect(), _ => Vec::new());
            Values::Int(all)
        }
        _ => {
            return Err(Failure::usage(format!(
                "elements of {dtype} are kept as raw bytes and have no values to show"
            ))
            .hint("`--format raw` writes the bytes"));
        }
    })
}

/// Byte strings, to be printed.
pub(crate) fn decode_strings(strings: Strings<'_>, indices: impl Iterator<Item = u64>) -> Values {
    let get = |i: u64| usize::try_from(i).ok().and_then(|i| strings.get(i)).unwrap_or_default().to_vec();
    Values::Bytes(indices.map(get).collect())
}
