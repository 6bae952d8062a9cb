//! Names that change while saves are in flight: each save holds the names that there were when it was begun.

use std::sync::Arc;

use ndarray::Array2;
use varkeep::scope::partitioner::fixed_size;
use varkeep::{Checkpoint, DType, Store, Variable, init};

use crate::gate::{Gate, saved, store_on, zeros};
use crate::support::folder;

fn names(store: &Store, tag: &str) -> Vec<String> {
    let checkpoint = Checkpoint::open(store.path(), tag).unwrap();
    checkpoint.variables("").map(|saved| saved.unwrap().name().to_owned()).collect()
}

fn change(variable: &Variable) {
    variable.assign_add(&Array2::from_elem((64, 100), 1.0_f32)).unwrap();
}

#[test]
fn a_partitioned_variable_renamed_behind_a_save_is_saved_with_the_names_its_slices_had() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 1 << 20);
    let root = store.root();
    let get = root.get_variable("cut").shape([64, 100]).dtype(DType::F32).initializer(init::ones());
    get.partitioner(fixed_size(2, 0)).get().unwrap();
    gate.close();
    let pending = store.save_in_background("before").unwrap();
    gate.wait_for_somebody();
    store.rename("cut", "other").unwrap();
    gate.open();
    pending.wait().unwrap();
    store.save("after").unwrap();
    assert_eq!(names(&store, "before"), ["cut", "cut/part_0", "cut/part_1"]);
    assert_eq!(names(&store, "after"), ["other", "other/part_0", "other/part_1"]);
    assert_eq!((saved(&path, "before", "cut").sum(), saved(&path, "after", "other").sum()), (6400.0, 6400.0));
    assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
}

/// A save in flight tells of the removal and of what came back; one begun behind it, before that was published, must tell
/// of neither.
#[test]
fn a_name_that_was_removed_and_came_back_is_in_all_saves_begun_after() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 1 << 20);
    let other = zeros(&store, "other", [64, 100]);
    zeros(&store, "name", [64, 100]);
    store.save("first").unwrap();
    gate.close();
    store.remove("name").unwrap();
    change(&other);
    let without = store.save_in_background("without").unwrap();
    gate.wait_for_somebody();
    change(&zeros(&store, "name", [64, 100]));
    let back = store.save_in_background("back").unwrap();
    change(&other);
    let behind = store.save_in_background("behind").unwrap();
    store.remove("name").unwrap();
    let again = store.save_in_background("again").unwrap();
    gate.open();
    for pending in [without, back, behind, again] {
        pending.wait().unwrap();
    }
    assert_eq!(names(&store, "without"), ["other"]);
    assert_eq!(names(&store, "back"), ["name", "other"]);
    assert_eq!(names(&store, "behind"), ["name", "other"]);
    assert_eq!(names(&store, "again"), ["other"]);
    assert_eq!(saved(&path, "behind", "name")[[0, 0]], 1.0);
    assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
}
