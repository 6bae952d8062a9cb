//! A variable in slices: step D of the rules.

use std::cell::OnceCell;

use super::plan::{Plan, Region, SliceOf, Source};
use super::single::takes_no_arguments;
use super::{Asked, Decision, Existing, WholeFacts, how_to_reuse};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name::slice_of;
use crate::scope::initializer::{Initializer, Place};
use crate::scope::partitioner::{PartitionAnswer, SLICES_MAX};
use crate::scope::request::{Reuse, VariableRequest};
use crate::scope::tiles::{Tile, Tiles};
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

/// A partitioned variable to be made, slice by slice.
///
/// The slices are decided one at a time ([`WholePlan::slice`]), because what initializes one runs before the next is
/// looked at, and the first failure counts. Only when all are there does the whole exist.
#[derive(Debug)]
pub struct WholePlan<'r> {
    /// The full name.
    pub name: &'r str,
    /// The dtype of the whole.
    pub dtype: DType,
    /// The number of pieces along each axis.
    pub counts: Vec<u64>,
    /// What was asked for.
    pub request: &'r VariableRequest,
    tiles: Tiles,
    // A value that had to be converted, once the first slice has asked for it.
    converted: OnceCell<Tensor>,
}

/// What one slice of a whole comes to.
#[derive(Debug)]
pub enum SliceStep<'p> {
    /// The variable of this name exists and becomes the slice as it is.
    Adopt(String),
    /// The slice is to be made.
    Create(Box<Plan<'p>>),
}

