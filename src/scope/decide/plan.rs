//! Everything that is needed to make one variable or slice.

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};
use crate::name;
use crate::scope::collection;
use crate::scope::initializer::{InitializerFunction, NullaryFunction, Place};
use crate::scope::request::VariableRequest;
use crate::scope::tiles::Tile;
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

/// What initializes a variable where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultInitializer {
    /// Uniform within the bounds that suit the sizes: for floating-point dtypes.
    GlorotUniform,
    /// Zeros, `false` or empty strings: for integers, bool and strings.
    Zeros,
}

impl DefaultInitializer {
    /// The one for a dtype; `None` where there is none.
    pub fn of(dtype: DType) -> Option<Self> {
        match dtype {
            DType::Bool | DType::String => Some(Self::Zeros),
            _ if dtype.is_floating() => Some(Self::GlorotUniform),
            _ if dtype.is_integer() => Some(Self::Zeros),
            _ => None,
        }
    }
}

/// Which part of a whole is made; for a variable in one piece, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The shape of the whole.
    pub full_shape: Shape,
    /// Where the part starts.
    pub offset: Vec<u64>,
    /// The shape of the part.
    pub shape: Shape,
}

impl Region {
    pub(super) fn all_of(shape: Shape) -> Self {
        Self { offset: vec![0; shape.rank()], full_shape: shape.clone(), shape }
    }

    pub(super) fn part_of(full_shape: &Shape, tile: Tile) -> Self {
        Self { full_shape: full_shape.clone(), offset: tile.offset, shape: tile.shape }
    }
}

/// That a planned variable is a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceOf<'r> {
    /// Full name of the whole.
    pub whole: &'r str,
    /// Which slice, from 0.
    pub ordinal: u64,
}

/// Where the first value comes from.
#[derive(Clone)]
pub enum Source<'p> {
    /// A function, to be called for this region and dtype.
    Function {
        /// The function.
        function: &'p Arc<dyn InitializerFunction>,
        /// What it is to make.
        region: Region,
        /// The dtype it is to make.
        dtype: DType,
    },
    /// The default, to be called for this region and dtype.
    Default {
        /// Which default.
        initializer: DefaultInitializer,
        /// What it is to make.
        region: Region,
        /// The dtype it is to make.
        dtype: DType,
    },
    /// A function without parameters: shape and dtype are those of what it returns.
    Nullary(&'p Arc<NullaryFunction>),
    /// A value, with its own shape and dtype.
    Value(&'p Tensor),
    /// Part of a value.
    Part {
        /// The value of the whole.
        value: &'p Tensor,
        /// Which part.
        region: Region,
    },
}

/// One variable or slice to be made.
///
/// Trainable flag, regularizer, caching device and the other things that are recorded as they were asked for are the
/// [request](Plan::request)'s.
#[derive(Clone, Debug)]
pub struct Plan<'p> {
    /// The full name, which has been checked.
    pub name: String,
    /// Which slice it is, unless it is a variable in one piece.
    pub slice: Option<SliceOf<'p>>,
    /// Where its first value comes from.
    pub source: Source<'p>,
    /// The collections it joins, each once.
    pub collections: Vec<String>,
    /// What was asked for.
    pub request: &'p VariableRequest,
}

impl<'p> Plan<'p> {
    /// Plans a variable, with the checks that come last: its name and what else cannot be stored.
    pub(super) fn new(
        name: String,
        slice: Option<SliceOf<'p>>,
        source: Source<'p>,
        request: &'p VariableRequest,
    ) -> Result<Self> {
        name::check_variable(&name, &request.scope)?;
        if let Some(bytes) = request.chunk_bytes
            && !(bytes.is_power_of_two() && (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&bytes))
        {
            let what = format!("chunks of {bytes} bytes are not possible");
            return Err(Error::new(ErrorKind::InvalidArgument, what)
                .advise(format!("give a power of two from {CHUNK_BYTES_MIN} to {CHUNK_BYTES_MAX}")));
        }
        Ok(Self { name, slice, source, collections: collection::joined_by(request), request })
    }

