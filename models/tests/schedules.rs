//! Running a model under many schedules.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};

/// Schedules that one seed stands for. They are made one after the other, so that only all of them can be found again.
const BATCH: usize = 100;

/// Each thread's, far more than any takes: a stack that ends ends the process.
const STACK_BYTES: usize = 1 << 20;

/// Schedules of a model unless `VARKEEP_MODELS_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 2000;

fn from_environment(key: &str) -> Option<u64> {
    let value = std::env::var(key).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{key} is {value:?}, which is no number")))
}

/// Far enough from that of another moment.
fn seed_of_now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_millis() as u64 * 1000
}

/// Says how to find a schedule again that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (Self(seed), thread) = (self, std::thread::current());
            let variables = format!("VARKEEP_MODELS_SEED={seed} VARKEEP_MODELS_SCHEDULES={BATCH}");
            eprintln!("to repeat it: {variables} cargo test -p varkeep-models {}", thread.name().unwrap_or_default());
        }
    }
}

/// Runs a model, which is given the path of a store that is not there yet, under many schedules.
///
/// A third of them choose at random at every step. The others give each thread a priority and change one or two of them on
/// the way, which finds orders that need a thread to be left standing for long.
pub(crate) fn explore(model: impl Fn(&Path) + Send + Sync + 'static) {
    let seed = from_environment("VARKEEP_MODELS_SEED").unwrap_or_else(seed_of_now);
    let schedules = from_environment("VARKEEP_MODELS_SCHEDULES").unwrap_or(SCHEDULES);
    let folder = folder();
    let path = Arc::new(folder.path().join("store"));
    let model = Arc::new(model);
    for seed in seed..seed + schedules.div_ceil(BATCH as u64) {
        let failing = Seed(seed);
        let (model, path) = (Arc::clone(&model), Arc::clone(&path));
        let run = move || {
            model(&path);
            remove(&path);
        };
        match seed % 3 {
            0 => Runner::new(RandomScheduler::new_from_seed(seed, BATCH), config()).run(run),
            depth => Runner::new(PctScheduler::new_from_seed(seed, depth as usize + 1, BATCH), config()).run(run),
        };
        drop(failing);
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.silence_warnings = true;
    // The seed says it shorter.
    config.failure_persistence = FailurePersistence::None;
    config
}

/// In memory where that is possible: what is tested here is order, not the disk.
fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn remove(path: &Path) {
    std::fs::remove_dir_all(path).unwrap();
}
