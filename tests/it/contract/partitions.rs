//! Partitioned variables: one variable when read, many slices on disk.

use varkeep::scope::partitioner;
use varkeep::{Checkpoint, ErrorKind, LoadOptions, SavedKind, Tensor, init};

use super::{folder, members, refused, reopened, store_in, store_path, values, vector};

#[test]
fn byte_strings_are_cut_saved_and_joined() {
    let folder = folder();
    let store = store_in(&folder);
    let texts: [&[u8]; 5] = [b"alpha", b"", b"\xff\x00\xfe", "数".as_bytes(), b"omega"];
    let value = Tensor::from_strings(5, &texts).unwrap();
    let root = store.root();
    let cut =
        root.get_variable("cut").initializer(value.clone()).partitioner(partitioner::fixed_size(3, 0)).get().unwrap();
    let whole = root.get_variable("whole").initializer(value.clone()).get().unwrap();
    assert_eq!(cut.slices().len(), 3);
    for variable in [&cut, &whole] {
        assert!(variable.read_strings().unwrap().strings().iter().eq(texts));
    }
    refused(whole.update::<u8>(|_| {}), ErrorKind::DtypeMismatch);
    store.save("tag").unwrap();
    drop(root);
    let store = reopened(store);
    assert_eq!(store.find("cut").unwrap().unwrap().tensor().unwrap(), value);
    let last = store.find("cut/part_2").unwrap().unwrap();
    assert!(last.read_strings().unwrap().strings().iter().eq([b"omega"]));
    let other = Tensor::from_strings(5, &["a", "b", "c", "d", "e"]).unwrap();
    store.find("cut").unwrap().unwrap().assign(other.clone()).unwrap();
    let store = reopened(store);
    assert_eq!(store.find("cut").unwrap().unwrap().tensor().unwrap(), other);
    let saved = Checkpoint::open(store_path(&folder), "tag").unwrap().get("cut").unwrap();
    assert_eq!(saved.tensor().unwrap(), value);
}

#[test]
fn slices_and_whole_are_the_same_storage() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let get = root.get_variable("w").initializer(vector(&[0.0; 5])).partitioner(partitioner::fixed_size(2, 0));
    let w = get.get().unwrap();
    let reused = root.scope("").reuse().enter().unwrap();
    let part = reused.get_variable("w/part_1").get().unwrap();
    assert_eq!(part, w.slices()[1].variable);
    part.assign(vector(&[1.0, 2.0])).unwrap();
    assert_eq!(values(&w), [0.0, 0.0, 0.0, 1.0, 2.0]);
    w.update::<f32>(|mut all| all += 1.0).unwrap();
    assert_eq!(values(&part), [2.0, 3.0]);
    let read = part.read::<f32>().unwrap();
    w.assign(vector(&[9.0; 5])).unwrap();
    assert_eq!(read.as_slice(), Some(&[2.0, 3.0][..]), "what was read is a snapshot");
    refused(w.assign(vector(&[9.0; 4])), ErrorKind::AssignShapeMismatch);
    refused(w.assign_any_shape(vector(&[9.0; 4])), ErrorKind::AssignShapeMismatch);
    drop(reused);
    drop(root);
    let store = reopened(store);
    let w = store.find("w").unwrap().unwrap();
    assert_eq!(store.find("w/part_0").unwrap().unwrap(), w.slices()[0].variable);
    assert_eq!(store.checkpoint(None).unwrap().get("w/part_0").unwrap().kind(), SavedKind::SliceOf("w".to_owned()));
}

