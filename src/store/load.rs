//! Loading values into the variables there are: TensorFlow's `Saver.restore`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Saved, SavedKind, SavedSingle, SavedVariable};
use crate::commit::Which;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::name;
use crate::shape::Shape;
use crate::shard::Payload;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot};
use crate::tensor::Tensor;
use crate::variable::{Object, Single};

/// Whether the variable of a full name is to be loaded.
type IsWanted = dyn Fn(&str) -> bool;

/// The name under which a checkpoint holds the variable of a full name.
type KeyOf = dyn Fn(&str) -> String;

/// What a load lets pass. By default nothing: every variable must be there, with its dtype and shape.
#[derive(Default)]
pub struct LoadOptions {
    allow_missing: bool,
    allow_mismatched: bool,
    only: Option<Box<IsWanted>>,
    key_of: Option<Box<KeyOf>>,
}

impl LoadOptions {
    /// Nothing is let pass.
    pub fn strict() -> Self {
        Self::default()
    }

    /// Variables that the checkpoint lacks keep their values.
    #[must_use]
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// Variables whose dtype or shape differs in the checkpoint keep their values.
    #[must_use]
    pub fn allow_mismatched(mut self) -> Self {
        self.allow_mismatched = true;
        self
    }

    /// Only variables whose full name is wanted are loaded.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&str) -> bool + 'static) -> Self {
        self.only = Some(Box::new(is_wanted));
        self
    }

    /// Under which name the checkpoint holds the variable of a full name.
    #[must_use]
    pub fn rename(mut self, key_of: impl Fn(&str) -> String + 'static) -> Self {
        self.key_of = Some(Box::new(key_of));
        self
    }
}

impl std::fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadOptions")
            .field("allow_missing", &self.allow_missing)
            .field("allow_mismatched", &self.allow_mismatched)
            .field("only", &self.only.is_some())
            .field("rename", &self.key_of.is_some())
            .finish()
    }
}

/// What a load did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Variables that got their value from the checkpoint.
    pub restored: Vec<String>,
    /// Variables that the checkpoint lacks, each with the nearest names it has.
    pub missing: Vec<(String, Vec<String>)>,
    /// Variables whose dtype or shape differs, each with how.
    pub mismatched: Vec<(String, String)>,
    /// Names in the checkpoint that no variable wanted.
    pub unexpected: Vec<String>,
}

/// A variable to be loaded, with what the checkpoint holds for it.
struct Match {
    object: Object,
    name: String,
    saved: SavedVariable,
}

/// A value with where it goes.
type Assignment = (Arc<Single>, Arc<Payload>, Shape);

impl StoreState {
    /// Loads values from a checkpoint of any store into the durable variables. All or nothing.
    pub(crate) fn load(&self, checkpoint: &Checkpoint, options: &LoadOptions) -> Result<LoadReport> {
        let covered = self.covered(options)?;
        Self::load_into(covered, checkpoint, options)
    }

    /// Finds the checkpoint first; that there is something to load into is looked at before.
    pub(crate) fn load_from(&self, path: &Path, which: Which, options: &LoadOptions) -> Result<LoadReport> {
        let covered = self.covered(options)?;
        let checkpoint = Checkpoint::open(path, which).map_err(|error| match error.kind() {
            ErrorKind::StoreNotFound | ErrorKind::TagNotFound => {
                let what = "there is no such checkpoint to load";
                let advice = error.advice().unwrap_or("check the path and the tag").to_owned();
                Error::new(ErrorKind::RestoreNoCheckpoint, what).in_file(path).advise(advice).caused_by(error)
            }
            _ => error,
        })?;
        Self::load_into(covered, &checkpoint, options)
    }

    fn load_into(covered: Vec<(String, Object)>, checkpoint: &Checkpoint, options: &LoadOptions) -> Result<LoadReport> {
        let mut report = LoadReport::default();
        let mut matches = Vec::new();
        let mut names = None;
        for (name, object) in covered {
            let key = options.key_of.as_ref().map_or_else(|| name.clone(), |key_of| key_of(&name));
            if let Some(saved) = find_key(checkpoint, &key)? {
                matches.push(Match { object, name, saved });
                continue;
            }
            if names.is_none() {
                names = Some(keys(checkpoint)?);
            }
            let near = name::nearest(&key, names.iter().flatten().map(String::as_str));
            report.missing.push((name, near));
        }
        if let (false, Some((name, near))) = (options.allow_missing, report.missing.first()) {
            let what = format!("the checkpoint has no variable {name:?}");
            let error = Error::new(ErrorKind::RestoreKeyNotFound, what).of_variable(name).in_file(checkpoint.path());
            return Err(match near.first() {
                Some(near) => error.advise(format!("the nearest name it has is {near:?}")),
                None => error,
            });
        }
        for kind in [ErrorKind::RestoreDtypeMismatch, ErrorKind::RestoreShapeMismatch] {
            let mut agreeing = Vec::new();
            for found in matches {
                let Some(difference) = found.difference(kind) else {
                    agreeing.push(found);
                    continue;
                };
                if !options.allow_mismatched {
                    return Err(Error::new(kind, difference).of_variable(found.name).in_file(checkpoint.path()));
                }
                report.mismatched.push((found.name, difference));
            }
            matches = agreeing;
        }
        let mut assignments: Vec<Assignment> = Vec::new();
        for found in &matches {
            found.assignments(&mut assignments).map_err(|error| error.of_variable(&found.name))?;
        }
        for (single, ..) in &assignments {
            single.check_outside_update()?;
        }
        for (single, payload, shape) in assignments {
            match single.set_value(payload, shape) {
                // Removed meanwhile by another thread: there is nothing to load into any more.
                Err(error) if error.kind() == ErrorKind::VariableDetached => {}
                result => result?,
            }
        }
        report.unexpected = unexpected(checkpoint, &matches)?;
        report.restored = matches.into_iter().map(|found| found.name).collect();
        Ok(report)
    }

