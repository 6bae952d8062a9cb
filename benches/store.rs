//! What the main operations of a store cost. `cargo bench`; names are `operation/case`, to be filtered by.
//!
//! Sizes are small enough for a laptop and large enough to be about bytes, not calls. The disk is the one that the
//! system's temporary folder is on.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use varkeep::{Checkpoint, DType, Store, Variable, init};

const MIB: u64 = 1 << 20;

/// A store with `count` variables of `elements` f32 each.
fn store_of(folder: &tempfile::TempDir, count: usize, elements: usize) -> (Store, Vec<Variable>) {
    let store = Store::open(folder.path().join("bench.varkeep")).expect("the temporary folder is writable");
    let variables = {
        let root = store.root();
        let get = |i: usize| {
            let initializer = init::random_uniform(0.0, 1.0).seed(i as u64);
            root.get_variable(&format!("layer_{}/w_{i}", i % 16)).shape(elements).initializer(initializer).get()
        };
        (0..count).map(get).collect::<Result<_, _>>().expect("the names are new")
    };
    (store, variables)
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("the system has a temporary folder")
}

fn saves(c: &mut Criterion) {
    let mut group = c.benchmark_group("save");
    group.sample_size(10);
    let (count, elements) = (64, 256 << 10);
    let folder = temporary();
    let (store, variables) = store_of(&folder, count, elements);
    store.commit().expect("the disk has room");

    group.throughput(Throughput::Bytes(64 * MIB));
    group.bench_function("all_64_MiB", |b| {
        b.iter_batched(
            || variables.iter().try_for_each(|v| v.update::<f32>(|mut v| v += 1.0)).expect("the variables are live"),
            |()| store.commit().expect("the disk has room"),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("all_64_MiB_assigned_equal", |b| {
        b.iter_batched(
            || variables.iter().try_for_each(|v| v.update::<f32>(|mut v| v += 0.0)).expect("the variables are live"),
            |()| store.commit().expect("the disk has room"),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Bytes(MIB));
    group.bench_function("one_of_64", |b| {
        b.iter_batched(
            || variables[7].update::<f32>(|mut v| v += 1.0).expect("the variable is live"),
            |()| store.commit().expect("the disk has room"),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn reads(c: &mut Criterion) {
    let folder = temporary();
    let (store, _) = store_of(&folder, 10_000, 16);
    store.save("here").expect("the disk has room");
    let path = store.path().to_owned();
    drop(store);

    let mut group = c.benchmark_group("open");
    group.sample_size(20);
    group.bench_function("checkpoint_of_10000_and_first_tensor", |b| {
        b.iter(|| {
            let checkpoint = Checkpoint::open(&path, "here").expect("it was saved");
            let variable = checkpoint.get("layer_3/w_3").expect("it was saved");
            black_box(variable.read::<f32>().expect("it is sound")[0])
        });
    });
    group.finish();
}

fn gets(c: &mut Criterion) {
    let folder = temporary();
    let (store, _variables) = store_of(&folder, 1000, 16);
    let root = store.root();
    let scope = root.scope("layer_3").auto_reuse().enter().expect("the name is well-formed");
    let mut group = c.benchmark_group("get");
    group.throughput(Throughput::Elements(1));
    group.bench_function("live_by_name", |b| {
        b.iter(|| scope.get_variable(black_box("w_3")).shape(16).get().expect("it is there"));
    });
    let mut next = 0;
    group.bench_function("new_scalar", |b| {
        b.iter(|| {
            next += 1;
            let scalar = scope.get_variable(&format!("new_{next}")).scalar().dtype(DType::I64);
            scalar.initializer(init::zeros()).get().expect("the name is new")
        });
    });
    group.finish();
}

fn updates(c: &mut Criterion) {
    let folder = temporary();
    let (_store, variables) = store_of(&folder, 1, 4 << 20);
    let mut group = c.benchmark_group("update");
    group.throughput(Throughput::Bytes(16 * MIB));
    group.bench_function("whole_16_MiB", |b| {
        b.iter(|| variables[0].update::<f32>(|mut v| v *= 0.999).expect("the variable is live"));
    });
    let one = ndarray::Array1::<f32>::ones(4 << 20);
    group.bench_function("assign_add_16_MiB", |b| {
        b.iter(|| variables[0].assign_add(&one).expect("the variable is live"));
    });
    group.finish();
}

criterion_group!(benches, saves, reads, gets, updates);
criterion_main!(benches);
