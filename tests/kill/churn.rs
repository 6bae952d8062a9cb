//! A program that does all that a store can do, from many threads, until it is killed. Before and after each call that
//! makes something durable it tells its parent.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use ndarray::{Array2, ArrayD, IxDyn};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use varkeep::scope::partitioner::fixed_size;
use varkeep::{DType, ErrorKind, PendingSave, Retention, Save, SaveReport, Store, Variable, init};

use crate::plan::{ACTORS, Act, Made, Plan, Plans, STREAM_PLACE};
use crate::process::{abort_on_panic, role, say, wanted_end};
use crate::rows::{fill, mix};
use crate::state::{Clocks, State, live_clocks};

/// The test that a churning process runs.
pub(crate) const LIFE: &str = "churn::life";

/// What every policy that is put in force keeps at least: so many of the newest tags, and those whose number is a multiple.
pub(crate) const KEPT_LAST: usize = 4;
pub(crate) const KEPT_EVERY: u64 = 20;

/// A tag that is given anew again and again.
pub(crate) const LATEST: &str = "latest";

/// What a child process runs; by itself it tests nothing.
#[test]
fn life() {
    let Some((path, life)) = role(LIFE) else { return };
    abort_on_panic();
    let ended = wanted_end();
    let churn = Churn::begin(&path, life, ended);
    thread::scope(|scope| {
        for actor in 0..ACTORS.len() {
            let churn = &churn;
            scope.spawn(move || churn.act_on(actor));
        }
        scope.spawn(|| churn.save_in_background());
        scope.spawn(|| churn.keep_house());
    });
    drop(churn);
    say("ended");
}

struct Churn {
    store: Store,
    /// The run of the program: another one for each process, and each time that it goes back to an earlier state. Who
    /// changes values holds it for reading, who goes back for writing.
    run: RwLock<u64>,
    plans: [Mutex<Plan>; ACTORS.len()],
    known: Mutex<Plans>,
    life: u64,
    saves: AtomicU64,
    ended: Arc<AtomicBool>,
}

impl Churn {
    fn begin(path: &Path, life: u64, ended: Arc<AtomicBool>) -> Self {
        let store = Store::open(path).expect("the store can be opened");
        let (mut known, clocks) = (Plans::default(), live_clocks(&store));
        State::new(&mut known, clocks).check_live(&store).expect("what was opened is whole");
        say(&format!("opened {}", text_of(clocks)));
        let plans = std::array::from_fn(|actor| Mutex::new(known.at(actor, clocks[actor])));
        let (run, known, saves) = (RwLock::new(life << 32), Mutex::new(known), AtomicU64::new(0));
        Self { store, run, plans, known, life, saves, ended }
    }

    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn random(&self, thread: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(mix(&[self.life, thread]))
    }

    /// One actor's steps.
    fn act_on(&self, actor: usize) {
        let mut random = self.random(actor as u64);
        while self.goes_on() {
            let run = self.run.read().unwrap();
            let mut plan = self.plans[actor].lock().unwrap();
            let acts = plan.next();
            if actor == STREAM_PLACE && plan.step > 1 {
                self.stream(&acts, plan.step, *run);
            } else {
                let _step = self.store.step();
                for (name, id, act) in &acts {
                    self.act(name, *id, act, plan.step, *run);
                }
            }
            drop((plan, run));
            thread::sleep(Duration::from_micros(random.random_range(0..3000)));
        }
    }

    fn variable(&self, name: &str) -> Variable {
        self.store.find(name).unwrap().unwrap_or_else(|| panic!("{name} is not there"))
    }

