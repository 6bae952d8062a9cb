//! What reading hands out: values that stay as they were when they were read.

use std::fmt;
use std::ops::Deref;

use ndarray::{Array, ArrayRef, IxDyn};

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::io::Held;
use crate::shape::Shape;
use crate::strings::Strings;
use crate::tensor::{self, Tensor};

/// A value that was read: an ndarray, usable wherever one is, that keeps its memory alive.
///
/// It is a snapshot: what is assigned later does not show in it. For a variable in one piece nothing was copied: the
/// elements lie in the store's memory, or in the mapped file. A partitioned variable's slices were put together.
pub struct Read<T: Element> {
    inner: Inner<T>,
}

enum Inner<T: Element> {
    Held(Held<T>),
    Assembled(Array<T, IxDyn>),
}

impl<T: Element> Read<T> {
    pub(crate) fn held(held: Held<T>) -> Self {
        Self { inner: Inner::Held(held) }
    }

    pub(crate) fn assembled(tensor: &Tensor) -> Result<Self> {
        Ok(Self { inner: Inner::Assembled(tensor.to_array()?) })
    }
}

impl<T: Element> Deref for Read<T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &Self::Target {
        match &self.inner {
            Inner::Held(held) => held,
            Inner::Assembled(array) => array,
        }
    }
}

impl<T: Element> fmt::Debug for Read<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Read({} {:?})", T::DTYPE, self.shape())
    }
}

/// Byte strings that were read: a snapshot, as [`Read`].
#[derive(Clone, Debug)]
pub struct ReadStrings {
    tensor: Tensor,
}

impl ReadStrings {
    pub(crate) fn new(tensor: Tensor) -> Result<Self> {
        if tensor.dtype() != DType::String {
            return Err(tensor::dtype_asked(DType::String, tensor.dtype()));
        }
        Ok(Self { tensor })
    }

    /// The sizes along the axes.
    pub fn shape(&self) -> &Shape {
        self.tensor.shape()
    }

    /// The strings in row-major order.
    pub fn strings(&self) -> Strings<'_> {
        self.tensor.strings().expect("the tensor was checked to hold strings when it was read")
    }
}
