//! Values as NumPy prints them: what `print(array)` writes, with the print options NumPy starts with (as of 2.4).
//!
//! NumPy knows no bfloat16; its values are printed as the same values of float32 are. Byte strings are printed as an
//! array of Python's `bytes` objects is.
//!
//! [`digits`] finds the digits of one number, [`float`] the common format of many, [`layout`] brackets and lines.

mod digits;
mod float;
mod layout;

#[cfg(test)]
mod tests;

pub(crate) use digits::Width;

use float::{ComplexFormat, FloatFormat};

/// NumPy's `threshold`: from one element more on, an array is shortened.
const THRESHOLD: u64 = 1000;

/// NumPy's `edgeitems`: as many are shown at each end of an axis that is shortened.
const EDGE_ITEMS: u64 = 3;

/// Elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Bool(Vec<bool>),
    Int(Vec<i128>),
    Float(Vec<f64>, Width),
    Complex(Vec<(f64, f64)>, Width),
    Bytes(Vec<Vec<u8>>),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bool(all) => all.len(),
            Self::Int(all) => all.len(),
            Self::Float(all, _) => all.len(),
            Self::Complex(all, _) => all.len(),
            Self::Bytes(all) => all.len(),
        }
    }
}

/// One element by itself, with all its digits.
pub(crate) fn element(values: &Values, i: usize) -> String {
    match values {
        Values::Bool(all) => bool_item(all[i], true).to_owned(),
        Values::Int(all) => all[i].to_string(),
        Values::Float(all, width) => float::scalar(all[i], *width),
        Values::Complex(all, width) => float::complex_scalar(all[i].0, all[i].1, *width),
        Values::Bytes(all) => bytes_literal(&all[i]),
    }
}

/// Whether an array of these sizes is shortened.
pub(crate) fn is_shortened(sizes: &[u64]) -> bool {
    sizes.iter().product::<u64>() > THRESHOLD
}

/// The indices along an axis that are shown.
pub(crate) fn shown(size: u64, shortened: bool) -> Vec<u64> {
    if shortened && size > 2 * EDGE_ITEMS {
        (0..EDGE_ITEMS).chain(size - EDGE_ITEMS..size).collect()
    } else {
        (0..size).collect()
    }
}

/// Formats an array of these sizes. Of one that [is shortened](is_shortened), `values` holds the [`shown`] elements.
pub(crate) fn format(values: &Values, sizes: &[u64]) -> String {
    if sizes.contains(&0) {
        return "[]".to_owned();
    }
    let is_scalar = sizes.is_empty();
    let items: Vec<String> = match values {
        Values::Bool(values) => values.iter().map(|x| bool_item(*x, is_scalar).to_owned()).collect(),
        Values::Int(values) => {
            let items: Vec<String> = values.iter().map(ToString::to_string).collect();
            let width = items.iter().map(String::len).max().unwrap_or(0);
            items.into_iter().map(|item| format!("{item:>width$}")).collect()
        }
        Values::Float(values, width) if is_scalar => values.iter().map(|x| float::scalar(*x, *width)).collect(),
        Values::Float(values, width) => {
            let format = FloatFormat::new(values, *width, false);
            values.iter().map(|x| format.item(*x)).collect()
        }
        Values::Complex(values, width) if is_scalar => {
            values.iter().map(|(re, im)| float::complex_scalar(*re, *im, *width)).collect()
        }
        Values::Complex(values, width) => {
            let format = ComplexFormat::new(values, *width);
            values.iter().map(|(re, im)| format.item(*re, *im)).collect()
        }
        Values::Bytes(values) => values.iter().map(|bytes| bytes_literal(bytes)).collect(),
    };
    layout::array(&items, sizes, is_shortened(sizes))
}

fn bool_item(x: bool, is_scalar: bool) -> &'static str {
    match (x, is_scalar) {
        (true, true) => "True",
        (true, false) => " True",
        (false, _) => "False",
    }
}

/// Bytes as Python writes them.
pub(crate) fn bytes_literal(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\\' => text += "\\\\",
            b'\t' => text += "\\t",
            b'\n' => text += "\\n",
            b'\r' => text += "\\r",
            byte if char::from(*byte) == quote => {
                text.push('\\');
                text.push(quote);
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => text.extend(format!("\\x{byte:02x}").chars()),
        }
    }
    text.push(quote);
    text
}
