//! Compares the store with the model.

use std::collections::BTreeSet;

use varkeep::{ErrorKind, Loss, PartialShape, SaveReport, Scope, Store, Variable};

use crate::naive::{GLOBAL, Id, TRAINABLE};
use crate::run::Run;
use crate::value::{self, Cell};

/// How many handles of what is gone are kept.
const GONE_MAX: usize = 16;

impl Run<'_> {
    fn equal<T: PartialEq + std::fmt::Debug>(&self, name: &str, what: &str, real: T, naive: T) {
        if real != naive {
            self.differ(format_args!("{what} of {name:?} is {real:?} in the store, {naive:?} in the model"));
        }
    }

    /// Compares everything there is, and what the counters would answer.
    pub(crate) fn look(&mut self, store: &Store, scope: &Scope<'_>) {
        let names = &self.naive.names;
        let all: BTreeSet<&String> =
            self.asked.iter().chain(names.variables.keys()).chain(names.wholes.keys()).collect();
        let all: Vec<String> = all.into_iter().cloned().collect();
        for name in all {
            self.compare_name(store, &name);
        }
        for key in [GLOBAL, TRAINABLE, "local_variables", "mine", "also"] {
            self.compare_scope_collection(&store.root(), key);
        }
        self.compare_scope_losses(&store.root());
        for gone in &self.gone {
            match gone.tensor() {
                Err(error) if error.kind() == ErrorKind::VariableDetached => {}
                answer => self.differ(format_args!("{gone:?} is gone, but answers {answer:?}")),
            }
        }
        self.compare_scope(scope);
        // Leaving a captured scope puts the counters back, so that these questions leave no trace.
        let handle = scope.handle();
        let Ok(inner) = scope.scope(&handle).enter() else { self.differ("the current scope cannot be entered") };
        for default in ["d", "a", "v"] {
            let unique = self.naive.unique(default);
            match inner.unique_scope(default).enter() {
                Ok(scope) => self.equal(default, "the unique name", scope.name(), unique),
                Err(error) => self.differ(format_args!("{default:?} cannot be entered: {error}")),
            }
        }
    }

    pub(crate) fn compare_scope(&self, scope: &Scope<'_>) {
        let naive = self.naive.current();
        self.equal(&naive.name, "the scope's name", scope.name(), naive.name.clone());
        self.equal(&naive.name, "the reuse mode", scope.reuse(), naive.reuse);
        self.equal(&naive.name, "the scope's dtype", scope.dtype(), naive.kind.dtype());
    }

    /// Compares what a name stands for, and gives it.
    pub(crate) fn compare_name(&mut self, store: &Store, name: &str) -> Option<Variable> {
        let found = match store.find(name) {
            Ok(found) => found,
            Err(error) => self.differ(format_args!("{name:?} cannot be looked for: {error}")),
        };
        let names = &self.naive.names;
        let single = names.variables.get(name).map(|variable| variable.id);
        let id = single.or_else(|| names.wholes.get(name).map(|whole| whole.id));
        match (&found, id) {
            (Some(variable), Some(id)) => self.compare_variable(id, variable),
            (None, None) => {}
            (found, id) => self.differ(format_args!("{name:?} is {found:?} in the store, {id:?} in the model")),
        }
        found
    }

    /// Compares a variable with what the model has under this id.
    pub(crate) fn compare_variable(&mut self, id: Id, real: &Variable) {
        match self.handles.get(&id) {
            Some(known) if known == real => {}
            Some(known) => self.differ(format_args!("{real:?} is another variable than {known:?}")),
            None => {
                if let Some((other, _)) = self.handles.iter().find(|(_, known)| *known == real) {
                    self.differ(format_args!("{real:?} is variable {other} in the store, {id} in the model"));
                }
                if self.gone.contains(real) {
                    self.differ(format_args!("{real:?} is gone"));
                }
                self.handles.insert(id, real.clone());
            }
        }
        let name = real.name();
        if self.naive.names.variables.get(&name).is_some_and(|variable| variable.id == id) {
            self.compare_single(&name, real);
        } else if self.naive.names.wholes.get(&name).is_some_and(|whole| whole.id == id) {
            self.compare_whole(&name, real);
        } else {
            self.differ(format_args!("{real:?} has no such name, or is another variable, in the model"));
        }
    }

    fn compare_single(&mut self, name: &str, real: &Variable) {
        let naive = self.naive.names.variables[name].clone();
        let declared = naive.declared.clone().map_or_else(PartialShape::unknown, PartialShape::with_axes);
        self.equal(name, "the dtype", real.dtype(), naive.kind.dtype());
        self.equal(name, "the shape", real.shape().sizes().to_vec(), naive.held.clone());
        self.equal(name, "the declared shape", real.declared_shape(), declared);
        self.equal(name, "trainable", real.is_trainable(), naive.trainable);
        self.equal(name, "the list of collections", real.collections(), naive.collections.iter().cloned().collect());
        self.equal(name, "the caching device", real.caching_device(), naive.device.clone());
        self.equal(name, "durable", real.is_durable(), naive.is_durable());
        self.equal(name, "the number of slices", real.slices().len(), 0);
        self.equal(name, "the cut", real.partition_counts(), None);
        let cells = match real.tensor() {
            Ok(tensor) => value::of_tensor(naive.kind, &tensor),
            Err(error) => self.differ(format_args!("{name:?} cannot be read: {error}")),
        };
        match naive.cells {
            Some(naive) => self.equal(name, "the value", cells, naive),
            // What was random is fixed from here on.
            None => self.naive.names.variables.get_mut(name).expect("it was found").cells = Some(cells),
        }
    }

    fn compare_whole(&mut self, name: &str, real: &Variable) {
        let naive = self.naive.names.wholes[name].clone();
        let slices = real.slices();
        self.equal(name, "the number of slices", slices.len(), naive.slices.len());
        let tiles = value::tiles(&naive.shape, &naive.counts);
        for ((slice, slice_name), tile) in slices.iter().zip(&naive.slices).zip(tiles) {
            self.equal(slice_name, "the offset", Some(slice.offset.clone()), tile.map(|(offset, _)| offset));
            let id = self.naive.names.variables[slice_name].id;
            self.compare_variable(id, &slice.variable);
        }
        let names = &self.naive.names;
        let first = &names.variables[&naive.slices[0]];
        self.equal(name, "the dtype", real.dtype(), naive.kind.dtype());
        self.equal(name, "the shape", real.shape().sizes().to_vec(), naive.shape.clone());
        self.equal(name, "the cut", real.partition_counts(), Some(naive.counts.clone()));
        self.equal(name, "durable", real.is_durable(), names.is_durable(&naive));
        self.equal(name, "trainable", real.is_trainable(), first.trainable);
        self.equal(name, "the list of collections", real.collections(), first.collections.iter().cloned().collect());
        self.equal(name, "the caching device", real.caching_device(), first.device.clone());
        match real.tensor() {
            Ok(tensor) => {
                let cells = value::of_tensor(naive.kind, &tensor);
                self.equal(name, "the value", Some(cells), names.assembled(&naive));
            }
            Err(error) => self.differ(format_args!("{name:?} cannot be read: {error}")),
        }
    }

    fn compare_names(&self, what: &str, real: varkeep::Result<Vec<String>>, naive: Vec<String>) {
        match real {
            Ok(real) => self.equal(what, "the list of members", real, naive),
            Err(error) => self.differ(format_args!("{what:?} cannot be listed: {error}")),
        }
    }

    pub(crate) fn compare_collection(&self, store: &Store, key: &str, filter: &str) {
        let real = store.collection(key, filter).map(names_of);
        let naive = self
            .naive
            .names
            .ordered(|name, variable| variable.collections.contains(key) && selects(filter, &format!("{name}:0")));
        self.compare_names(key, real, naive);
    }

    pub(crate) fn compare_scope_collection(&self, scope: &Scope<'_>, key: &str) {
        let inside = inside(&scope.name());
        let naive =
            self.naive.names.ordered(|name, variable| variable.collections.contains(key) && name.starts_with(&inside));
        self.compare_names(key, scope.collection(key).map(names_of), naive);
    }

    pub(crate) fn compare_losses(&self, store: &Store, filter: &str) {
        let real = store.regularization_losses(filter);
        let real = real.map(|losses| losses.iter().map(|loss| loss.variable().name()).collect());
        let naive = self.naive.names.ordered(|name, variable| variable.has_loss && selects(filter, &loss_of(name)));
        self.compare_names("losses", real, naive);
    }

    pub(crate) fn compare_scope_losses(&self, scope: &Scope<'_>) {
        let real = scope.regularization_losses();
        for loss in real.iter().flatten() {
            self.compare_loss(loss);
        }
        let real = real.map(|losses| losses.iter().map(|loss| loss.variable().name()).collect());
        let inside = inside(&scope.name());
        let naive = self.naive.names.ordered(|name, variable| variable.has_loss && loss_of(name).starts_with(&inside));
        self.compare_names("losses", real, naive);
    }

    /// A loss follows the current value.
    fn compare_loss(&self, loss: &Loss) {
        let name = loss.variable().name();
        let Some(cells) = self.naive.names.variables.get(&name).and_then(|naive| naive.cells.as_ref()) else { return };
        let squares = cells.iter().map(|cell| match cell {
            Cell::Number(number) => number * number,
            other => self.differ(format_args!("{name:?} has a loss, and holds {other:?}")),
        });
        let naive = 0.5 * squares.sum::<f64>() / 2.0;
        match loss.value() {
            // Rounded to the dtype, the least exact of which has 11 bits.
            Ok(real) if (real - naive).abs() <= naive * 2.0_f64.powi(-10) => {}
            answer => {
                self.differ(format_args!("the loss of {name:?} is {answer:?} in the store, {naive} in the model"))
            }
        }
    }

    pub(crate) fn compare_report(&self, real: &SaveReport, (variables, left_out): &(u64, Vec<String>)) {
        self.equal("the report", "the count", real.variables, *variables);
        self.equal("the report", "what is left out", &real.left_out, left_out);
    }

    /// Puts away the handles of what the model has no longer.
    pub(crate) fn bury(&mut self) {
        let names = &self.naive.names;
        let singles = names.variables.values().map(|variable| variable.id);
        let alive: BTreeSet<Id> = singles.chain(names.wholes.values().map(|whole| whole.id)).collect();
        self.gone.extend(self.handles.extract_if(|id, _| !alive.contains(id)).map(|(_, handle)| handle));
        self.gone.truncate(GONE_MAX);
    }
}

fn names_of(variables: Vec<Variable>) -> Vec<String> {
    variables.iter().map(Variable::name).collect()
}

/// What a loss is called where losses are filtered.
fn loss_of(name: &str) -> String {
    format!("{name}/Regularizer/l2_regularizer:0")
}

/// The filters of programs are plain beginnings of names, but for the one that says where a name ends.
fn selects(filter: &str, name: &str) -> bool {
    match filter.strip_suffix('$') {
        Some(whole) => name == whole,
        None => name.starts_with(filter),
    }
}

fn inside(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!("{scope}/") }
}
