//! What a decision has to know of the variables that exist.

use crate::dtype::DType;
use crate::error::Result;
use crate::name::slice_of;
use crate::shape::{PartialShape, Shape};

/// What is known of a single variable, or of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableFacts {
    /// The shape that was declared; unknown for a value made without validating its shape.
    pub declared: PartialShape,
    /// The shape of the value it holds.
    pub held: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// Whether this session created it or has got it already, which ends resuming.
    pub claimed: bool,
}

/// What is known of a partitioned variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeFacts {
    /// Its full shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// The number of pieces along each axis.
    pub counts: Vec<u64>,
    /// Whether this session created it or has got it or one of its slices already, which ends resuming.
    pub claimed: bool,
}

/// What exists, by full name. Aliases are resolved before anything is asked here.
///
/// A lookup may fail, since it may have to read a file; the error becomes the decision's.
pub trait Existing {
    /// The single variable or slice of this name.
    ///
    /// # Errors
    /// Whatever keeps it from being looked up.
    fn variable(&self, full_name: &str) -> Result<Option<VariableFacts>>;

    /// The partitioned variable of this name.
    ///
    /// # Errors
    /// Whatever keeps it from being looked up.
    fn whole(&self, full_name: &str) -> Result<Option<WholeFacts>>;

    /// Whether there is a single variable of the name that the first slice of this one would have.
    ///
    /// # Errors
    /// Whatever keeps it from being looked up.
    fn has_first_slice(&self, full_name: &str) -> Result<bool> {
        Ok(self.variable(&slice_of(full_name, 0))?.is_some())
    }

    /// Where the variable of this name was first created, such as `at src/model.rs:12` or `by commit 7`. Messages say it.
    fn first_created(&self, full_name: &str) -> Option<String>;
}
