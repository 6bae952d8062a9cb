//! Kills a churning process at random instants, life after life over the same store, and looks at the store after each.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use varkeep::{Store, verify};

use crate::churn::LIFE;
use crate::ledger::Ledger;
use crate::process::{Process, number_from, seed};

/// So many lives are lived on one store.
const LIVES: u64 = 20;

#[test]
fn a_churning_process_that_is_killed_loses_nothing_acknowledged_and_leaves_nothing_torn() {
    let kills = number_from("VARKEEP_KILLS").unwrap_or(30);
    let mut random = ChaCha8Rng::seed_from_u64(seed());
    let (mut killed, mut stores, mut acknowledged, mut values) = (0, 0, 0, 0);
    while killed < kills {
        // In turns on a disk and in memory, where more happens in a life.
        let memory = Path::new("/dev/shm");
        let in_memory = stores % 2 == 1 && memory.is_dir();
        let folder = if in_memory { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let path = folder.path().join("store");
        let mut ledger = Ledger::default();
        for life in 0..LIVES {
            if killed == kills {
                break;
            }
            // The life's number makes its threads differ from those of others.
            let mut process = Process::begin(LIFE, &path, stores * LIVES + life);
            killed += u64::from(end_somehow(&mut process, &mut random));
            ledger.look(&path, &process.said, &mut random);
            if random.random_bool(0.2) {
                damage_catalog(&path, &mut random);
            }
        }
        end_well(&path, &mut ledger, &mut random);
        acknowledged += ledger.acknowledged;
        values += ledger.values;
        stores += 1;
    }
    println!("{killed} kills in {stores} stores, {acknowledged} acknowledgements kept, {values} values compared");
}

/// Kills a process at a random instant, or now and then lets it come to its end. Says whether it was killed.
fn end_somehow(process: &mut Process, random: &mut ChaCha8Rng) -> bool {
    if random.random_bool(0.2) {
        // While it begins: opens, or makes, the store.
        thread::sleep(Duration::from_micros(random.random_range(0..60_000)));
        return process.kill();
    }
    // Counted in what it says, the instant is in the midst of its work however busy the machine is.
    for _ in 0..random.random_range(0..120) {
        process.listen();
    }
    if random.random_bool(0.1) {
        process.end();
        return false;
    }
    thread::sleep(Duration::from_micros(random.random_range(0..4000)));
    process.kill()
}

/// A last life that ends by itself; after it nothing is left over.
fn end_well(path: &Path, ledger: &mut Ledger, random: &mut ChaCha8Rng) {
    let mut process = Process::begin(LIFE, path, u64::from(u32::MAX) >> 1);
    for _ in 0..40 {
        process.listen();
    }
    process.end();
    ledger.look(path, &process.said, random);
    drop(Store::open(path).unwrap());
    let report = verify(path, None, &mut |_| {}).unwrap();
    assert!(report.is_sound() && report.unused.is_empty(), "{:?}, {:?}", report.damage, report.unused);
    ledger.look(path, &[], random);
}

/// Damages the catalog, which is an index only: whatever becomes of it does no harm.
fn damage_catalog(path: &Path, random: &mut ChaCha8Rng) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.map(|entry| entry.unwrap()) {
        if !entry.file_name().to_string_lossy().starts_with("catalog-") {
            continue;
        }
        if entry.path().is_dir() && random.random_bool(0.2) {
            fs::remove_dir_all(entry.path()).unwrap();
            continue;
        }
        let path = entry.path();
        let files = if path.is_dir() {
            fs::read_dir(path).unwrap().map(|file| file.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files {
            let Ok(mut bytes) = fs::read(&file) else { continue };
            match random.random_range(0..4) {
                0 => fs::remove_file(&file).unwrap(),
                1 => bytes.truncate(random.random_range(0..=bytes.len())),
                2 => random.fill_bytes(&mut bytes),
                _ => {
                    for _ in 0..random.random_range(1..8).min(bytes.len()) {
                        let at = random.random_range(0..bytes.len());
                        bytes[at] ^= 1 << random.random_range(0..8);
                    }
                }
            }
            if file.exists() {
                fs::write(&file, bytes).unwrap();
            }
        }
    }
}
