//! A save writes the chunks that changed; every dtype, size and read mode reads back what was saved.

use std::path::Path;

use ndarray::Array1;
use varkeep::{
    Checkpoint, DType, ErrorKind, Placement, ReadMode, Save, Shape, Store, Tensor, Variable, Verification, init,
};

use crate::support::{Seeded, durable_files, files, folder, vector};

/// The default size of a chunk, in elements of f32.
const CHUNK: usize = (256 << 10) / 4;

fn placements(store: &Store, tag: &str, name: &str) -> Vec<Placement> {
    store.checkpoint(tag).unwrap().get(name).unwrap().placements()
}

fn of_chunk_bytes(store: &Store, name: &str, elements: usize, chunk_bytes: u64) -> Variable {
    let root = store.root();
    root.get_variable(name).shape([elements]).initializer(init::zeros()).chunk_bytes(chunk_bytes).get().unwrap()
}

#[test]
fn only_chunks_that_changed_are_written() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let w = vector(&store, "w", vec![1.0; 8 * CHUNK + 100]);
    vector(&store, "still", vec![2.0; 3 * CHUNK]);
    let total = (11 * CHUNK + 100) as u64 * 4;
    let report = store.save("0").unwrap();
    assert_eq!((report.bytes_new, report.bytes_shared), (total, 0));
    let first = placements(&store, "0", "w");
    assert_eq!(first.len(), 1);

    w.update_rows::<f32>(3 * CHUNK..3 * CHUNK + 1, |mut row| row[0] = 5.0).unwrap();
    let report = store.save("1").unwrap();
    assert_eq!((report.bytes_new, report.bytes_shared), (4 * CHUNK as u64, total - 4 * CHUNK as u64));
    let second = placements(&store, "1", "w");
    assert_eq!(second.len(), 3, "kept, new, kept");
    assert_eq!((second[0].shard, second[2].shard), (first[0].shard, first[0].shard));
    assert_eq!(second[2].offset_bytes, first[0].offset_bytes + 16 * CHUNK as u64);
    assert_eq!(placements(&store, "1", "still"), placements(&store, "0", "still"));

    // All is assigned, and only the last, shorter chunk differs.
    let mut value = w.read::<f32>().unwrap().to_owned();
    value[8 * CHUNK + 99] = 6.0;
    w.assign(value).unwrap();
    assert_eq!(store.save("2").unwrap().bytes_new, 400);
    // Back to what it was: chunks are compared with those at the same place now, so both are written again.
    w.assign(Array1::from_elem(8 * CHUNK + 100, 1.0_f32)).unwrap();
    assert_eq!(store.save("3").unwrap().bytes_new, 4 * CHUNK as u64 + 400);
    assert_eq!(store.save("4").unwrap().bytes_new, 0);
    // A chunk that moves to another place of the variable is written there.
    let mut value = vec![1.0_f32; 8 * CHUNK + 100];
    value[..CHUNK].fill(7.0);
    w.assign(Array1::from(value.clone())).unwrap();
    store.save("5").unwrap();
    value.rotate_right(CHUNK);
    w.assign(Array1::from(value)).unwrap();
    assert_eq!(store.save("6").unwrap().bytes_new, 2 * 4 * CHUNK as u64);
    drop(store);
    let read =
        |tag: &str, at: usize| Checkpoint::open(&path, tag).unwrap().get("w").unwrap().read::<f32>().unwrap()[at];
    let expected =
        [("0", 1.0, 1.0), ("1", 5.0, 1.0), ("2", 5.0, 6.0), ("3", 1.0, 1.0), ("4", 1.0, 1.0), ("5", 1.0, 1.0)];
    for (tag, middle, last) in expected {
        assert_eq!((read(tag, 3 * CHUNK), read(tag, 8 * CHUNK + 99)), (middle, last), "{tag}");
    }
    assert_eq!((read("5", 0), read("6", 0), read("6", CHUNK), read("6", 2 * CHUNK)), (7.0, 1.0, 7.0, 1.0));
}

