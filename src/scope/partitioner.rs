//! Partitioners: functions that say into how many slices each axis of a variable is cut.

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::Shape;

/// The slices of one variable, at most: more than any cluster has places for.
pub const SLICES_MAX: u64 = 1 << 20;

/// What a byte string counts as where nothing else is said, in bytes.
const BYTES_PER_STRING_ELEMENT: u64 = 16;

type Function = dyn Fn(&Shape, DType) -> Result<Vec<u64>> + Send + Sync;

/// A function from a variable's shape and dtype to the number of pieces along each axis.
///
/// ```
/// use varkeep::scope::{Partitioner, partitioner};
/// let rows = partitioner::fixed_size(3, 0);
/// let by_size = partitioner::variable_axis_size(64 << 20).max_shards(8).build()?;
/// let own = Partitioner::new(|shape, _dtype| Ok(vec![2; shape.rank()]));
/// # let _ = (rows, by_size, own);
/// # Ok::<(), varkeep::Error>(())
/// ```
#[derive(Clone)]
pub struct Partitioner(Kind);

#[derive(Clone)]
enum Kind {
    FixedSize { num_shards: u64, axis: i64 },
    VariableAxisSize(VariableAxisSize),
    MinMax(MinMax),
    Function(Arc<Function>),
}

/// A partitioner's answer for a shape, as [`decide`](crate::scope::decide()) takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionAnswer {
    /// The shape that was asked about.
    pub shape: Shape,
    /// The number of pieces along each axis.
    pub counts: Vec<u64>,
}

/// Cuts one axis into `num_shards` pieces, or into as many as it has elements if those are fewer.
///
/// A negative axis counts from the last.
pub fn fixed_size(num_shards: u64, axis: i64) -> Partitioner {
    Partitioner(Kind::FixedSize { num_shards, axis })
}

/// Cuts one axis so that no slice is larger than `max_shard_bytes`, unless one step along the axis is.
pub fn variable_axis_size(max_shard_bytes: u64) -> VariableAxisSize {
    VariableAxisSize { max_shard_bytes, axis: 0, bytes_per_string_element: BYTES_PER_STRING_ELEMENT, max_shards: None }
}

/// Cuts one axis into at most `max_partitions` slices, none much smaller than a least size.
pub fn min_max(max_partitions: u64) -> MinMax {
    MinMax { max_partitions, axis: 0, min_slice_size: 256 << 10, bytes_per_string_element: BYTES_PER_STRING_ELEMENT }
}

/// The arguments of [`variable_axis_size`].
#[derive(Clone, Debug)]
pub struct VariableAxisSize {
    max_shard_bytes: u64,
    axis: i64,
    bytes_per_string_element: u64,
    max_shards: Option<u64>,
}

impl VariableAxisSize {
    /// The axis to cut, 0 unless said otherwise; a negative one counts from the last.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    /// What a byte string counts as, in bytes: 16 unless said otherwise.
    #[must_use]
    pub fn bytes_per_string_element(mut self, bytes: u64) -> Self {
        self.bytes_per_string_element = bytes;
        self
    }

    /// The most slices to make; 0 is no limit.
    #[must_use]
    pub fn max_shards(mut self, count: u64) -> Self {
        self.max_shards = Some(count);
        self
    }

    /// The partitioner.
    ///
    /// # Errors
    /// `partitioner_bad_argument`, if a size is 0.
    pub fn build(self) -> Result<Partitioner> {
        at_least_one("max_shard_bytes", self.max_shard_bytes)?;
        at_least_one("bytes_per_string_element", self.bytes_per_string_element)?;
        Ok(Partitioner(Kind::VariableAxisSize(self)))
    }

    fn ask(&self, shape: &Shape, dtype: DType) -> Result<Vec<u64>> {
        let axis = axis_of(self.axis, shape)?;
        let size = shape.sizes()[axis];
        if shape.elements() == 0 {
            let what = format!("variable_axis_size cannot size the slices of shape {shape}, which has no elements");
            return Err(Error::new(ErrorKind::PartitionerZeroSize, what)
                .advise("use fixed_size, or no partitioner, for a variable without elements"));
        }
        let step_bytes = bytes_of(shape.elements() / size, dtype, self.bytes_per_string_element);
        let steps = (u128::from(self.max_shard_bytes) / step_bytes).max(1);
        let shards = u64::try_from(u128::from(size).div_ceil(steps)).expect("at most the size of the axis");
        let limit = self.max_shards.filter(|limit| *limit > 0).unwrap_or(u64::MAX);
        Ok(along(axis, shards.min(limit), shape))
    }
}

/// The arguments of [`min_max`].
#[derive(Clone, Debug)]
pub struct MinMax {
    max_partitions: u64,
    axis: i64,
    min_slice_size: u64,
    bytes_per_string_element: u64,
}

