//! The builder of a get: every argument of `get_variable` is a method.

use std::panic::Location;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::Result;
use crate::scope::initializer::Initializer;
use crate::scope::{
    CachingDevice, CallArguments, Constraint, CustomGetter, GetterChain, Partitioner, Regularizer, ScopeSettings,
};
use crate::shape::{IntoSizes, PartialShape};
use crate::store::state::StoreState;
use crate::variable::Variable;

/// A get about to be made. What is not said comes from the scope, or is absent where absence means something.
#[derive(Debug)]
#[must_use = "a variable is got by `get`"]
pub struct GetVariable<'s> {
    store: &'s StoreState,
    settings: Arc<ScopeSettings<Variable>>,
    arguments: CallArguments,
    getter: Option<GetterChain<Variable>>,
    caller: &'static Location<'static>,
}

/// What a get came to, with what was made.
#[derive(Clone, Debug)]
pub struct Gotten {
    /// The variable.
    pub variable: Variable,
    /// Whether the get made any storage: not if it found the variable, or put one together out of slices that existed.
    pub is_new: bool,
}

impl<'s> GetVariable<'s> {
    pub(crate) fn new(
        store: &'s StoreState,
        settings: Arc<ScopeSettings<Variable>>,
        name: &str,
        caller: &'static Location<'static>,
    ) -> Self {
        // Room for the scope's name, which will be put before it.
        let mut own = String::with_capacity(settings.name().len() + 1 + name.len());
        own.push_str(name);
        Self { store, settings, arguments: CallArguments::new(own), getter: None, caller }
    }

    pub(crate) fn local(
        store: &'s StoreState,
        settings: Arc<ScopeSettings<Variable>>,
        name: &str,
        caller: &'static Location<'static>,
    ) -> Self {
        let mut get = Self::new(store, settings, name, caller);
        get.arguments.local = true;
        get
    }

    /// The full shape.
    pub fn shape(mut self, shape: impl IntoSizes) -> Self {
        self.arguments.shape = Some(shape.into_sizes().map(Some).collect());
        self
    }

    /// What is known of the shape.
    pub fn partial_shape(mut self, shape: PartialShape) -> Self {
        self.arguments.shape = Some(shape);
        self
    }

    /// The shape without axes, which differs from saying nothing about the shape.
    pub fn scalar(self) -> Self {
        self.shape(())
    }

    /// The dtype; the scope's if absent.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.arguments.dtype = Some(dtype);
        self
    }

    /// Where the first value comes from: one of [`init`](crate::init)'s functions, or an array, which makes a tensor.
    pub fn initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.arguments.initializer = Some(initializer.into());
        self
    }

    /// What the variable adds to the losses if it is created.
    pub fn regularizer(mut self, regularizer: Regularizer) -> Self {
        self.arguments.regularizer = Some(regularizer);
        self
    }

    /// Whether the variable joins the trainable ones; yes if absent. A local variable never does.
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.arguments.trainable = Some(trainable);
        self
    }

    /// The collections it joins instead of the default: without `GLOBAL_VARIABLES` among them it is not saved.
    pub fn collections<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.arguments.collections = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// A collection it joins besides.
    pub fn also_in(mut self, key: impl Into<String>) -> Self {
        self.arguments.also_in.push(key.into());
        self
    }

    /// Where a copy is kept for reading: recorded as it is resolved.
    pub fn caching_device(mut self, device: impl Into<CachingDevice>) -> Self {
        self.arguments.caching_device = Some(device.into());
        self
    }

    /// How the variable is cut into slices.
    pub fn partitioner(mut self, partitioner: Partitioner) -> Self {
        self.arguments.partitioner = Some(partitioner);
        self
    }

    /// Whether the first value's shape is the variable's for good; yes if absent.
    pub fn validate_shape(mut self, validate_shape: bool) -> Self {
        self.arguments.validate_shape = Some(validate_shape);
        self
    }

    /// TensorFlow's argument of this name: recorded, and of no consequence here.
    pub fn use_resource(mut self, use_resource: bool) -> Self {
        self.arguments.use_resource = Some(use_resource);
        self
    }

    /// A custom getter, which replaces the scope's whole chain.
    pub fn custom_getter(mut self, getter: impl CustomGetter<Variable> + 'static) -> Self {
        self.getter = Some(GetterChain::none().wrapped_by(Arc::new(getter)));
        self
    }

    /// What the optimizer is to apply after an update.
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.arguments.constraint = Some(constraint);
        self
    }

    /// The size of a durable chunk: a power of two from 4 KiB to 4 MiB, 256 KiB if absent. What is updated row by row
    /// saves fewer bytes with small chunks.
    pub fn chunk_bytes(mut self, bytes: u64) -> Self {
        self.arguments.chunk_bytes = Some(bytes);
        self
    }

    /// Finds or creates the variable, by the scope's reuse mode, in one step: of several that ask for one name at once,
    /// exactly one creates it, and the others get that same variable, initialised.
    ///
    /// # Errors
    /// The kinds of TensorFlow's rules (`variable_exists`, `variable_not_found`, `shape_mismatch`, …); `creation_cycle`;
    /// what a function given by the caller fails with. A failed get leaves nothing behind.
    pub fn get(self) -> Result<Variable> {
        self.get_reported().map(|gotten| gotten.variable)
    }

    /// As [`GetVariable::get`], and says whether anything was made.
    ///
    /// # Errors
    /// As [`GetVariable::get`].
    pub fn get_reported(self) -> Result<Gotten> {
        self.store
            .get(&self.settings, self.arguments, self.getter.as_ref(), self.caller)
            .map(|got| Gotten { variable: got.variable, is_new: got.is_new })
    }
}
