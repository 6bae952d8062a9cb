//! Removing, renaming and aliasing variables: they take effect with the next commit.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::format::Body;
use crate::name;
use crate::store::state::StoreState;
use crate::store::table::{Found, Named, Slot, Table};
use crate::store::transaction::detach;
use crate::variable::{Object, Single, Variable};

/// So many names at most are looked through for one that is near to a name that does not exist.
const NAMES_COMPARED_MAX: usize = 100_000;

impl StoreState {
    /// Takes a variable out of the store, with its slices if it is partitioned, and the aliases that stand for it.
    pub(crate) fn remove(&self, full_name: &str) -> Result<()> {
        let mut table = self.table();
        let named = table.present(full_name)?;
        table.refuse_slice(full_name, "removed")?;
        let mut names = vec![full_name.to_owned()];
        if let Named::Object(object @ Object::Whole(_)) = &named {
            names.extend(object.singles().iter().map(|slice| slice.name().to_string()));
        }
        names.extend(table.aliases_of(&names)?.into_iter().map(|(alias, _)| alias));
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
        // Everything that can fail comes before anything is changed.
        let mut renamed = vec![(from.to_owned(), to.to_owned())];
        if let Named::Object(object @ Object::Whole(_)) = &named {
            for (k, slice) in object.singles().iter().enumerate() {
                let slice_to = name::slice_of(to, k);
                table.refuse_taken(&slice_to)?;
                renamed.push((slice.name().to_string(), slice_to));
            }
        }
        let old_names: Vec<String> = renamed.iter().map(|(old, _)| old.clone()).collect();
        let aliases = table.aliases_of(&old_names)?;
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
                table.slots.insert(to, Slot::Live(Named::Object(Object::Whole(whole))));
                table.changed_names.push(to.to_owned());
            }
            Named::Alias { target, ordinal } => {
                table.remove(from);
                table.slots.insert(to, Slot::Live(Named::Alias { target, ordinal }));
                table.changed_names.push(to.to_owned());
            }
        }
        for (alias, old_target) in aliases {
            let new_target = renamed.iter().find(|(old, _)| *old == old_target).map(|(_, new)| new.clone());
            if let (Some(Slot::Live(Named::Alias { target, .. })), Some(new_target)) =
                (table.slots.get_mut(&alias), new_target)
            {
                *target = new_target;
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
        table.slots.insert(alias, Slot::Live(Named::Alias { target, ordinal }));
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
        let base = Arc::clone(&self.base);
        let in_base = base.stack().entries("").map_while(Result::ok).map(|entry| entry.name).take(NAMES_COMPARED_MAX);
        let in_base = in_base.filter(|name| !self.removed.contains_key(name));
        let names: Vec<String> = self.slots.keys().map(str::to_owned).chain(in_base).collect();
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

    /// The aliases that stand for one of these names, each with the one it stands for; all of them are live then.
    pub(crate) fn aliases_of(&mut self, targets: &[String]) -> Result<Vec<(String, String)>> {
        if !self.aliases_are_live {
            let base = Arc::clone(&self.base);
            for entry in base.stack().entries("") {
                let entry = entry?;
                if let Body::Alias(_) = &entry.body {
                    self.find_live(&entry.name)?;
                }
            }
            self.aliases_are_live = true;
        }
        let aliases = self.slots.iter().filter_map(|(alias, slot)| match slot {
            Slot::Live(Named::Alias { target, .. }) if targets.contains(target) => {
                Some((alias.to_owned(), target.clone()))
            }
            _ => None,
        });
        Ok(aliases.collect())
    }

    fn rename_single(&mut self, single: &Arc<Single>, to: &str) {
        let from = single.name();
        self.remove(&from);
        single.state_mut().name = to.into();
        self.slots.insert(to, Slot::Live(Named::Object(Object::Single(Arc::clone(single)))));
        single.note_changed();
    }
}
