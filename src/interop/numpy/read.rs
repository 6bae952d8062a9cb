//! Reading `.npz` and `.npy`.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use super::array::Array;
use super::header::{self, Header};
use super::member::{Member, Unpacking, check_length};
use super::strings;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::file::{self, Cursor};
use crate::interop::format::Format;
use crate::interop::source::{Place, Refused, Source, SourceVariable, by_range, check_elements, check_range, in_order};
use crate::interop::stream::PieceStream;
use crate::io::ReadFile;
use crate::name;
use crate::sync::atomic::AtomicBool;
use crate::sync::{Mutex, PoisonError};

/// So many unpacked arrays are kept open.
const SPILLED_MAX: usize = 4;

/// A transposed array is streamed in blocks of about this, so that the runs of a column are not too short.
const TRANSPOSED_BYTES: u64 = 16 << 20;

/// What the names of arrays in a zip end in.
const SUFFIX: &str = ".npy";

/// Arrays of one file.
#[derive(Debug)]
struct Arrays {
    format: Format,
    path: PathBuf,
    variables: Vec<SourceVariable>,
    entries: Vec<Entry>,
    refused: Vec<Refused>,
    metadata: BTreeMap<String, String>,
    /// Arrays that were unpacked, the latest last.
    spilled: Mutex<VecDeque<(usize, Arc<ReadFile>)>>,
}

#[derive(Debug)]
struct Entry {
    header: Header,
    lies: Lies,
}

#[derive(Debug)]
enum Lies {
    /// In a file of its own.
    Alone(Arc<ReadFile>),
    InZip(Member),
}

/// Opens a `.npy`; its variable is called as the file is.
///
/// # Errors
/// `restore_no_checkpoint`; `corrupt`; `dtype_unsupported`; `io`.
pub(crate) fn open_npy(path: &Path) -> Result<Box<dyn Source>> {
    let file = file::open(path)?;
    let read = header::read(&mut Cursor::new(Arc::clone(&file)));
    let header = read.and_then(|header| check_length(&header, file.len()).map(|()| header));
    let header = header.map_err(|error| error.in_file(path))?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let place = Place { file: path.into(), offset_bytes: header.len_bytes, len_bytes: header.data_bytes };
    let variable = SourceVariable::in_one_piece(name, header.item.dtype(), header.shape.clone(), Some(place));
    let found = vec![(variable, Entry { header, lies: Lies::Alone(file) })];
    Ok(Box::new(Arrays::new(Format::Npy, path, found, Vec::new())))
}

/// Opens an `.npz`.
///
/// # Errors
/// `restore_no_checkpoint`; `corrupt`, if it is no zip, or one whose parts overlap or are called the same; `io`.
pub(crate) fn open_npz(path: &Path) -> Result<Box<dyn Source>> {
    let file = file::open(path)?;
    let corrupt = |what: &str| Error::new(ErrorKind::Corrupt, what).in_file(path);
    let ill_formed =
        |error: zip::result::ZipError| corrupt("this is no zip of arrays, or a damaged one").caused_by(error);
    let mut archive = ZipArchive::new(Cursor::new(Arc::clone(&file))).map_err(ill_formed)?;
    if archive.has_duplicate_names() {
        return Err(corrupt("two arrays of the zip have the same name"));
    }
    // One such byte could be unpacked many times.
    if archive.has_overlapping_files().map_err(ill_formed)? {
        return Err(corrupt("arrays of the zip lie over each other"));
    }
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for i in 0..archive.len() {
        let (name, taken) = take(&mut archive, i, &file).map_err(|error| error.in_file(path))?;
        match taken {
            Ok(entry) => {
                let place = entry.place(path);
                let Header { item, shape, .. } = &entry.header;
                found.push((SourceVariable::in_one_piece(name, item.dtype(), shape.clone(), Some(place)), entry));
            }
            Err(why) => refused.push(Refused { name, why }),
        }
    }
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let arrays = Arrays::new(Format::Npz, path, found, refused);
    in_order(arrays.variables.clone()).map_err(|error| error.in_file(path))?;
    Ok(Box::new(arrays))
}

