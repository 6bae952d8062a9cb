//! Reading a store's folder: its identity, its commits, its tags. Needs no lock.

use std::path::Path;

use crate::error::{Class, Error, ErrorKind, Result};
use crate::format::{Access, CommitRecord, StoreFile, TagEntry, file_names};
use crate::io::Dir;
use crate::name;

/// FORMAT and commit files are read into memory whole, up to this many bytes.
const SMALL_FILE_BYTES_MAX: usize = 64 << 20;

/// How often a reader looks again when commits come and go under its eyes.
const LOOKS_MAX: usize = 100;

/// Which commit of a store is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Which {
    /// The newest.
    #[default]
    Head,
    /// The one with this tag.
    Tag(String),
    /// The one with this number.
    Number(u64),
}

impl From<&str> for Which {
    fn from(tag: &str) -> Self {
        Self::Tag(tag.to_owned())
    }
}

impl From<String> for Which {
    fn from(tag: String) -> Self {
        Self::Tag(tag)
    }
}

impl From<&String> for Which {
    fn from(tag: &String) -> Self {
        Self::Tag(tag.clone())
    }
}

impl From<Option<&str>> for Which {
    fn from(tag: Option<&str>) -> Self {
        tag.map_or(Self::Head, Self::from)
    }
}

/// The folders of one store.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    pub(crate) root: Dir,
    pub(crate) commits: Dir,
    pub(crate) manifests: Dir,
    pub(crate) shards: Dir,
}

impl Folders {
    pub(crate) const COMMITS: &'static str = "commits";
    pub(crate) const MANIFESTS: &'static str = "manifests";
    pub(crate) const SHARDS: &'static str = "shards";

    /// The folders inside the store's.
    pub(crate) const PARTS: [&'static str; 3] = [Self::COMMITS, Self::MANIFESTS, Self::SHARDS];

    pub(crate) fn of(root: Dir) -> Self {
        let (commits, manifests, shards) =
            (root.child(Self::COMMITS), root.child(Self::MANIFESTS), root.child(Self::SHARDS));
        Self { root, commits, manifests, shards }
    }
}

/// A store's identity and commits, as found in its folder.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) folders: Folders,
    pub(crate) store: StoreFile,
}

impl History {
    /// Opens the store in this folder.
    pub(crate) fn open(root: Dir, access: Access) -> Result<Self> {
        let path = root.path().to_owned();
        let folders = Folders::of(root);
        let Some(bytes) = read_small(&folders.root, file_names::STORE_FILE)? else {
            return Err(absent(&folders, &path));
        };
        let in_file = |error: Error| error.in_file(path.join(file_names::STORE_FILE));
        let store = StoreFile::parse(&bytes, access).map_err(in_file)?;
        // What is unlinked in them has to be this store's own.
        Folders::PARTS.iter().try_for_each(|part| folders.root.check_child(part))?;
        Ok(Self { folders, store })
    }

