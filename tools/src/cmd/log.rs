//! `log`: the checkpoints of a store.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use varkeep::CheckpointInfo;

use crate::args;
use crate::cmd::label;
use crate::failure::{Failure, Outcome};
use crate::metadata::Metadata;

/// The checkpoints of a store, newest first.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) store: PathBuf,
    pub(crate) rows: Vec<Row>,
    /// Fields of the metadata that were asked for.
    pub(crate) columns: Vec<String>,
    /// Those to be drawn as curves.
    pub(crate) plots: Vec<String>,
}

/// One commit that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) tag: Option<String>,
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) time: SystemTime,
    pub(crate) variables: u64,
    pub(crate) bytes_new: u64,
    /// Written for earlier ones.
    pub(crate) bytes_shared: u64,
    pub(crate) bytes_total: u64,
    /// The newest commit.
    pub(crate) is_head: bool,
    /// Whether it holds the newest state: the head does, and a checkpoint that the head only repeats.
    pub(crate) is_live: bool,
    /// The checkpoint whose state this one repeats: a restore or a deletion made it.
    pub(crate) repeats: Option<String>,
    /// What it was made from, where that is not the checkpoint before it.
    pub(crate) branches_from: Option<String>,
    pub(crate) metadata: Option<Metadata>,
}

/// All checkpoints of a store.
pub(crate) fn of(store: &Path) -> Outcome<Log> {
    Ok(Log { store: store.to_owned(), rows: rows(&read(store)?), columns: Vec::new(), plots: Vec::new() })
}

fn read(store: &Path) -> Outcome<Vec<CheckpointInfo>> {
    varkeep::checkpoints(store).map_err(|error| {
        let failure = Failure::from(error);
        let looks_tagged = !store.exists() && store.to_string_lossy().contains('@');
        if looks_tagged { failure.hint("`log` lists a whole store: leave out the `@` and the tag") } else { failure }
    })
}

pub(crate) fn run(args: &args::Log) -> Outcome<Log> {
    let infos = read(&args.store)?;
    let log =
        Log { store: args.store.clone(), rows: rows(&infos), columns: args.columns.clone(), plots: args.plot.clone() };
    for field in args.plot.iter().filter(|_| !log.rows.is_empty()) {
        if log.curve(field).iter().all(Option::is_none) {
            return Err(no_numbers(&log, field));
        }
    }
    Ok(log)
}

/// No checkpoint has a number under this name: which there are is worth telling.
fn no_numbers(log: &Log, field: &str) -> Failure {
    let mut known: Vec<String> =
        log.rows.iter().filter_map(|row| row.metadata.as_ref()).flat_map(Metadata::numbers).collect();
    known.sort_unstable();
    known.dedup();
    let failure = Failure::not_found(format!("no checkpoint has a number {field:?} in its metadata"));
    if known.is_empty() { failure } else { failure.hint(format!("there are: {}", known.join(", "))) }
}

impl Row {
    /// How the user would call it.
    pub(crate) fn label(&self) -> String {
        label(self.tag.as_deref(), self.number)
    }
}

impl Log {
    /// A number of the metadata, oldest checkpoint first. What only repeats another checkpoint is left out.
    pub(crate) fn curve(&self, field: &str) -> Vec<Option<f64>> {
        let rows = self.rows.iter().rev().filter(|row| row.repeats.is_none());
        rows.map(|row| row.metadata.as_ref()?.get(field)?.number()).collect()
    }
}

fn label_of(info: &CheckpointInfo) -> String {
    label(info.tag(), info.number())
}

fn rows(infos: &[CheckpointInfo]) -> Vec<Row> {
    let repeated = repeated_by_head(infos);
    let row = |(i, info): (usize, &CheckpointInfo)| {
        let is_head = i == 0;
        // The head that only repeats is no step of the history.
        let before = infos.iter().skip(i + 1).find(|older| older.number() < info.number());
        let parent = info.parent().and_then(|id| infos.iter().find(|other| other.id() == id));
        let branches_from = parent.filter(|parent| Some(parent.id()) != before.map(CheckpointInfo::id));
        Row {
            tag: info.tag().map(str::to_owned),
            number: info.number(),
            id: info.id().to_string(),
            parent: info.parent().map(|id| id.to_string()),
            time: info.time(),
            variables: info.variables(),
            bytes_new: info.bytes_new(),
            bytes_shared: info.bytes_total().saturating_sub(info.bytes_new()),
            bytes_total: info.bytes_total(),
            is_head,
            is_live: is_head && repeated.is_none() || repeated.is_some_and(|other| other.id() == info.id()),
            repeats: repeated.filter(|_| is_head).map(label_of),
            branches_from: branches_from.map(label_of),
            // Metadata of a kind that has no text is no reason not to list the checkpoint.
            metadata: info.metadata().unwrap_or_default(),
        }
    };
    infos.iter().enumerate().map(row).collect()
}

/// The tagged checkpoint whose state an untagged head repeats.
pub(crate) fn repeated_by_head(infos: &[CheckpointInfo]) -> Option<&CheckpointInfo> {
    let (head, others) = infos.split_first()?;
    let repeats = |other: &&CheckpointInfo| head.tag().is_none() && other.tag().is_some() && head.is_known_equal(other);
    // Of several that hold this state, the one it was made from.
    others
        .iter()
        .filter(repeats)
        .find(|other| head.parent() == Some(other.id()))
        .or_else(|| others.iter().find(repeats))
}
