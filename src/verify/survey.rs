//! FORMAT and the commit files: whose the store is, and which commits are kept.

use std::collections::BTreeMap;
use std::path::Path;

use crate::checkpoint;
use crate::commit::{Folders, History, Which, tag_not_found};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Access, CommitRecord, Header, StoreFile, TagEntry, file_names};
use crate::id::StoreId;
use crate::io::{self, Dir, NoTap};
use crate::verify::findings::{DamageId, Findings};

/// How often the survey begins again when commits come and go under its eyes.
const LOOKS_MAX: usize = 100;

/// The header of a commit file: enough to learn whose it is.
const HEADER_BYTES: usize = 64;

/// What a check has to do with.
pub(super) struct Survey {
    pub(super) history: History,
    /// Keys the hashes of chunks; not known without FORMAT, and then the store cannot be opened either.
    pub(super) hash_seed: Option<u64>,
    /// The kept commits, newest first.
    pub(super) commits: Vec<Kept>,
    /// Whether these are all: with a damaged head it is not known which commits are kept.
    pub(super) is_complete: bool,
}

/// A commit that is kept.
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) tag: Option<String>,
    /// `None` if its file is damaged or missing.
    pub(super) record: Option<CommitRecord>,
}

impl Survey {
    /// Looks at the store at `path`: all of it, or one checkpoint.
    pub(super) fn take(path: &Path, which: Option<&Which>, findings: &mut Findings) -> Result<Self> {
        let (history, without_format) = identify(path, findings)?;
        Self::of(history, without_format, which, findings)
    }

    /// As [`Survey::take`], of a store that is known; `without_format` is the damage to FORMAT.
    pub(super) fn of(
        history: History,
        without_format: Option<DamageId>,
        which: Option<&Which>,
        findings: &mut Findings,
    ) -> Result<Self> {
        let mut look = match Look::that_holds(&history) {
            // The whole folder of commits is gone.
            Err(error) if io::is_not_found(&error) => {
                findings.add_error(&error, history.folders.commits.path());
                Look::default()
            }
            look => look?,
        };
        let selected = which.map(|which| look.select(&history, which)).transpose()?;
        let needs_head = !matches!(which, Some(Which::Number(_)));
        let Look { head, tags, found, wrong } = look;
        let mut commits = Vec::new();
        for (number, record) in found.into_iter().rev() {
            let is_selected = selected.is_none_or(|selected| selected == number);
            // Whoever asks for a tag, or for the newest, needs the head besides.
            if !is_selected && !(needs_head && head == Some(number)) {
                continue;
            }
            let name = file_names::of_commit(number);
            let path = history.folders.commits.join(&name);
            if let Ok(Some(file)) = history.folders.commits.find_file(&name) {
                findings.read_file(file.len());
            }
            for (_, error) in wrong.iter().filter(|(at, _)| *at == number) {
                let id = findings.add_error(error, &path);
                findings.hurts(id, number, None);
            }
            let record = record.map_err(|error| {
                let id = findings.add_error(&error, &path);
                findings.hurts(id, number, None);
            });
            if is_selected {
                let tag = tags.iter().find(|entry| entry.number == number).map(|entry| entry.tag.clone());
                commits.push(Kept { number, tag, record: record.ok() });
            }
        }
        if let Some(damage) = without_format {
            commits.iter().for_each(|commit| findings.hurts(damage, commit.number, None));
        }
        let hash_seed = without_format.is_none().then_some(history.store.hash_seed);
        let is_complete = commits.iter().all(|commit| commit.record.is_some());
        Ok(Self { history, hash_seed, commits, is_complete })
    }

    /// Whether a commit of which a file is gone is there itself: then that is damage. Otherwise it is being deleted.
    pub(super) fn is_still_kept(&self, record: &CommitRecord) -> bool {
        match self.history.read(record.number) {
            Ok(again) => again.is_some_and(|again| again.id == record.id),
            Err(_) => true,
        }
    }
}

/// The store at `path`. Where FORMAT is damaged that is noted, and the commit files say whose they are.
fn identify(path: &Path, findings: &mut Findings) -> Result<(History, Option<DamageId>)> {
    let error = match checkpoint::history_at(path) {
        Ok(history) => {
            if let Ok(Some(file)) = history.folders.root.find_file(file_names::STORE_FILE) {
                findings.read_file(file.len());
            }
            return Ok((history, None));
        }
        Err(error) => error,
    };
    let Ok(root) = Dir::open(path, NoTap::shared()) else { return Err(error) };
    let folders = Folders::of(root);
    let format = folders.root.join(file_names::STORE_FILE);
    let is_damage = error.path() == Some(&*format) && error.kind() != ErrorKind::UnsupportedFormat;
    let owner = newest_owner(&folders);
    if !is_damage || (owner.is_none() && error.kind() == ErrorKind::NotAStore) {
        return Err(error);
    }
    let damage = findings.add_error(&error, &format);
    findings.advise(damage, "copy FORMAT back from a backup of this store: it never changes".to_owned());
    let id = owner.unwrap_or(StoreId::from_bytes([0; 16]));
    Ok((History { folders, store: StoreFile { id, hash_seed: 0, created_unix_millis: 0 } }, Some(damage)))
}

