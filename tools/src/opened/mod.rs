//! Something opened for reading: what the commands look into, wherever it comes from.
//!
//! [`Opened`] is a checkpoint of a store or one of another format, in its own file; its [`Item`]s are plain data with the value behind them, which is read a [`Piece`] at a
//! time, or in row-major order however it is cut ([`flat`]). Commands know nothing else of where bytes lie.

pub(crate) mod flat;
mod item;
mod piece;
mod texts;

use std::collections::HashSet;
use std::sync::Arc;

use varkeep::interop::{self, Format, Source};
use varkeep::{Checkpoint, Which};

use crate::address::Address;
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};
use crate::filter::Filter;

use item::Met;
pub(crate) use item::{Facts, Item, Kind, SliceFacts};
pub(crate) use piece::{Piece, blocks};
pub(crate) use texts::Texts;

/// Read at once: a multiple of every chunk size.
pub(crate) const BLOCK_BYTES: u64 = varkeep::limits::CHUNK_BYTES_MAX;

/// Texts by name.
pub(crate) type Remarks = Vec<(String, String)>;

/// A checkpoint that is open.
#[derive(Debug)]
pub(crate) enum Opened {
    /// One of a store.
    Saved(Box<Checkpoint>),
    /// One in a file of another format.
    Foreign(Arc<dyn Source>),
}

impl Opened {
    pub(crate) fn open(address: &Address) -> Outcome<Self> {
        if !Self::is_store(address)
            && let Some(format) = Format::detect(&address.path)?
        {
            if address.which != Which::Head {
                let what = format!("{} is a {format} file, which has no tags", address.path.display());
                return Err(Failure::usage(what).hint("leave out the `@` and the tag"));
            }
            return Ok(Self::Foreign(interop::open(&address.path)?.into()));
        }
        Ok(Self::Saved(Box::new(Checkpoint::open(&address.path, address.which.clone())?)))
    }

    /// Whether the path is a store, or the remains of one: what is damaged is told as such.
    pub(crate) fn is_store(address: &Address) -> bool {
        address.path.join("commits").is_dir()
    }

    /// What a file says of itself in words, and the names in it that cannot be read as variables, with why.
    pub(crate) fn remarks(&self) -> (Remarks, Remarks) {
        match self {
            Self::Saved(_) => (Vec::new(), Vec::new()),
            Self::Foreign(source) => {
                let words = source.metadata().iter().map(|(key, value)| (key.clone(), value.clone()));
                let refused = source.refused().iter().map(|one| (one.name.clone(), one.why.clone()));
                (words.collect(), refused.collect())
            }
        }
    }

    /// What is known of it without looking inside.
    pub(crate) fn subject(&self, address: &Address) -> Subject {
        match self {
            Self::Saved(checkpoint) => Subject::of(address, checkpoint.info()),
            Self::Foreign(source) => Subject::of_source(address, &**source),
        }
    }

    /// The variables that match, by name. Slices are part of the partitioned variable they belong to, and are listed by
    /// themselves only where that one does not match.
    pub(crate) fn items(&self, filter: &Filter) -> Outcome<Vec<Item>> {
        self.list(filter, |item| item)
    }

    /// As [`Opened::items`], for many variables whose values nobody will read.
    pub(crate) fn facts(&self, filter: &Filter) -> Outcome<Vec<Facts>> {
        self.list(filter, Item::into_facts)
    }

    fn list<T: AsRef<Facts>>(&self, filter: &Filter, kept: impl Fn(Item) -> T) -> Outcome<Vec<T>> {
        let mut all = Vec::new();
        match self {
            Self::Saved(checkpoint) => {
                let mut met = Met::new();
                for variable in checkpoint.variables(filter.prefix()) {
                    let variable = variable?;
                    if filter.matches(variable.name()) {
                        all.push(kept(Item::of_saved(variable, &mut met)));
                    }
                }
            }
            Self::Foreign(source) => {
                for (number, variable) in source.variables().iter().enumerate() {
                    if filter.matches(&variable.name) {
                        all.push(kept(Item::of_source(source, number)?));
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
            Self::Foreign(source) => source.index_of(name).map(|number| Item::of_source(source, number)).transpose(),
        }
    }

    /// The variable of this name.
    pub(crate) fn get(&self, name: &str) -> Outcome<Item> {
        match self {
            Self::Saved(checkpoint) => Ok(Item::of_saved(checkpoint.get(name)?, &mut Met::new())),
            Self::Foreign(source) => self.find(name)?.ok_or_else(|| not_found(name, &**source)),
        }
    }
}

fn not_found(name: &str, source: &dyn Source) -> Failure {
    let refused = source.refused().iter().find(|one| one.name == name);
    let names = source.variables().iter().map(|variable| variable.name.as_str());
    let near = crate::likeness::nearest(name, names);
    let failure = Failure::not_found(format!("there is no variable {name:?}, in {}", source.path().display()));
    match (refused, near.first()) {
        (Some(refused), _) => failure.hint(format!("it is there, but {}", refused.why)),
        (None, Some(near)) => failure.hint(format!("did you mean {near:?}?")),
        (None, None) => failure.hint("`varkeep inspect` lists those there are"),
    }
}
