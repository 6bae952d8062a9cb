//! Looks at one disk after another, each as a power loss left it: what it holds, and that it can be gone on from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use varkeep::{Checkpoint, ErrorKind, SavedKind, Store, Which};

use super::disk::{Content, Image};
use super::recorded::Expected;
use crate::support::{CATALOG_WAIT, Kept, contents, files, folder, kept, members, vector};

/// A folder that holds one disk after another; what two of them share is not written again.
pub(super) struct Mount {
    folder: TempDir,
    there: BTreeMap<PathBuf, Arc<Content>>,
    folders: Vec<PathBuf>,
}

impl Mount {
    pub(super) fn new() -> Self {
        Self { folder: folder(), there: BTreeMap::new(), folders: Vec::new() }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Makes the folder hold this disk and nothing else.
    pub(super) fn hold(&mut self, image: &Image) {
        let root = self.folder.path();
        let is_there =
            |path: &PathBuf, content: &Content| image.files.get(path).is_some_and(|wanted| wanted.hash == content.hash);
        for (path, _) in self.there.extract_if(.., |path, content| !is_there(path, content)) {
            fs::remove_file(root.join(path)).unwrap();
        }
        for gone in self.folders.iter().filter(|folder| !image.folders.contains(*folder)).rev() {
            fs::remove_dir(root.join(gone)).unwrap();
        }
        for folder in &image.folders {
            if !self.folders.contains(folder) {
                fs::create_dir_all(root.join(folder)).unwrap();
            }
        }
        self.folders = image.folders.iter().cloned().collect();
        for (path, content) in &image.files {
            if !self.there.contains_key(path) {
                fs::write(root.join(path), &content.bytes).unwrap();
                self.there.insert(path.clone(), Arc::clone(content));
            }
        }
    }

    /// Forgets the disk, which was written to.
    pub(super) fn clear(&mut self) {
        fs::remove_dir_all(self.store()).unwrap();
        self.there.clear();
        self.folders.clear();
    }
}

/// What was found on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No store yet: its creation was cut off.
    Uncreated,
    /// The state that had been acknowledged.
    Acknowledged,
    /// One that had not been yet, whole.
    Later,
}

/// Reads the disk: it holds the last state that was acknowledged or a later one, whole, and is sound.
pub(super) fn read(path: &Path, allowed: &[Expected], is_created: bool, case: &dyn Fn() -> String) -> Found {
    let found = match kept(path) {
        Ok(found) => found,
        Err(error) => {
            let is_uncreated = [ErrorKind::StoreNotFound, ErrorKind::NotAStore].contains(&error.kind());
            assert!(!is_created && is_uncreated, "{}: {error:?}", case());
            return Found::Uncreated;
        }
    };
    let Some(which) = allowed.iter().position(|state| state.kept == found) else {
        panic!(
            "{}: a state that was neither acknowledged last nor begun later: {}\nallowed: {}",
            case(),
            in_short(&found),
            allowed.iter().map(|state| in_short(&state.kept)).collect::<Vec<_>>().join("\n         ")
        );
    };
    let report = varkeep::verify(path, None, &mut |_| ()).unwrap_or_else(|error| panic!("{}: {error:?}", case()));
    assert!(report.is_sound(), "{}: {:?}", case(), report.damage);
    // Commits that were about to go may be there again, but then all that they name is there too.
    for unused in report.unused {
        let name = unused.file_name().and_then(|name| name.to_str()).unwrap();
        if let Some(Ok(number)) = name.strip_suffix(".commit").map(str::parse) {
            let opened = Checkpoint::open(path, Which::Number(number)).and_then(|checkpoint| contents(&checkpoint));
            opened.unwrap_or_else(|error| panic!("{}: commit {number} dangles: {error:?}", case()));
        }
    }
    if which == 0 { Found::Acknowledged } else { Found::Later }
}

/// The store opens, takes a save, and leaves nothing that nobody needs.
pub(super) fn go_on(path: &Path, allowed: &[Expected], case: &dyn Fn() -> String) {
    let store = Store::open(path).unwrap_or_else(|error| panic!("{}: {error:?}", case()));
    let before = kept(path).unwrap();
    assert!(allowed.iter().any(|state| state.kept == before), "{}: opening changed what is kept", case());
    // By the manifests, or by the catalog if it is quick.
    assert_eq!(listed(&store), members_of(&before), "{}: what is listed at once", case());
    assert!(store.wait_for_catalog(CATALOG_WAIT), "{}: there is no catalog", case());
    assert_eq!(listed(&store), members_of(&before), "{}: what the catalog lists", case());
    vector(&store, "and_on", vec![1.0]);
    store.save("and-on").unwrap_or_else(|error| panic!("{}: {error:?}", case()));
    let policy = store.retention().unwrap().to_string();
    drop(store);
    let after = kept(path).unwrap();
    let mut expected = before.head.unwrap_or_default();
    expected.extend(after.tags["and-on"].get_key_value("and_on").map(|(name, held)| (name.clone(), held.clone())));
    assert_eq!(expected.len(), after.tags["and-on"].len(), "{}", case());
    assert!(after.tags["and-on"] == expected && after.head.as_ref() == Some(&expected), "{}", case());
    for (tag, contents) in &before.tags {
        let is_kept = after.tags.get(tag).map(|after| after == contents);
        assert!(is_kept == Some(true) || (is_kept.is_none() && policy != "all"), "{}: {tag} is lost", case());
    }
    drop(Store::open(path).unwrap());
    let report = varkeep::verify(path, None, &mut |_| ()).unwrap();
    assert!(report.is_sound(), "{}: {:?}", case(), report.damage);
    assert!(report.unused.is_empty(), "{}: orphans are left: {:?}", case(), report.unused);
    let names: Vec<PathBuf> = files(path).into_keys().collect();
    let catalogs = names.iter().filter(|name| name.extension().is_some_and(|extension| extension == "seal")).count();
    assert_eq!(catalogs, 1, "{}: {names:?}", case());
}

/// What the store says is in the collection of all variables, by name.
fn listed(store: &Store) -> BTreeMap<String, Vec<u8>> {
    members(store, "variables").into_iter().collect()
}

fn members_of(kept: &Kept) -> BTreeMap<String, Vec<u8>> {
    let is_member = |kind: &SavedKind| matches!(kind, SavedKind::Variable | SavedKind::SliceOf(_));
    let members = kept.head.iter().flatten().filter(|(_, held)| is_member(&held.kind));
    let members = members.filter(|(_, held)| held.collections.iter().any(|collection| collection == "variables"));
    members.map(|(name, held)| (name.clone(), held.bytes.clone())).collect()
}

/// Tags and names, with what tells values apart.
fn in_short(kept: &Kept) -> String {
    let of = |contents: &crate::support::Contents| {
        let held = contents.iter().map(|(name, held)| format!("{name}:{:08x}", crc32fast::hash(&held.bytes)));
        held.collect::<Vec<_>>().join(" ")
    };
    let tags = kept.tags.iter().map(|(tag, contents)| format!("{tag} [{}]", of(contents)));
    format!("head [{}] {}", kept.head.as_ref().map(of).unwrap_or_default(), tags.collect::<Vec<_>>().join(" "))
}
