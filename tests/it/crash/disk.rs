//! A disk that forgets: from what happened to it, all that a power loss could leave.
//!
//! The model is what POSIX promises and no more. What was written to a file is there for certain once that file was
//! synced, and a name once its folder was; until then each effect may be there or not, by itself, and a write that is
//! there may be so in part.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::recorder::Event;
use super::survivors::Fate;

/// The bytes of a file, and what tells them from others.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) hash: u128,
}

impl Content {
    pub(super) fn new(bytes: Vec<u8>) -> Arc<Self> {
        let hash = twox_hash::XxHash3_128::oneshot(&bytes);
        Arc::new(Self { bytes, hash })
    }
}

/// What is in a folder, by paths from there.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) files: BTreeMap<PathBuf, Arc<Content>>,
}

impl Image {
    /// Tells disks apart.
    pub(super) fn hash(&self) -> u128 {
        let mut text = Vec::new();
        for folder in &self.folders {
            text.extend(folder.as_os_str().as_encoded_bytes());
            text.push(0);
        }
        for (path, content) in &self.files {
            text.extend(path.as_os_str().as_encoded_bytes());
            text.push(1);
            text.extend(content.hash.to_le_bytes());
        }
        twox_hash::XxHash3_128::oneshot(&text)
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

/// What an event does to a disk.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Write { file: FileId, offset: usize, bytes: Vec<u8> },
    SetLen { file: FileId, len: usize },
    Grow { file: FileId, len: usize },
    Name(Naming),
}

/// What becomes of a name. Paths are those from the root of the disk.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    folder: PathBuf,
    removed: Option<PathBuf>,
    added: Option<(PathBuf, Node)>,
}

impl Effect {
    fn file(&self) -> Option<FileId> {
        match self {
            Self::Write { file, .. } | Self::SetLen { file, .. } | Self::Grow { file, .. } => Some(*file),
            Self::Name(_) => None,
        }
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    fn is_in_folder(&self, folder: &Path) -> bool {
        matches!(self, Self::Name(naming) if naming.folder == folder)
    }

    /// Does what this does to the bytes of its file.
    fn change(&self, held: &mut Vec<u8>, fate: Fate) {
        match self {
            Self::Write { offset, bytes, .. } => {
                for part in fate.parts(bytes.len()) {
                    let end = offset + part.end;
                    held.resize(held.len().max(end), 0);
                    held[offset + part.start..end].copy_from_slice(&bytes[part]);
                }
                if fate.reaches_its_end() {
                    held.resize(held.len().max(offset + bytes.len()), 0);
                }
            }
            Self::SetLen { len, .. } => held.resize(*len, 0),
            Self::Grow { len, .. } => held.resize(held.len().max(*len), 0),
            Self::Name(_) => {}
        }
    }
}

/// An effect that is not durable by itself yet, and which event it was.
#[derive(Debug)]
struct Pending {
    event: usize,
    effect: Effect,
}

/// A disk and what it has been told but not been made to keep.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    /// What a process sees.
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    durable_files: HashMap<FileId, Arc<Content>>,
    pending: Vec<Pending>,
    events: usize,
    empty: Arc<Content>,
    files: FileId,
}

