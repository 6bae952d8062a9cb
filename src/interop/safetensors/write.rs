//! Writing safetensors: the header first, then values in the order in which the official writer has them.

use std::collections::HashMap;
use std::path::PathBuf;

use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::Value;

use super::dtypes;
use super::index::Index;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::export::{Manner, Named, Outgoing};
use crate::interop::output::Output;
use crate::interop::source::SourceVariable;

/// The elements begin on a multiple of this.
const ALIGNMENT: usize = 8;

/// The longest header that the format allows.
const HEADER_BYTES_MAX: usize = 100_000_000;

/// A key of the header that is no tensor.
const NO_TENSOR: &str = "__metadata__";

/// Why the format cannot hold a variable.
pub(crate) fn obstacle(held: &SourceVariable) -> Option<String> {
    if held.name == NO_TENSOR {
        return Some("the format uses the name for something else".to_owned());
    }
    if dtypes::theirs(held.dtype).is_none() {
        return Some(format!("safetensors has no {}", held.dtype));
    }
    let bits = held.dtype.bits().map(u64::from)?;
    let is_whole = held.shape.elements().checked_mul(bits).is_some_and(|bits| bits % 8 == 0);
    (!is_whole).then(|| format!("{} elements of {bits} bits do not fill bytes", held.shape.elements()))
}

/// Writes one file, or a set with an index.
pub(crate) fn write(outgoing: &Outgoing<'_>, manner: &Manner<'_>) -> Result<Vec<PathBuf>> {
    let mut output = Output::beside(manner.path, manner.overwrite)?;
    let name = file_name(manner)?;
    let mut order: Vec<&Named<'_>> = outgoing.variables.iter().collect();
    order.sort_by(|a, b| {
        let (left, right) = (dtypes::theirs(a.held.dtype), dtypes::theirs(b.held.dtype));
        right.cmp(&left).then_with(|| a.name.cmp(&b.name))
    });
    let Some(most) = manner.file_bytes else {
        write_file(&mut output, &name, outgoing, &order)?;
        return output.publish();
    };
    // By name, so that what belongs together stays together.
    let mut files: Vec<Vec<&Named<'_>>> = vec![Vec::new()];
    let mut bytes = 0_u64;
    for variable in &outgoing.variables {
        let len = variable.held.len_bytes().unwrap_or_default();
        if bytes > 0 && bytes.saturating_add(len) > most {
            files.push(Vec::new());
            bytes = 0;
        }
        bytes += len;
        files.last_mut().expect("there is one from the start").push(variable);
    }
    let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
    let mut index = Index::default();
    let mut total = 0;
    for (number, file) in files.iter().enumerate() {
        let shard = format!("{stem}-{:05}-of-{:05}.safetensors", number + 1, files.len());
        let ordered: Vec<&Named<'_>> =
            order.iter().copied().filter(|variable| file.iter().any(|held| held.number == variable.number)).collect();
        total += write_file(&mut output, &shard, outgoing, &ordered)?;
        index.weight_map.extend(file.iter().map(|variable| (variable.name.clone(), shard.clone())));
    }
    index.metadata.insert("total_size".to_owned(), Value::from(total));
    let text = serde_json::to_string_pretty(&index).expect("maps with texts as keys can be written");
    let mut sink = output.begin(&format!("{stem}.safetensors.index.json"))?;
    sink.write(text.as_bytes())?;
    output.finish(sink)?;
    output.publish()
}

fn write_file(output: &mut Output, name: &str, outgoing: &Outgoing<'_>, order: &[&Named<'_>]) -> Result<u64> {
    let (header, total) = header(outgoing, order)?;
    let mut sink = output.begin(name)?;
    let written = sink.write(&(header.len() as u64).to_le_bytes()).and_then(|()| sink.write(&header)).and_then(|()| {
        for variable in order {
            let copied =
                outgoing.stream_whole(variable).and_then(|(len, mut stream)| sink.copy(&mut *stream, len, |_| {}));
            copied.map_err(|error| error.of_variable(&variable.name))?;
        }
        Ok(())
    });
    match written {
        Ok(()) => output.finish(sink).map(|()| total),
        Err(error) => {
            sink.discard();
            Err(error)
        }
    }
}

fn header(outgoing: &Outgoing<'_>, order: &[&Named<'_>]) -> Result<(Vec<u8>, u64)> {
    let mut tensors = Vec::with_capacity(order.len());
    let mut offset = 0;
    for variable in order {
        let held = variable.held;
        let dtype = dtypes::theirs(held.dtype).ok_or_else(|| {
            Error::new(ErrorKind::DtypeUnsupported, format!("safetensors has no {}", held.dtype))
                .of_variable(&variable.name)
        })?;
        let end = offset + held.len_bytes().unwrap_or_default() as usize;
        let shape = held.shape.sizes().iter().map(|size| *size as usize).collect();
        tensors.push((variable.name.clone(), TensorInfo { dtype, shape, data_offsets: (offset, end) }));
        offset = end;
    }
    let texts: HashMap<String, String> = outgoing.texts.clone().into_iter().collect();
    let refused = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::InvalidArgument, "the header cannot be written").caused_by(error)
    };
    let header =
        Metadata::new((!texts.is_empty()).then_some(texts), tensors).map_err(|error| refused(Box::new(error)))?;
    let mut bytes = serde_json::to_vec(&header).map_err(|error| refused(Box::new(error)))?;
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), b' ');
    if bytes.len() > HEADER_BYTES_MAX {
        let what = format!("the header would have {} bytes, and the format allows {HEADER_BYTES_MAX}", bytes.len());
        return Err(Error::new(ErrorKind::InvalidArgument, what).advise("write a set of several files"));
    }
    Ok((bytes, offset as u64))
}

/// The last part of the path.
pub(crate) fn file_name(manner: &Manner<'_>) -> Result<String> {
    manner.path.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "the path does not end in the name of a file").in_file(manner.path)
    })
}
