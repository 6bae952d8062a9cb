//! Damaged and hostile files under a whole store: every byte changed, files cut, gone, swapped, or replaced by what is no
//! file. Whatever comes: the right values, or an error that says damage; never a panic, never wrong values.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use varkeep::{Checkpoint, DType, ErrorKind, Result, Save, Store, Which, init};

use crate::support::folder;
use crate::tiny::{Tiny, copy_of, files_in, files_of, read_all, says_damage, tiny, verify};

/// Threads for the tests that try thousands of states.
const THREADS: usize = 4;

/// Reads both checkpoints: each value is right or its error says damage. Says how much was read.
fn check_reading(tiny: &Tiny, path: &Path, context: &dyn Fn() -> String) -> usize {
    let mut read = 0;
    for which in [Which::Head, Which::Number(1)] {
        let checkpoint = match Checkpoint::open(path, which.clone()) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let is_absent = error.kind() == ErrorKind::TagNotFound && which != Which::Head;
                assert!(says_damage(error.kind()) || is_absent, "{}: {which:?}: {error:?}", context());
                continue;
            }
        };
        for (name, value) in &tiny.values[&checkpoint.info().number()] {
            match checkpoint.get(name).and_then(|saved| saved.tensor()) {
                Ok(found) => {
                    assert_eq!(found, *value, "{}: {which:?}: {name}", context());
                    read += 1;
                }
                Err(error) => assert!(says_damage(error.kind()), "{}: {which:?}: {name}: {error:?}", context()),
            }
        }
        for saved in checkpoint.variables("") {
            if let Err(error) = saved {
                assert!(says_damage(error.kind()), "{}: {which:?}: {error:?}", context());
            }
        }
    }
    read
}

/// Verifies: there is damage, and all of it in `file`.
fn check_found(path: &Path, file: &Path, context: &dyn Fn() -> String) {
    let report = verify(path);
    assert!(!report.is_sound(), "{}: not found", context());
    assert!(report.damage.iter().all(|damage| damage.path == file), "{}: {:?}", context(), report.damage);
}

/// Opening for writing: it works, or the error says damage. If it works, what is committed then can be read.
fn check_opening(path: &Path, context: &dyn Fn() -> String) {
    match Store::options().create(false).open(path) {
        Ok(store) => {
            if let Err(error) = store.find("a/w").and_then(|w| w.expect("it is in both commits").tensor()) {
                assert!(says_damage(error.kind()), "{}: {error:?}", context());
            }
        }
        Err(error) => assert!(says_damage(error.kind()), "{}: {error:?}", context()),
    }
}

/// Hands out the numbers below `count` to threads, each with its own copy of the store.
fn in_copies(store: &Path, count: usize, work: impl Fn(&Path, usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let folder = folder();
                let path = folder.path().join("copy.varkeep");
                copy_of(store, &path);
                while let Some(i) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < count) {
                    work(&path, i);
                }
            });
        }
    });
}

/// Changes one byte of a store after another, each given by its file and its place in that: verification must find it. `then`
/// looks at the copy it was changed in, which is told by its number and in words.
pub(crate) fn change_bytes(
    store: &Path,
    files: &[(PathBuf, Vec<u8>)],
    all: &[(usize, u64)],
    then: impl Fn(&Path, usize, &dyn Fn() -> String) + Sync,
) {
    in_copies(store, all.len(), |path, i| {
        let (file, at) = all[i];
        let (inside, bytes) = &files[file];
        let file = path.join(inside);
        let open = fs::File::options().write(true).open(&file).unwrap();
        let old = bytes[at as usize];
        // Single bits and whole bytes by turns; the same for the same byte in every run.
        let change = [1 << (at % 8), 0xff][(at / 8 % 2) as usize];
        let context = || format!("{} byte {at} changed by {change:#04x}", inside.display());
        open.write_all_at(&[old ^ change], at).unwrap();
        check_found(path, &file, &context);
        then(path, i, &context);
        open.write_all_at(&[old], at).unwrap();
    });
}

/// What a check covers: each file, by its place in the store, and its bytes.
pub(crate) fn contents(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let inside = |file: &PathBuf| file.strip_prefix(store).unwrap().to_owned();
    files_of(store).iter().map(|file| (inside(file), fs::read(file).unwrap())).collect()
}

#[test]
fn every_changed_byte_of_every_file_is_found_and_never_read_wrong() {
    let tiny = tiny();
    let files = contents(&tiny.path);
    let all: Vec<(usize, u64)> =
        files.iter().enumerate().flat_map(|(i, (_, bytes))| (0..bytes.len() as u64).map(move |at| (i, at))).collect();
    let read = AtomicUsize::new(0);
    change_bytes(&tiny.path, &files, &all, |path, i, context| {
        let (file, at) = all[i];
        // Most bytes are the zeros of shards' header blocks, which are alike to a reader: it reads beside some of them.
        if !files[file].0.starts_with("shards") || !(128..4096).contains(&at) || at % 16 == 0 {
            read.fetch_add(check_reading(&tiny, path, context), Ordering::Relaxed);
        }
    });
    println!("{} bytes changed, {} values read right nevertheless", all.len(), read.into_inner());
}

