//! Names, and what this process has under each.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::name;
use crate::store::transaction::TransactionId;
use crate::variable::Object;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Object(Object),
    /// Another name of this variable.
    Alias {
        target: String,
        ordinal: u64,
    },
}

/// What the process has under a name.
#[derive(Debug)]
pub(crate) enum Slot {
    Live(Named),
    /// Being created: visible to the transaction that creates it, awaited by the others.
    Reserved {
        owner: TransactionId,
        named: Option<Named>,
    },
    /// Making room for another cut of its variable: gone for the transaction that cuts, awaited by the others.
    Leaving {
        owner: TransactionId,
    },
}

/// The slots of a live table, by name.
#[derive(Debug, Default)]
pub(crate) struct Slots(HashMap<Arc<str>, Held, RandomState>);

#[derive(Debug)]
struct Held {
    slot: Slot,
    /// That nothing has the name of this variable's first slice: neither is it live, nor does the base hold it. Every
    /// get wants to know that, and asking the base each time would be most of its cost.
    has_no_first_slice: bool,
}

impl Slots {
    pub(crate) fn get(&self, name: &str) -> Option<&Slot> {
        self.0.get(name).map(|held| &held.slot)
    }

    /// The slot as it is, to be changed in place.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Slot> {
        self.0.get_mut(name).map(|held| &mut held.slot)
    }

    /// What is live under a name, and whether it is known that nothing has the name of its first slice.
    pub(crate) fn live(&self, name: &str) -> Option<(&Named, bool)> {
        match self.0.get(name) {
            Some(Held { slot: Slot::Live(named), has_no_first_slice }) => Some((named, *has_no_first_slice)),
            _ => None,
        }
    }

    pub(crate) fn insert(&mut self, name: impl Into<Arc<str>>, slot: Slot) {
        let name = name.into();
        if let Some(whole) = name::whole_of_first_slice(&name)
            && let Some(held) = self.0.get_mut(whole)
        {
            held.has_no_first_slice = false;
        }
        self.0.insert(name, Held { slot, has_no_first_slice: false });
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Slot> {
        self.0.remove(name).map(|held| held.slot)
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Notes that the base holds nothing under the name of a variable's first slice, which is not live either.
    pub(crate) fn note_no_first_slice(&mut self, name: &str) {
        if let Some(held) = self.0.get_mut(name) {
            held.has_no_first_slice = true;
        }
    }

    /// Forgets what was known of the base.
    pub(crate) fn forget_base(&mut self) {
        self.0.values_mut().for_each(|held| held.has_no_first_slice = false);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Slot)> {
        self.0.iter().map(|(name, held)| (&**name, &held.slot))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Slot> {
        self.0.values().map(|held| &held.slot)
    }
}
