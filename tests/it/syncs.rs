//! A sync that fails: whoever waited for it hears so, whichever it was, and no file is synced a second time after that.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ndarray::Array2;
use varkeep::scope::partitioner::fixed_size;
use varkeep::testing::{Op, Tap, Verdict};
use varkeep::{ErrorKind, Result, Store, Variable, init, verify};

use crate::support::{folder, is_catalog_thread, kept};

/// A disk on which one sync fails, counted from when it is told to.
#[derive(Default)]
struct FailingSync(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many more succeed; `None` if all do.
    left: Option<usize>,
    failed: Option<PathBuf>,
    /// Whether the file whose sync failed was synced again.
    again: bool,
}

impl FailingSync {
    fn fail_after(&self, left: usize) {
        *self.0.lock().unwrap() = State { left: Some(left), ..State::default() };
    }

    /// Which sync has failed, if one has; from now on none does.
    fn failed(&self) -> Option<PathBuf> {
        let mut state = self.0.lock().unwrap();
        state.left = None;
        state.failed.clone()
    }
}

impl Tap for FailingSync {
    fn before(&self, op: &Op<'_>, path: &Path) -> Verdict {
        if !matches!(op, Op::SyncFile | Op::SyncDir) || is_catalog_thread() {
            return Verdict::Go;
        }
        let mut state = self.0.lock().unwrap();
        state.again |= *op == Op::SyncFile && state.failed.as_deref() == Some(path);
        match state.left {
            Some(0) => {
                state.left = None;
                state.failed = Some(path.to_owned());
                Verdict::Fail(io::Error::from_raw_os_error(5))
            }
            left => {
                state.left = left.map(|left| left - 1);
                Verdict::Go
            }
        }
    }
}

/// A way of making the state durable under a tag.
type MakeDurable = fn(&Store, &str) -> Result<()>;

const WAYS: [(&str, MakeDurable); 3] = [
    ("save", |store, tag| store.save(tag).map(drop)),
    ("save_in_background", |store, tag| store.save_in_background(tag)?.wait().map(drop)),
    ("streamed", |store, tag| {
        let mut commit = store.begin()?;
        let value = Array2::from_elem((9, 4), 2.0_f32);
        commit.put_array(&store.find("put")?.expect("it was created"), &value)?;
        commit.save(tag).map(drop)
    }),
];

/// The variable that is changed, in three slices; and the one that `streamed` puts.
fn create(store: &Store) -> Variable {
    let root = store.root();
    root.get_variable("put").shape([9, 4]).initializer(init::zeros()).get().unwrap();
    let cut = root.get_variable("cut").shape([9, 4]).partitioner(fixed_size(3, 0)).initializer(init::ones());
    cut.get().unwrap()
}

#[test]
fn whichever_sync_of_a_save_fails_it_is_no_success_and_the_file_is_given_up() {
    for (way, make_durable) in WAYS {
        let (mut failures, mut unknown) = (0, 0);
        loop {
            let folder = folder();
            let path = folder.path().join("store");
            let disk = Arc::new(FailingSync::default());
            let store = Store::options().tap(disk.clone()).open(&path).unwrap();
            let cut = create(&store);
            store.save("before").unwrap();
            let before = kept(&path).unwrap();
            cut.assign(Array2::from_elem((9, 4), 3.0_f32)).unwrap();
            disk.fail_after(failures);
            let answer = make_durable(&store, "after");
            let Some(failed) = disk.failed() else {
                answer.unwrap();
                break;
            };
            failures += 1;
            let case = format!("{way}, sync {failures}, of {}", failed.display());
            let Err(error) = answer else { panic!("{case}: it failed, and the save was answered with Ok") };
            if error.kind() == ErrorKind::OutcomeUnknown {
                unknown += 1;
                assert!(failed.ends_with("commits"), "{case}: {error:?}");
                assert_eq!(store.commit().unwrap_err().kind(), ErrorKind::StoreLatched, "{case}");
                continue;
            }
            assert_eq!(error.kind(), ErrorKind::Io, "{case}: {error:?}");
            assert_eq!(kept(&path).unwrap(), before, "{case}: something was published");
            make_durable(&store, "after").unwrap_or_else(|error| panic!("{case}: again: {error:?}"));
            assert!(!disk.0.lock().unwrap().again, "{case}: the file was synced again");
            drop(store);
            let store = Store::open(&path).unwrap();
            let saved = store.find("cut").unwrap().unwrap().read::<f32>().unwrap();
            assert!(saved.iter().all(|element| *element == 3.0), "{case}: the next save left something out");
            assert!(verify(&path, None, &mut |_| ()).unwrap().is_sound(), "{case}");
        }
        println!("{way}: {failures} syncs failed, one by one");
        // Three shards, the manifest, the commit, the folder of each, and that of commits once more.
        assert!(failures >= 8 && unknown == 1, "{way}: {failures} failures, {unknown} unknown");
    }
}
