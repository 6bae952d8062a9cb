//! What a commit changes: taken under a short lock, published later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::{Change, Record};
use crate::error::Result;
use crate::format::{AliasRecord, Body, Content, ShardRef, Statics, WholeRecord};
use crate::id::CommitId;
use crate::shape::Shape;
use crate::shard::{Progress, SliceJob, Stored};
use crate::store::comparison::Comparison;
use crate::store::table::{Named, Slot, Table};
use crate::sync::thread;
use crate::variable::{Capture, Object, Single, WholeState};

/// Differences from the base commit, by name.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) upserts: BTreeMap<String, Upsert>,
    /// Names removed, each with when that was. Not all of them need be names of the base.
    pub(crate) removed: HashMap<String, u64>,
    /// How many names had been removed by then: these and those that earlier changes tell of.
    pub(crate) removals: u64,
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
    Whole(Box<WholeSnapshot>),
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

/// A partitioned variable as it was when a save began: its slices may have other names by the time it is written.
#[derive(Debug)]
pub(crate) struct WholeSnapshot {
    record: WholeRecord,
    first_slice: Arc<Single>,
}

impl WholeSnapshot {
    fn take(state: &WholeState) -> Self {
        Self { record: state.record(), first_slice: Arc::clone(&state.slices[0].1) }
    }

    /// The record for a manifest; `commit` is the one about to be made.
    fn record(&self, commit: CommitId) -> WholeRecord {
        // An earlier commit may have been published since this state was taken.
        let first_commit = self.first_slice.first_commit().unwrap_or(commit);
        WholeRecord { first_commit, ..self.record.clone() }
    }
}

/// Where the value of a snapshot is.
#[derive(Debug)]
pub(crate) enum Held {
    /// On the disk already.
    Durable(Arc<Stored>),
    /// Still to be written.
    Captured(Arc<Capture>),
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
        // Sorted once all are there, which is faster than one by one.
        let mut upserts = Vec::new();
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
            upserts.push((name, Upsert::Single(Box::new(Snapshot { single, statics, shape, value }))));
        }
        for name in changed_names {
            let upsert = match settled(&name) {
                Some(Named::Object(Object::Whole(whole))) if whole.state().is_durable() => {
                    Upsert::Whole(Box::new(WholeSnapshot::take(&whole.state())))
                }
                Some(Named::Alias { target, ordinal }) => match settled(&target) {
                    Some(Named::Object(object)) if object.is_durable() => {
                        Upsert::Alias(AliasRecord { ordinal, target })
                    }
                    _ => continue,
                },
                _ => continue,
            };
            upserts.push((name, upsert));
        }
        Self {
            upserts: upserts.into_iter().collect(),
            removed: table.removed.clone(),
            removals: table.removals,
            next_ordinal: table.next_ordinal,
            resets: table.resets,
            failures: table.failures,
        }
    }

    /// Adds later changes to these: the later ones win.
    pub(crate) fn add(&mut self, later: Self) {
        for (name, when) in later.removed {
            if self.removed.get(&name).is_none_or(|known| *known < when) {
                self.upserts.remove(&name);
                self.removed.insert(name, when);
            }
        }
        if self.upserts.is_empty() {
            self.upserts = later.upserts;
        } else {
            self.upserts.extend(later.upserts);
        }
        self.removals = self.removals.max(later.removals);
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

    /// What is to be written, by name: values that are durable nowhere yet.
    pub(crate) fn captured(&self) -> Vec<Captured<'_>> {
        let captured = self.upserts.iter().filter_map(|(name, upsert)| match upsert {
            Upsert::Single(snapshot) => match &snapshot.value {
                Held::Captured(capture) => Some(Captured { name, snapshot, capture }),
                Held::Durable(_) => None,
            },
            Upsert::Whole(_) | Upsert::Alias(_) => None,
        });
        captured.collect()
    }

    /// Compares with the base all but what is captured.
    pub(crate) fn compare(&self, comparison: &Comparison<'_>, commit: CommitId) -> Result<()> {
        for (name, upsert) in &self.upserts {
            let body = match upsert {
                Upsert::Single(snapshot) => match &snapshot.value {
                    Held::Durable(stored) => snapshot.body(stored.content(), commit),
                    Held::Captured(_) => continue,
                },
                Upsert::Whole(snapshot) => Body::Whole(snapshot.record(commit)),
                Upsert::Alias(record) => Body::Alias(record.clone()),
            };
            comparison.add(name, body)?;
        }
        let mut removed = self.removed.keys().filter(|name| !self.upserts.contains_key(*name));
        removed.try_for_each(|name| comparison.add(name, Body::Removed))
    }

    /// Tells the variables that a commit holds them; `stored` says where the captured values lie, in their order.
    pub(crate) fn committed(&self, commit: CommitId, stored: &[Arc<Stored>], threads: usize) {
        let captured: Vec<_> = self.captured().into_iter().zip(stored).collect();
        let share = captured.len().div_ceil(threads.max(1)).max(SHARE_NAMES_MIN);
        let tell = |share: &[(Captured<'_>, &Arc<Stored>)]| {
            for (captured, stored) in share {
                captured.capture.committed(commit, stored);
            }
        };
        thread::scope(|scope| {
            let mut shares = captured.chunks(share);
            let own = shares.next().unwrap_or_default();
            for share in shares {
                scope.spawn(move || tell(share));
            }
            tell(own);
        });
        for upsert in self.upserts.values() {
            if let Upsert::Single(snapshot) = upsert
                && let Held::Durable(stored) = &snapshot.value
            {
                snapshot.single.state_mut().set_committed(commit, stored);
            }
        }
    }

    /// What the catalog has to change.
    pub(crate) fn catalog(&self) -> Vec<Change> {
        let removed = self.removed.keys().filter(|name| !self.upserts.contains_key(*name));
        let puts = self.upserts.iter().map(|(name, upsert)| {
            let (ordinal, collections) = match upsert {
                Upsert::Single(snapshot) => (snapshot.statics.ordinal, snapshot.statics.collections.clone()),
                Upsert::Whole(snapshot) => (snapshot.record.ordinal, Vec::new()),
                Upsert::Alias(record) => (record.ordinal, Vec::new()),
            };
            Change::Put(Record { name: name.clone(), ordinal, collections })
        });
        removed.map(|name| Change::Remove(name.clone())).chain(puts).collect()
    }
}

/// Fewer names than this are not worth a thread.
const SHARE_NAMES_MIN: usize = 4096;

impl Snapshot {
    /// What the name is to be, with this content.
    pub(crate) fn body(&self, content: &Content, commit: CommitId) -> Body {
        Body::Variable(self.single.record(&self.statics, &self.shape, content, commit))
    }
}

/// A value to be written.
#[derive(Clone, Copy)]
pub(crate) struct Captured<'c> {
    pub(crate) name: &'c str,
    pub(crate) snapshot: &'c Snapshot,
    capture: &'c Arc<Capture>,
}

impl<'c> Captured<'c> {
    pub(crate) fn job(self) -> SliceJob<'c> {
        let statics = &self.snapshot.statics;
        SliceJob {
            name: self.name,
            value: &**self.capture,
            chunk_bytes: statics.chunk_bytes,
            ordinal: statics.slice.as_ref().map_or(0, |place| place.ordinal),
            leave: None,
        }
    }
}
