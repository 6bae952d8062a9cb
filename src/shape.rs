//! Shapes: known ones, and those known only in part.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::{RANK_MAX, TENSOR_BYTES_MAX};

/// The widest element there is, in bytes: a complex number of two 64-bit floats.
const ELEMENT_BYTES_MAX: u64 = 16;

/// Shapes of so many axes are kept without memory of their own: most are such, and every get carries some.
const INLINE_AXES: usize = 4;

/// The sizes of a tensor along its axes, all known; no axes make a scalar.
///
/// A `Shape` is always one that can exist: its rank and its number of elements are within the limits, so arithmetic on
/// it does not overflow.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[u64; INLINE_AXES]>);

impl Shape {
    /// A shape of these sizes.
    ///
    /// # Errors
    /// `shape_too_large` if there are more than [`RANK_MAX`] axes, or if the elements (the empty axes left out of the
    /// count) could not be addressed in memory.
    pub fn new(sizes: impl Into<Vec<u64>>) -> Result<Self> {
        Self::checked(SmallVec::from_slice(&sizes.into()))
    }

    fn checked(sizes: SmallVec<[u64; INLINE_AXES]>) -> Result<Self> {
        if sizes.len() > RANK_MAX {
            let what = format!("a shape of {} axes is too large", sizes.len());
            return Err(
                Error::new(ErrorKind::ShapeTooLarge, what).advise(format!("at most {RANK_MAX} axes are possible"))
            );
        }
        let elements =
            sizes.iter().filter(|size| **size != 0).try_fold(1_u64, |product, size| product.checked_mul(*size));
        if elements.is_none_or(|n| n > TENSOR_BYTES_MAX / ELEMENT_BYTES_MAX) {
            let what = format!("shape {sizes:?} has too many elements to exist");
            return Err(Error::new(ErrorKind::ShapeTooLarge, what).advise("check its sizes"));
        }
        Ok(Self(sizes))
    }

    /// The shape without axes.
    pub const fn scalar() -> Self {
        Self(SmallVec::new_const())
    }

    /// The sizes, outermost axis first.
    pub fn sizes(&self) -> &[u64] {
        &self.0
    }

    /// The sizes as ndarray wants them.
    pub fn to_dim(&self) -> ndarray::IxDyn {
        ndarray::IxDyn(&self.0.iter().map(|size| *size as usize).collect::<Vec<_>>())
    }

    /// The shape of an ndarray.
    ///
    /// # Errors
    /// `shape_too_large`, which an array that exists in memory reaches only with zero-sized elements.
    pub fn of_dim(sizes: &[usize]) -> Result<Self> {
        Self::new(sizes.iter().map(|size| *size as u64).collect::<Vec<_>>())
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements: 1 for a scalar, 0 as soon as one axis is empty.
    pub fn elements(&self) -> u64 {
        self.0.iter().product()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A shape that may be unknown as a whole, or along some axes.
///
/// Sizes here are as the caller or a file said them: they are checked when a [`Shape`] is made of them.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct PartialShape(Option<SmallVec<[Option<u64>; INLINE_AXES]>>);

impl PartialShape {
    /// The shape of which nothing is known.
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// A shape of known rank; `None` marks an axis of unknown size.
    pub fn with_axes(axes: impl Into<Vec<Option<u64>>>) -> Self {
        Self(Some(SmallVec::from_slice(&axes.into())))
    }

    /// The axes, if the rank is known.
    pub fn axes(&self) -> Option<&[Option<u64>]> {
        self.0.as_deref()
    }

    /// The number of axes, if known.
    pub fn rank(&self) -> Option<usize> {
        self.0.as_ref().map(SmallVec::len)
    }

    /// Whether every size is known.
    pub fn is_fully_known(&self) -> bool {
        self.0.as_ref().is_some_and(|axes| axes.iter().all(Option::is_some))
    }

    /// Whether this is the known shape without axes, which differs from saying nothing.
    pub fn is_scalar(&self) -> bool {
        self.rank() == Some(0)
    }

    /// The full shape, if every size is known.
    ///
    /// # Errors
    /// `shape_too_large`, as [`Shape::new`].
    pub fn to_shape(&self) -> Result<Option<Shape>> {
        let sizes = self.axes().and_then(|axes| axes.iter().copied().collect::<Option<SmallVec<_>>>());
        sizes.map(Shape::checked).transpose()
    }

    /// Whether one tensor could have both shapes: TensorFlow's rule of compatibility.
    pub fn is_compatible_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(ours), Some(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| a.is_none() || b.is_none() || a == b)
            }
            _ => true,
        }
    }

