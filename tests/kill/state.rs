//! A state of the store, of which the clocks of its actors say what it has to hold: all names, and every element.

use std::collections::BTreeSet;

use varkeep::{Checkpoint, Read, Store, scope};

use crate::plan::{ACTORS, Plan, Plans, clock};
use crate::rows::{self, Runs};

/// How many steps each actor has made.
pub(crate) type Clocks = [u64; ACTORS.len()];

/// What a state has to hold, and what has been seen of it so far.
pub(crate) struct State {
    pub(crate) clocks: Clocks,
    plans: [Plan; ACTORS.len()],
    runs: [Runs; ACTORS.len()],
}

/// The clocks that a state shows; `read` gives the value of a name, if there is one.
pub(crate) fn clocks(read: impl Fn(&str) -> varkeep::Result<Option<Read<u64>>>) -> varkeep::Result<Clocks> {
    let mut clocks = Clocks::default();
    for (actor, steps) in ACTORS.iter().zip(&mut clocks) {
        // Its first element is the step that wrote it.
        *steps = read(&clock(actor))?.map_or(0, |value| value[[0, 0]]);
    }
    Ok(clocks)
}

/// The clocks of what is live in a store.
pub(crate) fn live_clocks(store: &Store) -> Clocks {
    clocks(|name| store.find(name)?.map(|variable| variable.read()).transpose()).expect("clocks can be read")
}

impl State {
    /// What a state with these clocks has to hold.
    pub(crate) fn new(plans: &mut Plans, clocks: Clocks) -> Self {
        let plan = |actor| plans.at(actor, clocks[actor]);
        Self { clocks, plans: std::array::from_fn(plan), runs: Default::default() }
    }

    /// What a checkpoint has to hold by its own clocks.
    pub(crate) fn of(plans: &mut Plans, checkpoint: &Checkpoint) -> varkeep::Result<Self> {
        let read = |name: &str| checkpoint.find(name)?.map(|variable| variable.read()).transpose();
        Ok(Self::new(plans, clocks(read)?))
    }

    /// The names of all variables, without slices.
    pub(crate) fn names(&self) -> Vec<String> {
        self.plans.iter().flat_map(|plan| plan.made.keys()).map(ToString::to_string).collect()
    }

    /// All names: also those of slices.
    fn all_names(&self, with_wholes: bool) -> BTreeSet<String> {
        let made = self.plans.iter().flat_map(|plan| &plan.made);
        let names = made.flat_map(|(name, made)| {
            let slices = if made.slices > 1 { made.slices } else { 0 };
            let own = (slices == 0 || with_wholes).then(|| name.to_string());
            own.into_iter().chain((0..slices).map(move |slice| format!("{name}/part_{slice}")))
        });
        names.collect()
    }

    /// Checks one value.
    pub(crate) fn check(&mut self, name: &str, value: &Read<u64>) -> Result<(), String> {
        let actor =
            ACTORS.iter().position(|actor| name.starts_with(&format!("{actor}/"))).expect("it is a name of ours");
        let made = &self.plans[actor].made[name];
        let elements = value.as_slice().expect("values lie in row-major order");
        rows::check(made.id, &made.rows, made.columns, elements, &mut self.runs[actor])
            .map_err(|what| format!("{name} at clocks {:?}: {what}", self.clocks))
    }

    /// Checks that a checkpoint holds these names and no others.
    pub(crate) fn check_names(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let names = checkpoint.variables("").map(|saved| saved.map(|saved| saved.name().to_owned()));
        let names: BTreeSet<String> = names.collect::<varkeep::Result<_>>().map_err(|error| format!("{error:?}"))?;
        same_names(&names, &self.all_names(true), self.clocks)
    }

    /// Checks everything that a checkpoint holds. Gives how many values that were.
    pub(crate) fn check_all(&mut self, checkpoint: &Checkpoint) -> Result<usize, String> {
        self.check_names(checkpoint)?;
        let names = self.names();
        for name in &names {
            let value = checkpoint.get(name).and_then(|saved| saved.read::<u64>());
            self.check(name, &value.map_err(|error| format!("{error:?}"))?)?;
        }
        Ok(names.len())
    }

    /// Checks everything that is live in a store.
    pub(crate) fn check_live(&mut self, store: &Store) -> Result<(), String> {
        let members =
            store.collection(scope::collection::GLOBAL_VARIABLES, "").map_err(|error| format!("{error:?}"))?;
        let members = members.iter().map(varkeep::Variable::name).collect();
        same_names(&members, &self.all_names(false), self.clocks)?;
        for name in self.names() {
            let found = store.find(&name).map_err(|error| format!("{error:?}"))?;
            let value = found.ok_or_else(|| format!("{name} is not there"))?.read::<u64>();
            self.check(&name, &value.map_err(|error| format!("{error:?}"))?)?;
        }
        Ok(())
    }
}

fn same_names(found: &BTreeSet<String>, expected: &BTreeSet<String>, clocks: Clocks) -> Result<(), String> {
    let (missing, more): (Vec<_>, Vec<_>) =
        (expected.difference(found).collect(), found.difference(expected).collect());
    if missing.is_empty() && more.is_empty() {
        return Ok(());
    }
    Err(format!("at clocks {clocks:?} {missing:?} are missing and {more:?} should not be there"))
}
