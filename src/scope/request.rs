//! What a call asks for: as the call said it, and with the scope's settings filled in.

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::scope::initializer::Initializer;
use crate::scope::partitioner::{PartitionAnswer, Partitioner};
use crate::scope::regularizer::Regularizer;
use crate::scope::settings::ScopeSettings;
use crate::shape::{PartialShape, Shape};
use crate::tensor::Tensor;

/// What a get does about a name that exists, and about one that does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reuse {
    /// Create; a name that exists is an error. TensorFlow's `reuse=False`.
    #[default]
    Refuse,
    /// Find; a name that does not exist is an error. TensorFlow's `reuse=True`.
    Require,
    /// Find or create. TensorFlow's `AUTO_REUSE`.
    Auto,
    /// Find what an earlier session left, once per name, or create; a name used twice in this session is an error.
    Resume,
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::Require => "require",
            Self::Auto => "auto",
            Self::Resume => "resume",
        })
    }
}

type Projection = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// A function that maps an updated value to one that is allowed.
#[derive(Clone)]
pub struct Constraint(Arc<Projection>);

impl Constraint {
    /// A constraint that applies `project`.
    pub fn new(project: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        Self(Arc::new(project))
    }

    /// The allowed value for `value`.
    ///
    /// # Errors
    /// `user_function_failed`, caused by the function's own error.
    pub fn apply(&self, value: &Tensor) -> Result<Tensor> {
        (self.0)(value)
            .map_err(|error| Error::new(ErrorKind::UserFunctionFailed, "the constraint failed").caused_by(error))
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Constraint")
    }
}

type DeviceOf = dyn Fn(&VariableRequest) -> String + Send + Sync;

/// Where a copy of the variable is kept for reading: a device's name, or a function that names it for each request.
#[derive(Clone)]
pub enum CachingDevice {
    /// The name; the empty one is a name too.
    Device(String),
    /// A function of the request, called before any custom getter.
    Function(Arc<DeviceOf>),
}

impl CachingDevice {
    /// A function of the request.
    pub fn function(device_of: impl Fn(&VariableRequest) -> String + Send + Sync + 'static) -> Self {
        Self::Function(Arc::new(device_of))
    }
}

impl From<&str> for CachingDevice {
    fn from(device: &str) -> Self {
        Self::Device(device.to_owned())
    }
}

impl From<String> for CachingDevice {
    fn from(device: String) -> Self {
        Self::Device(device)
    }
}

impl fmt::Debug for CachingDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "{device:?}"),
            Self::Function(_) => f.write_str("a function"),
        }
    }
}

/// A get with everything that the scope supplies filled in: what custom getters receive and pass on.
///
/// It is plain data. `None` means that nothing was said, which for a shape differs from every shape, the scalar one
/// included, and for collections from an empty list.
#[derive(Clone, Debug)]
pub struct VariableRequest {
    /// The full name.
    pub name: String,
    /// The full name of the scope that the get was made in; empty at the root.
    pub scope: Arc<str>,
    /// The shape asked for.
    pub shape: Option<PartialShape>,
    /// The dtype asked for.
    pub dtype: DType,
    /// Where the first value comes from; `None` is the default of the dtype.
    pub initializer: Option<Initializer>,
    /// What is added to the losses for a variable that is created.
    pub regularizer: Option<Regularizer>,
    /// What to do about a name that exists; `None`, which only a getter can say, acts as [`Reuse::Auto`].
    pub reuse: Option<Reuse>,
    /// Whether the variable joins the trainable ones.
    pub trainable: bool,
    /// The collections to join instead of the global variables.
    pub collections: Option<Vec<String>>,
    /// The collections to join besides.
    pub also_in: Vec<String>,
    /// Where a copy is kept for reading.
    pub caching_device: Option<String>,
    /// How the variable is cut into slices.
    pub partitioner: Option<Partitioner>,
    /// Whether the shape of the first value is the variable's for good.
    pub validate_shape: bool,
    /// TensorFlow's argument of this name; recorded, and of no consequence.
    pub use_resource: bool,
    /// What an optimizer applies after an update.
    pub constraint: Option<Constraint>,
    /// The size of a durable chunk, in bytes; `None` is the default.
    pub chunk_bytes: Option<u64>,
}

impl VariableRequest {
    /// Asks the partitioner how to cut `shape`: what [`Decision::AskPartitioner`] wants.
    ///
    /// This may run a function of the caller's, so no lock should be held.
    ///
    /// # Errors
    /// Those of the partitioner.
    ///
    /// [`Decision::AskPartitioner`]: crate::scope::Decision::AskPartitioner
    pub fn ask_partitioner(&self, shape: Shape, dtype: DType) -> Result<PartitionAnswer> {
        let counts = match &self.partitioner {
            Some(partitioner) => partitioner.ask(&shape, dtype).map_err(|error| error.of_variable(&self.name))?,
            None => vec![1; shape.rank()],
        };
        Ok(PartitionAnswer { shape, counts })
    }

