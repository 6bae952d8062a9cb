//! The one shape of a checkpoint from elsewhere: what it holds, and its bytes by range.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::interop::format::Format;
use crate::interop::region;
use crate::interop::stream::{ByRange, PieceStream};
use crate::memory::Memory;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A checkpoint of any format, opened for reading.
///
/// Opening reads what there is; values are read when they are asked for, with positioned reads into the buffers given, so
/// memory holds no value that the caller does not. Nothing is mapped: foreign files may change under their readers, and
/// a mapped page would count as memory of the process.
pub trait Source: fmt::Debug + Send + Sync {
    /// The format; `None` for a checkpoint of a store.
    fn format(&self) -> Option<Format>;

    /// What was opened: a file, a folder, or the prefix of a TensorFlow checkpoint.
    fn path(&self) -> &Path;

    /// The files it lies in.
    fn files(&self) -> Vec<PathBuf>;

    /// The variables, in ascending order of the bytes of their names, none twice.
    fn variables(&self) -> &[SourceVariable];

    /// What is there under a name but cannot be read as a variable, with the reason.
    fn refused(&self) -> &[Refused] {
        &[]
    }

    /// What the file says of itself in words: safetensors' `__metadata__`.
    fn metadata(&self) -> &BTreeMap<String, String>;

    /// The bytes of a piece, as [`Source::read_at`] counts them.
    ///
    /// # Errors
    /// `corrupt`, `io`: the length of byte strings has to be read.
    fn len_bytes(&self, variable: usize, piece: usize) -> Result<u64> {
        let SourceVariable { dtype, pieces, .. } = &self.variables()[variable];
        Ok(dtype.bytes_of(pieces[piece].shape.elements()).unwrap_or_default())
    }

    /// Fills the buffer with bytes of a piece, from byte `start` on: elements in row-major order, little-endian; byte
    /// strings as [`Strings`](crate::Strings) lie. Where the format has a checksum it has been checked before the first
    /// byte is handed out (of each piece once).
    ///
    /// # Errors
    /// `index_out_of_range`; `corrupt`, which names the file and the offset; `io`.
    fn read_at(&self, variable: usize, piece: usize, start: u64, buffer: &mut [u8]) -> Result<()>;

    /// Reads a piece once from its first byte to its last: what copying it elsewhere takes. A checksum is checked on the
    /// way, so the bytes are good only when the last one was read.
    ///
    /// # Errors
    /// `corrupt`, `io`.
    fn stream(&self, variable: usize, piece: usize) -> Result<Box<dyn PieceStream + '_>>;
}

/// One variable of a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceVariable {
    /// The name as it stands there.
    pub name: String,
    /// The type of the elements.
    pub dtype: DType,
    /// The shape of the whole value.
    pub shape: Shape,
    /// The pieces that tile the value, in row-major order of their offsets; one where it lies in one piece.
    pub pieces: Vec<SourcePiece>,
}

/// A part of a variable that lies together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourcePiece {
    /// Where in the value it starts, one index per axis.
    pub offset: Vec<u64>,
    /// Its shape.
    pub shape: Shape,
    /// Where its bytes lie, if a format has one place for them.
    pub place: Option<Place>,
}

/// Where the bytes of a piece lie, as the file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The first byte in it.
    pub offset_bytes: u64,
    /// The bytes there: those of the encoding, which may be compressed.
    pub len_bytes: u64,
}

/// Something of a [`Source`] that is no variable varkeep can read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The name as it stands there.
    pub name: String,
    /// Why, in a sentence without a full stop.
    pub why: String,
}

impl SourceVariable {
    pub(crate) fn in_one_piece(name: String, dtype: DType, shape: Shape, place: Option<Place>) -> Self {
        let piece = SourcePiece { offset: vec![0; shape.rank()], shape: shape.clone(), place };
        Self { name, dtype, shape, pieces: vec![piece] }
    }

    /// The bytes of the whole value; `None` for byte strings, whose length is read.
    pub fn len_bytes(&self) -> Option<u64> {
        self.dtype.bytes_of(self.shape.elements())
    }
}

