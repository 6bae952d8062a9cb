//! Reclaiming beside saves that are not over: what they write, and what they count on, stays.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array1;
use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{Checkpoint, ErrorKind, Store, verify};

use crate::support::{folder, vector};

/// A disk that refuses to make manifests while it is told to.
#[derive(Default)]
struct Disk(AtomicBool);

impl Tap for Disk {
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict {
        let is_manifest = path.extension().is_some_and(|extension| extension == "manifest");
        if *op == Op::CreateFile && is_manifest && self.0.load(Ordering::SeqCst) {
            return Verdict::Fail(io::Error::from_raw_os_error(5));
        }
        Verdict::Go
    }
}

fn filled(value: f32) -> Array1<f32> {
    Array1::from_elem(5000, value)
}

fn open(path: &Path, disk: &Arc<Disk>) -> Store {
    Store::options().tap(disk.clone()).tidies_at_once(true).open(path).unwrap()
}

fn check_saved(path: &Path, tag: &str, value: f32) {
    let saved = Checkpoint::open(path, tag).unwrap().get("v").unwrap().read::<f32>().unwrap();
    assert!(saved.iter().all(|element| *element == value), "{tag}");
    let report = verify(path, None, &mut |_| ()).unwrap();
    assert!(report.is_sound(), "{:?}", report.damage);
}

/// Lets a save fail, after which the folders are looked through for what no commit names.
fn look_for_orphans(store: &Store, disk: &Disk) {
    disk.0.store(true, Ordering::SeqCst);
    vector(store, "other", vec![1.0]);
    assert_eq!(store.save("fails").unwrap_err().kind(), ErrorKind::Io);
    disk.0.store(false, Ordering::SeqCst);
    // Handed in behind: answered once that is done.
    assert_eq!(store.delete("none").unwrap_err().kind(), ErrorKind::TagNotFound);
}

/// A shard that a streamed save has begun is named by nobody yet.
#[test]
fn a_shard_being_written_is_no_orphan() {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = Arc::new(Disk::default());
    let store = open(&path, &disk);
    let v = vector(&store, "v", filled(1.0).to_vec());
    store.save("first").unwrap();
    let mut streamed = store.begin().unwrap();
    streamed.put_array(&v, &filled(2.0)).unwrap();
    look_for_orphans(&store, &disk);
    streamed.save("streamed").unwrap();
    drop((v, store));
    check_saved(&path, "streamed", 2.0);
}

/// Values that were streamed, and whose save failed after that, are the next save's: no commit names their shard yet.
#[test]
fn what_the_next_save_counts_on_is_no_orphan() {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = Arc::new(Disk::default());
    let store = open(&path, &disk);
    let v = vector(&store, "v", filled(1.0).to_vec());
    store.save("first").unwrap();
    let mut streamed = store.begin().unwrap();
    streamed.put_array(&v, &filled(2.0)).unwrap();
    assert_eq!(streamed.save("first").unwrap_err().kind(), ErrorKind::TagExists);
    look_for_orphans(&store, &disk);
    let next = store.save("next").unwrap();
    assert_eq!(next.bytes_new, 4, "but for `other` all lies in the shard that was streamed");
    drop((v, store));
    check_saved(&path, "next", 2.0);
}
