//! Random programs against a store and against a few maps: they hold the same, live and in every checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;
use proptest::collection::vec;
use proptest::prelude::*;
use varkeep::scope::partitioner::fixed_size;
use varkeep::{Checkpoint, ErrorKind, LoadOptions, ReadMode, Save, Store, Variable, init};

use crate::support::{files, folder};

const COLUMNS: usize = 3;

/// Rows of a variable; each row is the number its elements have.
type Rows = Vec<f32>;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
enum Made {
    Variable { rows: Rows, slices: usize },
    Alias(String),
}

type State = BTreeMap<String, Made>;

/// What a store should hold.
#[derive(Clone, Debug, Default)]
struct Model {
    live: State,
    locals: BTreeMap<String, Rows>,
    /// What the live state goes back to.
    base: State,
    head: Option<State>,
    tags: BTreeMap<String, State>,
}

#[derive(Clone, Debug)]
enum Action {
    Create { name: usize, rows: usize, slices: usize, value: u8 },
    Local { name: usize, value: u8 },
    Assign { name: usize, value: u8 },
    UpdateRows { name: usize, from: usize, rows: usize, value: u8 },
    Scatter { name: usize, rows: Vec<usize>, value: u8 },
    Add { name: usize, value: u8 },
    Remove { name: usize },
    Rename { from: usize, to: usize },
    Alias { alias: usize, target: usize },
    Commit,
    Save { tag: usize, replace: bool },
    Delete { tag: usize },
    Restore { tag: usize },
    Rollback,
    Load { tag: usize },
    Reopen { mode: ReadMode },
}

fn action() -> impl Strategy<Value = Action> {
    let name = || 0..6_usize;
    let tag = || 0..3_usize;
    let rows = prop_oneof![Just(0_usize), Just(1), Just(7), Just(341), Just(1400)];
    prop_oneof![
        5 => (name(), rows, 1..4_usize, any::<u8>())
            .prop_map(|(name, rows, slices, value)| Action::Create { name, rows, slices, value }),
        1 => (name(), any::<u8>()).prop_map(|(name, value)| Action::Local { name, value }),
        2 => (name(), any::<u8>()).prop_map(|(name, value)| Action::Assign { name, value }),
        3 => (name(), any::<usize>(), 1..400_usize, any::<u8>())
            .prop_map(|(name, from, rows, value)| Action::UpdateRows { name, from, rows, value }),
        2 => (name(), vec(any::<usize>(), 0..5), any::<u8>())
            .prop_map(|(name, rows, value)| Action::Scatter { name, rows, value }),
        1 => (name(), any::<u8>()).prop_map(|(name, value)| Action::Add { name, value }),
        1 => name().prop_map(|name| Action::Remove { name }),
        1 => (name(), name()).prop_map(|(from, to)| Action::Rename { from, to }),
        1 => (name(), name()).prop_map(|(alias, target)| Action::Alias { alias, target }),
        2 => Just(Action::Commit),
        3 => (tag(), any::<bool>()).prop_map(|(tag, replace)| Action::Save { tag, replace }),
        1 => tag().prop_map(|tag| Action::Delete { tag }),
        2 => tag().prop_map(|tag| Action::Restore { tag }),
        1 => Just(Action::Rollback),
        1 => tag().prop_map(|tag| Action::Load { tag }),
        2 => prop_oneof![Just(ReadMode::Map), Just(ReadMode::Memory)].prop_map(|mode| Action::Reopen { mode }),
    ]
}

fn name_of(name: usize) -> String {
    if name.is_multiple_of(2) { format!("v{name}") } else { format!("scope/v{name}") }
}

fn local_of(name: usize) -> String {
    format!("local/v{name}")
}

fn tag_of(tag: usize) -> String {
    format!("tag-{tag}")
}

fn array(rows: &[f32]) -> Array2<f32> {
    Array2::from_shape_fn((rows.len(), COLUMNS), |(row, _)| rows[row])
}

/// A store and what it should hold.
struct Pair<'p> {
    path: &'p Path,
    store: Option<Store>,
    model: Model,
}

