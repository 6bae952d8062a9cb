//! The object of `stat`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::cmd;
use crate::render::units;

#[derive(Serialize)]
struct Stat<'a> {
    schema: &'static str,
    store: Option<Store<'a>>,
    checkpoint: Option<Contents<'a>>,
}

#[derive(Serialize)]
struct Store<'a> {
    path: &'a str,
    id: Option<&'a str>,
    checkpoints: u64,
    oldest: Option<String>,
    newest: Option<String>,
    bytes_if_apart: u64,
    files: Vec<Files>,
}

#[derive(Serialize)]
struct Files {
    kind: &'static str,
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Contents<'a> {
    checkpoint: Subject<'a>,
    variables: u64,
    aliases: u64,
    elements: u64,
    elements_trainable: Option<u64>,
    bytes: u64,
    dtypes: Vec<DType>,
    largest: Vec<Largest<'a>>,
}

#[derive(Serialize)]
struct DType {
    dtype: &'static str,
    variables: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Largest<'a> {
    name: &'a str,
    bytes: u64,
}

pub(crate) fn stat(stat: &cmd::stat::Stat, out: &mut dyn Write) -> io::Result<()> {
    let store = stat.store.as_ref().map(|store| Store {
        path: &store.path,
        id: store.id.as_deref(),
        checkpoints: store.checkpoints,
        oldest: store.oldest.as_ref().map(|(_, time)| units::rfc3339(*time)),
        newest: store.newest.as_ref().map(|(_, time)| units::rfc3339(*time)),
        bytes_if_apart: store.bytes_if_apart,
        files: store
            .files
            .iter()
            .map(|cmd::stat::Files { kind, count, bytes }| Files { kind, count: *count, bytes: *bytes })
            .collect(),
    });
    let checkpoint = stat.checkpoint.as_ref().map(|contents| {
        let totals = contents.totals;
        let dtypes = contents.dtypes.iter();
        Contents {
            checkpoint: (&contents.subject).into(),
            variables: totals.variables,
            aliases: totals.aliases,
            elements: totals.elements,
            elements_trainable: contents.knows_trainable.then_some(totals.elements_trainable),
            bytes: totals.bytes,
            dtypes: dtypes
                .map(|(dtype, variables, bytes)| DType { dtype, variables: *variables, bytes: *bytes })
                .collect(),
            largest: contents.largest.iter().map(|(name, bytes)| Largest { name, bytes: *bytes }).collect(),
        }
    });
    write(&Stat { schema: "varkeep.stat/1", store, checkpoint }, out)
}
