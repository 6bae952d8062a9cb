//! What is ours besides resuming: removing, committing, going back, and opening again.

use super::{Naive, Names, Word, slice_of};
use crate::program::Kind;
use crate::value;

impl Naive {
    pub fn assign(&mut self, name: &str, seed: u8) {
        let pattern = |kind: Kind, sizes: &[u64]| value::pattern(kind, sizes, seed);
        if let Some(variable) = self.names.variables.get_mut(name) {
            variable.cells = Some(pattern(variable.kind, &variable.held));
        } else if let Some(whole) = self.names.wholes.get(name) {
            let cells = pattern(whole.kind, &whole.shape);
            self.names.take_apart(name, Some(cells));
        }
    }

    /// Section 6.4: another shape only where none is declared, and never for a slice.
    pub fn assign_shape(&mut self, name: &str, sizes: &[u64], any_shape: bool) -> Result<(), Word> {
        let is_slice = self.names.owner(name).is_some();
        let (held, is_open) = match (self.names.variables.get(name), self.names.wholes.get(name)) {
            (Some(variable), _) => (&variable.held, variable.declared.is_none() && !is_slice),
            (None, Some(whole)) => (&whole.shape, false),
            (None, None) => unreachable!("{name:?} was looked for"),
        };
        if held != sizes && !(any_shape && is_open) {
            return Err("assign_shape_mismatch");
        }
        if let Some(variable) = self.names.variables.get_mut(name) {
            variable.held = sizes.to_vec();
        }
        self.assign(name, 0);
        Ok(())
    }

    /// Section 10: `Saver.restore`, of what a default saver covers. A whole is covered if all its slices are.
    pub fn load(&mut self, tag: &str) -> Result<(), Word> {
        let names = &self.names;
        let singles =
            names.variables.iter().filter(|(name, variable)| variable.is_durable() && names.owner(name).is_none());
        let singles = singles.map(|(name, variable)| {
            let sizes = variable.declared.is_some().then(|| variable.held.clone());
            (name.clone(), variable.kind, sizes)
        });
        let wholes = names.wholes.iter().filter(|(_, whole)| names.is_durable(whole));
        let wholes = wholes.map(|(name, whole)| (name.clone(), whole.kind, Some(whole.shape.clone())));
        let covered: Vec<(String, Kind, Option<Vec<u64>>)> = singles.chain(wholes).collect();
        if covered.is_empty() {
            return Err("saver_no_variables");
        }
        let checkpoint = self.tags.get(tag).ok_or("restore_no_checkpoint")?;
        let mut stored = Vec::new();
        for (name, ..) in &covered {
            stored.push(checkpoint.stored(name).ok_or("restore_key_not_found")?);
        }
        if covered.iter().zip(&stored).any(|((_, kind, _), (of, ..))| kind != of) {
            return Err("restore_dtype_mismatch");
        }
        let differs = |asked: &Option<Vec<u64>>, held: &Vec<u64>| asked.as_ref().is_some_and(|asked| asked != held);
        if covered.iter().zip(&stored).any(|((_, _, asked), (_, held, _))| differs(asked, held)) {
            return Err("restore_shape_mismatch");
        }
        for ((name, ..), (_, sizes, cells)) in covered.iter().zip(stored) {
            if let Some(variable) = self.names.variables.get_mut(name) {
                (variable.held, variable.cells) = (sizes, cells);
            } else {
                self.names.take_apart(name, cells);
            }
        }
        Ok(())
    }

    pub fn remove(&mut self, name: &str) -> Result<(), Word> {
        if !self.names.has(name) {
            return Err("variable_not_found");
        }
        if self.names.owner(name).is_some() {
            return Err("slice_of_whole");
        }
        self.names.variables.remove(name);
        if let Some(whole) = self.names.wholes.remove(name) {
            self.names.variables.retain(|slice, _| !whole.slices.contains(slice));
        }
        Ok(())
    }

