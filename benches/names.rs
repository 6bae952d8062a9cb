//! What names cost: finding them, making them, opening a store of many. `cargo bench --bench names`.
//!
//! `get`: through the public interface, as a program calls it: `scope.get_variable("w").shape(16).get()` in a scope that
//! reuses, and `store.find("layer/w")`; 1,000 live variables in turn, over a commit that holds them. With two threads
//! each has a scope of its own; once they ask for different names, once for the same one. Times are of one get of each
//! thread, so equal times mean twice the gets.
//!
//! `create` and `open`: stores of `VARKEEP_BENCH_NAMES` scalars (100,000 if that is not set), beside sled alone with the
//! records that the catalog of that store holds, in batches of 1,000.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use varkeep::scope::initializer::Initializer;
use varkeep::{Store, init};

const BATCH: usize = 1000;
const LONG: Duration = Duration::from_secs(600);

fn count() -> usize {
    std::env::var("VARKEEP_BENCH_NAMES").map_or(100_000, |count| count.parse().expect("it is a number"))
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("the system has a temporary folder")
}

fn create(store: &Store, count: usize) {
    let root = store.root();
    let zeros: Initializer = init::zeros();
    for i in 0..count {
        let name = format!("layer_{}/block_{}/w_{i}", i % 16, i / 1000);
        root.get_variable(&name).scalar().initializer(zeros.clone()).get().expect("the name is new");
    }
}

fn gets(c: &mut Criterion) {
    const LIVE: usize = 1000;
    let folder = temporary();
    let store = Store::open(folder.path().join("gets.varkeep")).expect("the temporary folder is writable");
    let own: Vec<String> = (0..LIVE).map(|i| format!("w_{i}")).collect();
    let full: Vec<String> = own.iter().map(|name| format!("layer_3/{name}")).collect();
    for name in &full {
        let root = store.root();
        root.get_variable(name).shape(16).initializer(init::zeros()).get().expect("the name is new");
    }
    store.commit().expect("the disk has room");
    let get = |start: usize, iterations: u64, names: &[String]| {
        let root = store.root();
        let scope = root.scope("layer_3").auto_reuse().enter().expect("the name is well-formed");
        for i in 0..iterations as usize {
            let name = &names[(start + i) % names.len()];
            black_box(scope.get_variable(black_box(name)).shape(16).get().expect("it is there"));
        }
    };
    let find = |start: usize, iterations: u64, names: &[String]| {
        for i in 0..iterations as usize {
            let name = &names[(start + i) % names.len()];
            black_box(store.find(black_box(name)).expect("it is readable").expect("it is there"));
        }
    };
    let mut group = c.benchmark_group("get");
    group.throughput(Throughput::Elements(1));
    group.bench_function("by_scope", |b| b.iter_custom(|n| timed(|| get(0, n, &own))));
    group.bench_function("by_find", |b| b.iter_custom(|n| timed(|| find(0, n, &full))));
    group.throughput(Throughput::Elements(2));
    let both = |one: &(dyn Fn() + Sync), other: &(dyn Fn() + Sync)| {
        std::thread::scope(|threads| {
            threads.spawn(one);
            other();
        });
    };
    group.bench_function("by_scope_two_threads", |b| {
        b.iter_custom(|n| timed(|| both(&|| get(0, n, &own), &|| get(LIVE / 2, n, &own))));
    });
    group.bench_function("by_scope_two_threads_one_name", |b| {
        b.iter_custom(|n| timed(|| both(&|| get(0, n, &own[..1]), &|| get(0, n, &own[..1]))));
    });
    group.bench_function("by_find_two_threads", |b| {
        b.iter_custom(|n| timed(|| both(&|| find(0, n, &full), &|| find(LIVE / 2, n, &full))));
    });
    // What two threads can come to here at all: the same work, sharing nothing.
    let counted =
        |n: u64| assert!((0..n * 64).fold(1, |x: u64, i| black_box(x.rotate_left(5) ^ i).wrapping_mul(3)) > 0);
    group.bench_function("sharing_nothing", |b| b.iter_custom(|n| timed(|| counted(n))));
    group.bench_function("sharing_nothing_two_threads", |b| {
        b.iter_custom(|n| timed(|| both(&|| counted(n), &|| counted(n))));
    });
    group.finish();
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn creates(c: &mut Criterion) {
    let mut group = c.benchmark_group("create");
    group.sample_size(10);
    let count = count();
    group.throughput(Throughput::Elements(count as u64));
    let run = |b: &mut criterion::Bencher<'_>, until: fn(&Store)| {
        b.iter_custom(|n| {
            (0..n)
                .map(|_| {
                    let folder = temporary();
                    let store = Store::open(folder.path().join("made.varkeep")).expect("the folder is writable");
                    timed(|| {
                        create(&store, count);
                        until(&store);
                    })
                })
                .sum()
        });
    };
    group.bench_function("live", |b| run(b, |_| ()));
    group.bench_function("committed", |b| {
        run(b, |store| {
            store.commit().expect("the disk has room");
        });
    });
    group.bench_function("in_the_catalog", |b| {
        run(b, |store| {
            store.commit().expect("the disk has room");
            assert!(store.wait_for_catalog(LONG));
        });
    });
    let made = Made::new(count);
    let records = made.records();
    group.bench_function("sled_alone", |b| {
        b.iter_custom(|n| (0..n).map(|_| filled(&records)).sum());
    });
    group.finish();
    opens(c, &made, &records);
}

