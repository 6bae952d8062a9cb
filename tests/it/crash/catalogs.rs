//! What a power loss may make of the catalog, whatever it makes of the rest: it is an index, and sled syncs little of it.

use std::path::PathBuf;

use super::disk::{Content, Image};
use super::recorded::{Catalog, Recorded};
use crate::support::Seeded;

/// A page of the file system.
const PAGE_BYTES: usize = 4096;

/// What becomes of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Absent,
    /// As some clean close left it, however many commits ago.
    Stale,
    /// Files of its names that hold anything.
    Garbage,
    /// Files cut short, with pages of zeros and with wrong bits, and perhaps without some.
    Torn,
}

/// Chooses a catalog; those there can be are those of closes before.
pub(super) fn choose(recorded: &Recorded, happened: usize, seeded: &mut Seeded) -> (Left, Catalog) {
    if happened < recorded.created {
        // A catalog is made for a store.
        return (Left::Absent, Catalog::new());
    }
    let before: Vec<&Catalog> =
        recorded.catalogs.iter().filter(|(events, _)| *events <= happened).map(|(_, catalog)| catalog).collect();
    if before.is_empty() {
        return match seeded.below(2) {
            0 => (Left::Absent, Catalog::new()),
            _ => (Left::Garbage, garbage(recorded.catalogs.first().map(|(_, catalog)| catalog), seeded)),
        };
    }
    // The last one more often than those before.
    let at = if seeded.below(2) == 0 { before.len() - 1 } else { seeded.below(before.len()) };
    match seeded.below(5) {
        0 => (Left::Absent, Catalog::new()),
        1 | 2 => (Left::Stale, before[at].clone()),
        3 => (Left::Garbage, garbage(Some(before[at]), seeded)),
        _ => (Left::Torn, torn(before[at], seeded)),
    }
}

/// Puts a catalog beside what else the disk holds, if there is a store.
pub(super) fn add(image: &mut Image, catalog: &Catalog) {
    let store = PathBuf::from("store");
    if !image.folders.contains(&store) {
        return;
    }
    for (path, content) in catalog {
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            image.folders.insert(store.join(folder));
        }
        image.files.insert(store.join(path), content.clone());
    }
}

fn noise(len: usize, seeded: &mut Seeded) -> Vec<u8> {
    (0..len.div_ceil(8)).flat_map(|_| seeded.next().to_le_bytes()).take(len).collect()
}

fn garbage(like: Option<&Catalog>, seeded: &mut Seeded) -> Catalog {
    let mut catalog = Catalog::new();
    for path in like.into_iter().flat_map(Catalog::keys) {
        let len = seeded.below(3000);
        catalog.insert(path.clone(), Content::new(noise(len, seeded)));
    }
    if catalog.is_empty() {
        catalog.insert(PathBuf::from("catalog-00/db"), Content::new(noise(3000, seeded)));
        catalog.insert(PathBuf::from("catalog-00.seal"), Content::new(noise(200, seeded)));
    }
    catalog
}

fn torn(catalog: &Catalog, seeded: &mut Seeded) -> Catalog {
    let mut torn = Catalog::new();
    for (path, content) in catalog {
        let mut bytes = content.bytes.clone();
        // What there is of sled's file lies at its beginning.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        match seeded.below(6) {
            0 => continue,
            1 if used > 0 => bytes.truncate(seeded.below(used)),
            2 if used > 0 => {
                let page = seeded.below(used) / PAGE_BYTES * PAGE_BYTES;
                let end = (page + PAGE_BYTES).min(bytes.len());
                bytes[page..end].fill(0);
            }
            3 if used > 0 => {
                for _ in 0..=seeded.below(3) {
                    bytes[seeded.below(used)] ^= 1 << seeded.below(8);
                }
            }
            _ => {
                torn.insert(path.clone(), content.clone());
                continue;
            }
        }
        torn.insert(path.clone(), Content::new(bytes));
    }
    torn
}
