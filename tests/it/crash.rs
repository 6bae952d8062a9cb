//! Power loss at any point of the script: the store opens to the last acknowledged state, or to the one after it.

use std::sync::Arc;

use varkeep::{ErrorKind, Store};

use crate::disk::{Recorder, Survivors};
use crate::support::{Kept, Seeded, durable_files, folder, kept, vector};
use crate::workload::{SCRIPT, World};

/// How many disks are tried, if `VARKEEP_CRASH_STATES` does not say.
const STATES: usize = 3000;

/// Every this many disks the store is opened for writing too.
const OPEN_EVERY: usize = 8;

#[test]
fn every_disk_a_power_loss_can_leave_opens_to_what_was_acknowledged() {
    let states = std::env::var("VARKEEP_CRASH_STATES").map_or(STATES, |text| text.parse().unwrap());
    let folder = folder();
    let root = folder.path().join("recorded");
    let recorder = Arc::new(Recorder::default());
    let path = root.join("store");
    std::fs::create_dir_all(&root).unwrap();
    let mut world = World::new(&path, recorder.clone());
    // What was acknowledged once so many events had happened.
    let mut acknowledged: Vec<(usize, Kept)> = vec![(0, Kept::default())];
    for step in SCRIPT {
        step(&mut world).unwrap();
        acknowledged.push((recorder.len(), kept(&path).unwrap()));
    }
    world.close();
    acknowledged.dedup_by(|later, earlier| later.1 == earlier.1);
    let opened = acknowledged.len();

    let mut boundaries = 0;
    let mut unsynced_most = 0;
    recorder.replay(|_, disk| {
        boundaries += 1;
        unsynced_most = unsynced_most.max(disk.pending());
    });
    let by_chance = (states / boundaries).saturating_sub(2).max(1);
    let mut seeded = Seeded::new(0xd15c);
    let (mut tried, mut newer, mut uncreated) = (0, 0, 0);
    recorder.replay(|happened, disk| {
        let last = acknowledged.iter().rposition(|(events, _)| *events <= happened).unwrap();
        let allowed = &acknowledged[last..opened.min(last + 2)];
        let chances = std::iter::repeat_n(Survivors::Some, if disk.pending() > 0 { by_chance } else { 0 });
        for survivors in [Survivors::None, Survivors::All].into_iter().chain(chances) {
            let rebuilt = folder.path().join("rebuilt");
            std::fs::create_dir_all(&rebuilt).unwrap();
            disk.rebuild(survivors, &mut seeded, &root, &rebuilt);
            let path = rebuilt.join("store");
            let case = format!("{happened} events, {survivors:?}, after state {last}");
            match kept(&path) {
                Ok(found) => {
                    let which = allowed.iter().position(|(_, kept)| *kept == found);
                    let which = which.unwrap_or_else(|| panic!("{case}: another state than the last two"));
                    newer += which;
                }
                Err(error) => {
                    let is_uncreated = [ErrorKind::StoreNotFound, ErrorKind::NotAStore].contains(&error.kind());
                    assert!(last == 0 && is_uncreated, "{case}: {error:?}");
                    uncreated += 1;
                }
            }
            if tried % OPEN_EVERY == 0 {
                check_going_on(&path, &allowed.iter().map(|(_, kept)| kept.clone()).collect::<Vec<_>>(), &case);
            }
            tried += 1;
            std::fs::remove_dir_all(&rebuilt).unwrap();
        }
    });
    println!(
        "{tried} disks at {boundaries} points, up to {unsynced_most} effects open; {newer} newer, {uncreated} uncreated"
    );
    assert!(tried >= states / 2 && newer > 100 && uncreated > 10);
}

/// The store opens, takes a save, and leaves nothing that nobody needs.
fn check_going_on(path: &std::path::Path, allowed: &[Kept], case: &str) {
    let store = Store::open(path).unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let before = kept(path).unwrap();
    assert!(allowed.contains(&before), "{case}: opening changed what is kept");
    vector(&store, "and_on", vec![1.0]);
    store.save("and-on").unwrap_or_else(|error| panic!("{case}: {error:?}"));
    drop(store);
    let after = kept(path).unwrap();
    assert!(after.tags["and-on"].contains_key("and_on"), "{case}");
    assert!(before.tags.iter().all(|(tag, contents)| after.tags.get(tag) == Some(contents)), "{case}");
    drop(Store::open(path).unwrap());
    let names: Vec<String> =
        durable_files(path).keys().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(!names.iter().any(|name| name.contains(".tmp-")), "{case}: {names:?}");
    let commits = names.iter().filter(|name| name.contains(".commit")).count();
    assert_eq!(commits, after.tags.len(), "{case}: {names:?}");
}
