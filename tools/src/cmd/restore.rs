//! `restore`: a checkpoint becomes the newest state of its store, or a new store.

use std::path::{Path, PathBuf};

use varkeep::{Checkpoint, CheckpointInfo, SavedKind, SavedVariable, Store, Which};

use crate::address::Address;
use crate::args;
use crate::cmd::log::repeated_by_head;
use crate::cmd::{Subject, inspect, label};
use crate::failure::{Failure, Outcome};
use crate::filter::Filter;

/// What a restore did, or would do.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) subject: Subject,
    pub(crate) is_dry_run: bool,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    InPlace(InPlace),
    NewStore { path: PathBuf, tag: String, bytes: u64 },
}

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

/// What becomes of the newest state before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is the state asked for.
    Same,
    /// It stays under this tag.
    Kept(String),
    /// It had no tag and is gone.
    Lost,
}

/// Variables of the newest state before against those of the checkpoint. Aliases are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) unchanged: u64,
    pub(crate) changed: u64,
    pub(crate) come_back: u64,
    pub(crate) vanish: u64,
}

pub(crate) fn run(args: &args::Restore) -> Outcome<Restored> {
    let address = Address::parse(&args.checkpoint)?;
    match &args.to {
        Some(path) => copy(&address, path, args.dry_run),
        None => in_place(&address, args),
    }
}

fn copy(address: &Address, path: &Path, is_dry_run: bool) -> Outcome<Restored> {
    let checkpoint = address.open()?;
    let subject = Subject::of(address, &checkpoint);
    let tag = subject.tag.clone().unwrap_or_else(|| format!("commit-{}", subject.number));
    let mut bytes = subject.bytes;
    if !is_dry_run {
        bytes = checkpoint.copy_to(path, &tag)?.bytes_new;
    } else if path.read_dir().map_or_else(|_| path.exists(), |mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("there is something at {} already", path.display()))
            .hint("give a path where nothing is yet"));
    }
    Ok(Restored { subject, is_dry_run, what: What::NewStore { path: path.to_owned(), tag, bytes } })
}

fn in_place(address: &Address, args: &args::Restore) -> Outcome<Restored> {
    if address.which == Which::Head {
        return Err(Failure::usage(format!("{address} does not say which checkpoint is to be restored")).hint(
            format!(
                "write {address}@TAG; `varkeep log {address}` lists the tags; or copy the newest state with `--to DIR`"
            ),
        ));
    }
    if args.dry_run {
        let infos = varkeep::checkpoints(&address.path)?;
        let target = address.open()?;
        let head = Checkpoint::open(&address.path, Which::Head)?;
        let fate = fate(address, &infos, target.info(), args)?;
        let what = What::InPlace(InPlace {
            before: subject_of(address, head.info()),
            difference: difference(&head, &target)?,
            fate,
            commit: None,
        });
        return Ok(Restored { subject: Subject::of(address, &target), is_dry_run: true, what });
    }
    let store = Store::options().create(false).open(&address.path).map_err(|error| {
        let is_busy = error.kind() == varkeep::ErrorKind::StoreInUse;
        let failure = Failure::from(error);
        if is_busy {
            failure.hint("stop the program that writes to it, or restore into a new store with `--to DIR`")
        } else {
            failure
        }
    })?;
    // Nobody else changes the store from here on.
    let infos = store.checkpoints()?;
    let target = store.checkpoint(address.which.clone())?;
    let head = store.checkpoint(Which::Head)?;
    let fate = fate(address, &infos, target.info(), args)?;
    let before = subject_of(address, head.info());
    let difference = difference(&head, &target)?;
    let mut commit = None;
    if fate != Fate::Same {
        if let (Some(tag), None) = (&args.keep, head.info().tag()) {
            store.save(tag)?;
        }
        store.restore(address.which.clone())?;
        commit = Some(store.commit()?.number);
    }
    let what = What::InPlace(InPlace { before, fate, commit, difference });
    Ok(Restored { subject: Subject::of(address, &target), is_dry_run: false, what })
}

fn subject_of(address: &Address, info: &CheckpointInfo) -> Subject {
    Subject::new(Address { path: address.path.clone(), which: Which::Head }.to_string(), info)
}

/// What becomes of the newest state; refuses to lose it unless told to.
fn fate(address: &Address, infos: &[CheckpointInfo], target: &CheckpointInfo, args: &args::Restore) -> Outcome<Fate> {
    let Some(head) = infos.first() else { return Ok(Fate::Same) };
    if head.is_known_equal(target) {
        return Ok(Fate::Same);
    }
    if let Some(kept) = head.tag().or_else(|| repeated_by_head(infos).and_then(CheckpointInfo::tag)) {
        return Ok(Fate::Kept(kept.to_owned()));
    }
    match &args.keep {
        Some(tag) => Ok(Fate::Kept(tag.clone())),
        None if args.force => Ok(Fate::Lost),
        None => Err(Failure::would_lose(format!(
            "the newest state, {}, has no tag and would be lost, in {}",
            label(None, head.number()),
            address.path.display()
        ))
        .hint("keep it under a tag with `--keep TAG`, or give it up with `--force`")),
    }
}

fn difference(head: &Checkpoint, target: &Checkpoint) -> Outcome<Difference> {
    let all = Filter::new(None)?;
    let mut difference = Difference::default();
    let is_alias = |variable: &SavedVariable| matches!(variable.kind(), SavedKind::AliasOf(_));
    for variable in inspect::chosen(target, &all)?.into_iter().filter(|variable| !is_alias(variable)) {
        match head.find(variable.name())? {
            None => difference.come_back += 1,
            // In one store the same value has the same checksums.
            Some(before) if before.kind() == variable.kind() && before.is_known_equal(&variable) => {
                difference.unchanged += 1;
            }
            Some(_) => difference.changed += 1,
        }
    }
    for variable in inspect::chosen(head, &all)?.into_iter().filter(|variable| !is_alias(variable)) {
        difference.vanish += u64::from(target.find(variable.name())?.is_none());
    }
    Ok(difference)
}
