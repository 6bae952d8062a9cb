//! Reading a bundle.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;

use super::checksum::mask;
use super::proto::{BundleEntry, BundleHeader, TensorShape, TensorSlice};
use super::strings::{StringLengths, read_lengths};
use super::{dtypes, key, table};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::file;
use crate::interop::format::{Format, with_suffix};
use crate::interop::region::check_tiling;
use crate::interop::source::{
    Place, Refused, Source, SourcePiece, SourceVariable, by_range, check_elements, check_range, shape_of,
};
use crate::interop::stream::PieceStream;
use crate::io::ReadFile;
use crate::name;
use crate::shape::Shape;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The newest version of the format that is known here.
const VERSION: i32 = 1;

/// File names have five digits for it.
const SHARDS_MAX: i32 = 99_999;

/// Checksums are taken in pieces of this.
const CHECK_BYTES: u64 = 256 << 10;

/// A checkpoint that was opened.
#[derive(Debug)]
struct Bundle {
    prefix: PathBuf,
    index: Arc<ReadFile>,
    /// The data files that anything lies in, by shard.
    data: BTreeMap<i32, Arc<ReadFile>>,
    variables: Vec<SourceVariable>,
    /// Of each variable, its pieces as they lie.
    stored: Vec<Vec<Stored>>,
    refused: Vec<Refused>,
    metadata: BTreeMap<String, String>,
}

/// Where the bytes of a piece lie.
#[derive(Debug)]
struct Stored {
    shard: i32,
    offset: u64,
    size: u64,
    crc: u32,
    elements: u64,
    /// Whether the checksum held, in this process.
    checked: AtomicBool,
}

/// The name of a data file.
pub(crate) fn data_path(prefix: &Path, shard: i32, shards: i32) -> PathBuf {
    with_suffix(prefix, &format!(".data-{shard:05}-of-{shards:05}"))
}

/// Opens the checkpoint of this prefix.
///
/// # Errors
/// `restore_no_checkpoint`; `corrupt`; `unsupported_format`; `io`.
pub(crate) fn open(prefix: &Path) -> Result<Box<dyn Source>> {
    let index_path = with_suffix(prefix, ".index");
    let index = file::open(&index_path)?;
    let mut rows = Rows::default();
    let read = table::read(&index, |key, value| rows.take(key, value));
    read.and_then(|()| rows.check_header()).map_err(|error| error.in_file(&index_path))?;
    let mut bundle = Bundle {
        prefix: prefix.to_owned(),
        index,
        data: BTreeMap::new(),
        variables: Vec::new(),
        stored: Vec::new(),
        refused: Vec::new(),
        metadata: BTreeMap::new(),
    };
    bundle.fill(rows).map_err(|error| error.in_file(&index_path))?;
    Ok(Box::new(bundle))
}

/// What the table holds.
#[derive(Default)]
struct Rows {
    header: Option<BundleHeader>,
    tensors: Vec<(String, BundleEntry)>,
    slices: HashMap<Vec<u8>, BundleEntry>,
}

impl Rows {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let entry = || {
            BundleEntry::decode(value).map_err(|error| {
                let what = format!("the entry of {:?} is ill-formed", String::from_utf8_lossy(key));
                Error::new(ErrorKind::Corrupt, what).caused_by(error)
            })
        };
        match key.first() {
            None => {
                let header = BundleHeader::decode(value).map_err(|error| {
                    Error::new(ErrorKind::Corrupt, "the header of the checkpoint is ill-formed").caused_by(error)
                })?;
                self.header = Some(header);
            }
            Some(0) => {
                self.slices.insert(key.to_vec(), entry()?);
            }
            Some(_) => {
                let name = std::str::from_utf8(key).map_err(|error| {
                    let what = format!("the name {:?} is no UTF-8", String::from_utf8_lossy(key));
                    Error::new(ErrorKind::Corrupt, what).caused_by(error)
                })?;
                name::check_stored(name)?;
                self.tensors.push((name.to_owned(), entry()?));
            }
        }
        Ok(())
    }

    fn check_header(&self) -> Result<()> {
        let header = self
            .header
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the table has no header of a checkpoint"))?;
        if header.endianness != 0 {
            return Err(Error::new(ErrorKind::UnsupportedFormat, "the checkpoint was written on a big-endian machine")
                .advise("have TensorFlow write it again on a little-endian one"));
        }
        let version = header.version.clone().unwrap_or_default();
        if version.min_consumer > VERSION || version.bad_consumers.contains(&VERSION) {
            let what = format!("the checkpoint wants readers of version {} of the format", version.min_consumer);
            return Err(Error::new(ErrorKind::UnsupportedFormat, what).advise(format!("{VERSION} is known here")));
        }
        if !(1..=SHARDS_MAX).contains(&header.num_shards) {
            return Err(Error::new(ErrorKind::Corrupt, format!("the checkpoint has {} data files", header.num_shards)));
        }
        Ok(())
    }
}

