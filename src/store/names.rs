//! Removing, renaming and aliasing variables: they take effect with the next commit.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::store::state::StoreState;
use crate::store::table::{Found, Named, Slot, Table};
use crate::store::transaction::detach;
use crate::variable::{Object, Single, Variable};

impl StoreState {
    /// Takes a variable out of the store, with its slices if it is partitioned, and the aliases that stand for it.
    pub(crate) fn remove(&self, full_name: &str) -> Result<()> {
        let mut table = self.table();
        let named = table.present(full_name)?;
        table.refuse_slice(full_name, "removed")?;
        let mut names = vec![full_name.to_owned()];
        if let Named::Object(object) = &named {
            names.extend(table.aliases_of(full_name)?);
            if let Object::Whole(_) = object {
                names.extend(object.singles().iter().map(|slice| slice.name().to_string()));
            }
        }
        for name in names {
            if let Some(named) = table.find_live(&name)? {
                detach(&named);
            }
            table.remove(&name);
        }
        Ok(())
    }

    /// Gives a variable another name; a partitioned one takes its slices along, and aliases go on standing for it.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        name::check_variable(to, "")?;
        let mut table = self.table();
        let named = table.present(from)?;
        table.refuse_slice(from, "renamed")?;
        table.refuse_taken(to)?;
        let aliases = table.aliases_of(from)?;
        match named {
            Named::Object(Object::Single(single)) => table.rename_single(&single, to),
            Named::Object(Object::Whole(whole)) => {
                let slices: Vec<Arc<Single>> =
                    whole.state().slices.iter().map(|(_, slice)| Arc::clone(slice)).collect();
                for (k, slice) in slices.iter().enumerate() {
                    let mut state = slice.state_mut();
                    let mut statics = (*state.statics).clone();
                    if let Some(place) = &mut statics.slice {
                        to.clone_into(&mut place.whole);
                    }
                    state.statics = Arc::new(statics);
                    drop(state);
                    table.rename_single(slice, &name::slice_of(to, k));
                }
                table.remove(from);
                whole.state_mut().name = to.into();
                table.slots.insert(to.to_owned(), Slot::Live(Named::Object(Object::Whole(whole))));
                table.changed_names.push(to.to_owned());
            }
            Named::Alias { target, ordinal } => {
                table.remove(from);
                table.slots.insert(to.to_owned(), Slot::Live(Named::Alias { target, ordinal }));
                table.changed_names.push(to.to_owned());
            }
        }
        for alias in aliases {
            if let Some(Named::Alias { ordinal, .. }) = table.find_live(&alias)? {
                let target = to.to_owned();
                table.slots.insert(alias.clone(), Slot::Live(Named::Alias { target, ordinal }));
                table.changed_names.push(alias);
            }
        }
        Ok(())
    }

    /// Gives a variable a second name.
    pub(crate) fn alias(&self, alias: &str, variable: &Variable) -> Result<()> {
        name::check_variable(alias, "")?;
        let target = variable.name();
        let mut table = self.table();
        match table.find_object(&target)? {
            Some(object) if Variable::from(object.clone()) == *variable => {}
            _ => {
                let what = format!("{target:?} is not a variable of this store");
                return Err(Error::new(ErrorKind::VariableDetached, what).of_variable(target));
            }
        }
        table.refuse_slice(&target, "aliased")?;
        table.refuse_taken(alias)?;
        let ordinal = table.take_ordinal();
        table.slots.insert(alias.to_owned(), Slot::Live(Named::Alias { target, ordinal }));
        table.changed_names.push(alias.to_owned());
        Ok(())
    }
}

impl Table {
    /// What a name stands for, which must exist and be finished.
    fn present(&mut self, full_name: &str) -> Result<Named> {
        if let Some(named) = self.find_live(full_name)? {
            return Ok(named);
        }
        let names: Vec<String> = self.slots.keys().cloned().collect();
        let near = name::nearest(full_name, names.iter().map(String::as_str));
        let error = Error::new(ErrorKind::VariableNotFound, format!("there is no variable {full_name:?}"));
        let error = error.of_variable(full_name);
        Err(match near.first() {
            Some(near) => error.advise(format!("did you mean {near:?}?")),
            None => error,
        })
    }

    fn refuse_slice(&mut self, full_name: &str, verb: &str) -> Result<()> {
        let Some(whole) = self.whole_around(full_name)? else { return Ok(()) };
        let whole = Arc::clone(&whole.state().name);
        let what = format!("{full_name:?} is a slice of {whole:?} and cannot be {verb} alone");
        Err(Error::new(ErrorKind::SliceOfWhole, what).of_variable(full_name).advise(format!("name {whole:?} instead")))
    }

    /// Checks that a name and that of its first slice are free.
    fn refuse_taken(&mut self, full_name: &str) -> Result<()> {
        for name in [full_name.to_owned(), name::slice_of(full_name, 0)] {
            if !matches!(self.find(&name, None)?, Found::Nothing) {
                let what = format!("the name {full_name:?} is taken, since {name:?} exists");
                return Err(Error::new(ErrorKind::NameTaken, what)
                    .of_variable(full_name)
                    .advise("choose another name"));
            }
        }
        Ok(())
    }

    /// The aliases that stand for a name.
    fn aliases_of(&mut self, target: &str) -> Result<Vec<String>> {
        let base = Arc::clone(&self.base);
        for entry in base.stack().entries("") {
            let entry = entry?;
            if matches!(&entry.body, crate::format::Body::Alias(alias) if alias.target == target) {
                self.find_live(&entry.name)?;
            }
        }
        let aliases = self
            .slots
            .iter()
            .filter(|(_, slot)| matches!(slot, Slot::Live(Named::Alias { target: other, .. }) if other == target));
        Ok(aliases.map(|(name, _)| name.clone()).collect())
    }

    fn rename_single(&mut self, single: &Arc<Single>, to: &str) {
        let from = single.name();
        self.remove(&from);
        single.state_mut().name = to.into();
        self.slots.insert(to.to_owned(), Slot::Live(Named::Object(Object::Single(Arc::clone(single)))));
        single.note_changed();
    }
}