    /// What a commit holds afterwards, and the trainable variables that it leaves out.
    pub fn commit(&mut self) -> (u64, Vec<String>) {
        self.base = self.names.durable();
        self.head = self.base.clone();
        let left_out = self.names.ordered(|_, variable| variable.trainable && !variable.is_durable());
        (self.head.count(), left_out)
    }

    pub fn save(&mut self, tag: &'static str, replace: bool) -> Result<(u64, Vec<String>), Word> {
        if self.names.durable().variables.is_empty() {
            return Err("saver_no_variables");
        }
        if self.tags.contains_key(tag) && !replace {
            return Err("tag_exists");
        }
        let report = self.commit();
        self.tags.insert(tag, self.head.clone());
        Ok(report)
    }

    pub fn restore(&mut self, tag: &'static str) -> Result<(), Word> {
        let names = self.tags.get(tag).cloned().ok_or("tag_not_found")?;
        self.reset_to(names)
    }

    pub fn rollback(&mut self) -> Result<(), Word> {
        self.reset_to(self.head.clone())
    }

    /// Makes what is durable that of `to`. What is not durable stays, and must not meet it.
    fn reset_to(&mut self, to: Names) -> Result<(), Word> {
        if self.would_conflict(&to) {
            return Err("restore_name_conflict");
        }
        let before = std::mem::take(&mut self.names);
        let mut names = to.clone();
        for (name, variable) in &mut names.variables {
            let same = before.variables.get(name).filter(|before| before.is_durable());
            variable.id = same.map_or_else(|| self.next_id(), |same| same.id);
            variable.claimed = same.is_some_and(|same| same.claimed);
        }
        for (name, whole) in &mut names.wholes {
            let same = before.wholes.get(name).filter(|same| before.is_durable(same));
            whole.id = same.map_or_else(|| self.next_id(), |same| same.id);
            whole.claimed = same.is_some_and(|same| same.claimed);
        }
        for (name, variable) in &before.variables {
            if !variable.is_durable() {
                names.variables.insert(name.clone(), variable.clone());
            }
        }
        for (name, whole) in &before.wholes {
            if !before.is_durable(whole) {
                names.wholes.insert(name.clone(), whole.clone());
            }
        }
        self.names = names;
        self.base = to;
        Ok(())
    }

    fn would_conflict(&self, to: &Names) -> bool {
        let now = &self.names;
        let staying_variables = now.variables.iter().filter(|(_, variable)| !variable.is_durable());
        let staying_wholes = now.wholes.iter().filter(|(_, whole)| !now.is_durable(whole));
        let mut staying = staying_variables.map(|(name, _)| name).chain(staying_wholes.clone().map(|(name, _)| name));
        let meets = staying.any(|name| {
            let around = name.rsplit_once("/part_").filter(|(_, k)| k.parse::<u64>().is_ok());
            let mut others = vec![name.clone(), slice_of(name, 0)];
            others.extend(around.map(|(whole, _)| whole.to_owned()));
            // What stands beside it now may stand beside it then.
            others.iter().any(|other| to.has(other) && !now.has_durable(other))
        });
        // A whole that stays keeps all its slices.
        let breaks = staying_wholes.clone().any(|(_, whole)| {
            whole.slices.iter().any(|slice| {
                let now = &now.variables[slice];
                let then = to.variables.get(slice);
                now.is_durable() && then.is_none_or(|then| then.held != now.held || then.kind != now.kind)
            })
        });
        meets || breaks
    }

    /// A new session: what is not committed is gone.
    pub fn reopen(&mut self) {
        self.names = self.head.clone();
        self.base = self.head.clone();
        let ids = std::iter::repeat_with(|| {
            self.ids += 1;
            self.ids
        });
        let variables = self.names.variables.values_mut().map(|variable| (&mut variable.id, &mut variable.claimed));
        let wholes = self.names.wholes.values_mut().map(|whole| (&mut whole.id, &mut whole.claimed));
        for ((id, claimed), next) in variables.chain(wholes).zip(ids) {
            (*id, *claimed) = (next, false);
        }
        self.begin();
    }
}
