//! Opening a store, and creating one.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Reading, View};
use crate::commit::{Folders, History, Which};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Access, StoreFile, file_names};
use crate::id::StoreId;
use crate::io::tap::Tap;
use crate::io::{self, Dir, FolderLock, How, Kind, NoTap, PublishError};
use crate::shard::{ReadMode, Shards, Verification};
use crate::store::Store;
use crate::store::publish::Publisher;
use crate::store::publisher::PublisherThread;
use crate::store::state::{Saving, StoreState};
use crate::sync::thread;
use crate::variable::{BUDGET_BYTES, Reserve};

/// How a store is to be opened.
#[derive(Clone)]
#[must_use = "a store is opened by `open`"]
pub struct Options {
    reading: Reading,
    at_commit: Option<u64>,
    create: bool,
    seed: Option<u64>,
    threads: usize,
    save_memory_bytes: u64,
    tidies_at_once: bool,
    tap: Arc<dyn Tap>,
}

impl Default for Options {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
        let (reading, tap) = (Reading::default(), NoTap::shared());
        Self {
            reading,
            at_commit: None,
            create: true,
            seed: None,
            threads,
            save_memory_bytes: BUDGET_BYTES,
            tidies_at_once: false,
            tap,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("reading", &self.reading)
            .field("at_commit", &self.at_commit)
            .field("create", &self.create)
            .field("seed", &self.seed)
            .field("threads", &self.threads)
            .field("save_memory_bytes", &self.save_memory_bytes)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// When checksums of payload are checked.
    pub fn verification(mut self, verification: Verification) -> Self {
        self.reading.verification = verification;
        self
    }

    /// How payload comes from the disk.
    pub fn read_mode(mut self, mode: ReadMode) -> Self {
        self.reading.mode = mode;
        self
    }

    /// Opens an older commit that is kept, by its number, where the newest is damaged. The next commit goes on from it
    /// and becomes the newest; other checkpoints keep their tags.
    pub fn at_commit(mut self, number: u64) -> Self {
        self.at_commit = Some(number);
        self
    }

    /// Whether a store that does not exist is created; it is unless this says `false`.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The seed that unseeded random initializers derive theirs from, for this session; the store's own if absent.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How much memory values may take that have been changed while a save was writing them; 192 MiB unless this says
    /// otherwise. Where it is not enough, changes wait for the save. It serves again for the next save, and for updates.
    ///
    /// Beside it a save takes its buffers, 6 MiB on two cores whatever the size of the state, and an update the copy it
    /// works on: less than 256 MiB together, unless a variable is larger than 32 MiB.
    pub fn save_memory_bytes(mut self, bytes: u64) -> Self {
        self.save_memory_bytes = bytes;
        self
    }

    /// Whether what is of no further use is removed before the next commit, and not when there is time: for tests, which
    /// then see the same operations each time.
    #[doc(hidden)]
    pub fn tidies_at_once(mut self, at_once: bool) -> Self {
        self.tidies_at_once = at_once;
        self
    }

    /// Watches or disturbs every operation on files: for tests of durability.
    #[doc(hidden)]
    pub fn tap(mut self, tap: Arc<dyn Tap>) -> Self {
        self.tap = tap;
        self
    }

    /// Opens the store in the folder at `path` for reading and writing, creating it if there is none.
    ///
    /// # Errors
    /// `store_in_use`, if this or another process has it open for writing; `not_a_store`, `store_not_found`,
    /// `unsupported_format`, `tag_not_found` (for [`Options::at_commit`]); `corrupt`, which names the file and, if it is
    /// the newest commit that is damaged, says how to open the one before; `io`.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Store> {
        let root = self.folder(path.as_ref())?;
        let folders = Folders::of(root.clone());
        // Before anything is touched: a folder that is not ours, or not this version's, stays as it is.
        if root.exists(file_names::STORE_FILE)? {
            History::open(root.clone(), Access::Write)?;
        } else {
            self.check_creation(&folders)?;
        }
        let lock = FolderLock::acquire(&root)?;
        if !root.exists(file_names::STORE_FILE)? {
            self.check_creation(&folders)?;
            self.create_in(&folders)?;
        }
        let history = History::open(root, Access::Write)?;
        let shards = Shards::new(history.folders.shards.clone(), history.store.id);
        let which = self.at_commit.map_or(Which::Head, Which::Number);
        let base = View::open(&history, &shards, &which, self.reading)?;
        // Where an older commit is gone on from, the tags are still those of the newest one that can be read.
        let head = match self.at_commit {
            None => base.commit().cloned(),
            Some(_) => history.newest_readable()?,
        };
        if let Some(head) = &head {
            history.check_writable(head.number)?;
        }
        let next_number = next_number(&history)?;
        let next_ordinal = head.as_ref().map_or(0, |head| head.next_ordinal);
        let seed = self.seed.unwrap_or(history.store.hash_seed);
        let saving = Saving { threads: self.threads, reserve: Reserve::new(self.save_memory_bytes) };
        let base = Arc::new(base);
        let state = StoreState::new(history, shards, base, next_ordinal, self.reading, seed, saving);
        let state = Arc::new(state);
        // sled's threads are under no scheduler; without a catalog all is found in the manifests.
        if !cfg!(shuttle) {
            state.start_catalog()?;
        }
        // An older commit is opened to get around damage: nothing is reclaimed before the damage is replaced.
        let publisher =
            Publisher::new(Arc::clone(&state), head, next_number, self.at_commit.is_none(), self.tidies_at_once);
        let publisher = PublisherThread::start(publisher)?;
        Ok(Store { publisher: Some(publisher), state, lock: Some(lock) })
    }