/// One file of the zip, or why it is no array that can be read.
fn take(archive: &mut ZipArchive<Cursor>, i: usize, file: &Arc<ReadFile>) -> Result<(String, Result<Entry, String>)> {
    let ill_formed = |error: zip::result::ZipError| {
        Error::new(ErrorKind::Corrupt, "a part of the zip is ill-formed").caused_by(error)
    };
    let part = archive.by_index_raw(i).map_err(ill_formed)?;
    let full = part
        .name()
        .map_or_else(|_| String::from_utf8_lossy(part.name_raw()).into_owned(), std::borrow::Cow::into_owned);
    let Some(name) = full.strip_suffix(SUFFIX) else {
        return Ok((full, Err("it is no array: its name does not end in .npy".to_owned())));
    };
    let name = name.to_owned();
    name::check_stored(&name)?;
    if part.encrypted() {
        return Ok((name, Err("it is encrypted".to_owned())));
    }
    let is_deflated = match part.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        other => return Ok((name, Err(format!("it is compressed by {other}, and NumPy uses deflate")))),
    };
    let start = part.data_start().unwrap_or(0);
    let stored_bytes = part.compressed_size();
    let inside = start.checked_add(stored_bytes).is_some_and(|end| end <= file.len());
    if !inside || (!is_deflated && stored_bytes != part.size()) {
        let what = format!("the {stored_bytes} bytes of an array leave the zip, or are not as many as it says");
        return Err(Error::new(ErrorKind::Corrupt, what).of_variable(name).at_offset(start));
    }
    let member = Member {
        zip: Arc::clone(file),
        start,
        stored_bytes,
        is_deflated,
        bytes: part.size(),
        crc32: part.crc32(),
        checked: AtomicBool::new(false),
    };
    drop(part);
    let header = member.unpack().and_then(|mut reader| header::read(&mut reader));
    match header {
        Ok(header) => {
            check_length(&header, member.bytes).map_err(|error| error.of_variable(&name).at_offset(start))?;
            Ok((name, Ok(Entry { header, lies: Lies::InZip(member) })))
        }
        Err(error) if error.kind() == ErrorKind::DtypeUnsupported => Ok((name, Err(error.what().to_owned()))),
        Err(error) => {
            // Offsets of the header count from the start of the array.
            let kind = error.kind();
            let wrapped = Error::new(kind, error.what().to_owned()).of_variable(&name).at_offset(start);
            Err(wrapped.caused_by(error))
        }
    }
}

impl Entry {
    fn place(&self, path: &Path) -> Place {
        let (offset_bytes, len_bytes) = match &self.lies {
            Lies::Alone(_) => (self.header.len_bytes, self.header.data_bytes),
            Lies::InZip(member) if member.is_deflated => (member.start, member.stored_bytes),
            Lies::InZip(member) => (member.start + self.header.len_bytes, self.header.data_bytes),
        };
        Place { file: path.into(), offset_bytes, len_bytes }
    }
}

impl Arrays {
    fn new(format: Format, path: &Path, found: Vec<(SourceVariable, Entry)>, refused: Vec<Refused>) -> Self {
        let (variables, entries) = found.into_iter().unzip();
        let (metadata, spilled) = (BTreeMap::new(), Mutex::new(VecDeque::new()));
        Self { format, path: path.to_owned(), variables, entries, refused, metadata, spilled }
    }

    /// The array as it lies, checked.
    fn array(&self, variable: usize) -> Result<Array> {
        let Entry { header, lies } = &self.entries[variable];
        let (file, start) = match lies {
            Lies::Alone(file) => (Arc::clone(file), header.len_bytes),
            Lies::InZip(member) if member.is_deflated => (self.spilled(variable, member)?, header.len_bytes),
            Lies::InZip(member) => {
                member.check()?;
                (Arc::clone(&member.zip), member.start + header.len_bytes)
            }
        };
        Ok(Array { file, start, header: header.clone() })
    }

    /// A compressed array, unpacked.
    fn spilled(&self, variable: usize, member: &Member) -> Result<Arc<ReadFile>> {
        let lock = || self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = lock().iter().find(|(unpacked, _)| *unpacked == variable) {
            return Ok(Arc::clone(file));
        }
        let file = member.spill()?;
        let mut spilled = lock();
        spilled.push_back((variable, Arc::clone(&file)));
        if spilled.len() > SPILLED_MAX {
            spilled.pop_front();
        }
        Ok(file)
    }