#[test]
fn what_was_loaded_from_disk_is_compared_too() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "w", vec![1.0; 4 * CHUNK]);
    store.commit().unwrap();
    drop(store);
    for (mode, round) in [(ReadMode::Map, 1_u8), (ReadMode::Memory, 2)] {
        let store = Store::options().read_mode(mode).open(&path).unwrap();
        let w = store.find("w").unwrap().unwrap();
        w.update::<f32>(|mut w| w[2 * CHUNK] = f32::from(round) + 1.0).unwrap();
        assert_eq!(store.commit().unwrap().bytes_new, 4 * CHUNK as u64, "{mode:?}");
        // Loaded from a checkpoint of the same store, the same chunks are found again.
        store.load(&store.checkpoint(None).unwrap(), &varkeep::LoadOptions::strict()).unwrap();
        assert_eq!(store.commit().unwrap().bytes_new, 0, "{mode:?}");
    }
}

#[test]
fn a_slice_in_too_many_pieces_is_written_whole() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let chunks = 256_usize;
    let w = of_chunk_bytes(&store, "w", chunks * 1024, 4096);
    store.save("0").unwrap();
    let total = chunks as u64 * 4096;
    let touch = |chunks: &[usize]| {
        let rows: Vec<usize> = chunks.iter().map(|chunk| chunk * 1024).collect();
        w.scatter_update(&rows, &Array1::from_elem(rows.len(), 1.0_f32)).unwrap();
    };
    // As long as half of it lies where it was written whole, it may lie in as many pieces as it likes.
    touch(&(0..chunks).step_by(4).collect::<Vec<_>>());
    assert_eq!(store.save("1").unwrap().bytes_new, total / 4);
    assert_eq!(placements(&store, "1", "w").len(), chunks / 2);
    touch(&(2..chunks).step_by(4).collect::<Vec<_>>());
    assert_eq!(store.save("2").unwrap().bytes_new, total / 4);
    assert_eq!(placements(&store, "2", "w").len(), chunks);
    // One more and it is written in one piece.
    touch(&[1]);
    assert_eq!(store.save("3").unwrap().bytes_new, total);
    assert_eq!(placements(&store, "3", "w").len(), 1);
    drop(store);
    for (tag, touched) in [("0", 0), ("1", chunks / 4), ("2", chunks / 2), ("3", chunks / 2 + 1)] {
        let w = Checkpoint::open(&path, tag).unwrap().get("w").unwrap().read::<f32>().unwrap();
        let ones: Vec<usize> = w.iter().enumerate().filter(|(_, x)| **x == 1.0).map(|(i, _)| i).collect();
        assert!(ones.len() == touched && ones.iter().all(|i| i % 1024 == 0), "{tag}: {ones:?}");
    }
}

#[test]
fn changing_the_size_of_chunks_is_possible_only_for_new_values() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    for bytes in [0, 1, 2048, 4097, 12 << 10, 8 << 20] {
        let root = store.root();
        let request = root.get_variable("bad").shape([4]).initializer(init::zeros()).chunk_bytes(bytes);
        assert_eq!(request.get().unwrap_err().kind(), ErrorKind::InvalidArgument, "{bytes}");
    }
    let small = of_chunk_bytes(&store, "small", 64 * 1024, 4096);
    let large = of_chunk_bytes(&store, "large", 64 * 1024, 4 << 20);
    store.save("0").unwrap();
    for variable in [&small, &large] {
        variable.update_rows::<f32>(70..71, |mut row| row[0] = 1.0).unwrap();
    }
    assert_eq!(store.save("1").unwrap().bytes_new, 4096 + (256 << 10));
}

