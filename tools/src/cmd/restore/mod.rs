//! `restore`: a checkpoint becomes the newest state of its store, or a new store, or parts of it are loaded into the
//! newest state.

mod copy;
mod in_place;
mod load;
mod rename;

use std::path::Path;

use varkeep::{Checkpoint, CheckpointInfo, SavedKind, SavedVariable, Store, Which};

use crate::address::Address;
use crate::args;
use crate::cmd::log::repeated_by_head;
use crate::cmd::{Subject, label};
use crate::failure::{Failure, Outcome};

pub(crate) use copy::NewStore;
pub(crate) use in_place::{Difference, InPlace};
pub(crate) use load::{Loaded, Plan};

/// What a restore did, or would do.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) subject: Subject,
    pub(crate) is_dry_run: bool,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    InPlace(InPlace),
    NewStore(NewStore),
    Loaded(Loaded),
}

impl Restored {
    /// Whether it was done, or could be.
    pub(crate) fn is_possible(&self) -> bool {
        !matches!(&self.what, What::Loaded(loaded) if loaded.refusal.is_some())
    }
}

/// What becomes of the newest state before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is the state asked for.
    Same,
    /// It stays under this tag.
    Kept(String),
    /// It had no tag and is gone.
    Lost,
}

pub(crate) fn run(args: &args::Restore) -> Outcome<Restored> {
    let address = Address::parse(&args.checkpoint)?;
    let is_load = !args.only.is_empty() || !args.rename.is_empty() || args.into.is_some();
    if !is_load && (args.allow_missing || args.allow_mismatched) {
        return Err(Failure::usage("a whole checkpoint is restored as it is: nothing can be missing or mismatched")
            .hint("with `--only`, `--rename` or `--into` values are loaded into the variables there are"));
    }
    match &args.to {
        Some(path) => copy::run(&address, path, args.dry_run),
        None if is_load => load::run(&address, args),
        None => in_place::run(&address, args),
    }
}

/// Opens a store for writing.
pub(crate) fn open_store(path: &Path) -> Outcome<Store> {
    Store::options().create(false).open(path).map_err(|error| {
        let is_busy = error.kind() == varkeep::ErrorKind::StoreInUse;
        let failure = Failure::from(error);
        if is_busy {
            failure.hint("stop the program that writes to it; to restore meanwhile, make a new store with `--to DIR`")
        } else {
            failure
        }
    })
}

/// What becomes of the newest state; refuses to lose it unless told to.
fn fate(address: &Address, infos: &[CheckpointInfo], args: &args::Restore) -> Outcome<Fate> {
    let Some(head) = infos.first() else { return Ok(Fate::Same) };
    if let Some(kept) = head.tag().or_else(|| repeated_by_head(infos).and_then(CheckpointInfo::tag)) {
        return Ok(Fate::Kept(kept.to_owned()));
    }
    match &args.keep {
        Some(tag) => Ok(Fate::Kept(tag.clone())),
        None if args.force => Ok(Fate::Lost),
        None => Err(Failure::would_lose(format!(
            "the newest state, {}, has no tag and would be lost, in {}",
            label(None, head.number()),
            address.path.display()
        ))
        .hint("keep it under a tag with `--keep TAG`, or give it up with `--force`")),
    }
}

/// Keeps the newest state under the tag that was asked for, if it has none.
fn keep(store: &Store, head: &CheckpointInfo, args: &args::Restore) -> Outcome<()> {
    if let (Some(tag), None) = (&args.keep, head.tag()) {
        store.save(tag)?;
    }
    Ok(())
}

/// The newest state of a store.
fn head_of(address: &Address) -> Address {
    Address { path: address.path.clone(), which: Which::Head }
}

/// The variables of a checkpoint in one piece and the partitioned ones, by name: no slices of these, and no aliases.
fn variables_of(checkpoint: &Checkpoint) -> Outcome<Vec<SavedVariable>> {
    let mut variables = checkpoint.variables("").collect::<Result<Vec<_>, _>>()?;
    variables.retain(|variable| !matches!(variable.kind(), SavedKind::AliasOf(_)));
    let wholes = variables.iter().filter(|variable| variable.kind() == SavedKind::Whole);
    let slices: std::collections::HashSet<String> =
        wholes.flat_map(SavedVariable::slices).map(|slice| slice.name).collect();
    variables.retain(|variable| !slices.contains(variable.name()));
    Ok(variables)
}

/// Reads a text as a rule of renaming, and applies it to a name.
#[cfg(fuzzing)]
pub(crate) fn parse_word(text: &str, name: &str) {
    if let Ok(renames) = rename::Renames::parse(&[text.to_owned()]) {
        drop(renames.of(std::iter::once(name.to_owned())));
    }
}
