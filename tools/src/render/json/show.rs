//! The object of `show`.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::{Subject, write};
use crate::cmd;
use crate::number::word_of;
use crate::numpy::{Values, Width};

#[derive(serde::Serialize)]
struct Shown<'a> {
    schema: &'static str,
    checkpoint: Subject<'a>,
    name: &'a str,
    dtype: &'static str,
    shape: &'a [u64],
    slice: Option<&'a str>,
    values_shape: &'a [u64],
    values: Nested<'a>,
}

pub(crate) fn show(shown: &cmd::show::Shown, values: &Values, out: &mut dyn Write) -> io::Result<()> {
    let object = Shown {
        schema: "varkeep.show/1",
        checkpoint: (&shown.subject).into(),
        name: &shown.name,
        dtype: shown.dtype,
        shape: &shown.shape,
        slice: shown.slice.as_deref(),
        values_shape: &shown.sizes,
        values: Nested { values, sizes: &shown.sizes, start: 0 },
    };
    write(&object, out)
}

/// Lists in lists, one level per axis; a scalar is itself.
struct Nested<'a> {
    values: &'a Values,
    sizes: &'a [u64],
    start: usize,
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((size, inner)) = self.sizes.split_first() else {
            return Element { values: self.values, at: self.start }.serialize(serializer);
        };
        let stride = inner.iter().product::<u64>() as usize;
        let mut list = serializer.serialize_seq(usize::try_from(*size).ok())?;
        for i in 0..*size as usize {
            list.serialize_element(&Self { values: self.values, sizes: inner, start: self.start + i * stride })?;
        }
        list.end()
    }
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
