//! The object of `show`.

use std::io::{self, Write};

use serde::ser::{Serialize, Serializer};

use super::Subject;
use crate::cmd;
use crate::failure::Outcome;
use crate::number::word_of;
use crate::numpy::{Values, Width};
use crate::select::Selection;

#[derive(serde::Serialize)]
struct Shown<'a> {
    schema: &'static str,
    checkpoint: Subject<'a>,
    name: &'a str,
    dtype: &'static str,
    shape: &'a [u64],
    slice: Option<&'a str>,
    values_shape: &'a [u64],
}

pub(crate) fn show(shown: &cmd::show::Shown, selection: &Selection, out: &mut dyn Write) -> Outcome<()> {
    let object = Shown {
        schema: "varkeep.show/1",
        checkpoint: (&shown.subject).into(),
        name: &shown.name,
        dtype: shown.dtype,
        shape: &shown.shape,
        slice: shown.slice.as_deref(),
        values_shape: &shown.sizes,
    };
    let head = serde_json::to_string(&object).map_err(io::Error::from)?;
    let head = head.strip_suffix('}').unwrap_or(&head);
    let sizes = &shown.sizes;
    if sizes.contains(&0) {
        write!(out, "{head},\"values\":")?;
        empty(sizes, out)?;
        return Ok(writeln!(out, "}}")?);
    }
    // Lists that begin with an element, and that end with it: those of whose elements it is the first, or the last.
    let strides: Vec<u64> = (0..sizes.len()).map(|axis| sizes[axis..].iter().product()).collect();
    let at_edge = |flat: u64| strides.iter().filter(|stride| flat.is_multiple_of(**stride)).count();
    let mut at = 0;
    selection.for_each_block(&mut |values| {
        if at == 0 {
            write!(out, "{head},\"values\":")?;
        }
        for i in 0..values.len() {
            write!(out, "{}{}", if at > 0 { "," } else { "" }, "[".repeat(at_edge(at)))?;
            serde_json::to_writer(&mut *out, &Element { values, at: i }).map_err(io::Error::from)?;
            at += 1;
            write!(out, "{}", "]".repeat(at_edge(at)))?;
        }
        Ok(())
    })?;
    Ok(writeln!(out, "}}")?)
}

/// Lists in lists without a single element.
fn empty(sizes: &[u64], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "[")?;
    if let Some((size, inner)) = sizes.split_first().filter(|(_, inner)| !inner.is_empty()) {
        for i in 0..*size {
            write!(out, "{}", if i > 0 { "," } else { "" })?;
            empty(inner, out)?;
        }
    }
    write!(out, "]")
}

struct Element<'a> {
    values: &'a Values,
    at: usize,
}

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.values {
            Values::Bool(values) => serializer.serialize_bool(values[self.at]),
            Values::Int(values) => crate::number::Number::Int(values[self.at]).serialize(serializer),
            Values::Float(values, width) => Float(values[self.at], *width).serialize(serializer),
            Values::Complex(values, width) => {
                let (real, imaginary) = values[self.at];
                [Float(real, *width), Float(imaginary, *width)].serialize(serializer)
            }
            Values::Bytes(values) => match std::str::from_utf8(&values[self.at]) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => serializer.collect_map([("bytes", &values[self.at])]),
            },
        }
    }
}

/// A float with the digits of its own width.
struct Float(f64, Width);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (word_of(self.0), self.1) {
            (Some(word), _) => serializer.serialize_str(word),
            (None, Width::F64) => serializer.serialize_f64(self.0),
            (None, _) => serializer.serialize_f32(self.0 as f32),
        }
    }
}
