//! What a store should hold, by plain arrays: written without a look at what the library does.

use std::collections::BTreeMap;
use std::sync::Arc;

use varkeep::{DType, SavedKind, Shape};

use crate::support::{Contents, Held, Kept};

/// A variable of `f32`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Var {
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Into how many slices it is cut along its rows; 0 if it is not.
    pub(super) parts: usize,
    pub(super) values: Vec<f32>,
}

/// All variables at some moment.
pub(super) type State = BTreeMap<String, Var>;

/// What a program did to a store.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) live: State,
    /// What a rollback goes back to.
    base: State,
    head: Option<Arc<State>>,
    /// In the order of their commits.
    tags: Vec<(String, Arc<State>)>,
    keep_last: Option<usize>,
}

impl Model {
    pub(super) fn tags(&self) -> Vec<String> {
        self.tags.iter().map(|(tag, _)| tag.clone()).collect()
    }

    pub(super) fn has_commits(&self) -> bool {
        self.head.is_some()
    }

    /// The live state was committed.
    pub(super) fn commit(&mut self, tag: Option<&str>) {
        let state = Arc::new(self.live.clone());
        self.base = self.live.clone();
        if let Some(tag) = tag {
            self.delete(tag);
            self.tags.push((tag.to_owned(), Arc::clone(&state)));
        }
        self.head = Some(state);
        self.apply_policy();
    }

    pub(super) fn delete(&mut self, tag: &str) {
        self.tags.retain(|(other, _)| other != tag);
    }

    /// A policy that keeps the last so many, or all, is in force.
    pub(super) fn set_retention(&mut self, keep_last: Option<usize>) {
        self.keep_last = keep_last;
        self.apply_policy();
    }

    fn apply_policy(&mut self) {
        if let Some(count) = self.keep_last {
            self.prune(count);
        }
    }

    pub(super) fn prune(&mut self, keep_last: usize) {
        let gone = self.tags.len().saturating_sub(keep_last.max(1));
        self.tags.drain(..gone);
    }

    pub(super) fn restore(&mut self, tag: &str) {
        let (_, state) = self.tags.iter().find(|(other, _)| other == tag).expect("a tag that is there");
        self.live = State::clone(state);
        self.base = self.live.clone();
    }

    pub(super) fn rollback(&mut self) {
        self.live = self.base.clone();
    }

    /// The store was closed without a commit and opened again.
    pub(super) fn reopen(&mut self) {
        self.live = self.head.as_deref().cloned().unwrap_or_default();
        self.base = self.live.clone();
    }

    /// What a look into the store's folder should find.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            head: self.head.as_deref().map(contents),
            tags: self.tags.iter().map(|(tag, state)| (tag.clone(), contents(state))).collect(),
        }
    }
}

/// A state as a checkpoint holds it.
fn contents(state: &State) -> Contents {
    let mut contents = Contents::new();
    for (name, var) in state {
        let held = |kind, rows: usize, values: &[f32]| Held {
            kind,
            dtype: DType::F32,
            shape: Shape::new([rows as u64, var.cols as u64]).unwrap(),
            bytes: bytemuck::cast_slice(values).to_vec(),
            collections: vec!["variables".to_owned(), "trainable_variables".to_owned()],
        };
        let kind = if var.parts == 0 { SavedKind::Variable } else { SavedKind::Whole };
        contents.insert(name.clone(), held(kind, var.rows, &var.values));
        let mut from = 0;
        for part in 0..var.parts {
            // The first ones take what is left over.
            let rows = var.rows / var.parts + usize::from(part < var.rows % var.parts);
            let values = &var.values[from * var.cols..(from + rows) * var.cols];
            contents.insert(format!("{name}/part_{part}"), held(SavedKind::SliceOf(name.clone()), rows, values));
            from += rows;
        }
    }
    contents
}
