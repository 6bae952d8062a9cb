//! Element types: as data ([`DType`]) and as Rust types ([`Element`]).

use std::fmt;

use bytemuck::{CheckedBitPattern, NoUninit};
use half::{bf16, f16};
use num_complex::Complex;

macro_rules! dtypes {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $bits:literal; )+) => {
        /// The type of a variable's elements.
        ///
        /// Each has a stable number, which is what files hold. The types that end the list exist so that foreign
        /// checkpoints can be kept as they are: their bytes can be stored and read raw, but not computed with.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum DType {
            $( $(#[doc = $doc])+ $variant = $number, )+
        }

        impl DType {
            /// Every type there is, by number.
            pub const ALL: &[DType] = &[$( DType::$variant, )+];

            /// The stable number of this type, as files hold it.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The type with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(DType::$variant), )+ _ => None }
            }

            /// The name, as NumPy spells it where NumPy has the type.
            pub const fn name(self) -> &'static str {
                match self { $( DType::$variant => $name, )+ }
            }

            /// The type with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some(DType::$variant), )+ _ => None }
            }

            /// The bits of one element; `None` for byte strings, whose elements vary in length.
            pub const fn bits(self) -> Option<u32> {
                let bits: u32 = match self { $( DType::$variant => $bits, )+ };
                if bits == 0 { None } else { Some(bits) }
            }
        }
    };
}

dtypes! {
    /// True or false, one byte each, 1 or 0.
    Bool = 1, "bool", 8;
    /// Unsigned, 8 bits.
    U8 = 2, "uint8", 8;
    /// Unsigned, 16 bits.
    U16 = 3, "uint16", 16;
    /// Unsigned, 32 bits.
    U32 = 4, "uint32", 32;
    /// Unsigned, 64 bits.
    U64 = 5, "uint64", 64;
    /// Signed, 8 bits.
    I8 = 6, "int8", 8;
    /// Signed, 16 bits.
    I16 = 7, "int16", 16;
    /// Signed, 32 bits.
    I32 = 8, "int32", 32;
    /// Signed, 64 bits.
    I64 = 9, "int64", 64;
    /// IEEE half precision.
    F16 = 10, "float16", 16;
    /// The upper half of an IEEE single.
    BF16 = 11, "bfloat16", 16;
    /// IEEE single precision.
    F32 = 12, "float32", 32;
    /// IEEE double precision.
    F64 = 13, "float64", 64;
    /// A complex number of two singles.
    C64 = 14, "complex64", 64;
    /// A complex number of two doubles.
    C128 = 15, "complex128", 128;
    /// Byte strings, each of its own length.
    String = 16, "string", 0;
    /// 8-bit float, 5 exponent bits; raw.
    F8E5M2 = 32, "float8_e5m2", 8;
    /// 8-bit float, 4 exponent bits, no infinities; raw.
    F8E4M3FN = 33, "float8_e4m3fn", 8;
    /// 8-bit float, 5 exponent bits, unsigned zero; raw.
    F8E5M2FNUZ = 34, "float8_e5m2fnuz", 8;
    /// 8-bit float, 4 exponent bits, unsigned zero; raw.
    F8E4M3FNUZ = 35, "float8_e4m3fnuz", 8;
    /// 8-bit float, 4 exponent bits, own bias; raw.
    F8E4M3B11FNUZ = 36, "float8_e4m3b11fnuz", 8;
    /// 8-bit power of two, no mantissa: a scale; raw.
    F8E8M0FNU = 37, "float8_e8m0fnu", 8;
    /// 6-bit float, 2 exponent bits; raw.
    F6E2M3FN = 40, "float6_e2m3fn", 6;
    /// 6-bit float, 3 exponent bits; raw.
    F6E3M2FN = 41, "float6_e3m2fn", 6;
    /// 4-bit float; raw.
    F4E2M1FN = 42, "float4_e2m1fn", 4;
    /// Signed, 4 bits; raw.
    I4 = 43, "int4", 4;
    /// Unsigned, 4 bits; raw.
    U4 = 44, "uint4", 4;
    /// Signed, 2 bits; raw.
    I2 = 45, "int2", 2;
    /// Unsigned, 2 bits; raw.
    U2 = 46, "uint2", 2;
    /// Signed, 1 bit; raw.
    I1 = 47, "int1", 1;
    /// Unsigned, 1 bit; raw.
    U1 = 48, "uint1", 1;
    /// TensorFlow's quantized signed 8 bits; raw.
    QInt8 = 64, "qint8", 8;
    /// TensorFlow's quantized unsigned 8 bits; raw.
    QUInt8 = 65, "quint8", 8;
    /// TensorFlow's quantized signed 16 bits; raw.
    QInt16 = 66, "qint16", 16;
    /// TensorFlow's quantized unsigned 16 bits; raw.
    QUInt16 = 67, "quint16", 16;
    /// TensorFlow's quantized signed 32 bits; raw.
    QInt32 = 68, "qint32", 32;
}

