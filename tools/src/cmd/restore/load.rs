//! Values of a checkpoint, loaded into the variables of the newest state: TensorFlow's `Saver.restore`.

use std::collections::{BTreeMap, HashMap, HashSet};

use varkeep::{Checkpoint, LoadOptions, SavedKind, SavedVariable, Which};

use super::rename::Renames;
use super::{Fate, Restored, What, fate, head_of, keep, open_store, variables_of};
use crate::address::Address;
use crate::args;
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};
use crate::filter::Filter;
use crate::likeness;

/// Values were loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The newest commit before, of the store that was loaded into.
    pub(crate) before: Subject,
    pub(crate) fate: Fate,
    /// The new commit; absent in a dry run, and where no value changed.
    pub(crate) commit: Option<u64>,
    pub(crate) plan: Plan,
    /// Why it would not be done; in a dry run only.
    pub(crate) refusal: Option<String>,
}

/// What a load comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Variables that get a value, each with the name that the checkpoint has it under.
    pub(crate) restored: Vec<(String, String)>,
    /// Variables that the checkpoint lacks, each with the nearest names it has.
    pub(crate) missing: Vec<(String, Vec<String>)>,
    /// Variables whose dtype or shape differs, each with how.
    pub(crate) mismatched: Vec<(String, String)>,
    /// Names of the checkpoint that no variable wants.
    pub(crate) unexpected: Vec<String>,
    /// How many of the restored have the value already.
    pub(crate) unchanged: u64,
}

pub(super) fn run(address: &Address, args: &args::Restore) -> Outcome<Restored> {
    let into = match &args.into {
        Some(path) => Address { path: path.clone(), which: Which::Head },
        None if address.which == Which::Head => {
            return Err(Failure::usage(format!("{address} does not say from which checkpoint to load"))
                .hint(format!("write {address}@TAG, or load into another store with `--into STORE`")));
        }
        None => head_of(address),
    };
    let chosen = Chosen { filters: filters(&args.only)?, renames: Renames::parse(&args.rename)? };
    if args.dry_run {
        let infos = varkeep::checkpoints(&into.path)?;
        let (target, head) = (open(address)?, open(&into)?);
        let plan = Plan::of(&head, &target, &chosen)?;
        let loaded = Loaded {
            before: Subject::of(&into, head.info()),
            fate: fate(&into, &infos, args)?,
            commit: None,
            refusal: plan.refusal(args),
            plan,
        };
        return Ok(Restored {
            subject: Subject::of(address, target.info()),
            is_dry_run: true,
            what: What::Loaded(loaded),
        });
    }
    let store = open_store(&into.path)?;
    // Nobody else changes the store from here on.
    let infos = store.checkpoints()?;
    let (target, head) = (open(address)?, store.checkpoint(Which::Head)?);
    let plan = Plan::of(&head, &target, &chosen)?;
    if let Some(refusal) = plan.refusal(args) {
        return Err(Failure::mismatch(refusal).hint(
            "`--dry-run` tells all of them; `--allow-missing` and `--allow-mismatched` leave such variables as they are",
        ));
    }
    let mut fate = fate(&into, &infos, args)?;
    let keys: HashMap<String, String> = plan.restored.iter().cloned().collect();
    let wanted: HashSet<String> = keys.keys().cloned().collect();
    let options = LoadOptions::strict()
        .only(move |name| wanted.contains(name))
        .rename(move |name| keys.get(name).cloned().unwrap_or_else(|| name.to_owned()));
    let mut commit = None;
    if plan.unchanged < plan.restored.len() as u64 {
        keep(&store, head.info(), args)?;
        store.load(&target, &options)?;
        commit = Some(store.commit()?.number);
    } else {
        fate = Fate::Same;
    }
    let loaded = Loaded { before: Subject::of(&into, head.info()), fate, commit, plan, refusal: None };
    Ok(Restored { subject: Subject::of(address, target.info()), is_dry_run: false, what: What::Loaded(loaded) })
}