/// Whose the newest commit file is that can tell.
fn newest_owner(folders: &Folders) -> Option<StoreId> {
    let files = folders.commits.list().ok()?;
    let names = files.iter().rev().filter_map(|file| file.file_name());
    names.filter(|name| file_names::commit_number(name).is_some()).find_map(|name| {
        let mut header = [0; HEADER_BYTES];
        folders.commits.open_file(name).ok()?.read_exact_at(&mut header, 0).ok()?;
        Some(Header::peek(&header, Access::Read).ok()?.store)
    })
}

/// What the folder of commits holds at one moment.
#[derive(Default)]
struct Look {
    head: Option<u64>,
    tags: Vec<TagEntry>,
    /// The kept commits; all there are, if the head is damaged.
    found: BTreeMap<u64, Result<CommitRecord>>,
    /// What is wrong with commits that can be read.
    wrong: Vec<(u64, Error)>,
}

impl Look {
    /// Looks until nothing was deleted meanwhile.
    fn that_holds(history: &History) -> Result<Self> {
        for _ in 0..LOOKS_MAX {
            if let Some(look) = Self::once(history)? {
                return Ok(look);
            }
        }
        Err(Error::new(ErrorKind::StoreInUse, "the store changes faster than it can be read")
            .in_file(history.folders.root.path())
            .advise("try again"))
    }

    /// `None` if the commits changed meanwhile.
    fn once(history: &History) -> Result<Option<Self>> {
        let numbers = history.numbers()?;
        let Some(newest) = numbers.first().copied() else { return Ok(Some(Self::default())) };
        let mut look = Self { head: Some(newest), ..Self::default() };
        match history.read(newest) {
            Ok(None) => return Ok(None),
            Ok(Some(head)) => {
                look.tags.clone_from(&head.tags);
                let head_id = head.id;
                look.found.insert(newest, Ok(head));
                let is_head_still = || matches!(history.head(), Ok(Some(again)) if again.id == head_id);
                return Ok(look.read_tagged(history, is_head_still).then_some(look));
            }
            Err(error) => {
                let _damaged = look.found.insert(newest, Err(history.advise_step_back(error, newest)));
            }
        }
        // Which commits are kept is not known, so all that are there count.
        for number in numbers.into_iter().skip(1) {
            if let Some(record) = history.read(number).transpose() {
                if let (Ok(record), true) = (&record, look.tags.is_empty()) {
                    look.tags.clone_from(&record.tags);
                }
                look.found.insert(number, record);
            }
        }
        Ok(Some(look))
    }

    /// Reads the commits that tags name. Says whether they were there as long as the head was.
    fn read_tagged(&mut self, history: &History, is_head_still: impl Fn() -> bool) -> bool {
        for TagEntry { tag, commit, number } in &self.tags {
            if !self.found.contains_key(number) {
                let record = history.read(*number).and_then(|record| {
                    record
                        .ok_or_else(|| Error::corrupt(format!("commit {number}, which tag {tag:?} names, is missing")))
                });
                if record.is_err() && !is_head_still() {
                    return false;
                }
                self.found.insert(*number, record);
            }
            if let Some(Ok(record)) =
                self.found.get(number).filter(|record| !record.as_ref().is_ok_and(|r| r.id == *commit))
            {
                let what = format!("the file holds commit {}, and tag {tag:?} names {commit}", record.id);
                self.wrong.push((*number, Error::corrupt(what)));
            }
        }
        true
    }

    /// The number of the commit that is meant.
    fn select(&mut self, history: &History, which: &Which) -> Result<u64> {
        match which {
            Which::Head => self.head.ok_or_else(|| {
                Error::new(ErrorKind::RestoreNoCheckpoint, "the store has no commit yet")
                    .in_file(history.folders.root.path())
                    .advise("save one first")
            }),
            Which::Number(number) => {
                if !self.found.contains_key(number) {
                    let record = match history.find(which) {
                        Err(error) if error.kind() == ErrorKind::TagNotFound => return Err(error),
                        record => record.transpose().unwrap_or_else(|| Err(Error::corrupt("the commit is missing"))),
                    };
                    self.found.insert(*number, record);
                }
                Ok(*number)
            }
            Which::Tag(tag) => match self.tags.iter().find(|entry| entry.tag == *tag) {
                Some(entry) => Ok(entry.number),
                None => {
                    let head = self.head.and_then(|head| self.found.remove(&head));
                    let tags = self.tags.iter().map(|entry| entry.tag.as_str());
                    Err(head
                        .and_then(Result::err)
                        .unwrap_or_else(|| tag_not_found(tag, tags, history.folders.root.path())))
                }
            },
        }
    }
}
