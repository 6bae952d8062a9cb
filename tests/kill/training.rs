//! Kills training by SIGKILL at random instants, again and again: nothing that it acknowledged is lost, and it ends with
//! the bits of a training that nobody disturbed.
//!
//! The training is the example's own code, run in child processes of this test with a smaller setting.
//!
//! - `VARKEEP_KILL_BINARY`: the example itself, to be killed as it is run by people:
//!   `cargo build --release --example digits`, then
//!   `VARKEEP_KILL_BINARY=target/release/examples/digits cargo test --release --test kill training`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use varkeep::{Checkpoint, CheckpointInfo, ErrorKind, Tensor, Which, checkpoints, verify};

use crate::process::{Process, number_from, role, seed};

#[expect(dead_code, reason = "what only its `main` uses")]
#[path = "../../examples/digits/main.rs"]
mod digits;

/// The test that a training process runs.
const LIFE: &str = "training::life";

/// What an acknowledgement begins with.
const SAVED: &str = "saved ";

/// What a child process runs; by itself it tests nothing.
#[test]
fn life() {
    let Some((store, _)) = role(LIFE) else { return };
    let options = digits::Options { store, epochs: 4, save_every: 8, ..digits::Options::default() };
    // Stderr, because the test harness writes to stdout.
    digits::run(&options, &mut std::io::stderr()).expect("training runs to its end unless it is killed");
}

#[test]
fn killed_training_loses_nothing_acknowledged_and_ends_with_the_same_bits() {
    let kills: u64 = number_from("VARKEEP_KILLS").unwrap_or(20);
    let mut random = ChaCha8Rng::seed_from_u64(seed());
    let folder = tempfile::tempdir().unwrap();

    let undisturbed = folder.path().join("undisturbed");
    let (began, mut life) = (Instant::now(), Life::begin(&undisturbed));
    life.end();
    let (saves, expected) = (life.acknowledged.len(), state(&undisturbed, "final"));
    println!("undisturbed: {saves} checkpoints acknowledged in {:.1?}", began.elapsed());
    let interval = began.elapsed() / saves.try_into().unwrap();

    let (mut killed, mut acknowledged_all, mut trainings) = (0, 0, 0);
    while killed < kills {
        let store = folder.path().join(format!("training-{trainings}"));
        let mut acknowledged = Vec::new();
        // Most trainings are killed once; some again and again, also while they recover.
        loop {
            let mut life = Life::begin(&store);
            // Counted in saves, the instant is in the midst of training however busy the machine is.
            let to_go = saves.saturating_sub(acknowledged.len()).max(1);
            life.wait_for_saves(random.random_range(0..to_go));
            thread::sleep(interval.mul_f64(random.random_range(0.0..1.5)));
            let was_killed = life.kill();
            acknowledged.append(&mut life.acknowledged);
            check_kept(&store, &acknowledged);
            killed += u64::from(was_killed);
            if !was_killed || random.random_bool(0.7) {
                break;
            }
        }
        let mut life = Life::begin(&store);
        life.end();
        acknowledged.append(&mut life.acknowledged);
        check_kept(&store, &acknowledged);
        assert_eq!(state(&store, "final"), expected, "training {trainings} ends with other values");
        acknowledged_all += acknowledged.len();
        trainings += 1;
        std::fs::remove_dir_all(&store).unwrap();
    }
    println!("{killed} kills in {trainings} trainings, {acknowledged_all} checkpoints acknowledged, none lost");
}

#[test]
fn checkpoints_are_read_while_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("training");
    let mut life = Life::begin(&store);
    let mut read = 0;
    while !life.process.has_ended() {
        let Ok(infos) = checkpoints(&store) else {
            assert_eq!(read, 0, "a store that could be read no longer can");
            continue;
        };
        for info in &infos {
            match read_whole(&store, info) {
                Ok(_) => read += 1,
                // Deleted by the trainer since it was listed.
                Err(error) => assert_eq!(error.kind(), ErrorKind::TagNotFound, "{error:?}"),
            }
        }
    }
    life.end();
    assert!(read > 0, "nothing was read while the training ran");
    println!("{read} checkpoints read meanwhile");
}

/// One process that trains, and the tags that it acknowledged.
struct Life {
    process: Process,
    acknowledged: Vec<String>,
}

impl Life {
    fn begin(store: &Path) -> Self {
        let process = match env::var_os("VARKEEP_KILL_BINARY") {
            Some(binary) => {
                Process::of(Command::new(binary).args([OsString::from("--store"), store.into()]).stdout(Stdio::piped()))
            }
            None => Process::begin(LIFE, store, 0),
        };
        Self { process, acknowledged: Vec::new() }
    }

    /// Waits until it has acknowledged so many, or has ended.
    fn wait_for_saves(&mut self, saves: usize) {
        let mut acknowledged = 0;
        while acknowledged < saves {
            let Some(line) = self.process.listen() else { return };
            acknowledged += usize::from(line.starts_with(SAVED));
        }
    }

    /// Kills it by SIGKILL; `false` if it had come to its end before.
    fn kill(&mut self) -> bool {
        let was_killed = self.process.kill();
        self.take_down();
        was_killed
    }

    /// Lets it come to its end.
    fn end(&mut self) {
        self.process.end();
        self.take_down();
    }

    fn take_down(&mut self) {
        let saved = self.process.said.iter().filter_map(|line| line.strip_prefix(SAVED));
        self.acknowledged = saved.map(str::to_owned).collect();
    }
}

/// Checks that the store is sound, that every checkpoint there is can be read whole, and that none acknowledged is
/// missing.
fn check_kept(store: &Path, acknowledged: &[String]) {
    let infos = match checkpoints(store) {
        Ok(infos) => infos,
        Err(error) => {
            let unborn = matches!(error.kind(), ErrorKind::StoreNotFound | ErrorKind::NotAStore);
            assert!(unborn && acknowledged.is_empty(), "{acknowledged:?} were acknowledged, but {error:?}");
            return;
        }
    };
    let report = verify(store, None, &mut |_| {}).expect("the store can be verified");
    assert!(report.is_sound(), "{:?}", report.damage);
    for info in &infos {
        read_whole(store, info).expect("a checkpoint that is listed can be read");
    }
    let kept: Vec<&str> = infos.iter().filter_map(CheckpointInfo::tag).collect();
    for tag in acknowledged {
        assert!(kept.contains(&tag.as_str()), "{tag} was acknowledged; there are only {kept:?}");
    }
}

/// Every variable's value.
fn read_whole(store: &Path, info: &CheckpointInfo) -> varkeep::Result<BTreeMap<String, Tensor>> {
    let checkpoint = Checkpoint::open(store, Which::Number(info.number()))?;
    let variables = checkpoint.variables("").map(|variable| {
        let variable = variable?;
        Ok((variable.name().to_owned(), variable.tensor()?))
    });
    variables.collect()
}

fn state(store: &Path, tag: &str) -> BTreeMap<String, Tensor> {
    let infos = checkpoints(store).expect("the store is whole");
    let info = infos.iter().find(|info| info.tag() == Some(tag)).expect("the checkpoint was acknowledged");
    let state = read_whole(store, info).expect("a checkpoint that is listed can be read");
    assert!(state.contains_key("model/hidden/weights") && state.contains_key("training/drawn"));
    state
}
