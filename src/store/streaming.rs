//! A commit whose values are written one by one, as they come: for states larger than memory.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayRef, Dimension};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::io::{NewFile, sync_all};
use crate::shape::Shape;
use crate::shard::{Lent, Payload, Placer, Placing, Progress, SliceJob, Stored};
use crate::store::Store;
use crate::store::save::{Save, SaveReport};
use crate::tensor::{self, Tensor, for_each_run};
use crate::variable::{Object, Single, Variable};

/// Values that have been written, and become those of their variables with one save.
///
/// Each [`put`](Commit::put) writes a value from memory that is only lent; what the disk holds already is not written
/// again. Nothing shows before [`Commit::save`], and dropping this leaves everything as it was.
///
/// ```
/// # use varkeep::{Store, DType, init};
/// # let folder = tempfile::tempdir().unwrap();
/// # let store = Store::open(folder.path().join("model.varkeep"))?;
/// # let root = store.root();
/// let rows = root.get_variable("rows").shape([1000, 64]).initializer(init::zeros()).get()?;
/// let mut commit = store.begin()?;
/// let buffer = vec![1.0_f32; 64_000];
/// commit.put(&rows, bytemuck::cast_slice(&buffer))?;
/// commit.save("streamed")?;
/// assert_eq!(rows.read::<f32>()?[[999, 63]], 1.0);
/// # Ok::<(), varkeep::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is saved unless `save` is called"]
pub struct Commit<'s> {
    store: &'s Store,
    progress: Arc<Progress>,
    placer: Option<Placer<'s>>,
    /// What the placer has placed, in order: the variable and its shape.
    waiting: Vec<(Arc<Single>, Shape)>,
    /// What is in shards that are whole.
    written: Vec<(Arc<Single>, Shape, Arc<Stored>)>,
    /// Those shards, not durable yet.
    files: Vec<NewFile>,
}

/// A shard that has grown to this is ended, and another one begun: so that space comes back in parts.
const SHARD_BYTES: u64 = 1 << 30;

impl Store {
    /// Begins a commit whose values are written one by one.
    ///
    /// # Errors
    /// `store_latched`.
    pub fn begin(&self) -> Result<Commit<'_>> {
        self.state.check_latch()?;
        Ok(Commit {
            store: self,
            progress: Arc::default(),
            placer: None,
            waiting: Vec::new(),
            written: Vec::new(),
            files: Vec::new(),
        })
    }
}

