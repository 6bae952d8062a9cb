//! A disk that forgets: every operation recorded, and the disk rebuilt as a power loss could leave it.
//!
//! The model is what POSIX promises and no more. What was written to a file is there for certain once that file was
//! synced, and a name once its folder was; until then each effect may be there or not, by itself, and the last write that
//! is there may be cut short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use varkeep::testing::{Op, Tap, Verdict};

use crate::support::Seeded;

/// Something that happened to the disk.
#[derive(Clone, Debug)]
enum Event {
    MakeFolder(PathBuf),
    MakeFile(PathBuf),
    Write { path: PathBuf, offset: usize, bytes: Vec<u8> },
    SetLen { path: PathBuf, len: usize },
    Grow { path: PathBuf, len: usize },
    SyncFile(PathBuf),
    SyncFolder(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
    Link { from: PathBuf, to: PathBuf },
    Unlink(PathBuf),
}

/// Records what reaches the disk, in order, but for the catalog, which needs no order.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// How many events there are by now.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Plays the events to a disk; `at` is called before each, and after the last, with how many have happened.
    pub(crate) fn replay(&self, mut at: impl FnMut(usize, &Disk)) {
        let events = self.0.lock().unwrap().clone();
        let mut disk = Disk::default();
        for (happened, event) in events.into_iter().enumerate() {
            at(happened, &disk);
            disk.happen(event);
        }
        at(self.len(), &disk);
    }
}

impl Tap for Recorder {
    fn before(&self, _op: &Op<'_>, _path: &Path) -> Verdict {
        Verdict::Go
    }

    fn after(&self, op: &Op<'_>, path: &Path, ok: bool) {
        if !ok || std::thread::current().name() == Some("varkeep-catalog") {
            return;
        }
        let path = path.to_owned();
        let number = |n: u64| usize::try_from(n).unwrap();
        let event = match *op {
            Op::CreateDir => Event::MakeFolder(path),
            Op::CreateFile => Event::MakeFile(path),
            Op::Write { offset, bytes } => Event::Write { path, offset: number(offset), bytes: bytes.to_owned() },
            Op::Preallocate { offset, len } => Event::Grow { path, len: number(offset + len) },
            Op::SetLen { len } => Event::SetLen { path, len: number(len) },
            Op::SyncFile => Event::SyncFile(path),
            Op::SyncDir => Event::SyncFolder(path),
            Op::Rename { to, .. } => Event::Rename { from: path, to: to.to_owned() },
            Op::Link { to } => Event::Link { from: path, to: to.to_owned() },
            Op::Unlink => Event::Unlink(path),
            _ => return,
        };
        self.0.lock().unwrap().push(event);
    }
}

/// A file, whatever its names.
type FileId = usize;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Folder,
    File(FileId),
}

/// An effect that is not durable by itself yet.
#[derive(Clone, Debug)]
enum Effect {
    Write { file: FileId, offset: usize, bytes: Vec<u8> },
    SetLen { file: FileId, len: usize },
    Grow { file: FileId, len: usize },
    Add { name: PathBuf, node: Node },
    Remove { name: PathBuf },
    Move { from: PathBuf, to: PathBuf, node: Node },
}

impl Effect {
    fn is_of_file(&self, id: FileId) -> bool {
        match self {
            Self::Write { file, .. } | Self::SetLen { file, .. } | Self::Grow { file, .. } => *file == id,
            Self::Add { .. } | Self::Remove { .. } | Self::Move { .. } => false,
        }
    }

    fn is_of_folder(&self, folder: &Path) -> bool {
        match self {
            Self::Write { .. } | Self::SetLen { .. } | Self::Grow { .. } => false,
            Self::Add { name, .. } | Self::Remove { name } | Self::Move { to: name, .. } => {
                name.parent() == Some(folder)
            }
        }
    }
}

/// What is durable for certain.
#[derive(Clone, Debug, Default)]
struct Platter {
    names: BTreeMap<PathBuf, Node>,
    files: BTreeMap<FileId, Vec<u8>>,
}