impl Bundle {
    fn fill(&mut self, rows: Rows) -> Result<()> {
        let Rows { header, tensors, mut slices } = rows;
        let shards = header.map_or(0, |header| header.num_shards);
        let mut read = Vec::new();
        for (name, entry) in tensors {
            let found = self.variable(&name, &entry, &mut slices, shards).map_err(|error| error.of_variable(&name))?;
            match found {
                Ok(found) => read.push(found),
                Err(why) => self.refused.push(Refused { name, why }),
            }
        }
        if let Some(key) = slices.keys().min() {
            let name = key::name_in(key).unwrap_or_else(|| String::from_utf8_lossy(key).into_owned());
            let what = format!("there is a slice of {name:?}, of which no entry lists it");
            return Err(Error::new(ErrorKind::Corrupt, what).of_variable(name));
        }
        // The table was in order, and so are these.
        (self.variables, self.stored) = read.into_iter().unzip();
        Ok(())
    }

    /// A variable, or why it cannot be one here.
    fn variable(
        &mut self,
        name: &str,
        entry: &BundleEntry,
        slices: &mut HashMap<Vec<u8>, BundleEntry>,
        shards: i32,
    ) -> Result<Result<(SourceVariable, Vec<Stored>), String>> {
        let Some(dtype) = dtypes::ours(entry.dtype) else {
            // Its slices are accounted for, even so.
            for slice in &entry.slices {
                slices.remove(&key::of_slice(name, slice));
            }
            return Ok(Err(format!("its elements are of TensorFlow's {}", dtypes::foreign_name(entry.dtype))));
        };
        let shape = shape(entry.shape.as_ref(), dtype)?;
        if entry.slices.is_empty() {
            let (stored, place) = self.stored(entry, dtype, &shape, shards)?;
            return Ok(Ok((SourceVariable::in_one_piece(name.to_owned(), dtype, shape, Some(place)), vec![stored])));
        }
        let mut pieces = Vec::with_capacity(entry.slices.len());
        for slice in &entry.slices {
            let (offset, slice_shape) = region(slice, &shape)?;
            let found = slices.remove(&key::of_slice(name, slice)).ok_or_else(|| {
                let what = format!("the slice of {name:?} at {offset:?} is listed, but not stored");
                Error::new(ErrorKind::Corrupt, what)
            })?;
            let said = self::shape(found.shape.as_ref(), dtype)?;
            if found.dtype != entry.dtype || said != slice_shape || !found.slices.is_empty() {
                let what =
                    format!("the slice of {name:?} at {offset:?} is stored as something else than it is listed as");
                return Err(Error::new(ErrorKind::Corrupt, what));
            }
            let (stored, place) = self.stored(&found, dtype, &slice_shape, shards)?;
            pieces.push((SourcePiece { offset, shape: slice_shape, place: Some(place) }, stored));
        }
        pieces.sort_by(|(a, _), (b, _)| a.offset.cmp(&b.offset));
        let (pieces, stored): (Vec<SourcePiece>, Vec<Stored>) = pieces.into_iter().unzip();
        let tiles: Vec<_> = pieces.iter().map(|piece| (&*piece.offset, &piece.shape)).collect();
        check_tiling(&shape, &tiles)
            .map_err(|what| Error::new(ErrorKind::Corrupt, format!("{name:?} is not whole: {what}")))?;
        Ok(Ok((SourceVariable { name: name.to_owned(), dtype, shape, pieces }, stored)))
    }

