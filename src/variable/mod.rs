//! Variables: the handles a program works with.

mod capture;
mod claim;
mod gate;
mod read;
mod reserve;
mod shared;
mod single;
mod whole;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayRef, ArrayViewMutD, Dimension};

use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::scope::Constraint;
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

pub(crate) use capture::Capture;
pub(crate) use claim::Claim;
pub use read::{Read, ReadStrings};
pub(crate) use reserve::{BUDGET_BYTES, Reserve};
pub(crate) use shared::Shared;
pub(crate) use single::{NO_COMMIT, Single, State, detached};
pub(crate) use whole::{Whole, WholeState};

/// A handle of one variable: in one piece, a slice of a partitioned one, or a partitioned one as a whole.
///
/// Handles are cheap to clone and may be used from any thread. Two are equal if they are handles of the same variable,
/// whatever values it holds. Reads are snapshots; a change is seen by every read that starts after it returned, and is
/// durable once a `commit` or `save` that started after it has returned.
#[derive(Clone)]
pub struct Variable {
    object: Object,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Single(Arc<Single>),
    Whole(Arc<Whole>),
}

impl Object {
    pub(crate) fn is_durable(&self) -> bool {
        match self {
            Self::Single(single) => single.state().is_durable(),
            Self::Whole(whole) => whole.state().is_durable(),
        }
    }

    /// Says whether the store holds it. Slices are variables of their own and are not asked.
    pub(crate) fn set_attached(&self, attached: bool) {
        match self {
            Self::Single(single) => single.state_mut().attached = attached,
            Self::Whole(whole) => whole.state_mut().attached = attached,
        }
    }

    pub(crate) fn claim(&self) -> Claim {
        match self {
            Self::Single(single) => single.state().claim,
            Self::Whole(whole) => whole.state().claim,
        }
    }

    pub(crate) fn with_claim<R>(&self, change: impl FnOnce(&mut Claim) -> R) -> R {
        match self {
            Self::Single(single) => change(&mut single.state_mut().claim),
            Self::Whole(whole) => change(&mut whole.state_mut().claim),
        }
    }

    /// The variable itself, or the first slice, whose attributes a whole reports.
    pub(crate) fn first(&self) -> Arc<Single> {
        match self {
            Self::Single(single) => Arc::clone(single),
            Self::Whole(whole) => Arc::clone(&whole.state().slices[0].1),
        }
    }

    /// The variable itself, or all slices.
    pub(crate) fn singles(&self) -> Vec<Arc<Single>> {
        match self {
            Self::Single(single) => vec![Arc::clone(single)],
            Self::Whole(whole) => whole.state().slices.iter().map(|(_, slice)| Arc::clone(slice)).collect(),
        }
    }
}

impl From<Object> for Variable {
    fn from(object: Object) -> Self {
        Self { object }
    }
}