impl MinMax {
    /// The axis to cut, 0 unless said otherwise; a negative one counts from the last.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    /// The bytes from which on another slice is worth making: 256 KiB unless said otherwise.
    #[must_use]
    pub fn min_slice_size(mut self, bytes: u64) -> Self {
        self.min_slice_size = bytes;
        self
    }

    /// What a byte string counts as, in bytes: 16 unless said otherwise.
    #[must_use]
    pub fn bytes_per_string_element(mut self, bytes: u64) -> Self {
        self.bytes_per_string_element = bytes;
        self
    }

    /// The partitioner.
    ///
    /// # Errors
    /// `partitioner_bad_argument`, if a size is 0.
    pub fn build(self) -> Result<Partitioner> {
        at_least_one("min_slice_size", self.min_slice_size)?;
        at_least_one("bytes_per_string_element", self.bytes_per_string_element)?;
        Ok(Partitioner(Kind::MinMax(self)))
    }

    fn ask(&self, shape: &Shape, dtype: DType) -> Result<Vec<u64>> {
        let axis = axis_of(self.axis, shape)?;
        let total = bytes_of(shape.elements(), dtype, self.bytes_per_string_element);
        let worthwhile = total.div_ceil(u128::from(self.min_slice_size));
        let most = shape.sizes()[axis].min(self.max_partitions);
        Ok(along(axis, u64::try_from(worthwhile).unwrap_or(u64::MAX).min(most).max(1), shape))
    }
}

impl Partitioner {
    /// A partitioner that calls `counts_of` with the variable's shape and dtype for one count per axis.
    pub fn new(counts_of: impl Fn(&Shape, DType) -> Result<Vec<u64>> + Send + Sync + 'static) -> Self {
        Self(Kind::Function(Arc::new(counts_of)))
    }

    /// The number of pieces along each axis. [`check_answer`] tells whether they can be made.
    ///
    /// # Errors
    /// `partitioner_axis_out_of_range`, `partitioner_zero_size`; `user_function_failed` if the function is the caller's.
    pub fn ask(&self, shape: &Shape, dtype: DType) -> Result<Vec<u64>> {
        match &self.0 {
            Kind::FixedSize { num_shards, axis } => {
                let axis = axis_of(*axis, shape)?;
                Ok(along(axis, shape.sizes()[axis].min(*num_shards), shape))
            }
            Kind::VariableAxisSize(partitioner) => partitioner.ask(shape, dtype),
            Kind::MinMax(partitioner) => partitioner.ask(shape, dtype),
            Kind::Function(counts_of) => counts_of(shape, dtype).map_err(|error| {
                let what = format!("the partitioner failed for {dtype} of shape {shape}");
                Error::new(ErrorKind::UserFunctionFailed, what).caused_by(error)
            }),
        }
    }
}

impl fmt::Debug for Partitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::FixedSize { num_shards, axis } => write!(f, "fixed_size({num_shards}, {axis})"),
            Kind::VariableAxisSize(arguments) => write!(f, "{arguments:?}"),
            Kind::MinMax(arguments) => write!(f, "{arguments:?}"),
            Kind::Function(_) => f.write_str("Partitioner(a function)"),
        }
    }
}

/// Checks that a partitioner's answer can be carried out on a shape: one count per axis, all positive, and at most one
/// axis cut.
///
/// # Errors
/// `partitioner_rank_mismatch`, `partitioner_nonpositive`, `multi_axis_partition`.
pub fn check_answer(shape: &Shape, counts: &[u64]) -> Result<()> {
    let refused = |kind, why: &str, advice: &str| {
        let what = format!("the partitioner answered {counts:?} for shape {shape}: {why}");
        Err(Error::new(kind, what).advise(advice))
    };
    if counts.len() != shape.rank() {
        let why = format!("{} counts for {} axes", counts.len(), shape.rank());
        return refused(ErrorKind::PartitionerRankMismatch, &why, "answer one count per axis");
    }
    if counts.contains(&0) {
        return refused(ErrorKind::PartitionerNonpositive, "a count is below 1", "answer 1 for an axis left whole");
    }
    if counts.iter().filter(|count| **count > 1).count() > 1 {
        return refused(ErrorKind::MultiAxisPartition, "more than one axis is cut", "answer 1 for all axes but one");
    }
    Ok(())
}

fn at_least_one(argument: &str, value: u64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    let what = format!("the partitioner's {argument} is {value}");
    Err(Error::new(ErrorKind::PartitionerBadArgument, what).advise("give at least 1"))
}

/// The axis meant, counted from the first.
fn axis_of(axis: i64, shape: &Shape) -> Result<usize> {
    let rank = shape.rank();
    let counted = if axis < 0 { i64::try_from(rank).ok().and_then(|rank| rank.checked_add(axis)) } else { Some(axis) };
    counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank).ok_or_else(|| {
        let what = format!("the partitioner cuts axis {axis}, but shape {shape} has {rank} axes");
        Error::new(ErrorKind::PartitionerAxisOutOfRange, what).advise("cut an axis that the variable has")
    })
}

