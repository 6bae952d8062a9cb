//! What each layer costs by itself, as far as the public interface reaches it alone. `cargo bench --bench layers`; names
//! are `layer/case`. What whole operations cost is in `store.rs`; how they compare with others, in `peers/`.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twox_hash::XxHash3_128;
use varkeep::{Checkpoint, Options, ReadMode, Save, Store, Variable, Verification, checkpoints, init};

const MIB: usize = 1 << 20;

/// The default chunk.
const CHUNK_BYTES: usize = 256 << 10;

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("the system has a temporary folder")
}

fn name(i: usize) -> String {
    format!("model/layer_{}/block_{}/weights_{i}", i % 48, i % 7)
}

/// A store with `count` variables of `elements` f32 each, saved once as `here`.
fn saved(folder: &tempfile::TempDir, count: usize, elements: usize) -> (Store, Vec<Variable>) {
    let store = Store::open(folder.path().join("bench.varkeep")).expect("the temporary folder is writable");
    let variables = {
        let root = store.root();
        let get = |i: usize| {
            let initializer = init::random_uniform(0.0, 1.0).seed(i as u64);
            root.get_variable(&name(i)).shape(elements).initializer(initializer).get()
        };
        (0..count).map(get).collect::<Result<_, _>>().expect("the names are new")
    };
    store.save("here").expect("the disk has room");
    (store, variables)
}

/// The same, closed.
fn closed(folder: &tempfile::TempDir, count: usize, elements: usize) -> PathBuf {
    let (store, _variables) = saved(folder, count, elements);
    store.path().to_owned()
}

/// Soundness and identity of a chunk: what a save spends on every byte that it does not write.
fn sums(c: &mut Criterion) {
    let chunk: Vec<u8> = (0..CHUNK_BYTES).map(|i| ((i * 31) >> 3) as u8).collect();
    let mut group = c.benchmark_group("sums");
    group.throughput(Throughput::Bytes(CHUNK_BYTES as u64));
    group.bench_function("crc32_of_a_chunk", |b| b.iter(|| crc32fast::hash(black_box(&chunk))));
    group.bench_function("xxh3_128_of_a_chunk", |b| {
        b.iter(|| XxHash3_128::oneshot_with_seed(7, black_box(&chunk)));
    });
    group.finish();
}

/// Commit files parsed: all of a store that keeps two hundred.
fn commits(c: &mut Criterion) {
    let folder = temporary();
    let (store, variables) = saved(&folder, 1, 16);
    for i in 0..199 {
        variables[0].update::<f32>(|mut v| v += 1.0).expect("the variable is live");
        store.save(format!("step-{i}")).expect("the disk has room");
    }
    let path = store.path().to_owned();
    let mut group = c.benchmark_group("format");
    group.sample_size(20).throughput(Throughput::Elements(200));
    group.bench_function("list_200_checkpoints", |b| b.iter(|| checkpoints(&path).expect("they are sound")));
    group.finish();
}

/// Names looked up in mapped manifests, and every entry decoded.
fn manifests(c: &mut Criterion) {
    const NAMES: usize = 100_000;
    let folder = temporary();
    let path = closed(&folder, NAMES, 1);
    let checkpoint = Checkpoint::open(&path, "here").expect("it was saved");
    let mut group = c.benchmark_group("manifest");
    group.throughput(Throughput::Elements(1));
    let mut next = 0;
    group.bench_function("find_one_of_100000", |b| {
        b.iter(|| {
            next = (next + 7919) % NAMES;
            checkpoint.find(&name(next)).expect("the manifest is sound")
        });
    });
    group.bench_function("miss_among_100000", |b| {
        b.iter(|| checkpoint.find(black_box("model/layer_7/block_3/bias")).expect("the manifest is sound"));
    });
    group.sample_size(10).throughput(Throughput::Elements(NAMES as u64));
    group.bench_function("walk_100000", |b| b.iter(|| checkpoint.variables("").flatten().count()));
    group.finish();
}

/// Chunks that changed on their way into a shard, and read again.
fn shards(c: &mut Criterion) {
    let folder = temporary();
    let (store, variables) = saved(&folder, 1, 16 * MIB / 4);
    let mut group = c.benchmark_group("shard");
    group.sample_size(10).throughput(Throughput::Bytes(16 * MIB as u64));
    group.bench_function("write_16_MiB", |b| {
        b.iter_batched(
            || variables[0].update::<f32>(|mut v| v += 1.0).expect("the variable is live"),
            |()| store.save(Save::tag("here").replace()).expect("the disk has room"),
            BatchSize::PerIteration,
        );
    });
    let path = store.path().to_owned();
    let cases = [
        ("map_16_MiB_checked", ReadMode::Map, Verification::FirstTouch),
        ("map_16_MiB_unchecked", ReadMode::Map, Verification::Never),
        ("read_16_MiB_checked", ReadMode::Memory, Verification::FirstTouch),
    ];
    for (case, mode, verification) in cases {
        group.bench_function(case, |b| {
            b.iter_batched(
                || Checkpoint::open_with(&path, "here", mode, verification).expect("it was saved"),
                |checkpoint| checkpoint.get(&name(0)).and_then(|v| v.read::<f32>()).expect("it is sound"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// The names of a collection, from sled.
fn catalog(c: &mut Criterion) {
    let folder = temporary();
    let store = Options::default().open(closed(&folder, 10_000, 1)).expect("it was closed");
    assert!(store.wait_for_catalog(std::time::Duration::from_secs(60)), "the catalog is rebuilt in less");
    let mut group = c.benchmark_group("catalog");
    group.sample_size(20).throughput(Throughput::Elements(10_000));
    group.bench_function("collection_of_10000", |b| {
        b.iter(|| store.collection("trainable_variables", "").expect("the catalog is up to date"));
    });
    group.finish();
}

criterion_group!(benches, sums, commits, manifests, shards, catalog);
criterion_main!(benches);
