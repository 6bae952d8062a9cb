//! Programs that go on until the store brings order into its files: manifests are merged, and values moved.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::Array2;
use varkeep::{Store, init};

use super::model::{Model, Var};
use super::recorded::Recorded;
use super::recorder::Recorder;

/// A program must have come to its end after so many commits.
const COMMITS_MAX: usize = 1000;

/// As many as there may be before values move.
const SHARDS: usize = 250;

struct Program {
    recorder: Arc<Recorder>,
    recorded: Recorded,
    store: Store,
    model: Model,
}

impl Program {
    fn new(name: &str, root: PathBuf) -> Self {
        let recorder = Arc::new(Recorder::default());
        let mut recorded = Recorded::new(name.to_owned(), root, Arc::clone(&recorder));
        let options = Store::options().tap(recorder.clone()).tidies_at_once(true);
        let store = options.open(recorded.store()).unwrap();
        recorded.created = recorder.len();
        Self { recorder, recorded, store, model: Model::default() }
    }

    /// Creates a variable of one column.
    fn create(&mut self, name: &str, rows: usize) {
        let root = self.store.root();
        let request = root.get_variable(name).shape([rows, 1]).initializer(init::zeros());
        request.get().unwrap();
        self.model.live.insert(name.to_owned(), Var { rows, cols: 1, parts: 0, values: vec![0.0; rows] });
    }

    fn fill(&mut self, name: &str, value: f32) {
        let var = self.model.live.get_mut(name).unwrap();
        self.store.find(name).unwrap().unwrap().assign(Array2::from_elem((var.rows, 1), value)).unwrap();
        var.values.fill(value);
    }

    fn commit(&mut self) {
        let begun = self.recorder.len();
        self.store.commit().unwrap();
        self.model.commit(None);
        let state = self.recorded.begin(begun, self.model.kept());
        self.recorded.acknowledge(state);
    }

    fn end(mut self) -> Recorded {
        drop(self.store);
        self.recorded.take_catalog();
        self.recorded
    }
}

/// Names so long that a few of them make a manifest too large to be written again with each commit. Ends with the commit
/// that names a merged one.
pub(super) fn merging(root: PathBuf) -> Recorded {
    let mut program = Program::new("merging", root);
    let names: Vec<String> = (0..70).map(|i| format!("{i:02}{}", "x".repeat(3600))).collect();
    for name in &names {
        program.create(name, 1);
    }
    program.commit();
    program.recorded.from = program.recorder.len();
    for round in 0..COMMITS_MAX {
        for name in names.iter().cycle().skip(round * 6).take(6) {
            program.fill(name, round as f32 + 1.0);
        }
        program.commit();
        let merged = program.recorder.merged();
        let is_named = || {
            let report = varkeep::verify(program.recorded.store(), None, &mut |_| ()).unwrap();
            merged.iter().any(|path| path.exists() && !report.unused.contains(path))
        };
        if !merged.is_empty() && is_named() {
            return program.end();
        }
    }
    panic!("no merged manifest was named by a commit");
}

/// Variables saved one at a time, so that each lies in a shard of its own, until they move together. Ends when the old
/// shards are gone.
pub(super) fn moving(root: PathBuf) -> Recorded {
    let mut program = Program::new("moving", root);
    // Some may go while they are counted.
    let shards = |program: &Program| fs::read_dir(program.recorded.store().join("shards")).unwrap().count();
    for round in 0..COMMITS_MAX {
        if round == SHARDS {
            assert!(shards(&program) >= SHARDS);
            program.recorded.from = program.recorder.len();
        }
        if round < 2 * SHARDS {
            program.create(&format!("v{round:03}"), 10);
        } else {
            program.fill("v000", round as f32);
        }
        program.commit();
        if round > SHARDS && shards(&program) < 200 {
            return program.end();
        }
    }
    panic!("nothing was moved");
}