impl Commit<'_> {
    /// Writes the bytes of a value: the elements of the variable's dtype in row-major order, little-endian, as many as its
    /// shape has. Of a partitioned variable the value is the whole one. A value put again takes the place of the first.
    ///
    /// # Errors
    /// `variable_detached`; `not_durable`, if saves leave the variable out; `assign_shape_mismatch`, for another number
    /// of bytes; `dtype_unsupported` for byte strings, which are assigned; `corrupt`, if bytes are no `bool`; `io`.
    /// Values put before stay.
    pub fn put(&mut self, variable: &Variable, bytes: &[u8]) -> Result<()> {
        check(variable, bytes)?;
        match variable.object() {
            Object::Single(single) => {
                let shape = single.state().shape.clone();
                self.put_slice(single, shape, bytes)
            }
            Object::Whole(whole) => {
                let whole = whole.snapshot()?;
                for (offset, slice) in &whole.slices {
                    let shape = slice.state().shape.clone();
                    let size = whole.dtype.bytes_of(1).expect("strings were refused") as usize;
                    if let Some(range) = together(&whole.shape, offset, &shape, size) {
                        self.put_slice(slice, shape, &bytes[range])?;
                    } else {
                        let cut = cut(bytes, &whole.shape, offset, &shape, size);
                        self.put_slice(slice, shape, &cut)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes a value that an array holds; as [`Commit::put`]. An array that is not in row-major order is copied.
    ///
    /// # Errors
    /// As [`Commit::put`]; `dtype_mismatch`.
    pub fn put_array<T: Element, D: Dimension>(&mut self, variable: &Variable, array: &ArrayRef<T, D>) -> Result<()> {
        tensor::check_dtype::<T>(variable.dtype()).map_err(|error| error.of_variable(variable.name()))?;
        let shape = Shape::of_dim(array.shape())?;
        if shape != variable.shape() {
            let what = format!("a value of shape {shape} was put for a variable of shape {}", variable.shape());
            return Err(Error::new(ErrorKind::AssignShapeMismatch, what).of_variable(variable.name()));
        }
        match array.as_slice() {
            Some(elements) => self.put(variable, bytemuck::cast_slice(elements)),
            None => self.put(variable, Tensor::from(array.to_owned()).bytes()),
        }
    }

    fn put_slice(&mut self, single: &Arc<Single>, shape: Shape, bytes: &[u8]) -> Result<()> {
        if self.placer.as_ref().is_some_and(|placer| placer.len_bytes() >= SHARD_BYTES) {
            self.end_shard()?;
        }
        let (base, name, chunk_bytes) = {
            let state = single.state();
            (state.base.clone(), Arc::clone(&state.name), state.statics.chunk_bytes)
        };
        let value = Lent { bytes, base };
        let job = SliceJob { name: &name, value: &value, chunk_bytes, ordinal: 0, leave: None };
        let placer = self.placer.get_or_insert_with(|| {
            let state = &self.store.state;
            let placing = Placing {
                shards: &state.shards,
                buffers: &state.buffers,
                hash_seed: state.history.store.hash_seed,
                progress: Arc::clone(&self.progress),
            };
            Placer::new(placing, 0)
        });
        if let Err(error) = placer.place(&job) {
            // Nothing of this shard counts on any more; what is in earlier ones does.
            self.discard_shard();
            return Err(error);
        }
        self.waiting.push((Arc::clone(single), shape));
        Ok(())
    }

    fn discard_shard(&mut self) {
        if let Some(placer) = self.placer.take() {
            placer.discard();
        }
        self.waiting.clear();
    }

    fn end_shard(&mut self) -> Result<()> {
        let Some(placer) = self.placer.take() else { return Ok(()) };
        let waiting = std::mem::take(&mut self.waiting);
        let group = placer.finish()?;
        self.files.extend(group.file);
        let placed = waiting.into_iter().zip(group.stored);
        self.written.extend(placed.map(|((single, shape), stored)| (single, shape, stored)));
        Ok(())
    }

    /// Gives the variables the values put, and saves: these and all else that changed, as one unit.
    ///
    /// # Errors
    /// As [`Store::save`]; `variable_detached` or `assign_shape_mismatch`, if a variable has left or has another shape by
    /// now. Where what was put cannot be made durable nothing has changed; where only the save fails the variables have
    /// their values, and the next save covers them.
    pub fn save(mut self, save: impl Into<Save>) -> Result<SaveReport> {
        self.end_shard()?;
        let state = &self.store.state;
        let files: Vec<&NewFile> = self.files.iter().collect();
        if !files.is_empty() {
            sync_all(&files, &[&state.history.folders.shards])?;
        }
        self.files.clear();
        for (single, shape, _) in &self.written {
            single.check_can_hold(shape)?;
        }
        // No other save takes some of the values and not the others.
        let step = self.store.step();
        for (single, shape, stored) in self.written.drain(..) {
            let payload = Payload::on_disk(Arc::clone(&stored), state.reading.mode, state.reading.verification);
            payload.mark_durable(stored);
            single.set_value(Arc::new(payload), shape)?;
        }
        drop(step);
        self.store.save(save)
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.discard_shard();
        self.files.drain(..).for_each(NewFile::discard);
    }
}

fn check(variable: &Variable, bytes: &[u8]) -> Result<()> {
    let (dtype, shape) = (variable.dtype(), variable.shape());
    let of_variable = |error: Error| error.of_variable(variable.name());
    if !variable.object().is_durable() {
        let what = "the variable is not in `GLOBAL_VARIABLES`, so no save holds it";
        return Err(of_variable(Error::new(ErrorKind::NotDurable, what).advise("assign its value")));
    }
    if dtype == DType::String {
        let what = "a value of byte strings cannot be put from memory";
        return Err(of_variable(Error::new(ErrorKind::DtypeUnsupported, what).advise("assign it")));
    }
    let expected = dtype.bytes_of(shape.elements()).unwrap_or_default();
    if bytes.len() as u64 != expected {
        let what = format!("{} bytes were put for a {dtype} of shape {shape}, which has {expected}", bytes.len());
        return Err(of_variable(Error::new(ErrorKind::AssignShapeMismatch, what)));
    }
    tensor::check_bytes(dtype, &shape, bytes).map_err(of_variable)
}

/// Where the bytes of a part lie in those of the whole, if they lie together: its first axis alone may be cut.
fn together(whole: &Shape, offset: &[u64], part: &Shape, size: usize) -> Option<Range<usize>> {
    let (whole, part) = (whole.sizes(), part.sizes());
    if whole.is_empty() || whole[1..] != part[1..] {
        return None;
    }
    let row = whole[1..].iter().product::<u64>() as usize * size;
    Some(offset[0] as usize * row..(offset[0] + part[0]) as usize * row)
}

fn cut(bytes: &[u8], whole: &Shape, offset: &[u64], part: &Shape, size: usize) -> Vec<u8> {
    let mut cut = vec![0; part.elements() as usize * size];
    for_each_run(whole.sizes(), offset, part.sizes(), |from, to, count| {
        cut[to * size..(to + count) * size].copy_from_slice(&bytes[from * size..(from + count) * size]);
    });
    cut
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::scope::partitioner;
    use crate::{Checkpoint, init};

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path().join("s.varkeep")).unwrap()
    }

    #[test]
    fn what_was_put_is_saved_with_all_else_and_shows_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let root = store.root();
        let a = root.get_variable("a").shape([300, 40]).initializer(init::zeros()).get().unwrap();
        let b = root.get_variable("b").shape([2]).initializer(init::zeros()).get().unwrap();
        let cut = root.get_variable("cut").shape([3, 5]).partitioner(partitioner::fixed_size(2, 1));
        let cut = cut.initializer(init::zeros()).get().unwrap();
        let rows = root.get_variable("rows").shape([5, 3]).partitioner(partitioner::fixed_size(2, 0));
        let rows = rows.initializer(init::zeros()).get().unwrap();
        store.save("before").unwrap();
        let value = Array2::from_shape_fn((300, 40), |(i, j)| (i * 100 + j) as f32);
        let small = Array2::from_shape_fn((3, 5), |(i, j)| (i * 10 + j) as f32);
        let mut commit = store.begin().unwrap();
        commit.put(&a, bytemuck::cast_slice(&vec![7.0_f32; 12_000])).unwrap();
        commit.put_array(&a, &value).unwrap();
        commit.put_array(&cut, &small).unwrap();
        commit.put_array(&rows, &small.t()).unwrap();
        assert_eq!(a.read::<f32>().unwrap()[[1, 1]], 0.0);
        b.assign(array![1.0_f32, 2.0]).unwrap();
        commit.save("streamed").unwrap();
        let saved = Checkpoint::open(store.path(), "streamed").unwrap();
        let read = |name: &str| saved.get(name).unwrap().read::<f32>().unwrap().to_owned();
        assert_eq!(read("a"), value.into_dyn());
        assert_eq!(read("b"), array![1.0, 2.0].into_dyn());
        assert_eq!(read("cut"), small.clone().into_dyn());
        assert_eq!(read("rows"), small.t().to_owned().into_dyn());
        assert_eq!(*rows.read::<f32>().unwrap(), *read("rows"));
        assert!(!store.commit().unwrap().is_new);
        // In place of what the disk holds already nothing is written.
        let mut again = store.begin().unwrap();
        again.put_array(&cut, &small).unwrap();
        assert_eq!(again.save("again").unwrap().bytes_new, 0);
    }

    #[test]
    fn dropping_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let a = store.root().get_variable("a").shape([300, 40]).initializer(init::zeros()).get().unwrap();
        let mut commit = store.begin().unwrap();
        commit.put(&a, &vec![1; 48_000]).unwrap();
        drop(commit);
        assert_eq!(a.read::<f32>().unwrap()[[1, 1]], 0.0);
        assert_eq!(std::fs::read_dir(store.path().join("shards")).unwrap().count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_was_put_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let root = store.root();
        let a = root.get_variable("a").shape([4]).initializer(init::zeros()).get().unwrap();
        let flags = root.get_variable("flags").shape([2]).dtype(DType::Bool).initializer(init::zeros()).get().unwrap();
        let own = root.get_local_variable("own").shape([1]).initializer(init::zeros()).get().unwrap();
        let mut commit = store.begin().unwrap();
        commit.put_array(&a, &array![1.0_f32, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(commit.put(&a, &[0; 15]).unwrap_err().kind(), ErrorKind::AssignShapeMismatch);
        assert_eq!(
            commit.put_array(&a, &array![[1.0_f32, 1.0, 1.0, 1.0]]).unwrap_err().kind(),
            ErrorKind::AssignShapeMismatch
        );
        assert_eq!(commit.put_array(&a, &array![1_i32, 2, 3, 4]).unwrap_err().kind(), ErrorKind::DtypeMismatch);
        assert_eq!(commit.put(&flags, &[0, 2]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(commit.put(&own, &[0; 4]).unwrap_err().kind(), ErrorKind::NotDurable);
        commit.save("one").unwrap();
        assert_eq!(*a.read::<f32>().unwrap(), array![1.0, 2.0, 3.0, 4.0].into_dyn());
    }
}