#[test]
fn values_of_any_size_read_back() {
    let folder = folder();
    let path = folder.path().join("store");
    let chunk = 4096_usize;
    let mut sizes = vec![0, 1, 63, 64, 65, 65_535, 65_536, 65_537, 300_000];
    sizes.extend([1, 2, 3, 17].iter().flat_map(|chunks| [chunk * chunks - 1, chunk * chunks, chunk * chunks + 1]));
    let mut seeded = Seeded::new(7);
    let value = |size: usize, seeded: &mut Seeded| -> Vec<u8> { (0..size).map(|_| seeded.next() as u8).collect() };
    let mut expected: Vec<(String, Vec<u8>)> = Vec::new();
    {
        let store = Store::open(&path).unwrap();
        let root = store.root();
        for size in &sizes {
            let name = format!("v{size}");
            let v = root.get_variable(&name).dtype(DType::U8).shape([*size]).initializer(init::zeros());
            let v = v.chunk_bytes(chunk as u64).get().unwrap();
            let bytes = value(*size, &mut seeded);
            v.assign(Array1::from(bytes.clone())).unwrap();
            expected.push((name, bytes));
        }
        store.save("first").unwrap();
    }
    for round in 0..3 {
        for (mode, verification) in [
            (ReadMode::Map, Verification::FirstTouch),
            (ReadMode::Memory, Verification::FirstTouch),
            (ReadMode::Map, Verification::Never),
        ] {
            let checkpoint = Checkpoint::open_with(&path, None, mode, verification).unwrap();
            let store = Store::options().read_mode(mode).verification(verification).open(&path).unwrap();
            for (name, bytes) in &expected {
                let read = store.find(name).unwrap().unwrap().read::<u8>().unwrap();
                assert_eq!(read.as_slice().unwrap(), bytes, "{name} {mode:?} {verification:?}");
                let saved = checkpoint.get(name).unwrap();
                assert_eq!(saved.tensor().unwrap().bytes(), bytes, "{name} {mode:?} {verification:?}");
                assert!(saved.placements().iter().all(|placement| placement.offset_bytes % 64 == 0));
            }
        }
        let store = Store::open(&path).unwrap();
        for (name, bytes) in &mut expected {
            if bytes.is_empty() {
                continue;
            }
            let at = seeded.below(bytes.len());
            bytes[at] ^= 0xff;
            let row = bytes[at];
            let v = store.find(name).unwrap().unwrap();
            v.update_rows::<u8>(at..at + 1, |mut view| view[0] = row).unwrap();
        }
        store.save(format!("round-{round}")).unwrap();
    }
}

fn of_every_dtype() -> Vec<(DType, Tensor)> {
    let all: Vec<DType> = DType::ALL.to_vec();
    let mut seeded = Seeded::new(11);
    all.into_iter()
        .map(|dtype| {
            let shape = Shape::new([5, 3]).unwrap();
            let tensor = match dtype {
                DType::String => {
                    let strings: Vec<Vec<u8>> = (0..15).map(|i| vec![seeded.next() as u8; i * 37]).collect();
                    Tensor::from_strings([5, 3], &strings).unwrap()
                }
                DType::Bool => {
                    Tensor::from_vec([5, 3], (0..15).map(|_| seeded.next().is_multiple_of(2)).collect::<Vec<bool>>())
                        .unwrap()
                }
                _ => {
                    let len = dtype.bytes_of(15).unwrap();
                    let bytes: Vec<u8> = (0..len).map(|_| seeded.next() as u8).collect();
                    Tensor::from_bytes(dtype, shape, &bytes).unwrap()
                }
            };
            (dtype, tensor)
        })
        .collect()
}