    fn stored(&mut self, entry: &BundleEntry, dtype: DType, shape: &Shape, shards: i32) -> Result<(Stored, Place)> {
        let corrupt = |what: String| Error::new(ErrorKind::Corrupt, what);
        let shard = entry.shard_id;
        if !(0..shards).contains(&shard) {
            return Err(corrupt(format!("data file {shard} is named, and there are {shards}")));
        }
        let data = match self.data.entry(shard) {
            Entry::Occupied(open) => Arc::clone(open.get()),
            Entry::Vacant(closed) => Arc::clone(closed.insert(file::open(&data_path(&self.prefix, shard, shards))?)),
        };
        let range = u64::try_from(entry.offset).ok().zip(u64::try_from(entry.size).ok());
        let range = range.filter(|(offset, size)| offset.checked_add(*size).is_some_and(|end| end <= data.len()));
        let Some((offset, size)) = range else {
            let what = format!(
                "{} bytes from byte {} on leave the data file, which has {}",
                entry.size,
                entry.offset,
                data.len()
            );
            return Err(corrupt(what).in_file(data.path()));
        };
        if dtype.bytes_of(shape.elements()).is_some_and(|expected| expected != size) {
            return Err(corrupt(format!("{size} bytes are no {dtype} of shape {shape}")));
        }
        let place = Place { file: data.path().into(), offset_bytes: offset, len_bytes: size };
        let checked = AtomicBool::new(false);
        Ok((Stored { shard, offset, size, crc: entry.crc32c, elements: shape.elements(), checked }, place))
    }

    fn data_of(&self, stored: &Stored) -> &ReadFile {
        &self.data[&stored.shard]
    }

    fn lengths(&self, stored: &Stored) -> Result<StringLengths> {
        let data = self.data_of(stored);
        read_lengths(data, stored.offset, stored.size, stored.elements).map_err(|error| error.in_file(data.path()))
    }

    fn compare(&self, stored: &Stored, crc: u32) -> Result<()> {
        let (expected, found) = (stored.crc, mask(crc));
        // A fuzzer cannot guess checksums.
        if expected == found || cfg!(fuzzing) {
            stored.checked.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let what = format!("the value fails its checksum: expected {expected:08x}, found {found:08x}");
        Err(Error::new(ErrorKind::Corrupt, what).in_file(self.data_of(stored).path()).at_offset(stored.offset))
    }

    /// Checks a piece by reading it, unless it has been checked before; `so_far` covers what comes before `start`.
    fn check(&self, stored: &Stored, start: u64, so_far: u32) -> Result<()> {
        if stored.checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let end = stored.offset + stored.size;
        let mut room = vec![0; CHECK_BYTES.min(end - start) as usize];
        let (mut at, mut crc) = (start, so_far);
        while at < end {
            let part = &mut room[..CHECK_BYTES.min(end - at) as usize];
            self.data_of(stored).read_exact_at(part, at)?;
            crc = crc32c::crc32c_append(crc, part);
            at += part.len() as u64;
        }
        self.compare(stored, crc)
    }

    fn read(&self, dtype: DType, stored: &Stored, start: u64, buffer: &mut [u8]) -> Result<()> {
        let data = self.data_of(stored);
        if dtype == DType::String {
            let lengths = self.lengths(stored)?;
            let table_bytes = lengths.table.len() as u64;
            check_range(start, buffer.len(), table_bytes + lengths.text_bytes)?;
            self.check(stored, lengths.text_offset, lengths.crc)?;
            let from_table = table_bytes.saturating_sub(start).min(buffer.len() as u64) as usize;
            let (of_table, of_text) = buffer.split_at_mut(from_table);
            if from_table > 0 {
                of_table.copy_from_slice(&lengths.table[start as usize..start as usize + from_table]);
            }
            return data.read_exact_at(of_text, lengths.text_offset + start.saturating_sub(table_bytes));
        }
        check_range(start, buffer.len(), stored.size)?;
        if buffer.len() as u64 == stored.size {
            data.read_exact_at(buffer, stored.offset)?;
            if !stored.checked.load(Ordering::Relaxed) {
                self.compare(stored, crc32c::crc32c(buffer))?;
            }
        } else {
            self.check(stored, stored.offset, 0)?;
            data.read_exact_at(buffer, stored.offset + start)?;
        }
        check_elements(dtype, start, buffer)
            .map_err(|error| error.in_file(data.path()).at_offset(stored.offset + start))
    }
}

impl Source for Bundle {
    fn format(&self) -> Option<Format> {
        Some(Format::TensorFlow)
    }

