//! Something opened for reading: what the commands look into, wherever it comes from.
//!
//! [`Opened`] is a checkpoint; its [`Item`]s are plain data with the value behind them, which is read a [`Piece`] at a
//! time, or in row-major order however it is cut ([`flat`]). Commands know nothing else of where bytes lie.

pub(crate) mod flat;
mod item;
mod piece;

use std::collections::HashSet;

use varkeep::Checkpoint;

use crate::address::Address;
use crate::cmd::Subject;
use crate::failure::Outcome;
use crate::filter::Filter;

pub(crate) use item::{Item, Kind, SliceFacts};
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
        let mut items = Vec::new();
        let mut covered = HashSet::new();
        match self {
            Self::Saved(checkpoint) => {
                for variable in checkpoint.variables(filter.prefix()) {
                    let variable = variable?;
                    if !filter.matches(variable.name()) {
                        continue;
                    }
                    let item = Item::of_saved(variable);
                    if item.kind == Kind::Partitioned {
                        covered.extend(item.slices.iter().map(|slice| slice.name.clone()));
                    }
                    items.push(item);
                }
            }
        }
        if !covered.is_empty() {
            items.retain(|item| !covered.contains(&item.name));
        }
        Ok(items)
    }

    /// The variable of this name.
    pub(crate) fn get(&self, name: &str) -> Outcome<Item> {
        match self {
            Self::Saved(checkpoint) => Ok(Item::of_saved(checkpoint.get(name)?)),
        }
    }
}
