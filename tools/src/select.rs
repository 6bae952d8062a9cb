//! Reading chosen elements of a saved variable, and no more chunks than hold them.

use varkeep::{DType, SavedPiece, SavedVariable};

use crate::elements;
use crate::failure::{Failure, Outcome};
use crate::numpy::{self, Values};
use crate::slice::Axis;

/// The elements of a variable that a slice chooses.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    variable: &'a SavedVariable,
    axes: Vec<Axis>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(variable: &'a SavedVariable, axes: Vec<Axis>) -> Self {
        Self { variable, axes }
    }

    /// The sizes of what is chosen.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.axes.iter().filter(|axis| axis.is_kept).map(|axis| axis.len).collect()
    }

    /// Whether it is the whole variable, in its own order.
    pub(crate) fn is_all(&self) -> bool {
        let sizes = self.variable.shape().sizes();
        self.axes.iter().zip(sizes).all(|(axis, size)| axis.len == *size && (axis.step == 1 || *size == 1))
    }

    /// The elements chosen; of more than NumPy prints, those that it shows.
    pub(crate) fn shown(&self) -> Outcome<Values> {
        let shortened = numpy::is_shortened(&self.sizes());
        self.read(|axis| numpy::shown(axis.len, shortened && axis.is_kept))
    }

    /// All elements chosen.
    pub(crate) fn all(&self) -> Outcome<Values> {
        self.read(|axis| (0..axis.len).collect())
    }

    fn read(&self, chosen: impl Fn(&Axis) -> Vec<u64>) -> Outcome<Values> {
        let chosen: Vec<Vec<u64>> =
            self.axes.iter().map(|axis| chosen(axis).into_iter().map(|i| axis.at(i)).collect()).collect();
        if self.variable.dtype() == DType::String {
            let sizes = self.variable.shape().sizes();
            let read = self.variable.read_strings()?;
            let flat = |index: &[u64]| index.iter().zip(sizes).fold(0, |flat, (i, size)| flat * size + i);
            let mut flats = Vec::new();
            for_each_index(&chosen, |index| {
                flats.push(flat(index));
                Ok(())
            })?;
            return Ok(elements::decode_strings(read.strings(), flats.into_iter()));
        }
        elements::decode(self.variable.dtype(), &self.bytes_of(&chosen)?)
    }

    /// The bytes of all elements chosen, in their order.
    pub(crate) fn bytes(&self) -> Outcome<Vec<u8>> {
        let chosen: Vec<Vec<u64>> = self.axes.iter().map(|axis| (0..axis.len).map(|i| axis.at(i)).collect()).collect();
        self.bytes_of(&chosen)
    }

    fn bytes_of(&self, chosen: &[Vec<u64>]) -> Outcome<Vec<u8>> {
        let dtype = self.variable.dtype();
        let size = dtype.element_bytes().ok_or_else(|| {
            Failure::usage(format!("elements of {dtype} share bytes and cannot be chosen one by one"))
                .hint("`--format raw` without a slice writes all bytes")
        })?;
        let mut reader = Reader { pieces: self.variable.pieces(), size, window: None };
        let count: usize = chosen.iter().map(Vec::len).product();
        let mut bytes = Vec::with_capacity(count * size);
        for_each_index(chosen, |index| reader.read(index, &mut bytes))?;
        Ok(bytes)
    }
}

/// Runs over all combinations, in row-major order.
fn for_each_index(chosen: &[Vec<u64>], mut run: impl FnMut(&[u64]) -> Outcome<()>) -> Outcome<()> {
    if chosen.iter().any(Vec::is_empty) {
        return Ok(());
    }
    let mut place = vec![0; chosen.len()];
    let mut index: Vec<u64> = chosen.iter().map(|along| along[0]).collect();
    loop {
        run(&index)?;
        let Some(axis) = (0..place.len()).rev().find(|axis| place[*axis] + 1 < chosen[*axis].len()) else {
            return Ok(());
        };
        place[axis] += 1;
        place[axis + 1..].fill(0);
        for axis in axis..place.len() {
            index[axis] = chosen[axis][place[axis]];
        }
    }
}

/// Reads elements one by one. It keeps the last chunk, in which the next element most often lies too.
struct Reader<'a> {
    pieces: Vec<SavedPiece<'a>>,
    size: usize,
    window: Option<Window>,
}

struct Window {
    piece: usize,
    start: u64,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn read(&mut self, index: &[u64], into: &mut Vec<u8>) -> Outcome<()> {
        let holds = |piece: &SavedPiece<'_>| {
            let along = piece.offset().iter().zip(piece.shape().sizes());
            index.iter().zip(along).all(|(i, (offset, size))| (*offset..offset + size).contains(i))
        };
        // Most often it is the piece of the element before.
        let before = self.window.as_ref().map(|window| window.piece).filter(|piece| holds(&self.pieces[*piece]));
        let number = before.or_else(|| self.pieces.iter().position(holds));
        let number = number.expect("the pieces of a variable tile it");
        let piece = &self.pieces[number];
        let along = index.iter().zip(piece.offset()).zip(piece.shape().sizes());
        let flat = along.fold(0, |flat, ((i, offset), size)| flat * size + (i - offset));
        let at = flat * self.size as u64;
        let chunk = piece.chunk_bytes();
        let start = at / chunk * chunk;
        let is_elsewhere = |window: &Window| window.piece != number || window.start != start;
        if self.window.as_ref().is_none_or(is_elsewhere) {
            let mut bytes = self.window.take().map(|window| window.bytes).unwrap_or_default();
            bytes.resize((piece.len_bytes() - start).min(chunk) as usize, 0);
            piece.read_into(start, &mut bytes)?;
            self.window = Some(Window { piece: number, start, bytes });
        }
        let window = self.window.as_ref().expect("it has just been filled");
        // Elements are no larger than chunks, and both sizes are powers of two: none lies across two chunks.
        into.extend_from_slice(&window.bytes[(at - start) as usize..][..self.size]);
        Ok(())
    }
}