    /// Which part of the whole it is, where that is known beforehand: not for a value in one piece.
    pub fn region(&self) -> Option<&Region> {
        match &self.source {
            Source::Function { region, .. } | Source::Default { region, .. } | Source::Part { region, .. } => {
                Some(region)
            }
            Source::Nullary(_) | Source::Value(_) => None,
        }
    }

    /// The function's place, if the source is a function of one or the default.
    pub fn place(&self, store_seed: u64) -> Option<Place<'_>> {
        let (Source::Function { region, dtype, .. } | Source::Default { region, dtype, .. }) = &self.source else {
            return None;
        };
        Some(Place {
            name: self.slice.map_or(self.name.as_str(), |slice| slice.whole),
            full_shape: &region.full_shape,
            offset: &region.offset,
            shape: &region.shape,
            dtype: *dtype,
            store_seed,
        })
    }

    /// Makes the first value. This runs functions of the caller's, so no lock should be held.
    ///
    /// `default` supplies the default initializers.
    ///
    /// # Errors
    /// Those of the initializer; `initializer_wrong_result`, if it made another shape or dtype than it was asked for.
    pub fn initial_value(
        &self,
        store_seed: u64,
        default: impl FnOnce(DefaultInitializer, &Place<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let made = match (&self.source, self.place(store_seed)) {
            (Source::Function { function, .. }, Some(place)) => {
                function.initialize(&place).and_then(|made| check_made(&place, made))
            }
            (Source::Default { initializer, .. }, Some(place)) => {
                default(*initializer, &place).and_then(|made| check_made(&place, made))
            }
            (Source::Nullary(function), _) => function(),
            (Source::Value(value), _) => Ok((*value).clone()),
            (Source::Part { value, region }, _) => value.cut(&region.offset, &region.shape),
            (Source::Function { .. } | Source::Default { .. }, None) => unreachable!("functions have a place"),
        };
        made.map_err(|error| error.of_variable(&self.name))
    }

    /// The declared shape of the variable once it holds a value of shape `held`.
    ///
    /// Without validation, what brings its own shape declares none.
    pub fn declared(&self, held: &Shape) -> PartialShape {
        match &self.source {
            Source::Function { region, .. } | Source::Default { region, .. } => (&region.shape).into(),
            Source::Nullary(_) | Source::Value(_) | Source::Part { .. } if self.request.validate_shape => held.into(),
            Source::Nullary(_) | Source::Value(_) | Source::Part { .. } => PartialShape::unknown(),
        }
    }

    /// Whether the variable, just made with this value, adds a loss.
    ///
    /// # Errors
    /// Those of [`Regularizer::applies_to`](crate::scope::Regularizer::applies_to).
    pub fn adds_loss(&self, value: &Tensor) -> Result<bool> {
        match &self.request.regularizer {
            Some(regularizer) => regularizer.applies_to(value).map_err(|error| error.of_variable(&self.name)),
            None => Ok(false),
        }
    }
}

fn check_made(place: &Place<'_>, made: Tensor) -> Result<Tensor> {
    if made.shape() == place.shape && made.dtype() == place.dtype {
        return Ok(made);
    }
    let what = format!(
        "the initializer was asked for {} of shape {} and made {} of shape {}",
        place.dtype,
        place.shape,
        made.dtype(),
        made.shape()
    );
    Err(Error::new(ErrorKind::InitializerWrongResult, what).advise("make what the place asks for"))
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { region, dtype, .. } => write!(f, "Function({dtype} {})", region.shape),
            Self::Default { initializer, region, dtype } => write!(f, "{initializer:?}({dtype} {})", region.shape),
            Self::Nullary(_) => f.write_str("Nullary"),
            Self::Value(value) => write!(f, "Value({value:?})"),
            Self::Part { value, region } => write!(f, "Part({} of {value:?})", region.shape),
        }
    }
}
