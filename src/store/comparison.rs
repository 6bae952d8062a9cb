//! In what the next state differs from the base: found name by name while the disk is busy with values.

use std::sync::Arc;

use crate::checkpoint::View;
use crate::error::Result;
use crate::format::{Body, Entry, Summary};
use crate::manifest::change_between;
use crate::shard::Stored;
use crate::store::moving::Move;
use crate::sync::{Mutex, PoisonError};

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

/// A difference that is being found, on several threads perhaps.
pub(crate) struct Comparison<'b> {
    base: &'b View,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    names: bool,
    /// What the base has in the place of what comes.
    gone: Count,
    come: Count,
}

impl<'b> Comparison<'b> {
    pub(crate) fn with(base: &'b View) -> Self {
        Self { base, found: Mutex::default() }
    }

    /// Compares what a name is to be, [`Body::Removed`] if nothing, with what the base holds. Each name comes once.
    pub(crate) fn add(&self, name: &str, body: Body) -> Result<()> {
        let before = self.base.lookup(name)?;
        let after = Entry { name: name.to_owned(), body, extra: Vec::new() };
        let has_other_facts = match (&before, &after.body) {
            (None, Body::Removed) => return Ok(()),
            (None, _) => true,
            (Some(before), _) => has_other_facts(&before.body, &after.body),
        };
        let (gone, come) = (before.as_ref().map(Count::of).unwrap_or_default(), Count::of(&after));
        let change = match before {
            Some(before) if before.body == after.body => None,
            Some(before) => Some(change_between(&before, after)),
            None => Some(after),
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.names |= has_other_facts;
        found.gone.add(gone);
        found.come.add(come);
        found.entries.extend(change);
        Ok(())
    }

    pub(crate) fn finish(self) -> Difference {
        let Found { mut entries, names, gone, come } = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let before = self.base.commit().map(|commit| commit.summary).unwrap_or_default();
        let summary = Summary {
            variables: before.variables.saturating_sub(gone.variables).saturating_add(come.variables),
            bytes_total: before.bytes_total.saturating_sub(gone.bytes).saturating_add(come.bytes),
            bytes_new: 0,
        };
        Difference { entries, names, summary }
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

/// Variables and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    variables: u64,
    bytes: u64,
}

impl Count {
    fn of(entry: &Entry) -> Self {
        match &entry.body {
            Body::Variable(record) => {
                Self { variables: u64::from(record.statics.slice.is_none()), bytes: record.content.len_bytes }
            }
            Body::Whole(_) => Self { variables: 1, bytes: 0 },
            Body::Alias(_) | Body::Removed | Body::Patch(_) => Self::default(),
        }
    }

    fn add(&mut self, other: Self) {
        self.variables = self.variables.saturating_add(other.variables);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Whether what a name is differs in more than the value.
fn has_other_facts(before: &Body, after: &Body) -> bool {
    match (before, after) {
        (Body::Variable(before), Body::Variable(after)) => before.statics != after.statics,
        (before, after) => before != after,
    }
}
