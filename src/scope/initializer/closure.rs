//! Initializers written by the caller.

use std::sync::Arc;

use ndarray::ArrayViewMutD;

use super::{Initializer, InitializerFunction, Place, unsupported};
use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

/// A function of the place: it makes a tensor of the shape and dtype asked for.
///
/// It may run more than once for one variable, and once for each slice of a partitioned one.
///
/// # Errors
/// When run: `user_function_failed`, caused by the function's own error; `initializer_wrong_result`, if it made another
/// shape or dtype.
///
/// ```
/// use varkeep::{Tensor, init};
/// init::function(|place| Tensor::zeros(place.dtype, place.shape.clone()));
/// ```
pub fn function<F>(function: F) -> Initializer
where
    F: Fn(&Place<'_>) -> Result<Tensor> + Send + Sync + 'static,
{
    Closure(function).into()
}

/// A function that fills an array of zeros of type `T` in place; for variables of that dtype only.
///
/// # Errors
/// When run: `initializer_dtype_unsupported`.
///
/// ```
/// use varkeep::init;
/// // Every element is its row number in the whole variable, however that is cut into slices.
/// init::fill::<f32>(|place, mut array| {
///     for (row, mut elements) in (place.offset[0]..).zip(array.outer_iter_mut()) {
///         elements.fill(row as f32);
///     }
/// });
/// ```
pub fn fill<T: Element>(function: impl Fn(&Place<'_>, ArrayViewMutD<'_, T>) + Send + Sync + 'static) -> Initializer {
    let filling = Filling { function, element: std::marker::PhantomData };
    filling.into()
}

/// A function without parameters: the variable takes the shape and dtype of what it makes, and no shape may be given.
///
/// # Errors
/// When run: `user_function_failed`, caused by the function's own error.
pub fn nullary(function: impl Fn() -> Result<Tensor> + Send + Sync + 'static) -> Initializer {
    Initializer::Nullary(Arc::new(move || {
        function().map_err(|error| {
            Error::new(ErrorKind::UserFunctionFailed, "the initializer without parameters failed").caused_by(error)
        })
    }))
}

struct Closure<F>(F);

impl<F> InitializerFunction for Closure<F>
where
    F: Fn(&Place<'_>) -> Result<Tensor> + Send + Sync,
{
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        (self.0)(place).map_err(|error| {
            let what = format!("the initializer of variable {:?} failed", place.name);
            Error::new(ErrorKind::UserFunctionFailed, what).of_variable(place.name).caused_by(error)
        })
    }
}

struct Filling<T, F> {
    function: F,
    element: std::marker::PhantomData<fn(T)>,
}

impl<T, F> InitializerFunction for Filling<T, F>
where
    T: Element,
    F: Fn(&Place<'_>, ArrayViewMutD<'_, T>) + Send + Sync,
{
    fn initialize(&self, place: &Place<'_>) -> Result<Tensor> {
        if place.dtype != T::DTYPE {
            return Err(unsupported(place, format_args!("a function that fills {}", T::DTYPE)));
        }
        let mut tensor = Tensor::zeros(T::DTYPE, place.shape.clone())?;
        (self.function)(place, tensor.view_mut()?);
        Ok(tensor)
    }
}
