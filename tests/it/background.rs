//! Saves beside a program that goes on: each holds what the variables held when it was begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndarray::{Array1, Array2};
use varkeep::testing::NoTap;
use varkeep::{Checkpoint, ErrorKind, PendingSave, Save, Store, Variable};

use crate::gate::{Gate, saved, store_on, zeros};
use crate::support::{Seeded, folder};

#[test]
fn a_save_holds_what_was_there_when_it_was_begun_whatever_is_done_meanwhile() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 64 << 20);
    let names = ["assigned", "updated", "added", "scattered", "rows", "read", "removed", "renamed", "still"];
    let variables: Vec<Variable> = names.iter().map(|name| zeros(&store, name, [64, 100])).collect();
    for (i, variable) in variables.iter().enumerate() {
        variable.assign(Array2::from_elem((64, 100), i as f32 + 1.0)).unwrap();
    }
    gate.close();
    let pending = store.save_in_background("begun").unwrap();
    gate.wait_for_somebody();
    let ones = Array2::from_elem((64, 100), 1.0_f32);
    variables[0].assign(&ones * 100.0).unwrap();
    variables[1].update::<f32>(|mut w| w *= 50.0).unwrap();
    variables[2].assign_add(&(&ones * 7.0)).unwrap();
    variables[3].scatter_update(&[0, 63], &Array2::from_elem((2, 100), -1.0_f32)).unwrap();
    variables[4].update_rows::<f32>(10..20, |mut rows| rows.fill(9.5)).unwrap();
    let held = variables[5].read::<f32>().unwrap();
    variables[5].assign_sub(&ones).unwrap();
    store.remove("removed").unwrap();
    store.rename("renamed", "other").unwrap();
    assert_eq!(held[[0, 0]], 6.0);
    assert_eq!(variables[2].read::<f32>().unwrap()[[5, 5]], 10.0, "a change shows at once");
    let (done, total) = (pending.progress().bytes_done, pending.progress().bytes_total);
    assert!(done < total && total == 9 * 25_600, "{done} of {total}");
    let pending = pending.try_wait().expect_err("the disk stands still");
    let later = store.save_in_background("later").unwrap();
    gate.open();
    let report = pending.wait().unwrap();
    assert_eq!((report.variables, report.bytes_new), (9, 9 * 25_600));
    later.wait().unwrap();
    for (i, name) in names.iter().enumerate() {
        assert_eq!(saved(&path, "begun", name), &ones * (i as f32 + 1.0), "{name}");
    }
    assert_eq!(saved(&path, "later", "added")[[0, 0]], 10.0);
    assert_eq!(saved(&path, "later", "rows").column(0).sum(), 5.0 * 54.0 + 95.0);
    assert_eq!(saved(&path, "later", "other")[[0, 0]], 8.0);
    assert!(Checkpoint::open(&path, "later").unwrap().find("removed").unwrap().is_none());
}

#[test]
fn where_memory_is_used_up_a_change_waits_and_its_variable_is_written_first() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    // Less than one value.
    let store = store_on(&path, &gate, 10_000);
    let variables: Vec<Variable> = (0..20).map(|i| zeros(&store, &format!("v{i:02}"), [64, 100])).collect();
    gate.close();
    let pending = store.save_in_background("zeros").unwrap();
    gate.wait_for_somebody();
    std::thread::scope(|scope| {
        for last in [&variables[19], &variables[18]] {
            let begun = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&begun);
            scope.spawn(move || {
                flag.store(true, Ordering::SeqCst);
                last.assign_add(&Array2::from_elem((64, 100), 1.0_f32)).unwrap();
            });
            while !begun.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(variables[19].read::<f32>().unwrap()[[0, 0]], 0.0, "the change waits");
        gate.open();
    });
    pending.wait().unwrap();
    for i in 0..20 {
        assert_eq!(saved(&path, "zeros", &format!("v{i:02}")).sum(), 0.0, "{i}");
    }
    assert_eq!(variables[19].read::<f32>().unwrap()[[0, 0]], 1.0);
}