    fn path(&self) -> &Path {
        &self.prefix
    }

    fn files(&self) -> Vec<PathBuf> {
        [&self.index].into_iter().chain(self.data.values()).map(|file| file.path().to_owned()).collect()
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

    fn len_bytes(&self, variable: usize, piece: usize) -> Result<u64> {
        let SourceVariable { name, dtype, .. } = &self.variables[variable];
        let stored = &self.stored[variable][piece];
        if *dtype != DType::String {
            return Ok(stored.size);
        }
        let lengths = self.lengths(stored).map_err(|error| error.of_variable(name))?;
        Ok(lengths.table.len() as u64 + lengths.text_bytes)
    }

    fn read_at(&self, variable: usize, piece: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        let SourceVariable { name, dtype, .. } = &self.variables[variable];
        self.read(*dtype, &self.stored[variable][piece], start, buffer).map_err(|error| error.of_variable(name))
    }

    fn stream(&self, variable: usize, piece: usize) -> Result<Box<dyn PieceStream + '_>> {
        let held = &self.variables[variable];
        if held.dtype == DType::String {
            return Ok(by_range(self, variable, piece));
        }
        let stored = &self.stored[variable][piece];
        Ok(Box::new(Streamed { bundle: self, held, stored, at: 0, crc: 0 }))
    }
}

/// A piece whose checksum is taken as it is read.
struct Streamed<'a> {
    bundle: &'a Bundle,
    held: &'a SourceVariable,
    stored: &'a Stored,
    at: u64,
    crc: u32,
}

impl Streamed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        let Self { bundle, held, stored, .. } = *self;
        check_range(self.at, buffer.len(), stored.size)?;
        let data = bundle.data_of(stored);
        data.read_exact_at(buffer, stored.offset + self.at)?;
        check_elements(held.dtype, self.at, buffer)
            .map_err(|error| error.in_file(data.path()).at_offset(stored.offset + self.at))?;
        self.crc = crc32c::crc32c_append(self.crc, buffer);
        self.at += buffer.len() as u64;
        if self.at == stored.size { bundle.compare(stored, self.crc) } else { Ok(()) }
    }
}

impl PieceStream for Streamed<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.read(buffer).map_err(|error| error.of_variable(&self.held.name))
    }
}

fn shape(said: Option<&TensorShape>, dtype: DType) -> Result<Shape> {
    let corrupt = |what: &str| Error::new(ErrorKind::Corrupt, what);
    let said = said.ok_or_else(|| corrupt("a tensor has no shape"))?;
    if said.unknown_rank {
        return Err(corrupt("a tensor is said to be of unknown rank"));
    }
    let sizes = said.dim.iter().map(|dim| u64::try_from(dim.size)).collect::<Result<Vec<u64>, _>>();
    shape_of(sizes.map_err(|_| corrupt("a tensor has an axis of unknown size"))?, dtype)
}

/// The region that a slice is of a shape.
fn region(slice: &TensorSlice, whole: &Shape) -> Result<(Vec<u64>, Shape)> {
    let ill_formed = || Error::new(ErrorKind::Corrupt, format!("a slice is none of shape {whole}"));
    if slice.extent.len() != whole.rank() {
        return Err(ill_formed());
    }
    let (mut offset, mut sizes) = (Vec::new(), Vec::new());
    for (extent, size) in slice.extent.iter().zip(whole.sizes()) {
        let start = u64::try_from(extent.start).map_err(|_| ill_formed())?;
        let length = match extent.length {
            None | Some(-1) => size.checked_sub(start).ok_or_else(ill_formed)?,
            Some(length) => u64::try_from(length).map_err(|_| ill_formed())?,
        };
        if start.checked_add(length).is_none_or(|end| end > *size) {
            return Err(ill_formed());
        }
        offset.push(start);
        sizes.push(length);
    }
    Ok((offset, Shape::new(sizes)?))
}
