//! The object of `inspect`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::cmd;
use crate::cmd::tree::{Child, Node};
use crate::histogram::BINS;
use crate::number::Number;
use crate::opened::Kind;
use crate::stats;

#[derive(Serialize)]
struct Inspection<'a> {
    schema: &'static str,
    checkpoint: Subject<'a>,
    pattern: Option<&'a str>,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Scope<'a>>>,
    collections: &'a BTreeMap<String, u64>,
    variables: Vec<Variable<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused<'a>>,
}

/// A name in a file of another format that is no variable.
#[derive(Serialize)]
struct Refused<'a> {
    name: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Totals {
    variables: u64,
    aliases: u64,
    elements: u64,
    elements_trainable: u64,
    bytes: u64,
}

/// A scope of the tree, before those in it.
#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    totals: Totals,
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
    trainable: Option<bool>,
    collections: &'a [String],
    created: u64,
    first_commit: Option<String>,
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
    histogram: Option<Histogram>,
}

#[derive(Serialize)]
struct Histogram {
    edges: Vec<f64>,
    counts: [u64; BINS],
}

impl From<&stats::Stats> for Stats {
    fn from(stats: &stats::Stats) -> Self {
        let (mean, std) = (stats.mean().map(Number::Float), stats.std().map(Number::Float));
        let stats::Stats { min, max, zeros, nans, infinities, .. } = *stats;
        let histogram = stats.histogram.as_ref().and_then(|histogram| {
            Some(Histogram { edges: histogram.bins?.edges().to_vec(), counts: histogram.counts })
        });
        Self { min, max, mean, std, zeros, nans, infinities, histogram }
    }
}

pub(crate) fn inspect(inspection: &cmd::inspect::Inspection, out: &mut dyn Write) -> io::Result<()> {
    let scopes = inspection.tree.as_ref().map(|tree| {
        let mut scopes = Vec::new();
        list(&tree.root, &mut scopes);
        scopes
    });
    let object = Inspection {
        schema: "varkeep.inspect/1",
        checkpoint: (&inspection.subject).into(),
        pattern: inspection.pattern.as_deref(),
        totals: inspection.totals.into(),
        scopes,
        collections: &inspection.collections,
        variables: inspection.rows.iter().map(Variable::from).collect(),
        words: inspection.words.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        refused: inspection.refused.iter().map(|(name, why)| Refused { name, why }).collect(),
    };
    write(&object, out)
}

fn list<'a>(node: &'a Node, into: &mut Vec<Scope<'a>>) {
    for child in &node.children {
        if let Child::Scope(scope) = child {
            into.push(Scope { name: &scope.name, totals: scope.totals.into() });
            list(scope, into);
        }
    }
}

impl From<cmd::inspect::Totals> for Totals {
    fn from(totals: cmd::inspect::Totals) -> Self {
        let cmd::inspect::Totals { variables, aliases, elements, elements_trainable, bytes } = totals;
        Self { variables, aliases, elements, elements_trainable, bytes }
    }
}

impl<'a> From<&'a cmd::inspect::Row> for Variable<'a> {
    fn from(row: &'a cmd::inspect::Row) -> Self {
        let (kind, slice_of, alias_of) = match &row.kind {
            Kind::SliceOf(whole) => ("slice", Some(whole.as_str()), None),
            Kind::AliasOf(target) => ("alias", None, Some(target.as_str())),
            Kind::Partitioned => ("partitioned", None, None),
            Kind::Variable => ("variable", None, None),
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
            dtype: row.dtype.name(),
            shape: &row.shape,
            elements: row.elements,
            bytes: row.bytes,
            trainable: row.trainable,
            collections: &row.collections,
            created: row.ordinal,
            first_commit: row.first_commit.map(|id| id.to_string()),
            partition: row.partition.as_deref(),
            slices: slices.collect(),
            stats: row.stats.as_ref().map(Stats::from),
        }
    }
}
