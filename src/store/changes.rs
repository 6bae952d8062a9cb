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
use crate::store::moving::Move;
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

    /// Whether a name is changed or removed.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.upserts.contains_key(name) || self.removed.contains_key(name)
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
                leave: None,
            })
            .collect()
    }

    /// In what the state with these changes differs from `base`; `stored` says where what was written lies. Many are looked
    /// at on several threads.
    pub(crate) fn difference(
        &self,
        base: &View,
        commit: CommitId,
        stored: &HashMap<&str, Arc<Stored>>,
        threads: usize,
    ) -> Result<Difference> {
        let upserts: Vec<(&String, &Upsert)> = self.upserts.iter().collect();
        let share = upserts.len().div_ceil(threads.max(1)).max(SHARE_NAMES_MIN);
        let compare = |upserts: &[(&String, &Upsert)]| compare(upserts, base, commit, stored);
        let compared = std::thread::scope(|scope| {
            let mut shares = upserts.chunks(share);
            let first = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || compare(share))).collect();
            let mut compared = vec![compare(first)];
            for other in others {
                compared.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            compared
        });
        let mut difference = Compared::default();
        for part in compared {
            difference.add(part?);
        }
        for name in self.removed.keys().filter(|name| !self.upserts.contains_key(*name)) {
            if let Some(before) = base.lookup(name)? {
                difference.names = true;
                difference.gone.count(&before);
                difference.entries.push(Entry { name: name.clone(), body: Body::Removed, extra: Vec::new() });
            }
        }
        difference.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let Compared { entries, names, gone, come } = difference;
        let before = base.commit().map(|commit| commit.summary).unwrap_or_default();
        let summary = Summary {
            variables: before.variables.saturating_sub(gone.variables).saturating_add(come.variables),
            bytes_total: before.bytes_total.saturating_sub(gone.bytes).saturating_add(come.bytes),
            bytes_new: 0,
        };
        Ok(Difference { entries, names, summary })
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
    /// Adds values that lie elsewhere than before.
    pub(crate) fn add_moved<'m>(&mut self, moved: impl Iterator<Item = (&'m Move, &'m Arc<Stored>)>) {
        for (Move { entry, .. }, stored) in moved {
            let mut after = entry.clone();
            if let Body::Variable(record) = &mut after.body {
                record.content = stored.content().clone();
            }
            if after.body != entry.body {
                self.entries.push(change_between(entry, after));
            }
        }
        self.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
}

/// Fewer names than this are not worth a thread.
const SHARE_NAMES_MIN: usize = 4096;

/// Part of a difference.
#[derive(Debug, Default)]
struct Compared {
    entries: Vec<Entry>,
    names: bool,
    /// What the base has in the place of what comes.
    gone: Count,
    come: Count,
}

impl Compared {
    fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.names |= other.names;
        self.gone.add(other.gone);
        self.come.add(other.come);
    }
}

/// Variables and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    variables: u64,
    bytes: u64,
}

impl Count {
    fn count(&mut self, entry: &Entry) {
        self.add(match &entry.body {
            Body::Variable(record) => {
                Self { variables: u64::from(record.statics.slice.is_none()), bytes: record.content.len_bytes }
            }
            Body::Whole(_) => Self { variables: 1, bytes: 0 },
            Body::Alias(_) | Body::Removed | Body::Patch(_) => Self::default(),
        });
    }

    fn add(&mut self, other: Self) {
        self.variables = self.variables.saturating_add(other.variables);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Compares what some names are to be with what the base holds.
fn compare(
    upserts: &[(&String, &Upsert)],
    base: &View,
    commit: CommitId,
    stored: &HashMap<&str, Arc<Stored>>,
) -> Result<Compared> {
    let mut compared = Compared::default();
    for (name, upsert) in upserts {
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
        let after = Entry { name: (*name).clone(), body, extra: Vec::new() };
        let before = base.lookup(name)?;
        compared.names |= before.as_ref().is_none_or(|before| has_other_facts(before, &after));
        compared.come.count(&after);
        if let Some(before) = &before {
            compared.gone.count(before);
        }
        match before {
            Some(before) if before.body == after.body => {}
            Some(before) => compared.entries.push(change_between(&before, after)),
            None => compared.entries.push(after),
        }
    }
    Ok(compared)
}

/// Whether two entries of a name differ in more than the value.
fn has_other_facts(before: &Entry, after: &Entry) -> bool {
    match (&before.body, &after.body) {
        (Body::Variable(before), Body::Variable(after)) => before.statics != after.statics,
        (before, after) => before != after,
    }
}
