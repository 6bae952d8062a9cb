//! `stat`: what a store or a checkpoint takes, and what it is made of.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use varkeep::{Checkpoint, Which};

use crate::address::Address;
use crate::args;
use crate::cmd::inspect::Totals;
use crate::cmd::log::{self, Log};
use crate::cmd::{Subject, label};
use crate::failure::{Failure, Outcome};
use crate::filter::Filter;
use crate::opened::{Facts, Opened};

/// So many of the largest variables are named.
const LARGEST: usize = 5;

#[derive(Debug)]
pub(crate) struct Stat {
    /// The store as a whole, if no checkpoint of it was asked for.
    pub(crate) store: Option<StoreFacts>,
    /// The checkpoint, or the newest state; nothing of a store without any.
    pub(crate) checkpoint: Option<Contents>,
}

/// A store on the disk.
#[derive(Debug)]
pub(crate) struct StoreFacts {
    pub(crate) path: String,
    pub(crate) id: Option<String>,
    pub(crate) checkpoints: u64,
    pub(crate) oldest: Option<(String, SystemTime)>,
    pub(crate) newest: Option<(String, SystemTime)>,
    /// Bytes of values, if every checkpoint held its own.
    pub(crate) bytes_if_apart: u64,
    /// Files by what they are for.
    pub(crate) files: Vec<Files>,
}

/// Files of one kind.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) kind: &'static str,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// What a checkpoint holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) subject: Subject,
    pub(crate) totals: Totals,
    pub(crate) knows_trainable: bool,
    /// Variables and bytes of each dtype, most bytes first.
    pub(crate) dtypes: Vec<(&'static str, u64, u64)>,
    /// Names and bytes.
    pub(crate) largest: Vec<(String, u64)>,
}

pub(crate) fn run(args: &args::Stat) -> Outcome<Stat> {
    let address = Address::parse(&args.checkpoint)?;
    let mut stat = Stat { store: None, checkpoint: None };
    if address.which == Which::Head && Opened::is_store(&address) {
        let log = log::of(&address.path)?;
        let is_empty = log.rows.is_empty();
        stat.store = Some(StoreFacts::of(&address.path, &log)?);
        if is_empty {
            return Ok(stat);
        }
    }
    let opened = Opened::open(&address)?;
    stat.checkpoint = Some(Contents::of(opened.subject(&address), &opened.facts(&Filter::new(None)?)?));
    Ok(stat)
}

impl StoreFacts {
    fn of(path: &Path, log: &Log) -> Outcome<Self> {
        let rows: Vec<&log::Row> = log.rows.iter().filter(|row| row.repeats.is_none()).collect();
        let named = |row: &&log::Row| (label(row.tag.as_deref(), row.number), row.time);
        let id = match rows.first() {
            Some(row) => Some(Checkpoint::open(path, Which::Number(row.number))?.store_id().to_string()),
            None => None,
        };
        Ok(Self {
            path: path.display().to_string(),
            id,
            checkpoints: rows.len() as u64,
            oldest: rows.last().map(named),
            newest: rows.first().map(named),
            bytes_if_apart: rows.iter().fold(0, |sum, row| sum.saturating_add(row.bytes_total)),
            files: files(path).map_err(|error| Failure::cannot_read(path, &error))?,
        })
    }
}

pub(super) fn files(store: &Path) -> io::Result<Vec<Files>> {
    let mut kinds =
        ["commits", "manifests", "shards", "catalog", "other"].map(|kind| Files { kind, ..Files::default() });
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let base = if name.starts_with("catalog-") { "catalog" } else { &name };
        let at = kinds.iter().position(|files| files.kind == base).unwrap_or(kinds.len() - 1);
        count(&entry.path(), &mut kinds[at])?;
    }
    Ok(kinds.into_iter().filter(|files| files.count > 0).collect())
}

/// Adds a file, or all files of a folder. One that goes while it is looked at is not counted: a trainer may be at work.
fn count(path: &Path, into: &mut Files) -> io::Result<()> {
    let gone = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return gone(error),
    };
    if !metadata.is_dir() {
        into.count += 1;
        into.bytes += metadata.len();
        return Ok(());
    }
    match fs::read_dir(path) {
        Ok(entries) => entries.into_iter().try_for_each(|entry| count(&entry?.path(), into)),
        Err(error) => gone(error),
    }
}

impl Contents {
    fn of(subject: Subject, all: &[Facts]) -> Self {
        let mut totals = Totals::default();
        let mut dtypes: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
        for facts in all {
            totals.add(facts);
            if facts.has_own_value() {
                let (variables, bytes) = dtypes.entry(facts.dtype.name()).or_default();
                *variables += 1;
                *bytes += facts.bytes;
            }
        }
        let mut dtypes: Vec<_> =
            dtypes.into_iter().map(|(name, (variables, bytes))| (name, variables, bytes)).collect();
        dtypes.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
        let mut largest: Vec<&Facts> = all.iter().filter(|facts| facts.bytes_own() > 0).collect();
        largest.sort_by_key(|facts| std::cmp::Reverse(facts.bytes));
        Self {
            subject,
            totals,
            knows_trainable: all.iter().any(|facts| facts.trainable.is_some()),
            dtypes,
            largest: largest.into_iter().take(LARGEST).map(|facts| (facts.name.clone(), facts.bytes)).collect(),
        }
    }
}