    /// The start of an array that can be read from front to back as it is unpacked.
    fn unpacking(&self, variable: usize) -> Result<Option<Unpacking<'_>>> {
        let Entry { header, lies } = &self.entries[variable];
        let Lies::InZip(member) = lies else { return Ok(None) };
        if header.is_transposed() || header.item.dtype() == DType::String {
            return Ok(None);
        }
        let mut unpacking = member.unpack()?;
        unpacking.skip(header.len_bytes)?;
        Ok(Some(unpacking))
    }

    fn read(&self, variable: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        let Header { item, data_bytes, .. } = self.entries[variable].header;
        if item.dtype() == DType::String {
            let bytes = strings::read(&self.array(variable)?)?;
            check_range(start, buffer.len(), bytes.len() as u64)?;
            buffer.copy_from_slice(&bytes[start as usize..start as usize + buffer.len()]);
            return Ok(());
        }
        check_range(start, buffer.len(), data_bytes)?;
        match self.unpacking(variable)? {
            // The checksum comes with the last byte.
            Some(mut unpacking) if buffer.len() as u64 == data_bytes => {
                unpacking.fill(buffer)?;
                item.turn_round(buffer);
            }
            _ => self.array(variable)?.read_at(start, buffer)?,
        }
        check_elements(item.dtype(), start, buffer)
    }

    fn named(&self, variable: usize) -> impl Fn(Error) -> Error + '_ {
        move |error| error.of_variable(&self.variables[variable].name).in_file(&*self.path)
    }
}

impl Source for Arrays {
    fn format(&self) -> Option<Format> {
        Some(self.format)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
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

    fn len_bytes(&self, variable: usize, _piece: usize) -> Result<u64> {
        let header = &self.entries[variable].header;
        if header.item.dtype() != DType::String {
            return Ok(header.data_bytes);
        }
        let read = self.array(variable).and_then(|array| strings::read(&array));
        read.map(|bytes| bytes.len() as u64).map_err(self.named(variable))
    }

    fn read_at(&self, variable: usize, _piece: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        self.read(variable, start, buffer).map_err(self.named(variable))
    }

    fn stream(&self, variable: usize, piece: usize) -> Result<Box<dyn PieceStream + '_>> {
        let header = &self.entries[variable].header;
        if header.item.dtype() == DType::String {
            return Ok(by_range(self, variable, piece));
        }
        if let Some(unpacking) = self.unpacking(variable).map_err(self.named(variable))? {
            return Ok(Box::new(Straight { arrays: self, variable, unpacking, rest: Vec::new(), at: 0 }));
        }
        if header.is_transposed() {
            return Ok(Box::new(Transposed { arrays: self, variable, block: Vec::new(), used: 0, at: 0 }));
        }
        Ok(by_range(self, variable, piece))
    }
}

/// An array that is read as it is unpacked.
struct Straight<'a> {
    arrays: &'a Arrays,
    variable: usize,
    unpacking: Unpacking<'a>,
    /// The rest of a number that the last buffer ended within.
    rest: Vec<u8>,
    at: u64,
}

impl Straight<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        let item = self.arrays.entries[self.variable].header.item;
        let (of_rest, of_file) = buffer.split_at_mut(self.rest.len().min(buffer.len()));
        of_rest.copy_from_slice(&self.rest[..of_rest.len()]);
        self.rest.drain(..of_rest.len());
        let whole = of_file.len() / item.bytes() * item.bytes();
        let (numbers, part) = of_file.split_at_mut(whole);
        self.unpacking.fill(numbers)?;
        item.turn_round(numbers);
        if !part.is_empty() {
            self.rest.resize(item.bytes(), 0);
            self.unpacking.fill(&mut self.rest)?;
            item.turn_round(&mut self.rest);
            part.copy_from_slice(&self.rest[..part.len()]);
            self.rest.drain(..part.len());
        }
        check_elements(item.dtype(), self.at, buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }
}

impl PieceStream for Straight<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.read(buffer).map_err(self.arrays.named(self.variable))
    }
}

/// A transposed array, turned block by block.
struct Transposed<'a> {
    arrays: &'a Arrays,
    variable: usize,
    block: Vec<u8>,
    used: usize,
    /// Where the next block begins.
    at: u64,
}

impl PieceStream for Transposed<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        let Header { item, data_bytes, ref shape, .. } = self.arrays.entries[self.variable].header;
        let mut rest = buffer;
        while !rest.is_empty() {
            if self.used == self.block.len() {
                // Whole rows, where several fit.
                let row = item.bytes() as u64 * shape.sizes()[1..].iter().product::<u64>();
                let most = if row < TRANSPOSED_BYTES { TRANSPOSED_BYTES / row * row } else { TRANSPOSED_BYTES };
                let len = most.min(data_bytes - self.at);
                self.block.resize(len as usize, 0);
                self.arrays.read_at(self.variable, 0, self.at, &mut self.block)?;
                (self.used, self.at) = (0, self.at + len);
                if len == 0 {
                    // Says so.
                    return self.arrays.read_at(self.variable, 0, self.at, rest);
                }
            }
            let len = rest.len().min(self.block.len() - self.used);
            let (now, later) = rest.split_at_mut(len);
            now.copy_from_slice(&self.block[self.used..self.used + len]);
            self.used += len;
            rest = later;
        }
        Ok(())
    }
}
