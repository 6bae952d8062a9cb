//! Replacing the durable state by that of another commit. Nothing of any payload is read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::checkpoint::View;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{AliasRecord, Body, WholeRecord};
use crate::name;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table, state_of, whole_state};
use crate::store::transaction::detach;
use crate::variable::{Object, Single, State, Whole, WholeState};

impl StoreState {
    /// Makes the durable state exactly that of `view`. Handles keep their identity; what is not durable stays.
    ///
    /// Gives what was replaced: letting go of large values takes its time.
    ///
    /// # Errors
    /// `restore_name_conflict`, if the commit holds a name of something that is not durable; `corrupt`, `io`. Then
    /// nothing has changed.
    pub(crate) fn reset_to(&self, view: &Arc<View>) -> Result<Replaced> {
        let mut table = self.table();
        table.check_conflicts(view)?;
        let reset = Reset::plan(&table, view)?;
        let rebuild = view.names() != table.base.names();
        let replaced = reset.carry_out(&mut table, view);
        drop(table);
        if rebuild {
            self.catalog_rebuild(view);
        }
        Ok(replaced)
    }
}

/// A state that another one took the place of.
pub(crate) struct Replaced {
    _base: Arc<View>,
    _singles: Vec<State>,
}

/// What becomes of each durable name that is live: found out before anything is changed, so that nothing fails then.
#[derive(Default)]
struct Reset {
    singles: HashMap<String, (Arc<Single>, State)>,
    wholes: Vec<(Arc<Whole>, WholeState)>,
    /// Slices that are not live and have to be, since the wholes they belong to are; and aliases.
    slots: Vec<(String, Named)>,
    /// Names that the view does not hold as what they are now.
    gone: Vec<(String, Named)>,
}

impl Reset {
    fn plan(table: &Table, view: &View) -> Result<Self> {
        let mut reset = Self::default();
        let mut wholes = Vec::new();
        for name in table.durable_names() {
            let Some(Slot::Live(named)) = table.slots.get(&name) else { continue };
            match (named, view.lookup(&name)?.map(|entry| entry.body)) {
                (Named::Object(Object::Single(single)), Some(Body::Variable(record))) => {
                    let state = state_of(view, &name, record).map_err(|error| error.of_variable(&name))?;
                    reset.singles.insert(name, (Arc::clone(single), state));
                }
                (Named::Object(Object::Whole(whole)), Some(Body::Whole(record))) => {
                    wholes.push((name, Arc::clone(whole), record));
                }
                (Named::Alias { .. }, Some(Body::Alias(AliasRecord { target, ordinal }))) => {
                    reset.slots.push((name, Named::Alias { target, ordinal }));
                }
                (named, _) => reset.gone.push((name, named.clone())),
            }
        }
        for (name, whole, record) in wholes {
            let state = reset.whole(table, view, &name, &record).map_err(|error| error.of_variable(&name))?;
            reset.wholes.push((whole, state));
        }
        Ok(reset)
    }

    /// The state of a partitioned variable, its slices being those that are live, and new ones where they are not.
    fn whole(&mut self, table: &Table, view: &View, name: &str, record: &WholeRecord) -> Result<WholeState> {
        whole_state(name, record, |slice| {
            if !self.singles.contains_key(slice) {
                let Some(Body::Variable(record)) = view.lookup(slice)?.map(|entry| entry.body) else { return Ok(None) };
                let single = table.single_of(view, slice, record)?;
                self.slots.push((slice.to_owned(), Named::Object(Object::Single(Arc::clone(&single)))));
                let state = single.state().clone();
                self.singles.insert(slice.to_owned(), (single, state));
            }
            let (single, state) = &self.singles[slice];
            Ok(Some((Arc::clone(single), state.shape.clone(), state.dtype())))
        })
    }

    fn carry_out(self, table: &mut Table, view: &Arc<View>) -> Replaced {
        table.removed.clear();
        table.changed_names.clear();
        for single in table.shared.take_changed() {
            single.clear_noted();
        }
        let base = table.replace_base(view);
        for (name, named) in self.gone {
            detach(&named);
            table.slots.remove(&name);
        }
        let singles = self.singles.into_values();
        let singles = singles.map(|(single, state)| reset_single(&single, state)).collect();
        for (whole, state) in self.wholes {
            let claim = whole.state().claim;
            *whole.state_mut() = WholeState { claim, ..state };
        }
        for (name, named) in self.slots {
            table.slots.insert(name, Slot::Live(named));
        }
        // Partitioned variables that came, and those that are not durable and stayed, hold their slices.
        for slot in table.slots.values() {
            if let Slot::Live(Named::Object(Object::Whole(whole)))
            | Slot::Reserved { named: Some(Named::Object(Object::Whole(whole))), .. } = slot
            {
                whole.set_owning(true);
            }
        }
        Replaced { _base: base, _singles: singles }
    }
}

