//! The header of an array: a Python literal, which the npyz crate parses.

use std::io::Read;

use npyz::{DType as Described, Endianness, NpyHeader, Order, TypeChar};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::source::shape_of;
use crate::shape::Shape;

/// Magic, version, and the longer of the two kinds of length.
const START_BYTES: usize = 12;

/// NumPy itself refuses longer headers unless it is told to trust them; ours need 10 000 at most, for 32 axes.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Brackets within brackets: a literal of NumPy's own has a handful.
const DEPTH_MAX: usize = 16;

/// How the elements of an array lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Numbers; where they are big-endian, the bytes of one (or of one part of a complex one) are to be turned round.
    Number { dtype: DType, swapped: Option<usize> },
    /// Byte strings of at most this many bytes, filled up with zeros.
    Bytes { len: usize },
    /// Text of at most this many code points of four bytes each, filled up with zeros.
    Text { len: usize, is_big_endian: bool },
}

impl Item {
    /// The bytes of one element in the file.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Number { dtype, .. } => dtype.element_bytes().expect("NumPy's numbers are whole bytes"),
            Self::Bytes { len } => len,
            Self::Text { len, .. } => len * 4,
        }
    }

    /// What the elements are here.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::Number { dtype, .. } => dtype,
            Self::Bytes { .. } | Self::Text { .. } => DType::String,
        }
    }
}

/// What a header says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) item: Item,
    pub(crate) shape: Shape,
    /// Whether the first axis varies fastest.
    pub(crate) is_fortran: bool,
    /// The bytes of the header; the elements follow it.
    pub(crate) len_bytes: u64,
    /// The bytes of the elements.
    pub(crate) data_bytes: u64,
}

/// Reads a header off the front of an array.
///
/// # Errors
/// `corrupt`, if it is no header; `dtype_unsupported`, for structured and other elements that are no numbers or strings.
pub(crate) fn read(reader: &mut dyn Read) -> Result<Header> {
    let corrupt = |what: &str| Error::new(ErrorKind::Corrupt, what).at_offset(0);
    let cut_off = |error: std::io::Error| corrupt("the header of the array is cut off").caused_by(error);
    let mut bytes = vec![0; 10];
    reader.read_exact(&mut bytes).map_err(cut_off)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(corrupt("this is no array of NumPy's: it does not begin as one"));
    }
    let text_bytes = if bytes[6] == 1 {
        usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))
    } else {
        bytes.resize(START_BYTES, 0);
        reader.read_exact(&mut bytes[10..]).map_err(cut_off)?;
        u32::from_le_bytes(bytes[8..].try_into().expect("the range is four bytes long")) as usize
    };
    if text_bytes > HEADER_BYTES_MAX {
        return Err(corrupt("the header of the array is longer than any array needs"));
    }
    let start = bytes.len();
    bytes.resize(start + text_bytes, 0);
    reader.read_exact(&mut bytes[start..]).map_err(cut_off)?;
    // The parser recurses.
    let mut depth = 0_usize;
    for byte in &bytes[start..] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(corrupt("the header of the array has brackets within brackets without end"));
        }
    }
    let parsed = NpyHeader::from_reader(&bytes[..])
        .map_err(|error| corrupt("the header of the array is ill-formed").caused_by(error))?;
    let item = item(&parsed.dtype())?;
    let shape = shape_of(parsed.shape().to_vec(), item.dtype())?;
    let data_bytes = shape
        .elements()
        .checked_mul(item.bytes() as u64)
        .ok_or_else(|| Error::new(ErrorKind::ShapeTooLarge, format!("an array of shape {shape} is too large")))?;
    let len_bytes = bytes.len() as u64;
    Ok(Header { item, shape, is_fortran: parsed.order() == Order::Fortran, len_bytes, data_bytes })
}

fn item(described: &Described) -> Result<Item> {
    let refused = |what: String| Error::new(ErrorKind::DtypeUnsupported, what);
    let Described::Plain(plain) = described else {
        return Err(refused(format!("its elements are structured: {}", described.descr()))
            .advise("save each field as an array of its own"));
    };
    let unknown =
        || refused(format!("its elements are of NumPy's type {}, which varkeep does not have", described.descr()));
    let size = plain.size_field();
    let dtype = match (plain.type_char(), size) {
        (TypeChar::Bool, 1) => DType::Bool,
        (TypeChar::Int, 1) => DType::I8,
        (TypeChar::Int, 2) => DType::I16,
        (TypeChar::Int, 4) => DType::I32,
        (TypeChar::Int, 8) => DType::I64,
        (TypeChar::Uint, 1) => DType::U8,
        (TypeChar::Uint, 2) => DType::U16,
        (TypeChar::Uint, 4) => DType::U32,
        (TypeChar::Uint, 8) => DType::U64,
        (TypeChar::Float, 2) => DType::F16,
        (TypeChar::Float, 4) => DType::F32,
        (TypeChar::Float, 8) => DType::F64,
        (TypeChar::Complex, 8) => DType::C64,
        (TypeChar::Complex, 16) => DType::C128,
        (TypeChar::ByteStr, _) => return Ok(Item::Bytes { len: string_len(size).ok_or_else(unknown)? }),
        (TypeChar::UnicodeStr, _) => {
            let is_big_endian = plain.endianness() == Endianness::Big;
            return Ok(Item::Text { len: string_len(size).ok_or_else(unknown)?, is_big_endian });
        }
        (TypeChar::Object, _) => {
            return Err(refused("its elements are Python objects, which only Python can read".to_owned())
                .advise("save it with a dtype of numbers, or as strings"));
        }
        (TypeChar::RawData, _) => {
            return Err(refused(format!(
                "its elements are raw bytes ({}), whose meaning is not recorded",
                described.descr()
            ))
            .advise("NumPy has no bfloat16 or 8-bit floats of its own: use safetensors for those"));
        }
        _ => return Err(unknown()),
    };
    let part = match dtype {
        DType::C64 => 4,
        DType::C128 => 8,
        _ => size as usize,
    };
    let swapped = (plain.endianness() == Endianness::Big && part > 1).then_some(part);
    Ok(Item::Number { dtype, swapped })
}

/// A length of strings that makes sense: no element is larger than a value may be.
fn string_len(size: u64) -> Option<usize> {
    usize::try_from(size).ok().filter(|size| (1..=1 << 30).contains(size))
}

/// The header of an array in row-major order whose elements are described so.
pub(crate) fn write(descr: &str, shape: &Shape) -> Vec<u8> {
    let sizes: Vec<String> = shape.sizes().iter().map(u64::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let sizes = format!("({}{comma})", sizes.join(", "));
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {sizes}, }}");
    // The elements begin on a multiple of 64, behind spaces and a line end.
    let end = (10 + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(end - 10 - text.len() - 1));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.bytes());
    header
}
