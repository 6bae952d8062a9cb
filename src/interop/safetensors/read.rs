//! Reading safetensors, one file or a set of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::{Metadata, TensorInfo};

use super::dtypes;
use super::index::Index;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::file;
use crate::interop::format::Format;
use crate::interop::source::{
    Place, Refused, Source, SourceVariable, by_range, check_elements, check_range, in_order, shape_of,
};
use crate::interop::stream::PieceStream;
use crate::io::ReadFile;
use crate::name;

/// The header's length, before it.
const LENGTH_BYTES: u64 = 8;

/// The longest header that the format allows.
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// Files of one checkpoint.
#[derive(Debug)]
struct SafeTensors {
    path: PathBuf,
    files: Vec<Arc<ReadFile>>,
    variables: Vec<SourceVariable>,
    /// Which of the files each variable is in.
    file_of: Vec<usize>,
    refused: Vec<Refused>,
    metadata: BTreeMap<String, String>,
}

/// Opens one file.
///
/// # Errors
/// `restore_no_checkpoint`; `corrupt`, if it is no safetensors file; `shape_too_large`; `io`.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Source>> {
    let one = OneFile::open(path)?;
    let variables = in_order(one.variables).map_err(|error| error.in_file(path))?;
    Ok(Box::new(SafeTensors {
        path: path.to_owned(),
        files: vec![one.file],
        file_of: vec![0; variables.len()],
        variables,
        refused: Vec::new(),
        metadata: one.metadata,
    }))
}

/// Opens a set of files by its index.
///
/// # Errors
/// As [`open`]; `corrupt`, if the index names a tensor that is not in its file.
pub(crate) fn open_set(path: &Path) -> Result<Box<dyn Source>> {
    let index = Index::read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    let mut set = SafeTensors {
        path: path.to_owned(),
        files: Vec::new(),
        variables: Vec::new(),
        file_of: Vec::new(),
        refused: Vec::new(),
        metadata: BTreeMap::new(),
    };
    for (key, value) in &index.metadata {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        set.metadata.insert(key.clone(), text);
    }
    let mut found = Vec::new();
    for (number, shard) in names.into_iter().enumerate() {
        let shard_path = folder.join(shard);
        let one = OneFile::open(&shard_path).map_err(|error| {
            if error.kind() == ErrorKind::RestoreNoCheckpoint {
                return error.advise(format!("{} lists it: bring the whole set", path.display()));
            }
            error
        })?;
        for (key, value) in one.metadata {
            set.metadata.entry(key).or_insert(value);
        }
        for variable in one.variables {
            if index.weight_map.get(&variable.name) == Some(shard) {
                found.push((variable, number));
            } else {
                let why = format!("it lies in {shard}, where the index does not have it");
                set.refused.push(Refused { name: variable.name, why });
            }
        }
        set.files.push(one.file);
    }
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    if let Some((name, shard)) =
        index.weight_map.iter().find(|(name, _)| found.binary_search_by(|(held, _)| held.name.cmp(name)).is_err())
    {
        let what = format!("the index has {name:?} in {shard}, and it is not there");
        return Err(Error::new(ErrorKind::Corrupt, what).of_variable(name).in_file(path));
    }
    (set.variables, set.file_of) = found.into_iter().unzip();
    Ok(Box::new(set))
}

/// What one file says.
struct OneFile {
    file: Arc<ReadFile>,
    variables: Vec<SourceVariable>,
    metadata: BTreeMap<String, String>,
}

impl OneFile {
    fn open(path: &Path) -> Result<Self> {
        let file = file::open(path)?;
        let (data_start, header) = header(&file).map_err(|error| error.in_file(path))?;
        let shared: Arc<Path> = path.into();
        let mut variables = Vec::new();
        for (name, info) in header.tensors() {
            let variable = variable(&shared, data_start, &name, info);
            variables.push(variable.map_err(|error| error.of_variable(name).in_file(path))?);
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { file, variables, metadata })
    }
}

/// Reads and checks the header; also says where the bytes begin.
fn header(file: &ReadFile) -> Result<(u64, Metadata)> {
    let corrupt = |what: String| Error::new(ErrorKind::Corrupt, what);
    let behind = file.len().checked_sub(LENGTH_BYTES).ok_or_else(|| {
        corrupt(format!("{} bytes are no safetensors file, which begins with the length of its header", file.len()))
    })?;
    let mut length = [0; LENGTH_BYTES as usize];
    file.read_exact_at(&mut length, 0)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_BYTES_MAX {
        let what =
            format!("the header is said to have {length} bytes, and a safetensors file's has up to {HEADER_BYTES_MAX}");
        return Err(corrupt(what).at_offset(0));
    }
    if length > behind {
        return Err(corrupt(format!("the header of {length} bytes reaches beyond the end of the file")).at_offset(0));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, LENGTH_BYTES)?;
    let header: Metadata = serde_json::from_slice(&bytes)
        .map_err(|error| corrupt("the header is no valid one".to_owned()).at_offset(LENGTH_BYTES).caused_by(error))?;
    let (held, expected) = (behind - length, header.data_len() as u64);
    if held != expected {
        let what = format!("the header describes {expected} bytes of values, and {held} follow it");
        return Err(corrupt(what).at_offset(LENGTH_BYTES + length));
    }
    Ok((LENGTH_BYTES + length, header))
}

fn variable(file: &Arc<Path>, data_start: u64, name: &str, info: &TensorInfo) -> Result<SourceVariable> {
    name::check_stored(name)?;
    let dtype = dtypes::ours(info.dtype)
        .ok_or_else(|| Error::new(ErrorKind::DtypeUnsupported, format!("elements of {} are not known", info.dtype)))?;
    let shape = shape_of(info.shape.iter().map(|size| *size as u64).collect(), dtype)?;
    let (start, end) = info.data_offsets;
    let place =
        Place { file: Arc::clone(file), offset_bytes: data_start + start as u64, len_bytes: (end - start) as u64 };
    Ok(SourceVariable::in_one_piece(name.to_owned(), dtype, shape, Some(place)))
}

impl Source for SafeTensors {
    fn format(&self) -> Option<Format> {
        Some(Format::SafeTensors)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path().to_owned()).collect()
    }

    fn variables(&self) -> &[SourceVariable] {
        &self.variables
    }

    fn refused(&self) -> &[Refused] {
        &self.refused
    }

    fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    fn read_at(&self, variable: usize, piece: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        let held = &self.variables[variable];
        let mut read = || {
            let place = held.pieces[piece].place.as_ref().expect("every tensor has its place");
            check_range(start, buffer.len(), place.len_bytes)?;
            self.files[self.file_of[variable]].read_exact_at(buffer, place.offset_bytes + start)?;
            let checked = check_elements(held.dtype, start, buffer);
            checked.map_err(|error| error.in_file(&*place.file).at_offset(place.offset_bytes + start))
        };
        read().map_err(|error| error.of_variable(&held.name))
    }

    fn stream(&self, variable: usize, piece: usize) -> Result<Box<dyn PieceStream + '_>> {
        Ok(by_range(self, variable, piece))
    }
}