impl Platter {
    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Write { file, offset, bytes } => {
                let held = self.files.entry(*file).or_default();
                held.resize(held.len().max(offset + bytes.len()), 0);
                held[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Effect::SetLen { file, len } => self.files.entry(*file).or_default().resize(*len, 0),
            Effect::Grow { file, len } => {
                let held = self.files.entry(*file).or_default();
                held.resize(held.len().max(*len), 0);
            }
            Effect::Add { name, node } => drop(self.names.insert(name.clone(), *node)),
            Effect::Remove { name } => drop(self.names.remove(name)),
            Effect::Move { from, to, node } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *node);
            }
        }
    }
}

/// A disk and what it has been told but not been made to keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// What a process sees.
    names: BTreeMap<PathBuf, Node>,
    durable: Platter,
    pending: Vec<Effect>,
    files: FileId,
}

/// Which of the effects that were not synced survive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survivors {
    None,
    All,
    /// Each by chance, writes perhaps in part.
    Some,
}

impl Disk {
    /// How many effects are not durable by themselves.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    fn file_at(&self, path: &Path) -> FileId {
        match self.names.get(path) {
            Some(Node::File(file)) => *file,
            other => panic!("{} is no file: {other:?}", path.display()),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::MakeFolder(name) => {
                if self.names.insert(name.clone(), Node::Folder).is_none() {
                    self.pending.push(Effect::Add { name, node: Node::Folder });
                }
            }
            Event::MakeFile(name) => {
                let node = Node::File(self.files);
                self.files += 1;
                self.names.insert(name.clone(), node);
                self.pending.push(Effect::Add { name, node });
            }
            Event::Write { path, offset, bytes } => {
                let file = self.file_at(&path);
                self.pending.push(Effect::Write { file, offset, bytes });
            }
            Event::SetLen { path, len } => {
                let file = self.file_at(&path);
                self.pending.push(Effect::SetLen { file, len });
            }
            Event::Grow { path, len } => {
                let file = self.file_at(&path);
                self.pending.push(Effect::Grow { file, len });
            }
            Event::SyncFile(path) => {
                let file = self.file_at(&path);
                self.settle(|effect| effect.is_of_file(file));
            }
            Event::SyncFolder(path) => self.settle(|effect| effect.is_of_folder(&path)),
            Event::Rename { from, to } => {
                let node = self.names.remove(&from).expect("what is renamed is there");
                self.names.insert(to.clone(), node);
                self.pending.push(Effect::Move { from, to, node });
            }
            Event::Link { from, to } => {
                let node = self.names[&from];
                self.names.insert(to.clone(), node);
                self.pending.push(Effect::Add { name: to, node });
            }
            Event::Unlink(name) => {
                if self.names.remove(&name).is_some() {
                    self.pending.push(Effect::Remove { name });
                }
            }
        }
    }

    fn settle(&mut self, is_settled: impl Fn(&Effect) -> bool) {
        let (settled, pending): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(is_settled);
        self.pending = pending;
        for effect in settled {
            self.durable.apply(&effect);
        }
    }

    /// Writes the disk, as a loss of power could leave it, into `target`, which takes the place of `root`.
    pub(crate) fn rebuild(&self, survivors: Survivors, seeded: &mut Seeded, root: &Path, target: &Path) {
        let mut platter = self.durable.clone();
        for effect in &self.pending {
            let survives = match survivors {
                Survivors::None => false,
                Survivors::All => true,
                Survivors::Some => seeded.below(2) == 0,
            };
            if !survives {
                continue;
            }
            match (survivors, effect) {
                (Survivors::Some, Effect::Write { file, offset, bytes }) if seeded.below(3) == 0 => {
                    let bytes = bytes[..seeded.below(bytes.len() + 1)].to_owned();
                    platter.apply(&Effect::Write { file: *file, offset: *offset, bytes });
                }
                _ => platter.apply(effect),
            }
        }
        // In the order of names a folder comes before what is in it; what is in one that is gone is gone too.
        for (name, node) in &platter.names {
            let Ok(below) = name.strip_prefix(root) else { continue };
            let target = target.join(below);
            if !target.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Folder => std::fs::create_dir_all(&target).unwrap(),
                Node::File(file) => {
                    std::fs::write(&target, platter.files.get(file).map_or(&[][..], Vec::as_slice)).unwrap();
                }
            }
        }
    }
}
