//! What was found so far: counts and damage.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::verify::references::References;
use crate::verify::{CheckpointHealth, Damage, VerifyReport};

/// Everything that goes into the report but the checkpoints.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) chunks: u64,
    places: Vec<Place>,
    /// Where each place is in the list, so that one seen twice is reported once.
    index: HashMap<(PathBuf, Option<u64>, String), usize>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    offset_bytes: Option<u64>,
    what: String,
    advice: Option<String>,
    variables: BTreeSet<String>,
    checkpoints: BTreeSet<u64>,
}

/// A place in the list of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DamageId(usize);

impl Findings {
    /// Counts a file that was read.
    pub(super) fn read_file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Notes damage; the same place once.
    pub(super) fn add(&mut self, path: &Path, offset_bytes: Option<u64>, what: impl Into<String>) -> DamageId {
        let (path, what) = (path.to_owned(), what.into());
        let key = (path.clone(), offset_bytes, what.clone());
        let places = &mut self.places;
        let id = *self.index.entry(key).or_insert_with(|| {
            let (variables, checkpoints) = (BTreeSet::new(), BTreeSet::new());
            places.push(Place { path, offset_bytes, what, advice: None, variables, checkpoints });
            places.len() - 1
        });
        DamageId(id)
    }

    /// Notes what an error says; `path` is the file concerned if the error does not name it.
    pub(super) fn add_error(&mut self, error: &Error, path: &Path) -> DamageId {
        let what = match std::error::Error::source(error).filter(|_| error.kind() == ErrorKind::Io) {
            Some(cause) => format!("{}: {cause}", error.what()),
            None => error.what().to_owned(),
        };
        let id = self.add(error.path().unwrap_or(path), error.offset_bytes(), what);
        let advice = &mut self.places[id.0].advice;
        *advice = advice.take().or_else(|| error.advice().map(str::to_owned));
        id
    }

    /// Says what to do about damage.
    pub(super) fn advise(&mut self, id: DamageId, advice: String) {
        self.places[id.0].advice.get_or_insert(advice);
    }

    /// Says that damage hurts a checkpoint, and which of its variables if that is known.
    pub(super) fn hurts(&mut self, id: DamageId, checkpoint: u64, variable: Option<&str>) {
        let place = &mut self.places[id.0];
        place.checkpoints.insert(checkpoint);
        if let Some(variable) = variable.filter(|name| !place.variables.contains(*name)) {
            place.variables.insert(variable.to_owned());
        }
    }

    /// Says that whatever damage a file has hurts a checkpoint.
    pub(super) fn hurts_at(&mut self, path: &Path, checkpoint: u64) {
        for place in self.places.iter_mut().filter(|place| place.path == path) {
            place.checkpoints.insert(checkpoint);
        }
    }

    /// The report of what was checked, with advice where none was given yet.
    pub(super) fn into_report(self, references: References) -> VerifyReport {
        let checkpoints: Vec<CheckpointHealth> = references.into_health();
        let advice = what_is_left(&checkpoints);
        let mut damage: Vec<Damage> = self
            .places
            .into_iter()
            .map(|place| Damage {
                path: place.path,
                offset_bytes: place.offset_bytes,
                what: place.what,
                variables: place.variables.into_iter().collect(),
                checkpoints: place.checkpoints.into_iter().collect(),
                advice: place.advice.or_else(|| advice.clone()),
            })
            .collect();
        damage.sort_by(|a, b| (&a.path, a.offset_bytes).cmp(&(&b.path, b.offset_bytes)));
        let (files, bytes, chunks) = (self.files, self.bytes, self.chunks);
        VerifyReport { files, bytes, chunks, checkpoints, damage, ..VerifyReport::default() }
    }
}

/// What can still be read, if anything.
fn what_is_left(checkpoints: &[CheckpointHealth]) -> Option<String> {
    let sound = checkpoints.iter().find(|health| health.readable && health.damaged.is_empty());
    if let Some(health) = sound {
        let tag = health.tag.as_ref().map(|tag| format!(", tagged {tag:?}")).unwrap_or_default();
        return Some(format!("the newest checkpoint without damage is commit {}{tag}", health.number));
    }
    let partly = checkpoints.iter().find(|health| health.readable)?;
    Some(format!(
        "no checkpoint is without damage; of commit {} all variables but {} can be read",
        partly.number,
        partly.damaged.len()
    ))
}
