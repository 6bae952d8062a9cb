//! `inspect`: the variables of a checkpoint.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use crate::address::Address;
use crate::args::{self, SortKey};
use crate::cmd::Subject;
use crate::cmd::tree::Tree;
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};
use crate::number::Number;
use crate::opened::{Facts, Opened};
use crate::progress::Progress;
use crate::stats::{self, Stats};
use crate::ui::Ui;

/// The variables of a checkpoint that were asked for.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one part whether it is shown")]
pub(crate) struct Inspection {
    pub(crate) subject: Subject,
    pub(crate) pattern: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// The scopes of the rows, if the tree was asked for.
    pub(crate) tree: Option<Tree>,
    /// How many of the rows are in each collection.
    pub(crate) collections: BTreeMap<String, u64>,
    pub(crate) totals: Totals,
    /// What a file of another format says of itself.
    pub(crate) words: Vec<(String, String)>,
    /// Names in it that cannot be read as variables, with why.
    pub(crate) refused: Vec<(String, String)>,
    /// Whether it is recorded which variables are trained.
    pub(crate) knows_trainable: bool,
    pub(crate) with_stats: bool,
    pub(crate) with_slices: bool,
    pub(crate) with_collections: bool,
}

/// Sums over variables; aliases add nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    facts: Facts,
    pub(crate) stats: Option<Stats>,
}

impl Deref for Row {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

pub(crate) fn run(args: &args::Inspect, ui: &Ui) -> Outcome<Inspection> {
    let address = Address::parse(&args.checkpoint)?;
    let filter = Filter::new(args.glob.as_deref())?;
    let with_stats = args.stats || args.sort.is_some_and(SortKey::needs_stats);
    let opened = Opened::open(&address)?;
    let collection = args.collection.as_deref();
    let place = address.to_string();
    let found = |is_any: bool| check_found(is_any, args.glob.as_deref(), &place);
    let mut rows: Vec<Row> = if with_stats {
        let mut items = opened.items(&filter)?;
        found(!items.is_empty())?;
        keep_collection(&mut items, collection)?;
        let mut progress = Progress::new(ui, "reading", stats::bytes_to_read(&items));
        let stats = stats::of_all(&items, &mut |bytes| progress.advance(bytes))?;
        items.into_iter().zip(stats).map(|(item, stats)| Row { facts: item.into_facts(), stats }).collect()
    } else {
        let mut all = opened.facts(&filter)?;
        found(!all.is_empty())?;
        keep_collection(&mut all, collection)?;
        all.into_iter().map(|facts| Row { facts, stats: None }).collect()
    };
    if let Some(key) = args.sort {
        rows.sort_by(|a, b| key.compare(a, b).then_with(|| a.name.cmp(&b.name)));
    }
    if args.reverse {
        rows.reverse();
    }
    let mut lists: HashMap<Arc<[String]>, u64> = HashMap::new();
    let mut totals = Totals::default();
    for row in &rows {
        totals.add(row);
        if row.alias_of().is_none() {
            *lists.entry(Arc::clone(&row.collections)).or_insert(0) += 1;
        }
    }
    let mut collections = BTreeMap::new();
    for (list, variables) in lists {
        for collection in &*list {
            *collections.entry(collection.clone()).or_insert(0) += variables;
        }
    }
    let tree = args.tree.then(|| Tree::of(&rows, args.sort, args.reverse, args.depth));
    let (words, refused) = opened.remarks();
    Ok(Inspection {
        words,
        refused,
        knows_trainable: rows.iter().any(|row| row.trainable.is_some()),
        subject: opened.subject(&address),
        pattern: args.glob.clone(),
        rows,
        tree,
        collections,
        totals,
        with_stats,
        with_slices: args.slices,
        with_collections: args.collection.is_some() || ui.is_verbose(),
    })
}

/// Leaves those in a collection; that there are none is a mistake, and there are others to choose from.
fn keep_collection<T: AsRef<Facts>>(all: &mut Vec<T>, collection: Option<&str>) -> Outcome<()> {
    let Some(collection) = collection else { return Ok(()) };
    let known: BTreeSet<&String> = all.iter().flat_map(|one| one.as_ref().collections.iter()).collect();
    if !known.iter().any(|name| *name == collection) {
        let failure = Failure::not_found(format!("no variable is in a collection {collection:?}"));
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        return Err(if known.is_empty() { failure } else { failure.hint(format!("there are: {}", known.join(", "))) });
    }
    all.retain(|one| one.as_ref().collections.iter().any(|name| name == collection));
    Ok(())
}

impl Totals {
    pub(crate) fn add(&mut self, row: &Facts) {
        if row.alias_of().is_some() {
            self.aliases += 1;
            return;
        }
        self.variables += 1;
        self.elements += row.elements;
        self.elements_trainable += if row.is_trainable() { row.elements } else { 0 };
        self.bytes += row.bytes;
    }
}

impl SortKey {
    fn needs_stats(self) -> bool {
        !matches!(self, Self::Name | Self::Bytes | Self::Elements | Self::Created)
    }

    /// Names and the order of creation ascend; of everything else the most comes first, and what has none last.
    fn compare(self, a: &Row, b: &Row) -> Ordering {
        let of_stats = |pick: &dyn Fn(&Stats) -> Option<f64>| {
            let key = |row: &Row| row.stats.as_ref().and_then(pick).unwrap_or(f64::NEG_INFINITY);
            key(b).total_cmp(&key(a))
        };
        match self {
            Self::Name => Ordering::Equal,
            Self::Bytes => b.bytes_own().cmp(&a.bytes_own()),
            Self::Elements => b.elements.cmp(&a.elements),
            Self::Created => a.ordinal.cmp(&b.ordinal),
            Self::Min => of_stats(&|stats| stats.min.map(Number::to_f64)),
            Self::Max => of_stats(&|stats| stats.max.map(Number::to_f64)),
            Self::Mean => of_stats(&Stats::mean),
            Self::Std => of_stats(&Stats::std),
            Self::Zeros => of_stats(&|stats| Some(stats.zeros as f64)),
            Self::Nan => of_stats(&|stats| Some((stats.nans + stats.infinities) as f64)),
        }
    }
}
