//! One long session of a program, each step compared with what TensorFlow answered.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde_json::{Value as Json, json};
use varkeep::{Scope, ScopeHandle, Store};

use crate::arguments::Touched;
use crate::dump::{Dump, counters, dump};
use crate::program::{Outcome, Program, Step, saved_difference};
use crate::session::{Handles, Session, enter, entered, open_store, saved_at_end, scope_names, set};

/// What else a replay does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// It only compares outcomes.
    Outcomes,
    /// It checks that failed steps leave no trace.
    Traces,
    /// It keeps what the store looked like after each step.
    States,
}

/// What is known of a step that was carried out.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// The full names that a get may have asked for.
    pub(crate) touched: Vec<String>,
    /// What the store looked like afterwards, where that was wanted.
    pub(crate) state: Option<Dump>,
}

pub(crate) struct Replay<'p> {
    program: &'p Program,
    watch: Watch,
    session: Session,
    labels: HashMap<String, ScopeHandle>,
    /// Every full name that a step of this graph asked for.
    names: BTreeSet<String>,
    scope_names: Vec<String>,
    pub(crate) done: Vec<Done>,
}

enum Flow {
    Exited(usize),
    NewGraph(usize),
    End,
}

/// Where in the folder the store of the `graph`-th graph lies.
pub(crate) fn graph_path(folder: &Path, graph: usize) -> std::path::PathBuf {
    folder.join(format!("graph-{graph}"))
}

type Differs = String;

impl<'p> Replay<'p> {
    pub(crate) fn new(program: &'p Program, watch: Watch) -> Self {
        let session =
            Session { handles: Handles::Held(Vec::new()), checkpoints: HashMap::new(), touched: Touched::default() };
        Self {
            program,
            watch,
            session,
            labels: HashMap::new(),
            names: BTreeSet::new(),
            scope_names: scope_names(&program.steps),
            done: Vec::new(),
        }
    }

    /// Runs the program in stores inside `folder`.
    ///
    /// # Errors
    /// The first step that comes out otherwise than expected, and how.
    pub(crate) fn run(&mut self, folder: &Path) -> Result<(), Differs> {
        let (mut at, mut graph) = (0, 0);
        loop {
            let store = open_store(&graph_path(folder, graph));
            match self.graph(&store, at)? {
                Flow::NewGraph(next) => (at, graph) = (next, graph + 1),
                Flow::Exited(step) => return Err(format!("step {step} leaves the root")),
                Flow::End => return self.check_saved(&store),
            }
        }
    }

    fn check_saved(&self, store: &Store) -> Result<(), Differs> {
        if self.program.saved.is_null() {
            return Ok(());
        }
        let saved = saved_at_end(store).map_err(|error| format!("saving at the end: {error:?}"))?;
        match saved_difference(&saved, &self.program.saved) {
            Some(difference) => Err(format!("at the end {difference}")),
            None => Ok(()),
        }
    }

    fn graph(&mut self, store: &Store, at: usize) -> Result<Flow, Differs> {
        let root = store.root();
        self.names.clear();
        self.labels = HashMap::from([("@root".to_owned(), root.handle())]);
        self.steps(store, &root, at)
    }

