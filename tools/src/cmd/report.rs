//! `report`: a page with pictures, in one file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use varkeep::Which;

use crate::address::Address;
use crate::args;
use crate::cmd::Subject;
use crate::cmd::log::{self, Log};
use crate::failure::{Failure, Outcome};
use crate::filter::{Filter, check_found};
use crate::metadata::Metadata;
use crate::opened::{Facts, Opened};
use crate::parallel;
use crate::progress::Progress;
use crate::report::flags::{self, Flag};
use crate::report::series::{self, Series};
use crate::ui::Ui;

/// Unless told otherwise, a page shows no more checkpoints than this,
const CHECKPOINTS_MAX: usize = 24;

/// reads no more than this to compare all of them,
const BYTES_MAX: u64 = 16 << 30;

/// and holds no more comparisons of one variable in one pair of checkpoints than this.
const COMPARISONS_MAX: u64 = 100_000;

/// What a page shows.
#[derive(Debug)]
pub(crate) struct Report {
    /// What it is of.
    pub(crate) title: String,
    pub(crate) made: SystemTime,
    /// Oldest first.
    pub(crate) checkpoints: Vec<Shown>,
    /// How many there are in the store that the page does not show.
    pub(crate) left_out: usize,
    /// Numbers of the metadata of all checkpoints of the store, oldest first.
    pub(crate) metrics: Vec<Metric>,
    pub(crate) variables: Vec<(Series, Vec<Flag>)>,
    pub(crate) path: PathBuf,
}

/// A checkpoint on the page.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) subject: Subject,
    pub(crate) label: String,
    pub(crate) bytes_new: Option<u64>,
}

/// A curve.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) values: Vec<Option<f64>>,
}

pub(crate) fn run(args: &args::Report, ui: &Ui) -> Outcome<Report> {
    let addresses: Vec<Address> = args.checkpoints.iter().map(|text| Address::parse(text)).collect::<Outcome<_>>()?;
    let filter = Filter::new(args.only.as_deref())?;
    let whole_store = match &*addresses {
        [one] if one.which == Which::Head && Opened::is_store(one) => Some(log::of(&one.path)?),
        _ => None,
    };
    let (chosen, left_out) = match &whole_store {
        Some(log) => choose(&addresses[0], log, args.at_most, &filter)?,
        None => (addresses.clone(), 0),
    };
    let opened: Vec<Opened> = chosen.iter().map(Opened::open).collect::<Outcome<_>>()?;
    let checkpoints: Vec<Shown> = chosen
        .iter()
        .zip(&opened)
        .map(|(address, one)| Shown::of(one.subject(address), whole_store.as_ref()))
        .collect();
    let (mut names, mut chunk_bytes_max, mut bytes) = (BTreeSet::new(), 0, 0);
    for one in &opened {
        for facts in one.facts(&filter)? {
            chunk_bytes_max = chunk_bytes_max.max(facts.chunk_bytes);
            bytes += facts.bytes_own();
            names.insert(facts.name);
        }
    }
    let place = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    check_found(!names.is_empty(), args.only.as_deref(), &place)?;
    let names: Vec<String> = names.into_iter().collect();
    let labels: Vec<String> = checkpoints.iter().map(|one| one.label.clone()).collect();
    let mut progress = Progress::new(ui, "reading", names.len() as u64 * (bytes / names.len() as u64).max(1));
    let each = (bytes / names.len() as u64).max(1);
    let threads = series::threads(opened.len(), chunk_bytes_max);
    let read = |name: &String, (): &mut ()| Series::read(name, &opened);
    let all = parallel::map(threads, &names, read, &mut |_| progress.advance(each))?;
    drop(progress);
    let variables = all.into_iter().map(|series| {
        let flags = flags::of(&series, &labels);
        (series, flags)
    });
    Ok(Report {
        title: title_of(&addresses),
        made: SystemTime::now(),
        variables: variables.collect(),
        checkpoints,
        left_out,
        metrics: whole_store.as_ref().map(metrics).unwrap_or_default(),
        path: args.output.clone().unwrap_or_else(|| default_path(&addresses[0].path)),
    })
}

fn title_of(addresses: &[Address]) -> String {
    let mut paths: Vec<String> = addresses.iter().map(|one| one.path.display().to_string()).collect();
    paths.dedup();
    paths.join(", ")
}

fn default_path(path: &Path) -> PathBuf {
    let name = path.file_stem().map_or_else(|| "report".into(), |stem| stem.to_string_lossy().into_owned());
    PathBuf::from(format!("{name}.html"))
}

/// The checkpoints of a store that the page shows, oldest first: the newest and the oldest, and others evenly between.
fn choose(store: &Address, log: &Log, wanted: Option<usize>, filter: &Filter) -> Outcome<(Vec<Address>, usize)> {
    let rows: Vec<&log::Row> = log.rows.iter().rev().filter(|row| row.repeats.is_none()).collect();
    let Some(newest) = rows.last() else {
        return Err(Failure::not_found(format!("there is no checkpoint yet, in {}", store.path.display()))
            .hint("save one first"));
    };
    let address = |row: &log::Row| Address { path: store.path.clone(), which: Which::Number(row.number) };
    let most = match wanted {
        Some(0) => return Err(Failure::usage("a page without a checkpoint shows nothing")),
        Some(wanted) => wanted,
        None => {
            let facts = Opened::open(&address(newest))?.facts(filter)?;
            let variables = facts.len().max(1) as u64;
            let bytes = facts.iter().map(Facts::bytes_own).sum::<u64>().max(1);
            let by_size = (BYTES_MAX / bytes) as usize;
            let by_number = (2 * COMPARISONS_MAX / variables).isqrt() as usize;
            CHECKPOINTS_MAX.min(by_size).min(by_number).max(2)
        }
    };
    let count = rows.len().min(most);
    let chosen = (0..count).map(|i| rows[if count == 1 { rows.len() - 1 } else { i * (rows.len() - 1) / (count - 1) }]);
    Ok((chosen.map(address).collect(), rows.len() - count))
}

fn metrics(log: &Log) -> Vec<Metric> {
    let rows: Vec<&log::Row> = log.rows.iter().rev().filter(|row| row.repeats.is_none()).collect();
    let mut names: Vec<String> = Vec::new();
    for name in rows.iter().filter_map(|row| row.metadata.as_ref()).flat_map(Metadata::numbers) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let labels: Vec<String> = rows.iter().map(|row| row.label()).collect();
    let metric = |name: String| Metric { values: log.curve(&name), labels: labels.clone(), name };
    names.into_iter().map(metric).collect()
}

impl Shown {
    fn of(subject: Subject, log: Option<&Log>) -> Self {
        let row = log.and_then(|log| log.rows.iter().find(|row| Some(row.number) == subject.number));
        Self {
            label: if log.is_some() { subject.label() } else { subject.address.clone() },
            bytes_new: row.map(|row| row.bytes_new),
            subject,
        }
    }
}