#[test]
fn a_failed_save_loses_nothing_and_those_that_counted_on_it_say_so() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 10_000);
    let a = zeros(&store, "a", [64, 100]);
    let b = zeros(&store, "b", [64, 100]);
    store.save("before").unwrap();
    a.assign(Array2::from_elem((64, 100), 1.0_f32)).unwrap();
    gate.close();
    let first = store.save_in_background("first").unwrap();
    gate.wait_for_somebody();
    b.assign(Array2::from_elem((64, 100), 2.0_f32)).unwrap();
    let second = store.save_in_background("second").unwrap();
    gate.fails.store(true, Ordering::SeqCst);
    gate.open();
    assert_eq!(first.wait().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(second.wait().unwrap_err().kind(), ErrorKind::EarlierSaveFailed);
    // Nobody waits for what will not be written.
    a.assign_add(&Array2::from_elem((64, 100), 1.0_f32)).unwrap();
    gate.fails.store(false, Ordering::SeqCst);
    let report = store.save("third").unwrap();
    assert_eq!(report.bytes_new, 2 * 25_600);
    assert_eq!((saved(&path, "third", "a")[[3, 3]], saved(&path, "third", "b")[[3, 3]]), (2.0, 2.0));
    let tags: Vec<_> = store.checkpoints().unwrap().iter().map(|info| info.tag().unwrap().to_owned()).collect();
    assert_eq!(tags, ["third", "before"]);
}

#[test]
fn a_tag_that_is_taken_fails_its_own_save_alone() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 1 << 20);
    let a = zeros(&store, "a", [64, 100]);
    store.save("taken").unwrap();
    gate.close();
    a.assign(Array2::from_elem((64, 100), 1.0_f32)).unwrap();
    let blocking = store.save_in_background("blocking").unwrap();
    gate.wait_for_somebody();
    a.assign(Array2::from_elem((64, 100), 2.0_f32)).unwrap();
    let refused = store.save_in_background("taken").unwrap();
    let good = store.save_in_background("good").unwrap();
    gate.open();
    blocking.wait().unwrap();
    assert_eq!(refused.wait().unwrap_err().kind(), ErrorKind::TagExists);
    good.wait().unwrap();
    assert_eq!((saved(&path, "blocking", "a")[[0, 0]], saved(&path, "good", "a")[[0, 0]]), (1.0, 2.0));
}

#[test]
fn a_cancelled_save_leaves_everything_to_the_next() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    let store = store_on(&path, &gate, 1 << 20);
    let a = zeros(&store, "a", [64, 100]);
    let b = zeros(&store, "b", [64, 100]);
    gate.close();
    let pending = store.save_in_background("cancelled").unwrap();
    gate.wait_for_somebody();
    b.assign(Array2::from_elem((64, 100), 5.0_f32)).unwrap();
    pending.cancel();
    gate.open();
    assert_eq!(pending.wait().unwrap_err().kind(), ErrorKind::SaveCancelled);
    assert!(store.checkpoints().unwrap().is_empty());
    a.assign(Array2::from_elem((64, 100), 4.0_f32)).unwrap();
    let pending = store.save_in_background("after").unwrap();
    let saved_at = |pending: PendingSave| pending.wait().unwrap().number;
    assert_eq!(saved_at(pending), 1);
    assert_eq!((saved(&path, "after", "a")[[0, 0]], saved(&path, "after", "b")[[0, 0]]), (4.0, 5.0));
    // What is over cannot be cancelled.
    let pending = store.save_in_background(Save::tag("over")).unwrap();
    while store.checkpoints().unwrap().len() < 2 {
        std::thread::yield_now();
    }
    pending.cancel();
    pending.wait().unwrap();
}

#[test]
fn dropping_the_store_waits_for_what_was_begun() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    gate.slowness.store(2000, Ordering::SeqCst);
    let store = store_on(&path, &gate, 1 << 20);
    let a = zeros(&store, "a", [64, 100]);
    for round in 0..5 {
        a.assign(Array2::from_elem((64, 100), round as f32)).unwrap();
        drop(store.save_in_background(format!("{round}")).unwrap());
    }
    drop(store);
    for round in 0..5 {
        assert_eq!(saved(&path, &round.to_string(), "a")[[1, 1]], round as f32);
    }
}

