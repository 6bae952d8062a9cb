//! Reading a saved value a part at a time: for values larger than memory, and for looking at a few elements.

use std::ops::Range;

use crate::checkpoint::saved::{Saved, SavedSingle, SavedVariable};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::Shape;
use crate::shard::Verification;

/// A part of a saved variable that lies together: the variable itself, or one slice of a partitioned one.
#[derive(Clone, Debug)]
pub struct SavedPiece<'a> {
    single: &'a SavedSingle,
    offset: Vec<u64>,
}

impl SavedVariable {
    /// The parts the value consists of, by offset. One for a variable in one piece.
    pub fn pieces(&self) -> Vec<SavedPiece<'_>> {
        match self.saved() {
            Saved::Single(single) => vec![SavedPiece { single, offset: vec![0; single.shape.rank()] }],
            Saved::Whole { slices, .. } => {
                slices.iter().map(|(offset, single)| SavedPiece { single, offset: offset.clone() }).collect()
            }
            Saved::Alias { target, .. } => target.pieces(),
        }
    }
}

impl SavedPiece<'_> {
    /// The full name: of a partitioned variable, that of the slice.
    pub fn name(&self) -> &str {
        &self.single.name
    }

    /// Where in the variable it starts, one index per axis.
    pub fn offset(&self) -> &[u64] {
        &self.offset
    }

    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.single.shape
    }

    /// Its bytes.
    pub fn len_bytes(&self) -> u64 {
        self.single.stored.len_bytes()
    }

    /// What is read and checked at once: ranges on multiples of this are read without reading a byte twice.
    pub fn chunk_bytes(&self) -> u64 {
        self.single.stored.content().chunk_bytes
    }

    /// Reads bytes from `start` on, until the buffer is full. Nothing is mapped and nothing is kept: memory holds the
    /// buffer and at most one chunk.
    ///
    /// # Errors
    /// `index_out_of_range`, if the piece ends before; `corrupt`, `io`.
    pub fn read_into(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        let end = start.checked_add(buffer.len() as u64).filter(|end| *end <= self.len_bytes()).ok_or_else(|| {
            let what = format!("{} bytes from {start} on leave the {} bytes", buffer.len(), self.len_bytes());
            Error::new(ErrorKind::IndexOutOfRange, what).of_variable(self.name())
        })?;
        self.read_range(&(start..end), buffer).map_err(|error| error.of_variable(self.name()))
    }

    fn read_range(&self, wanted: &Range<u64>, buffer: &mut [u8]) -> Result<()> {
        let verification = self.single.verification();
        self.single.stored.read_range(wanted, buffer, verification)?;
        if self.single.statics.dtype == DType::Bool
            && verification != Verification::Never
            && let Some(bad) = buffer.iter().position(|byte| *byte > 1)
        {
            let what = format!("byte {} is neither 0 nor 1, which a bool is", wanted.start + bad as u64);
            return Err(Error::corrupt(what));
        }
        Ok(())
    }

    /// The ranges of bytes that are not known to be equal to those of `other` without reading them: all of them, unless
    /// both were saved by one store in chunks of one size. Neighbouring ranges are one.
    pub fn ranges_to_compare(&self, other: &Self) -> Vec<Range<u64>> {
        let all = 0..self.len_bytes();
        let (ours, theirs) = (self.single.stored.content(), other.single.stored.content());
        let comparable = self.single.is_of_store_of(other.single)
            && ours.len_bytes == theirs.len_bytes
            && ours.chunk_bytes == theirs.chunk_bytes;
        if !comparable {
            return if all.is_empty() { Vec::new() } else { vec![all] };
        }
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (chunk, (a, b)) in ours.chunks.iter().zip(&theirs.chunks).enumerate() {
            if a == b {
                continue;
            }
            let range = self.single.stored.range_of(chunk as u64);
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use crate::{Checkpoint, DType, Store, init};
    use ndarray::Array2;

    const CHUNK: u64 = 4096;

    #[test]
    fn any_range_of_any_piece_reads_as_the_whole_does_and_equal_chunks_need_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("s.varkeep")).unwrap();
        let (rows, columns) = (200, 100);
        let value = Array2::from_shape_fn((rows, columns), |(i, j)| (i * 1000 + j) as f32);
        let w = store
            .root()
            .get_variable("w")
            .shape([rows, columns])
            .chunk_bytes(CHUNK)
            .initializer(init::zeros())
            .get()
            .unwrap();
        w.assign(value.clone()).unwrap();
        store.save("a").unwrap();
        w.update_rows::<f32>(100..101, |mut row| row += 1.0).unwrap();
        store.save("b").unwrap();
        let a = Checkpoint::open(store.path(), "a").unwrap().get("w").unwrap();
        let b = Checkpoint::open(store.path(), "b").unwrap().get("w").unwrap();
        let (a, b) = (&a.pieces()[0], &b.pieces()[0]);
        let bytes: Vec<u8> = value.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(a.len_bytes(), bytes.len() as u64);
        for (start, len) in [(0, bytes.len()), (4095, 2), (4096, 4096), (5, 9000), (bytes.len(), 0)] {
            let mut read = vec![0; len];
            a.read_into(start as u64, &mut read).unwrap();
            assert_eq!(read, bytes[start..start + len]);
        }
        let beyond = a.read_into(1, &mut vec![0; bytes.len()]).unwrap_err();
        assert_eq!(beyond.kind(), crate::ErrorKind::IndexOutOfRange);
        let first = 100 * columns as u64 * 4 / CHUNK * CHUNK;
        assert_eq!(a.ranges_to_compare(b), vec![first..first + CHUNK]);
        assert!(a.ranges_to_compare(a).is_empty());
    }

    #[test]
    fn a_partitioned_variable_has_its_slices_as_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("s.varkeep")).unwrap();
        let cut = crate::scope::partitioner::fixed_size(3, 0);
        let root = store.root();
        let request = root.get_variable("w").shape([7, 2]).dtype(DType::F32).partitioner(cut);
        request.initializer(init::ones()).get().unwrap();
        store.save("a").unwrap();
        let saved = Checkpoint::open(store.path(), "a").unwrap().get("w").unwrap();
        let offsets: Vec<_> = saved.pieces().iter().map(|piece| (piece.name().to_owned(), piece.offset()[0])).collect();
        assert_eq!(offsets, [("w/part_0".to_owned(), 0), ("w/part_1".to_owned(), 3), ("w/part_2".to_owned(), 5)]);
    }
}