impl Variable {
    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The full name: scopes and name, joined by slashes.
    pub fn name(&self) -> String {
        match &self.object {
            Object::Single(single) => single.name().to_string(),
            Object::Whole(whole) => whole.state().name.to_string(),
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match &self.object {
            Object::Single(single) => single.state().dtype(),
            Object::Whole(whole) => whole.state().dtype,
        }
    }

    /// The shape of the value held.
    pub fn shape(&self) -> Shape {
        match &self.object {
            Object::Single(single) => single.state().shape.clone(),
            Object::Whole(whole) => whole.state().shape.clone(),
        }
    }

    /// The shape declared: unknown for a variable made from a value without validating its shape.
    pub fn declared_shape(&self) -> PartialShape {
        match &self.object {
            Object::Single(single) => single.state().statics.declared.clone(),
            Object::Whole(whole) => PartialShape::from(&whole.state().shape),
        }
    }

    /// Whether the variable was made to be trained. For a partitioned one: its first slice's.
    pub fn is_trainable(&self) -> bool {
        self.object.first().state().statics.trainable
    }

    /// The collections the variable is in, sorted. For a partitioned one: its first slice's.
    pub fn collections(&self) -> Vec<String> {
        let mut keys = self.object.first().state().statics.collections.clone();
        keys.sort_unstable();
        keys
    }

    /// The caching device, as it was resolved. For a partitioned variable: its first slice's.
    pub fn caching_device(&self) -> Option<String> {
        self.object.first().state().statics.caching_device.clone()
    }

    /// The constraint given when it was got in this process: for the optimizer to apply after an update.
    pub fn constraint(&self) -> Option<Constraint> {
        self.object.first().state().constraint.clone()
    }

    /// Whether `commit` and `save` cover it: whether it is in `GLOBAL_VARIABLES`, with all its slices.
    pub fn is_durable(&self) -> bool {
        self.object.is_durable()
    }

    /// The slices of a partitioned variable by offset, each a variable of its own; none for one in one piece.
    pub fn slices(&self) -> Vec<Slice> {
        match &self.object {
            Object::Single(_) => Vec::new(),
            Object::Whole(whole) => whole
                .state()
                .slices
                .iter()
                .map(|(offset, slice)| Slice {
                    offset: offset.clone(),
                    variable: Object::Single(Arc::clone(slice)).into(),
                })
                .collect(),
        }
    }

    /// How many slices a partitioned variable has along each axis; `None` for one in one piece.
    pub fn partition_counts(&self) -> Option<Vec<u64>> {
        match &self.object {
            Object::Single(_) => None,
            Object::Whole(whole) => Some(whole.state().counts.clone()),
        }
    }

    /// Reads the value.
    ///
    /// # Errors
    /// `dtype_mismatch`, if its elements are not of type `T`; `variable_detached`; and, for a value that comes from the
    /// disk, `corrupt` and `io`.
    pub fn read<T: Element>(&self) -> Result<Read<T>> {
        match &self.object {
            Object::Single(single) => single.view().map(Read::held),
            Object::Whole(whole) => Read::assembled(&whole.tensor()?),
        }
    }

    /// Reads the one element of a scalar, or of any variable that has just one.
    ///
    /// # Errors
    /// As [`Variable::read`]; `index_out_of_range`, if there is not exactly one element.
    pub fn item<T: Element>(&self) -> Result<T> {
        let read = self.read::<T>()?;
        let mut elements = read.iter().copied();
        if let (Some(element), None) = (elements.next(), elements.next()) {
            return Ok(element);
        }
        let what = format!("variable {:?} of shape {} is not one element", self.name(), self.shape());
        Err(Error::new(ErrorKind::IndexOutOfRange, what).of_variable(self.name()).advise("read it whole"))
    }

    /// Reads some rows (indices of the first axis): of a value on disk, only the chunks that hold them are checked.
    ///
    /// # Errors
    /// As [`Variable::read`], and `index_out_of_range`.
    pub fn read_rows<T: Element>(&self, rows: Range<usize>) -> Result<Read<T>> {
        match &self.object {
            Object::Single(single) => single.view_rows(&rows).map(Read::held),
            Object::Whole(whole) => {
                let all = whole.tensor()?;
                let mut offset = vec![0; all.shape().rank()];
                let mut sizes = all.shape().sizes().to_vec();
                if rows.start > rows.end || rows.end as u64 > sizes[0] {
                    let what = format!("rows {}..{} lie outside the {} rows", rows.start, rows.end, sizes[0]);
                    let error = Error::new(ErrorKind::IndexOutOfRange, what);
                    return Err(error.of_variable(self.name()));
                }
                offset[0] = rows.start as u64;
                sizes[0] = (rows.end - rows.start) as u64;
                Read::assembled(&all.cut(&offset, &Shape::new(sizes)?)?)
            }
        }
    }

    /// Reads a value of byte strings.
    ///
    /// # Errors
    /// As [`Variable::read`].
    pub fn read_strings(&self) -> Result<ReadStrings> {
        ReadStrings::new(self.tensor()?)
    }

    /// Copies the value, whatever its type.
    ///
    /// # Errors
    /// As [`Variable::read`], but for the dtype.
    pub fn tensor(&self) -> Result<Tensor> {
        match &self.object {
            Object::Single(single) => single.tensor(),
            Object::Whole(whole) => whole.tensor(),
        }
    }

    /// Replaces the value by one of the same dtype and shape. An owned array is moved in, not copied.
    ///
    /// # Errors
    /// `dtype_mismatch`, `assign_shape_mismatch`, `variable_detached`, `update_reentered`.
    pub fn assign(&self, value: impl Into<Tensor>) -> Result<()> {
        match &self.object {
            Object::Single(single) => single.assign(value.into(), false),
            Object::Whole(whole) => whole.assign(&value.into()),
        }
    }

    /// Replaces the value by one of any shape, where the variable's declared shape is unknown and it is no slice:
    /// TensorFlow's assignment with `validate_shape` off.
    ///
    /// # Errors
    /// As [`Variable::assign`].
    pub fn assign_any_shape(&self, value: impl Into<Tensor>) -> Result<()> {
        match &self.object {
            Object::Single(single) => single.assign(value.into(), true),
            Object::Whole(whole) => whole.assign(&value.into()),
        }
    }

    /// Changes the value through a view. If the closure panics the value stays what it was; readers meanwhile see the
    /// value before.
    ///
    /// # Errors
    /// As [`Variable::read`], and `update_reentered`.
    pub fn update<T: Element>(&self, change: impl FnOnce(ArrayViewMutD<'_, T>)) -> Result<()> {
        let change = |view: ArrayViewMutD<'_, T>| {
            change(view);
            Ok(())
        };
        match &self.object {
            Object::Single(single) => single.update(change),
            Object::Whole(whole) => whole.update(change),
        }
    }

    /// Changes some rows (indices of the first axis) through a view of them, copying no more than them.
    ///
    /// # Errors
    /// As [`Variable::update`], and `index_out_of_range`.
    pub fn update_rows<T: Element>(&self, rows: Range<usize>, change: impl FnOnce(ArrayViewMutD<'_, T>)) -> Result<()> {
        let change = |view: ArrayViewMutD<'_, T>| {
            change(view);
            Ok(())
        };
        match &self.object {
            Object::Single(single) => single.update_rows(&rows, change),
            Object::Whole(whole) => whole.update_rows(&rows, change),
        }
    }

    /// Writes row `i` of `values` over row `rows[i]`, in order: of a row named twice the last counts.
    ///
    /// # Errors
    /// As [`Variable::update`]; `index_out_of_range`; `assign_shape_mismatch`, if the values are not one row for each
    /// row named.
    pub fn scatter_update<T: Element, D: Dimension>(&self, rows: &[usize], values: &ArrayRef<T, D>) -> Result<()> {
        match &self.object {
            Object::Single(single) => single.scatter(rows, values),
            Object::Whole(whole) => whole.scatter(rows, values),
        }
    }

    /// Adds a value of the same dtype and shape; integers wrap round.
    ///
    /// # Errors
    /// As [`Variable::assign`]; `dtype_unsupported` for `bool`.
    pub fn assign_add<T: Element, D: Dimension>(&self, value: &ArrayRef<T, D>) -> Result<()> {
        self.combine(value, T::sum)
    }

    /// Subtracts a value of the same dtype and shape; integers wrap round.
    ///
    /// # Errors
    /// As [`Variable::assign_add`].
    pub fn assign_sub<T: Element, D: Dimension>(&self, value: &ArrayRef<T, D>) -> Result<()> {
        self.combine(value, T::difference)
    }

    fn combine<T: Element, D: Dimension>(
        &self,
        value: &ArrayRef<T, D>,
        combine: impl Fn(T, T) -> Option<T> + Copy,
    ) -> Result<()> {
        match &self.object {
            Object::Single(single) => single.combine(value, combine),
            Object::Whole(whole) => whole.combine(value, combine),
        }
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        match (&self.object, &other.object) {
            (Object::Single(a), Object::Single(b)) => Arc::ptr_eq(a, b),
            (Object::Whole(a), Object::Whole(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Variable {}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({:?} {} {})", self.name(), self.dtype(), self.shape())
    }
}

/// One slice of a partitioned variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where in the whole it starts, one index per axis.
    pub offset: Vec<u64>,
    /// The slice, a variable of its own.
    pub variable: Variable,
}
