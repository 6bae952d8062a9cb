//! `inspect`: the variables of a checkpoint.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::address::Address;
use crate::args::{self, SortKey};
use crate::cmd::Subject;
use crate::cmd::tree::Tree;
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};
use crate::number::Number;
use crate::opened::{Item, Kind, Opened, SliceFacts};
use crate::progress::Progress;
use crate::stats::{self, Stats};
use crate::ui::Ui;

/// The variables of a checkpoint that were asked for.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) subject: Subject,
    pub(crate) pattern: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// The scopes of the rows, if the tree was asked for.
    pub(crate) tree: Option<Tree>,
    /// How many of the rows are in each collection.
    pub(crate) collections: BTreeMap<String, u64>,
    pub(crate) totals: Totals,
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
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<u64>,
    pub(crate) elements: u64,
    pub(crate) bytes: u64,
    pub(crate) is_trainable: bool,
    pub(crate) collections: Vec<String>,
    /// Slices along each axis of a partitioned variable.
    pub(crate) partition: Option<Vec<u64>>,
    pub(crate) slices: Vec<SliceFacts>,
    pub(crate) ordinal: u64,
    /// The commit that first held it.
    pub(crate) first_commit: Option<String>,
    pub(crate) stats: Option<Stats>,
}

pub(crate) fn run(args: &args::Inspect, ui: &Ui) -> Outcome<Inspection> {
    let address = Address::parse(&args.checkpoint)?;
    let filter = Filter::new(args.glob.as_deref())?;
    let with_stats = args.stats || args.sort.is_some_and(SortKey::needs_stats);
    let opened = Opened::open(&address)?;
    let mut items = opened.items(&filter)?;
    check_found(!items.is_empty(), args.glob.as_deref(), &address.to_string())?;
    if let Some(collection) = &args.collection {
        items = in_collection(items, collection)?;
    }
    let mut stats: Vec<Option<Stats>> = Vec::new();
    if with_stats {
        let mut progress = Progress::new(ui, "reading", stats::bytes_to_read(&items));
        stats = stats::of_all(&items, &mut |bytes| progress.advance(bytes))?;
    }
    let mut stats = stats.into_iter();
    let mut rows: Vec<Row> = items.into_iter().map(|item| Row::of(item, stats.next().flatten())).collect();
    if let Some(key) = args.sort {
        rows.sort_by(|a, b| key.compare(a, b).then_with(|| a.name.cmp(&b.name)));
    }
    if args.reverse {
        rows.reverse();
    }
    let mut collections = BTreeMap::new();
    let mut totals = Totals::default();
    for row in &rows {
        totals.add(row);
        if row.alias_of().is_none() {
            for collection in &row.collections {
                *collections.entry(collection.clone()).or_insert(0) += 1;
            }
        }
    }
    let tree = args.tree.then(|| Tree::of(&rows, args.sort, args.reverse, args.depth));
    Ok(Inspection {
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

/// Those in a collection; that there are none is a mistake, and there are others to choose from.
fn in_collection(items: Vec<Item>, collection: &str) -> Outcome<Vec<Item>> {
    let mut known: Vec<String> = items.iter().flat_map(|item| item.collections.clone()).collect();
    known.sort_unstable();
    known.dedup();
    if !known.iter().any(|name| name == collection) {
        let failure = Failure::not_found(format!("no variable is in a collection {collection:?}"));
        return Err(match known.is_empty() {
            true => failure,
            false => failure.hint(format!("there are: {}", known.join(", "))),
        });
    }
    Ok(items.into_iter().filter(|item| item.collections.iter().any(|name| name == collection)).collect())
}

impl Totals {
    pub(crate) fn add(&mut self, row: &Row) {
        if row.alias_of().is_some() {
            self.aliases += 1;
            return;
        }
        self.variables += 1;
        self.elements += row.elements;
        self.elements_trainable += if row.is_trainable { row.elements } else { 0 };
        self.bytes += row.bytes;
    }
}

impl Row {
    fn of(item: Item, stats: Option<Stats>) -> Self {
        let dtype = item.dtype.name();
        let Item { name, kind, shape, elements, bytes, is_trainable, collections, partition, slices, .. } = item;
        let (ordinal, first_commit) = (item.ordinal, item.first_commit);
        Self {
            name,
            kind,
            dtype,
            shape,
            elements,
            bytes,
            is_trainable,
            collections,
            partition,
            slices,
            ordinal,
            first_commit,
            stats,
        }
    }

    pub(crate) fn alias_of(&self) -> Option<&str> {
        match &self.kind {
            Kind::AliasOf(target) => Some(target),
            _ => None,
        }
    }

    /// The bytes it adds to a total.
    pub(crate) fn bytes_own(&self) -> u64 {
        if self.alias_of().is_some() { 0 } else { self.bytes }
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