#[test]
fn a_whole_is_durable_only_if_all_its_slices_are() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    root.get_variable("w/part_0").initializer(vector(&[1.0, 2.0])).get().unwrap();
    root.get_local_variable("w/part_1").initializer(vector(&[3.0])).get().unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    let whole = || auto.get_variable("w").shape([3]).partitioner(partitioner::fixed_size(2, 0));
    let got = whole().get_reported().unwrap();
    assert!(!got.is_new && !got.variable.is_durable() && got.variable.is_trainable());
    assert_eq!(values(&got.variable), [1.0, 2.0, 3.0]);
    assert_eq!(whole().get().unwrap(), got.variable);
    store.save("half").unwrap();
    let half = store.checkpoint("half").unwrap();
    assert!(half.find("w").unwrap().is_none() && half.find("w/part_1").unwrap().is_none());
    drop(auto);
    drop(root);
    let store = reopened(store);
    assert_eq!(store.find("w").unwrap(), None, "half a variable is no variable");
    assert_eq!(members(&store, "variables"), ["w/part_0"], "its durable slice stands alone");
    // With the other slice in place again, it is whole again, and durable if that one is.
    let root = store.root();
    root.get_variable("w/part_1").initializer(vector(&[4.0])).get().unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    auto.get_variable("w").shape([3]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    drop(auto);
    drop(root);
    let store = reopened(store);
    let w = store.find("w").unwrap().unwrap();
    assert_eq!((values(&w), w.partition_counts()), (vec![1.0, 2.0, 4.0], Some(vec![2])));
}

#[test]
fn an_adoption_is_made_durable_by_the_next_commit() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    for k in 0..2 {
        root.get_variable(&format!("w/part_{k}")).shape([2]).initializer(init::ones()).get().unwrap();
    }
    store.commit().unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    auto.get_variable("w").shape([4]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    let report = store.commit().unwrap();
    assert!(report.is_new && report.bytes_new == 0, "no value was written again: {report:?}");
    drop(auto);
    drop(root);
    let store = reopened(store);
    assert_eq!(values(&store.find("w").unwrap().unwrap()), [1.0; 4]);
    refused(store.remove("w/part_0"), ErrorKind::SliceOfWhole);
}

/// What a slice may be assigned hangs on whether a partitioned variable holds it now, not on what held it when it was
/// committed.
#[test]
fn a_slice_is_fixed_while_a_whole_holds_it_and_free_when_it_stands_alone() {
    let folder = folder();
    let store = store_in(&folder);
    let root = store.root();
    let open = |name: &str, value: &[f32]| {
        root.get_variable(name).initializer(init::array(vector(value))).validate_shape(false).get().unwrap()
    };
    let part = open("w/part_0", &[1.0, 2.0]);
    store.save("before").unwrap();
    root.get_local_variable("w/part_1").initializer(vector(&[3.0])).get().unwrap();
    let auto = root.scope("").auto_reuse().enter().unwrap();
    let whole = auto.get_variable("w").shape([3]).partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    refused(part.assign_any_shape(vector(&[5.0])), ErrorKind::AssignShapeMismatch);
    // Going back to before it was a slice leaves it one: the whole is not durable, and stays.
    store.restore("before").unwrap();
    refused(part.assign_any_shape(vector(&[5.0])), ErrorKind::AssignShapeMismatch);
    assert_eq!(values(&whole), [1.0, 2.0, 3.0]);
    let report = store.save("half").unwrap();
    assert_eq!(report.variables, 1, "the slice that is durable counts as the variable that it is in the checkpoint");
    assert_eq!(store.checkpoint("half").unwrap().get("w/part_0").unwrap().kind(), SavedKind::Variable);
    drop(auto);
    drop(root);
    // In another session there is no whole around it.
    let store = reopened(store);
    let part = store.find("w/part_0").unwrap().unwrap();
    part.assign_any_shape(vector(&[5.0])).unwrap();
    store.load_from(store_path(&folder), "before", &LoadOptions::strict()).unwrap();
    assert_eq!(values(&part), [1.0, 2.0]);

    // One that a partitioned variable holds is a slice also before that is looked at.
    let root = store.root();
    let get = root.get_variable("v").initializer(vector(&[1.0, 2.0])).validate_shape(false);
    get.partitioner(partitioner::fixed_size(2, 0)).get().unwrap();
    drop(root);
    let store = reopened(store);
    let part = store.find("v/part_0").unwrap().unwrap();
    refused(part.assign_any_shape(vector(&[5.0, 6.0])), ErrorKind::AssignShapeMismatch);
}