#[test]
fn every_dtype_reads_back_bit_by_bit() {
    let folder = folder();
    let path = folder.path().join("store");
    let values = of_every_dtype();
    assert!(values.len() > 15);
    let store = Store::open(&path).unwrap();
    for (dtype, tensor) in &values {
        let root = store.root();
        let v = root.get_variable(&format!("{dtype}")).initializer(init::tensor(tensor.clone())).get().unwrap();
        assert_eq!(v.dtype(), *dtype);
    }
    store.save("all").unwrap();
    drop(store);
    for mode in [ReadMode::Map, ReadMode::Memory] {
        let store = Store::options().read_mode(mode).open(&path).unwrap();
        let checkpoint = Checkpoint::open_with(&path, "all", mode, Verification::FirstTouch).unwrap();
        for (dtype, tensor) in &values {
            let name = format!("{dtype}");
            let live = store.find(&name).unwrap().unwrap();
            assert_eq!(live.tensor().unwrap().bytes(), tensor.bytes(), "{name} {mode:?}");
            assert_eq!((live.dtype(), &live.shape()), (*dtype, tensor.shape()));
            assert_eq!(checkpoint.get(&name).unwrap().tensor().unwrap().bytes(), tensor.bytes(), "{name} {mode:?}");
        }
    }
}

#[test]
fn byte_strings_grow_and_shrink() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let root = store.root();
    let request = root.get_variable("s").dtype(DType::String).shape([3]).initializer(init::zeros());
    let s = request.chunk_bytes(4096).get().unwrap();
    let lengths = [0, 1, 5000, 4096, 12_288, 3, 40_000, 0];
    for (i, len) in lengths.into_iter().enumerate() {
        let strings = [vec![b'a'; 10], vec![b'b'; len], vec![b'c'; 9]];
        s.assign(Tensor::from_strings([3], &strings).unwrap()).unwrap();
        store.save(format!("{i}")).unwrap();
    }
    drop((s, root));
    drop(store);
    for (i, len) in lengths.into_iter().enumerate() {
        let checkpoint = Checkpoint::open(&path, format!("{i}")).unwrap();
        let read = checkpoint.get("s").unwrap().tensor().unwrap();
        let expected = Tensor::from_strings([3], &[vec![b'a'; 10], vec![b'b'; len], vec![b'c'; 9]]).unwrap();
        assert_eq!(read.bytes(), expected.bytes(), "{i}");
    }
}

#[test]
fn shapes_left_open_grow_and_shrink() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let root = store.root();
    let request = root.get_variable("v").initializer(init::array(Array1::from_elem(1, 0.0_f32)));
    let v = request.validate_shape(false).chunk_bytes(4096).get().unwrap();
    let lengths = [1, 5000, 0, 1024, 1025, 1023, 90_000];
    for (i, len) in lengths.into_iter().enumerate() {
        v.assign_any_shape(Array1::from_elem(len, 1.0_f32)).unwrap();
        let report = store.save(format!("{i}")).unwrap();
        assert!(report.bytes_new <= len as u64 * 4);
    }
    drop((v, root));
    drop(store);
    for (i, len) in lengths.into_iter().enumerate() {
        let read = Checkpoint::open(&path, format!("{i}")).unwrap().get("v").unwrap().read::<f32>().unwrap();
        assert!(read.len() == len && read.iter().all(|element| *element == 1.0), "{i}");
    }
}

/// Puts other bytes into a shard where a value lies, and makes the checks on the way to it pass: the damage of a writer
/// that is not ours.
fn overwrite_payload(store: &Path, offset: u64, bytes: &[u8]) {
    let shard = files(&store.join("shards")).into_keys().next().unwrap();
    let mut all = std::fs::read(&shard).unwrap();
    let offset = usize::try_from(offset).unwrap();
    all[offset..offset + bytes.len()].copy_from_slice(bytes);
    std::fs::write(shard, all).unwrap();
}

