//! Scopes: where names are joined and defaults come from.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::Result;
use crate::scope::initializer::Initializer;
use crate::scope::{
    CachingDevice, CollectionFilter, Constraint, Counters, CustomGetter, Entry, GetterChain, Partitioner, Regularizer,
    Reuse, ScopeArguments, ScopeSettings, ScopeTarget,
};
use crate::shape::IntoSizes;
use crate::store::Loss;
use crate::store::request::GetVariable;
use crate::store::state::StoreState;
use crate::sync::{Mutex, MutexGuard, PoisonError};
use crate::variable::Variable;

type Settings = ScopeSettings<Variable>;

/// Settings that setters replace: a get takes them as they are by counting one more reference.
type SharedSettings = Arc<Mutex<Arc<Settings>>>;

/// A scope that is open: gets inside it are named below it and take its defaults.
///
/// Dropping it leaves it. It borrows the scope it was opened in, so leaving in the wrong order does not compile. A
/// scope is one thread's; another thread opens its own from the store, or from a [`ScopeHandle`].
#[derive(Debug)]
pub struct Scope<'s> {
    store: &'s StoreState,
    settings: SharedSettings,
    /// Names in use below the root of this walk, shared by all its scopes.
    counters: Arc<Mutex<Counters>>,
    entry: Option<Entry>,
    /// One thread's: `Send`, but not `Sync`.
    _one_thread: PhantomData<Cell<()>>,
}

