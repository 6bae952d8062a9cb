//! The object of `diff`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::cmd;
use crate::compare;
use crate::number::{Number, serialize_float};
use crate::opened;

#[derive(Serialize)]
struct Diff<'a> {
    schema: &'static str,
    equal: bool,
    a: Subject<'a>,
    b: Subject<'a>,
    pattern: Option<&'a str>,
    rtol: f64,
    atol: f64,
    counts: Counts,
    bytes_read: u64,
    added: Vec<Facts<'a>>,
    removed: Vec<Facts<'a>>,
    renamed: Vec<Renamed<'a>>,
    changed: Vec<Differing<'a>>,
}

#[derive(Serialize)]
struct Counts {
    added: usize,
    removed: usize,
    renamed: usize,
    changed: usize,
    equal: usize,
}

#[derive(Serialize)]
struct Facts<'a> {
    name: &'a str,
    dtype: &'static str,
    shape: &'a [u64],
    bytes: u64,
    partition: Option<&'a [u64]>,
    alias_of: Option<&'a str>,
}

#[derive(Serialize)]
struct Renamed<'a> {
    a: Facts<'a>,
    b: Facts<'a>,
}

#[derive(Serialize)]
struct Differing<'a> {
    name: &'a str,
    how: Vec<&'static str>,
    a: Facts<'a>,
    b: Facts<'a>,
    values: Option<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    elements: u64,
    changed: u64,
    #[serde(serialize_with = "serialize_float")]
    share: f64,
    max_delta: Option<Number>,
    max_at: Option<&'a [u64]>,
    l2_delta: Option<Number>,
    l2_relative: Option<Number>,
    cosine: Option<f64>,
    new_nans: u64,
    new_infinities: u64,
}

impl<'a> From<&'a opened::Facts> for Facts<'a> {
    fn from(facts: &'a opened::Facts) -> Self {
        Self {
            name: &facts.name,
            dtype: facts.dtype.name(),
            shape: &facts.shape,
            bytes: facts.bytes,
            partition: facts.partition.as_deref(),
            alias_of: facts.alias_of(),
        }
    }
}

impl<'a> From<&'a compare::Change> for Change<'a> {
    fn from(change: &'a compare::Change) -> Self {
        Self {
            elements: change.elements,
            changed: change.changed,
            share: change.share(),
            max_delta: change.max_delta,
            max_at: change.max_at.as_deref(),
            l2_delta: change.l2_delta().map(Number::Float),
            l2_relative: change.l2_relative().map(Number::Float),
            cosine: change.cosine(),
            new_nans: change.new_nans,
            new_infinities: change.new_infinities,
        }
    }
}

impl<'a> From<&'a cmd::diff::Differing> for Differing<'a> {
    fn from(differing: &'a cmd::diff::Differing) -> Self {
        let how = [
            (differing.is_retyped(), "dtype"),
            (differing.is_reshaped(), "shape"),
            (differing.is_repartitioned(), "partition"),
            (differing.is_retargeted(), "alias"),
            (differing.is_changed(), "values"),
        ];
        Self {
            name: &differing.b.name,
            how: how.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect(),
            a: (&differing.a).into(),
            b: (&differing.b).into(),
            values: differing.change.as_ref().map(Change::from),
        }
    }
}

pub(crate) fn diff(diff: &cmd::diff::Diff, out: &mut dyn Write) -> io::Result<()> {
    let object = Diff {
        schema: "varkeep.diff/1",
        equal: diff.is_equal(),
        a: (&diff.a).into(),
        b: (&diff.b).into(),
        pattern: diff.pattern.as_deref(),
        rtol: diff.tolerance.relative,
        atol: diff.tolerance.absolute,
        counts: Counts {
            added: diff.added.len(),
            removed: diff.removed.len(),
            renamed: diff.renamed.len(),
            changed: diff.differing.len(),
            equal: diff.equal.len(),
        },
        bytes_read: diff.bytes_read,
        added: diff.added.iter().map(Facts::from).collect(),
        removed: diff.removed.iter().map(Facts::from).collect(),
        renamed: diff.renamed.iter().map(|(a, b)| Renamed { a: a.into(), b: b.into() }).collect(),
        changed: diff.differing.iter().map(Differing::from).collect(),
    };
    write(&object, out)
}
