//! The manifests of one commit together: a base and its deltas, looked up newest first.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::error::{Error, Result};
use crate::format::{Body, Entry, ManifestRef};
use crate::id::StoreId;
use crate::io::Dir;
use crate::manifest::file::ManifestFile;
use crate::manifest::overlay::{overlay, patch_of_nothing};
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

    /// The stack with a manifest in the place of the `replaced` newest ones.
    pub(crate) fn with_newest(&self, file: Arc<ManifestFile>, replaced: usize) -> Result<Self> {
        Self::of(std::iter::once(file).chain(self.0[replaced..].iter().cloned()).collect())
    }

    /// The stack with one manifest in the place of those it was merged from; `None` if they are not all there, one behind
    /// the other.
    pub(crate) fn with_merged(&self, file: &Arc<ManifestFile>, from: &[Arc<ManifestFile>]) -> Option<Self> {
        let ids = |files: &[Arc<ManifestFile>]| files.iter().map(|file| file.id()).collect::<Vec<_>>();
        let start = self.0.windows(from.len().max(1)).position(|files| ids(files) == ids(from))?;
        let mut files = self.0.clone();
        files.splice(start..start + from.len(), [Arc::clone(file)]);
        Self::of(files).ok()
    }

    /// The sizes of the manifests in bytes, newest first.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.0.iter().map(|file| file.reference().len_bytes).collect()
    }

    /// The entry of this name, with the patches of newer manifests applied.
    pub(crate) fn lookup(&self, name: &str) -> Result<Option<Entry>> {
        let mut found: Option<Entry> = None;
        for file in &self.0 {
            let Some(i) = file.find(name)? else { continue };
            let entry = file.entry_at(i)?;
            let entry = match found {
                None => entry,
                Some(newer) => overlay(newer, entry)?,
            };
            if !matches!(entry.body, Body::Patch(_)) {
                return Ok(resolved(entry));
            }
            found = Some(entry);
        }
        found.map_or(Ok(None), |patch| Err(patch_of_nothing(&patch.name)))
    }

    /// All entries whose names start with `prefix`, by name, with patches applied and removals left out.
    pub(crate) fn entries<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Result<Entry>> + use<'a> {
        Entries::over(Vec::new(), Cursor::of(&self.0, prefix)).filter_map(settled)
    }

    /// What the newest manifests say together, by name: of the whole stack its entries; of a part of it also removals, and
    /// patches of what lies below.
    pub(crate) fn merged(&self, newest: usize) -> impl Iterator<Item = Result<Entry>> {
        self.merged_under(Vec::new(), newest)
    }

    /// As [`Stack::merged`], with newer entries laid over, which come by name. What those cover is not read.
    pub(crate) fn merged_under(&self, newer: Vec<Entry>, newest: usize) -> impl Iterator<Item = Result<Entry>> {
        let is_all = newest == self.0.len();
        let entries = Entries::over(newer, Cursor::of(&self.0[..newest], ""));
        entries.filter_map(move |entry| if is_all { settled(entry) } else { Some(entry) })
    }
}

/// What an entry comes to that has nothing below it.
fn settled(entry: Result<Entry>) -> Option<Result<Entry>> {
    match entry {
        Ok(Entry { name, body: Body::Patch(_), .. }) => Some(Err(patch_of_nothing(&name))),
        Ok(entry) => resolved(entry).map(Ok),
        Err(error) => Some(Err(error)),
    }
}

fn resolved(entry: Entry) -> Option<Entry> {
    if entry.body == Body::Removed { None } else { Some(entry) }
}

/// Walks several manifests at once, newest first, in the order of names.
struct Cursor<'a> {
    files: &'a [Arc<ManifestFile>],
    prefix: &'a str,
    /// For each manifest the place of its next entry; empty before the first step.
    next: Vec<u64>,
}

impl<'a> Cursor<'a> {
    fn of(files: &'a [Arc<ManifestFile>], prefix: &'a str) -> Self {
        Self { files, prefix, next: Vec::new() }
    }

    /// The name of the next entry.
    fn peek(&mut self) -> Result<Option<&'a str>> {
        if self.next.is_empty() {
            self.next =
                self.files.iter().map(|file| file.first_at_or_after(self.prefix)).collect::<Result<Vec<_>>>()?;
            // A prefix is asked for to find the few that have it.
            if self.prefix.is_empty() {
                self.files.iter().for_each(|file| file.read_ahead(0));
            }
        }
        let mut lowest: Option<&str> = None;
        for (file, next) in self.files.iter().zip(&self.next) {
            if *next < file.len() {
                let name = file.name_at(*next)?;
                if lowest.is_none_or(|lowest| name < lowest) {
                    lowest = Some(name);
                }
            }
        }
        Ok(lowest.filter(|name| name.starts_with(self.prefix)))
    }

    /// Reads the entry of the name that [`Cursor::peek`] gave, as what a newer one lies over.
    fn read(&mut self, name: &str, newer: Option<Entry>) -> Result<Option<Entry>> {
        let mut found = newer;
        for (file, next) in self.files.iter().zip(&mut self.next) {
            if *next >= file.len() || file.name_at(*next)? != name {
                continue;
            }
            *next += 1;
            if next.is_multiple_of(ManifestFile::AHEAD) {
                file.read_ahead(*next);
            }
            // What lies below anything but a patch is covered by it.
            found = match found {
                None => Some(file.entry_at(*next - 1)?),
                Some(newer) if matches!(newer.body, Body::Patch(_)) => Some(overlay(newer, file.entry_at(*next - 1)?)?),
                newer => newer,
            };
        }
        Ok(found)
    }
}

/// Entries laid over those of manifests, in the order of names.
struct Entries<'a> {
    newer: Peekable<IntoIter<Entry>>,
    older: Cursor<'a>,
    failed: bool,
}

impl<'a> Entries<'a> {
    fn over(newer: Vec<Entry>, older: Cursor<'a>) -> Self {
        Self { newer: newer.into_iter().peekable(), older, failed: false }
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        let Some(old) = self.older.peek()? else { return Ok(self.newer.next()) };
        match self.newer.peek().map_or(Ordering::Greater, |new| new.name.as_str().cmp(old)) {
            Ordering::Less => Ok(self.newer.next()),
            Ordering::Equal => {
                let new = self.newer.next();
                self.older.read(old, new)
            }
            Ordering::Greater => self.older.read(old, None),
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
