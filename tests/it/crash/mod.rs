//! Power loss at any point of a program: the store opens to the last acknowledged state, or to a later one that is whole.
//!
//! A program runs on a disk that is watched ([`recorder`]). Then the disk is rebuilt ([`disk`]) as it could be found after
//! a loss of power at every point, with every choice of what survives ([`survivors`]), and beside it a catalog that is
//! absent, old, garbage or torn ([`catalogs`]). Each of these disks is looked at ([`check`]). Programs are a script, programs by
//! chance beside a model ([`random`], [`model`]), and two that go on for long enough to merge manifests and to move values
//! ([`long`]).
//!
//! `VARKEEP_CRASH_STATES` says how many different disks are tried, `VARKEEP_CRASH_SEED` with which program by chance to begin.

mod catalogs;
mod check;
mod disk;
mod long;
mod model;
mod random;
mod recorded;
mod recorder;
mod survivors;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::support::{Seeded, folder, kept};
use crate::workload::{SCRIPT, World};

use check::{Found, Mount};
use disk::Disk;
use recorded::Recorded;
use recorder::Recorder;

/// How many disks are tried, if `VARKEEP_CRASH_STATES` does not say.
const STATES: usize = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

/// Every this many disks the store is opened for writing too.
const WRITE_EVERY: usize = 32;

/// How many disks are tried of a program that goes on for long: each holds much.
const STATES_LONG: usize = 500;

/// How many programs are only run.
const PROGRAMS: u64 = 100;

/// How many threads look at disks.
const THREADS: usize = 2;

fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    programs: AtomicUsize,
    /// Moments at which power was lost.
    points: AtomicUsize,
    /// Disks that were enumerated, and those of them that differ.
    enumerated: AtomicUsize,
    distinct: AtomicUsize,
    /// Those that held a later state than the last that was acknowledged, or no store yet.
    later: AtomicUsize,
    uncreated: AtomicUsize,
    /// Those that were opened for writing and saved to.
    written: AtomicUsize,
    /// The most effects that were open at once.
    open: AtomicUsize,
}

impl Tally {
    fn add(counter: &AtomicUsize) -> usize {
        counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// Looks at all disks that a power loss during a program can leave, or at one in `one_in`, until so many have been tried.
fn try_all(recorded: &Recorded, one_in: usize, states: usize, seeded: &mut Seeded, tally: &Tally) {
    let mut disk = Disk::new(&recorded.root);
    let mut mount = Mount::new();
    let mut seen = HashSet::new();
    let mut catalog = catalogs::choose(recorded, 0, seeded);
    let events = recorded.recorder.events();
    for happened in 0..=events.len() {
        if let Some(last) = happened.checked_sub(1) {
            disk.happen(&events[last]);
        }
        if happened < recorded.from {
            continue;
        }
        Tally::add(&tally.points);
        tally.open.fetch_max(disk.pending().len(), Ordering::Relaxed);
        let allowed = recorded.allowed(happened);
        for fates in survivors::enumerate(&disk, seeded) {
            Tally::add(&tally.enumerated);
            if one_in > 1 && seeded.below(one_in) > 0 {
                continue;
            }
            let mut image = disk.image(&fates);
            if !seen.insert(image.hash()) {
                continue;
            }
            if tally.distinct.load(Ordering::Relaxed) >= states {
                return;
            }
            let is_written = Tally::add(&tally.distinct).is_multiple_of(WRITE_EVERY);
            // Who only reads does not look at the catalog: one does for many.
            if is_written {
                catalog = catalogs::choose(recorded, happened, seeded);
            }
            catalogs::add(&mut image, &catalog.1);
            mount.hold(&image);
            let left = catalog.0;
            let short = survivors::in_short(&fates);
            let last = happened.checked_sub(1).map(|last| &events[last]);
            let case = || format!("{}, {happened} events, the last {last:?}, {short}, catalog {left:?}", recorded.name);
            match check::read(&mount.store(), allowed, happened >= recorded.created, &case) {
                Found::Uncreated => drop(Tally::add(&tally.uncreated)),
                Found::Later => drop(Tally::add(&tally.later)),
                Found::Acknowledged => {}
            }
            if is_written {
                Tally::add(&tally.written);
                check::go_on(&mount.store(), allowed, &case);
                mount.clear();
            }
        }
    }
    Tally::add(&tally.programs);
}

/// The script, whose states are what the library says where nothing goes wrong.
fn run_script(root: &Path) -> Recorded {
    let recorder = Arc::new(Recorder::default());
    let mut recorded = Recorded::new("the script".to_owned(), root.to_owned(), Arc::clone(&recorder));
    let mut world = World::new(&recorded.store(), recorder.clone());
    for (i, step) in SCRIPT.iter().enumerate() {
        let begun = recorder.len();
        step(&mut world).unwrap();
        let state = recorded.begin(begun, kept(&recorded.store()).unwrap());
        recorded.acknowledge(state);
        if i == 0 {
            recorded.created = recorder.len();
        }
    }
    world.close();
    recorded.take_catalog();
    recorded
}

#[test]
fn every_disk_a_power_loss_can_leave_opens_to_what_was_acknowledged() {
    let states: usize = from_environment("VARKEEP_CRASH_STATES", STATES);
    let first: u64 = from_environment("VARKEEP_CRASH_SEED", 1);
    println!("VARKEEP_CRASH_SEED={first} VARKEEP_CRASH_STATES={states}");
    let tally = Tally::default();
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while tally.distinct.load(Ordering::Relaxed) < states {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let folder = folder();
                    let recorded = random::run(seed, folder.path().to_owned());
                    try_all(&recorded, 1, states, &mut Seeded::quiet(seed), &tally);
                }
            });
        }
    });
    println!("{tally:?}");
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    // So few are all of the beginning.
    let is_short = states < 5000;
    assert!(is_short || count(&tally.later) > states / 100 && count(&tally.uncreated) > 10, "{tally:?}");
}

/// More programs than there is time to rebuild the disks of: each ends with what the model says.
#[test]
fn programs_by_chance_end_with_what_a_model_says() {
    let first: u64 = from_environment("VARKEEP_CRASH_SEED", 1);
    println!("VARKEEP_CRASH_SEED={first}");
    for seed in first..first + PROGRAMS {
        let folder = folder();
        let recorded = random::run(seed, folder.path().to_owned());
        let expected = &recorded.states.last().unwrap().kept;
        assert!(kept(&recorded.store()).unwrap() == *expected, "{}: it ends with something else", recorded.name);
    }
}

/// Looks at one in so many of the disks that a power loss during one program can leave.
fn try_some(run: impl FnOnce(&Path) -> Recorded, one_in: usize, states: usize) {
    let (folder, tally) = (folder(), Tally::default());
    let seed: u64 = from_environment("VARKEEP_CRASH_SEED", 1);
    try_all(&run(folder.path()), one_in, states, &mut Seeded::new(seed), &tally);
    println!("{tally:?}");
    assert!(tally.later.load(Ordering::Relaxed) > 0 && tally.written.load(Ordering::Relaxed) > 1, "{tally:?}");
}

#[test]
fn power_is_lost_during_the_script() {
    try_some(run_script, 3, usize::MAX);
}

#[test]
fn power_is_lost_while_manifests_are_merged() {
    try_some(|root| long::merging(root.to_owned()), 5, STATES_LONG);
}

#[test]
fn power_is_lost_while_values_move() {
    try_some(|root| long::moving(root.to_owned()), 5, STATES_LONG);
}
