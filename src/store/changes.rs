//! What a commit changes: taken under a short lock, published later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::{Change, Record};
use crate::checkpoint::View;
use crate::error::{Error, Result};
use crate::format::{AliasRecord, Body, Entry};
use crate::id::CommitId;
use crate::shard::{SliceJob, Stored};
use crate::store::table::{Named, Slot, Table};
use crate::variable::{Object, Single, State, WholeState};

/// Differences from the base commit, by name.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) upserts: BTreeMap<String, Upsert>,
    /// Names removed, each with when that was. Not all of them need be names of the base.
    pub(crate) removed: HashMap<String, u64>,
    pub(crate) next_ordinal: u64,
    /// Which of the states that the base was replaced by these are changes of.
    pub(crate) resets: u64,
}

/// In what the state after some changes differs from the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Names, or facts that do not change with values.
    pub(crate) names: bool,
    pub(crate) values: bool,
}

/// What a name is to be in the next commit.
#[derive(Debug)]
pub(crate) enum Upsert {
    Single { single: Arc<Single>, state: Box<State> },
    Whole(Box<WholeState>),
    Alias(AliasRecord),
}

impl Changes {
    /// Takes references to all that changed since the last call. The only moment at which a save holds up anybody.
    ///
    /// Of transactions in progress nothing is taken: what they create is noted when they are over, and what they have
    /// taken out counts as still there.
    pub(crate) fn take(table: &mut Table) -> Self {
        let changed_names = std::mem::take(&mut table.changed_names);
        let leaving: HashMap<&str, &Object> = table.leaving().collect();
        let settled = |name: &str| match (leaving.get(name), table.slots.get(name)) {
            (Some(object), _) => Some(Named::Object(Object::clone(object))),
            (None, Some(Slot::Live(named))) => Some(named.clone()),
            (None, Some(Slot::Reserved { .. } | Slot::Leaving { .. }) | None) => None,
        };
        let mut changes = Self {
            removed: table.removed.clone(),
            next_ordinal: table.next_ordinal,
            resets: table.resets,
            ..Self::default()
        };
        for single in table.shared.take_changed() {
            single.clear_noted();
            let state = Box::new(single.state().clone());
            let is_settled = matches!(settled(&state.name), Some(Named::Object(Object::Single(settled)))
                if Arc::ptr_eq(&settled, &single));
            if is_settled && state.is_durable() {
                changes.upserts.insert(state.name.to_string(), Upsert::Single { single, state });
            }
        }
        for name in changed_names {
            let upsert = match settled(&name) {
                Some(Named::Object(Object::Whole(whole))) if whole.state().is_durable() => {
                    Upsert::Whole(Box::new(whole.state().clone()))
                }
                Some(Named::Alias { target, ordinal }) => match settled(&target) {
                    Some(Named::Object(object)) if object.is_durable() => {
                        Upsert::Alias(AliasRecord { ordinal, target })
                    }
                    _ => continue,
                },
                _ => continue,
            };
            changes.upserts.insert(name, upsert);
        }
        changes
    }

    /// Adds later changes to these: the later ones win.
    pub(crate) fn add(&mut self, later: Self) {
        for (name, when) in later.removed {
            if self.removed.get(&name).is_none_or(|known| *known < when) {
                self.upserts.remove(&name);
                self.removed.insert(name, when);
            }
        }
        self.upserts.extend(later.upserts);
        self.next_ordinal = self.next_ordinal.max(later.next_ordinal);
    }

    /// The slices to be written: those whose value is durable nowhere yet.
    pub(crate) fn jobs(&self) -> Vec<SliceJob> {
        let singles = self.upserts.iter().filter_map(|(name, upsert)| match upsert {
            Upsert::Single { single, state } if state.payload.durable().is_none() => Some((name, single, state)),
            _ => None,
        });
        singles
            .map(|(name, single, state)| SliceJob {
                name: name.clone(),
                payload: Arc::clone(&state.payload),
                base: single.state().base.clone(),
                chunk_bytes: state.statics.chunk_bytes,
                ordinal: state.statics.slice.as_ref().map_or(0, |place| place.ordinal),
            })
            .collect()
    }

    /// The entries for the manifest; `stored` says where what was written lies.
    pub(crate) fn entries(&self, commit: CommitId, stored: &HashMap<String, Arc<Stored>>) -> Result<Vec<Entry>> {
        let entry = |(name, upsert): (&String, &Upsert)| {
            let body = match upsert {
                Upsert::Single { single, state } => {
                    let stored = stored.get(name).or(state.payload.durable());
                    let stored = stored.ok_or_else(|| Error::corrupt(format!("{name:?} was not written")))?;
                    Body::Variable(single.record(state, stored, commit))
                }
                Upsert::Whole(state) => Body::Whole(state.record(commit)),
                Upsert::Alias(record) => Body::Alias(record.clone()),
            };
            Ok(Entry { name: name.clone(), body, extra: Vec::new() })
        };
        self.upserts.iter().map(entry).collect()
    }

    /// In what a state with these entries instead of those of `base` differs from it.
    pub(crate) fn difference(&self, base: &View, entries: &[Entry]) -> Result<Difference> {
        let mut difference = Difference::default();
        for name in self.removed.keys().filter(|name| !self.upserts.contains_key(*name)) {
            difference.names |= base.lookup(name)?.is_some();
        }
        for entry in entries {
            match (&entry.body, base.lookup(&entry.name)?.map(|before| before.body)) {
                (Body::Variable(after), Some(Body::Variable(before))) => {
                    difference.names |= after.statics != before.statics;
                    difference.values |= after.shape != before.shape || after.content != before.content;
                }
                (after, Some(before)) => difference.names |= *after != before,
                (_, None) => difference.names = true,
            }
        }
        Ok(difference)
    }

    /// What the catalog has to change.
    pub(crate) fn catalog(&self) -> Vec<Change> {
        let removed = self.removed.keys().filter(|name| !self.upserts.contains_key(*name));
        let puts = self.upserts.iter().map(|(name, upsert)| {
            let (ordinal, collections) = match upsert {
                Upsert::Single { state, .. } => (state.statics.ordinal, state.statics.collections.clone()),
                Upsert::Whole(state) => (state.ordinal, Vec::new()),
                Upsert::Alias(record) => (record.ordinal, Vec::new()),
            };
            Change::Put(Record { name: name.clone(), ordinal, collections })
        });
        removed.map(|name| Change::Remove(name.clone())).chain(puts).collect()
    }
}
