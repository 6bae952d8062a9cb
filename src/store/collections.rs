//! Collections: who is in them, over the live table and what the base commit holds.

use std::collections::BTreeMap;

use ndarray::{ArrayViewMut, IxDyn};

use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Body;
use crate::scope::{CollectionFilter, Regularizer};
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::store::transaction::{self, TransactionId};
use crate::variable::{Object, Variable};

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

    /// Live variables and slices by order of creation, as far as they are wanted; a transaction sees its own too.
    fn live(
        &self,
        current: Option<TransactionId>,
        wanted: impl Fn(&crate::variable::State) -> bool,
    ) -> BTreeMap<u64, Variable> {
        let singles = self.slots.values().filter_map(|slot| match slot {
            Slot::Live(Named::Object(Object::Single(single))) => Some(single),
            Slot::Reserved { owner, named: Some(Named::Object(Object::Single(single))) } if Some(*owner) == current => {
                Some(single)
            }
            _ => None,
        });
        singles
            .filter_map(|single| {
                let state = single.state();
                wanted(&state).then(|| (state.statics.ordinal, Object::Single(std::sync::Arc::clone(single)).into()))
            })
            .collect()
    }

    fn enliven_all(&mut self, names: Vec<String>, members: &mut BTreeMap<u64, Variable>) -> Result<()> {
        for name in names {
            if let Some(Named::Object(object @ Object::Single(_))) = self.find_live(&name)? {
                let ordinal = object.first().state().statics.ordinal;
                members.insert(ordinal, object.into());
            }
        }
        Ok(())
    }
}

impl StoreState {
    /// The variables in a collection in order of creation; of a partitioned one, the slices.
    pub(crate) fn collection(&self, key: &str, filter: &CollectionFilter) -> Result<Vec<Variable>> {
        let base = self.base();
        let durable = match self.catalog_members(key, base.names()) {
            Some(names) => names,
            None => base
                .stack()
                .entries("")
                .filter_map(|entry| match entry {
                    Ok(entry) => match entry.body {
                        Body::Variable(record) if record.statics.collections.iter().any(|other| other == key) => {
                            Some(Ok(entry.name))
                        }
                        _ => None,
                    },
                    Err(error) => Some(Err(error)),
                })
                .collect::<Result<Vec<_>>>()?,
        };
        let mut table = self.table();
        let mut members = table.live(transaction::current(self), |state| {
            state.statics.collections.iter().any(|other| other == key) && filter.selects_variable(&state.name)
        });
        let names = durable.into_iter().filter(|name| table.is_base_only(name) && filter.selects_variable(name));
        let names = names.collect();
        table.enliven_all(names, &mut members)?;
        Ok(members.into_values().collect())
    }

    /// The losses that regularizers add, in order of creation of their variables.
    pub(crate) fn losses(&self, filter: &CollectionFilter) -> Result<Vec<Loss>> {
        let base = self.base();
        let selects = |name: &str, regularizer: &Regularizer| filter.selects_loss(name, regularizer.operation());
        let mut names = Vec::new();
        for entry in base.stack().entries("") {
            let entry = entry?;
            if let Body::Variable(record) = &entry.body
                && let Some(recorded) = &record.statics.regularizer
                && selects(&entry.name, &Regularizer::from_record(recorded)?)
            {
                names.push(entry.name);
            }
        }
        let mut table = self.table();
        let mut members = table.live(transaction::current(self), |state| {
            state.regularizer.as_ref().is_some_and(|regularizer| selects(&state.name, regularizer))
        });
        names.retain(|name| table.is_base_only(name));
        table.enliven_all(names, &mut members)?;
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