/// A captured scope: its settings, to be entered again from anywhere.
///
/// It belongs to no store and no thread. Entering it puts the scope's own name and settings in force, whatever scope it
/// is entered from; setters that are called later on the scope it was captured from show when it is entered again.
#[derive(Clone, Debug)]
pub struct ScopeHandle {
    settings: SharedSettings,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScopeHandle {
    /// The full name; empty for the root.
    pub fn name(&self) -> String {
        lock(&self.settings).name().to_owned()
    }
}

/// What names a scope to be entered: its name inside the current scope, or a handle of one entered before.
#[derive(Clone, Copy, Debug)]
pub enum ScopeName<'a> {
    /// A name, which may have several parts.
    Name(&'a str),
    /// A captured scope.
    Handle(&'a ScopeHandle),
}

impl<'a> From<&'a str> for ScopeName<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for ScopeName<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a ScopeHandle> for ScopeName<'a> {
    fn from(handle: &'a ScopeHandle) -> Self {
        Self::Handle(handle)
    }
}

impl<'s> Scope<'s> {
    pub(crate) fn root(store: &'s StoreState) -> Self {
        Self {
            store,
            settings: Arc::new(Mutex::new(Arc::new(Settings::root()))),
            counters: Arc::default(),
            entry: None,
            _one_thread: PhantomData,
        }
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.settings))
    }

    fn set(&self, set: impl FnOnce(&mut Settings)) {
        set(Arc::make_mut(&mut lock(&self.settings)));
    }

    /// The full name; empty at the root.
    pub fn name(&self) -> String {
        self.settings().name().to_owned()
    }

    /// What a get of a name that exists comes to.
    pub fn reuse(&self) -> Reuse {
        self.settings().reuse
    }

    /// The default dtype.
    pub fn dtype(&self) -> DType {
        self.settings().dtype
    }

    /// Begins to open a scope inside this one: by name, or again by a handle captured before.
    pub fn scope<'n>(&self, name: impl Into<ScopeName<'n>>) -> OpenScope<'_, 'n> {
        OpenScope { parent: self, name: Some(name.into()), default_name: None, arguments: ScopeArguments::default() }
    }

    /// Begins to open a scope whose name is made unique: `name`, or `name_1`, `name_2`, … if it is in use.
    pub fn unique_scope<'n>(&self, name: &'n str) -> OpenScope<'_, 'n> {
        OpenScope { parent: self, name: None, default_name: Some(name), arguments: ScopeArguments::default() }
    }

    /// Begins to open a scope by a name or, where there is none, by a default name, as TensorFlow's `variable_scope`.
    pub fn scope_or<'n>(&self, name: Option<ScopeName<'n>>, default_name: Option<&'n str>) -> OpenScope<'_, 'n> {
        OpenScope { parent: self, name, default_name, arguments: ScopeArguments::default() }
    }

    /// Captures this scope, to be entered again later or elsewhere.
    pub fn handle(&self) -> ScopeHandle {
        ScopeHandle { settings: Arc::clone(&self.settings) }
    }

    /// Begins to get a variable: TensorFlow's `get_variable`.
    #[track_caller]
    pub fn get_variable(&self, name: &str) -> GetVariable<'s> {
        GetVariable::new(self.store, self.settings(), name, Location::caller())
    }

    /// Begins to get a variable of this process alone, which is never saved: TensorFlow's `get_local_variable`.
    #[track_caller]
    pub fn get_local_variable(&self, name: &str) -> GetVariable<'s> {
        GetVariable::local(self.store, self.settings(), name, Location::caller())
    }

    /// Gets a variable of a full shape with the scope's defaults: the short form of the usual case.
    ///
    /// # Errors
    /// As [`GetVariable::get`].
    #[track_caller]
    pub fn variable(&self, name: &str, shape: impl IntoSizes) -> Result<Variable> {
        self.get_variable(name).shape(shape).get()
    }

    /// The members of a collection whose names start with this scope's, in order of creation.
    ///
    /// # Errors
    /// `corrupt` and `io`, if durable members cannot be read.
    pub fn collection(&self, key: &str) -> Result<Vec<Variable>> {
        self.store.collection(key, &CollectionFilter::of_scope(&self.name())?)
    }

    /// The losses that regularizers add for variables of this scope, in order of creation.
    ///
    /// # Errors
    /// `corrupt` and `io`, if durable variables cannot be read.
    pub fn regularization_losses(&self) -> Result<Vec<Loss>> {
        self.store.losses(&CollectionFilter::of_scope(&self.name())?)
    }

    /// From here on gets require that the variable exists; scopes opened later inherit that.
    pub fn reuse_variables(&self) {
        self.set(|settings| settings.reuse = Reuse::Require);
    }

    /// Sets the default initializer for later gets and scopes; `None` unsets it.
    pub fn set_initializer(&self, initializer: Option<Initializer>) {
        self.set(|settings| settings.initializer = initializer);
    }

    /// Sets the default regularizer for later gets and scopes; `None` unsets it.
    pub fn set_regularizer(&self, regularizer: Option<Regularizer>) {
        self.set(|settings| settings.regularizer = regularizer);
    }

    /// Sets the default caching device for later gets and scopes; `None` unsets it.
    pub fn set_caching_device(&self, device: Option<CachingDevice>) {
        self.set(|settings| settings.caching_device = device);
    }

    /// Sets the default partitioner for later gets and scopes; `None` unsets it, which nothing else can do.
    pub fn set_partitioner(&self, partitioner: Option<Partitioner>) {
        self.set(|settings| settings.partitioner = partitioner);
    }

    /// Replaces the whole chain of custom getters for later gets and scopes; `None` unsets it.
    pub fn set_custom_getter(&self, getter: Option<Arc<dyn CustomGetter<Variable>>>) {
        let chain = getter.map_or_else(GetterChain::none, |getter| GetterChain::none().wrapped_by(getter));
        self.set(|settings| settings.getters = chain);
    }

    /// Sets the default dtype for later gets and scopes.
    pub fn set_dtype(&self, dtype: DType) {
        self.set(|settings| settings.dtype = dtype);
    }

    /// Sets the default of TensorFlow's argument `use_resource`.
    pub fn set_use_resource(&self, use_resource: bool) {
        self.set(|settings| settings.use_resource = use_resource);
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            lock(&self.counters).leave(entry);
        }
    }
}

