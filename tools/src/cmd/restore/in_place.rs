//! A checkpoint as the newest state of its own store.

use varkeep::{Checkpoint, CheckpointInfo, Which};

use super::{Fate, Restored, What, fate, head_of, keep, open_store, variables_of};
use crate::address::Address;
use crate::args;
use crate::cmd::Subject;
use crate::failure::{Failure, Outcome};

/// The newest state was replaced.
#[derive(Debug)]
pub(crate) struct InPlace {
    /// The newest commit before.
    pub(crate) before: Subject,
    pub(crate) fate: Fate,
    /// The new commit; absent in a dry run, and where the state was this one already.
    pub(crate) commit: Option<u64>,
    pub(crate) difference: Difference,
}

/// Variables of the newest state before against those of the checkpoint, by name. Aliases are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) unchanged: Vec<String>,
    pub(crate) changed: Vec<String>,
    pub(crate) come_back: Vec<String>,
    pub(crate) vanish: Vec<String>,
}

pub(super) fn run(address: &Address, args: &args::Restore) -> Outcome<Restored> {
    if address.which == Which::Head {
        return Err(Failure::usage(format!("{address} does not say which checkpoint is to be restored")).hint(
            format!(
                "write {address}@TAG; `varkeep log {address}` lists the tags; or copy the newest state with `--to DIR`"
            ),
        ));
    }
    if args.dry_run {
        let infos = varkeep::checkpoints(&address.path)?;
        let target = Checkpoint::open(&address.path, address.which.clone())?;
        let head = Checkpoint::open(&address.path, Which::Head)?;
        return restored(address, &target, &head, fate_of(address, &infos, target.info(), args)?, None, true);
    }
    let store = open_store(&address.path)?;
    // Nobody else changes the store from here on.
    let infos = store.checkpoints()?;
    let target = store.checkpoint(address.which.clone())?;
    let head = store.checkpoint(Which::Head)?;
    let fate = fate_of(address, &infos, target.info(), args)?;
    let mut commit = None;
    if fate != Fate::Same {
        keep(&store, head.info(), args)?;
        store.restore(address.which.clone())?;
        commit = Some(store.commit()?.number);
    }
    restored(address, &target, &head, fate, commit, false)
}

fn fate_of(
    address: &Address,
    infos: &[CheckpointInfo],
    target: &CheckpointInfo,
    args: &args::Restore,
) -> Outcome<Fate> {
    match infos.first() {
        Some(head) if head.is_known_equal(target) => Ok(Fate::Same),
        _ => fate(address, infos, args),
    }
}

fn restored(
    address: &Address,
    target: &Checkpoint,
    head: &Checkpoint,
    fate: Fate,
    commit: Option<u64>,
    is_dry_run: bool,
) -> Outcome<Restored> {
    let before = Subject::of(&head_of(address), head.info());
    let difference = difference(head, target)?;
    let what = What::InPlace(InPlace { before, fate, commit, difference });
    Ok(Restored { subject: Subject::of(address, target.info()), is_dry_run, what })
}

fn difference(head: &Checkpoint, target: &Checkpoint) -> Outcome<Difference> {
    let mut difference = Difference::default();
    for variable in variables_of(target)? {
        let list = match head.find(variable.name())? {
            None => &mut difference.come_back,
            // In one store the same value has the same checksums.
            Some(before) if before.kind() == variable.kind() && before.is_known_equal(&variable) => {
                &mut difference.unchanged
            }
            Some(_) => &mut difference.changed,
        };
        list.push(variable.name().to_owned());
    }
    for variable in variables_of(head)? {
        if target.find(variable.name())?.is_none() {
            difference.vanish.push(variable.name().to_owned());
        }
    }
    Ok(difference)
}
