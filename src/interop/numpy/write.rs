//! Writing `.npz` and `.npy`.

use std::io::{self, Seek, Write};
use std::path::PathBuf;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::header;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::export::{Manner, Named, Outgoing};
use crate::interop::output::{Output, Sink};
use crate::interop::source::{Source, SourceVariable};
use crate::interop::stream::PieceStream;
use crate::strings::Strings;

/// Bytes are moved in pieces of this.
const ROOM_BYTES: usize = 1 << 20;

/// From this size on an array needs the long numbers of a zip.
const LARGE_BYTES: u64 = u32::MAX as u64 - (1 << 20);

/// Why NumPy cannot hold a variable.
pub(crate) fn obstacle(source: &dyn Source, number: usize, held: &SourceVariable) -> Result<Option<String>> {
    if held.name.contains('\0') {
        return Ok(Some("NumPy ends names at a zero byte".to_owned()));
    }
    if held.dtype != DType::String {
        return Ok(descr(held.dtype).is_none().then(|| format!("NumPy has no {}", held.dtype)));
    }
    let tensor = source.tensor(number)?;
    let ends_in_zero = tensor.strings()?.iter().any(|text| text.last() == Some(&0));
    Ok(ends_in_zero.then(|| "NumPy takes a zero byte at the end of a string for no part of it".to_owned()))
}

/// How NumPy describes the type.
fn descr(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::Bool => "|b1",
        DType::I8 => "|i1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::U8 => "|u1",
        DType::U16 => "<u2",
        DType::U32 => "<u4",
        DType::U64 => "<u8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::C64 => "<c8",
        DType::C128 => "<c16",
        _ => return None,
    })
}

/// Writes a zip of arrays.
pub(crate) fn write_npz(outgoing: &Outgoing<'_>, manner: &Manner<'_>) -> Result<Vec<PathBuf>> {
    let mut output = Output::beside(manner.path, manner.overwrite)?;
    let sink = output.begin(&file_name(manner)?)?;
    // Sizes and checksums come behind each array: nothing is gone back to.
    let mut zip = ZipWriter::new_stream(Stream(Some(sink)));
    let written = outgoing.variables.iter().try_for_each(|variable| {
        add(&mut zip, outgoing, variable, manner.deflate).map_err(|error| error.of_variable(&variable.name))
    });
    let closed = zip.finish().map_err(|error| zip_error(error).in_file(manner.path));
    written?;
    if let Some(sink) = closed?.into_inner().0.take() {
        output.finish(sink)?;
    }
    output.publish()
}

fn add<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    outgoing: &Outgoing<'_>,
    variable: &Named<'_>,
    deflate: bool,
) -> Result<()> {
    let method = if deflate { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let is_large = variable.held.len_bytes().is_none_or(|len| len >= LARGE_BYTES);
    let options = SimpleFileOptions::default().compression_method(method).large_file(is_large);
    zip.start_file(format!("{}.npy", variable.name), options).map_err(zip_error)?;
    array(outgoing, variable, &mut |bytes| zip.write_all(bytes).map_err(unwrapped))
}

/// Writes one array as a file.
pub(crate) fn write_npy(outgoing: &Outgoing<'_>, manner: &Manner<'_>) -> Result<Vec<PathBuf>> {
    let [variable] = &outgoing.variables[..] else {
        let what = format!("a .npy holds one array, and {} variables were chosen", outgoing.variables.len());
        return Err(Error::new(ErrorKind::InvalidArgument, what)
            .in_file(manner.path)
            .advise("choose one, or write an .npz"));
    };
    let mut output = Output::beside(manner.path, manner.overwrite)?;
    let mut sink = output.begin(&file_name(manner)?)?;
    match array(outgoing, variable, &mut |bytes| sink.write(bytes)) {
        Ok(()) => output.finish(sink)?,
        Err(error) => {
            sink.discard();
            return Err(error.of_variable(&variable.name));
        }
    }
    output.publish()
}

/// Hands out header and elements.
fn array(outgoing: &Outgoing<'_>, variable: &Named<'_>, put: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let held = variable.held;
    if held.dtype == DType::String {
        return strings(outgoing, variable, put);
    }
    let descr = descr(held.dtype)
        .ok_or_else(|| Error::new(ErrorKind::DtypeUnsupported, format!("NumPy has no {}", held.dtype)))?;
    put(&header::write(descr, &held.shape))?;
    let (len, mut stream) = outgoing.stream_whole(variable)?;
    copy(&mut *stream, len, put)
}

fn copy(stream: &mut dyn PieceStream, len: u64, put: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut room = vec![0; ROOM_BYTES.min(len as usize)];
    let mut left = len;
    while left > 0 {
        let part = &mut room[..left.min(ROOM_BYTES as u64) as usize];
        stream.fill(part)?;
        put(part)?;
        left -= part.len() as u64;
    }
    Ok(())
}

/// Strings, filled up with zeros to the length of the longest.
fn strings(outgoing: &Outgoing<'_>, variable: &Named<'_>, put: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let tensor = outgoing.source.tensor(variable.number)?;
    let texts: Strings<'_> = tensor.strings()?;
    let len = texts.iter().map(<[u8]>::len).max().unwrap_or(0).max(1);
    put(&header::write(&format!("|S{len}"), &variable.held.shape))?;
    let mut room = vec![0; len];
    for text in texts.iter() {
        room[..text.len()].copy_from_slice(text);
        room[text.len()..].fill(0);
        put(&room)?;
    }
    Ok(())
}

fn file_name(manner: &Manner<'_>) -> Result<String> {
    manner.path.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "the path does not end in the name of a file").in_file(manner.path)
    })
}

fn zip_error(error: zip::result::ZipError) -> Error {
    match error {
        zip::result::ZipError::Io(error) => unwrapped(error),
        other => Error::new(ErrorKind::InvalidArgument, "the zip cannot be written").caused_by(other),
    }
}

/// The error of ours inside, if there is one.
fn unwrapped(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::new(ErrorKind::Io, "cannot write the file").caused_by(error),
    }
}

/// A file as the zip's writer wants it.
///
/// It is removed unless it is taken out: a writer that fails does not give it back.
struct Stream(Option<Sink>);

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(sink) = self.0.take() {
            sink.discard();
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let sink = self.0.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        sink.write(buffer).map_err(io::Error::other)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