fn open(address: &Address) -> Outcome<Checkpoint> {
    Ok(Checkpoint::open(&address.path, address.which.clone())?)
}

fn filters(patterns: &[String]) -> Outcome<Vec<Filter>> {
    patterns.iter().map(|pattern| Filter::new(Some(pattern))).collect()
}

/// Which variables are loaded, and under which names.
struct Chosen {
    /// Of the names there are in the newest state; none means all.
    filters: Vec<Filter>,
    renames: Renames,
}

impl Chosen {
    fn has(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(name))
    }
}

impl Plan {
    fn of(head: &Checkpoint, target: &Checkpoint, chosen: &Chosen) -> Outcome<Self> {
        let mut plan = Self::default();
        let variables: Vec<SavedVariable> =
            variables_of(head)?.into_iter().filter(|variable| chosen.has(variable.name())).collect();
        if variables.is_empty() {
            return Err(Failure::not_found("no variable of the newest state matches `--only`")
                .hint("`varkeep inspect` lists the names; `*` stands for any text, also across slashes"));
        }
        let mut keys = chosen.renames.of(keys_of(target)?.into_iter())?;
        let names: Vec<String> = keys.keys().cloned().collect();
        for variable in variables {
            let name = variable.name().to_owned();
            let Some(key) = keys.remove(&name) else {
                let near = likeness::nearest(&name, names.iter().map(String::as_str));
                plan.missing.push((name, near));
                continue;
            };
            let saved = target.get(&key)?;
            if let Some(how) = mismatch(&variable, &saved) {
                plan.mismatched.push((name, how));
            } else {
                plan.unchanged += u64::from(variable.is_known_equal(&saved));
                plan.restored.push((name, key));
            }
        }
        // With a choice of names, the others are not unexpected.
        let left: BTreeMap<String, String> = keys.into_iter().filter(|(name, _)| chosen.has(name)).collect();
        plan.unexpected = left.into_values().collect();
        plan.unexpected.sort_unstable();
        Ok(plan)
    }

    /// Why it is not to be done, unless such variables may stay as they are.
    fn refusal(&self, args: &args::Restore) -> Option<String> {
        let listed = |names: Vec<&str>| {
            let more = names.len().saturating_sub(3);
            let few = names.iter().take(3).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            if more > 0 { format!("{few} and {more} more") } else { few }
        };
        if !args.allow_missing && !self.missing.is_empty() {
            let names = listed(self.missing.iter().map(|(name, _)| name.as_str()).collect());
            return Some(format!("the checkpoint lacks {names}"));
        }
        let (_, how) = self.mismatched.first().filter(|_| !args.allow_mismatched)?;
        let names = listed(self.mismatched.iter().map(|(name, _)| name.as_str()).collect());
        Some(format!("the checkpoint has another dtype or shape for {names}: {how}"))
    }
}

/// The names that values can be loaded by: everything but the slices of partitioned variables.
fn keys_of(checkpoint: &Checkpoint) -> Outcome<Vec<String>> {
    let mut keys: Vec<String> = variables_of(checkpoint)?.iter().map(|variable| variable.name().to_owned()).collect();
    for variable in checkpoint.variables("") {
        let variable = variable?;
        if matches!(variable.kind(), SavedKind::AliasOf(_)) {
            keys.push(variable.name().to_owned());
        }
    }
    Ok(keys)
}

fn mismatch(variable: &SavedVariable, saved: &SavedVariable) -> Option<String> {
    if variable.dtype() != saved.dtype() {
        return Some(format!("{} here, {} in the checkpoint", variable.dtype(), saved.dtype()));
    }
    // A variable without any declared shape takes every value.
    let is_open = variable.declared_shape().axes().is_none() && variable.kind() == SavedKind::Variable;
    (!is_open && variable.shape() != saved.shape())
        .then(|| format!("{} here, {} in the checkpoint", variable.shape(), saved.shape()))
}
