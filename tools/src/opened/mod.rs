//! Something opened for reading: what the commands look into, wherever it comes from.
//!
//! [`Opened`] is a checkpoint; its [`Item`]s are plain data with the value behind them, which is read a [`Piece`] at a
//! time, or in row-major order however it is cut ([`flat`]). Commands know nothing else of where bytes lie.

pub(crate) mod flat;
mod item;
mod piece;

use std::collections::HashSet;

use varkeep::{Checkpoint, SavedVariable};

use crate::address::Address;
use crate::cmd::Subject;
use crate::failure::Outcome;
use crate::filter::Filter;

use item::Met;
pub(crate) use item::{Facts, Item, Kind, SliceFacts};
pub(crate) use piece::{Piece, blocks};

/// Read at once: a multiple of every chunk size.
pub(crate) const BLOCK_BYTES: u64 = varkeep::limits::CHUNK_BYTES_MAX;

/// A checkpoint that is open.
#[derive(Debug)]
pub(crate) enum Opened {
    /// One of a store.
    Saved(Checkpoint),
}

impl Opened {
    pub(crate) fn open(address: &Address) -> Outcome<Self> {
        Ok(Self::Saved(Checkpoint::open(&address.path, address.which.clone())?))
    }

    /// What is known of it without looking inside.
    pub(crate) fn subject(&self, address: &Address) -> Subject {
        match self {
            Self::Saved(checkpoint) => Subject::of(address, checkpoint.info()),
        }
    }

    /// The variables that match, by name. Slices are part of the partitioned variable they belong to, and are listed by
    /// themselves only where that one does not match.
    pub(crate) fn items(&self, filter: &Filter) -> Outcome<Vec<Item>> {
        self.list(filter, Item::of_saved)
    }

    /// As [`Opened::items`], for many variables whose values nobody will read.
    pub(crate) fn facts(&self, filter: &Filter) -> Outcome<Vec<Facts>> {
        self.list(filter, |variable, met| Facts::of_saved(&variable, met))
    }

    fn list<T: AsRef<Facts>>(
        &self,
        filter: &Filter,
        of_saved: impl Fn(SavedVariable, &mut Met) -> T,
    ) -> Outcome<Vec<T>> {
        let mut all = Vec::new();
        match self {
            Self::Saved(checkpoint) => {
                let mut met = Met::new();
                for variable in checkpoint.variables(filter.prefix()) {
                    let variable = variable?;
                    if filter.matches(variable.name()) {
                        all.push(of_saved(variable, &mut met));
                    }
                }
            }
        }
        let wholes = all.iter().map(AsRef::as_ref).filter(|facts: &&Facts| facts.kind == Kind::Partitioned);
        let slices: HashSet<String> = wholes.flat_map(|whole| &whole.slices).map(|slice| slice.name.clone()).collect();
        if !slices.is_empty() {
            all.retain(|one| !slices.contains(&one.as_ref().name));
        }
        Ok(all)
    }

    /// The variable of this name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Outcome<Option<Item>> {
        match self {
            Self::Saved(checkpoint) => Ok(checkpoint.find(name)?.map(|saved| Item::of_saved(saved, &mut Met::new()))),
        }
    }

    /// The variable of this name.
    pub(crate) fn get(&self, name: &str) -> Outcome<Item> {
        match self {
            Self::Saved(checkpoint) => Ok(Item::of_saved(checkpoint.get(name)?, &mut Met::new())),
        }
    }
}