    fn act(&self, name: &str, id: u64, act: &Act, step: u64, run: u64) {
        match act {
            Act::Create(made) => self.create(name, made, run),
            Act::Assign => {
                let variable = self.variable(name);
                variable.assign(value(&variable, id, step, run)).unwrap();
            }
            Act::Update => self.variable(name).update(|rows| fill(rows, id, step, run, 0)).unwrap(),
            Act::UpdateRows(rows) => {
                let first = rows.start;
                self.variable(name).update_rows(rows.clone(), |rows| fill(rows, id, step, run, first)).unwrap();
            }
            Act::Scatter(rows) => {
                let variable = self.variable(name);
                let columns = usize::try_from(variable.shape().sizes()[1]).unwrap();
                let mut values = Array2::zeros((rows.len(), columns));
                for (i, row) in rows.iter().enumerate() {
                    fill(values.slice_mut(ndarray::s![i..=i, ..]).into_dyn(), id, step, run, *row);
                }
                variable.scatter_update(rows, &values).unwrap();
            }
            Act::Remove => self.store.remove(name).unwrap(),
            Act::Rename(to) => self.store.rename(name, to).unwrap(),
        }
    }

    fn create(&self, name: &str, made: &Made, run: u64) {
        let (id, step) = (made.id, made.rows[0]);
        let initial = init::fill(move |place, rows| {
            fill(rows, id, step, run, usize::try_from(place.offset[0]).unwrap());
        });
        let root = self.store.root();
        let get = root.get_variable(name).shape([made.rows.len(), made.columns]).dtype(DType::U64);
        let get = get.initializer(initial).chunk_bytes(4096);
        let get = if made.slices > 1 { get.partitioner(fixed_size(made.slices, 0)) } else { get };
        get.get().unwrap();
    }

    /// A commit written value by value.
    fn stream(&self, acts: &[(Arc<str>, u64, Act)], step: u64, run: u64) {
        let id = self.next_save();
        let tag = format!("s{id}");
        let mut commit = self.store.begin().unwrap();
        for (name, id, _) in acts {
            let variable = self.variable(name);
            commit.put_array(&variable, &value(&variable, *id, step, run)).unwrap();
        }
        self.say_save(&id, &tag);
        say_outcome(&id, commit.save(tag));
    }

    fn next_save(&self) -> String {
        format!("{}-{}", self.life, self.saves.fetch_add(1, Ordering::SeqCst))
    }

    /// What is saved from here on has at least these clocks.
    fn say_save(&self, id: &str, tag: &str) {
        say(&format!("save {id} {tag} {}", text_of(live_clocks(&self.store))));
    }

    /// Saves that go on while the others do.
    fn save_in_background(&self) {
        let mut random = self.random(10);
        let mut pending: Vec<(String, PendingSave)> = Vec::new();
        while self.goes_on() {
            let id = self.next_save();
            let replaces = random.random_bool(0.2);
            let tag = if replaces { LATEST.to_owned() } else { format!("b{id}") };
            let save = Save::tag(&*tag).metadata(&id);
            // Between these no state is given up for another.
            let run = self.run.read().unwrap();
            self.say_save(&id, &tag);
            match self.store.save_in_background(if replaces { save.replace() } else { save }) {
                Ok(save) => {
                    say(&format!("begun {id} {}", text_of(live_clocks(&self.store))));
                    if random.random_bool(0.1) {
                        save.cancel();
                    }
                    pending.push((id, save));
                }
                Err(error) => say_outcome(&id, Err(error)),
            }
            drop(run);
            thread::sleep(Duration::from_micros(random.random_range(0..5000)));
            while pending.len() > 3 || (!pending.is_empty() && random.random_bool(0.5)) {
                let (id, save) = pending.remove(0);
                say_outcome(&id, save.wait());
            }
        }
        for (id, save) in pending {
            say_outcome(&id, save.wait());
        }
    }

