//! Section 2 of the specification: entering and leaving scopes, and the counters of default names.

use std::collections::BTreeMap;

use varkeep::scope::Reuse;

use super::{Naive, Word, is_well_formed, join};
use crate::program::{Cut, Enter, Getter, Init, Kind, Penalty, Setter, Target};

pub type ScopeId = usize;

#[derive(Clone, Debug)]
pub struct NaiveScope {
    pub name: String,
    pub reuse: Reuse,
    pub initializer: Option<Init>,
    pub penalty: Option<Penalty>,
    pub device: Option<&'static str>,
    pub cut: Option<Cut>,
    pub kind: Kind,
    /// The innermost first.
    pub getters: Vec<Getter>,
}

#[derive(Debug)]
pub struct Open {
    scope: ScopeId,
    leave: Leave,
}

#[derive(Debug)]
enum Leave {
    ByName(String),
    Captured(BTreeMap<String, u64>),
}

impl Naive {
    /// Begins a walk from a fresh root.
    pub fn begin(&mut self) {
        self.stack.clear();
        self.counters.clear();
        self.scopes.push(NaiveScope {
            name: String::new(),
            reuse: Reuse::Refuse,
            initializer: None,
            penalty: None,
            device: None,
            cut: None,
            kind: Kind::F32,
            getters: Vec::new(),
        });
        let scope = self.scopes.len() - 1;
        self.stack.push(Open { scope, leave: Leave::ByName(String::new()) });
    }

    pub fn current_id(&self) -> ScopeId {
        self.stack.last().expect("the root is never left").scope
    }

    pub fn current(&self) -> &NaiveScope {
        &self.scopes[self.current_id()]
    }

    /// The name that a default name would get.
    pub fn unique(&self, default: &str) -> String {
        let full = join(&self.current().name, default);
        let in_use = |name: &str| self.counters.get(name).is_some_and(|count| *count > 0);
        if !in_use(&full) {
            return full;
        }
        (1..).map(|k| format!("{full}_{k}")).find(|name| !in_use(name)).expect("there are more numbers than names")
    }

    /// `captured` is the scope that the target means, if it means a captured one.
    pub fn enter(&mut self, enter: &Enter, captured: Option<ScopeId>) -> Result<(), Word> {
        let current = self.current().clone();
        let (from, name) = match (enter.target, captured) {
            (Target::Captured(_), Some(captured)) => (self.scopes[captured].clone(), None),
            (Target::Captured(_), None) | (Target::Neither, _) => return Err("scope_name_required"),
            (Target::Name(word) | Target::NameOrDefault(word, _), _) => {
                let name = word.get();
                let root_again = name.is_empty() && current.name.is_empty();
                if !root_again && !is_well_formed(name, !current.name.is_empty()) {
                    return Err("invalid_name");
                }
                let full = join(&current.name, name);
                (current, Some(full))
            }
            (Target::Default(word), _) => {
                if enter.reuse.is_some_and(|reuse| matches!(reuse.mode(), Reuse::Require | Reuse::Auto)) {
                    return Err("reuse_requires_scope_name");
                }
                if !is_well_formed(word.get(), !current.name.is_empty()) {
                    return Err("invalid_name");
                }
                let full = self.unique(word.get());
                (current, Some(full))
            }
        };
        let mut scope = from;
        if let Some(name) = &name {
            scope.name.clone_from(name);
        }
        *self.counters.entry(scope.name.clone()).or_default() += 1;
        let leave = match name {
            Some(name) => Leave::ByName(name),
            None => Leave::Captured(self.counters.clone()),
        };
        if let Some(reuse) = enter.reuse.map(crate::program::ReuseArgument::mode)
            && reuse != Reuse::Refuse
        {
            scope.reuse = reuse;
        }
        scope.initializer = enter.initializer.or(scope.initializer);
        scope.penalty = enter.penalty.or(scope.penalty);
        scope.device = enter.device.map(|device| device.get()).or(scope.device);
        scope.cut = enter.cut.or(scope.cut);
        scope.kind = enter.kind.unwrap_or(scope.kind);
        if let Some(getter) = enter.getter {
            scope.getters.insert(0, getter);
        }
        self.scopes.push(scope);
        self.stack.push(Open { scope: self.scopes.len() - 1, leave });
        Ok(())
    }

    pub fn leave(&mut self) {
        match self.stack.pop().expect("every leaving was an entering").leave {
            Leave::Captured(counters) => self.counters = counters,
            Leave::ByName(name) if name.is_empty() => {}
            Leave::ByName(name) => {
                let prefix = format!("{name}/");
                self.counters.retain(|other, _| !other.starts_with(&prefix));
            }
        }
    }

    pub fn reuse_variables(&mut self) {
        let current = self.current_id();
        self.scopes[current].reuse = Reuse::Require;
    }

    pub fn set(&mut self, setter: Setter) {
        let current = self.current_id();
        let scope = &mut self.scopes[current];
        match setter {
            Setter::Initializer(initializer) => scope.initializer = initializer,
            Setter::Cut(cut) => scope.cut = cut,
            Setter::Kind(kind) => scope.kind = kind,
            Setter::Penalty(penalty) => scope.penalty = penalty,
            Setter::Device(device) => scope.device = device.map(|device| device.get()),
            Setter::Getter(getter) => scope.getters = getter.into_iter().collect(),
        }
    }
}
