//! What a get comes to: to find, to create, or to fail, decided from the request and from what exists.
//!
//! Nothing here runs a function of the caller's or changes anything. Where the answer of a partitioner is needed, the
//! decision says so and is asked for again with the answer. What is to be made is described by a [`Plan`], or for a
//! partitioned variable by a [`WholePlan`], whose slices are decided one after the other as they are made.
//!
//! The order of the checks is TensorFlow's: the first that fails names the kind of the error.

mod existing;
mod partitioned;
mod plan;
mod resume;
mod single;

pub use existing::{Existing, VariableFacts, WholeFacts};
pub use partitioned::{SliceStep, WholePlan};
pub use plan::{DefaultInitializer, Plan, Region, SliceOf, Source};
pub use resume::{Cut, Reslice};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name::slice_of;
use crate::scope::partitioner::PartitionAnswer;
use crate::scope::request::{Reuse, VariableRequest};
use crate::shape::Shape;

/// What a get comes to. Names are full ones.
#[derive(Debug)]
pub enum Decision<'r> {
    /// Ask the request's partitioner ([`VariableRequest::ask_partitioner`]), then decide again.
    AskPartitioner {
        /// The full shape to ask about.
        shape: Shape,
        /// The dtype to ask about.
        dtype: DType,
    },
    /// Return the single variable of this name.
    ReuseVariable(&'r str),
    /// Return the partitioned variable of this name.
    ReuseWhole(&'r str),
    /// Make a single variable.
    CreateVariable(Box<Plan<'r>>),
    /// Make a partitioned variable.
    CreateWhole(Box<WholePlan<'r>>),
    /// Cut the variable found otherwise, then return it. Only [`Reuse::Resume`] comes to this.
    Reslice(Reslice<'r>),
}

/// Decides what `request` comes to.
///
/// `answer` is the partitioner's, once a first decision has asked for it.
///
/// # Errors
/// The kinds of TensorFlow's rules, each as soon as it is certain; those of `existing`, as they are.
pub fn decide<'r>(
    request: &'r VariableRequest,
    existing: &dyn Existing,
    answer: Option<PartitionAnswer>,
) -> Result<Decision<'r>> {
    Asked { request, existing }.decide(answer).map_err(|error| error.of_variable(&request.name))
}

/// A request beside what exists.
#[derive(Clone, Copy)]
struct Asked<'r, 'e> {
    request: &'r VariableRequest,
    existing: &'e dyn Existing,
}

impl<'r> Asked<'r, '_> {
    fn name(&self) -> &'r str {
        &self.request.name
    }

    /// The reuse mode; a getter that says nothing means whatever is convenient.
    fn reuse(&self) -> Reuse {
        self.request.reuse.unwrap_or(Reuse::Auto)
    }

    fn decide(&self, answer: Option<PartitionAnswer>) -> Result<Decision<'r>> {
        let partitioner = self.request.partitioner.is_some();
        let scalar = self.request.shape.as_ref().is_some_and(crate::shape::PartialShape::is_scalar);
        if partitioner && !scalar {
            return self.partitioned(true, answer);
        }
        if self.reuse() == Reuse::Require && !partitioner && self.existing.whole(self.name())?.is_some() {
            return self.partitioned(false, None);
        }
        if self.reuse() == Reuse::Resume
            && let Some(decision) = self.resume_whole_as_single()?
        {
            return Ok(decision);
        }
        if self.existing.has_first_slice(self.name())? {
            let first_slice = slice_of(self.name(), 0);
            let what = format!(
                "variable {:?} was made with a partitioner, since its slice {first_slice:?} exists{}, and is asked for \
                 without one",
                self.name(),
                self.created(&first_slice)
            );
            return Err(Error::new(ErrorKind::PartitionerMissing, what)
                .advise("give the partitioner again, or require reuse and give none"));
        }
        self.single()
    }

    /// Where something was first created, as a clause to be added to a sentence.
    fn created(&self, full_name: &str) -> String {
        match self.existing.first_created(full_name) {
            Some(place) => format!(" (first created {place})"),
            None => String::new(),
        }
    }

    /// The shape asked for, as a message says it.
    fn shape_asked(&self) -> String {
        self.request.shape.as_ref().map_or_else(|| "no shape".to_owned(), |shape| format!("shape {shape}"))
    }
}

/// What to do about a name that exists where reuse is refused.
fn how_to_reuse(reuse: Reuse, claimed: bool) -> &'static str {
    match reuse {
        Reuse::Resume if claimed => {
            "this session has got it already, and resuming finds a name only once: use another name, or enter the scope \
             with automatic reuse to share the variable"
        }
        _ => {
            "use another name, or enter the scope with reuse (required or automatic) to share the variable, or with \
             resume to take over what an earlier session left"
        }
    }
}

#[cfg(test)]
mod tests;