impl DType {
    /// Whether this is one of the four floating-point types that can be computed with.
    pub const fn is_floating(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// Whether this is a signed or unsigned integer of 8 to 64 bits.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64 | Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Whether this is a complex type.
    pub const fn is_complex(self) -> bool {
        matches!(self, Self::C64 | Self::C128)
    }

    /// Whether elements can only be stored and read as raw bytes.
    pub const fn is_raw(self) -> bool {
        self.number() >= 32
    }

    /// The bytes that `elements` of this type take, packed; `None` for byte strings.
    pub const fn bytes_of(self, elements: u64) -> Option<u64> {
        match self.bits() {
            // Within the limits of `Shape`, whole bytes never overflow; fewer than 8 bits are rounded up to bytes.
            Some(bits) if bits % 8 == 0 => Some(elements.saturating_mul(bits as u64 / 8)),
            Some(bits) => Some(elements.saturating_mul(bits as u64).div_ceil(8)),
            None => None,
        }
    }

    /// The bytes of one element where that is a whole number; `None` for byte strings and sub-byte types.
    pub const fn element_bytes(self) -> Option<usize> {
        match self.bits() {
            Some(bits) if bits % 8 == 0 => Some(bits as usize / 8),
            _ => None,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that can be an element: the integers, `bool`, the floats with [`half`]'s two, and complex numbers.
///
/// The trait is sealed. `bool` is one: its bytes are checked before they are handed out as `bool`.
pub trait Element:
    sealed::Sealed + CheckedBitPattern + NoUninit + PartialEq + Default + fmt::Debug + Send + Sync + 'static
{
    /// The same type as data.
    const DTYPE: DType;

    /// The sum, wrapping round for integers; `None` where addition is not defined (`bool`).
    fn sum(self, other: Self) -> Option<Self>;

    /// The difference, wrapping round for integers; `None` where subtraction is not defined (`bool`).
    fn difference(self, other: Self) -> Option<Self>;
}

macro_rules! elements {
    ($( $type:ty = $dtype:ident, $add:expr, $subtract:expr; )+) => { $(
        impl sealed::Sealed for $type {}

        impl Element for $type {
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn sum(self, other: Self) -> Option<Self> {
                let add: fn(Self, Self) -> Option<Self> = $add;
                add(self, other)
            }

            #[inline]
            fn difference(self, other: Self) -> Option<Self> {
                let subtract: fn(Self, Self) -> Option<Self> = $subtract;
                subtract(self, other)
            }
        }
    )+ };
}

elements! {
    bool = Bool, |_, _| None, |_, _| None;
    u8 = U8, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    u16 = U16, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    u32 = U32, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    u64 = U64, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    i8 = I8, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    i16 = I16, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    i32 = I32, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    i64 = I64, |a, b| Some(a.wrapping_add(b)), |a, b| Some(a.wrapping_sub(b));
    f16 = F16, |a, b| Some(a + b), |a, b| Some(a - b);
    bf16 = BF16, |a, b| Some(a + b), |a, b| Some(a - b);
    f32 = F32, |a, b| Some(a + b), |a, b| Some(a - b);
    f64 = F64, |a, b| Some(a + b), |a, b| Some(a - b);
    Complex<f32> = C64, |a, b| Some(a + b), |a, b| Some(a - b);
    Complex<f64> = C128, |a, b| Some(a + b), |a, b| Some(a - b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_read_back() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_number(dtype.number()), Some(*dtype));
            assert_eq!(DType::from_name(dtype.name()), Some(*dtype));
        }
        assert_eq!(DType::from_number(0), None);
        assert_eq!(DType::from_number(200), None);
    }

    #[test]
    fn sub_byte_elements_are_packed() {
        assert_eq!(DType::I4.bytes_of(3), Some(2));
        assert_eq!(DType::F6E2M3FN.bytes_of(4), Some(3));
        assert_eq!(DType::C128.bytes_of(2), Some(32));
        assert_eq!(DType::String.bytes_of(2), None);
    }
}