impl dyn Source + '_ {
    /// The number of the variable of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.variables().binary_search_by(|variable| variable.name.as_str().cmp(name)).ok()
    }

    /// Fills the buffer with bytes of a whole value in row-major order, from byte `start` on, whatever pieces it lies in.
    ///
    /// # Errors
    /// As [`Source::read_at`]; `dtype_unsupported` for byte strings in several pieces, and for elements smaller than a
    /// byte in several pieces.
    pub fn read_into(&self, variable: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        let held = &self.variables()[variable];
        let whole = (vec![0; held.shape.rank()], held.shape.clone());
        region::read(self, variable, &whole, start, buffer)
    }

    /// The whole value.
    ///
    /// # Errors
    /// As [`Source::read_at`]; `shape_too_large`, if there is no memory for it.
    pub fn tensor(&self, variable: usize) -> Result<Tensor> {
        let held = &self.variables()[variable];
        let tensor = if held.pieces.len() == 1 {
            self.piece_tensor(variable, 0)
        } else {
            let parts = (0..held.pieces.len())
                .map(|piece| Ok((held.pieces[piece].offset.clone(), self.piece_tensor(variable, piece)?)));
            let parts = parts.collect::<Result<Vec<_>>>();
            parts.and_then(|parts| Tensor::assemble(held.dtype, &held.shape, &parts))
        };
        tensor.map_err(|error| error.of_variable(&held.name))
    }

    fn piece_tensor(&self, variable: usize, piece: usize) -> Result<Tensor> {
        let SourceVariable { dtype, pieces, .. } = &self.variables()[variable];
        let mut memory = room(self.len_bytes(variable, piece)?)?;
        self.read_at(variable, piece, 0, memory.bytes_mut())?;
        Tensor::from_memory(*dtype, pieces[piece].shape.clone(), Arc::new(memory))
    }
}

/// Memory for a value, refused where there is none: the length comes from a file.
fn room(len_bytes: u64) -> Result<Memory> {
    let possible = usize::try_from(len_bytes).is_ok_and(|len| Vec::<u8>::new().try_reserve_exact(len).is_ok());
    if possible {
        return Ok(Memory::zeroed(len_bytes as usize));
    }
    Err(Error::new(ErrorKind::ShapeTooLarge, format!("there is no memory for a value of {len_bytes} bytes")))
}

/// Checks that a range lies in a piece.
pub(crate) fn check_range(start: u64, len: usize, len_bytes: u64) -> Result<()> {
    if start.checked_add(len as u64).is_some_and(|end| end <= len_bytes) {
        return Ok(());
    }
    let what = format!("{len} bytes from {start} on leave the {len_bytes} bytes of the piece");
    Err(Error::new(ErrorKind::IndexOutOfRange, what))
}

/// Checks bytes that are to be handed out as a part of a piece of this dtype.
pub(crate) fn check_elements(dtype: DType, start: u64, bytes: &[u8]) -> Result<()> {
    match bytes.iter().position(|byte| *byte > 1).filter(|_| dtype == DType::Bool) {
        None => Ok(()),
        Some(bad) => {
            let what = format!("byte {} of the value is neither 0 nor 1, which a bool is", start + bad as u64);
            Err(Error::new(ErrorKind::Corrupt, what))
        }
    }
}

/// Sorts variables by name.
///
/// # Errors
/// `corrupt`, if a name is there twice.
pub(crate) fn in_order(mut variables: Vec<SourceVariable>) -> Result<Vec<SourceVariable>> {
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    match variables.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => {
            let what = format!("there are two values of the name {:?}", pair[0].name);
            Err(Error::new(ErrorKind::Corrupt, what).of_variable(&pair[0].name))
        }
        None => Ok(variables),
    }
}

/// A stream over a source that needs no other than [`Source::read_at`].
pub(crate) fn by_range<'a>(source: &'a dyn Source, variable: usize, piece: usize) -> Box<dyn PieceStream + 'a> {
    Box::new(ByRange { source, variable, piece, at: 0 })
}

/// What a file says of a shape, as a shape.
pub(crate) fn shape_of(sizes: Vec<u64>, dtype: DType) -> Result<Shape> {
    let shape = Shape::new(sizes)?;
    // A value of byte strings has a table.
    let len = dtype.bytes_of(shape.elements()).or_else(|| shape.elements().checked_add(1)?.checked_mul(8));
    if len.is_none_or(|len| len > crate::limits::TENSOR_BYTES_MAX) {
        let what = format!("{dtype} of shape {shape} is more than memory can hold");
        return Err(Error::new(ErrorKind::ShapeTooLarge, what));
    }
    Ok(shape)
}
