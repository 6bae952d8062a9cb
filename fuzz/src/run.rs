//! Runs a program against a store and the naive model, step by step.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use tempfile::TempDir;
use varkeep::{Error, LoadOptions, OpenScope, Save, Scope, ScopeHandle, ScopeName, Store, Variable};

use crate::naive::{Id, Naive, ScopeId, Word, join};
use crate::program::{Enter, Get, Kind, Program, Setter, Step, Target};
use crate::value;

/// Scopes open at once; further ones are not entered.
const DEPTH_MAX: usize = 12;

/// Runs a program.
///
/// # Panics
/// If the store and the model differ anywhere; the message tells where, and the program up to there.
pub fn run(program: &Program) {
    if program.is_durable {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut run = Run::new(program);
        while run.session(&open(&folder)) == Flow::Reopen {
            run.reopen();
        }
        return;
    }
    thread_local! {
        /// One store for all programs that commit nothing: creating one takes longer than most programs.
        static STORE: RefCell<Option<(Store, TempDir)>> = const { RefCell::new(None) };
    }
    STORE.with_borrow_mut(|slot| {
        let (store, _) = slot.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("a folder can be made");
            (open(&folder), folder)
        });
        let mut run = Run::new(program);
        run.session(store);
        run.clear(store);
    });
}

fn open(folder: &TempDir) -> Store {
    // Creating is given a seed, and a program's end no time, so that every run of a program is the same.
    Store::options().seed(1).open(folder.path().join("store")).expect("what was closed in order opens")
}

/// Why a walk through steps ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    LeftScope,
    NewRoot,
    Reopen,
    Done,
}

/// A run of a program.
pub(crate) struct Run<'p> {
    program: &'p Program,
    /// The step being run; those before it were.
    at: usize,
    outcomes: Vec<Result<(), Word>>,
    pub(crate) naive: Naive,
    /// The handles seen, of what the model has.
    pub(crate) handles: HashMap<Id, Variable>,
    /// Handles of what is gone.
    pub(crate) gone: Vec<Variable>,
    /// Full names asked for.
    pub(crate) asked: BTreeSet<String>,
    captured: Vec<(ScopeHandle, ScopeId)>,
}

impl<'p> Run<'p> {
    fn new(program: &'p Program) -> Self {
        Self {
            program,
            at: 0,
            outcomes: Vec::new(),
            naive: Naive::new(),
            handles: HashMap::new(),
            gone: Vec::new(),
            asked: BTreeSet::new(),
            captured: Vec::new(),
        }
    }

    /// Says what differs, and ends everything.
    pub(crate) fn differ(&self, what: impl fmt::Display) -> ! {
        let mut trace = String::new();
        for (i, step) in self.program.steps.iter().enumerate().take(self.at + 1) {
            let outcome = match self.outcomes.get(i) {
                Some(Ok(())) => "",
                Some(Err(word)) => word,
                None => "<- here",
            };
            trace.push_str(&format!("{i:3} {step:?}  {outcome}\n"));
        }
        panic!("the store and the model differ: {what}\n{trace}");
    }

    /// Compares what came of something, and gives both results if both succeeded.
    pub(crate) fn same<T, U>(&self, real: Result<T, Error>, naive: Result<U, Word>) -> Result<(T, U), Word> {
        match (real, naive) {
            (Ok(real), Ok(naive)) => Ok((real, naive)),
            (Err(real), Err(naive)) if real.kind().as_str() == naive => Err(naive),
            (Ok(_), Err(naive)) => self.differ(format_args!("the model fails with {naive}, the store does not")),
            (Err(real), naive) => {
                let naive = naive.err().unwrap_or("no failure");
                let kind = real.kind().as_str();
                self.differ(format_args!("{naive} in the model, {kind} in the store: {real}"))
            }
        }
    }

    /// Runs until the store is to be closed.
    fn session(&mut self, store: &Store) -> Flow {
        loop {
            let root = store.root();
            self.captured.push((root.handle(), self.naive.current_id()));
            let flow = self.walk(store, &root, 0);
            drop(root);
            self.naive.begin();
            if flow != Flow::NewRoot {
                self.look(store, &store.root());
                return flow;
            }
        }
    }

    fn reopen(&mut self) {
        self.naive.reopen();
        self.handles.clear();
        self.gone.clear();
    }