#[test]
fn bytes_are_checked_as_the_policy_says_and_a_bool_is_one_always() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let root = store.root();
    root.get_variable("b").initializer(init::array(Array1::from_elem(4, true))).get().unwrap();
    store.save("x").unwrap();
    let offset = placements(&store, "x", "b")[0].offset_bytes;
    drop(root);
    drop(store);
    overwrite_payload(&path, offset, &[0, 1, 0, 1]);
    for mode in [ReadMode::Map, ReadMode::Memory] {
        let checked = Checkpoint::open_with(&path, "x", mode, Verification::FirstTouch).unwrap();
        assert_eq!(checked.get("b").unwrap().read::<bool>().unwrap_err().kind(), ErrorKind::Corrupt);
        let unchecked = Checkpoint::open_with(&path, "x", mode, Verification::Never).unwrap();
        assert!(!unchecked.get("b").unwrap().read::<bool>().unwrap()[0]);
    }
    overwrite_payload(&path, offset, &[2]);
    for mode in [ReadMode::Map, ReadMode::Memory] {
        let unchecked = Checkpoint::open_with(&path, "x", mode, Verification::Never).unwrap();
        let b = unchecked.get("b").unwrap();
        assert_eq!(b.read::<bool>().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(b.tensor().unwrap_err().kind(), ErrorKind::Corrupt);
        let store = Store::options().verification(Verification::Never).read_mode(mode).open(&path).unwrap();
        let b = store.find("b").unwrap().unwrap();
        assert_eq!(b.update::<bool>(|mut b| b[0] = true).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn of_rows_only_their_chunks_are_checked() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    of_chunk_bytes(&store, "v", 8 * 1024, 4096);
    store.save("x").unwrap();
    let offset = placements(&store, "x", "v")[0].offset_bytes;
    drop(store);
    overwrite_payload(&path, offset + 3 * 4096 + 8, &[1]);
    let store = Store::open(&path).unwrap();
    let v = store.find("v").unwrap().unwrap();
    assert_eq!(v.read_rows::<f32>(0..3 * 1024).unwrap().len(), 3 * 1024);
    let error = v.read_rows::<f32>(3 * 1024 - 1..3 * 1024 + 1).unwrap_err();
    assert_eq!((error.kind(), error.offset_bytes()), (ErrorKind::Corrupt, Some(offset + 3 * 4096)));
    assert!(v.read_rows::<f32>(4 * 1024..8 * 1024).is_ok());
    assert_eq!(v.read::<f32>().unwrap_err().kind(), ErrorKind::Corrupt);
    // A save of what was not read needs no look at it.
    assert!(!store.commit().unwrap().is_new);
    vector(&store, "more", vec![1.0]);
    store.save("y").unwrap();
}

#[test]
fn slices_go_to_the_shard_of_their_ordinal() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let root = store.root();
    for name in ["a", "b"] {
        let cut = varkeep::scope::partitioner::fixed_size(3, 0);
        let v = root.get_variable(name).shape([30, 2]).initializer(init::zeros()).partitioner(cut).get().unwrap();
        v.assign(ndarray::Array2::from_shape_fn((30, 2), |(i, j)| i as f32 + 0.1 * j as f32)).unwrap();
    }
    vector(&store, "c", vec![1.0]);
    let report = store.save(Save::tag("x")).unwrap();
    assert_eq!((report.variables, report.bytes_new), (3, 484));
    let shard = |name: &str| placements(&store, "x", name)[0].shard;
    for k in 0..3 {
        assert_eq!(shard(&format!("a/part_{k}")), shard(&format!("b/part_{k}")));
    }
    assert_eq!(shard("c"), shard("a/part_0"));
    assert_eq!(files(&path.join("shards")).len(), 3);
    let before = durable_files(&path).len();
    let a = store.find("a").unwrap().unwrap();
    a.update_rows::<f32>(12..13, |mut row| row.fill(5.0)).unwrap();
    assert_eq!(store.save("y").unwrap().bytes_new, 80);
    drop((a, root));
    drop(store);
    assert_eq!(durable_files(&path).len(), before + 3);
    let read = Checkpoint::open(&path, "y").unwrap().get("a").unwrap().read::<f32>().unwrap();
    assert_eq!((read[[11, 1]], read[[12, 0]], read[[29, 0]]), (11.1, 5.0, 29.0));
}

fn shards_of(path: &Path) -> (usize, u64) {
    let shards = files(&path.join("shards"));
    (shards.len(), shards.values().map(|bytes| bytes.len() as u64).sum())
}

/// Variables saved one at a time lie in a shard each, until there are too many: then they move together.
#[test]
fn the_head_never_refers_to_many_small_shards_for_long() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let count = 300;
    for i in 0..count {
        vector(&store, &format!("v{i:03}"), vec![i as f32; 100]);
        store.commit().unwrap();
    }
    drop(store);
    // Values move, and manifests that name where they were are merged, beside commits: how many commits that takes depends on
    // the machine. What is open stays, so it is counted when all is closed.
    for round in 0.. {
        let store = Store::open(&path).unwrap();
        for i in 0..10 {
            store.find("v000").unwrap().unwrap().assign(Array1::from_elem(100, (round + i) as f32)).unwrap();
            store.commit().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        drop(store);
        let (shards, _) = shards_of(&path);
        if shards <= 200 {
            break;
        }
        assert!(round < 100, "{shards} shards");
    }
    let head = Checkpoint::open(&path, None).unwrap();
    for i in 1..count {
        assert_eq!(head.get(&format!("v{i:03}")).unwrap().read::<f32>().unwrap()[[7]], i as f32);
    }
    assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
}

/// A shard of which little is still needed is left, a part with each save, though what it holds never changes.
#[test]
fn what_the_head_holds_takes_no_more_than_about_twice_its_space() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    // One in eight of 2 MiB each never changes again.
    let elements = 1 << 19;
    let names: Vec<String> = (0..128).map(|i| format!("v{i:03}")).collect();
    for name in &names {
        vector(&store, name, vec![1.0; elements]);
    }
    store.commit().unwrap();
    let shrunk: Vec<&String> = names.iter().enumerate().filter(|(i, _)| i % 8 != 0).map(|(_, name)| name).collect();
    for name in shrunk {
        store.remove(name).unwrap();
    }
    store.commit().unwrap();
    assert!(shards_of(&path).1 > 200 << 20, "the shard is still needed for what stays");
    for round in 0..60 {
        store.find("v000").unwrap().unwrap().assign(Array1::from_elem(elements, round as f32)).unwrap();
        store.commit().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let held = store.commit().unwrap();
    drop(store);
    let (shards, bytes) = shards_of(&path);
    let needed = held.bytes_new + held.bytes_shared;
    assert!(bytes < 2 * needed + (64 << 20), "{shards} shards with {bytes} bytes for {needed}");
    let head = Checkpoint::open(&path, None).unwrap();
    assert_eq!(head.get("v120").unwrap().read::<f32>().unwrap()[[7]], 1.0);
    assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
}

/// Damage in what is to be moved is no reason not to save; it stays where it is, and is told to who reads it.
#[test]
fn what_is_damaged_is_not_moved_and_stops_no_save() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let count = 300;
    for i in 0..count {
        vector(&store, &format!("v{i:03}"), vec![1.0 + i as f32; 100]);
        store.commit().unwrap();
    }
    drop(store);
    let placed = {
        let store = Store::open(&path).unwrap();
        store.save("whole").unwrap();
        placements(&store, "whole", "v007")[0].clone()
    };
    let shard = path.join("shards").join(format!("{}.shard", placed.shard));
    let mut bytes = std::fs::read(&shard).unwrap();
    bytes[usize::try_from(placed.offset_bytes).unwrap()] ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    for round in 0..40 {
        store.find("v000").unwrap().unwrap().assign(Array1::from_elem(100, round as f32)).unwrap();
        store.commit().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let head = Checkpoint::open(&path, None).unwrap();
    for i in 1..count {
        let read = head.get(&format!("v{i:03}")).unwrap().read::<f32>();
        assert_eq!(read.is_err(), i == 7, "v{i:03}");
    }
}
