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

pub(crate) fn log(log: &cmd::log::Log, out: &mut dyn Write) -> io::Result<()> {
    let checkpoints = log.rows.iter().map(|row| Checkpoint {
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
    });
    let checkpoints = checkpoints.collect();
    write(&Log { schema: "varkeep.log/1", store: log.store.display().to_string(), checkpoints }, out)
}
