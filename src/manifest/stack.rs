//! The manifests of one commit together: a base and its deltas, looked up newest first.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::{Body, Content, Entry, Extent, ManifestRef, PatchRecord};
use crate::id::StoreId;
use crate::io::Dir;
use crate::manifest::file::ManifestFile;
use crate::shard::ReadMode;

/// The manifests of one commit, newest first; the last is the base.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack(Vec<Arc<ManifestFile>>);

impl Stack {
    /// Opens the manifests that a commit lists.
    ///
    /// # Errors
    /// `corrupt`, if one is damaged, or if not exactly the last is a base; `io`, if one is missing.
    pub(crate) fn open(dir: &Dir, store: StoreId, references: &[ManifestRef], mode: ReadMode) -> Result<Self> {
        let files = references
            .iter()
            .map(|reference| ManifestFile::open(dir, store, reference, mode).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        Self::of(files)
    }

    pub(crate) fn of(files: Vec<Arc<ManifestFile>>) -> Result<Self> {
        let bases_last = files.iter().rev().enumerate().all(|(i, file)| file.is_base() == (i == 0));
        if bases_last {
            return Ok(Self(files));
        }
        Err(Error::corrupt("the manifests of a commit are not deltas over one base"))
    }

    pub(crate) fn files(&self) -> &[Arc<ManifestFile>] {
        &self.0
    }

    pub(crate) fn references(&self) -> Vec<ManifestRef> {
        self.0.iter().map(|file| *file.reference()).collect()
    }

    /// The entry of this name, with the patches of newer manifests applied.
    pub(crate) fn lookup(&self, name: &str) -> Result<Option<Entry>> {
        let mut patches = Vec::new();
        for file in &self.0 {
            let Some(i) = file.find(name)? else { continue };
            let entry = file.entry_at(i)?;
            match entry.body {
                Body::Patch(patch) => patches.push(patch),
                _ => return resolve(entry, patches),
            }
        }
        if patches.is_empty() { Ok(None) } else { Err(patch_of_nothing(name)) }
    }

    /// All entries whose names start with `prefix`, by name, with patches applied and removals left out.
    pub(crate) fn entries<'a>(&'a self, prefix: &'a str) -> Entries<'a> {
        Entries { stack: self, prefix, next: Vec::new(), failed: false, started: false }
    }
}

fn patch_of_nothing(name: &str) -> Error {
    Error::corrupt(format!("the manifests patch {name:?}, which none of them holds")).of_variable(name)
}

/// The entry as it is after patches, which are given newest first.
fn resolve(mut entry: Entry, patches: Vec<PatchRecord>) -> Result<Option<Entry>> {
    match &mut entry.body {
        Body::Removed if patches.is_empty() => return Ok(None),
        Body::Variable(record) => {
            for patch in patches.into_iter().rev() {
                record.content = patched(&record.content, &patch).map_err(|error| error.of_variable(&entry.name))?;
            }
        }
        _ if patches.is_empty() => {}
        _ => return Err(patch_of_nothing(&entry.name)),
    }
    Ok(Some(entry))
}

/// The content after a patch: the runs of the patch take the place of what lay there.
fn patched(content: &Content, patch: &PatchRecord) -> Result<Content> {
    if content.len_bytes != patch.len_bytes || content.chunk_bytes != patch.chunk_bytes {
        let what = format!(
            "a patch is for {} bytes in chunks of {}, but the variable has {} in chunks of {}",
            patch.len_bytes, patch.chunk_bytes, content.len_bytes, content.chunk_bytes
        );
        return Err(Error::corrupt(what));
    }
    let mut patched = Content { extents: Vec::new(), ..content.clone() };
    let mut next = 0;
    for run in &patch.runs {
        keep(content, next..run.first_chunk, &mut patched.extents);
        next = run.first_chunk + run.chunks.len() as u64;
        patched.chunks[run.first_chunk as usize..next as usize].copy_from_slice(&run.chunks);
        patched.extents.extend(&run.extents);
    }
    keep(content, next..content.chunks.len() as u64, &mut patched.extents);
    Ok(patched)
}

/// Adds the extents, or parts of them, that hold these chunks.
fn keep(content: &Content, chunks: std::ops::Range<u64>, extents: &mut Vec<Extent>) {
    for extent in &content.extents {
        let start = extent.first_chunk.max(chunks.start);
        let end = (extent.first_chunk + extent.chunks).min(chunks.end);
        if start < end {
            let offset = extent.offset + (start - extent.first_chunk) * content.chunk_bytes;
            extents.push(Extent { shard: extent.shard, offset, first_chunk: start, chunks: end - start });
        }
    }
}

/// Walks all manifests of a stack at once, in the order of names.
pub(crate) struct Entries<'a> {
    stack: &'a Stack,
    prefix: &'a str,
    /// For each manifest the place of its next entry.
    next: Vec<u64>,
    started: bool,
    failed: bool,
}

impl Entries<'_> {
    fn step(&mut self) -> Result<Option<Entry>> {
        if !self.started {
            self.next =
                self.stack.0.iter().map(|file| file.first_at_or_after(self.prefix)).collect::<Result<Vec<_>>>()?;
            self.started = true;
        }
        loop {
            let mut lowest: Option<&str> = None;
            for (file, next) in self.stack.0.iter().zip(&self.next) {
                if *next < file.len() {
                    let name = file.name_at(*next)?;
                    if lowest.is_none_or(|lowest| name < lowest) {
                        lowest = Some(name);
                    }
                }
            }
            let Some(lowest) = lowest.filter(|name| name.starts_with(self.prefix)) else { return Ok(None) };
            let mut found: Option<Entry> = None;
            let mut patches = Vec::new();
            for (file, next) in self.stack.0.iter().zip(&mut self.next) {
                if *next >= file.len() || file.name_at(*next)? != lowest {
                    continue;
                }
                *next += 1;
                if found.is_some() {
                    continue;
                }
                let entry = file.entry_at(*next - 1)?;
                match entry.body {
                    Body::Patch(patch) => patches.push(patch),
                    _ => found = Some(entry),
                }
            }
            let Some(entry) = found else { return Err(patch_of_nothing(lowest)) };
            if let Some(entry) = resolve(entry, patches)? {
                return Ok(Some(entry));
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}
