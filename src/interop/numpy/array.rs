//! The elements of an array, in row-major order and little-endian, however they lie.

use std::sync::Arc;

use super::header::{Header, Item};
use crate::error::Result;
use crate::interop::region::boxes;
use crate::interop::source::check_range;
use crate::io::ReadFile;

/// Columns closer together than this are read together, what lies between included.
const NEAR_BYTES: u64 = 64 << 10;

/// How much is read together then.
const WINDOW_BYTES: u64 = 256 << 10;

/// An array whose elements lie in a file, uncompressed.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) file: Arc<ReadFile>,
    /// Where in the file the elements begin.
    pub(crate) start: u64,
    pub(crate) header: Header,
}

impl Array {
    /// Fills the buffer with bytes of the elements, from byte `start` on.
    pub(crate) fn read_at(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(start, buffer.len(), self.header.data_bytes)?;
        if buffer.is_empty() {
            return Ok(());
        }
        let unit = self.unit();
        let end = start + buffer.len() as u64;
        if unit == 1 || (start.is_multiple_of(unit) && end.is_multiple_of(unit)) {
            return self.read_units(start, buffer);
        }
        // The buffer begins or ends within a number.
        let (first, last) = (start / unit * unit, end.next_multiple_of(unit));
        let mut room = vec![0; (last - first) as usize];
        self.read_units(first, &mut room)?;
        let skip = (start - first) as usize;
        buffer.copy_from_slice(&room[skip..skip + buffer.len()]);
        Ok(())
    }

    /// What is read or not, as a whole: an element, or a part of a complex one.
    fn unit(&self) -> u64 {
        if self.header.is_transposed() {
            return self.header.item.bytes() as u64;
        }
        match self.header.item {
            Item::Number { swapped: Some(part), .. } => part as u64,
            _ => 1,
        }
    }

    fn read_units(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        if self.header.is_transposed() {
            let size = self.header.item.bytes() as u64;
            let (first, last) = (start / size, (start + buffer.len() as u64) / size);
            let mut rest = &mut *buffer;
            for part in boxes(self.header.shape.sizes(), first, last) {
                let bytes = part.sizes.iter().product::<u64>() * size;
                let (now, later) = rest.split_at_mut(bytes as usize);
                self.read_box(&part.at, &part.sizes, now)?;
                rest = later;
            }
        } else {
            self.file.read_exact_at(buffer, self.start + start)?;
        }
        self.header.item.turn_round(buffer);
        Ok(())
    }

    /// Reads a box of an array whose first axis varies fastest: column by column in the order of the file, each a run
    /// along the first axis.
    fn read_box(&self, at: &[u64], sizes: &[u64], buffer: &mut [u8]) -> Result<()> {
        let size = self.header.item.bytes();
        let shape = self.header.shape.sizes();
        let run_bytes = sizes[0] * size as u64;
        let column_bytes = shape[0] * size as u64;
        // Steps between neighbours along each axis: in the file, and in the buffer.
        let file_steps: Vec<u64> =
            shape.iter().scan(size as u64, |step, n| Some(std::mem::replace(step, *step * n))).collect();
        let mut steps = vec![size; sizes.len()];
        for axis in (0..sizes.len() - 1).rev() {
            steps[axis] = steps[axis + 1] * sizes[axis + 1] as usize;
        }
        let position = |index: &[u64]| -> u64 {
            (0..shape.len()).map(|axis| (at[axis] + index[axis]) * file_steps[axis]).sum::<u64>() + self.start
        };
        let last: Vec<u64> = sizes.iter().enumerate().map(|(axis, n)| if axis == 0 { 0 } else { n - 1 }).collect();
        let end = position(&last) + run_bytes;
        let mut index = vec![0_u64; sizes.len()];
        let (mut room, mut room_at) = (Vec::new(), 0);
        loop {
            let from = position(&index);
            if from < room_at || from + run_bytes > room_at + room.len() as u64 {
                let more =
                    if column_bytes < NEAR_BYTES { WINDOW_BYTES.max(run_bytes).min(end - from) } else { run_bytes };
                room.resize(more as usize, 0);
                self.file.read_exact_at(&mut room, from)?;
                room_at = from;
            }
            let run = &room[(from - room_at) as usize..][..run_bytes as usize];
            let to: usize = (1..sizes.len()).map(|axis| index[axis] as usize * steps[axis]).sum();
            for (i, element) in run.chunks_exact(size).enumerate() {
                let to = to + i * steps[0];
                buffer[to..to + size].copy_from_slice(element);
            }
            // The next column in the file: the second axis varies fastest among them.
            let Some(axis) = (1..sizes.len()).find(|axis| index[*axis] + 1 < sizes[*axis]) else { return Ok(()) };
            index[axis] += 1;
            index[1..axis].fill(0);
        }
    }
}

impl Header {
    /// Whether the elements lie in another order than ours.
    pub(crate) fn is_transposed(&self) -> bool {
        // With one axis of more than one element there is one order only.
        self.is_fortran && self.shape.elements() > 0 && self.shape.sizes().iter().filter(|size| **size > 1).count() > 1
    }
}

impl Item {
    /// Makes big-endian numbers little-endian.
    pub(crate) fn turn_round(self, bytes: &mut [u8]) {
        if let Self::Number { swapped: Some(part), .. } = self {
            bytes.chunks_exact_mut(part).for_each(<[u8]>::reverse);
        }
    }
}
