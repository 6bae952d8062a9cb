//! Collections: who is in them, over the live table and what the base commit holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{ArrayViewMut, IxDyn};

use crate::checkpoint::View;
use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Body, VariableRecord};
use crate::scope::{CollectionFilter, Regularizer};
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::store::transaction::{self, TransactionId};
use crate::variable::{Object, State, Variable};

/// The loss that a regularizer adds for one variable: a function of its current value.
#[derive(Clone, Debug)]
pub struct Loss {
    variable: Variable,
    regularizer: Regularizer,
}

impl Loss {
    /// The variable or slice.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }

    /// The regularizer.
    pub fn regularizer(&self) -> &Regularizer {
        &self.regularizer
    }

    fn check_bound(&self) -> Result<()> {
        if self.regularizer.is_bound() {
            return Ok(());
        }
        let name = self.variable.name();
        let what = format!("the regularizer of {name:?} is a function that this process has not been given");
        Err(Error::new(ErrorKind::RegularizerUnbound, what)
            .of_variable(name)
            .advise("get the variable again with its regularizer"))
    }

    /// The loss for the variable's value now, computed in its dtype.
    ///
    /// # Errors
    /// `regularizer_unbound`, if it is a function that was recorded by an earlier process and not supplied again; those
    /// of reading the value, and of the function.
    pub fn value(&self) -> Result<f64> {
        self.check_bound()?;
        let loss = self.regularizer.loss(&self.variable.tensor()?);
        Ok(loss.map_err(|error| error.of_variable(self.variable.name()))?.unwrap_or(0.0))
    }

    /// Adds the gradient of the loss, at the variable's value now, to `gradient`.
    ///
    /// # Errors
    /// `regularizer_unbound`; `invalid_argument`, if the regularizer is a function, whose gradient is not known;
    /// `assign_shape_mismatch`, if the shape is not the variable's; those of reading the value.
    pub fn add_gradient<T: Element>(&self, gradient: ArrayViewMut<'_, T, IxDyn>) -> Result<()> {
        self.check_bound()?;
        let value = self.variable.read::<T>()?;
        self.regularizer.add_gradient(value.view(), gradient).map_err(|error| error.of_variable(self.variable.name()))
    }
}

impl Table {
    /// Whether a name of the base commit stands for what the base commit says: neither removed nor live.
    pub(super) fn is_base_only(&self, name: &str) -> bool {
        !self.slots.contains_key(name) && !self.removed.contains_key(name)
    }

    /// Live variables and slices by order of creation, of those whose names start with `prefix` the ones that are
    /// wanted; a transaction sees its own too.
    fn live(
        &self,
        current: Option<TransactionId>,
        prefix: &str,
        wanted: impl Fn(&State) -> bool,
    ) -> BTreeMap<u64, Variable> {
        let singles =
            self.slots.iter().filter(|(name, _)| name.starts_with(prefix)).filter_map(|(_, slot)| match slot {
                Slot::Live(Named::Object(Object::Single(single))) => Some(single),
                Slot::Reserved { owner, named: Some(Named::Object(Object::Single(single))) }
                    if Some(*owner) == current =>
                {
                    Some(single)
                }
                _ => None,
            });
        singles
            .filter_map(|single| {
                let state = single.state();
                wanted(&state).then(|| (state.statics.ordinal, Object::Single(Arc::clone(single)).into()))
            })
            .collect()
    }

    fn enliven_all(&mut self, names: Vec<String>, members: &mut BTreeMap<u64, Variable>) -> Result<()> {
        for name in names {
            // What is live was looked at as it is now, and so was what has become so through one of these.
            if self.is_base_only(&name)
                && let Some(Named::Object(object @ Object::Single(_))) = self.find_live(&name)?
            {
                let ordinal = object.first().state().statics.ordinal;
                members.insert(ordinal, object.into());
            }
        }
        Ok(())
    }
}

impl View {
    /// The names below a prefix whose variables or slices are wanted.
    fn names_of(&self, prefix: &str, wanted: impl Fn(&str, &VariableRecord) -> Result<bool>) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.stack().entries(prefix) {
            let entry = entry?;
            if let Body::Variable(record) = &entry.body
                && wanted(&entry.name, record)?
            {
                names.push(entry.name);
            }
        }
        Ok(names)
    }
}

impl StoreState {
    /// The variables in a collection in order of creation; of a partitioned one, the slices.
    ///
    /// Of the base commit it looks at the names that start as all selected ones do; where that is any name, at those
    /// that the catalog lists as members.
    pub(crate) fn collection(&self, key: &str, filter: &CollectionFilter) -> Result<Vec<Variable>> {
        let base = self.base();
        let prefix = filter.prefix_of_variables();
        let is_in = |collections: &[String]| collections.iter().any(|other| other == key);
        let selects = |name: &str| filter.selects_variable(name);
        let listed = prefix.is_empty().then(|| self.catalog_members(key, base.names(), &selects)).flatten();
        let durable = match listed {
            Some(names) => names,
            None => base.names_of(prefix, |name, record| Ok(is_in(&record.statics.collections) && selects(name)))?,
        };
        let mut table = self.table();
        let mut members = table.live(transaction::current(self), prefix, |state| {
            is_in(&state.statics.collections) && selects(&state.name)
        });
        table.enliven_all(durable, &mut members)?;
        Ok(members.into_values().collect())
    }

    /// The losses that regularizers add, in order of creation of their variables.
    pub(crate) fn losses(&self, filter: &CollectionFilter) -> Result<Vec<Loss>> {
        let base = self.base();
        let prefix = filter.prefix_of_losses();
        let selects = |name: &str, regularizer: &Regularizer| filter.selects_loss(name, regularizer.operation());
        let durable = base.names_of(prefix, |name, record| match &record.statics.regularizer {
            Some(recorded) => Ok(selects(name, &Regularizer::from_record(recorded)?)),
            None => Ok(false),
        })?;
        let mut table = self.table();
        let mut members = table.live(transaction::current(self), prefix, |state| {
            state.regularizer.as_ref().is_some_and(|regularizer| selects(&state.name, regularizer))
        });
        table.enliven_all(durable, &mut members)?;
        drop(table);
        let losses = members.into_values().filter_map(|variable| {
            let regularizer = variable.object().first().state().regularizer.clone()?;
            Some(Loss { variable, regularizer })
        });
        Ok(losses.collect())
    }

    /// Whether there is anything to save.
    pub(crate) fn has_durable(&self) -> Result<bool> {
        let table = self.table();
        let is_live = table.slots.values().any(|slot| match slot {
            Slot::Live(Named::Object(object)) => object.is_durable(),
            _ => false,
        });
        if is_live || table.leaving().any(|(_, object)| object.is_durable()) {
            return Ok(true);
        }
        for entry in table.base.stack().entries("") {
            if table.is_base_only(&entry?.name) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