impl Pair<'_> {
    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open between actions")
    }

    fn variable(&self, name: &str) -> Variable {
        self.store().find(name).unwrap().unwrap_or_else(|| panic!("{name} is not there"))
    }

    /// The variable of a name, through an alias, with its rows in the model.
    fn target(&mut self, name: usize) -> Option<(Variable, &mut Rows)> {
        let mut name = name_of(name);
        if let Some(Made::Alias(target)) = self.model.live.get(&name) {
            name.clone_from(target);
        }
        let variable = self.model.live.contains_key(&name).then(|| self.variable(&name))?;
        match self.model.live.get_mut(&name) {
            Some(Made::Variable { rows, .. }) => Some((variable, rows)),
            _ => None,
        }
    }

    fn run(&mut self, action: Action) {
        match action {
            Action::Create { name, rows, slices, value } => self.create(&name_of(name), rows, slices, value),
            Action::Local { name, value } => {
                let name = local_of(name);
                let rows = vec![f32::from(value); 2];
                if let Some(held) = self.model.locals.get_mut(&name) {
                    held.clone_from(&rows);
                    self.variable(&name).assign(array(&rows)).unwrap();
                    return;
                }
                let root = self.store().root();
                root.get_local_variable(&name).initializer(init::array(array(&rows))).get().unwrap();
                drop(root);
                self.model.locals.insert(name, rows);
            }
            Action::Assign { name, value } => {
                if let Some((variable, rows)) = self.target(name) {
                    rows.fill(f32::from(value));
                    variable.assign(array(rows)).unwrap();
                }
            }
            Action::UpdateRows { name, from, rows: count, value } => {
                if let Some((variable, rows)) = self.target(name).filter(|(_, rows)| !rows.is_empty()) {
                    let from = from % rows.len();
                    let to = rows.len().min(from + count);
                    rows[from..to].fill(f32::from(value));
                    variable.update_rows::<f32>(from..to, |mut view| view.fill(f32::from(value))).unwrap();
                }
            }
            Action::Scatter { name, rows: at, value } => {
                if let Some((variable, rows)) = self.target(name).filter(|(_, rows)| !rows.is_empty()) {
                    let at: Vec<usize> = at.iter().map(|at| at % rows.len()).collect();
                    let values: Rows = (0_u8..).take(at.len()).map(|i| f32::from(value) + f32::from(i)).collect();
                    at.iter().zip(&values).for_each(|(at, value)| rows[*at] = *value);
                    variable.scatter_update(&at, &array(&values)).unwrap();
                }
            }
            Action::Add { name, value } => {
                if let Some((variable, rows)) = self.target(name) {
                    for row in rows.iter_mut() {
                        *row += f32::from(value);
                    }
                    variable.assign_add(&array(&vec![f32::from(value); rows.len()])).unwrap();
                }
            }
            Action::Remove { name } => self.remove(&name_of(name)),
            Action::Rename { from, to } => self.rename(&name_of(from), &name_of(to)),
            Action::Alias { alias, target } => self.alias(&name_of(alias), &name_of(target)),
            Action::Commit => {
                let report = self.store().commit().unwrap();
                let is_known = self.model.head.as_ref() == Some(&self.model.live) && self.model.base == self.model.live;
                assert!(report.is_new || is_known, "something new was not committed");
                self.committed();
            }
            Action::Save { tag, replace } => self.save(&tag_of(tag), replace),
            Action::Delete { tag } => {
                let deleted = self.store().delete(&tag_of(tag));
                match self.model.tags.remove(&tag_of(tag)) {
                    Some(_) => deleted.unwrap(),
                    None => assert_eq!(deleted.unwrap_err().kind(), ErrorKind::TagNotFound),
                }
            }
            Action::Restore { tag } => {
                let restored = self.store().restore(tag_of(tag));
                match self.model.tags.get(&tag_of(tag)) {
                    Some(state) => {
                        restored.unwrap();
                        self.model.live.clone_from(state);
                        self.model.base.clone_from(state);
                    }
                    None => assert_eq!(restored.unwrap_err().kind(), ErrorKind::TagNotFound),
                }
            }
            Action::Rollback => {
                self.store().rollback().unwrap();
                self.model.live.clone_from(&self.model.base);
            }
            Action::Load { tag } => self.load(&tag_of(tag)),
            Action::Reopen { mode } => {
                self.store = None;
                self.model.live = self.model.head.clone().unwrap_or_default();
                self.model.base.clone_from(&self.model.live);
                self.model.locals.clear();
                self.store = Some(Store::options().read_mode(mode).open(self.path).unwrap());
                self.check_kept();
            }
        }
    }

    fn create(&mut self, name: &str, rows: usize, slices: usize, value: u8) {
        let rows = vec![f32::from(value); rows];
        let root = self.store().root();
        let request = root.get_variable(name).shape([rows.len(), COLUMNS]).chunk_bytes(4096);
        let request = request.initializer(init::constant(f32::from(value)));
        let cuts = slices > 1 && rows.len() >= slices;
        let made = if cuts { request.partitioner(fixed_size(slices as u64, 0)).get() } else { request.get() };
        drop(root);
        if let Some(made_before) = self.model.live.get(name) {
            // A partitioner that meets an alias or another cut is refused by other rules.
            assert!(made.is_err(), "{name} was made over {made_before:?}");
            return;
        }
        made.unwrap();
        let slices = if cuts { slices } else { 1 };
        self.model.live.insert(name.to_owned(), Made::Variable { rows, slices });
    }

    fn remove(&mut self, name: &str) {
        let removed = self.store().remove(name);
        match self.model.live.remove(name) {
            None => assert_eq!(removed.unwrap_err().kind(), ErrorKind::VariableNotFound),
            Some(Made::Alias(_)) => removed.unwrap(),
            Some(Made::Variable { .. }) => {
                removed.unwrap();
                self.model.live.retain(|_, made| *made != Made::Alias(name.to_owned()));
            }
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let renamed = self.store().rename(from, to);
        if !self.model.live.contains_key(from) {
            assert_eq!(renamed.unwrap_err().kind(), ErrorKind::VariableNotFound);
        } else if self.model.live.contains_key(to) {
            assert_eq!(renamed.unwrap_err().kind(), ErrorKind::NameTaken);
        } else {
            renamed.unwrap();
            let made = self.model.live.remove(from).expect("it was there");
            self.model.live.insert(to.to_owned(), made);
            for made in self.model.live.values_mut().filter(|made| **made == Made::Alias(from.to_owned())) {
                *made = Made::Alias(to.to_owned());
            }
        }
    }

    fn alias(&mut self, alias: &str, target: &str) {
        let Some(Made::Variable { .. }) = self.model.live.get(target) else { return };
        let aliased = self.store().alias(alias, &self.variable(target));
        if self.model.live.contains_key(alias) {
            assert_eq!(aliased.unwrap_err().kind(), ErrorKind::NameTaken);
            return;
        }
        aliased.unwrap();
        self.model.live.insert(alias.to_owned(), Made::Alias(target.to_owned()));
    }

    fn committed(&mut self) {
        self.model.base.clone_from(&self.model.live);
        self.model.head = Some(self.model.live.clone());
    }

    fn save(&mut self, tag: &str, replace: bool) {
        let save = Save::tag(tag);
        let saved = self.store().save(if replace { save.replace() } else { save });
        if self.model.live.is_empty() {
            assert_eq!(saved.unwrap_err().kind(), ErrorKind::SaverNoVariables);
        } else if self.model.tags.contains_key(tag) && !replace {
            assert_eq!(saved.unwrap_err().kind(), ErrorKind::TagExists);
        } else {
            let report = saved.unwrap();
            let wholes = self.model.live.values().filter(|made| matches!(made, Made::Variable { .. }));
            assert_eq!(report.variables, wholes.count() as u64);
            self.committed();
            self.model.tags.insert(tag.to_owned(), self.model.live.clone());
        }
    }

    /// Loads what the checkpoint has under the names, and in the shapes, that there are.
    fn load(&mut self, tag: &str) {
        let Some(saved) = self.model.tags.get(tag).cloned() else { return };
        let checkpoint = self.store().checkpoint(tag).unwrap();
        let options = LoadOptions::strict().allow_missing().allow_mismatched();
        let loaded = self.store().load(&checkpoint, &options);
        if self.model.live.values().all(|made| matches!(made, Made::Alias(_))) {
            assert_eq!(loaded.unwrap_err().kind(), ErrorKind::SaverNoVariables);
            return;
        }
        loaded.unwrap();
        for (name, made) in &mut self.model.live {
            let Made::Variable { rows, .. } = made else { continue };
            let found = match saved.get(name) {
                Some(Made::Alias(target)) => saved.get(target),
                found => found,
            };
            if let Some(Made::Variable { rows: found, .. }) = found
                && found.len() == rows.len()
            {
                rows.clone_from(found);
            }
        }
    }

    /// Compares everything live.
    fn check_live(&self, after: &str) {
        for (name, made) in &self.model.live {
            let variable = self.variable(name);
            let (rows, slices) = match made {
                Made::Variable { rows, slices } => (rows, slices),
                Made::Alias(target) => {
                    assert_eq!(variable.name(), *target, "after {after}: alias {name}");
                    continue;
                }
            };
            assert_eq!(variable.slices().len().max(1), *slices, "after {after}: {name}");
            assert!(*variable.read::<f32>().unwrap() == array(rows).into_dyn(), "after {after}: {name}");
        }
        for (name, rows) in &self.model.locals {
            assert!(*self.variable(name).read::<f32>().unwrap() == array(rows).into_dyn(), "after {after}: {name}");
        }
        let count = |made: &Made| if let Made::Variable { slices, .. } = made { *slices } else { 0 };
        let expected: usize = self.model.live.values().map(count).sum();
        assert_eq!(self.store().collection("variables", "").unwrap().len(), expected, "after {after}");
    }

    /// Compares everything that is kept.
    fn check_kept(&self) {
        let found: Vec<String> =
            varkeep::checkpoints(self.path).unwrap().iter().filter_map(|info| info.tag().map(str::to_owned)).collect();
        assert_eq!(found.len(), self.model.tags.len());
        let tagged = self.model.tags.iter().map(|(tag, state)| (Some(tag.as_str()), state));
        for (tag, state) in tagged.chain(self.model.head.iter().map(|head| (None, head))) {
            let checkpoint = Checkpoint::open(self.path, tag).unwrap();
            let mut names = 0;
            for (name, made) in state {
                let saved = checkpoint.get(name).unwrap();
                let (rows, slices) = match made {
                    Made::Variable { rows, slices } => (rows, slices),
                    Made::Alias(target) => {
                        assert_eq!(saved.kind(), varkeep::SavedKind::AliasOf(target.clone()), "{tag:?} {name}");
                        names += 1;
                        continue;
                    }
                };
                names += if *slices > 1 { slices + 1 } else { 1 };
                assert_eq!(saved.slices().len().max(1), *slices, "{tag:?} {name}");
                assert!(*saved.read::<f32>().unwrap() == array(rows).into_dyn(), "{tag:?} {name}");
            }
            assert_eq!(checkpoint.variables("").count(), names, "{tag:?}");
        }
    }

    /// Closed and opened once more, the store holds what it should, and no file that nobody needs.
    fn finish(mut self) {
        self.run(Action::Reopen { mode: ReadMode::Map });
        self.check_live("the end");
        self.store = None;
        let commits = files(&self.path.join("commits")).len();
        let head_has_tag =
            self.model.head.as_ref().is_some_and(|_| {
                varkeep::checkpoints(self.path).unwrap().first().is_some_and(|info| info.tag().is_some())
            });
        let expected = self.model.tags.len() + usize::from(self.model.head.is_some() && !head_has_tag);
        assert_eq!(commits, expected);
    }
}

proptest! {
    #[test]
    fn a_store_holds_what_its_model_holds(actions in vec(action(), 1..50)) {
        let folder = folder();
        let path = folder.path().join("store");
        let store = Some(Store::open(&path).unwrap());
        let mut pair = Pair { path: &path, store, model: Model::default() };
        for action in actions {
            let text = format!("{action:?}");
            pair.run(action);
            pair.check_live(&text);
        }
        pair.finish();
    }
}
