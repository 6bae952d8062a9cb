//! What a commit changes: taken under a short lock, published later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::{Change, Record};
use crate::checkpoint::View;
use crate::error::{Error, Result};
use crate::format::{AliasRecord, Body, Entry, ShardRef, Statics, Summary};
use crate::id::CommitId;
use crate::manifest::change_between;
use crate::shape::Shape;
use crate::shard::{Progress, SliceJob, Stored};
use crate::store::table::{Named, Slot, Table};
use crate::variable::{Capture, Object, Single, WholeState};

/// Differences from the base commit, by name.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) upserts: BTreeMap<String, Upsert>,
    /// Names removed, each with when that was. Not all of them need be names of the base.
    pub(crate) removed: HashMap<String, u64>,
    pub(crate) next_ordinal: u64,
    /// Which of the states that the base was replaced by these are changes of.
    pub(crate) resets: u64,
    /// How many saves had failed by then: later ones cannot count on what those were to write.
    pub(crate) failures: u64,
}

/// What a name is to be in the next commit.
#[derive(Debug)]
pub(crate) enum Upsert {
    Single(Box<Snapshot>),
    Whole(Box<WholeState>),
    Alias(AliasRecord),
}

/// A variable as it was when a save began.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) single: Arc<Single>,
    statics: Arc<Statics>,
    shape: Shape,
    pub(crate) value: Held,
}

/// Where the value of a snapshot is.
#[derive(Debug)]
pub(crate) enum Held {
    /// On the disk already.
    Durable(Arc<Stored>),
    /// Still to be written.
    Captured(Arc<Capture>),
}

/// In what the state after some changes differs from the base.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// What a delta over the base has to say, by name.
    pub(crate) entries: Vec<Entry>,
    /// Whether names changed, or facts that do not change with values.
    pub(crate) names: bool,
    /// What the state comes to; no bytes are new.
    pub(crate) summary: Summary,
}

impl Changes {
    /// Captures all that changed since the last call. The only moment at which a save holds up anybody.
    ///
    /// Of transactions in progress nothing is taken: what they create is noted when they are over, and what they have
    /// taken out counts as still there.
    pub(crate) fn take(table: &mut Table, progress: &Arc<Progress>) -> Self {
        let changed_names = std::mem::take(&mut table.changed_names);
        let leaving: HashMap<&str, &Object> = table.leaving().collect();
        let settled = |name: &str| match (leaving.get(name), table.slots.get(name)) {
            (Some(object), _) => Some(Named::Object(Object::clone(object))),
            (None, Some(Slot::Live(named))) => Some(named.clone()),
            (None, Some(Slot::Reserved { .. } | Slot::Leaving { .. }) | None) => None,
        };
        let mut changes = Self {
            upserts: BTreeMap::new(),
            removed: table.removed.clone(),
            next_ordinal: table.next_ordinal,
            resets: table.resets,
            failures: table.failures,
        };
        for single in table.shared.take_changed() {
            single.clear_noted();
            let state = single.state();
            let is_settled = matches!(settled(&state.name), Some(Named::Object(Object::Single(settled)))
                if Arc::ptr_eq(&settled, &single));
            if !is_settled || !state.is_durable() {
                continue;
            }
            let value = match state.payload.durable() {
                Some(stored) => Held::Durable(Arc::clone(stored)),
                None => Held::Captured(single.capture(&state, progress)),
            };
            let (name, statics, shape) = (state.name.to_string(), Arc::clone(&state.statics), state.shape.clone());
            drop(state);
            changes.upserts.insert(name, Upsert::Single(Box::new(Snapshot { single, statics, shape, value })));
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

    /// Whether writing any of them has begun.
    pub(crate) fn is_begun(&self) -> bool {
        self.upserts.values().any(|upsert| match upsert {
            Upsert::Single(snapshot) => match &snapshot.value {
                Held::Captured(capture) => capture.is_begun(),
                Held::Durable(_) => false,
            },
            Upsert::Whole(_) | Upsert::Alias(_) => false,
        })
    }

    /// The shards of values that are on the disk already.
    pub(crate) fn durable_shards(&self) -> impl Iterator<Item = ShardRef> + '_ {
        self.upserts.values().flat_map(|upsert| match upsert {
            Upsert::Single(snapshot) => match &snapshot.value {
                Held::Durable(stored) => stored.shards().map(|(_, shard)| shard).collect(),
                Held::Captured(_) => Vec::new(),
            },
            Upsert::Whole(_) | Upsert::Alias(_) => Vec::new(),
        })
    }

    /// Gives changes back that were not published: the next save takes them anew, as they are then.
    pub(crate) fn give_back(self, table: &mut Table) {
        for (name, upsert) in self.upserts {
            match upsert {
                Upsert::Single(snapshot) => snapshot.single.note_changed(),
                Upsert::Whole(_) | Upsert::Alias(_) => table.changed_names.push(name),
            }
        }
    }

    /// The slices to be written: those whose value is durable nowhere yet.
    pub(crate) fn jobs(&self) -> Vec<SliceJob<'_>> {
        let captured = self.upserts.iter().filter_map(|(name, upsert)| match upsert {
            Upsert::Single(snapshot) => match &snapshot.value {
                Held::Captured(capture) => Some((name, snapshot, capture)),
                Held::Durable(_) => None,
            },
            Upsert::Whole(_) | Upsert::Alias(_) => None,
        });
        captured
            .map(|(name, snapshot, capture)| SliceJob {
                name,
                value: &**capture,
                base: snapshot.single.state().base.clone(),
                chunk_bytes: snapshot.statics.chunk_bytes,
                ordinal: snapshot.statics.slice.as_ref().map_or(0, |place| place.ordinal),
            })
            .collect()
    }

