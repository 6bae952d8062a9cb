//! NumPy's strings, all of one length, as byte strings of their own lengths.

use super::array::Array;
use super::header::Item;
use crate::error::{Error, ErrorKind, Result};
use crate::strings;

/// The value as ours lie: a table of offsets, then the bytes. Zeros at the end of a string are not part of it, as NumPy
/// has it; text becomes UTF-8.
///
/// # Errors
/// `corrupt`, for numbers that are no code points; `io`.
pub(crate) fn read(array: &Array) -> Result<Vec<u8>> {
    let item = array.header.item;
    let mut raw = Vec::new();
    raw.try_reserve_exact(array.header.data_bytes as usize)
        .map_err(|error| Error::new(ErrorKind::ShapeTooLarge, "there is no memory for the strings").caused_by(error))?;
    raw.resize(array.header.data_bytes as usize, 0);
    array.read_at(0, &mut raw)?;
    let elements = raw.chunks_exact(item.bytes());
    match item {
        Item::Text { is_big_endian, .. } => {
            let texts = elements.enumerate().map(|(i, element)| text(i, element, is_big_endian));
            Ok(strings::encode(&texts.collect::<Result<Vec<_>>>()?))
        }
        Item::Number { .. } | Item::Bytes { .. } => {
            let trimmed = elements.map(|element| {
                let len = element.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                &element[..len]
            });
            Ok(strings::encode(&trimmed.collect::<Vec<_>>()))
        }
    }
}

fn text(i: usize, element: &[u8], is_big_endian: bool) -> Result<String> {
    let points = element.chunks_exact(4).map(|point| {
        let point: [u8; 4] = point.try_into().expect("chunks are four bytes long");
        if is_big_endian { u32::from_be_bytes(point) } else { u32::from_le_bytes(point) }
    });
    let mut text = String::new();
    for point in points {
        let Some(point) = char::from_u32(point) else {
            let what = format!("string {i} holds {point:#x}, which is no character of Unicode");
            return Err(Error::new(ErrorKind::Corrupt, what));
        };
        text.push(point);
    }
    text.truncate(text.trim_end_matches('\0').len());
    Ok(text)
}