#[test]
fn stores_with_a_changed_byte_open_or_say_why_not() {
    let tiny = tiny();
    let files = contents(&tiny.path);
    // A prime, so that all fields are met; opening starts a catalog each time, and is slow.
    let step = 151;
    let all: Vec<(usize, u64)> = files
        .iter()
        .enumerate()
        .flat_map(|(i, (_, bytes))| (0..bytes.len() as u64).step_by(step).map(move |at| (i, at)))
        .collect();
    in_copies(&tiny.path, all.len(), |path, i| {
        let (file, at) = all[i];
        let (inside, bytes) = &files[file];
        let mut changed = bytes.clone();
        changed[at as usize] ^= 0x20;
        fs::write(path.join(inside), changed).unwrap();
        check_opening(path, &|| format!("{} byte {at}", inside.display()));
        fs::write(path.join(inside), bytes).unwrap();
    });
}

#[test]
fn every_cut_and_every_lengthened_file_is_found() {
    let tiny = tiny();
    let files = contents(&tiny.path);
    let lens = |len: usize| {
        let step = len / 40 + 1;
        (0..len).step_by(step).chain([1, 63, 64, 65, 127, 128, len - 64, len - 1, len + 1, len + 4096])
    };
    let all: Vec<(usize, usize)> =
        files.iter().enumerate().flat_map(|(i, (_, bytes))| lens(bytes.len()).map(move |len| (i, len))).collect();
    in_copies(&tiny.path, all.len(), |path, i| {
        let (file, len) = all[i];
        let (inside, bytes) = &files[file];
        let file = path.join(inside);
        let context = || format!("{} of {} bytes made {len} long", inside.display(), bytes.len());
        fs::File::options().write(true).open(&file).unwrap().set_len(len as u64).unwrap();
        check_found(path, &file, &context);
        check_reading(&tiny, path, &context);
        fs::write(&file, bytes).unwrap();
    });
    println!("{} cuts", all.len());
}

#[test]
fn every_file_that_is_gone_or_no_file_is_found() {
    let tiny = tiny();
    let files = contents(&tiny.path);
    in_copies(&tiny.path, files.len() * 4, |path, i| {
        let (inside, bytes) = &files[i / 4];
        let file = path.join(inside);
        let context = || format!("{} {}", inside.display(), ["gone", "a link", "a folder", "a pipe"][i % 4]);
        fs::remove_file(&file).unwrap();
        match i % 4 {
            0 => {}
            1 => symlink(tiny.path.join(inside), &file).unwrap(),
            2 => fs::create_dir_all(&file).unwrap(),
            _ => assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success()),
        }
        check_reading(&tiny, path, &context);
        let is_head = inside.ends_with("00000000000000000002.commit");
        if i % 4 == 0 && is_head {
            // Without its file the newest commit never was: its files are orphans, and the one before is the head.
            let report = verify(path);
            assert!(report.is_sound() && !report.unused.is_empty(), "{report:?}");
            assert_eq!(read_all(path, Which::Head).unwrap(), tiny.values[&1]);
        } else {
            check_found(path, &file, &context);
            // Where something stands in its place, the newest commit is not silently passed over.
            assert!(!is_head || Checkpoint::open(path, None).is_err(), "{}", context());
        }
        let _was_gone = if i % 4 == 2 { fs::remove_dir(&file) } else { fs::remove_file(&file) };
        fs::write(&file, bytes).unwrap();
    });
}

#[test]
fn files_that_are_gone_are_named_by_whoever_opens() {
    let tiny = tiny();
    for part in ["manifests", "shards"] {
        for file in files_in(&tiny.path, part) {
            let bytes = fs::read(&file).unwrap();
            fs::remove_file(&file).unwrap();
            let errors = [1, 2].map(|number| Checkpoint::open(&tiny.path, Which::Number(number)).err());
            assert!(errors.iter().any(Option::is_some));
            for error in errors.into_iter().flatten() {
                assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(&*file)));
            }
            fs::write(&file, bytes).unwrap();
        }
    }
    fs::remove_file(files_in(&tiny.path, "commits").remove(0)).unwrap();
    let error = Checkpoint::open(&tiny.path, "one").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("\"one\""), "{error}");
    assert!(!verify(&tiny.path).is_sound());
}

