//! The manifests of every checkpoint and what their entries refer to: other entries, and bytes in shards.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::{Body, CommitRecord, Content, Entry, Extent, ManifestRef, ShardRef, VariableRecord, file_names};
use crate::id::{ManifestId, ShardId};
use crate::io;
use crate::manifest::{ManifestFile, Stack};
use crate::shard::ReadMode;
use crate::verify::CheckpointHealth;
use crate::verify::findings::Findings;
use crate::verify::links::{Wholes, check_links};
use crate::verify::survey::{Kept, Survey};

/// Manifests are read through a buffer of this size before they are mapped.
const READ_BYTES: u64 = 1 << 20;

/// Everything that the kept checkpoints refer to.
#[derive(Default)]
pub(super) struct References {
    pub(super) checkpoints: Vec<Followed>,
    pub(super) shards: BTreeMap<ShardId, ShardUse>,
    /// Values of byte strings, each once.
    pub(super) strings: Vec<StringsUse>,
    /// Whether all that the kept checkpoints refer to is known.
    pub(super) is_complete: bool,
    manifests: HashMap<ManifestId, Option<Arc<ManifestFile>>>,
    strings_seen: HashSet<(ShardId, u64, u64, u64)>,
}

/// One checkpoint, as far as it could be followed.
pub(super) struct Followed {
    pub(super) number: u64,
    pub(super) record: Option<CommitRecord>,
    /// `None` if a manifest could not be opened.
    pub(super) stack: Option<Stack>,
    pub(super) tag: Option<String>,
    pub(super) variables: u64,
    pub(super) damaged: BTreeSet<String>,
    pub(super) readable: bool,
    /// Deleted while it was being checked, so that nothing is said of it.
    pub(super) is_gone: bool,
}

/// What a shard is needed for.
#[derive(Default)]
pub(super) struct ShardUse {
    /// What manifests say of it (one and the same, in a sound store), and which checkpoints rely on that, by their
    /// place in the list.
    pub(super) references: Vec<(ShardRef, BTreeSet<usize>)>,
    pub(super) chunks: BTreeSet<ChunkUse>,
}

/// A chunk of some variable, and what its bytes must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChunkUse {
    pub(super) offset: u64,
    pub(super) len_bytes: u64,
    pub(super) crc32: u32,
    pub(super) hash: u128,
    /// Each byte is 0 or 1.
    pub(super) is_bool: bool,
}

/// The value of a variable of byte strings.
pub(super) struct StringsUse {
    pub(super) count: u64,
    pub(super) content: Content,
}

impl References {
    /// Follows everything that the kept commits refer to, but into shards.
    pub(super) fn follow(survey: &Survey, findings: &mut Findings) -> Self {
        let mut references = Self { is_complete: survey.is_complete, ..Self::default() };
        for Kept { number, tag, record } in &survey.commits {
            let mut followed = Followed {
                number: *number,
                record: record.clone(),
                stack: None,
                tag: tag.clone(),
                variables: 0,
                damaged: BTreeSet::new(),
                readable: false,
                is_gone: false,
            };
            if let Some(record) = record {
                followed.stack = references.open(survey, record, &mut followed.is_gone, findings);
                followed.readable = followed.stack.is_some() && survey.hash_seed.is_some();
            }
            references.is_complete &= followed.stack.is_some() || followed.is_gone;
            references.enter(followed, findings);
        }
        references
    }

    /// Opens the manifests of a commit and checks those not seen before.
    fn open(
        &mut self,
        survey: &Survey,
        record: &CommitRecord,
        is_gone: &mut bool,
        findings: &mut Findings,
    ) -> Option<Stack> {
        let commits = &survey.history.folders.commits;
        let commit_path = commits.join(&file_names::of_commit(record.number));
        let mut files = Vec::new();
        let mut is_whole = true;
        for reference in &record.manifests {
            let path = survey.history.folders.manifests.join(&file_names::of_manifest(reference.id));
            let file = match self.manifests.entry(reference.id) {
                hash_map::Entry::Occupied(known) => known.get().clone(),
                hash_map::Entry::Vacant(place) => {
                    let file = match open_manifest(survey, reference, findings) {
                        Ok(file) => {
                            if let Err(error) = file.check_all() {
                                findings.add_error(&error, &path);
                            }
                            Some(Arc::new(file))
                        }
                        Err(error) if io::is_not_found(&error) && !survey.is_still_kept(record) => {
                            *is_gone = true;
                            return None;
                        }
                        Err(error) => {
                            findings.add_error(&error, &path);
                            None
                        }
                    };
                    place.insert(file).clone()
                }
            };
            findings.hurts_at(&path, record.number);
            match file {
                Some(file) if file.reference() == reference => files.push(file),
                Some(_) => {
                    is_whole = false;
                    let what = format!("the commit names another manifest {} than other commits do", reference.id);
                    let id = findings.add(&commit_path, None, what);
                    findings.hurts(id, record.number, None);
                }
                None => is_whole = false,
            }
        }
        if !is_whole {
            return None;
        }
        let stack = Stack::of(files).map_err(|error| {
            let id = findings.add_error(&error, &commit_path);
            findings.hurts(id, record.number, None);
        });
        stack.ok()
    }

