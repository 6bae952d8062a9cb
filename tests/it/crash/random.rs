//! A program that does all a store can do, in an order by chance.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array2, Axis};
use varkeep::scope::partitioner::fixed_size;
use varkeep::{ErrorKind, PendingSave, Retention, Save, Store, Variable, init};

use super::model::{Model, Var};
use super::recorded::Recorded;
use super::recorder::Recorder;
use crate::support::Seeded;

/// How much a program does.
const STEPS: usize = 60;

/// It has about so many variables.
const VARIABLES: usize = 6;

/// It keeps about so many checkpoints.
const TAGS: usize = 4;

/// A program in progress.
struct Program {
    seeded: Seeded,
    recorder: Arc<Recorder>,
    recorded: Recorded,
    tidies_at_once: bool,
    store: Option<Arc<Store>>,
    model: Model,
    /// Saves in the background, and the places of their states.
    pending: Vec<(PendingSave, usize)>,
    names: usize,
}

/// Runs a program, the same for the same seed but for what its threads do first.
pub(super) fn run(seed: u64, root: PathBuf) -> Recorded {
    let recorder = Arc::new(Recorder::default());
    let mut seeded = Seeded::quiet(seed);
    let tidies_at_once = seeded.below(3) > 0;
    let recorded = Recorded::new(format!("VARKEEP_CRASH_SEED={seed}"), root, Arc::clone(&recorder));
    let mut program = Program {
        seeded,
        recorder,
        recorded,
        tidies_at_once,
        store: None,
        model: Model::default(),
        pending: Vec::new(),
        names: 0,
    };
    program.open();
    program.recorded.created = program.recorder.len();
    for _ in 0..STEPS {
        program.step();
    }
    program.close();
    program.recorded
}