    /// The folder at the path, made if there is none.
    fn folder(&self, path: &Path) -> Result<Dir> {
        match Dir::open(path, Arc::clone(&self.tap)) {
            Err(error) if io::is_not_found(&error) && self.create => Dir::create(path, Arc::clone(&self.tap)),
            Err(error) if io::is_not_found(&error) => {
                Err(Error::new(ErrorKind::StoreNotFound, "there is no store here").in_file(path))
            }
            Err(error) if io::is_not_a_folder(&error) => {
                Err(Error::new(ErrorKind::NotAStore, "this is a file, and a store is a folder").in_file(path))
            }
            opened => opened,
        }
    }

    /// Checks that a folder without FORMAT may become a store: that it is empty, or a creation that was cut off.
    fn check_creation(&self, folders: &Folders) -> Result<()> {
        let root = &folders.root;
        let mut foreign = None;
        for entry in root.list()? {
            let name = entry.name.to_string_lossy();
            if entry.kind == Kind::Folder && Folders::PARTS.contains(&&*name) {
                if !root.child(&name).list()?.is_empty() {
                    return Err(Error::corrupt(format!("the store has {name} but no FORMAT file"))
                        .in_file(root.path().join(file_names::STORE_FILE))
                        .advise("copy FORMAT back from a backup of this store: it never changes"));
                }
            } else if *name != *io::LOCK_NOTE && !io::is_temp_name(&name) {
                foreign.get_or_insert(name.into_owned());
            }
        }
        if let Some(name) = foreign {
            let what = format!("the folder holds {name:?} and is not a varkeep store");
            return Err(Error::new(ErrorKind::NotAStore, what)
                .in_file(root.path())
                .advise("give the path of a store, or of a folder that is empty or does not exist yet"));
        }
        if !self.create {
            return Err(Error::new(ErrorKind::StoreNotFound, "there is no store here").in_file(root.path()));
        }
        Ok(())
    }

    /// Makes the files of a new store, or completes a creation that was cut off. FORMAT comes last: without it the
    /// folder is no store yet.
    fn create_in(&self, folders: &Folders) -> Result<()> {
        let root = &folders.root;
        // Whoever made the folder may not have made that durable.
        Dir::create(root.path(), Arc::clone(root.tap()))?;
        for part in Folders::PARTS {
            root.create_child(part)?;
        }
        let record = StoreFile {
            id: StoreId::from_bytes(io::random_128()?),
            hash_seed: self.seed.map_or_else(io::random_seed, Ok)?,
            created_unix_millis: io::unix_millis_now(),
        };
        match io::publish_bytes(root, file_names::STORE_FILE, &record.encode()?, How::Replace) {
            Ok(()) => Ok(()),
            Err(PublishError::NameTaken) => {
                Err(Error::corrupt("FORMAT came into being meanwhile").in_file(root.path()))
            }
            Err(PublishError::Before(error) | PublishError::Unknown(error)) => Err(error),
        }
    }
}

/// The number behind those of all commit files there are, readable or not.
fn next_number(history: &History) -> Result<u64> {
    let newest = history.numbers()?.first().copied().unwrap_or_default();
    newest.checked_add(1).ok_or_else(|| {
        Error::corrupt(format!("no commit can follow number {newest}")).in_file(history.folders.commits.path())
    })
}
