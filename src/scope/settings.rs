//! The settings of a scope, and how one is entered from another.

use std::fmt;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::scope::counters::{Counters, Entry};
use crate::scope::getter::{CustomGetter, GetterChain};
use crate::scope::initializer::Initializer;
use crate::scope::partitioner::Partitioner;
use crate::scope::regularizer::Regularizer;
use crate::scope::request::{CachingDevice, Constraint, Reuse};

/// What a scope supplies to the gets inside it. `V` is what a get returns.
///
/// The fields are TensorFlow's setters: what is written takes effect for later gets and later children. Only a setter
/// can unset what was inherited.
pub struct ScopeSettings<V> {
    name: Arc<str>,
    /// The reuse mode.
    pub reuse: Reuse,
    /// The default initializer.
    pub initializer: Option<Initializer>,
    /// The default regularizer.
    pub regularizer: Option<Regularizer>,
    /// The default caching device.
    pub caching_device: Option<CachingDevice>,
    /// The default partitioner.
    pub partitioner: Option<Partitioner>,
    /// The custom getters; setting one replaces the whole chain.
    pub getters: GetterChain<V>,
    /// The default dtype.
    pub dtype: DType,
    /// The default of TensorFlow's argument of this name.
    pub use_resource: bool,
    /// The default constraint: the only setting that scopes inside do not inherit.
    pub constraint: Option<Constraint>,
}

/// What entering a scope was told; `None` inherits.
pub struct ScopeArguments<V> {
    /// The reuse mode. [`Reuse::Refuse`] inherits too: there is no way to switch reuse off.
    pub reuse: Option<Reuse>,
    /// The default initializer.
    pub initializer: Option<Initializer>,
    /// The default regularizer.
    pub regularizer: Option<Regularizer>,
    /// The default caching device.
    pub caching_device: Option<CachingDevice>,
    /// The default partitioner.
    pub partitioner: Option<Partitioner>,
    /// A custom getter, to go before the inherited ones.
    pub custom_getter: Option<Arc<dyn CustomGetter<V>>>,
    /// The default dtype.
    pub dtype: Option<DType>,
    /// The default of TensorFlow's argument of this name.
    pub use_resource: Option<bool>,
    /// The default constraint; `None` is none.
    pub constraint: Option<Constraint>,
}