    /// The numbers of all commit files, newest first.
    pub(crate) fn numbers(&self) -> Result<Vec<u64>> {
        // Also what is no file: where a link or a folder has taken the place of a commit, that is damage, which reading
        // it tells. Passing over it would be a silent step back.
        let files = self.folders.commits.list()?;
        let mut numbers: Vec<u64> =
            files.iter().filter_map(|file| file_names::commit_number(file.name.to_str()?)).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// The commit of this number; `None` if there is no such file.
    pub(crate) fn read(&self, number: u64) -> Result<Option<CommitRecord>> {
        let file_name = file_names::of_commit(number);
        let Some(bytes) = read_small(&self.folders.commits, &file_name)? else { return Ok(None) };
        let in_file = |error: Error| error.in_file(self.folders.commits.path().join(&file_name));
        let record = CommitRecord::parse(&bytes, self.store.id, Access::Read).map_err(in_file)?;
        if record.number != number {
            let what = format!("the file holds commit {}", record.number);
            return Err(in_file(Error::corrupt(what)));
        }
        Ok(Some(record))
    }

    /// Checks that a store of this version may write behind a commit.
    ///
    /// # Errors
    /// `unsupported_format`, if it has features that a writer has to know.
    pub(crate) fn check_writable(&self, number: u64) -> Result<()> {
        let file_name = file_names::of_commit(number);
        let Some(bytes) = read_small(&self.folders.commits, &file_name)? else { return Ok(()) };
        let checked = CommitRecord::parse(&bytes, self.store.id, Access::Write);
        checked.map(|_| ()).map_err(|error| error.in_file(self.folders.commits.path().join(&file_name)))
    }

    /// The newest commit; `None` if there is none yet.
    pub(crate) fn head(&self) -> Result<Option<CommitRecord>> {
        for _ in 0..LOOKS_MAX {
            let Some(newest) = self.numbers()?.first().copied() else { return Ok(None) };
            match self.read(newest) {
                // The writer has replaced it meanwhile.
                Ok(None) => {}
                Ok(Some(record)) => return Ok(Some(record)),
                Err(error) => return Err(self.advise_step_back(error, newest)),
            }
        }
        Err(busy(self.folders.root.path()))
    }

    /// Adds to an error about the newest commit how to open the one before: never a silent step back.
    pub(crate) fn advise_step_back(&self, error: Error, newest: u64) -> Error {
        if error.class() != Class::Corrupt {
            return error;
        }
        let before = self.numbers().ok().and_then(|numbers| {
            numbers.into_iter().find(|number| *number < newest && matches!(self.read(*number), Ok(Some(_))))
        });
        match before {
            Some(number) => error.advise(format!(
                "the newest commit, {newest}, is damaged; the one before it that is kept is {number}: open it with \
                 `Store::options().at_commit({number})`, or look at it as `STORE@commit:{number}`"
            )),
            None => error.advise(format!("the newest commit, {newest}, is damaged and no older one is kept")),
        }
    }

    /// The newest commit whose file can be read, for going on where the newest is damaged.
    pub(crate) fn newest_readable(&self) -> Result<Option<CommitRecord>> {
        for number in self.numbers()? {
            match self.read(number) {
                Err(error) if error.class() == Class::Corrupt => {}
                Ok(None) => {}
                read => return read,
            }
        }
        Ok(None)
    }

    /// The commit that is meant; `None` only for the head of a store without commits.
    pub(crate) fn find(&self, which: &Which) -> Result<Option<CommitRecord>> {
        match which {
            Which::Head => self.head(),
            Which::Number(number) => self.read(*number)?.map(Some).ok_or_else(|| {
                let kept: Vec<String> = self.numbers().unwrap_or_default().iter().map(u64::to_string).collect();
                Error::new(ErrorKind::TagNotFound, format!("there is no commit {number}"))
                    .in_file(self.folders.root.path())
                    .advise(format!("the commits kept are {}", kept.join(", ")))
            }),
            Which::Tag(tag) => self.tagged(tag).map(Some),
        }
    }

    fn tagged(&self, tag: &str) -> Result<CommitRecord> {
        for _ in 0..LOOKS_MAX {
            let head = self.head()?;
            let tags = head.as_ref().map_or(&[][..], |head| &head.tags);
            let Some(entry) = tags.iter().find(|entry| entry.tag == tag) else {
                return Err(tag_not_found(tag, tags.iter().map(|entry| entry.tag.as_str()), self.folders.root.path()));
            };
            match self.read(entry.number)? {
                Some(record) if record.id == entry.commit => return Ok(record),
                // Deleted meanwhile, or damage: the next look at the head tells which.
                _ => {
                    let again = self.head()?;
                    if again.is_some_and(|again| again.tags.contains(entry)) {
                        let what = format!("commit {} of tag {tag:?} is missing", entry.number);
                        return Err(Error::corrupt(what).in_file(self.folders.commits.path()));
                    }
                }
            }
        }
        Err(busy(self.folders.root.path()))
    }

    /// All commits that are kept, newest first: those with a tag, and the head.
    pub(crate) fn kept(&self) -> Result<Vec<CommitRecord>> {
        'look: for _ in 0..LOOKS_MAX {
            let Some(head) = self.head()? else { return Ok(Vec::new()) };
            let mut tagged: Vec<TagEntry> = head.tags.iter().filter(|entry| entry.commit != head.id).cloned().collect();
            tagged.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
            tagged.dedup_by_key(|entry| entry.commit);
            let mut kept = vec![head];
            for TagEntry { tag, commit, number } in tagged {
                let advised = |error: Error| match error.class() {
                    Class::Corrupt => error.advise(format!("delete the checkpoint {tag:?} to go on without it")),
                    _ => error,
                };
                match self.read(number).map_err(advised)? {
                    Some(record) if record.id == commit => kept.push(record),
                    _ if self.head()?.map(|head| head.id) != Some(kept[0].id) => continue 'look,
                    _ => {
                        let what = format!("commit {number} of tag {tag:?} is missing");
                        return Err(advised(Error::corrupt(what).in_file(self.folders.commits.path())));
                    }
                }
            }
            return Ok(kept);
        }
        Err(busy(self.folders.root.path()))
    }
}

pub(crate) fn tag_not_found<'a>(tag: &str, tags: impl Iterator<Item = &'a str>, path: &Path) -> Error {
    let near = name::nearest(tag, tags);
    let error = Error::new(ErrorKind::TagNotFound, format!("there is no checkpoint tagged {tag:?}")).in_file(path);
    if near.is_empty() {
        return error.advise("`varkeep log` lists those there are");
    }
    let near: Vec<String> = near.iter().map(|tag| format!("{tag:?}")).collect();
    error.advise(format!("did you mean {}?", near.join(" or ")))
}

fn busy(path: &Path) -> Error {
    Error::new(ErrorKind::StoreInUse, "the store changes faster than it can be read").in_file(path).advise("try again")
}

/// Why there is no FORMAT file: no store, or a damaged one.
fn absent(folders: &Folders, path: &Path) -> Error {
    let has_commits = folders.commits.list().is_ok_and(|files| !files.is_empty());
    if has_commits {
        return Error::corrupt("the store has commits but no FORMAT file")
            .in_file(path.join(file_names::STORE_FILE))
            .advise("copy FORMAT back from a backup of this store: it never changes");
    }
    Error::new(ErrorKind::NotAStore, "this is not a varkeep store")
        .in_file(path)
        .advise("a store is a folder with a file named FORMAT in it")
}

/// The bytes of a small file; `None` if there is none.
fn read_small(dir: &Dir, file_name: &str) -> Result<Option<Vec<u8>>> {
    let Some(file) = dir.find_file(file_name)? else { return Ok(None) };
    let len = usize::try_from(file.len())
        .ok()
        .filter(|len| *len <= SMALL_FILE_BYTES_MAX)
        .ok_or_else(|| Error::corrupt("the file is too long").in_file(file.path()))?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}
