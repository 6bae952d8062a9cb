//! Local variables never reach the disk: neither a byte of their values nor their names.

use std::path::Path;

use varkeep::scope::partitioner::fixed_size;
use varkeep::scope::regularizer::l2;
use varkeep::{DType, ErrorKind, Save, Store, Tensor, Variable, init};

use crate::support::{CATALOG_WAIT, files, folder, vector};

/// In names, collections, devices and strings.
const WORD: &str = "s3cr3t";
/// In values.
const NUMBER: f64 = -1.234_567_890_123_4e-56;

/// Looks through every file below the store's folder, whatever it is called.
fn assert_no_trace(store: &Path, when: &str) {
    let number = NUMBER.to_le_bytes();
    let files = files(store);
    assert!(!files.is_empty());
    for (path, bytes) in files {
        for marker in [WORD.as_bytes(), &number] {
            let found = bytes.windows(marker.len()).any(|window| window == marker);
            assert!(!found, "{when}: {marker:?} is in {}", path.display());
        }
    }
}

/// Every way there is to make a variable that is not saved, in this round of them.
fn make_locals(store: &Store, round: usize) {
    let root = store.root();
    let name = format!("{WORD}_scope");
    let scope = root.scope(&name).auto_reuse().enter().unwrap();
    let value = ndarray::Array1::from_elem(1000, NUMBER);
    let local = |name: &str| scope.get_local_variable(&format!("{WORD}_{name}_{round}")).dtype(DType::F64);
    local("plain").initializer(init::array(value.clone())).get().unwrap();
    local("regular").initializer(init::array(value.clone())).regularizer(l2(0.5).unwrap()).get().unwrap();
    local("device").initializer(init::array(value.clone())).caching_device(WORD).get().unwrap();
    local("cut").shape([9]).initializer(init::constant(NUMBER)).partitioner(fixed_size(3, 0)).get().unwrap();
    local("also").initializer(init::array(value.clone())).also_in(format!("{WORD}_collection")).get().unwrap();
    let mine = scope.get_variable(&format!("{WORD}_mine_{round}")).collections([format!("{WORD}_mine")]);
    let mine = mine.trainable(true).initializer(init::array(value)).get().unwrap();
    assert!(!mine.is_durable() && mine.is_trainable());
    let strings = scope.get_local_variable(&format!("{WORD}_strings_{round}")).dtype(DType::String);
    let strings = strings.shape([2]).initializer(init::zeros()).get().unwrap();
    strings.assign(Tensor::from_strings([2], &[WORD, "other"]).unwrap()).unwrap();
    store.alias(&format!("{WORD}_alias_{round}"), &mine).unwrap();
    mine.update::<f64>(|mut view| view[0] = NUMBER).unwrap();
}

#[test]
fn no_file_of_the_store_ever_holds_a_local_name_or_byte() {
    let folder = folder();
    let path = folder.path().join("store");
    for session in 0..3 {
        let store = Store::open(&path).unwrap();
        make_locals(&store, 0);
        assert!(store.wait_for_catalog(CATALOG_WAIT));
        assert_no_trace(&path, "before a commit");
        if store.find("w").unwrap().is_none() {
            vector(&store, "w", vec![1.0]);
        }
        assert!(store.commit().unwrap().left_out.iter().any(|name| name.contains(WORD)));
        assert_no_trace(&path, "after a commit");
        make_locals(&store, 1);
        vector(&store, &format!("durable_{session}"), vec![1.0; 10_000]);
        let local = store.find(&format!("{WORD}_scope/{WORD}_plain_0")).unwrap().unwrap();
        store.save(Save::tag(format!("tag-{session}")).metadata(&["nothing"])).unwrap();
        assert_no_trace(&path, "after a save");
        store.rename(&local.name(), &format!("{WORD}_renamed")).unwrap();
        store.remove(&format!("{WORD}_scope/{WORD}_cut_0")).unwrap();
        make_locals(&store, 2);
        store.remove("w").unwrap();
        store.commit().unwrap();
        assert!(store.wait_for_catalog(CATALOG_WAIT));
        assert_no_trace(&path, "after renaming and removing");
        store.restore("tag-0").unwrap();
        assert_eq!(local.name(), format!("{WORD}_renamed"), "a local variable survives a restore");
        store.commit().unwrap();
        store.rollback().unwrap();
        make_locals(&store, 3);
        store.save(format!("again-{session}")).unwrap();
        assert!(store.wait_for_catalog(CATALOG_WAIT));
        assert_no_trace(&path, "after restoring and going back");
        drop(store);
        assert_no_trace(&path, "after closing");
    }
}

#[test]
fn what_happens_to_locals_alone_makes_no_commit() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "w", vec![1.0]);
    let before = store.save("first").unwrap();
    make_locals(&store, 0);
    assert!(!store.commit().unwrap().is_new, "creating");
    let name = format!("{WORD}_scope/{WORD}_plain_0");
    store.find(&name).unwrap().unwrap().assign(ndarray::Array1::from_elem(1000, 2.0)).unwrap();
    assert!(!store.commit().unwrap().is_new, "assigning");
    store.rename(&name, "elsewhere").unwrap();
    assert!(!store.commit().unwrap().is_new, "renaming");
    store.remove("elsewhere").unwrap();
    store.remove(&format!("{WORD}_scope/{WORD}_cut_0")).unwrap();
    let report = store.commit().unwrap();
    assert!(!report.is_new && report.number == before.number, "removing");
}

/// A partitioned variable that is not durable, since its second slice is local.
fn half_durable(store: &Store) -> Variable {
    let root = store.root();
    root.get_local_variable("half/part_1").shape([2]).initializer(init::zeros()).get().unwrap();
    let scope = root.scope("").auto_reuse().enter().unwrap();
    let half = scope.get_variable("half").shape([4]).initializer(init::zeros()).partitioner(fixed_size(2, 0));
    half.get().unwrap()
}

#[test]
fn going_back_takes_no_slice_from_a_variable_that_stays() {
    let folder = folder();
    let store = Store::open(folder.path().join("store")).unwrap();
    vector(&store, "w", vec![1.0]);
    store.save("without").unwrap();
    let half = half_durable(&store);
    assert!(!half.is_durable() && half.slices()[0].variable.is_durable());
    for conflict in [store.rollback(), store.restore("without")] {
        let conflict = conflict.unwrap_err();
        assert_eq!((conflict.kind(), conflict.variable()), (ErrorKind::RestoreNameConflict, Some("half")));
    }
    assert_eq!(half.tensor().unwrap().shape().sizes(), [4]);

    // With its slice committed it can stay whole.
    store.commit().unwrap();
    half.slices()[0].variable.update::<f32>(|mut slice| slice.fill(7.0)).unwrap();
    store.rollback().unwrap();
    assert_eq!(half.read::<f32>().unwrap().as_slice(), Some(&[0.0; 4][..]));
    store.remove("half").unwrap();
    store.restore("without").unwrap();
}

#[test]
fn going_back_looks_at_names_alike_whether_they_are_live_or_not() {
    let folder = folder();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    vector(&store, "v", vec![1.0]);
    store.commit().unwrap();
    drop(store);
    for look in [true, false] {
        let store = Store::open(&path).unwrap();
        let stray = store.root().get_local_variable("v/part_0").shape([1]).get().unwrap();
        assert!(!look || store.find("v").unwrap().is_some());
        store.rollback().unwrap();
        assert_eq!(store.find("v/part_0").unwrap().as_ref(), Some(&stray), "looked: {look}");
        assert!(store.find("v").unwrap().is_some());
    }
}