/// Which scope to enter.
#[derive(Debug)]
pub enum ScopeTarget<'a, V> {
    /// The one of this name inside the current one.
    Name(&'a str),
    /// The one captured, wherever the current one is.
    Captured(&'a ScopeSettings<V>),
}

impl<V> ScopeSettings<V> {
    /// The root scope.
    pub fn root() -> Self {
        Self {
            // Not the default: all of those are one, whose count every get in the process would change.
            name: Arc::from(""),
            reuse: Reuse::Refuse,
            initializer: None,
            regularizer: None,
            caching_device: None,
            partitioner: None,
            getters: GetterChain::none(),
            dtype: DType::F32,
            use_resource: false,
            constraint: None,
        }
    }

    /// The full name; empty for the root.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Enters a scope from this one, the current one. The entry is to be given back to `counters` on leaving.
    ///
    /// A `default_name` is made unique, and is used only if there is no target.
    ///
    /// # Errors
    /// `scope_name_required`, `reuse_requires_scope_name`, `invalid_name`; then nothing has changed.
    pub fn enter(
        &self,
        target: Option<ScopeTarget<'_, V>>,
        default_name: Option<&str>,
        arguments: ScopeArguments<V>,
        counters: &mut Counters,
    ) -> Result<(Self, Entry)> {
        match (target, default_name) {
            (Some(ScopeTarget::Captured(captured)), _) => {
                let entry = counters.enter_captured(&captured.name);
                Ok((captured.derived(captured.shared_name(), arguments), entry))
            }
            (Some(ScopeTarget::Name(name)), _) => {
                name::check_scope(&self.name, name).map_err(|error| self.entered_from(error))?;
                let full_name = name::join(&self.name, name);
                let entry = counters.enter_named(&full_name);
                Ok((self.derived(full_name.into(), arguments), entry))
            }
            (None, Some(default_name)) => {
                // Resuming is allowed: default names are the same on every run, so there is something to resume.
                if let Some(reuse @ (Reuse::Require | Reuse::Auto)) = arguments.reuse {
                    let what = format!("reuse ({reuse}) was asked of a scope that has only a default name");
                    return Err(self.entered_from(
                        Error::new(ErrorKind::ReuseRequiresScopeName, what)
                            .advise(format!("enter it by an explicit name, such as {default_name:?}")),
                    ));
                }
                name::check_scope(&self.name, default_name).map_err(|error| self.entered_from(error))?;
                let full_name = counters.unique(&name::join(&self.name, default_name));
                name::check_stored(&full_name)?;
                let entry = counters.enter_named(&full_name);
                Ok((self.derived(full_name.into(), arguments), entry))
            }
            (None, None) => Err(self.entered_from(
                Error::new(ErrorKind::ScopeNameRequired, "a scope has neither a name nor a default name")
                    .advise("give one of the two"),
            )),
        }
    }

    /// A copy of these settings under another name, with the arguments applied.
    fn derived(&self, name: Arc<str>, arguments: ScopeArguments<V>) -> Self {
        Self {
            name,
            reuse: match arguments.reuse {
                None | Some(Reuse::Refuse) => self.reuse,
                Some(reuse) => reuse,
            },
            initializer: arguments.initializer.or_else(|| self.initializer.clone()),
            regularizer: arguments.regularizer.or_else(|| self.regularizer.clone()),
            caching_device: arguments.caching_device.or_else(|| self.caching_device.clone()),
            partitioner: arguments.partitioner.or_else(|| self.partitioner.clone()),
            getters: match arguments.custom_getter {
                Some(getter) => self.getters.wrapped_by(getter),
                None => self.getters.clone(),
            },
            dtype: arguments.dtype.unwrap_or(self.dtype),
            use_resource: arguments.use_resource.unwrap_or(self.use_resource),
            constraint: arguments.constraint,
        }
    }

    fn entered_from(&self, error: Error) -> Error {
        if self.name.is_empty() {
            return error;
        }
        let inside = format!("{}, inside scope {:?}", error.what(), self.name);
        let located = Error::new(error.kind(), inside);
        match error.advice() {
            Some(advice) => located.advise(advice),
            None => located,
        }
    }
}

impl<V> Clone for ScopeSettings<V> {
    fn clone(&self) -> Self {
        Self {
            name: self.shared_name(),
            reuse: self.reuse,
            initializer: self.initializer.clone(),
            regularizer: self.regularizer.clone(),
            caching_device: self.caching_device.clone(),
            partitioner: self.partitioner.clone(),
            getters: self.getters.clone(),
            dtype: self.dtype,
            use_resource: self.use_resource,
            constraint: self.constraint.clone(),
        }
    }
}

impl<V> fmt::Debug for ScopeSettings<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeSettings")
            .field("name", &self.name)
            .field("reuse", &self.reuse)
            .field("initializer", &self.initializer)
            .field("regularizer", &self.regularizer)
            .field("caching_device", &self.caching_device)
            .field("partitioner", &self.partitioner)
            .field("getters", &self.getters)
            .field("dtype", &self.dtype)
            .field("use_resource", &self.use_resource)
            .field("constraint", &self.constraint)
            .finish()
    }
}

impl<V> Default for ScopeArguments<V> {
    fn default() -> Self {
        Self {
            reuse: None,
            initializer: None,
            regularizer: None,
            caching_device: None,
            partitioner: None,
            custom_getter: None,
            dtype: None,
            use_resource: None,
            constraint: None,
        }
    }
}

impl<V> fmt::Debug for ScopeArguments<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeArguments")
            .field("reuse", &self.reuse)
            .field("initializer", &self.initializer)
            .field("regularizer", &self.regularizer)
            .field("caching_device", &self.caching_device)
            .field("partitioner", &self.partitioner)
            .field("custom_getter", &self.custom_getter.is_some())
            .field("dtype", &self.dtype)
            .field("use_resource", &self.use_resource)
            .field("constraint", &self.constraint)
            .finish()
    }
}

#[cfg(test)]
mod tests;