    /// The value that initializes the variable, moved out; `None` if a function does.
    pub fn into_value(self) -> Option<Tensor> {
        match self.initializer? {
            Initializer::Tensor { value, .. } | Initializer::Array(value) => Some(value),
            Initializer::Literal(literal) => Some(literal.tensor().clone()),
            Initializer::Function(_) | Initializer::Nullary(_) => None,
        }
    }
}

/// The arguments of a get as the call gave them; `None` where it did not.
#[derive(Clone, Debug, Default)]
pub struct CallArguments {
    /// The name inside the scope.
    pub name: String,
    /// Whether this is `get_local_variable`: never trainable, and in the local collection instead of the global one.
    pub local: bool,
    /// The shape: full, partial or scalar.
    pub shape: Option<PartialShape>,
    /// The dtype.
    pub dtype: Option<DType>,
    /// Where the first value comes from.
    pub initializer: Option<Initializer>,
    /// What is added to the losses.
    pub regularizer: Option<Regularizer>,
    /// Whether the variable joins the trainable ones: yes unless said otherwise.
    pub trainable: Option<bool>,
    /// The collections to join instead of the default.
    pub collections: Option<Vec<String>>,
    /// The collections to join besides.
    pub also_in: Vec<String>,
    /// Where a copy is kept for reading.
    pub caching_device: Option<CachingDevice>,
    /// How the variable is cut into slices.
    pub partitioner: Option<Partitioner>,
    /// Whether the shape of the first value is the variable's for good: yes unless said otherwise.
    pub validate_shape: Option<bool>,
    /// TensorFlow's argument of this name.
    pub use_resource: Option<bool>,
    /// What an optimizer applies after an update.
    pub constraint: Option<Constraint>,
    /// The size of a durable chunk, in bytes.
    pub chunk_bytes: Option<u64>,
}

impl CallArguments {
    /// The arguments of `get_variable(name)`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The arguments of `get_local_variable(name)`.
    pub fn local(name: impl Into<String>) -> Self {
        Self { local: true, ..Self::new(name) }
    }

    /// Fills in what the scope supplies.
    ///
    /// # Errors
    /// `initializer_dtype_mismatch`, if the call gave both a dtype and a value of another dtype. A value inherited from
    /// the scope is not compared.
    pub fn resolve<V>(self, scope: &ScopeSettings<V>) -> Result<VariableRequest> {
        let name = name::within(scope.name(), self.name);
        if let (Some(dtype), Some(held)) = (self.dtype, self.initializer.as_ref().and_then(Initializer::dtype))
            && held != dtype
        {
            let what = format!("variable {name:?} is asked for as {dtype}, but its value is {held}");
            return Err(Error::new(ErrorKind::InitializerDtypeMismatch, what)
                .of_variable(name)
                .advise("leave the dtype out, or convert the value"));
        }
        let mut collections = self.collections;
        if self.local {
            let collections = collections.get_or_insert_default();
            if !collections.iter().any(|key| key == super::collection::LOCAL_VARIABLES) {
                collections.push(super::collection::LOCAL_VARIABLES.to_owned());
            }
        }
        let mut request = VariableRequest {
            name,
            scope: scope.shared_name(),
            shape: self.shape,
            dtype: self.dtype.unwrap_or(scope.dtype),
            initializer: self.initializer.or_else(|| scope.initializer.clone()),
            regularizer: self.regularizer.or_else(|| scope.regularizer.clone()),
            reuse: Some(scope.reuse),
            trainable: !self.local && self.trainable.unwrap_or(true),
            collections,
            also_in: self.also_in,
            caching_device: None,
            partitioner: self.partitioner.or_else(|| scope.partitioner.clone()),
            validate_shape: self.validate_shape.unwrap_or(true),
            use_resource: self.use_resource.unwrap_or(scope.use_resource),
            constraint: self.constraint.or_else(|| scope.constraint.clone()),
            chunk_bytes: self.chunk_bytes,
        };
        request.caching_device = match self.caching_device.as_ref().or(scope.caching_device.as_ref()) {
            Some(CachingDevice::Device(device)) => Some(device.clone()),
            Some(CachingDevice::Function(device_of)) => Some(device_of(&request)),
            None => None,
        };
        Ok(request)
    }
}