    /// Runs the steps inside a scope, up to its end.
    fn walk(&mut self, store: &Store, scope: &Scope<'_>, depth: usize) -> Flow {
        while let Some(step) = self.program.steps.get(self.at) {
            let flow = match step {
                Step::Enter(enter) if depth < DEPTH_MAX => self.enter(store, scope, enter, depth),
                Step::Leave if depth > 0 => {
                    self.done(Ok(()));
                    return Flow::LeftScope;
                }
                Step::Root => Some(Flow::NewRoot),
                Step::Reopen if self.program.is_durable => Some(Flow::Reopen),
                step => {
                    let outcome = self.step(store, scope, step);
                    if outcome.is_err() || self.program.looks_often {
                        self.look(store, scope);
                    }
                    self.done(outcome);
                    None
                }
            };
            if let Some(flow) = flow {
                if !matches!(step, Step::Enter(_)) {
                    self.done(Ok(()));
                }
                return flow;
            }
        }
        Flow::Done
    }

    fn done(&mut self, outcome: Result<(), Word>) {
        self.outcomes.push(outcome);
        self.at += 1;
    }

    /// Enters a scope and runs what is inside; gives how the run goes on if not here.
    fn enter(&mut self, store: &Store, scope: &Scope<'_>, enter: &Enter, depth: usize) -> Option<Flow> {
        let captured = match enter.target {
            Target::Captured(which) => Some(self.captured[usize::from(which) % self.captured.len()].clone()),
            _ => None,
        };
        let open = opened(scope, enter, captured.as_ref().map(|(handle, _)| handle));
        let entered = self.naive.enter(enter, captured.as_ref().map(|(_, id)| *id));
        match self.same(open.enter(), entered) {
            Err(word) => {
                self.look(store, scope);
                self.done(Err(word));
                None
            }
            Ok((inner, ())) => {
                self.compare_scope(&inner);
                self.captured.push((inner.handle(), self.naive.current_id()));
                self.done(Ok(()));
                let flow = self.walk(store, &inner, depth + 1);
                if matches!(flow, Flow::NewRoot | Flow::Reopen) {
                    return Some(flow);
                }
                drop(inner);
                self.naive.leave();
                self.compare_scope(scope);
                (flow == Flow::Done).then_some(flow)
            }
        }
    }

    fn step(&mut self, store: &Store, scope: &Scope<'_>, step: &Step) -> Result<(), Word> {
        match step {
            Step::Get(get) => return self.get(scope, get),
            Step::Set(setter) => {
                set(scope, *setter);
                self.naive.set(*setter);
            }
            Step::ReuseVariables => {
                scope.reuse_variables();
                self.naive.reuse_variables();
            }
            Step::Collection { key, filter } => self.compare_collection(store, key.get(), filter.get()),
            Step::ScopeCollection { key } => self.compare_scope_collection(scope, key.get()),
            Step::Losses { filter } => self.compare_losses(store, filter.get()),
            Step::ScopeLosses => self.compare_scope_losses(scope),
            Step::Assign { which, seed } => self.assign(store, *which, *seed),
            Step::AssignShape { which, sizes, any_shape } => {
                return self.assign_shape(store, *which, sizes.get(), *any_shape);
            }
            Step::Load { tag } => {
                let naive = self.naive.load(tag.get());
                let real = store.load_from(store.path(), tag.get(), &LoadOptions::strict());
                self.same(real, naive)?;
            }
            Step::Remove { which } => {
                let Some(name) = self.named(*which) else { return Ok(()) };
                let naive = self.naive.remove(&name);
                self.same(store.remove(&name), naive)?;
            }
            Step::Look => self.look(store, scope),
            Step::Rollback => {
                let naive = self.naive.rollback();
                self.same(store.rollback(), naive)?;
            }
            Step::Commit | Step::Save { .. } | Step::Restore { .. } if !self.program.is_durable => {}
            Step::Commit => {
                let naive = self.naive.commit();
                let (report, naive) = self.same(store.commit(), Ok(naive))?;
                self.compare_report(&report, &naive);
            }
            Step::Save { tag, replace } => {
                let naive = self.naive.save(tag.get(), *replace);
                let save = Save::tag(tag.get());
                let real = store.save(if *replace { save.replace() } else { save });
                let (report, naive) = self.same(real, naive)?;
                self.compare_report(&report, &naive);
            }
            Step::Restore { tag } => {
                let naive = self.naive.restore(tag.get());
                self.same(store.restore(tag.get()), naive)?;
            }
            // Too deep, at the root, or not durable.
            Step::Enter(_) | Step::Leave | Step::Reopen | Step::Root => {}
        }
        self.bury();
        Ok(())
    }

    fn get(&mut self, scope: &Scope<'_>, get: &Get) -> Result<(), Word> {
        let full = join(&scope.name(), get.name.get());
        self.asked.extend([format!("{full}_g"), "w".to_owned(), full]);
        let naive = self.naive.get(get);
        let (real, naive) = self.same(get.real(scope).get_reported(), naive)?;
        if real.is_new != naive.is_new {
            self.differ(format_args!("is_new is {} in the store", real.is_new));
        }
        self.bury();
        self.compare_variable(naive.id, &real.variable);
        Ok(())
    }

