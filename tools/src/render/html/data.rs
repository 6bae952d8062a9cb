//! What the page's script is given.
//!
//! Numbers are rounded to what a picture shows, and lists are kept instead of objects where there are many. A pair of
//! checkpoints `i < j` has the place `j (j - 1) / 2 + i` in a variable's `pairs`; each is `0` (equal, or in neither), a
//! word (`"+"` added, `"-"` removed, `"form"` another dtype or shape, `"~"` changed, no numbers) or a list: share of
//! elements changed, largest difference, length of the change, new NaN, new infinities.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::cmd::report::{Metric, Report};
use crate::number::{Number, whole};
use crate::render::units;
use crate::report::flags::Flag;
use crate::report::series::{Delta, Point, Series};

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    made: String,
    version: &'static str,
    left_out: usize,
    checkpoints: Vec<Checkpoint<'a>>,
    metrics: Vec<Curve<'a>>,
    variables: Vec<Variable<'a>>,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    label: &'a str,
    address: &'a str,
    time: Option<String>,
    variables: u64,
    bytes: u64,
    bytes_new: Option<u64>,
}

#[derive(Serialize)]
struct Curve<'a> {
    name: &'a str,
    labels: &'a [String],
    values: Vec<Rounded>,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    dtype: &'static str,
    shape: &'a [u64],
    elements: u64,
    bytes: u64,
    trainable: bool,
    slices: usize,
    alias_of: Option<&'a str>,
    /// For each checkpoint whether it is there.
    there: Vec<u8>,
    /// For each checkpoint: minimum, maximum, mean, standard deviation, length, zeros, NaN, infinities.
    stats: Vec<Option<Stats>>,
    range: Option<(Rounded, Rounded)>,
    /// For each checkpoint, the height of each bar, 0 to 1000.
    histograms: Vec<Option<Vec<u16>>>,
    pairs: Vec<Pair>,
    flags: Vec<(&'static str, &'a str)>,
}

type Stats = (Rounded, Rounded, Rounded, Rounded, Rounded, u64, u64, u64);

#[derive(Serialize)]
#[serde(untagged)]
enum Pair {
    Nothing(u8),
    Word(&'static str),
    Change(Rounded, Rounded, Rounded, u64, u64),
}

/// A number with five digits; nothing, if it is not finite.
struct Rounded(Option<f64>);

impl Rounded {
    fn of(x: f64) -> Self {
        Self(Some(x))
    }
}

impl Serialize for Rounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.filter(|x| x.is_finite()) {
            None => serializer.serialize_none(),
            Some(x) if x.fract() == 0.0 && x.abs() < 1e15 => serializer.serialize_i64(x as i64),
            Some(x) => serializer.serialize_f64(format!("{x:.4e}").parse().unwrap_or(x)),
        }
    }
}

/// Writes JSON in which nothing can end the element it is in.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let data = Data {
        title: &report.title,
        made: units::rfc3339(report.made),
        version: env!("CARGO_PKG_VERSION"),
        left_out: report.left_out,
        checkpoints: report
            .checkpoints
            .iter()
            .map(|one| Checkpoint {
                label: &one.label,
                address: &one.subject.address,
                time: one.subject.time.map(units::rfc3339),
                variables: one.subject.variables,
                bytes: one.subject.bytes,
                bytes_new: one.bytes_new,
            })
            .collect(),
        metrics: report.metrics.iter().map(Curve::from).collect(),
        variables: report.variables.iter().map(Variable::from).collect(),
    };
    serde_json::to_writer(NoMarkup(out), &data)?;
    Ok(())
}

/// Writes `<` and the like as escapes: names come from files, and the data stand in a page.
struct NoMarkup<'a>(&'a mut dyn Write);

impl Write for NoMarkup<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Outside of strings JSON has none of these.
        let mut start = 0;
        for (i, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                _ => continue,
            };
            self.0.write_all(&bytes[start..i])?;
            self.0.write_all(escape)?;
            start = i + 1;
        }
        self.0.write_all(&bytes[start..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a> From<&'a Metric> for Curve<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self {
            name: &metric.name,
            labels: &metric.labels,
            values: metric.values.iter().map(|value| Rounded(*value)).collect(),
        }
    }
}

impl<'a> From<&'a (Series, Vec<Flag>)> for Variable<'a> {
    fn from((series, flags): &'a (Series, Vec<Flag>)) -> Self {
        let facts = &series.facts;
        let count = series.forms.len();
        let pairs = (1..count).flat_map(|j| (0..j).map(move |i| Pair::from(series.pair(i, j))));
        Self {
            name: &facts.name,
            dtype: facts.dtype.name(),
            shape: &facts.shape,
            elements: facts.elements,
            bytes: facts.bytes_own(),
            trainable: facts.is_trainable(),
            slices: facts.slices.len(),
            alias_of: facts.alias_of(),
            there: series.forms.iter().map(|form| u8::from(form.is_some())).collect(),
            stats: series.points.iter().map(|point| point.as_ref().map(stats)).collect(),
            range: series.range.map(|(low, high)| (Rounded::of(low), Rounded::of(high))),
            histograms: series.points.iter().map(|point| point.as_ref().and_then(bars)).collect(),
            pairs: pairs.collect(),
            flags: flags.iter().map(|flag| (flag.kind.as_str(), flag.what.as_str())).collect(),
        }
    }
}

fn stats(point: &Point) -> Stats {
    let stats = &point.stats;
    let number = |x: Option<Number>| Rounded(x.map(Number::to_f64));
    (
        number(stats.min),
        number(stats.max),
        Rounded(stats.mean()),
        Rounded(stats.std()),
        Rounded(stats.l2()),
        stats.zeros,
        stats.nans,
        stats.infinities,
    )
}

fn bars(point: &Point) -> Option<Vec<u16>> {
    let most = point.histogram.iter().copied().fold(0.0, f64::max);
    (most > 0.0).then(|| {
        // What is there is seen.
        let bar = |count: &f64| if *count > 0.0 { whole((count / most * 1000.0).round()).max(1) as u16 } else { 0 };
        point.histogram.iter().map(bar).collect()
    })
}

impl From<&Delta> for Pair {
    fn from(delta: &Delta) -> Self {
        match delta {
            Delta::Nothing | Delta::Equal => Self::Nothing(0),
            Delta::Added => Self::Word("+"),
            Delta::Removed => Self::Word("-"),
            Delta::Reformed => Self::Word("form"),
            Delta::ChangedOtherwise => Self::Word("~"),
            Delta::Changed(change) => Self::Change(
                Rounded::of(change.share()),
                Rounded(change.max_delta.map(Number::to_f64)),
                Rounded(change.l2_delta()),
                change.new_nans,
                change.new_infinities,
            ),
        }
    }
}
