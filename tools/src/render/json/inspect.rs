//! The object of `inspect`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use varkeep::SavedKind;

use super::{Subject, write};
use crate::cmd;
use crate::number::Number;
use crate::stats;

#[derive(Serialize)]
struct Inspection<'a> {
    schema: &'static str,
    checkpoint: Subject<'a>,
    pattern: Option<&'a str>,
    totals: Totals,
    collections: &'a BTreeMap<String, u64>,
    variables: Vec<Variable<'a>>,
}

#[derive(Serialize)]
struct Totals {
    variables: u64,
    aliases: u64,
    elements: u64,
    elements_trainable: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice_of: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_of: Option<&'a str>,
    dtype: &'static str,
    shape: &'a [u64],
    elements: u64,
    bytes: u64,
    trainable: bool,
    collections: &'a [String],
    first_commit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<&'a [u64]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slices: Vec<Slice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

#[derive(Serialize)]
struct Slice<'a> {
    name: &'a str,
    offset: &'a [u64],
    shape: &'a [u64],
    bytes: u64,
}

#[derive(Serialize)]
struct Stats {
    min: Option<Number>,
    max: Option<Number>,
    mean: Option<Number>,
    std: Option<Number>,
    zeros: u64,
    nans: u64,
    infinities: u64,
}

impl From<&stats::Stats> for Stats {
    fn from(stats: &stats::Stats) -> Self {
        let (mean, std) = (stats.mean().map(Number::Float), stats.std().map(Number::Float));
        let stats::Stats { min, max, zeros, nans, infinities, .. } = *stats;
        Self { min, max, mean, std, zeros, nans, infinities }
    }
}

pub(crate) fn inspect(inspection: &cmd::inspect::Inspection, out: &mut dyn Write) -> io::Result<()> {
    let cmd::inspect::Totals { variables, aliases, elements, elements_trainable, bytes } = inspection.totals;
    let object = Inspection {
        schema: "varkeep.inspect/1",
        checkpoint: (&inspection.subject).into(),
        pattern: inspection.pattern.as_deref(),
        totals: Totals { variables, aliases, elements, elements_trainable, bytes },
        collections: &inspection.collections,
        variables: inspection.rows.iter().map(Variable::from).collect(),
    };
    write(&object, out)
}

impl<'a> From<&'a cmd::inspect::Row> for Variable<'a> {
    fn from(row: &'a cmd::inspect::Row) -> Self {
        let (kind, slice_of, alias_of) = match &row.kind {
            SavedKind::SliceOf(whole) => ("slice", Some(whole.as_str()), None),
            SavedKind::AliasOf(target) => ("alias", None, Some(target.as_str())),
            SavedKind::Whole => ("partitioned", None, None),
            _ => ("variable", None, None),
        };
        let slices = row.slices.iter().map(|slice| Slice {
            name: &slice.name,
            offset: &slice.offset,
            shape: &slice.shape,
            bytes: slice.bytes,
        });
        Self {
            name: &row.name,
            kind,
            slice_of,
            alias_of,
            dtype: row.dtype,
            shape: &row.shape,
            elements: row.elements,
            bytes: row.bytes,
            trainable: row.is_trainable,
            collections: &row.collections,
            first_commit: &row.first_commit,
            partition: row.partition.as_deref(),
            slices: slices.collect(),
            stats: row.stats.as_ref().map(Stats::from),
        }
    }
}