/// Puts a variable into another state. A value that is the same stays where it is, and what this process gave the
/// variable stays too. Gives the state it was in.
fn reset_single(single: &Single, state: State) -> State {
    let mut held = single.state_mut();
    let is_same = match (held.payload.durable(), &state.base) {
        (Some(held), Some(stored)) => held.content() == stored.content(),
        _ => false,
    };
    let payload = if is_same { Arc::clone(&held.payload) } else { state.payload };
    let base = if is_same { payload.durable().cloned() } else { state.base };
    let regularizer = match (&held.regularizer, state.regularizer) {
        (Some(bound), Some(recorded)) if bound.binds(&recorded) => Some(bound.clone()),
        (_, recorded) => recorded,
    };
    let (constraint, claim) = (held.constraint.take(), held.claim);
    std::mem::replace(&mut *held, State { payload, base, regularizer, constraint, claim, ..state })
}

impl Table {
    fn durable_names(&self) -> Vec<String> {
        let durable = self.slots.iter().filter(|(_, slot)| match slot {
            Slot::Live(Named::Object(object)) => object.is_durable(),
            Slot::Live(Named::Alias { target, .. }) => match self.slots.get(target) {
                Some(Slot::Live(Named::Object(object))) => object.is_durable(),
                Some(_) => false,
                None => true,
            },
            Slot::Reserved { .. } | Slot::Leaving { .. } => false,
        });
        durable.map(|(name, _)| name.to_owned()).collect()
    }

    /// Checks that no name of what stays is, contains or is part of a name that comes, unless the two stand beside each
    /// other already, and that partitioned variables that stay keep their slices.
    fn check_conflicts(&self, view: &View) -> Result<()> {
        let durable: HashSet<String> = self.durable_names().into_iter().collect();
        for (full_name, slot) in self.slots.iter().filter(|(name, _)| !durable.contains(*name)) {
            if let Slot::Live(Named::Object(Object::Whole(whole))) = slot {
                check_slices(&whole.state(), view)?;
            }
            let around = full_name
                .rsplit_once(name::SEPARATOR)
                .filter(|(_, last)| last.strip_prefix("part_").is_some_and(|k| k.parse::<u64>().is_ok()));
            let mut others = vec![full_name.to_owned(), name::slice_of(full_name, 0)];
            others.extend(around.map(|(whole, _)| whole.to_owned()));
            for other in others {
                if !durable.contains(&other) && !self.base_holds(&other)? && view.lookup(&other)?.is_some() {
                    let what =
                        format!("the checkpoint holds {other:?}, which meets {full_name:?}, which is not durable");
                    return Err(Error::new(ErrorKind::RestoreNameConflict, what)
                        .of_variable(full_name)
                        .advise("remove or rename that variable first"));
                }
            }
        }
        Ok(())
    }

    /// Whether a name is durable though it is not live, since nobody has looked at it yet.
    fn base_holds(&self, full_name: &str) -> Result<bool> {
        Ok(self.is_base_only(full_name) && self.base.lookup(full_name)?.is_some())
    }
}

/// Checks that the durable slices of a partitioned variable that is not durable itself, and so stays, stay slices of it.
fn check_slices(whole: &WholeState, view: &View) -> Result<()> {
    for (_, slice) in &whole.slices {
        let slice = slice.state();
        if !slice.is_durable() {
            continue;
        }
        let entry = view.lookup(&slice.name)?.map(|entry| entry.body);
        if !matches!(entry, Some(Body::Variable(record)) if record.shape == slice.shape && record.statics.dtype == slice.dtype())
        {
            let what = format!(
                "the checkpoint does not hold {:?}, a slice of {:?}, which as a whole is not durable and stays",
                slice.name, whole.name
            );
            return Err(Error::new(ErrorKind::RestoreNameConflict, what)
                .of_variable(&*whole.name)
                .advise("remove that variable first"));
        }
    }
    Ok(())
}