    /// One of the names asked for so far, or of their slices.
    fn named(&self, which: u8) -> Option<String> {
        let names = &self.naive.names;
        let all: BTreeSet<&String> =
            self.asked.iter().chain(names.variables.keys()).chain(names.wholes.keys()).collect();
        let count = all.len().max(1);
        all.into_iter().nth(usize::from(which) % count).cloned()
    }

    /// A variable of those that are there, with its kind and the shape it holds.
    fn to_assign(&mut self, store: &Store, which: u8) -> Option<(String, Variable, Kind, Vec<u64>)> {
        let name = self.named(which)?;
        let variable = self.compare_name(store, &name)?;
        let names = &self.naive.names;
        let (kind, sizes) = match (names.variables.get(&name), names.wholes.get(&name)) {
            (Some(variable), _) => (variable.kind, &variable.held),
            (None, whole) => whole.map(|whole| (whole.kind, &whole.shape))?,
        };
        let sizes = sizes.clone();
        Some((name, variable, kind, sizes))
    }

    fn assign_shape(&mut self, store: &Store, which: u8, sizes: &[u64], any_shape: bool) -> Result<(), Word> {
        let Some((name, variable, kind, _)) = self.to_assign(store, which) else { return Ok(()) };
        let value = value::to_tensor(kind, sizes, &value::pattern(kind, sizes, 0));
        let real = if any_shape { variable.assign_any_shape(value) } else { variable.assign(value) };
        let naive = self.naive.assign_shape(&name, sizes, any_shape);
        self.same(real, naive)?;
        Ok(())
    }

    fn assign(&mut self, store: &Store, which: u8, seed: u8) {
        let Some((name, variable, kind, sizes)) = self.to_assign(store, which) else { return };
        let value = value::to_tensor(kind, &sizes, &value::pattern(kind, &sizes, seed));
        if let Err(error) = variable.assign(value) {
            self.differ(format_args!("{name:?} takes no value of its own kind: {error}"));
        }
        self.naive.assign(&name, seed);
    }

    /// Leaves the store as it was before the first program.
    fn clear(&mut self, store: &Store) {
        let names = &self.naive.names;
        let singles = names.variables.keys().filter(|name| names.owner(name).is_none());
        let all: Vec<String> = singles.chain(names.wholes.keys()).cloned().collect();
        for name in all {
            let naive = self.naive.remove(&name);
            // What goes wrong here is told with the whole program.
            let _ = self.same(store.remove(&name), naive);
        }
        let naive = self.naive.rollback();
        let _ = self.same(store.rollback(), naive);
        self.bury();
        self.naive.begin();
        self.look(store, &store.root());
    }
}

fn opened<'a>(scope: &'a Scope<'_>, enter: &Enter, captured: Option<&'a ScopeHandle>) -> OpenScope<'a, 'a> {
    let mut open = match enter.target {
        Target::Name(name) => scope.scope(name.get()),
        Target::Default(name) => scope.unique_scope(name.get()),
        Target::NameOrDefault(name, default) => scope.scope_or(Some(name.get().into()), Some(default.get())),
        Target::Neither => scope.scope_or(None, None),
        Target::Captured(_) => scope.scope_or(captured.map(ScopeName::Handle), None),
    };
    if let Some(reuse) = enter.reuse {
        open = open.reuse_mode(reuse.mode());
    }
    if let Some(initializer) = enter.initializer {
        open = open.initializer(initializer.real());
    }
    if let Some(cut) = enter.cut {
        open = open.partitioner(cut.real());
    }
    if let Some(kind) = enter.kind {
        open = open.dtype(kind.dtype());
    }
    if let Some(penalty) = enter.penalty {
        open = open.regularizer(penalty.real());
    }
    if let Some(device) = enter.device {
        open = open.caching_device(device.get());
    }
    if let Some(getter) = enter.getter {
        open = open.custom_getter(getter.real());
    }
    open
}

fn set(scope: &Scope<'_>, setter: Setter) {
    match setter {
        Setter::Initializer(initializer) => scope.set_initializer(initializer.map(|initializer| initializer.real())),
        Setter::Cut(cut) => scope.set_partitioner(cut.map(|cut| cut.real())),
        Setter::Kind(kind) => scope.set_dtype(kind.dtype()),
        Setter::Penalty(penalty) => scope.set_regularizer(penalty.map(|penalty| penalty.real())),
        Setter::Device(device) => scope.set_caching_device(device.map(|device| device.get().into())),
        Setter::Getter(getter) => {
            scope.set_custom_getter(getter.map(|getter| std::sync::Arc::new(getter.real()) as _));
        }
    }
}
