//! What the topics share: folders, what a store holds as plain values, files on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use varkeep::{Checkpoint, DType, SavedKind, Shape, Store, Variable, init};

/// Longer than any catalog of these tests takes.
pub(crate) const CATALOG_WAIT: Duration = Duration::from_secs(60);

/// Whether this is the catalog's own thread, which works whenever it likes, and whose failures concern nobody.
pub(crate) fn is_catalog_thread() -> bool {
    std::thread::current().name() == Some("varkeep-catalog")
}

/// A folder for stores, in memory where that is possible: what is tested here is order, not the disk.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// What one name of a checkpoint holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) kind: SavedKind,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) bytes: Vec<u8>,
    pub(crate) collections: Vec<String>,
}

/// All names of a checkpoint.
pub(crate) type Contents = BTreeMap<String, Held>;

/// What a checkpoint holds.
pub(crate) fn contents(checkpoint: &Checkpoint) -> varkeep::Result<Contents> {
    let held = |saved: varkeep::SavedVariable| {
        Ok((
            saved.name().to_owned(),
            Held {
                kind: saved.kind(),
                dtype: saved.dtype(),
                shape: saved.shape().clone(),
                bytes: saved.tensor()?.bytes().to_vec(),
                collections: saved.collections().to_vec(),
            },
        ))
    };
    checkpoint.variables("").map(|saved| saved.and_then(held)).collect()
}

/// Everything a store keeps: the head's contents, and those of each tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    pub(crate) head: Option<Contents>,
    pub(crate) tags: BTreeMap<String, Contents>,
}

/// What the store in a folder keeps, read without opening it for writing.
pub(crate) fn kept(path: &Path) -> varkeep::Result<Kept> {
    let mut kept = Kept::default();
    for info in varkeep::checkpoints(path)? {
        let contents = contents(&Checkpoint::open(path, varkeep::Which::Number(info.number()))?)?;
        if let Some(tag) = info.tag() {
            kept.tags.insert(tag.to_owned(), contents.clone());
        }
        kept.head.get_or_insert(contents);
    }
    Ok(kept)
}

/// What is live in a store of all names of a collection, by the collection's order: name and bytes.
pub(crate) fn members(store: &Store, collection: &str) -> Vec<(String, Vec<u8>)> {
    let value = |variable: &Variable| variable.tensor().unwrap().bytes().to_vec();
    let members = store.collection(collection, "").unwrap();
    members.iter().map(|variable| (variable.name(), value(variable))).collect()
}

/// A variable of these elements.
pub(crate) fn vector(store: &Store, name: &str, elements: Vec<f32>) -> Variable {
    let root = store.root();
    let value = ndarray::Array1::from(elements);
    root.get_variable(name).initializer(init::array(value)).get().unwrap()
}

/// Copies a folder with all in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All files below a folder, with their bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.insert(entry.path(), fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// The files of a store but the lock's note and the catalog.
pub(crate) fn durable_files(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_durable = |path: &Path| {
        let below = path.strip_prefix(store).unwrap().to_string_lossy().into_owned();
        below != "LOCK" && !below.starts_with("catalog-")
    };
    files(store).into_iter().filter(|(path, _)| is_durable(path)).collect()
}

/// The one file of a folder of the store.
pub(crate) fn only_file(store: &Path, part: &str) -> PathBuf {
    let files: Vec<PathBuf> = files(&store.join(part)).into_keys().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// A number generator for tests that try many things: the same things for the same seed.
pub(crate) struct Seeded(u64);

impl Seeded {
    /// From this seed, which is printed so that a failure can be repeated.
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self::quiet(seed)
    }

    /// From a seed that the caller tells of where something fails.
    pub(crate) fn quiet(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