    /// The variables that a load covers: durable ones in one piece and partitioned ones, by name.
    ///
    /// A partitioned variable counts as a whole or not at all: where it is not durable, neither is looked up any slice
    /// of it that is.
    fn covered(&self, options: &LoadOptions) -> Result<Vec<(String, Object)>> {
        let base = self.base();
        let mut table = self.table();
        for entry in base.stack().entries("") {
            table.find_live(&entry?.name)?;
        }
        let mut covered = Vec::new();
        let mut in_wholes = HashSet::new();
        for (name, slot) in table.slots.iter() {
            let Slot::Live(Named::Object(object)) = slot else { continue };
            if let Object::Whole(_) = object {
                in_wholes.extend(object.singles().iter().map(|slice| slice.name().to_string()));
            }
            if object.is_durable() {
                covered.push((name.to_owned(), object.clone()));
            }
        }
        drop(table);
        covered.retain(|(name, _)| !in_wholes.contains(name));
        if covered.is_empty() {
            return Err(Error::new(ErrorKind::SaverNoVariables, "there is no durable variable to load into")
                .advise("get the variables first"));
        }
        covered.retain(|(name, _)| options.only.as_ref().is_none_or(|is_wanted| is_wanted(name)));
        covered.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(covered)
    }
}

/// What the checkpoint holds under a key: slices of a partitioned variable are found by the name of the whole alone.
fn find_key(checkpoint: &Checkpoint, key: &str) -> Result<Option<SavedVariable>> {
    let Some(saved) = checkpoint.find(key)? else { return Ok(None) };
    if let SavedKind::SliceOf(whole) = saved.kind()
        && checkpoint.find(&whole)?.is_some_and(|whole| whole.slices().iter().any(|slice| slice.name == key))
    {
        return Ok(None);
    }
    Ok(Some(saved))
}

/// The keys of a checkpoint.
fn keys(checkpoint: &Checkpoint) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut slices = HashSet::new();
    for saved in checkpoint.variables("") {
        let saved = saved?;
        slices.extend(saved.slices().into_iter().map(|slice| slice.name));
        keys.push(saved.name().to_owned());
    }
    keys.retain(|name| !slices.contains(name));
    Ok(keys)
}

fn unexpected(checkpoint: &Checkpoint, matches: &[Match]) -> Result<Vec<String>> {
    let wanted: HashSet<&str> = matches.iter().map(|found| found.saved.name()).collect();
    Ok(keys(checkpoint)?.into_iter().filter(|name| !wanted.contains(name.as_str())).collect())
}

impl Match {
    /// How the checkpoint's value differs from what the variable takes.
    fn difference(&self, kind: ErrorKind) -> Option<String> {
        let Self { object, name, saved } = self;
        let (dtype, shape, is_open): (DType, Shape, bool) = match object {
            Object::Single(single) => {
                let state = single.state();
                (state.dtype(), state.shape.clone(), state.is_open())
            }
            Object::Whole(whole) => (whole.state().dtype, whole.state().shape.clone(), false),
        };
        if kind == ErrorKind::RestoreDtypeMismatch {
            let differs = saved.dtype() != dtype;
            return differs.then(|| format!("variable {name:?} is {dtype}, but {} in the checkpoint", saved.dtype()));
        }
        let differs = !is_open && *saved.shape() != shape;
        differs.then(|| format!("variable {name:?} has shape {shape}, but {} in the checkpoint", saved.shape()))
    }

    /// The values for the variable, or for each of its slices, read and checked.
    fn assignments(&self, into: &mut Vec<Assignment>) -> Result<()> {
        let mut assembled = None;
        match &self.object {
            Object::Single(single) => {
                let offset = vec![0; self.saved.shape().rank()];
                let payload = self.region(&offset, self.saved.shape(), &mut assembled)?;
                into.push((Arc::clone(single), payload, self.saved.shape().clone()));
            }
            Object::Whole(whole) => {
                for (offset, slice) in whole.state().slices.clone() {
                    let shape = slice.state().shape.clone();
                    let payload = self.region(&offset, &shape, &mut assembled)?;
                    into.push((slice, payload, shape));
                }
            }
        }
        Ok(())
    }

    /// A region of the saved value: as it lies there if it is a slice there too, else cut out of the whole.
    fn region(&self, offset: &[u64], shape: &Shape, assembled: &mut Option<Tensor>) -> Result<Arc<Payload>> {
        let as_it_lies = |single: &SavedSingle| {
            let payload = Arc::new(single.fresh_payload());
            payload.bytes().map(|_checked| payload.clone())
        };
        match self.saved.saved() {
            Saved::Single(single) if single.shape == *shape => return as_it_lies(single),
            Saved::Whole { slices, .. } => {
                if let Some((_, single)) = slices.iter().find(|(at, slice)| at == offset && slice.shape == *shape) {
                    return as_it_lies(single);
                }
            }
            _ => {}
        }
        if assembled.is_none() {
            *assembled = Some(self.saved.tensor()?);
        }
        let whole = assembled.as_ref().expect("it has just been assembled");
        Ok(Arc::new(Payload::in_memory(whole.cut(offset, shape)?.into_memory())))
    }
}