impl Program {
    fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().expect("a program has its store open"))
    }

    fn open(&mut self) {
        let options = Store::options().tap(self.recorder.clone()).tidies_at_once(self.tidies_at_once);
        self.store = Some(Arc::new(options.open(self.recorded.store()).unwrap()));
    }

    fn close(&mut self) {
        self.wait();
        self.store = None;
        self.recorded.take_catalog();
    }

    /// Waits for what goes on in the background: from then on it has been acknowledged.
    fn wait(&mut self) {
        for (pending, state) in self.pending.drain(..) {
            pending.wait().unwrap();
            self.recorded.acknowledge(state);
        }
    }

    fn step(&mut self) {
        let tags = self.model.tags();
        // What has little makes more, and what has much lets go.
        if self.model.live.len() < 2 {
            return self.create();
        }
        match self.seeded.below(22) {
            0 | 1 if self.model.live.len() < VARIABLES => self.create(),
            4 => self.remove(),
            5 => self.rename(),
            6 | 7 => self.publish(None, |store| store.commit().map(|_| ())),
            8..=10 => self.save(),
            11 if !tags.is_empty() => self.save_replacing(),
            12 | 13 if tags.len() > 1 => self.delete(),
            14 if tags.len() >= TAGS => self.prune(),
            15 if self.model.has_commits() && self.seeded.below(3) == 0 => self.set_retention(),
            16 if !tags.is_empty() => {
                let tag = &tags[self.seeded.below(tags.len())];
                self.wait();
                self.store().restore(&**tag).unwrap();
                self.model.restore(tag);
            }
            17 if self.model.has_commits() => {
                self.wait();
                self.store().rollback().unwrap();
                self.model.rollback();
            }
            18 | 19 => self.save_in_background(),
            20 => self.stream(),
            21 => self.reopen(),
            _ => self.change(),
        }
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        let scope = ["", "s/", "s/t/"][self.seeded.below(3)];
        format!("{scope}v{}", self.names)
    }

    fn some_name(&mut self) -> String {
        let at = self.seeded.below(self.model.live.len());
        self.model.live.keys().nth(at).unwrap().clone()
    }

    fn variable(&self, name: &str) -> Variable {
        self.store().find(name).unwrap().unwrap_or_else(|| panic!("{name} is gone"))
    }

    /// Any element differs from those before, mostly.
    fn number(&mut self) -> f32 {
        self.seeded.below(1 << 20) as f32
    }

    fn create(&mut self) {
        let name = self.new_name();
        let (rows, cols) = [(1, 1), (7, 3), (40, 5), (700, 5)][self.seeded.below(4)];
        let parts = if rows > 1 { [0, 0, 2, 3][self.seeded.below(4)] } else { 0 };
        let value = self.number();
        let store = self.store();
        let root = store.root();
        let request = root.get_variable(&name).shape([rows, cols]).initializer(init::constant(value));
        let request = request.chunk_bytes([4096, 8192, 256 << 10][self.seeded.below(3)]);
        let request = if parts > 0 { request.partitioner(fixed_size(parts as u64, 0)) } else { request };
        request.get().unwrap();
        self.model.live.insert(name, Var { rows, cols, parts, values: vec![value; rows * cols] });
    }

    fn change(&mut self) {
        let name = self.some_name();
        let variable = self.variable(&name);
        let number = self.number();
        let (rows, cols) = (self.model.live[&name].rows, self.model.live[&name].cols);
        let values = &mut self.model.live.get_mut(&name).unwrap().values;
        match self.seeded.below(5) {
            0 => {
                variable.assign(Array2::from_elem((rows, cols), number)).unwrap();
                values.fill(number);
            }
            1 => {
                variable.assign_add(&Array2::from_elem((rows, cols), number)).unwrap();
                for value in values {
                    *value += number;
                }
            }
            2 => {
                variable.update::<f32>(|mut value| value -= number).unwrap();
                for value in values {
                    *value -= number;
                }
            }
            3 => {
                let from = self.seeded.below(rows);
                let to = from + 1 + self.seeded.below(rows - from);
                variable.update_rows::<f32>(from..to, |mut rows| rows.fill(number)).unwrap();
                values[from * cols..to * cols].fill(number);
            }
            _ => {
                let row = self.seeded.below(rows);
                variable.scatter_update(&[row], &Array2::from_elem((1, cols), number)).unwrap();
                values[row * cols..(row + 1) * cols].fill(number);
            }
        }
        let value = variable.read::<f32>().unwrap();
        let row = value.index_axis(Axis(0), rows - 1);
        let expected = &self.model.live[&name].values[(rows - 1) * cols..];
        assert!(row.iter().eq(expected), "{}: {name} reads as something else", self.recorded.name);
    }

    fn remove(&mut self) {
        let name = self.some_name();
        self.store().remove(&name).unwrap();
        self.model.live.remove(&name);
    }

    fn rename(&mut self) {
        let (from, to) = (self.some_name(), self.new_name());
        self.store().rename(&from, &to).unwrap();
        let value = self.model.live.remove(&from).unwrap();
        self.model.live.insert(to, value);
    }

    /// Does something that commits the live state before it returns.
    fn publish(&mut self, tag: Option<&str>, act: impl FnOnce(&Store) -> varkeep::Result<()>) {
        let begun = self.recorder.len();
        act(&self.store()).unwrap();
        self.model.commit(tag);
        let state = self.recorded.begin(begun, self.model.kept());
        self.recorded.acknowledge(state);
    }

    /// Does something that publishes a commit of other tags.
    fn retag(&mut self, act: impl FnOnce(&Store) -> varkeep::Result<()>, expect: impl FnOnce(&mut Model)) {
        let begun = self.recorder.len();
        act(&self.store()).unwrap();
        expect(&mut self.model);
        let state = self.recorded.begin(begun, self.model.kept());
        self.recorded.acknowledge(state);
    }

    fn save(&mut self) {
        let tag = self.new_name().replace('/', "-");
        self.publish(Some(&tag), |store| store.save(&*tag).map(|_| ()));
    }

    fn save_replacing(&mut self) {
        let tags = self.model.tags();
        let tag = &tags[self.seeded.below(tags.len())];
        self.publish(Some(tag), |store| store.save(Save::tag(tag).replace()).map(|_| ()));
    }

    fn delete(&mut self) {
        let tags = self.model.tags();
        let tag = &tags[self.seeded.below(tags.len())];
        self.retag(|store| store.delete(tag), |model| model.delete(tag));
    }

    fn prune(&mut self) {
        let keep = 1 + self.seeded.below(3);
        let policy = Retention::keep_all().keep_last(keep as u64);
        self.retag(|store| store.prune(&policy, false).map(|_| ()), |model| model.prune(keep));
    }

    fn set_retention(&mut self) {
        let keep = (self.seeded.below(3) > 0).then(|| 2 + self.seeded.below(3));
        let policy = Retention::keep_all();
        let policy = keep.map_or(policy.clone(), |keep| policy.keep_last(keep as u64));
        self.retag(|store| store.set_retention(&policy), |model| model.set_retention(keep));
    }

    /// Saves beside changes: the save is stopped somewhere until they have been made.
    fn save_in_background(&mut self) {
        if self.seeded.below(4) == 0 {
            return self.cancel();
        }
        let tag = self.new_name().replace('/', "-");
        let recorder = Arc::clone(&self.recorder);
        let held = recorder.hold_after(self.seeded.below(16));
        let begun = self.recorder.len();
        let pending = self.store().save_in_background(&*tag).unwrap();
        self.model.commit(Some(&tag));
        let state = self.recorded.begin(begun, self.model.kept());
        self.pending.push((pending, state));
        for _ in 0..self.seeded.below(5) {
            if self.seeded.below(4) > 0 {
                self.change();
            } else if self.model.live.len() > 2 {
                self.remove();
            } else {
                self.create();
            }
        }
        drop(held);
        if self.seeded.below(2) == 0 {
            self.wait();
        }
    }

    /// A save that is given up, if there is still time for that.
    fn cancel(&mut self) {
        self.wait();
        let tag = self.new_name().replace('/', "-");
        let recorder = Arc::clone(&self.recorder);
        let held = recorder.hold_after(self.seeded.below(6));
        let begun = self.recorder.len();
        let pending = self.store().save_in_background(&*tag).unwrap();
        pending.cancel();
        drop(held);
        match pending.wait() {
            Ok(_) => {
                self.model.commit(Some(&tag));
                let state = self.recorded.begin(begun, self.model.kept());
                self.recorded.acknowledge(state);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::SaveCancelled, "{error:?}"),
        }
    }

    /// Writes values one by one, while other commits come and go.
    fn stream(&mut self) {
        let store = self.store();
        let mut commit = store.begin().unwrap();
        let mut put = Vec::new();
        for _ in 0..=self.seeded.below(3) {
            let name = self.some_name();
            let number = self.number();
            let mut var = self.model.live[&name].clone();
            var.values.fill(number);
            commit.put(&self.variable(&name), bytemuck::cast_slice(&var.values)).unwrap();
            put.push((name, var));
            match self.seeded.below(5) {
                0 => self.cancel(),
                1 => self.publish(None, |store| store.commit().map(|_| ())),
                2 => self.save(),
                3 if self.model.tags().len() > 1 => self.delete(),
                _ => {}
            }
        }
        let tag = self.new_name().replace('/', "-");
        self.model.live.extend(put);
        self.publish(Some(&tag), |_| commit.save(&*tag).map(|_| ()));
    }

    /// Ends and begins again; what was not committed is gone.
    fn reopen(&mut self) {
        self.close();
        self.open();
        self.model.reopen();
    }
}
