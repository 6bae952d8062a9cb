//! Reading chosen elements of a variable, and no more chunks than hold them.

use varkeep::DType;

use crate::elements;
use crate::failure::{Failure, Outcome};
use crate::numpy::{self, Values};
use crate::opened::Item;
use crate::opened::flat::{Flat, unravel};
use crate::slice::Axis;

/// Elements are handed on in blocks of about this size.
const BLOCK_BYTES: usize = 4 << 20;

/// The elements of a variable that a slice chooses.
#[derive(Debug)]
pub(crate) struct Selection {
    item: Item,
    axes: Vec<Axis>,
}

impl Selection {
    pub(crate) fn new(item: Item, axes: Vec<Axis>) -> Self {
        Self { item, axes }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.item.dtype
    }

    /// The sizes of what is chosen.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.axes.iter().filter(|axis| axis.is_kept).map(|axis| axis.len).collect()
    }

    /// How many elements are chosen.
    pub(crate) fn count(&self) -> u64 {
        self.axes.iter().map(|axis| axis.len).product()
    }

    /// Whether it is the whole variable, in its own order.
    fn is_all(&self) -> bool {
        self.axes.iter().zip(&self.item.shape).all(|(axis, size)| axis.len == *size && (axis.step == 1 || *size == 1))
    }

    /// The elements chosen; of more than NumPy prints, those that it shows.
    pub(crate) fn shown(&self) -> Outcome<Values> {
        let shortened = numpy::is_shortened(&self.sizes());
        let along = |axis: &Axis| {
            numpy::shown(axis.len, shortened && axis.is_kept).into_iter().map(|i| axis.at(i)).collect::<Vec<u64>>()
        };
        let chosen: Vec<Vec<u64>> = self.axes.iter().map(along).collect();
        let sizes: Vec<u64> = chosen.iter().map(|along| along.len() as u64).collect();
        let indices = (0..sizes.iter().product()).map(|flat| {
            let place = unravel(flat, &sizes);
            place.iter().zip(&chosen).map(|(i, along)| along[*i as usize]).collect::<Vec<u64>>()
        });
        if self.item.dtype == DType::String {
            return self.strings(indices);
        }
        let size = self.element_bytes()?;
        let mut flat = Flat::new(&self.item, size);
        let mut bytes = Vec::new();
        for index in indices {
            flat.read_element(&index, &mut bytes)?;
        }
        elements::decode(self.item.dtype, &bytes)
    }

    /// Hands on all elements chosen, a block at a time. Byte strings come all at once.
    pub(crate) fn for_each_block(&self, run: &mut dyn FnMut(&Values) -> Outcome<()>) -> Outcome<()> {
        if self.item.dtype == DType::String {
            let indices = (0..self.count()).map(|flat| self.index(flat));
            return run(&self.strings(indices)?);
        }
        // Refused before anything is written.
        elements::decode(self.item.dtype, &[])?;
        self.for_each_bytes(&mut |bytes| run(&elements::decode(self.item.dtype, bytes)?))
    }

    /// Hands on the bytes of all elements chosen, a block at a time.
    pub(crate) fn for_each_bytes(&self, run: &mut dyn FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        let mut bytes = Vec::new();
        if self.is_all() {
            let size = self.item.dtype.element_bytes().unwrap_or(1);
            let count = self.item.bytes / size as u64;
            let step = (BLOCK_BYTES / size) as u64;
            let mut flat = Flat::new(&self.item, size);
            for first in (0..count).step_by(step as usize) {
                bytes.clear();
                flat.read(first, step.min(count - first), &mut bytes)?;
                run(&bytes)?;
            }
            return Ok(());
        }
        let size = self.element_bytes()?;
        let mut flat = Flat::new(&self.item, size);
        let mut index: Vec<u64> = self.axes.iter().map(|axis| axis.start).collect();
        let mut place = vec![0; self.axes.len()];
        for _ in 0..self.count() {
            flat.read_element(&index, &mut bytes)?;
            if bytes.len() >= BLOCK_BYTES {
                run(&bytes)?;
                bytes.clear();
            }
            for axis in (0..place.len()).rev() {
                place[axis] = if place[axis] + 1 < self.axes[axis].len { place[axis] + 1 } else { 0 };
                index[axis] = self.axes[axis].at(place[axis]);
                if place[axis] > 0 {
                    break;
                }
            }
        }
        if bytes.is_empty() { Ok(()) } else { run(&bytes) }
    }

    fn element_bytes(&self) -> Outcome<usize> {
        let dtype = self.item.dtype;
        dtype.element_bytes().ok_or_else(|| {
            Failure::usage(format!("elements of {dtype} share bytes and cannot be chosen one by one"))
                .hint("`--format raw` without a slice writes all bytes")
        })
    }

    /// The index in the variable of the `flat`-th element chosen.
    fn index(&self, flat: u64) -> Vec<u64> {
        let sizes: Vec<u64> = self.axes.iter().map(|axis| axis.len).collect();
        unravel(flat, &sizes).into_iter().zip(&self.axes).map(|(i, axis)| axis.at(i)).collect()
    }

    fn strings(&self, indices: impl Iterator<Item = Vec<u64>>) -> Outcome<Values> {
        let read = self.item.read_strings()?;
        let flats = indices.map(|index| index.iter().zip(&self.item.shape).fold(0, |flat, (i, size)| flat * size + i));
        Ok(elements::decode_strings(read.strings()?, flats))
    }
}
