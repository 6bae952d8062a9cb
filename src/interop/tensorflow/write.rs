//! Writing a bundle: one data file, and the index, as TensorFlow itself lays them out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use prost::Message;

use super::checksum::mask;
use super::proto::{BundleEntry, BundleHeader, Dim, Extent, TensorShape, TensorSlice, Version};
use super::read::data_path;
use super::table_writer::TableWriter;
use super::{dtypes, key, state, strings};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::export::{Manner, Named, Outgoing};
use crate::interop::output::{Output, Sink};
use crate::interop::source::{SourcePiece, SourceVariable};
use crate::io::{Dir, How, NoTap, PublishError, publish_bytes};
use crate::shape::Shape;
use crate::strings::Strings;

/// The file that lists the checkpoints of a folder.
const STATE_FILE: &str = "checkpoint";

/// The largest such file that is read.
const STATE_BYTES_MAX: u64 = 16 << 20;

/// Why the format cannot hold a variable.
pub(crate) fn obstacle(held: &SourceVariable) -> Option<String> {
    if held.name.is_empty() || held.name.starts_with('\0') {
        return Some("TensorFlow's table has no place for such a name".to_owned());
    }
    if dtypes::theirs(held.dtype).is_none() {
        return Some(format!("TensorFlow's checkpoints have no {}", held.dtype));
    }
    None
}

/// Writes the checkpoint whose prefix is the path.
pub(crate) fn write(outgoing: &Outgoing<'_>, manner: &Manner<'_>) -> Result<Vec<PathBuf>> {
    let prefix = manner.path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "the path does not end in the name of a checkpoint").in_file(manner.path)
    })?;
    let mut output = Output::beside(manner.path, manner.overwrite)?;
    let name_of = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let index_name = format!("{prefix}.index");
    // Begun first, so that a name that is taken shows before anything is written.
    let mut index = output.begin(&index_name)?;
    let mut data = output.begin(&name_of(data_path(manner.path, 0, 1)))?;
    let written = write_data(outgoing, &mut data).and_then(|rows| index.write(&table(rows)));
    if let Err(error) = written {
        index.discard();
        data.discard();
        return Err(error);
    }
    output.finish(data)?;
    output.finish(index)?;
    let mut files = output.publish()?;
    if manner.list {
        files.insert(0, list(manner, prefix)?);
    }
    Ok(files)
}

/// Writes all values; gives the rows of the table.
fn write_data(outgoing: &Outgoing<'_>, sink: &mut Sink) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let header = BundleHeader {
        num_shards: 1,
        endianness: 0,
        version: Some(Version { producer: 1, min_consumer: 0, bad_consumers: Vec::new() }),
    };
    let mut rows = BTreeMap::from([(Vec::new(), header.encode_to_vec())]);
    for variable in &outgoing.variables {
        write_variable(outgoing, variable, sink, &mut rows).map_err(|error| error.of_variable(&variable.name))?;
    }
    Ok(rows)
}

fn write_variable(
    outgoing: &Outgoing<'_>,
    variable: &Named<'_>,
    sink: &mut Sink,
    rows: &mut BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<()> {
    let held = variable.held;
    let number = dtypes::theirs(held.dtype).ok_or_else(|| {
        Error::new(ErrorKind::DtypeUnsupported, format!("TensorFlow's checkpoints have no {}", held.dtype))
    })?;
    let mut full = BundleEntry { dtype: number, shape: Some(shape(&held.shape)), ..BundleEntry::default() };
    // Its saver goes by the names of slices with their outputs: `part_10:0`, then `part_1:0`, then `part_2:0`.
    let mut order: Vec<usize> = (0..held.pieces.len()).collect();
    order.sort_by_key(|k| format!("{k}:"));
    for i in order {
        let piece = &held.pieces[i];
        let offset = i64::try_from(sink.position()).expect("no file is longer");
        let crc = write_piece(outgoing, variable, i, sink)?;
        let size = i64::try_from(sink.position()).expect("no file is longer") - offset;
        let entry = BundleEntry {
            dtype: number,
            shape: Some(shape(&piece.shape)),
            offset,
            size,
            crc32c: mask(crc),
            ..BundleEntry::default()
        };
        if held.pieces.len() == 1 {
            rows.insert(variable.name.clone().into_bytes(), entry.encode_to_vec());
            return Ok(());
        }
        let slice = slice(piece);
        rows.insert(key::of_slice(&variable.name, &slice), entry.encode_to_vec());
        full.slices.push(slice);
    }
    rows.insert(variable.name.clone().into_bytes(), full.encode_to_vec());
    Ok(())
}

/// Writes a piece; gives its checksum.
fn write_piece(outgoing: &Outgoing<'_>, variable: &Named<'_>, piece: usize, sink: &mut Sink) -> Result<u32> {
    let (source, number) = (outgoing.source, variable.number);
    let len = source.len_bytes(number, piece)?;
    if variable.held.dtype == DType::String {
        let mut bytes = vec![0; len as usize];
        source.read_at(number, piece, 0, &mut bytes)?;
        let texts = Strings::parse(&bytes, variable.held.pieces[piece].shape.elements())?;
        return strings::write(texts, |bytes| sink.write(bytes));
    }
    let mut crc = 0;
    let mut stream = source.stream(number, piece)?;
    sink.copy(&mut *stream, len, |bytes| crc = crc32c::crc32c_append(crc, bytes))?;
    Ok(crc)
}

fn table(rows: BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut table = TableWriter::default();
    for (key, value) in rows {
        table.add(&key, &value);
    }
    table.finish()
}

fn shape(shape: &Shape) -> TensorShape {
    let dim = shape.sizes().iter().map(|size| Dim { size: size.cast_signed(), name: String::new() }).collect();
    TensorShape { dim, unknown_rank: false }
}

/// With a length for every axis, as TensorFlow's saver writes it.
fn slice(piece: &SourcePiece) -> TensorSlice {
    let extents = piece.offset.iter().zip(piece.shape.sizes());
    let extent = extents.map(|(at, len)| Extent { start: at.cast_signed(), length: Some(len.cast_signed()) }).collect();
    TensorSlice { extent }
}

/// Puts the checkpoint on the list of its folder, as the newest.
fn list(manner: &Manner<'_>, prefix: &str) -> Result<PathBuf> {
    let path = manner.path.with_file_name(STATE_FILE);
    let known = crate::interop::file::read_small(&path, STATE_BYTES_MAX);
    let known = match known {
        Err(error) if error.kind() == ErrorKind::RestoreNoCheckpoint => Vec::new(),
        known => known?,
    };
    let mut kept = state::kept(&String::from_utf8_lossy(&known));
    kept.retain(|other| other != prefix);
    kept.push(prefix.to_owned());
    let folder = manner.path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let dir = Dir::open(folder.unwrap_or(std::path::Path::new(".")), NoTap::shared())?;
    match publish_bytes(&dir, STATE_FILE, state::text(&kept).as_bytes(), How::Replace) {
        Ok(()) => Ok(dir.path().join(STATE_FILE)),
        Err(PublishError::Before(error) | PublishError::Unknown(error)) => Err(error),
        Err(PublishError::NameTaken) => unreachable!("a file that is replaced takes no name"),
    }
}