    /// Commits, deletions, and ways back.
    fn keep_house(&self) {
        let mut random = self.random(11);
        while self.goes_on() {
            match random.random_range(0..12) {
                0..=4 => {
                    let id = self.next_save();
                    let run = self.run.read().unwrap();
                    self.say_save(&id, "-");
                    say_outcome(&id, self.store.commit());
                    drop(run);
                }
                5..=7 => {
                    if let Some(tag) = self.any_tag(&mut random) {
                        self.delete(&tag);
                    }
                }
                8 => self.prune(&mut random),
                9 => self.set_retention(&mut random),
                10 => {
                    if let Some(tag) = self.any_tag(&mut random) {
                        self.go_back(&mut random, |store| store.restore(tag));
                    }
                }
                _ => self.go_back(&mut random, Store::rollback),
            }
            thread::sleep(Duration::from_micros(random.random_range(0..6000)));
        }
    }

    fn any_tag(&self, random: &mut ChaCha8Rng) -> Option<String> {
        let infos = self.store.checkpoints().unwrap();
        let tags = infos.iter().filter_map(varkeep::CheckpointInfo::tag);
        // That one comes back, so that its being gone would say nothing.
        let tags: Vec<&str> = tags.filter(|tag| *tag != LATEST).collect();
        (!tags.is_empty()).then(|| tags[random.random_range(0..tags.len())].to_owned())
    }

    fn delete(&self, tag: &str) {
        say(&format!("delete {tag}"));
        match self.store.delete(tag) {
            // What a policy has dropped meanwhile is gone as well.
            Err(error) if error.kind() != ErrorKind::TagNotFound => panic!("{error:?}"),
            _ => say(&format!("deleted {tag}")),
        }
    }

    fn policy(random: &mut ChaCha8Rng) -> Retention {
        Retention::keep_all().keep_last(KEPT_LAST as u64 + random.random_range(0..4)).keep_every(KEPT_EVERY)
    }

    fn prune(&self, random: &mut ChaCha8Rng) {
        let report = self.store.prune(&Self::policy(random), false).unwrap();
        for tag in report.deleted {
            say(&format!("deleted {tag}"));
        }
    }

    fn set_retention(&self, random: &mut ChaCha8Rng) {
        match self.store.set_retention(&Self::policy(random)) {
            Err(error) if error.kind() != ErrorKind::RestoreNoCheckpoint => panic!("{error:?}"),
            _ => {}
        }
    }

    /// Gives the state up for an earlier one, and goes on from there.
    fn go_back(&self, random: &mut ChaCha8Rng, go: impl FnOnce(&Store) -> varkeep::Result<()>) {
        let mut run = self.run.write().unwrap();
        match go(&self.store) {
            // Deleted meanwhile.
            Err(error) if error.kind() == ErrorKind::TagNotFound => return,
            went => went.unwrap(),
        }
        *run += 1;
        let (mut known, clocks) = (self.known.lock().unwrap(), live_clocks(&self.store));
        for (actor, plan) in self.plans.iter().enumerate() {
            *plan.lock().unwrap() = known.at(actor, clocks[actor]);
        }
        if random.random_bool(0.3) {
            State::new(&mut known, clocks).check_live(&self.store).expect("what was gone back to is whole");
        }
    }
}

fn say_outcome(id: &str, outcome: varkeep::Result<SaveReport>) {
    match outcome {
        Ok(report) => say(&format!("saved {id} {}", report.number)),
        // Cancelled, or counted on a save that was.
        Err(error) => {
            let kinds = [ErrorKind::SaveCancelled, ErrorKind::EarlierSaveFailed, ErrorKind::SaverNoVariables];
            assert!(kinds.contains(&error.kind()), "{error:?}");
            say(&format!("failed {id}"));
        }
    }
}

fn value(variable: &Variable, id: u64, step: u64, run: u64) -> ArrayD<u64> {
    let shape: Vec<usize> = variable.shape().sizes().iter().map(|size| usize::try_from(*size).unwrap()).collect();
    let mut value = ArrayD::zeros(IxDyn(&shape));
    fill(value.view_mut(), id, step, run, 0);
    value
}

/// Clocks as a line says them.
fn text_of(clocks: Clocks) -> String {
    clocks.map(|clock| clock.to_string()).join(",")
}