impl<'r> Asked<'r, '_> {
    /// Decides about a variable in slices; without a partitioner, only one that exists can be meant.
    pub(super) fn partitioned(&self, partitioner: bool, answer: Option<PartitionAnswer>) -> Result<Decision<'r>> {
        if let Some(single) = self.existing.variable(self.name())? {
            if self.reuse() == Reuse::Resume && !single.claimed {
                return self.resume_in_slices(answer);
            }
            let what = format!(
                "variable {:?} is asked for with a partitioner, but exists in one piece{}",
                self.name(),
                self.created(self.name())
            );
            return Err(Error::new(ErrorKind::UnpartitionedVariableExists, what)
                .advise("give no partitioner, or use another name"));
        }
        let whole = self.existing.whole(self.name())?;
        if self.reuse() == Reuse::Resume && whole.as_ref().is_some_and(|whole| !whole.claimed) {
            return self.resume_in_slices(answer);
        }
        let shape = self.shape_with_value()?;
        let tiles = if partitioner {
            let full = self.full_shape(&shape)?;
            match self.tiles(full, answer)? {
                Ok(cut) => Some(cut),
                Err(ask) => return Ok(ask),
            }
        } else {
            None
        };
        if let Some(whole) = whole {
            if matches!(self.reuse(), Reuse::Refuse | Reuse::Resume) {
                return Err(self.partitioned_variable_exists(&whole));
            }
            self.check_whole(&shape, self.request.dtype, &whole)?;
            if let Some((_, counts)) = tiles
                && counts != whole.counts
            {
                let what = format!(
                    "variable {:?} is asked for cut into {counts:?}, but is cut into {:?}{}",
                    self.name(),
                    whole.counts,
                    self.created(self.name())
                );
                return Err(Error::new(ErrorKind::PartitionsMismatch, what)
                    .advise("give a partitioner that cuts as it is cut, or require reuse without one"));
            }
            return Ok(Decision::ReuseWhole(self.name()));
        }
        let (Some((tiles, counts)), Reuse::Refuse | Reuse::Auto | Reuse::Resume) = (tiles, self.reuse()) else {
            let what = format!("partitioned variable {:?} does not exist, or was not made by a get", self.name());
            return Err(Error::new(ErrorKind::PartitionedVariableNotFound, what)
                .advise("create it first, or enter the scope with automatic reuse to create what is missing"));
        };
        self.check_layout(&tiles)?;
        Ok(Decision::CreateWhole(Box::new(WholePlan::new(self.request, tiles, counts))))
    }

    /// The shape asked for, and what a tensor that initializes the variable adds to it.
    pub(super) fn shape_with_value(&self) -> Result<PartialShape> {
        let asked = self.request.shape.clone().unwrap_or_default();
        let Some(Initializer::Tensor { static_shape, .. }) = &self.request.initializer else { return Ok(asked) };
        asked.merge(static_shape).ok_or_else(|| {
            let what = format!(
                "variable {:?} is asked for with shape {asked}, but its value has shape {static_shape}",
                self.name()
            );
            Error::new(ErrorKind::InitializerShapeMismatch, what).advise("leave the shape out, or give the value's")
        })
    }

    pub(super) fn full_shape(&self, shape: &PartialShape) -> Result<Shape> {
        let Some(full) = shape.to_shape()? else {
            let what = format!(
                "variable {:?} is asked for with a partitioner and with {}, which is not fully known",
                self.name(),
                self.shape_asked()
            );
            return Err(Error::new(ErrorKind::PartitionedShapeNotFullyDefined, what)
                .advise("give the full shape: a partitioner needs it, also to find a variable"));
        };
        if full.rank() == 0 {
            let what = format!("variable {:?} is a scalar and cannot be cut", self.name());
            return Err(Error::new(ErrorKind::PartitionedScalar, what)
                .advise("state the scalar shape explicitly to pass the partitioner by, or give none"));
        }
        Ok(full)
    }

    /// The slices and counts answered, or the decision to ask.
    pub(super) fn tiles(
        &self,
        full: Shape,
        answer: Option<PartitionAnswer>,
    ) -> Result<std::result::Result<(Tiles, Vec<u64>), Decision<'r>>> {
        match answer {
            Some(PartitionAnswer { shape, counts }) if shape == full => Ok(Ok((Tiles::new(full, &counts)?, counts))),
            _ => Ok(Err(Decision::AskPartitioner { shape: full, dtype: self.request.dtype })),
        }
    }

    pub(super) fn partitioned_variable_exists(&self, found: &WholeFacts) -> Error {
        let what = format!(
            "partitioned variable {:?} exists already, {} of shape {} cut into {:?}{}, and reuse is refused",
            self.name(),
            found.dtype,
            found.shape,
            found.counts,
            self.created(self.name())
        );
        Error::new(ErrorKind::PartitionedVariableExists, what).advise(how_to_reuse(self.reuse(), found.claimed))
    }

    /// Checks that a slice to be made meets no partitioned variable of its name: one name stands for one thing.
    pub(super) fn check_no_whole(&self, slice: &str) -> Result<()> {
        if self.existing.whole(slice)?.is_none() {
            return Ok(());
        }
        let what = format!(
            "slice {slice:?} of variable {:?} cannot be made: a partitioned variable of its name exists{}",
            self.name(),
            self.created(slice)
        );
        Err(Error::new(ErrorKind::PartitionedVariableExists, what).advise("use another name"))
    }

    pub(super) fn check_whole(&self, asked: &PartialShape, dtype: DType, found: &WholeFacts) -> Result<()> {
        if !asked.is_compatible_with(&(&found.shape).into()) {
            let what = format!(
                "partitioned variable {:?} is asked for with shape {asked}, but has shape {}{}",
                self.name(),
                found.shape,
                self.created(self.name())
            );
            return Err(Error::new(ErrorKind::PartitionedShapeMismatch, what)
                .advise("ask for the shape it has, or use another name"));
        }
        if dtype != found.dtype {
            let what = format!(
                "partitioned variable {:?} is asked for as {dtype}, but is {}{}",
                self.name(),
                found.dtype,
                self.created(self.name())
            );
            return Err(Error::new(ErrorKind::PartitionedDtypeMismatch, what)
                .advise(format!("ask for {}; where no dtype is given, the scope's counts", found.dtype)));
        }
        Ok(())
    }

    /// Slices that stand there without their whole must be just those asked for, as far as the ends tell.
    fn check_layout(&self, tiles: &Tiles) -> Result<()> {
        let count = tiles.count();
        if count > SLICES_MAX {
            let what =
                format!("variable {:?} of shape {} cannot be cut into {count} slices", self.name(), tiles.shape());
            return Err(Error::new(ErrorKind::TooManyPartitions, what)
                .advise(format!("a variable has at most {SLICES_MAX} slices")));
        }
        let slice = |k: u64| slice_of(self.name(), k as usize);
        let exists = |name: &str| self.existing.variable(name).map(|found| found.is_some());
        let first = slice(0);
        if !exists(&first)? {
            return Ok(());
        }
        let (last, extra) = (slice(count - 1), slice(count));
        if !exists(&last)? {
            let what = format!(
                "variable {:?} is asked for in {count} slices; slice {first:?} exists{}, but slice {last:?} does not",
                self.name(),
                self.created(&first)
            );
            return Err(Error::new(ErrorKind::PartitionLayoutMissingShard, what)
                .advise("cut the variable as the slices found are cut, or use another name"));
        }
        if exists(&extra)? {
            let what = format!(
                "variable {:?} is asked for in {count} slices, but a further slice {extra:?} exists{}",
                self.name(),
                self.created(&extra)
            );
            return Err(Error::new(ErrorKind::PartitionLayoutExtraShard, what)
                .advise("cut the variable as the slices found are cut, or use another name"));
        }
        Ok(())
    }
}

impl<'r> WholePlan<'r> {
    fn new(request: &'r VariableRequest, tiles: Tiles, counts: Vec<u64>) -> Self {
        let dtype = match &request.initializer {
            Some(Initializer::Tensor { value, .. }) => value.dtype(),
            _ => request.dtype,
        };
        Self { name: &request.name, dtype, counts, request, tiles, converted: OnceCell::new() }
    }

    /// The full shape.
    pub fn shape(&self) -> &Shape {
        self.tiles.shape()
    }

    /// The number of slices to make.
    pub fn slices(&self) -> u64 {
        self.tiles.count()
    }

    /// The place of a slice; `None` if there is no such slice.
    pub fn tile(&self, k: u64) -> Option<Tile> {
        self.tiles.get(k)
    }

