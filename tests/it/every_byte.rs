//! A store with every kind of file and entry there is (deltas, patches, slices, aliases, byte strings, a retention policy,
//! metadata, streamed values), one byte of it changed at a time: verification finds each, what reads is right, and
//! salvage takes what is whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use varkeep::scope::partitioner::fixed_size;
use varkeep::{Checkpoint, DType, Retention, Save, Store, Tensor, VerifyReport, Which, init};

use crate::hostile::{change_bytes, contents};
use crate::support::folder;
use crate::tiny::{Values, copy_of, files_in, read_all, says_damage, verify};

/// Every so many-th byte is changed, unless all are wanted; in payload and padding, which are alike, fewer. Primes, so that all
/// fields are met.
const STEP: u64 = 7;
const PAYLOAD_STEP: u64 = 401;

struct Rich {
    _folder: tempfile::TempDir,
    path: PathBuf,
    /// What each checkpoint holds, by its tag.
    values: BTreeMap<String, Values>,
}

fn rich() -> Rich {
    let folder = folder();
    let path = folder.path().join("rich.varkeep");
    let store = Store::options().seed(7).tidies_at_once(true).open(&path).unwrap();
    let root = store.root();
    let weights = ndarray::Array2::from_shape_fn((256, 64), |(i, j)| i as f32 - 0.5 * j as f32);
    let big = root.get_variable("big").chunk_bytes(4096).initializer(init::array(weights)).get().unwrap();
    let step = root.get_variable("step").dtype(DType::I64).scalar().initializer(init::zeros()).get().unwrap();
    let cut = root.get_variable("emb").shape([7, 3]).partitioner(fixed_size(3, 0));
    cut.initializer(init::ones()).get().unwrap();
    root.get_variable("mask").shape([5]).dtype(DType::Bool).initializer(init::ones()).get().unwrap();
    let words = Tensor::from_strings([2], &["a", "words"]).unwrap();
    root.get_variable("words").dtype(DType::String).initializer(words).get().unwrap();
    // Enough names that deltas do not take the base into themselves.
    for i in 0..20 {
        let name = format!("many/v{i:02}");
        root.get_variable(&name).shape([2]).dtype(DType::F16).initializer(init::zeros()).get().unwrap();
    }
    store.alias("tied", &big).unwrap();
    store.save(Save::tag("one").metadata(&("step", 1, [0.5]))).unwrap();
    big.update_rows::<f32>(100..101, |mut rows| rows.fill(0.5)).unwrap();
    store.save(Save::tag("two").metadata(&("step", 2))).unwrap();
    store.remove("many/v03").unwrap();
    store.rename("mask", "renamed").unwrap();
    step.assign(3_i64).unwrap();
    store.save("three").unwrap();
    let mut streamed = store.begin().unwrap();
    streamed.put_array(&store.find("many/v05").unwrap().unwrap(), &ndarray::array![half(1), half(2)]).unwrap();
    streamed.save("four").unwrap();
    store.set_retention(&Retention::keep_all().keep_last(9).keep_every(2).keep_lowest("loss", 1)).unwrap();
    big.update_rows::<f32>(7..8, |mut rows| rows.fill(-0.5)).unwrap();
    store.save("five").unwrap();
    store.delete("three").unwrap();
    drop(root);
    drop(store);
    let mut rich = Rich { _folder: folder, path, values: BTreeMap::new() };
    for tag in ["one", "two", "four", "five"] {
        rich.values.insert(tag.to_owned(), read_all(&rich.path, tag.into()).unwrap());
    }
    let (manifests, commits) = (files_in(&rich.path, "manifests"), files_in(&rich.path, "commits"));
    let len = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let (least, most) = (manifests.iter().map(len).min().unwrap(), manifests.iter().map(len).max().unwrap());
    assert!(manifests.len() >= 3 && 2 * least < most, "a base and deltas: {manifests:?}");
    assert_eq!(commits.len(), 5);
    assert!(verify(&rich.path).is_sound());
    rich
}

fn half(x: i8) -> half::f16 {
    half::f16::from(x)
}