    /// Adds a checkpoint and all that it refers to.
    fn enter(&mut self, mut followed: Followed, findings: &mut Findings) {
        let at = self.checkpoints.len();
        if let Some(stack) = followed.stack.clone() {
            for reference in stack.files().iter().flat_map(|file| file.shards()) {
                let known = &mut self.shards.entry(reference.id).or_default().references;
                match known.iter_mut().find(|(known, _)| known == reference) {
                    Some((_, by)) => drop(by.insert(at)),
                    None => known.push((*reference, BTreeSet::from([at]))),
                }
            }
            let mut wholes = Wholes::new();
            followed.readable &= for_each_name(&stack, |name| match stack.lookup(name) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    followed.variables += u64::from(counts(&entry));
                    if let Err(error) = check_links(&stack, &entry, &mut wholes) {
                        followed.damaged.insert(name.to_owned());
                        note(&stack, &error, name, followed.number, findings);
                    }
                    if let Body::Variable(record) = entry.body {
                        self.enter_content(record);
                    }
                }
                Err(error) => {
                    followed.damaged.insert(name.to_owned());
                    note(&stack, &error, name, followed.number, findings);
                }
            });
        }
        self.checkpoints.push(followed);
    }

    fn enter_content(&mut self, record: VariableRecord) {
        let is_bool = record.statics.dtype == DType::Bool;
        let mut content = record.content;
        for extent in &content.extents {
            let Some(shard) = self.shards.get_mut(&extent.shard) else { continue };
            let mut offset = extent.offset;
            for chunk in extent.first_chunk..extent.first_chunk + extent.chunks {
                let sum = content.chunks[chunk as usize];
                let len_bytes = (content.len_bytes - chunk * content.chunk_bytes).min(content.chunk_bytes);
                shard.chunks.insert(ChunkUse { offset, len_bytes, crc32: sum.crc32, hash: sum.hash, is_bool });
                offset += len_bytes;
            }
        }
        let Some(first) = content.extents.first().filter(|_| record.statics.dtype == DType::String) else { return };
        let count = record.shape.elements();
        if self.strings_seen.insert((first.shard, first.offset, content.len_bytes, count)) {
            // Their chunks are sound by the time they are looked at.
            content.chunks.clear();
            self.strings.push(StringsUse { count, content });
        }
    }

    /// Whether some kept checkpoint names this manifest.
    pub(super) fn names_manifest(&self, id: ManifestId) -> bool {
        self.manifests.contains_key(&id)
    }

    /// What the report says of the checkpoints.
    pub(super) fn into_health(self) -> Vec<CheckpointHealth> {
        let health = |followed: Followed| CheckpointHealth {
            number: followed.number,
            tag: followed.tag,
            variables: followed.variables,
            damaged: followed.damaged.into_iter().collect(),
            readable: followed.readable,
        };
        self.checkpoints.into_iter().filter(|followed| !followed.is_gone).map(health).collect()
    }
}

/// Reads a manifest by position, so that an error of the disk is an error, then maps it.
fn open_manifest(survey: &Survey, reference: &ManifestRef, findings: &mut Findings) -> Result<ManifestFile> {
    let dir = &survey.history.folders.manifests;
    let file = dir.open_file(&file_names::of_manifest(reference.id))?;
    let mut buffer = vec![0; READ_BYTES.min(file.len()) as usize];
    let mut offset = 0;
    while offset < file.len() {
        let part = &mut buffer[..(file.len() - offset).min(READ_BYTES) as usize];
        file.read_exact_at(part, offset)?;
        offset += part.len() as u64;
    }
    findings.read_file(file.len());
    ManifestFile::open(dir, survey.history.store.id, reference, ReadMode::Map)
}

/// Calls `f` with every name that some manifest of the stack holds, once each. Says whether these are all: a checkpoint of which
/// some names are not known cannot be listed or copied.
pub(super) fn for_each_name(stack: &Stack, mut f: impl FnMut(&str)) -> bool {
    let mut are_all = true;
    for (i, file) in stack.files().iter().enumerate() {
        for index in 0..file.len() {
            // Names that cannot be read were noted when the whole manifest was checked.
            let Ok(name) = file.name_at(index) else {
                are_all = false;
                continue;
            };
            let is_in_newer = stack.files()[..i].iter().any(|newer| matches!(newer.find(name), Ok(Some(_))));
            if !is_in_newer {
                f(name);
            }
        }
    }
    are_all
}

/// The bytes of a shard that an extent is.
pub(super) fn bytes_of(content: &Content, extent: &Extent) -> Range<u64> {
    let start = extent.first_chunk * content.chunk_bytes;
    let end = ((extent.first_chunk + extent.chunks) * content.chunk_bytes).min(content.len_bytes);
    extent.offset..extent.offset + (end - start)
}

fn note(stack: &Stack, error: &Error, name: &str, checkpoint: u64, findings: &mut Findings) {
    let path = stack.files().first().map_or(Path::new(""), |file| file.path());
    let id = findings.add_error(error, path);
    findings.hurts(id, checkpoint, Some(name));
}

/// Whether the entry counts as a variable: slices do as their whole.
fn counts(entry: &Entry) -> bool {
    match &entry.body {
        Body::Variable(record) => record.statics.slice.is_none(),
        Body::Whole(_) => true,
        Body::Alias(_) | Body::Removed | Body::Patch(_) => false,
    }
}
