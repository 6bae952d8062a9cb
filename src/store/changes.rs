//! What a commit changes: taken under a short lock, published later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::{Change, Record};
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
    /// Names removed, each with when that was.
    pub(crate) removed: HashMap<String, u64>,
    /// Whether names or their static facts change, not only values.
    pub(crate) names: bool,
    pub(crate) next_ordinal: u64,
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
    pub(crate) fn take(table: &mut Table) -> Self {
        let mut changes = Self {
            removed: table.removed.clone(),
            names: std::mem::take(&mut table.statics_changed) || !table.removed.is_empty(),
            next_ordinal: table.next_ordinal,
            ..Self::default()
        };
        for single in table.shared.take_changed() {
            single.clear_noted();
            let state = Box::new(single.state().clone());
            if (state.attached || table.is_leaving(&single)) && state.is_durable() {
                changes.names |= single.first_commit().is_none();
                changes.upserts.insert(state.name.to_string(), Upsert::Single { single, state });
            }
        }
        for name in std::mem::take(&mut table.changed_names) {
            let upsert = match table.slots.get(&name) {
                Some(Slot::Live(Named::Object(Object::Whole(whole)))) if whole.state().is_durable() => {
                    Upsert::Whole(Box::new(whole.state().clone()))
                }
                Some(Slot::Live(Named::Alias { target, ordinal })) if table.is_live_durable(target) => {
                    Upsert::Alias(AliasRecord { ordinal: *ordinal, target: target.clone() })
                }
                _ => continue,
            };
            changes.names = true;
            changes.upserts.insert(name, upsert);
        }
        changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removed.is_empty() && !self.names
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
        self.names |= later.names;
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

impl Table {
    fn is_live_durable(&self, name: &str) -> bool {
        matches!(self.slots.get(name), Some(Slot::Live(Named::Object(object))) if object.is_durable())
    }
}
