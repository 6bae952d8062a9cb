//! A program with its store committed, closed and opened again between every two steps, beside one long session.
//!
//! What is durable must come out the same. Variables that are not durable end with a session, so a step that hangs on
//! one of them cannot be compared; it is left out, and what it made or changed in the long session is not compared from
//! then on.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde_json::json;
use varkeep::{Scope, ScopeHandle, Store};

use crate::arguments::Touched;
use crate::dump::Dump;
use crate::program::{Outcome, Program, Step};
use crate::replay::{Done, Replay, Watch, graph_path, set_again};
use crate::session::{Handles, Session, enter, entered, open_store, retain_names};

/// How much of a program could be compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) compared: usize,
    pub(crate) skipped: usize,
}

/// Runs the program both ways.
///
/// # Errors
/// The first step that comes out otherwise than in the long session, and how.
pub(crate) fn compare(program: &Program, long: &Path, reopened: &Path) -> Result<Counts, String> {
    let mut session = Replay::new(program, Watch::States);
    session.run(long)?;
    let mut other = Reopened::new(program, &session.done, reopened);
    other.run()?;
    Ok(other.counts)
}

struct Reopened<'p> {
    program: &'p Program,
    long: &'p [Done],
    folder: &'p Path,
    session: Session,
    /// Names whose variables differ from those of the long session, since a step was left out.
    tainted: BTreeSet<String>,
    /// The scope that was current when the store was closed.
    current: Option<ScopeHandle>,
    counts: Counts,
}

/// How far scopes were walked through again.
enum Walk {
    Exited(usize),
    Done(Option<Outcome>, ScopeHandle),
}

impl<'p> Reopened<'p> {
    fn new(program: &'p Program, long: &'p [Done], folder: &'p Path) -> Self {
        let handles = Handles::Named { names: handle_names(program, long), graph: 0 };
        let session = Session { handles, checkpoints: HashMap::new(), touched: Touched::default() };
        Self { program, long, folder, session, tainted: BTreeSet::new(), current: None, counts: Counts::default() }
    }

    fn run(&mut self) -> Result<(), String> {
        let (mut start, mut graph) = (0, 0);
        for (at, step) in self.program.steps.iter().enumerate() {
            if step.name == "new_graph" {
                (start, graph) = (at + 1, graph + 1);
                if let Handles::Named { graph: current, .. } = &mut self.session.handles {
                    *current = graph;
                }
                self.tainted.clear();
                self.current = None;
                continue;
            }
            let before = (at > start).then(|| self.state(at - 1));
            if matches!(step.name.as_str(), "save" | "restore") && self.is_beyond_comparison(before) {
                self.counts.skipped += self.program.steps.len() - at;
                return Ok(());
            }
            let act = !self.hangs_on_others(at, step, before);
            let store = open_store(&graph_path(self.folder, graph));
            let outcome = self.step(&store, start, at, act)?;
            store.commit().map_err(|error| format!("step {at}: committing failed: {error:?}"))?;
            drop(store);
            match outcome {
                Some(outcome) => {
                    self.compare(at, step, outcome, before)?;
                    self.counts.compared += 1;
                }
                None if act => {}
                None => {
                    self.counts.skipped += 1;
                    self.taint(self.state(at), before);
                }
            }
        }
        Ok(())
    }

