//! A partitioned variable: one variable when read, many slices on disk.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayRef, ArrayViewMut, ArrayViewMutD, Axis, Dimension, IxDyn, Slice};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::format::WholeRecord;
use crate::shape::Shape;
use crate::shard;
use crate::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::tensor::{self, Tensor};
use crate::variable::claim::Claim;
use crate::variable::single::{NO_COMMIT, Single, check_scatter, detached};

/// A partitioned variable.
#[derive(Debug)]
pub(crate) struct Whole {
    state: RwLock<WholeState>,
}

/// What can change about a partitioned variable.
#[derive(Clone, Debug)]
pub(crate) struct WholeState {
    pub(crate) name: Arc<str>,
    pub(crate) attached: bool,
    pub(crate) ordinal: u64,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    /// Slices along each axis.
    pub(crate) counts: Vec<u64>,
    /// By offset, each with where it starts.
    pub(crate) slices: Vec<(Vec<u64>, Arc<Single>)>,
    pub(crate) claim: Claim,
}

impl WholeState {
    /// Half a variable is no variable: a whole is durable only if all its slices are.
    pub(crate) fn is_durable(&self) -> bool {
        self.slices.iter().all(|(_, slice)| slice.state().is_durable())
    }

    /// The axis along which it is cut.
    fn axis(&self) -> usize {
        self.counts.iter().position(|count| *count > 1).unwrap_or(0)
    }

    /// The record for a manifest, by the names that the slices have now.
    pub(crate) fn record(&self) -> WholeRecord {
        WholeRecord {
            ordinal: self.ordinal,
            dtype: self.dtype,
            shape: self.shape.clone(),
            counts: self.counts.clone(),
            slices: self.slices.iter().map(|(_, slice)| slice.name().to_string()).collect(),
            first_commit: self.slices[0].1.first_commit().unwrap_or(NO_COMMIT),
        }
    }

    /// Checks that no more memory would be taken for its value than the files hold that its slices lie in.
    pub(crate) fn check_can_be_held(&self) -> Result<()> {
        let payloads: Vec<_> = self.slices.iter().map(|(_, slice)| Arc::clone(&slice.state().payload)).collect();
        let stored = payloads.iter().filter_map(|payload| payload.stored()).map(|stored| &**stored);
        shard::check_can_be_held(stored).map_err(|error| error.of_variable(&*self.name))
    }
}

impl Whole {
    /// Says that its slices belong to it, or no longer do.
    pub(crate) fn set_owning(&self, owning: bool) {
        for (_, slice) in &self.state().slices {
            slice.state_mut().in_whole = owning;
        }
    }

