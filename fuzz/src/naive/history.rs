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
            for (tile, slice) in value::tiles(&whole.shape, &whole.counts).into_iter().zip(&whole.slices) {
                let (offset, sizes) = tile.expect("wholes tile");
                let variable = self.names.variables.get_mut(slice).expect("wholes have their slices");
                variable.cells = Some(value::cut(&cells, &whole.shape, &offset, &sizes));
            }
        }
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