    /// What is known from both together, or `None` if they contradict each other.
    pub fn merge(&self, other: &Self) -> Option<Self> {
        if !self.is_compatible_with(other) {
            return None;
        }
        Some(match (&self.0, &other.0) {
            (Some(ours), Some(theirs)) => Self(Some(ours.iter().zip(theirs).map(|(a, b)| a.or(*b)).collect())),
            (Some(known), None) | (None, Some(known)) => Self(Some(known.clone())),
            (None, None) => Self(None),
        })
    }
}

impl FromIterator<Option<u64>> for PartialShape {
    fn from_iter<A: IntoIterator<Item = Option<u64>>>(axes: A) -> Self {
        Self(Some(axes.into_iter().collect()))
    }
}

impl From<&Shape> for PartialShape {
    fn from(shape: &Shape) -> Self {
        Self(Some(shape.0.iter().copied().map(Some).collect()))
    }
}

impl From<Shape> for PartialShape {
    fn from(shape: Shape) -> Self {
        Self::from(&shape)
    }
}

impl Serialize for PartialShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.axes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PartialShape {
    /// By way of a vector, which trusts no length that a file states.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Option::<Vec<_>>::deserialize(deserializer)?.map_or_else(Self::unknown, Self::with_axes))
    }
}

impl fmt::Display for PartialShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(axes) = &self.0 else { return f.write_str("unknown") };
        f.write_str("[")?;
        for (i, axis) in axes.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match axis {
                Some(size) => write!(f, "{comma}{size}")?,
                None => write!(f, "{comma}?")?,
            }
        }
        f.write_str("]")
    }
}

impl fmt::Debug for PartialShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can be said where a full shape is wanted: a size, a tuple, an array, a slice or a vector of sizes, or a [`Shape`].
pub trait IntoSizes {
    /// The sizes, outermost axis first.
    fn into_sizes(self) -> impl Iterator<Item = u64>;
}

impl IntoSizes for usize {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        std::iter::once(self as u64)
    }
}

impl IntoSizes for () {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        std::iter::empty()
    }
}

impl<const N: usize> IntoSizes for [usize; N] {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.into_iter().map(|size| size as u64)
    }
}

impl IntoSizes for &[usize] {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.iter().map(|size| *size as u64)
    }
}

impl IntoSizes for Vec<usize> {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.into_iter().map(|size| size as u64)
    }
}

impl IntoSizes for &[u64] {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.iter().copied()
    }
}

impl IntoSizes for Vec<u64> {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.into_iter()
    }
}

impl IntoSizes for Shape {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.0.into_iter()
    }
}

impl IntoSizes for &Shape {
    fn into_sizes(self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

macro_rules! tuple_sizes {
    ($( ($($axis:ident),+) )+) => { $(
        impl IntoSizes for ($( tuple_sizes!(@usize $axis), )+) {
            fn into_sizes(self) -> impl Iterator<Item = u64> {
                let ($($axis,)+) = self;
                [$( $axis as u64, )+].into_iter()
            }
        }
    )+ };
    (@usize $axis:ident) => { usize };
}

tuple_sizes! { (a) (a, b) (a, b, c) (a, b, c, d) (a, b, c, d, e) }

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(axes: &[Option<u64>]) -> PartialShape {
        PartialShape::with_axes(axes)
    }

    #[test]
    fn sizes_that_overflow_are_refused_even_beside_an_empty_axis() {
        for bad in [vec![u64::MAX, 2], vec![0, u64::MAX, 2], vec![1 << 62], vec![1; RANK_MAX + 1]] {
            assert_eq!(Shape::new(bad).unwrap_err().kind(), ErrorKind::ShapeTooLarge);
        }
        assert_eq!(Shape::new([3, 0, 5]).unwrap().elements(), 0);
        assert_eq!(Shape::scalar().elements(), 1);
    }

    #[test]
    fn merging_keeps_what_either_side_knows() {
        let unknown = PartialShape::unknown();
        let rows = partial(&[Some(3), None]);
        let columns = partial(&[None, Some(4)]);
        assert_eq!(rows.merge(&columns), Some(partial(&[Some(3), Some(4)])));
        assert_eq!(unknown.merge(&rows), Some(rows.clone()));
        assert_eq!(rows.merge(&partial(&[Some(2), None])), None);
        assert_eq!(rows.merge(&partial(&[Some(3)])), None);
        assert_eq!(rows.to_string(), "[3, ?]");
        assert!(!unknown.is_scalar() && partial(&[]).is_scalar());
    }
}
