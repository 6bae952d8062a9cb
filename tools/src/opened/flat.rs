//! The elements of a variable in row-major order, however it is cut into pieces, with bounded memory.

use super::{Item, Piece};
use crate::failure::Outcome;

/// Windows of pieces that are kept take no more than this together.
const WINDOWS_BYTES_MAX: usize = 32 << 20;

/// Reads runs of elements by index. What it read of each piece last is kept, since the next run most often lies beside.
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    pieces: Vec<Piece<'a>>,
    sizes: &'a [u64],
    element_bytes: u64,
    windows: Vec<Window>,
    clock: u64,
    /// The piece of the last run.
    last: usize,
}

/// A part of a piece that was read.
#[derive(Debug)]
struct Window {
    piece: usize,
    start: u64,
    bytes: Vec<u8>,
    used: u64,
}

impl<'a> Flat<'a> {
    /// `element_bytes` is 1 for elements that share bytes: those lie in one piece.
    pub(crate) fn new(item: &'a Item, element_bytes: usize) -> Self {
        Self {
            pieces: item.pieces(),
            sizes: &item.shape,
            element_bytes: element_bytes as u64,
            windows: Vec::new(),
            clock: 0,
            last: 0,
        }
    }

    /// Appends the bytes of `count` elements from the `first` on, in row-major order of the whole.
    pub(crate) fn read(&mut self, first: u64, count: u64, into: &mut Vec<u8>) -> Outcome<()> {
        if let [piece] = &*self.pieces {
            let start = into.len();
            into.resize(start + (count * self.element_bytes) as usize, 0);
            return piece.read_into(first * self.element_bytes, &mut into[start..]);
        }
        let (mut at, end) = (first, first + count);
        while at < end {
            let index = unravel(at, self.sizes);
            let (piece, flat, run) = self.run_at(&index);
            let run = run.min(end - at);
            self.copy(piece, flat * self.element_bytes, run * self.element_bytes, into)?;
            at += run;
        }
        Ok(())
    }

    /// Appends the bytes of one element.
    pub(crate) fn read_element(&mut self, index: &[u64], into: &mut Vec<u8>) -> Outcome<()> {
        let (piece, flat, _) = self.run_at(index);
        self.copy(piece, flat * self.element_bytes, self.element_bytes, into)
    }

    /// The piece that holds an element, its number there, and how many elements from it on follow each other both there
    /// and in the whole.
    fn run_at(&mut self, index: &[u64]) -> (usize, u64, u64) {
        let holds = |piece: &Piece<'_>| {
            let along = piece.offset().iter().zip(piece.sizes());
            index.iter().zip(along).all(|(i, (offset, size))| (*offset..offset + size).contains(i))
        };
        if !holds(&self.pieces[self.last]) {
            self.last = self.pieces.iter().position(holds).expect("the pieces of a variable tile it");
        }
        let piece = &self.pieces[self.last];
        let along = index.iter().zip(piece.offset()).zip(piece.sizes());
        let flat = along.fold(0, |flat, ((i, offset), size)| flat * size + (i - offset));
        // Behind the last axis that is cut, both run on in the same order.
        let cut = self.sizes.iter().zip(piece.sizes()).rposition(|(all, part)| all != part).unwrap_or(0);
        let block: u64 = piece.sizes()[cut..].iter().product();
        (self.last, flat, block - flat % block.max(1))
    }

    fn copy(&mut self, piece: usize, start: u64, len: u64, into: &mut Vec<u8>) -> Outcome<()> {
        let chunk = self.pieces[piece].chunk_bytes();
        let (mut at, end) = (start, start + len);
        while at < end {
            let window_start = at / chunk * chunk;
            let window = self.window(piece, window_start, chunk)?;
            let from = (at - window_start) as usize;
            let part = &self.windows[window].bytes[from..];
            let take = part.len().min((end - at) as usize);
            into.extend_from_slice(&part[..take]);
            at += take as u64;
        }
        Ok(())
    }

    /// The number of the window that starts here, read if it is not there yet.
    fn window(&mut self, piece: usize, start: u64, chunk: u64) -> Outcome<usize> {
        self.clock += 1;
        let found = self.windows.iter().position(|window| window.piece == piece && window.start == start);
        if let Some(found) = found {
            self.windows[found].used = self.clock;
            return Ok(found);
        }
        let len = (self.pieces[piece].len_bytes() - start).min(chunk) as usize;
        let kept: usize = self.windows.iter().map(|window| window.bytes.len()).sum();
        // The one used longest ago gives its room; a piece's former window first.
        let victim = self.windows.iter().position(|window| window.piece == piece).or_else(|| {
            let is_full = kept + len > WINDOWS_BYTES_MAX;
            let oldest = (0..self.windows.len()).min_by_key(|i| self.windows[*i].used);
            oldest.filter(|_| is_full)
        });
        let mut bytes = victim.map(|i| self.windows.swap_remove(i).bytes).unwrap_or_default();
        bytes.resize(len, 0);
        self.pieces[piece].read_into(start, &mut bytes)?;
        self.windows.push(Window { piece, start, bytes, used: self.clock });
        Ok(self.windows.len() - 1)
    }
}

/// The index of the `flat`-th element.
pub(crate) fn unravel(mut flat: u64, sizes: &[u64]) -> Vec<u64> {
    let mut index = vec![0; sizes.len()];
    for (axis, size) in sizes.iter().enumerate().rev() {
        index[axis] = flat % size;
        flat /= size;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::opened::Opened;
    use ndarray::Array3;
    use std::ffi::OsStr;
    use varkeep::{Store, init, scope::partitioner};

    /// Every run of a variable, cut along each axis, is that of the array it was made from.
    #[test]
    fn runs_follow_the_order_of_the_whole_however_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.varkeep");
        let store = Store::open(&path).unwrap();
        let value = Array3::from_shape_fn((5, 6, 7), |(i, j, k)| (i * 100 + j * 10 + k) as f32);
        for axis in 0..3 {
            let scope = store.root();
            let request = scope.get_variable(&format!("w{axis}")).shape([5, 6, 7]);
            let w = request.partitioner(partitioner::fixed_size(3, axis)).initializer(init::zeros()).get().unwrap();
            w.assign(value.clone()).unwrap();
        }
        store.save("a").unwrap();
        let opened = Opened::open(&Address::parse(OsStr::new(&format!("{}@a", path.display()))).unwrap()).unwrap();
        let all: Vec<f32> = value.iter().copied().collect();
        for axis in 0..3 {
            let item = opened.get(&format!("w{axis}")).unwrap();
            assert_eq!(item.pieces().len(), 3);
            let mut flat = Flat::new(&item, 4);
            for (first, count) in [(0, 210), (1, 1), (6, 2), (41, 100), (209, 1), (3, 0), (0, 50)] {
                let mut bytes = Vec::new();
                flat.read(first, count, &mut bytes).unwrap();
                let found: Vec<f32> = floats(&bytes);
                assert_eq!(found, all[first as usize..(first + count) as usize], "axis {axis}, {first} + {count}");
            }
        }
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    }
}
