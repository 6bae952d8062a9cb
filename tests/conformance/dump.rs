//! Everything that can be seen of a store, to compare it before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use varkeep::{Scope, ScopeHandle, Store, Tensor, Variable};

use crate::session::described;

/// More slices than any program makes.
const SLICES_LOOKED_FOR: usize = 12;

/// What is seen of one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) variable: Variable,
    pub(crate) description: Json,
    pub(crate) value: Tensor,
    pub(crate) is_durable: bool,
}

/// Names, collections, losses and values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dump {
    pub(crate) variables: BTreeMap<String, Facts>,
    collections: BTreeMap<String, Vec<String>>,
    losses: Vec<(String, Option<u64>)>,
}

const KEYS: [&str; 9] = [
    "variables",
    "local_variables",
    "trainable_variables",
    "model_variables",
    "moving_average_variables",
    "regularization_losses",
    "m",
    "mine",
    "c",
];

/// Looks at everything under these names, below and above them, and in every collection.
pub(crate) fn dump(store: &Store, names: &BTreeSet<String>) -> Dump {
    let find = |name: &str| store.find(name).unwrap_or_else(|error| panic!("{name:?} cannot be looked up: {error:?}"));
    let mut collections = BTreeMap::new();
    let mut wanted = names.clone();
    let mut keys: BTreeSet<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    let mut variables: BTreeMap<String, Facts> = BTreeMap::new();
    // Names lead to collections, and collections to names.
    loop {
        for key in &keys {
            let members = store.collection(key, "").expect("the filter is well-formed");
            wanted.extend(members.iter().map(Variable::name));
            collections.insert(key.clone(), members.iter().map(Variable::name).collect());
        }
        let around: Vec<String> =
            wanted.iter().filter_map(|name| name.rsplit_once("/part_").map(|(whole, _)| whole.to_owned())).collect();
        wanted.extend(around);
        let slices: Vec<String> = wanted
            .iter()
            .filter(|name| !name.contains("/part_"))
            .flat_map(|name| (0..SLICES_LOOKED_FOR).map(move |k| format!("{name}/part_{k}")))
            .collect();
        wanted.extend(slices);
        for name in &wanted {
            if let Some(variable) = find(name) {
                variables.insert(name.clone(), Facts::of(variable));
            }
        }
        let more: BTreeSet<String> = variables.values().flat_map(|facts| facts.variable.collections()).collect();
        if more.is_subset(&keys) {
            break;
        }
        keys.extend(more);
    }
    let losses = store.regularization_losses("").expect("the filter is well-formed");
    let losses = losses.iter().map(|loss| (loss.variable().name(), loss.value().ok().map(f64::to_bits))).collect();
    Dump { variables, collections, losses }
}

impl Facts {
    fn of(variable: Variable) -> Self {
        let description = described(&variable).expect("a live variable can be read");
        let value = variable.tensor().expect("a live variable can be read");
        Self { description, value, is_durable: variable.is_durable(), variable }
    }
}

impl Dump {
    /// The first difference, for a message.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        for (name, facts) in &self.variables {
            match other.variables.get(name) {
                Some(after) if after == facts => {}
                after => return Some(format!("{name:?} was {facts:?}, is {after:?}")),
            }
        }
        if let Some(name) = other.variables.keys().find(|name| !self.variables.contains_key(*name)) {
            return Some(format!("{name:?} was not there, is {:?}", other.variables[name]));
        }
        Some(format!(
            "collections were {:?}, are {:?}; losses were {:?}, are {:?}",
            self.collections, other.collections, self.losses, other.losses
        ))
    }
}

/// Which default names the counters would give out now.
///
/// Inside the re-entered root counters can be asked and are put back when it is left.
pub(crate) fn counters(scope: &Scope<'_>, root: &ScopeHandle, names: &[String]) -> Vec<String> {
    let asking = scope.scope(root).enter().expect("the root can always be entered again");
    let given = |name: &String| asking.unique_scope(name).enter().map_or_else(|e| e.to_string(), |scope| scope.name());
    names.iter().map(given).collect()
}