    fn steps(&mut self, store: &Store, scope: &Scope<'_>, mut at: usize) -> Result<Flow, Differs> {
        while let Some(step) = self.program.steps.get(at) {
            match step.name.as_str() {
                "exit" => {
                    self.note(store, Ok(json!({})));
                    return Ok(Flow::Exited(at + 1));
                }
                "new_graph" => {
                    self.note(store, Ok(json!({})));
                    return Ok(Flow::NewGraph(at + 1));
                }
                "enter" => {
                    let before = self.before(store, scope, step);
                    let inner = enter(scope, step, &self.labels, &self.session.touched);
                    let outcome = inner.as_ref().map(entered).map_err(copy);
                    check(at, step, &outcome)?;
                    self.after(at, store, scope, &outcome, before)?;
                    self.note(store, outcome);
                    if let Ok(inner) = inner {
                        if let Some(label) = step.arguments["label"].as_str() {
                            self.labels.insert(label.to_owned(), inner.handle());
                        }
                        match self.steps(store, &inner, at + 1)? {
                            Flow::Exited(next) => at = next,
                            other => return Ok(other),
                        }
                        continue;
                    }
                }
                _ => {
                    let before = self.before(store, scope, step);
                    let outcome = self.session.act(store, scope, step);
                    let touched = self.session.touched.lock().expect("no getter panics").clone();
                    self.names.extend(touched);
                    check(at, step, &outcome)?;
                    self.after(at, store, scope, &outcome, before)?;
                    self.note(store, outcome);
                }
            }
            at += 1;
        }
        Ok(Flow::End)
    }

    fn note(&mut self, store: &Store, outcome: Outcome) {
        let touched = std::mem::take(&mut *self.session.touched.lock().expect("no getter panics"));
        let state = (self.watch == Watch::States).then(|| dump(store, &self.names));
        self.done.push(Done { outcome, touched, state });
    }

    /// Everything as it is before a step that is to fail, with all that is durable committed.
    fn before(&mut self, store: &Store, scope: &Scope<'_>, step: &Step) -> Option<(Dump, Vec<String>)> {
        if self.watch != Watch::Traces || step.expected_kind().is_none() {
            return None;
        }
        store.commit().expect("the disk takes a commit");
        let asked = counters(scope, &self.labels["@root"], &self.scope_names);
        Some((dump(store, &self.names), asked))
    }

    fn after(
        &self,
        at: usize,
        store: &Store,
        scope: &Scope<'_>,
        outcome: &Outcome,
        before: Option<(Dump, Vec<String>)>,
    ) -> Result<(), Differs> {
        let (Some((before, counters_before)), Err(_)) = (before, outcome) else { return Ok(()) };
        let (then, now) = (before, dump(store, &self.names));
        // Names that only this step asked for were not looked at before: there must be nothing.
        let asked: BTreeSet<&String> =
            now.variables.keys().filter(|name| !then.variables.contains_key(*name)).collect();
        if let Some(name) = asked.first() {
            return Err(format!("step {at} failed and left {name:?}"));
        }
        if let Some(difference) = then.difference(&now) {
            return Err(format!("step {at} failed and left a trace: {difference}"));
        }
        let counters_after = counters(scope, &self.labels["@root"], &self.scope_names);
        if counters_before != counters_after {
            return Err(format!("step {at} failed and changed counters: {counters_before:?}, {counters_after:?}"));
        }
        let commit = store.commit().expect("the disk takes a commit");
        if commit.is_new {
            return Err(format!("step {at} failed and left something to commit: {commit:?}"));
        }
        Ok(())
    }
}

fn check(at: usize, step: &Step, outcome: &Outcome) -> Result<(), Differs> {
    match step.difference(outcome) {
        Some(difference) => Err(format!("step {at}, {} {}: {difference}", step.name, step.arguments)),
        None => Ok(()),
    }
}

/// An error of the same kind and text.
fn copy(error: &varkeep::Error) -> varkeep::Error {
    varkeep::Error::new(error.kind(), error.to_string())
}

/// Carries out again what a program did to its scopes: entering, setting, reusing.
pub(crate) fn set_again(scope: &Scope<'_>, step: &Step, touched: &Touched) {
    match step.name.as_str() {
        "reuse_variables" => scope.reuse_variables(),
        "set" => {
            let again: Outcome = set(scope, &step.arguments, touched);
            again.expect("what succeeded before succeeds again");
        }
        _ => {}
    }
}

pub(crate) fn is_failure(step: &Step) -> bool {
    !matches!(step.expected.get("error"), None | Some(Json::Null))
}