    /// In what the state with these changes differs from `base`; `stored` says where what was written lies.
    pub(crate) fn difference(
        &self,
        base: &View,
        commit: CommitId,
        stored: &HashMap<&str, Arc<Stored>>,
    ) -> Result<Difference> {
        let summary = base.commit().map(|commit| commit.summary).unwrap_or_default();
        let mut difference = Difference { summary: Summary { bytes_new: 0, ..summary }, ..Difference::default() };
        for name in self.removed.keys().filter(|name| !self.upserts.contains_key(*name)) {
            if let Some(before) = base.lookup(name)? {
                difference.names = true;
                difference.count(Some(&before), None);
                difference.entries.push(Entry { name: name.clone(), body: Body::Removed, extra: Vec::new() });
            }
        }
        for (name, upsert) in &self.upserts {
            let body = match upsert {
                Upsert::Single(snapshot) => {
                    let stored = match &snapshot.value {
                        Held::Durable(stored) => Some(stored),
                        Held::Captured(_) => stored.get(name.as_str()),
                    };
                    let stored = stored.ok_or_else(|| Error::corrupt(format!("{name:?} was not written")))?;
                    Body::Variable(snapshot.single.record(&snapshot.statics, &snapshot.shape, stored, commit))
                }
                Upsert::Whole(state) => Body::Whole(state.record(commit)),
                Upsert::Alias(record) => Body::Alias(record.clone()),
            };
            let after = Entry { name: name.clone(), body, extra: Vec::new() };
            let before = base.lookup(name)?;
            difference.names |= before.as_ref().is_none_or(|before| has_other_facts(before, &after));
            difference.count(before.as_ref(), Some(&after));
            match before {
                Some(before) if before.body == after.body => {}
                Some(before) => difference.entries.push(change_between(&before, after)),
                None => difference.entries.push(after),
            }
        }
        difference.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(difference)
    }

    /// What the catalog has to change.
    pub(crate) fn catalog(&self) -> Vec<Change> {
        let removed = self.removed.keys().filter(|name| !self.upserts.contains_key(*name));
        let puts = self.upserts.iter().map(|(name, upsert)| {
            let (ordinal, collections) = match upsert {
                Upsert::Single(snapshot) => (snapshot.statics.ordinal, snapshot.statics.collections.clone()),
                Upsert::Whole(state) => (state.ordinal, Vec::new()),
                Upsert::Alias(record) => (record.ordinal, Vec::new()),
            };
            Change::Put(Record { name: name.clone(), ordinal, collections })
        });
        removed.map(|name| Change::Remove(name.clone())).chain(puts).collect()
    }
}

impl Difference {
    fn count(&mut self, before: Option<&Entry>, after: Option<&Entry>) {
        let summary = &mut self.summary;
        let (variables, bytes) = before.map_or((0, 0), weight);
        summary.variables = summary.variables.saturating_sub(variables);
        summary.bytes_total = summary.bytes_total.saturating_sub(bytes);
        let (variables, bytes) = after.map_or((0, 0), weight);
        summary.variables = summary.variables.saturating_add(variables);
        summary.bytes_total = summary.bytes_total.saturating_add(bytes);
    }
}

/// As how many variables, and how many bytes, an entry counts.
fn weight(entry: &Entry) -> (u64, u64) {
    match &entry.body {
        Body::Variable(record) => (u64::from(record.statics.slice.is_none()), record.content.len_bytes),
        Body::Whole(_) => (1, 0),
        Body::Alias(_) | Body::Removed | Body::Patch(_) => (0, 0),
    }
}

/// Whether two entries of a name differ in more than the value.
fn has_other_facts(before: &Entry, after: &Entry) -> bool {
    match (&before.body, &after.body) {
        (Body::Variable(before), Body::Variable(after)) => before.statics != after.statics,
        (before, after) => before != after,
    }
}
