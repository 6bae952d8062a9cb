//! The object of `log`.

use std::io::{self, Write};

use serde::Serialize;

use super::write;
use crate::cmd;
use crate::metadata::Metadata;
use crate::render::units;

#[derive(Serialize)]
struct Log<'a> {
    schema: &'static str,
    store: String,
    checkpoints: Vec<Checkpoint<'a>>,
}

/// One line of `watch`.
#[derive(Serialize)]
struct Saved<'a> {
    schema: &'static str,
    checkpoint: Checkpoint<'a>,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    tag: Option<&'a str>,
    commit: u64,
    id: &'a str,
    parent: Option<&'a str>,
    time: String,
    variables: u64,
    bytes_new: u64,
    bytes_shared: u64,
    bytes_total: u64,
    is_head: bool,
    is_live: bool,
    repeats: Option<&'a str>,
    branches_from: Option<&'a str>,
    metadata: Option<&'a Metadata>,
}

impl<'a> From<&'a cmd::log::Row> for Checkpoint<'a> {
    fn from(row: &'a cmd::log::Row) -> Self {
        Self {
            tag: row.tag.as_deref(),
            commit: row.number,
            id: &row.id,
            parent: row.parent.as_deref(),
            time: units::rfc3339(row.time),
            variables: row.variables,
            bytes_new: row.bytes_new,
            bytes_shared: row.bytes_shared,
            bytes_total: row.bytes_total,
            is_head: row.is_head,
            is_live: row.is_live,
            repeats: row.repeats.as_deref(),
            branches_from: row.branches_from.as_deref(),
            metadata: row.metadata.as_ref(),
        }
    }
}

pub(crate) fn log(log: &cmd::log::Log, out: &mut dyn Write) -> io::Result<()> {
    let checkpoints = log.rows.iter().map(Checkpoint::from).collect();
    write(&Log { schema: "varkeep.log/1", store: log.store.display().to_string(), checkpoints }, out)
}

/// An object for each checkpoint that is new since the view before, oldest first.
pub(crate) fn watch(view: &cmd::watch::View, out: &mut dyn Write) -> io::Result<()> {
    let rows = view.log.iter().flat_map(|log| log.rows.iter().rev());
    for row in rows.filter(|row| view.seen.is_none_or(|seen| row.number > seen) && row.repeats.is_none()) {
        write(&Saved { schema: "varkeep.watch/1", checkpoint: row.into() }, out)?;
    }
    out.flush()
}
