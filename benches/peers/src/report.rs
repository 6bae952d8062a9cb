//! What a case comes to, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::measure::Samples;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn holds_for(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {}", short(*bound)),
            Self::AtMost(bound) => write!(f, "<= {}", short(*bound)),
        }
    }
}

/// What is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// 10⁹ bytes each second; samples are bytes each second.
    GigabytesPerSecond,
    /// Samples are each second.
    PerSecond,
    /// Samples are in seconds.
    Milliseconds,
    /// Samples are in bytes.
    Mebibytes,
    /// Samples are what they are.
    Times,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::GigabytesPerSecond => "GB/s",
            Self::PerSecond => "1/s",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Times => "×",
        }
    }

    /// A sample in this unit.
    fn of(self, sample: f64) -> f64 {
        match self {
            Self::GigabytesPerSecond => sample / 1e9,
            Self::Milliseconds => sample * 1e3,
            Self::Mebibytes => sample / f64::from(1 << 20),
            Self::PerSecond | Self::Times => sample,
        }
    }
}

/// Another figure that belongs to a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: Unit,
}

/// A row as programs read it: medians in `unit`, the ratio of the medians, what must hold of the ratio (or of `ours`, if there is no
/// peer), and whether it does; null where there is nothing to say.
#[derive(Serialize)]
struct Line<'a> {
    case: &'a str,
    ours: f64,
    theirs: Option<f64>,
    peer: Option<&'a str>,
    ratio: Option<f64>,
    unit: &'static str,
    bar: Option<String>,
    holds: Option<bool>,
    ours_range: [f64; 2],
    theirs_range: Option<[f64; 2]>,
    samples: usize,
    figures: BTreeMap<String, f64>,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    case: String,
    unit: Unit,
    ours: Samples,
    theirs: Option<(String, Samples)>,
    /// For the ratio if there is a peer, else for our own figure in `unit`.
    bar: Option<Bar>,
    figures: Vec<Figure>,
}

impl Row {
    pub(crate) fn new(case: impl Into<String>, unit: Unit, ours: Samples) -> Self {
        Self { case: case.into(), unit, ours, theirs: None, bar: None, figures: Vec::new() }
    }

    pub(crate) fn against(mut self, peer: impl Into<String>, theirs: Samples) -> Self {
        self.theirs = Some((peer.into(), theirs));
        self
    }

    pub(crate) fn bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    pub(crate) fn figure(mut self, name: impl Into<String>, unit: Unit, sample: f64) -> Self {
        self.figures.push(Figure { name: name.into(), value: unit.of(sample), unit });
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.theirs.as_ref().map(|(_, theirs)| self.ours.median() / theirs.median())
    }

    /// Whether the bar holds; `None` without a bar, or if the run is not at the bar's scale.
    fn holds(&self, is_full_scale: bool) -> Option<bool> {
        let value = self.ratio().unwrap_or_else(|| self.unit.of(self.ours.median()));
        self.bar.filter(|_| is_full_scale).map(|bar| bar.holds_for(value))
    }

    /// One line of JSON.
    pub(crate) fn json(&self, is_full_scale: bool) -> Result<String> {
        let range = |samples: &Samples| [self.unit.of(samples.min()), self.unit.of(samples.max())];
        let theirs = self.theirs.as_ref().map(|(_, theirs)| theirs);
        let line = Line {
            case: &self.case,
            ours: self.unit.of(self.ours.median()),
            theirs: theirs.map(|theirs| self.unit.of(theirs.median())),
            peer: self.theirs.as_ref().map(|(peer, _)| peer.as_str()),
            ratio: self.ratio(),
            unit: self.unit.name(),
            bar: self.bar.map(|bar| bar.to_string()),
            holds: self.holds(is_full_scale),
            ours_range: range(&self.ours),
            theirs_range: theirs.map(range),
            samples: self.ours.0.len(),
            figures: self.figures.iter().map(|f| (format!("{} [{}]", f.name, f.unit.name()), f.value)).collect(),
        };
        Ok(serde_json::to_string(&line)?)
    }

    fn cells(&self, is_full_scale: bool) -> [String; 7] {
        let (peer, theirs) = match &self.theirs {
            Some((peer, samples)) => (peer.clone(), self.with_range(samples)),
            None => (String::new(), String::new()),
        };
        let holds = match (self.bar, self.holds(is_full_scale)) {
            (None, _) => "",
            (_, None) => "not judged",
            (_, Some(true)) => "yes",
            (_, Some(false)) => "NO",
        };
        [
            self.case.clone(),
            self.with_range(&self.ours),
            theirs,
            peer,
            self.ratio().map_or_else(String::new, short),
            self.bar.map_or_else(String::new, |bar| bar.to_string().replace(">=", "≥").replace("<=", "≤")),
            holds.to_owned(),
        ]
    }

    fn with_range(&self, samples: &Samples) -> String {
        let figure = |sample| short(self.unit.of(sample));
        let median = format!("{} {}", figure(samples.median()), self.unit.name());
        if samples.0.len() == 1 {
            return median;
        }
        format!("{median} ({}…{})", figure(samples.min()), figure(samples.max()))
    }
}

/// The rows as a table in Markdown, and their other figures below it.
pub(crate) fn table(rows: &[Row], is_full_scale: bool) -> String {
    let mut cells = vec![["case", "varkeep", "peer", "who", "ratio", "bar", "holds"].map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| row.cells(is_full_scale).to_vec()));
    let mut text = markdown(&cells);
    for row in rows.iter().filter(|row| !row.figures.is_empty()) {
        let figures: Vec<_> =
            row.figures.iter().map(|f| format!("{} {} {}", f.name, short(f.value), f.unit.name())).collect();
        text.extend(["\n- ", &row.case, ": ", &figures.join("; ")]);
    }
    text.push('\n');
    text
}

/// A table in Markdown that is aligned as plain text too; the first line is its head.
pub(crate) fn markdown(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |i: usize| lines.iter().map(|cells| cells[i].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = String::new();
    for cells in lines.iter().take(1).chain([&rule]).chain(lines.iter().skip(1)) {
        for (cell, width) in cells.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count());
            text.extend(["| ", cell, &padding, " "]);
        }
        text.push_str("|\n");
    }
    text
}

/// A figure to three digits.
pub(crate) fn short(value: f64) -> String {
    let digits = value.abs().log10().floor();
    if !digits.is_finite() {
        return value.to_string();
    }
    let decimals = (2.0 - digits).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { grouped(&text) }
}

/// Thousands apart.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let texts = [0.001_234_5, 0.9, 1.0, 12.345, 999.6, 1_234_567.0, 0.0].map(short);
        assert_eq!(texts, ["0.00123", "0.9", "1", "12.3", "1,000", "1,234,567", "0"]);
    }

    #[test]
    fn a_bar_is_for_the_ratio_where_there_is_a_peer_and_is_judged_at_its_own_scale_only() {
        let row = Row::new("x", Unit::Milliseconds, Samples::one(0.002)).bar(Bar::AtMost(1.5));
        assert_eq!(row.holds(true), Some(false));
        let row = row.against("y", Samples::one(0.004));
        assert_eq!((row.ratio(), row.holds(true), row.holds(false)), (Some(0.5), Some(true), None));
        let json: serde_json::Value = serde_json::from_str(&row.json(true).unwrap()).unwrap();
        assert_eq!((&json["ours"], &json["bar"], &json["holds"]), (&2.0.into(), &"<= 1.5".into(), &true.into()));
    }
}
