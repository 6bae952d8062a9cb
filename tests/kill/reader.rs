//! A process that reads a store beside its writer: opens checkpoints, reads them in part, and reads on after they are gone.

use std::path::Path;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use varkeep::{Checkpoint, CheckpointInfo, ErrorKind, Read, ReadMode, Verification, Which, checkpoints, verify};

use crate::plan::Plans;
use crate::process::{abort_on_panic, role, say, wanted_end};
use crate::rows::mix;
use crate::state::State;

/// The test that a reading process runs.
pub(crate) const READER: &str = "reader::reads";

/// So many checkpoints are held at a time.
const HELD_MAX: usize = 4;

/// What a child process runs; by itself it tests nothing.
#[test]
fn reads() {
    let Some((path, number)) = role(READER) else { return };
    abort_on_panic();
    let ended = wanted_end();
    let mut reader = Reader {
        random: ChaCha8Rng::seed_from_u64(mix(&[number])),
        plans: Plans::default(),
        held: Vec::new(),
        count: Count::default(),
    };
    let began = Instant::now();
    while !ended.load(std::sync::atomic::Ordering::SeqCst) {
        reader.go_round(&path);
    }
    while let Some(held) = reader.held.pop() {
        reader.end_with(&path, held);
    }
    reader.count.reading = began.elapsed();
    say(&reader.count.to_line());
}

/// What a reader has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) opened: u64,
    pub(crate) values: u64,
    /// Values that were first read, or read again, when their checkpoint was no longer kept.
    pub(crate) outlived: u64,
    /// Checkpoints that were deleted between listing and opening.
    pub(crate) gone: u64,
    pub(crate) verified: u64,
    pub(crate) reading: Duration,
}

impl Count {
    fn to_line(self) -> String {
        let Self { opened, values, outlived, gone, verified, reading } = self;
        format!("read {opened} {values} {outlived} {gone} {verified} {}", reading.as_millis())
    }

    /// What a line says, if it is one of these.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.strip_prefix("read ")?.split(' ').map(|number| number.parse().unwrap()).collect();
        let [opened, values, outlived, gone, verified, reading] = numbers[..] else { return None };
        Some(Self { opened, values, outlived, gone, verified, reading: Duration::from_millis(reading) })
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.opened += other.opened;
        self.values += other.values;
        self.outlived += other.outlived;
        self.gone += other.gone;
        self.verified += other.verified;
        self.reading += other.reading;
    }
}

/// A checkpoint that is held open.
struct Held {
    checkpoint: Checkpoint,
    state: State,
    unread: Vec<String>,
    /// Values that are held as they were read: mapped, where that is the mode.
    values: Vec<(String, Read<u64>)>,
}

struct Reader {
    random: ChaCha8Rng,
    plans: Plans,
    held: Vec<Held>,
    count: Count,
}

impl Reader {
    fn go_round(&mut self, path: &Path) {
        let infos = checkpoints(path).expect("a store that was made can be listed");
        if self.random.random_bool(0.04) {
            let report = verify(path, None, &mut |_| {}).expect("a store can be verified beside its writer");
            assert!(report.is_sound(), "{:?}", report.damage);
            self.count.verified += 1;
        }
        if let Some(held) = self.open(path, &infos) {
            self.held.push(held);
        }
        if let Some(mut held) = self.held.pop() {
            let some = self.random.random_range(0..=held.unread.len() / 2);
            self.read(&mut held, some, false);
            self.held.push(held);
        }
        if self.held.len() > HELD_MAX {
            let oldest = if self.random.random_bool(0.5) { 0 } else { self.random.random_range(0..self.held.len()) };
            let held = self.held.remove(oldest);
            self.end_with(path, held);
        }
    }

    /// Opens one of these checkpoints, the newest one, or verifies it first; `None` if it has been deleted meanwhile.
    fn open(&mut self, path: &Path, infos: &[CheckpointInfo]) -> Option<Held> {
        let info = &infos[self.random.random_range(0..infos.len())];
        let which = match (self.random.random_range(0..4), info.tag()) {
            (0, _) => Which::Head,
            (1, Some(tag)) => Which::from(tag),
            _ => Which::Number(info.number()),
        };
        let mode = if self.random.random_bool(0.6) { ReadMode::Map } else { ReadMode::Memory };
        let checkpoint = match Checkpoint::open_with(path, which.clone(), mode, Verification::FirstTouch) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                assert!(error.kind() == ErrorKind::TagNotFound && which != Which::Head, "{which:?}: {error:?}");
                self.count.gone += 1;
                return None;
            }
        };
        let state = State::of(&mut self.plans, &checkpoint).expect("clocks can be read");
        state.check_names(&checkpoint).unwrap_or_else(|what| panic!("{which:?}: {what}"));
        let mut unread = state.names();
        unread.shuffle(&mut self.random);
        self.count.opened += 1;
        Some(Held { checkpoint, state, unread, values: Vec::new() })
    }

    /// Reads so many of the values that have not been read yet.
    fn read(&mut self, held: &mut Held, values: usize, is_gone: bool) {
        for name in held.unread.split_off(held.unread.len() - values) {
            let value = held.checkpoint.get(&name).and_then(|saved| saved.read::<u64>());
            let value = value.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            held.check(&name, &value);
            if self.random.random_bool(0.1) {
                held.values.push((name, value));
            }
            self.count.values += 1;
            self.count.outlived += u64::from(is_gone);
        }
    }

    /// Reads what has not been read, and once more what is held, mostly long after the checkpoint was deleted.
    fn end_with(&mut self, path: &Path, mut held: Held) {
        let number = held.checkpoint.info().number();
        let is_gone = checkpoints(path).expect("the store is there").iter().all(|info| info.number() != number);
        let rest = held.unread.len();
        self.read(&mut held, rest, is_gone);
        for (name, value) in std::mem::take(&mut held.values) {
            held.check(&name, &value);
            self.count.values += 1;
            self.count.outlived += u64::from(is_gone);
        }
    }
}

impl Held {
    fn check(&mut self, name: &str, value: &Read<u64>) {
        let info = self.checkpoint.info();
        let checked = self.state.check(name, value);
        checked.unwrap_or_else(|what| panic!("commit {} ({:?}): {what}", info.number(), info.tag()));
    }
}