impl Disk {
    /// An empty disk; what happens outside `root` is none of its business.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            durable_files: HashMap::new(),
            pending: Vec::new(),
            events: 0,
            empty: Content::new(Vec::new()),
            files: 0,
        }
    }

    /// The effects that are not durable by themselves.
    pub(super) fn pending(&self) -> impl ExactSizeIterator<Item = &Effect> {
        self.pending.iter().map(|pending| &pending.effect)
    }

    fn file_at(&self, path: &Path) -> FileId {
        match self.names.get(path) {
            Some(Node::File(file)) => *file,
            other => panic!("{} is no file: {other:?}", path.display()),
        }
    }

    pub(super) fn happen(&mut self, event: &Event) {
        self.events += 1;
        match event {
            Event::MakeFolder(name) => {
                if self.names.get(name) != Some(&Node::Folder) {
                    self.name(None, Some((name, Node::Folder)));
                }
            }
            Event::MakeFile(name) => {
                let node = Node::File(self.files);
                self.files += 1;
                self.name(None, Some((name, node)));
            }
            Event::Write { path, offset, bytes } => {
                let file = self.file_at(path);
                self.push(Effect::Write { file, offset: *offset, bytes: bytes.clone() });
            }
            Event::SetLen { path, len } => {
                let file = self.file_at(path);
                self.push(Effect::SetLen { file, len: *len });
            }
            Event::Grow { path, len } => {
                let file = self.file_at(path);
                self.push(Effect::Grow { file, len: *len });
            }
            Event::SyncFile { path, covers } => {
                let file = self.file_at(path);
                self.settle(*covers, |effect| effect.file() == Some(file));
            }
            Event::SyncFolder { path, covers } => {
                let path = self.below(path);
                self.settle(*covers, |effect| path.as_ref().is_some_and(|path| effect.is_in_folder(path)));
            }
            Event::Rename { from, to } => {
                let node = *self.names.get(from).expect("what is renamed is there");
                self.name(Some(from), Some((to, node)));
            }
            Event::Link { from, to } => {
                let node = self.names[from];
                self.name(None, Some((to, node)));
            }
            Event::Unlink(name) => {
                if self.names.contains_key(name) {
                    self.name(Some(name), None);
                }
            }
        }
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    /// Changes what a process sees at once, and the disk when its folder is synced.
    fn name(&mut self, removed: Option<&PathBuf>, added: Option<(&PathBuf, Node)>) {
        if let Some(removed) = removed {
            self.names.remove(removed);
        }
        if let Some((added, node)) = added {
            self.names.insert(added.clone(), node);
        }
        let removed = removed.and_then(|name| self.below(name));
        let added = added.and_then(|(name, node)| Some((self.below(name)?, node)));
        let name = added.as_ref().map(|(name, _)| name).or(removed.as_ref());
        // The root itself, and what is above, is where the disk is mounted.
        let Some(folder) = name.and_then(|name| name.parent()).map(Path::to_owned) else { return };
        self.push(Effect::Name(Naming { folder, removed, added }));
    }

    fn push(&mut self, effect: Effect) {
        self.pending.push(Pending { event: self.events - 1, effect });
    }

    /// Makes the effects durable that happened before a sync of their file or folder began.
    fn settle(&mut self, covers: usize, is_settled: impl Fn(&Effect) -> bool) {
        let mut changed: HashMap<FileId, Vec<u8>> = HashMap::new();
        let pending = std::mem::take(&mut self.pending);
        for pending in pending {
            if pending.event >= covers || !is_settled(&pending.effect) {
                self.pending.push(pending);
                continue;
            }
            match &pending.effect {
                Effect::Name(naming) => naming.apply(&mut self.durable_names),
                effect => {
                    let file = effect.file().expect("it is none of a name");
                    let held = changed.entry(file).or_insert_with(|| bytes_of(&self.durable_files, file));
                    effect.change(held, Fate::Whole);
                }
            }
        }
        self.durable_files.extend(changed.into_iter().map(|(file, bytes)| (file, Content::new(bytes))));
    }

    /// The disk as a loss of power could leave it; `fates` say what becomes of each effect that was not synced.
    pub(super) fn image(&self, fates: &[Fate]) -> Image {
        let mut names = self.durable_names.clone();
        let mut changed: HashMap<FileId, Vec<u8>> = HashMap::new();
        for (Pending { effect, .. }, fate) in self.pending.iter().zip(fates) {
            match effect {
                _ if *fate == Fate::Lost => {}
                Effect::Name(naming) => naming.apply(&mut names),
                effect => {
                    let file = effect.file().expect("it is none of a name");
                    let held = changed.entry(file).or_insert_with(|| bytes_of(&self.durable_files, file));
                    effect.change(held, *fate);
                }
            }
        }
        let changed: HashMap<FileId, Arc<Content>> =
            changed.into_iter().map(|(file, bytes)| (file, Content::new(bytes))).collect();
        let mut image = Image::default();
        // In the order of names a folder comes before what is in it; what is in one that is gone is gone too.
        for (name, node) in names {
            let is_there =
                name.parent().is_some_and(|folder| folder == Path::new("") || image.folders.contains(folder));
            match node {
                _ if !is_there => {}
                Node::Folder => drop(image.folders.insert(name)),
                Node::File(file) => {
                    let content = changed.get(&file).or_else(|| self.durable_files.get(&file));
                    let content = content.unwrap_or(&self.empty);
                    image.files.insert(name, Arc::clone(content));
                }
            }
        }
        image
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        if let Some(removed) = &self.removed {
            names.remove(removed);
        }
        if let Some((added, node)) = &self.added {
            names.insert(added.clone(), *node);
        }
    }
}

fn bytes_of(files: &HashMap<FileId, Arc<Content>>, file: FileId) -> Vec<u8> {
    files.get(&file).map(|content| content.bytes.clone()).unwrap_or_default()
}
