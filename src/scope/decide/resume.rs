//! Resuming: taking over, once per name, what an earlier session left. Not TensorFlow's; the checks are its own.
//!
//! What is compared is what the call would make if nothing existed, so that a program that ran before runs again: with
//! a value, its dtype and shape, not the scope's.

use super::{Asked, Decision, VariableFacts};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name::slice_of;
use crate::scope::initializer::Initializer;
use crate::scope::partitioner::{PartitionAnswer, SLICES_MAX};
use crate::shape::{PartialShape, Shape};

/// How a variable is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It is in one piece.
    Single,
    /// It is partitioned, with so many pieces along each axis.
    Slices(Vec<u64>),
}

/// A variable left by an earlier session that is to be cut as this one asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reslice<'r> {
    /// The full name.
    pub name: &'r str,
    /// The full shape.
    pub shape: Shape,
    /// The dtype.
    pub dtype: DType,
    /// How it is cut.
    pub from: Cut,
    /// How it is to be cut.
    pub to: Cut,
}

impl<'r> Asked<'r, '_> {
    /// Checks a single variable that is to be taken over as it is.
    pub(super) fn check_resumed(&self, found: &VariableFacts) -> Result<()> {
        self.check_shape(&self.shape_to_make(), found)?;
        match self.dtype_to_make() {
            Some(dtype) => self.check_dtype(dtype, found),
            None => Ok(()),
        }
    }

    /// A partitioned variable asked for in one piece; `None` if there is none to take over.
    pub(super) fn resume_whole_as_single(&self) -> Result<Option<Decision<'r>>> {
        let Some(whole) = self.existing.whole(self.name())?.filter(|whole| !whole.claimed) else { return Ok(None) };
        if self.existing.variable(self.name())?.is_some() {
            return Ok(None);
        }
        self.check_value_without_shape()?;
        self.check_whole(&self.shape_to_make(), self.dtype_to_make().unwrap_or(whole.dtype), &whole)?;
        Ok(Some(Decision::Reslice(Reslice {
            name: self.name(),
            shape: whole.shape,
            dtype: whole.dtype,
            from: Cut::Slices(whole.counts),
            to: Cut::Single,
        })))
    }

    /// A variable asked for with a partitioner that exists, in one piece or in slices. The shape may be absent: what is
    /// found has one.
    pub(super) fn resume_in_slices(&self, answer: Option<PartitionAnswer>) -> Result<Decision<'r>> {
        let asked = self.shape_with_value()?;
        let dtype = match &self.request.initializer {
            Some(Initializer::Tensor { value, .. }) => value.dtype(),
            _ => self.request.dtype,
        };
        let (shape, from) = if let Some(single) = self.existing.variable(self.name())? {
            // In slices its shape will be fixed, so the shape held counts even where none is declared.
            let single = VariableFacts { declared: (&single.held).into(), ..single };
            self.check_shape(&asked, &single)?;
            self.check_dtype(dtype, &single)?;
            (single.held, Cut::Single)
        } else if let Some(whole) = self.existing.whole(self.name())? {
            self.check_whole(&asked, dtype, &whole)?;
            (whole.shape, Cut::Slices(whole.counts))
        } else {
            let what = format!("variable {:?} vanished while it was looked at", self.name());
            return Err(Error::new(ErrorKind::VariableNotFound, what).advise("try again"));
        };
        let full = self.full_shape(&shape.into())?;
        let (tiles, counts) = match self.tiles(full, answer)? {
            Ok(cut) => cut,
            Err(ask) => return Ok(ask),
        };
        let slices_found = match &from {
            Cut::Slices(found) if *found == counts => return Ok(Decision::ReuseWhole(self.name())),
            Cut::Slices(found) => found.iter().product(),
            Cut::Single => 0,
        };
        let (count, shape) = (tiles.count(), tiles.shape());
        if !tiles.all_exist() || count > SLICES_MAX {
            let what = format!("variable {:?} of shape {shape} cannot be cut into {count} slices", self.name());
            return Err(Error::new(ErrorKind::TooManyPartitions, what)
                .advise(format!("ask for no more slices than the axis has elements, and for {SLICES_MAX} at most")));
        }
        for k in slices_found..count {
            let slice = slice_of(self.name(), k as usize);
            if let Some(in_the_way) = self.existing.variable(&slice)? {
                return Err(self.variable_exists(&slice, &in_the_way));
            }
            self.check_no_whole(&slice)?;
        }
        let to = Cut::Slices(counts);
        Ok(Decision::Reslice(Reslice { name: self.name(), shape: shape.clone(), dtype, from, to }))
    }

    /// The shape that would be declared in one piece.
    fn shape_to_make(&self) -> PartialShape {
        let value = self.request.initializer.as_ref().and_then(Initializer::static_shape);
        value.or_else(|| self.request.shape.clone()).unwrap_or_default()
    }

    /// The dtype that would be made in one piece; `None` where only a function without parameters knows.
    fn dtype_to_make(&self) -> Option<DType> {
        match &self.request.initializer {
            Some(Initializer::Nullary(_)) => None,
            initializer => Some(initializer.as_ref().and_then(Initializer::dtype).unwrap_or(self.request.dtype)),
        }
    }
}