    /// Decides about the `k`-th slice, once those before it have been made or adopted.
    ///
    /// # Errors
    /// `too_many_partitions`; `initializer_required`, `initializer_dtype_unsupported`, `initializer_shape_mismatch`,
    /// `initializer_takes_no_arguments`; `variable_exists`, `shape_mismatch`, `dtype_mismatch`,
    /// `partitioned_variable_exists` for what exists in the slice's place; `invalid_name`.
    pub fn slice(&self, k: u64, existing: &dyn Existing) -> Result<SliceStep<'_>> {
        self.step(k, existing).map_err(|error| error.of_variable(self.name))
    }

    fn step(&self, k: u64, existing: &dyn Existing) -> Result<SliceStep<'_>> {
        let asked = Asked { request: self.request, existing };
        let name = slice_of(self.name, k as usize);
        let tile = self.tiles.get(k).ok_or_else(|| self.too_many(k))?;
        let shape = tile.shape.clone();
        let source = self.source(&asked, tile)?;
        if let Some(found) = existing.variable(&name)? {
            return match asked.reuse() {
                Reuse::Refuse => Err(asked.variable_exists(&name, &found)),
                Reuse::Resume if found.claimed => Err(asked.variable_exists(&name, &found)),
                _ if found.held != shape => Err(self.not_adopted(
                    ErrorKind::ShapeMismatch,
                    &name,
                    &format!("shape {shape}"),
                    &format!("holds shape {}{}", found.held, asked.created(&name)),
                )),
                _ if found.dtype != self.dtype => Err(self.not_adopted(
                    ErrorKind::DtypeMismatch,
                    &name,
                    self.dtype.name(),
                    &format!("is {}{}", found.dtype, asked.created(&name)),
                )),
                _ => Ok(SliceStep::Adopt(name)),
            };
        }
        asked.check_no_whole(&name)?;
        let nullary = matches!(source, Source::Nullary(_));
        let plan = Plan::new(name, Some(SliceOf { whole: self.name, ordinal: k }), source, self.request)?;
        if nullary {
            // The mistake shows when the function is called, behind the checks of the plan.
            return Err(takes_no_arguments(&plan.name, &shape.to_string()));
        }
        Ok(SliceStep::Create(Box::new(plan)))
    }

    fn source<'p>(&'p self, asked: &Asked<'r, '_>, tile: Tile) -> Result<Source<'p>> {
        let (dtype, region) = (self.dtype, Region::part_of(self.shape(), tile));
        Ok(match &self.request.initializer {
            None => Source::Default { initializer: asked.default_initializer()?, region, dtype },
            Some(Initializer::Nullary(function)) => Source::Nullary(function),
            Some(Initializer::Function(function)) => Source::Function { function, region, dtype },
            Some(Initializer::Tensor { value, .. }) => Source::Part { value: self.full(value)?, region },
            Some(value @ (Initializer::Array(_) | Initializer::Literal(_))) => {
                Source::Part { value: self.full(self.converted(value)?)?, region }
            }
        })
    }

    /// A value that is no tensor, in the dtype of the whole: converted once, for all slices.
    fn converted<'p>(&'p self, initializer: &'p Initializer) -> Result<&'p Tensor> {
        if let Some(converted) = self.converted.get() {
            return Ok(converted);
        }
        let held = initializer.value().expect("the initializer is a value");
        if held.dtype() == self.dtype {
            return Ok(held);
        }
        // As it is, but for the dtype: its shape is looked at afterwards.
        let offset = vec![0; held.shape().rank()];
        let converted = initializer.initialize(&Place {
            name: self.name,
            full_shape: held.shape(),
            offset: &offset,
            shape: held.shape(),
            dtype: self.dtype,
            store_seed: 0,
        })?;
        Ok(self.converted.get_or_init(|| converted))
    }

    /// A value under a partitioner must have the full shape.
    fn full<'p>(&self, value: &'p Tensor) -> Result<&'p Tensor> {
        if value.shape() == self.shape() {
            return Ok(value);
        }
        let (name, full) = (self.name, self.shape());
        let what = format!("variable {name:?} has shape {full}, but its value has shape {}", value.shape());
        Err(Error::new(ErrorKind::InitializerShapeMismatch, what).advise("give a value of the full shape"))
    }

    fn too_many(&self, k: u64) -> Error {
        let what = format!(
            "variable {:?} of shape {} cannot be cut into {} slices: slice {k} would start at {:?}, outside it",
            self.name,
            self.shape(),
            self.slices(),
            self.tiles.offset(k)
        );
        Error::new(ErrorKind::TooManyPartitions, what).advise("ask for no more slices than the axis has elements")
    }

    fn not_adopted(&self, kind: ErrorKind, slice: &str, asked: &str, found: &str) -> Error {
        let what =
            format!("variable {slice:?} cannot become a slice of {:?}: {asked} is needed, and it {found}", self.name);
        Error::new(kind, what).advise("cut the variable as the slices found are cut, or use another name")
    }
}
