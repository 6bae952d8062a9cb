//! Replacing the durable state by that of another commit. Nothing of any payload is read.

use std::sync::Arc;

use crate::checkpoint::View;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Body;
use crate::name;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot, Table};
use crate::store::transaction::detach;
use crate::variable::{Object, Single};

impl StoreState {
    /// Makes the durable state exactly that of `view`. Handles keep their identity; what is not durable stays.
    ///
    /// # Errors
    /// `restore_name_conflict`, if the commit holds a name of something that is not durable; `corrupt`, `io`. Then
    /// nothing has changed.
    pub(crate) fn reset_to(&self, view: View) -> Result<()> {
        let view = Arc::new(view);
        let mut table = self.table();
        table.check_conflicts(&view)?;
        let durable: Vec<String> = table.durable_names();
        // Everything that can fail is read before anything is changed.
        let mut entries = Vec::with_capacity(durable.len());
        for name in &durable {
            entries.push(view.lookup(name)?);
        }
        let rebuild = view.names() != table.base.names();
        table.removed.clear();
        table.changed_names.clear();
        table.statics_changed = false;
        for single in table.shared.take_changed() {
            single.clear_noted();
        }
        table.next_ordinal = table.next_ordinal.max(view.commit().map_or(0, |commit| commit.next_ordinal));
        table.base = Arc::clone(&view);
        let mut wholes = Vec::new();
        for (name, entry) in durable.into_iter().zip(entries) {
            let Some(Slot::Live(named)) = table.slots.get(&name) else { continue };
            let named = named.clone();
            match (&named, entry.map(|entry| entry.body)) {
                (Named::Object(Object::Single(single)), Some(Body::Variable(record))) => {
                    table.reset_single(single, &name, record)?;
                }
                (Named::Object(Object::Whole(whole)), Some(Body::Whole(record))) => {
                    wholes.push((name, Arc::clone(whole), record));
                }
                (Named::Alias { .. }, Some(Body::Alias(record))) => {
                    let alias = Named::Alias { target: record.target, ordinal: record.ordinal };
                    table.slots.insert(name, Slot::Live(alias));
                }
                _ => {
                    detach(&named);
                    table.slots.remove(&name);
                }
            }
        }
        // Slices are in place now, so the wholes find them.
        for (name, whole, record) in wholes {
            let claimed = whole.state().claimed;
            let mut state = table.whole_of(&name, &record)?;
            state.claimed = claimed;
            *whole.state_mut() = state;
        }
        drop(table);
        if rebuild {
            self.catalog_rebuild(&view);
        }
        Ok(())
    }
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
        durable.map(|(name, _)| name.clone()).collect()
    }

    /// Checks that no name of what stays is, contains or is part of a name that comes.
    fn check_conflicts(&self, view: &View) -> Result<()> {
        let durable: std::collections::HashSet<String> = self.durable_names().into_iter().collect();
        for full_name in self.slots.keys().filter(|name| !durable.contains(*name)) {
            let around = full_name
                .rsplit_once(name::SEPARATOR)
                .filter(|(_, last)| last.strip_prefix("part_").is_some_and(|k| k.parse::<u64>().is_ok()));
            let mut others = vec![full_name.clone(), name::slice_of(full_name, 0)];
            others.extend(around.map(|(whole, _)| whole.to_owned()));
            for other in others {
                if !durable.contains(&other) && view.lookup(&other)?.is_some() {
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

    /// Puts a variable into the state that a record describes. A value that is the same stays where it is.
    fn reset_single(
        &mut self,
        single: &Arc<Single>,
        full_name: &str,
        record: crate::format::VariableRecord,
    ) -> Result<()> {
        let mut state = self.state_of(full_name, record).map_err(|error| error.of_variable(full_name))?;
        let mut old = single.state_mut();
        let is_same = match (old.payload.durable(), &state.base) {
            (Some(held), Some(stored)) => held.content() == stored.content(),
            _ => false,
        };
        if is_same {
            state.payload = Arc::clone(&old.payload);
            state.base = old.payload.durable().cloned();
        }
        state.claimed = old.claimed;
        state.constraint = old.constraint.clone();
        if let (Some(bound), Some(recorded)) = (&old.regularizer, &state.regularizer)
            && bound.binds(recorded)
        {
            state.regularizer = Some(bound.clone());
        }
        *old = state;
        Ok(())
    }
}