fn along(axis: usize, count: u64, shape: &Shape) -> Vec<u64> {
    let mut counts = vec![1; shape.rank()];
    counts[axis] = count;
    counts
}

/// Bytes of so many elements, as partitioners by size count them.
fn bytes_of(elements: u64, dtype: DType, bytes_per_string_element: u64) -> u128 {
    match dtype.bits() {
        Some(bits) => (u128::from(elements) * u128::from(bits)).div_ceil(8),
        None => u128::from(elements) * u128::from(bytes_per_string_element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(sizes: &[u64]) -> Shape {
        Shape::new(sizes).unwrap()
    }

    #[test]
    fn built_in_partitioners_count_as_tensorflow_does() {
        let by_size = |bytes| variable_axis_size(bytes).build().unwrap();
        let rows: [(Partitioner, &[u64], DType, &[u64]); 14] = [
            (fixed_size(3, 0), &[10, 4], DType::F32, &[3, 1]),
            (fixed_size(3, -1), &[10, 2], DType::F32, &[1, 2]),
            (fixed_size(3, 0), &[0, 2], DType::F32, &[0, 1]),
            (by_size(16), &[10, 2], DType::F32, &[5, 1]),
            (by_size(1), &[10, 2], DType::F32, &[10, 1]),
            (by_size(40), &[10], DType::String, &[5]),
            (variable_axis_size(16).max_shards(2).build().unwrap(), &[10, 2], DType::F32, &[2, 1]),
            (variable_axis_size(16).max_shards(0).build().unwrap(), &[10, 2], DType::F32, &[5, 1]),
            (variable_axis_size(32).bytes_per_string_element(8).build().unwrap(), &[9], DType::String, &[3]),
            (min_max(100).min_slice_size(7).build().unwrap(), &[10, 2], DType::F32, &[10, 1]),
            (min_max(3).min_slice_size(16).axis(1).build().unwrap(), &[10, 2], DType::F32, &[1, 2]),
            (min_max(8).min_slice_size(32).build().unwrap(), &[10, 2], DType::F32, &[3, 1]),
            (min_max(0).min_slice_size(1).build().unwrap(), &[10], DType::F32, &[1]),
            (min_max(2).build().unwrap(), &[0], DType::F32, &[1]),
        ];
        for (partitioner, sizes, dtype, counts) in rows {
            assert_eq!(partitioner.ask(&shape(sizes), dtype).unwrap(), counts, "{partitioner:?} of {sizes:?}");
        }
    }

    #[test]
    fn arguments_and_axes_that_make_no_sense_are_refused() {
        let built = [
            variable_axis_size(0).build(),
            variable_axis_size(1).bytes_per_string_element(0).build(),
            min_max(1).min_slice_size(0).build(),
        ];
        for refused in built {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::PartitionerBadArgument);
        }
        for axis in [2, -3, i64::MAX, i64::MIN] {
            for partitioner in [
                fixed_size(2, axis),
                variable_axis_size(8).axis(axis).build().unwrap(),
                min_max(2).axis(axis).build().unwrap(),
            ] {
                // The axis is looked at before the elements.
                let error = partitioner.ask(&shape(&[0, 4]), DType::F32).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PartitionerAxisOutOfRange);
            }
        }
        let error = variable_axis_size(8).build().unwrap().ask(&shape(&[4, 0]), DType::F32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PartitionerZeroSize);
    }

    #[test]
    fn a_function_that_fails_is_named_as_the_cause() {
        let failing = Partitioner::new(|_, _| Err(Error::new(ErrorKind::InvalidArgument, "no idea")));
        let error = failing.ask(&shape(&[4]), DType::F32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UserFunctionFailed);
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("no idea"));
    }

    proptest! {
        #[test]
        fn absurd_numbers_neither_overflow_nor_panic(
            sizes in prop::collection::vec(prop_oneof![0_u64..4, Just(1 << 50), any::<u64>()], 0..4),
            a: u64, b: u64, c: u64, axis: i64,
        ) {
            let Ok(shape) = Shape::new(sizes) else { return Ok(()) };
            for axis in [axis, axis % 4] {
                let built = [
                    Ok(fixed_size(a, axis)),
                    variable_axis_size(a).max_shards(b).bytes_per_string_element(c).axis(axis).build(),
                    min_max(a).min_slice_size(b).bytes_per_string_element(c).axis(axis).build(),
                ];
                for partitioner in built.into_iter().flatten() {
                    for dtype in [DType::C128, DType::String, DType::I4] {
                        if let Ok(counts) = partitioner.ask(&shape, dtype) {
                            prop_assert_eq!(counts.len(), shape.rank());
                            let most = counts.iter().zip(shape.sizes()).all(|(count, size)| count <= &(*size).max(1));
                            prop_assert!(most);
                        }
                    }
                }
            }
        }
    }
}