/// Each file with the bytes of each other one, of this store or of another.
#[test]
fn a_file_in_the_place_of_another_is_found() {
    let (tiny, stranger) = (tiny(), tiny());
    let files = contents(&tiny.path);
    let others: Vec<(PathBuf, Vec<u8>)> = files.iter().cloned().chain(contents(&stranger.path)).collect();
    in_copies(&tiny.path, files.len() * others.len(), |path, i| {
        let (inside, bytes) = &files[i / others.len()];
        let (other, other_bytes) = &others[i % others.len()];
        if bytes == other_bytes {
            return;
        }
        let file = path.join(inside);
        let context = || format!("{} with the bytes of {}", inside.display(), other.display());
        fs::write(&file, other_bytes).unwrap();
        let report = verify(path);
        assert!(!report.is_sound(), "{}", context());
        // The FORMAT of another store is sound in itself: then all others are not this store's.
        if !inside.ends_with("FORMAT") {
            assert!(report.damage.iter().all(|damage| damage.path == file), "{}: {report:?}", context());
        }
        check_reading(&tiny, path, &context);
        fs::write(&file, bytes).unwrap();
    });
}

#[test]
fn a_commit_under_another_number_is_found() {
    let tiny = tiny();
    let commits = files_in(&tiny.path, "commits");
    let third = tiny.path.join("commits/00000000000000000003.commit");
    fs::copy(&commits[0], &third).unwrap();
    check_found(&tiny.path, &third, &|| "commit 1 as 3".into());
    let error = Checkpoint::open(&tiny.path, None).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(&*third)));
    assert!(error.advice().unwrap().contains("at_commit(2)"), "{error}");
    // The way out: go on from the one before.
    let store = Store::options().create(false).at_commit(2).open(&tiny.path).unwrap();
    store.find("step").unwrap().unwrap().assign(43_i64).unwrap();
    assert_eq!(store.save("three").unwrap().number, 4);
    drop(store);
    assert!(verify(&tiny.path).is_sound());
    assert_eq!(read_all(&tiny.path, Which::Tag("one".into())).unwrap(), tiny.values[&1]);
}

/// Readers and checks beside a writer that saves and deletes all the time.
#[test]
fn readers_beside_a_writer_see_whole_checkpoints_or_none() {
    let folder = folder();
    let store = Store::open(folder.path().join("s")).unwrap();
    let path = store.path().to_owned();
    let root = store.root();
    let names: Vec<String> = (0..6).map(|i| format!("v{i}")).collect();
    let variables: Vec<_> = names
        .iter()
        .map(|name| {
            root.get_variable(name)
                .shape([1500])
                .dtype(DType::I64)
                .chunk_bytes(4096)
                .initializer(init::zeros())
                .get()
                .unwrap()
        })
        .collect();
    let save = |step: i64| {
        for variable in &variables {
            // The ends change each time, the middle only now and then: chunks are shared.
            variable
                .update::<i64>(|mut v| {
                    v[0] = step;
                    v[1499] = step;
                    v[700] = step / 8;
                })
                .unwrap();
        }
        store.save(Save::tag(format!("step-{step}")).metadata(&step)).unwrap();
    };
    save(1);
    let done = AtomicBool::new(false);
    let read_one = |which: Which| -> Result<()> {
        let checkpoint = Checkpoint::open(&path, which)?;
        // A commit without a tag, made by a deletion, has the values of the last save.
        let step: Option<i64> = checkpoint.info().metadata()?;
        let mut steps = Vec::new();
        for name in &names {
            let value = checkpoint.get(name)?.read::<i64>()?;
            assert_eq!((value[1499], value[700]), (value[0], value[0] / 8));
            steps.push(value[0]);
        }
        steps.dedup();
        assert_eq!(steps.len(), 1, "variables of two checkpoints");
        assert!(step.is_none_or(|step| step == steps[0]), "{step:?} {steps:?}");
        Ok(())
    };
    let reads = AtomicUsize::new(0);
    let checks = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let reader = |mut which: Box<dyn FnMut(u64) -> Which + Send>| {
            let (done, reads, read_one) = (&done, &reads, &read_one);
            scope.spawn(move || {
                let mut turn = 0;
                while !done.load(Ordering::Relaxed) {
                    turn += 1;
                    match read_one(which(turn)) {
                        Ok(()) => drop(reads.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => assert_eq!(error.kind(), ErrorKind::TagNotFound, "{error:?}"),
                    }
                }
            })
        };
        reader(Box::new(|_| Which::Head));
        let newest = {
            let path = path.clone();
            move || varkeep::checkpoints(&path).unwrap()
        };
        reader(Box::new(move |turn| {
            let list = newest();
            Which::Number(list[turn as usize % list.len()].number())
        }));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let report = verify(&path);
                assert!(report.is_sound(), "{:?}", report.damage);
                assert!(report.checkpoints.iter().all(|health| health.readable && health.damaged.is_empty()));
                checks.fetch_add(1, Ordering::Relaxed);
            }
        });
        for step in 2..60 {
            save(step);
            if step > 4 {
                store.delete(&format!("step-{}", step - 4)).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{} reads and {} checks beside 58 saves", reads.into_inner(), checks.into_inner());
    assert!(verify(&path).is_sound());
}
