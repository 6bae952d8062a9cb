//! A variable in one piece: step E of the rules.

use super::plan::{DefaultInitializer, Plan, Region, Source};
use super::{Asked, Decision, VariableFacts, how_to_reuse};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::scope::initializer::Initializer;
use crate::scope::request::Reuse;
use crate::shape::PartialShape;

impl<'r> Asked<'r, '_> {
    pub(super) fn single(&self) -> Result<Decision<'r>> {
        self.check_value_without_shape()?;
        if let Some(found) = self.existing.variable(self.name())? {
            match self.reuse() {
                Reuse::Refuse => return Err(self.variable_exists(self.name(), &found)),
                Reuse::Resume if found.claimed => return Err(self.variable_exists(self.name(), &found)),
                Reuse::Resume => self.check_resumed(&found)?,
                Reuse::Require | Reuse::Auto => {
                    if let Some(asked) = &self.request.shape {
                        self.check_shape(asked, &found)?;
                    }
                    self.check_dtype(self.request.dtype, &found)?;
                }
            }
            return Ok(Decision::ReuseVariable(self.name()));
        }
        if self.reuse() == Reuse::Require {
            let what = format!("variable {:?} does not exist, or was not made by a get", self.name());
            return Err(Error::new(ErrorKind::VariableNotFound, what)
                .advise("create it first, or enter the scope with automatic reuse to create what is missing"));
        }
        self.plan_single().map(|plan| Decision::CreateVariable(Box::new(plan)))
    }

    /// A value brings its shape: there must be none beside it. This comes before any lookup.
    pub(super) fn check_value_without_shape(&self) -> Result<()> {
        let value = self.request.initializer.as_ref().and_then(Initializer::static_shape);
        let (Some(value), Some(asked)) = (value, &self.request.shape) else { return Ok(()) };
        let what =
            format!("variable {:?} is asked for with shape {asked} and with a value of shape {value}", self.name());
        Err(Error::new(ErrorKind::ConstantInitializerWithShape, what)
            .advise("leave the shape out: a value brings its own"))
    }

    pub(super) fn variable_exists(&self, full_name: &str, found: &VariableFacts) -> Error {
        let what = format!(
            "variable {full_name:?} exists already, {} of shape {}{}, and reuse is refused",
            found.dtype,
            found.declared_or_held(),
            self.created(full_name)
        );
        Error::new(ErrorKind::VariableExists, what).advise(how_to_reuse(self.reuse(), found.claimed))
    }

    pub(super) fn check_shape(&self, asked: &PartialShape, found: &VariableFacts) -> Result<()> {
        if found.declared.is_compatible_with(asked) {
            return Ok(());
        }
        let what = format!(
            "variable {:?} is asked for with shape {asked}, but has shape {}{}",
            self.name(),
            found.declared_or_held(),
            self.created(self.name())
        );
        Err(Error::new(ErrorKind::ShapeMismatch, what)
            .advise("ask for the shape it has, for none, or use another name"))
    }

    pub(super) fn check_dtype(&self, asked: DType, found: &VariableFacts) -> Result<()> {
        if found.dtype == asked {
            return Ok(());
        }
        let what = format!(
            "variable {:?} is asked for as {asked}, but is {}{}",
            self.name(),
            found.dtype,
            self.created(self.name())
        );
        Err(Error::new(ErrorKind::DtypeMismatch, what)
            .advise(format!("ask for {}; where no dtype is given, the scope's counts", found.dtype)))
    }

    fn plan_single(&self) -> Result<Plan<'r>> {
        let request = self.request;
        let known = request.shape.as_ref().map(PartialShape::to_shape).transpose()?.flatten();
        let source = match &request.initializer {
            None => {
                if request.shape.is_none() {
                    let what = format!("variable {:?} is new and has neither a shape nor an initializer", self.name());
                    return Err(
                        Error::new(ErrorKind::ShapeRequired, what).advise("give a shape, or a value that brings one")
                    );
                }
                let initializer = self.default_initializer()?;
                let region = Region::all_of(known.ok_or_else(|| self.shape_not_fully_defined())?);
                Source::Default { initializer, region, dtype: request.dtype }
            }
            Some(Initializer::Function(function)) => {
                let region = Region::all_of(known.ok_or_else(|| self.shape_not_fully_defined())?);
                Source::Function { function, region, dtype: request.dtype }
            }
            Some(Initializer::Nullary(function)) => match (&request.shape, known) {
                (None, _) => Source::Nullary(function),
                (Some(_), None) => return Err(self.shape_not_fully_defined()),
                (Some(shape), Some(_)) => {
                    // The mistake shows when the function is called, behind the checks of the plan.
                    Plan::new(request.name.clone(), None, Source::Nullary(function), request)?;
                    return Err(takes_no_arguments(&request.name, &shape.to_string()));
                }
            },
            Some(Initializer::Tensor { value, static_shape }) => {
                let plan = Plan::new(request.name.clone(), None, Source::Value(value), request)?;
                if request.validate_shape && !static_shape.is_fully_known() {
                    let what = format!(
                        "the value for variable {:?}, {} of shape {static_shape}, has no fully known shape",
                        self.name(),
                        value.dtype()
                    );
                    return Err(Error::new(ErrorKind::InitialValueShapeUnknown, what)
                        .advise("make its shape known, or switch the validation of shapes off"));
                }
                return Ok(plan);
            }
            Some(Initializer::Array(value)) => Source::Value(value),
            Some(Initializer::Literal(literal)) => Source::Value(literal.tensor()),
        };
        Plan::new(request.name.clone(), None, source, request)
    }

    pub(super) fn default_initializer(&self) -> Result<DefaultInitializer> {
        let dtype = self.request.dtype;
        DefaultInitializer::of(dtype).ok_or_else(|| {
            let what = format!("variable {:?} is new, and {dtype} has no default initializer", self.name());
            Error::new(ErrorKind::InitializerRequired, what).advise("give an initializer")
        })
    }

    fn shape_not_fully_defined(&self) -> Error {
        let what = format!(
            "variable {:?} is new and asked for with {}: its initializer needs to know every size",
            self.name(),
            self.shape_asked()
        );
        Error::new(ErrorKind::ShapeNotFullyDefined, what).advise("give the full shape, or a value that brings one")
    }
}

pub(super) fn takes_no_arguments(full_name: &str, shape: &str) -> Error {
    let what = format!(
        "the initializer of variable {full_name:?} is a function without parameters, which cannot be asked for shape {shape}"
    );
    Error::new(ErrorKind::InitializerTakesNoArguments, what)
        .advise("leave shape and partitioner out, or use a function that takes a place")
}

impl VariableFacts {
    /// The declared shape, or the one held where none is declared, as a message says it.
    pub(super) fn declared_or_held(&self) -> String {
        if self.declared.axes().is_some() { self.declared.to_string() } else { format!("{} (undeclared)", self.held) }
    }
}