/// Steps change all variables alike, on several threads; a save never shows part of one.
#[test]
fn no_save_beside_steps_holds_half_of_one() {
    let folder = folder();
    let path = folder.path().join("store");
    let gate = Arc::new(Gate::default());
    gate.slowness.store(200, Ordering::SeqCst);
    let store = store_on(&path, &gate, 100_000);
    let variables: Vec<Variable> = (0..12).map(|i| zeros(&store, &format!("v{i:02}"), [64, 100])).collect();
    let ended = AtomicBool::new(false);
    let mut tags = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let ones = Array2::from_elem((64, 100), 1.0_f32);
            while !ended.load(Ordering::SeqCst) {
                let _step = store.step();
                for (i, variable) in variables.iter().enumerate() {
                    match i % 3 {
                        0 => variable.assign_add(&ones).unwrap(),
                        1 => variable.update::<f32>(|mut w| w += 1.0).unwrap(),
                        _ => {
                            let next = &*variable.read::<f32>().unwrap() + 1.0;
                            variable.assign(next).unwrap();
                        }
                    }
                }
            }
        });
        let mut pending = Vec::new();
        for round in 0..30 {
            let tag = format!("t{round}");
            pending.push(store.save_in_background(&*tag).unwrap());
            tags.push(tag);
            if pending.len() == 3 {
                pending.remove(0).wait().unwrap();
            }
        }
        for pending in pending {
            pending.wait().unwrap();
        }
        ended.store(true, Ordering::SeqCst);
    });
    drop(store);
    for tag in &tags {
        let values: Vec<Array2<f32>> = (0..12).map(|i| saved(&path, tag, &format!("v{i:02}"))).collect();
        let first = values[0][[0, 0]];
        assert!(values.iter().all(|value| value.iter().all(|x| *x == first)), "{tag}");
    }
    assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
}

/// Random changes between random saves, against plain arrays.
#[test]
fn random_changes_beside_random_saves_are_what_a_model_says() {
    for seed in 0..12 {
        let mut seeded = Seeded::new(seed);
        let folder = folder();
        let path = folder.path().join("store");
        let gate = Arc::new(Gate::default());
        gate.slowness.store(300, Ordering::SeqCst);
        let memory = [5_000, 30_000, 1 << 20][seeded.below(3)];
        let mut store = store_on(&path, &gate, memory);
        let names = ["a", "b", "c"];
        let mut model: Vec<Vec<f32>> = vec![vec![0.0; 6400]; 3];
        let mut variables: Vec<Variable> = names.iter().map(|name| zeros(&store, name, [64, 100])).collect();
        let mut expected: Vec<(String, Vec<Vec<f32>>)> = Vec::new();
        let mut pending: Vec<PendingSave> = Vec::new();
        for round in 0..120 {
            let which = seeded.below(3);
            let (variable, held) = (&variables[which], &mut model[which]);
            let x = round as f32;
            match seeded.below(9) {
                0 => {
                    variable.assign(Array2::from_elem((64, 100), x)).unwrap();
                    held.fill(x);
                }
                1 => {
                    variable.assign_add(&Array2::from_elem((64, 100), x)).unwrap();
                    for held in held {
                        *held += x;
                    }
                }
                2 | 3 => {
                    let (from, len) = (seeded.below(64), seeded.below(8));
                    let rows = from..(from + len).min(64);
                    variable.update_rows::<f32>(rows.clone(), |mut rows| rows.fill(x)).unwrap();
                    held[rows.start * 100..rows.end * 100].fill(x);
                }
                4 => {
                    let rows: Vec<usize> = (0..3).map(|_| seeded.below(64)).collect();
                    variable.scatter_update(&rows, &Array2::from_elem((3, 100), -x)).unwrap();
                    for row in rows {
                        held[row * 100..(row + 1) * 100].fill(-x);
                    }
                }
                5 => {
                    variable.update::<f32>(|mut w| w -= x).unwrap();
                    for held in held {
                        *held -= x;
                    }
                }
                6 => {
                    pending.clear();
                    store.commit().unwrap();
                }
                7 if seeded.below(4) == 0 => {
                    for pending in pending.drain(..) {
                        pending.wait().unwrap();
                    }
                    store.commit().unwrap();
                    variables.clear();
                    drop(store);
                    store = store_on(&path, &gate, memory);
                    variables = names.iter().map(|name| store.find(name).unwrap().unwrap()).collect();
                }
                _ => {
                    let tag = format!("t{round}");
                    pending.push(store.save_in_background(&*tag).unwrap());
                    expected.push((tag, model.clone()));
                }
            }
        }
        for pending in pending {
            pending.wait().unwrap();
        }
        drop((variables, store));
        for (tag, model) in &expected {
            for (name, held) in names.iter().zip(model) {
                let found = saved(&path, tag, name);
                let held = Array1::from(held.clone()).into_shape_with_order((64, 100)).unwrap();
                assert!(found == held, "seed {seed}, {tag}, {name}");
            }
        }
        assert!(varkeep::verify(&path, None, &mut |_| ()).unwrap().is_sound());
        let again = Store::options().tap(NoTap::shared()).open(&path).unwrap();
        assert!(!again.commit().unwrap().is_new);
    }
}