    pub(crate) fn new(state: WholeState) -> Arc<Self> {
        Arc::new(Self { state: RwLock::new(state) })
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, WholeState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, WholeState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of its state, to work on without a lock.
    pub(crate) fn snapshot(&self) -> Result<WholeState> {
        let state = self.state();
        if state.attached { Ok(state.clone()) } else { Err(detached(&state.name)) }
    }

    pub(crate) fn tensor(&self) -> Result<Tensor> {
        let state = self.snapshot()?;
        state.check_can_be_held()?;
        let parts = state.slices.iter().map(|(offset, slice)| Ok((offset.clone(), slice.tensor()?)));
        Tensor::assemble(state.dtype, &state.shape, &parts.collect::<Result<Vec<_>>>()?)
    }

    /// Cuts a value of the full shape and assigns each slice its part.
    pub(crate) fn assign(&self, value: &Tensor) -> Result<()> {
        let state = self.snapshot()?;
        let name = &*state.name;
        if value.dtype() != state.dtype {
            let what = format!("a {} was assigned to variable {name:?}, which holds {}", value.dtype(), state.dtype);
            return Err(Error::new(ErrorKind::DtypeMismatch, what).of_variable(name));
        }
        if value.shape() != &state.shape {
            let what = format!(
                "a value of shape {} was assigned to variable {name:?}, which has shape {}",
                value.shape(),
                state.shape
            );
            let error = Error::new(ErrorKind::AssignShapeMismatch, what).of_variable(name);
            return Err(error.advise("a partitioned variable takes values of its full shape only"));
        }
        let parts: Vec<Tensor> = state
            .slices
            .iter()
            .map(|(offset, slice)| value.cut(offset, &slice.state().shape))
            .collect::<Result<_>>()?;
        for ((_, slice), part) in state.slices.iter().zip(parts) {
            slice.assign(part, false)?;
        }
        Ok(())
    }

    /// Lets `change` work on a copy of the whole, which is cut and assigned when it returns.
    pub(crate) fn update<T: Element>(
        &self,
        change: impl FnOnce(ArrayViewMut<'_, T, IxDyn>) -> Result<()>,
    ) -> Result<()> {
        let mut value = self.tensor()?;
        change(value.view_mut::<T>().map_err(|error| error.of_variable(&*self.state().name))?)?;
        self.assign(&value)
    }

    /// Combines each element with the one at its place in `other`, slice by slice.
    pub(crate) fn combine<T: Element, D: Dimension>(
        &self,
        other: &ArrayRef<T, D>,
        combine: impl Fn(T, T) -> Option<T> + Copy,
    ) -> Result<()> {
        let state = self.snapshot()?;
        tensor::check_dtype::<T>(state.dtype).map_err(|error| error.of_variable(&*state.name))?;
        let given = Shape::of_dim(other.shape())?;
        if given != state.shape {
            let name = &*state.name;
            let what = format!("a value of shape {given} met variable {name:?}, which has shape {}", state.shape);
            return Err(Error::new(ErrorKind::AssignShapeMismatch, what).of_variable(name));
        }
        let axis = state.axis();
        let other = other.view().into_dyn();
        for (offset, slice) in &state.slices {
            let start = offset[axis] as usize;
            let len = slice.state().shape.sizes()[axis] as usize;
            slice.combine(&other.slice_axis(Axis(axis), Slice::from(start..start + len)), combine)?;
        }
        Ok(())
    }

    pub(crate) fn update_rows<T: Element>(
        &self,
        rows: &Range<usize>,
        change: impl FnOnce(ArrayViewMutD<'_, T>) -> Result<()>,
    ) -> Result<()> {
        self.update::<T>(|mut view| {
            let count = view.shape()[0];
            if rows.start > rows.end || rows.end > count {
                let what = format!("rows {}..{} lie outside the {count} rows", rows.start, rows.end);
                return Err(Error::new(ErrorKind::IndexOutOfRange, what).of_variable(&*self.state().name));
            }
            change(view.slice_axis_mut(Axis(0), Slice::from(rows.clone())))
        })
    }

    /// Writes rows, each into the slice that holds it.
    pub(crate) fn scatter<T: Element, D: Dimension>(&self, rows: &[usize], values: &ArrayRef<T, D>) -> Result<()> {
        let state = self.snapshot()?;
        check_scatter(&state.shape, rows, values.shape()).map_err(|error| error.of_variable(&*state.name))?;
        tensor::check_dtype::<T>(state.dtype).map_err(|error| error.of_variable(&*state.name))?;
        let values = values.view().into_dyn();
        let axis = state.axis();
        for (offset, slice) in &state.slices {
            let shape = slice.state().shape.clone();
            if axis != 0 {
                let range = offset[axis] as usize..(offset[axis] + shape.sizes()[axis]) as usize;
                slice.scatter(rows, &values.slice_axis(Axis(axis), Slice::from(range)))?;
                continue;
            }
            let range = offset[0] as usize..(offset[0] + shape.sizes()[0]) as usize;
            let (at, here): (Vec<usize>, Vec<usize>) = rows
                .iter()
                .enumerate()
                .filter(|(_, row)| range.contains(row))
                .map(|(i, row)| (i, row - range.start))
                .unzip();
            if !here.is_empty() {
                slice.scatter(&here, &values.select(Axis(0), &at))?;
            }
        }
        Ok(())
    }
}