/// A store on the disk, closed.
struct Made {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

type Records = Vec<(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>)>;

impl Made {
    fn new(count: usize) -> Self {
        let folder = temporary();
        let path = folder.path().join("made.varkeep");
        let store = Store::open(&path).expect("the temporary folder is writable");
        create(&store, count);
        store.commit().expect("the disk has room");
        assert!(store.wait_for_catalog(LONG));
        drop(store);
        Self { _folder: folder, path }
    }

    fn catalogs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.path).expect("the store is there");
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        paths
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("catalog-")))
            .collect()
    }

    /// A copy of the catalog's folder, for sled alone.
    fn copied(&self) -> tempfile::TempDir {
        let copy = temporary();
        let catalog = self.catalogs().into_iter().find(|path| path.is_dir()).expect("the store was closed in order");
        copy_tree(&catalog, &copy.path().join("catalog"));
        copy
    }

    /// All records of the catalog, by tree.
    fn records(&self) -> Records {
        let copy = self.copied();
        let db = configured(&copy.path().join("catalog"));
        let trees = db.tree_names().into_iter().map(|name| {
            let tree = db.open_tree(&name).expect("it is listed");
            let pairs = tree.iter().map(|pair| pair.expect("it is sound"));
            (name.to_vec(), pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
        });
        trees.collect()
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the temporary folder is writable");
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let from = entry.expect("it can be listed").path();
        let to = to.join(from.file_name().expect("it was listed"));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("the disk has room");
        }
    }
}

/// sled as the catalog configures it.
fn configured(folder: &Path) -> sled::Db {
    let config = sled::Config::new().path(folder).mode(sled::Mode::HighThroughput).flush_every_ms(None);
    config.cache_capacity(64 << 20).open().expect("the folder is writable")
}

fn fill(folder: &Path, records: &Records) {
    let db = configured(folder);
    let trees: Vec<sled::Tree> = records.iter().map(|(name, _)| db.open_tree(name).expect("it can be made")).collect();
    let longest = records.iter().map(|(_, pairs)| pairs.len()).max().unwrap_or_default();
    for start in (0..longest).step_by(BATCH) {
        for (tree, (_, pairs)) in trees.iter().zip(records) {
            let mut batch = sled::Batch::default();
            let per_batch = (pairs.len() * BATCH).div_ceil(longest);
            for (key, value) in pairs.iter().skip(start / BATCH * per_batch).take(per_batch) {
                batch.insert(key.as_slice(), value.as_slice());
            }
            tree.apply_batch(batch).expect("the disk has room");
        }
    }
}

fn filled(records: &Records) -> Duration {
    let folder = temporary();
    timed(|| fill(folder.path(), records))
}

fn opens(c: &mut Criterion, made: &Made, records: &Records) {
    let mut group = c.benchmark_group("open");
    group.sample_size(10);
    let lose = || {
        for path in made.catalogs() {
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it is ours");
        }
    };
    let open = |until: fn(&Store), lost: bool| {
        if lost {
            lose();
        }
        let start = Instant::now();
        let store = Store::open(&made.path).expect("the store is sound");
        until(&store);
        let elapsed = start.elapsed();
        // Closed in order, so that the next one finds the catalog.
        assert!(store.wait_for_catalog(LONG));
        elapsed
    };
    let at_once: fn(&Store) = |_| ();
    let found: fn(&Store) = |store| {
        assert!(store.find("layer_3/block_0/w_3").expect("it is readable").is_some());
    };
    let caught_up: fn(&Store) = |store| assert!(store.wait_for_catalog(LONG));
    for (name, until, lost) in [
        ("clean", at_once, false),
        ("clean_and_find", found, false),
        ("clean_until_the_catalog_is_open", caught_up, false),
        ("catalog_lost", at_once, true),
        ("catalog_lost_until_it_is_rebuilt", caught_up, true),
    ] {
        group.bench_function(name, |b| b.iter_custom(|n| (0..n).map(|_| open(until, lost)).sum()));
    }
    let copy = made.copied();
    group.bench_function("sled_alone_clean", |b| {
        b.iter_custom(|n| {
            let once = || {
                let start = Instant::now();
                let db = configured(&copy.path().join("catalog"));
                for (name, _) in records {
                    black_box(db.open_tree(name).expect("it is there"));
                }
                start.elapsed()
            };
            (0..n).map(|_| once()).sum()
        });
    });
    group.bench_function("sled_alone_filled", |b| {
        b.iter_custom(|n| (0..n).map(|_| filled(records)).sum());
    });
    group.finish();
}

criterion_group!(benches, gets, creates);
criterion_main!(benches);
