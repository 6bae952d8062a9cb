//! `inspect`: the variables of a checkpoint.

use std::collections::{BTreeMap, HashSet};

use varkeep::{Checkpoint, SavedKind, SavedVariable};

use crate::address::Address;
use crate::args;
use crate::cmd::Subject;
use crate::failure::Outcome;
use crate::filter::{Filter, check_found};
use crate::progress::Progress;
use crate::stats::Stats;
use crate::ui::Ui;

/// The variables of a checkpoint that were asked for, by name.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) subject: Subject,
    pub(crate) pattern: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// How many of the rows are in each collection.
    pub(crate) collections: BTreeMap<String, u64>,
    pub(crate) totals: Totals,
    pub(crate) with_stats: bool,
    pub(crate) with_slices: bool,
}

/// Sums over the rows; aliases add nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) variables: u64,
    pub(crate) aliases: u64,
    pub(crate) elements: u64,
    pub(crate) elements_trainable: u64,
    pub(crate) bytes: u64,
}

/// One name.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: SavedKind,
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<u64>,
    pub(crate) elements: u64,
    pub(crate) bytes: u64,
    pub(crate) is_trainable: bool,
    pub(crate) collections: Vec<String>,
    /// Slices along each axis of a partitioned variable.
    pub(crate) partition: Option<Vec<u64>>,
    pub(crate) slices: Vec<SliceRow>,
    /// The commit that first held it.
    pub(crate) first_commit: String,
    pub(crate) stats: Option<Stats>,
}

/// One slice of a partitioned variable.
#[derive(Debug)]
pub(crate) struct SliceRow {
    pub(crate) name: String,
    pub(crate) offset: Vec<u64>,
    pub(crate) shape: Vec<u64>,
    pub(crate) bytes: u64,
}

pub(crate) fn run(args: &args::Inspect, ui: &Ui) -> Outcome<Inspection> {
    let address = Address::parse(&args.checkpoint)?;
    let filter = Filter::new(args.glob.as_deref())?;
    let checkpoint = address.open()?;
    let variables = chosen(&checkpoint, &filter)?;
    check_found(!variables.is_empty(), args.glob.as_deref(), &address.to_string())?;
    let mut rows = Vec::with_capacity(variables.len());
    let total = variables.iter().filter(|variable| has_own_value(variable)).map(SavedVariable::len_bytes).sum();
    let mut progress = Progress::new(ui, "reading", total);
    for variable in &variables {
        let stats = if args.stats && has_own_value(variable) {
            Stats::of(variable, &mut |bytes| progress.advance(bytes))?
        } else {
            None
        };
        rows.push(Row::of(variable, stats));
    }
    drop(progress);
    let mut collections = BTreeMap::new();
    let mut totals = Totals::default();
    for row in &rows {
        if matches!(row.kind, SavedKind::AliasOf(_)) {
            totals.aliases += 1;
            continue;
        }
        totals.variables += 1;
        totals.elements += row.elements;
        totals.elements_trainable += if row.is_trainable { row.elements } else { 0 };
        totals.bytes += row.bytes;
        for collection in &row.collections {
            *collections.entry(collection.clone()).or_insert(0) += 1;
        }
    }
    Ok(Inspection {
        subject: Subject::of(&address, &checkpoint),
        pattern: args.glob.clone(),
        rows,
        collections,
        totals,
        with_stats: args.stats,
        with_slices: args.slices,
    })
}

fn has_own_value(variable: &SavedVariable) -> bool {
    !matches!(variable.kind(), SavedKind::AliasOf(_))
}

/// The variables that match, by name. Slices are part of the partitioned variable they belong to, and are listed by
/// themselves only where that one does not match.
pub(crate) fn chosen(checkpoint: &Checkpoint, filter: &Filter) -> Outcome<Vec<SavedVariable>> {
    let mut chosen = Vec::new();
    let mut covered = HashSet::new();
    for variable in checkpoint.variables("") {
        let variable = variable?;
        if !filter.matches(variable.name()) {
            continue;
        }
        if variable.kind() == SavedKind::Whole {
            covered.extend(variable.slices().into_iter().map(|slice| slice.name));
        }
        chosen.push(variable);
    }
    chosen.retain(|variable| !covered.contains(variable.name()));
    Ok(chosen)
}

impl Row {
    fn of(variable: &SavedVariable, stats: Option<Stats>) -> Self {
        let mut collections = variable.collections().to_vec();
        collections.sort_unstable();
        let pieces = variable.pieces();
        let slices = variable.slices().into_iter().zip(&pieces).map(|(slice, piece)| SliceRow {
            name: slice.name,
            offset: slice.offset,
            shape: slice.shape.sizes().to_vec(),
            bytes: piece.len_bytes(),
        });
        Self {
            name: variable.name().to_owned(),
            kind: variable.kind(),
            dtype: variable.dtype().name(),
            shape: variable.shape().sizes().to_vec(),
            elements: variable.shape().elements(),
            bytes: pieces.iter().map(varkeep::SavedPiece::len_bytes).sum(),
            is_trainable: variable.is_trainable(),
            collections,
            partition: variable.partition_counts().map(<[u64]>::to_vec),
            slices: slices.collect(),
            first_commit: variable.first_commit().to_string(),
            stats,
        }
    }
}
