//! The naive model: the specification's maps, its stack of scopes and its counters, and nothing else.

mod get;
mod history;
mod initial;
mod partitioned;
mod resume;
mod scopes;

use std::collections::{BTreeMap, BTreeSet};

use varkeep::scope::Reuse;

use crate::program::{Cut, Getter, Init, Kind, Penalty};
use crate::value::{self, Cell};

pub use scopes::ScopeId;

/// The word of an error kind.
pub type Word = &'static str;
/// Which variable: what a handle stands for, whatever it is called and holds.
pub type Id = u64;

pub const GLOBAL: &str = "variables";
const LOCAL: &str = "local_variables";
pub const TRAINABLE: &str = "trainable_variables";

/// A variable in one piece, or a slice.
#[derive(Clone, Debug)]
pub struct NaiveVariable {
    pub id: Id,
    pub kind: Kind,
    /// `None` is wholly unknown.
    pub declared: Option<Vec<Option<u64>>>,
    pub held: Vec<u64>,
    /// `None` until it was looked at, for random values.
    pub cells: Option<Vec<Cell>>,
    pub trainable: bool,
    pub collections: BTreeSet<String>,
    pub device: Option<String>,
    pub has_loss: bool,
    /// Collections list by this.
    pub order: u64,
    /// Whether this session has got it.
    pub claimed: bool,
}

impl NaiveVariable {
    pub fn is_durable(&self) -> bool {
        self.collections.contains(GLOBAL)
    }
}

/// A partitioned variable; its slices are variables.
#[derive(Clone, Debug)]
pub struct NaiveWhole {
    pub id: Id,
    pub kind: Kind,
    pub shape: Vec<u64>,
    pub counts: Vec<u64>,
    pub slices: Vec<String>,
    pub claimed: bool,
}

/// Everything that has a name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub variables: BTreeMap<String, NaiveVariable>,
    pub wholes: BTreeMap<String, NaiveWhole>,
}

/// The whole model.
#[derive(Debug)]
pub struct Naive {
    pub names: Names,
    ids: u64,
    orders: u64,
    /// What the last commit holds.
    head: Names,
    /// What the durable names were last made to be: the last commit, or what was restored since.
    base: Names,
    tags: BTreeMap<&'static str, Names>,
    scopes: Vec<scopes::NaiveScope>,
    stack: Vec<scopes::Open>,
    counters: BTreeMap<String, u64>,
}

/// A get with the scope's settings filled in.
#[derive(Clone, Debug)]
pub struct Request {
    pub name: String,
    pub shape: Option<Vec<Option<u64>>>,
    pub kind: Kind,
    pub initializer: Option<Init>,
    pub penalty: Option<Penalty>,
    pub reuse: Option<Reuse>,
    pub trainable: bool,
    pub collections: Option<Vec<String>>,
    pub also: bool,
    pub device: Option<String>,
    pub cut: Option<Cut>,
    pub validate_shape: bool,
    pub getters: Vec<Getter>,
}

/// What a get came to.
#[derive(Clone, Copy, Debug)]
pub struct Got {
    pub id: Id,
    pub is_new: bool,
}

pub fn slice_of(whole: &str, k: usize) -> String {
    format!("{whole}/part_{k}")
}

pub fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}/{name}") }
}

/// TensorFlow's rule for names, without empty parts.
fn is_well_formed(name: &str, first_may_be_any: bool) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
    (begins || first_may_be_any)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
        && name.split('/').all(|part| !part.is_empty())
}

/// Compatible: equal where both are known. `None` is wholly unknown.
fn compatible(a: Option<&[Option<u64>]>, b: Option<&[Option<u64>]>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

fn known(sizes: &[u64]) -> Vec<Option<u64>> {
    sizes.iter().copied().map(Some).collect()
}

impl Names {
    /// The whole that this name is a slice of.
    pub fn owner(&self, name: &str) -> Option<&String> {
        self.wholes.iter().find(|(_, whole)| whole.slices.iter().any(|slice| slice == name)).map(|(name, _)| name)
    }

    pub fn is_durable(&self, whole: &NaiveWhole) -> bool {
        whole.slices.iter().all(|slice| self.variables[slice].is_durable())
    }

    /// Whether the name exists and is durable.
    fn has_durable(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(NaiveVariable::is_durable)
            || self.wholes.get(name).is_some_and(|whole| self.is_durable(whole))
    }

    fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name) || self.wholes.contains_key(name)
    }

    /// What a commit of these would hold.
    fn durable(&self) -> Self {
        let mut durable = self.clone();
        durable.variables.retain(|_, variable| variable.is_durable());
        durable.wholes.retain(|_, whole| self.is_durable(whole));
        durable
    }

    /// How many variables there are if a partitioned one counts once.
    pub fn count(&self) -> u64 {
        let slices = self.variables.keys().filter(|name| self.owner(name).is_some()).count();
        (self.variables.len() - slices + self.wholes.len()) as u64
    }

    /// The value of a whole, if those of all slices are known.
    pub fn assembled(&self, whole: &NaiveWhole) -> Option<Vec<Cell>> {
        let mut cells = vec![Cell::zero(whole.kind); value::elements(&whole.shape)];
        for (tile, name) in value::tiles(&whole.shape, &whole.counts).into_iter().zip(&whole.slices) {
            let (offset, sizes) = tile?;
            let part = self.variables[name].cells.clone()?;
            for (place, cell) in value::places(&whole.shape, &offset, &sizes).into_iter().zip(part) {
                cells[place] = cell;
            }
        }
        Some(cells)
    }

    /// Gives a whole another value, slice by slice.
    fn take_apart(&mut self, name: &str, cells: Option<Vec<Cell>>) {
        let whole = &self.wholes[name];
        for (tile, slice) in value::tiles(&whole.shape, &whole.counts).into_iter().zip(&whole.slices) {
            let (offset, sizes) = tile.expect("wholes tile");
            let variable = self.variables.get_mut(slice).expect("wholes have their slices");
            variable.cells = cells.as_ref().map(|cells| value::cut(cells, &whole.shape, &offset, &sizes));
        }
    }

    /// What a saver finds under a key: the slices of a whole are no keys.
    fn stored(&self, key: &str) -> Option<(Kind, Vec<u64>, Option<Vec<Cell>>)> {
        if let Some(whole) = self.wholes.get(key) {
            return Some((whole.kind, whole.shape.clone(), self.assembled(whole)));
        }
        let variable = self.variables.get(key).filter(|_| self.owner(key).is_none())?;
        Some((variable.kind, variable.held.clone(), variable.cells.clone()))
    }

    /// The names of those selected, in order of creation.
    pub fn ordered(&self, selects: impl Fn(&str, &NaiveVariable) -> bool) -> Vec<String> {
        let mut members: Vec<_> = self.variables.iter().filter(|(name, variable)| selects(name, variable)).collect();
        members.sort_by_key(|(_, variable)| variable.order);
        members.into_iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Naive {
    pub fn new() -> Self {
        let mut naive = Self {
            names: Names::default(),
            ids: 0,
            orders: 0,
            head: Names::default(),
            base: Names::default(),
            tags: BTreeMap::new(),
            scopes: Vec::new(),
            stack: Vec::new(),
            counters: BTreeMap::new(),
        };
        naive.begin();
        naive
    }

    fn next_id(&mut self) -> Id {
        self.ids += 1;
        self.ids
    }

    fn next_order(&mut self) -> u64 {
        self.orders += 1;
        self.orders
    }
}