    fn state(&self, at: usize) -> &'p Dump {
        self.long[at].state.as_ref().expect("the long session kept its states")
    }

    /// The names that are not durable, or not as in the long session.
    fn others(&self, before: Option<&Dump>) -> BTreeSet<String> {
        let mut others = self.tainted.clone();
        if let Some(before) = before {
            let not_durable = before.variables.iter().filter(|(_, facts)| !facts.is_durable);
            others.extend(not_durable.map(|(name, _)| name.clone()));
        }
        others
    }

    /// Whether a default save or load would meet something else than in the long session.
    fn is_beyond_comparison(&self, before: Option<&Dump>) -> bool {
        let half_durable = before.is_some_and(|before| {
            before.variables.values().any(|facts| {
                !facts.is_durable && facts.variable.slices().iter().any(|slice| slice.variable.is_durable())
            })
        });
        half_durable || !self.tainted.is_empty()
    }

    /// Whether what a step comes to hangs on a variable that only the long session has.
    fn hangs_on_others(&self, at: usize, step: &Step, before: Option<&Dump>) -> bool {
        let others = self.others(before);
        let meets = |name: &str| {
            let below = format!("{name}/part_");
            let around = name.rsplit_once("/part_").map(|(whole, _)| whole);
            others.contains(name)
                || others.iter().any(|other| other.starts_with(&below))
                || around.is_some_and(|whole| others.contains(whole))
        };
        match step.name.as_str() {
            "get_variable" | "get_local_variable" => self.long[at].touched.iter().any(|name| meets(name)),
            "read" | "assign" => {
                let Handles::Named { names, .. } = &self.session.handles else { return true };
                let number = step.arguments["handle"].as_u64().expect("a handle is a number") as usize;
                others.contains(&names[number].1)
            }
            _ => false,
        }
    }

    /// Marks what a step that was left out changed in the long session.
    fn taint(&mut self, after: &Dump, before: Option<&Dump>) {
        let changed = after.variables.iter().filter(|(name, facts)| {
            facts.is_durable && before.and_then(|before| before.variables.get(*name)).is_none_or(|then| then != *facts)
        });
        self.tainted.extend(changed.map(|(name, _)| name.clone()));
    }

    fn compare(&self, at: usize, step: &Step, outcome: Outcome, before: Option<&Dump>) -> Result<(), String> {
        let others = self.others(before);
        let expected = &self.long[at].outcome;
        let told = |what: &str| format!("reopened, step {at}, {} {}: {what}", step.name, step.arguments);
        match (outcome, expected) {
            (Ok(mut ours), Ok(theirs)) => {
                let mut theirs = theirs.clone();
                retain_names(&mut ours, |name| !others.contains(name));
                retain_names(&mut theirs, |name| !others.contains(name));
                if ours != theirs {
                    return Err(told(&format!("came to {ours}\n    in one session {theirs}")));
                }
                Ok(())
            }
            (Err(ours), Err(theirs)) if ours.kind() == theirs.kind() => Ok(()),
            (ours, theirs) => Err(told(&format!("came to {ours:?}\n    in one session {theirs:?}"))),
        }
    }

    /// Walks the scopes of the graph again up to a step, which is carried out.
    fn step(&mut self, store: &Store, start: usize, at: usize, act: bool) -> Result<Option<Outcome>, String> {
        let root = store.root();
        let mut labels = HashMap::from([("@root".to_owned(), root.handle())]);
        match self.walk(store, &root, &mut labels, start, at, act)? {
            Walk::Done(outcome, current) => {
                self.current = Some(current);
                Ok(outcome)
            }
            Walk::Exited(step) => Err(format!("step {step} leaves the root")),
        }
    }

    fn walk(
        &mut self,
        store: &Store,
        scope: &Scope<'_>,
        labels: &mut HashMap<String, ScopeHandle>,
        mut from: usize,
        at: usize,
        act: bool,
    ) -> Result<Walk, String> {
        let mut outcome = None;
        while from <= at {
            let step = &self.program.steps[from];
            let succeeded = self.long[from].outcome.is_ok();
            match step.name.as_str() {
                "exit" => return Ok(Walk::Exited(from + 1)),
                "enter" if from == at || succeeded => {
                    let inner = enter(scope, step, labels, &self.session.touched);
                    if from == at {
                        outcome =
                            Some(inner.as_ref().map(entered).map_err(|e| varkeep::Error::new(e.kind(), e.what())));
                    }
                    if let Ok(inner) = inner {
                        if let Some(label) = step.arguments["label"].as_str() {
                            labels.insert(label.to_owned(), inner.handle());
                        }
                        match self.walk(store, &inner, labels, from + 1, at, act)? {
                            Walk::Exited(next) => {
                                from = next;
                                continue;
                            }
                            Walk::Done(inner_outcome, current) => {
                                return Ok(Walk::Done(outcome.or(inner_outcome), current));
                            }
                        }
                    }
                }
                _ if from == at && act => outcome = Some(self.act_in_captured(store, scope, step)?),
                _ if succeeded => set_again(scope, step, &self.session.touched),
                _ => {}
            }
            from += 1;
        }
        // Leaving a scope comes to nothing that could be told.
        if self.program.steps[at].name == "exit" {
            outcome = Some(Ok(json!({})));
        }
        Ok(Walk::Done(outcome, scope.handle()))
    }

    /// Carries out a step: a get in the scope that was captured before the store was closed, entered again.
    fn act_in_captured(&mut self, store: &Store, scope: &Scope<'_>, step: &Step) -> Result<Outcome, String> {
        let (Some(captured), true) = (&self.current, step.name.starts_with("get_")) else {
            return Ok(self.session.act(store, scope, step));
        };
        let root = store.root();
        let again = root.scope(captured).enter().map_err(|error| format!("a captured scope: {error:?}"))?;
        if entered(&again) != entered(scope) {
            return Err(format!("a captured scope is {}, walked through it is {}", entered(&again), entered(scope)));
        }
        Ok(self.session.act(store, &again, step))
    }
}

/// The name of each variable by its number, as the long session returned them, with its graph.
fn handle_names(program: &Program, long: &[Done]) -> Vec<(usize, String)> {
    let (mut names, mut graph) = (Vec::new(), 0);
    for (step, done) in program.steps.iter().zip(long) {
        graph += usize::from(step.name == "new_graph");
        if let Ok(outcome) = &done.outcome
            && let (Some(number), Some(name)) = (outcome["handle"].as_u64(), outcome["name"].as_str())
            && number as usize == names.len()
        {
            names.push((graph, name.to_owned()));
        }
    }
    names
}