/// A scope about to be entered, with what it is to change of the scope it is entered from.
#[derive(Debug)]
#[must_use = "a scope is entered by `enter` or `within`"]
pub struct OpenScope<'s, 'n> {
    parent: &'s Scope<'s>,
    name: Option<ScopeName<'n>>,
    default_name: Option<&'n str>,
    arguments: ScopeArguments<Variable>,
}

impl<'s> OpenScope<'s, '_> {
    /// A name that exists is found, and one that does not is an error.
    pub fn reuse(self) -> Self {
        self.reuse_mode(Reuse::Require)
    }

    /// A name that exists is found, and one that does not is created: TensorFlow's `AUTO_REUSE`.
    pub fn auto_reuse(self) -> Self {
        self.reuse_mode(Reuse::Auto)
    }

    /// A name that an earlier process made durable is found once, and one that does not exist is created; a name got
    /// twice in this process is an error. So a program written without reuse runs again after a crash.
    pub fn resume(self) -> Self {
        self.reuse_mode(Reuse::Resume)
    }

    /// Any mode, for programs that have it as data. [`Reuse::Refuse`] inherits, as does saying nothing.
    pub fn reuse_mode(mut self, reuse: Reuse) -> Self {
        self.arguments.reuse = Some(reuse);
        self
    }

    /// The default initializer inside.
    pub fn initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.arguments.initializer = Some(initializer.into());
        self
    }

    /// The default regularizer inside.
    pub fn regularizer(mut self, regularizer: Regularizer) -> Self {
        self.arguments.regularizer = Some(regularizer);
        self
    }

    /// The default caching device inside.
    pub fn caching_device(mut self, device: impl Into<CachingDevice>) -> Self {
        self.arguments.caching_device = Some(device.into());
        self
    }

    /// The default partitioner inside.
    pub fn partitioner(mut self, partitioner: Partitioner) -> Self {
        self.arguments.partitioner = Some(partitioner);
        self
    }

    /// A custom getter, which runs before those of the scopes around.
    pub fn custom_getter(mut self, getter: impl CustomGetter<Variable> + 'static) -> Self {
        self.arguments.custom_getter = Some(Arc::new(getter));
        self
    }

    /// The default dtype inside.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.arguments.dtype = Some(dtype);
        self
    }

    /// The default inside of TensorFlow's argument `use_resource`.
    pub fn use_resource(mut self, use_resource: bool) -> Self {
        self.arguments.use_resource = Some(use_resource);
        self
    }

    /// The default constraint inside; scopes further in do not inherit it.
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.arguments.constraint = Some(constraint);
        self
    }

    /// Enters the scope.
    ///
    /// # Errors
    /// `scope_name_required`, `reuse_requires_scope_name`, `invalid_name`; then nothing was entered.
    pub fn enter(self) -> Result<Scope<'s>> {
        let captured = match self.name {
            Some(ScopeName::Handle(handle)) => Some(Arc::clone(&lock(&handle.settings))),
            _ => None,
        };
        let target = match (&captured, self.name) {
            (Some(settings), _) => Some(ScopeTarget::Captured(settings)),
            (None, Some(ScopeName::Name(name))) => Some(ScopeTarget::Name(name)),
            _ => None,
        };
        let mut counters = lock(&self.parent.counters);
        let current = self.parent.settings();
        let (settings, entry) = current.enter(target, self.default_name, self.arguments, &mut counters)?;
        drop(counters);
        Ok(Scope {
            store: self.parent.store,
            settings: Arc::new(Mutex::new(Arc::new(settings))),
            counters: Arc::clone(&self.parent.counters),
            entry: Some(entry),
            _one_thread: PhantomData,
        })
    }

    /// Enters the scope, runs `body` inside it, and leaves it whatever happens.
    ///
    /// # Errors
    /// As [`OpenScope::enter`], and those of `body`.
    pub fn within<R>(self, body: impl FnOnce(&Scope<'_>) -> Result<R>) -> Result<R> {
        body(&self.enter()?)
    }
}