/// Each value that can be read is right.
fn check_values(rich: &Rich, path: &std::path::Path, context: &dyn Fn() -> String) {
    for (tag, values) in &rich.values {
        let Ok(checkpoint) = Checkpoint::open(path, &**tag) else { continue };
        for (name, value) in values {
            match checkpoint.get(name).and_then(|saved| saved.tensor()) {
                Ok(found) => assert_eq!(found, *value, "{}: {tag}: {name}", context()),
                Err(error) => assert!(says_damage(error.kind()), "{}: {tag}: {name}: {error:?}", context()),
            }
        }
    }
}

/// What is said of damage is what a person needs: whom it hurts, what still reads, what to do.
fn check_told(report: &VerifyReport, context: &dyn Fn() -> String) {
    for damage in &report.damage {
        assert!(damage.advice.is_some() || report.checkpoints.iter().all(|one| !one.readable), "{}", context());
        for number in &damage.checkpoints {
            let hurt = report.checkpoints.iter().find(|one| one.number == *number);
            let is_told = hurt.is_none_or(|hurt| !hurt.readable || !hurt.damaged.is_empty());
            // A manifest may be damaged where no entry is.
            let in_manifest = damage.path.extension().is_some_and(|kind| kind == "manifest");
            assert!(is_told || in_manifest, "{}: {report:?}", context());
        }
    }
}

/// `VARKEEP_EVERY_BYTE=1` leaves none out.
#[test]
fn every_changed_byte_of_every_kind_of_file_is_found() {
    let is_full = std::env::var_os("VARKEEP_EVERY_BYTE").is_some();
    let rich = rich();
    let files = contents(&rich.path);
    let is_wanted = |inside: &std::path::Path, at: u64, len: u64| {
        let is_dull = inside.starts_with("shards") && (72..len - 256).contains(&at);
        is_full || at.is_multiple_of(if is_dull { PAYLOAD_STEP } else { STEP })
    };
    let all = files.iter().enumerate().flat_map(|(i, (inside, bytes))| {
        let len = bytes.len() as u64;
        (0..len).filter(move |at| is_wanted(inside, *at, len)).map(move |at| (i, at))
    });
    let all: Vec<(usize, u64)> = all.collect();
    let read = AtomicUsize::new(0);
    change_bytes(&rich.path, &files, &all, |path, i, context| {
        if i % 16 == 0 {
            check_told(&verify(path), context);
            check_values(&rich, path, context);
            read.fetch_add(1, Ordering::Relaxed);
        }
    });
    println!("{} bytes changed, all found; read beside {} of them", all.len(), read.into_inner());
}

#[test]
fn salvage_takes_what_is_whole_whichever_file_is_damaged() {
    let rich = rich();
    let other = folder();
    let (path, to) = (other.path().join("damaged.varkeep"), other.path().join("rescued.varkeep"));
    let mut left_behind = 0;
    for (inside, bytes) in contents(&rich.path) {
        // In the middle of a manifest is an entry, or what leads to one; in that of a shard a value.
        for at in [bytes.len() / 2, bytes.len() - 1] {
            copy_of(&rich.path, &path);
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(path.join(&inside), changed).unwrap();
            let health = verify(&path).checkpoints;
            let context = format!("{} byte {at}: {health:?}", inside.display());
            match varkeep::salvage(&path, &to, &mut |_| {}) {
                Ok(report) => {
                    assert!(verify(&to).is_sound(), "{context}");
                    for tag in &report.copied {
                        let values = rich.values.get(tag).unwrap_or(&rich.values["five"]);
                        assert_eq!(read_all(&to, Which::Tag(tag.clone())).unwrap(), *values, "{context}");
                    }
                    let kept = |tag: &String| report.copied.contains(tag);
                    let whole = health.iter().filter(|one| one.readable && one.damaged.is_empty());
                    assert!(whole.filter_map(|one| one.tag.as_ref()).all(kept), "{context}");
                    left_behind += report.left.len();
                    fs::remove_dir_all(&to).unwrap();
                }
                Err(error) => {
                    assert_eq!(error.kind(), varkeep::ErrorKind::RestoreNoCheckpoint, "{context}: {error}");
                    assert!(!to.exists(), "{context}");
                    left_behind += health.len();
                }
            }
            fs::remove_dir_all(&path).unwrap();
        }
    }
    assert!(left_behind > 5, "nothing was damaged: {left_behind}");
}
