//! How cost grows: with the size of the state, with the number of its variables, with the number of checkpoints.

mod chart;
mod checkpoints;
mod size;
mod variables;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::measure::Samples;
use crate::report::{markdown, short};

/// One sweep and the picture of it.
pub(crate) struct Sweep {
    /// The picture's file is named by it.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) disk_bytes: u64,
    pub(crate) run: fn(&Context) -> Result<Growth>,
}

pub(crate) const SWEEPS: &[Sweep] = &[
    Sweep { name: "size", about: "a full durable save of 1 MiB to 4 GiB", disk_bytes: 10 << 30, run: size::run },
    Sweep {
        name: "variables",
        about: "small commits and opening, 1,000 to 1,000,000 variables",
        disk_bytes: 4 << 30,
        run: variables::run,
    },
    Sweep {
        name: "checkpoints",
        about: "saving and opening with 10 to 3,000 checkpoints kept",
        disk_bytes: 1 << 30,
        run: checkpoints::run,
    },
];

/// What a sweep came to: milliseconds over something that grows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) title: String,
    /// What grows, as the axis says it.
    pub(crate) x: String,
    pub(crate) lines: Vec<Line>,
}

/// One thing that costs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// The milliseconds at one place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Growth {
    fn new(title: &str, x: &str, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|name| Line { name: (*name).to_owned(), points: Vec::new() });
        Self { title: title.to_owned(), x: x.to_owned(), lines: lines.collect() }
    }

    /// Adds a point to each line that has samples, which are in seconds.
    fn push(&mut self, x: f64, seconds: &[Samples]) {
        for (line, seconds) in self.lines.iter_mut().zip(seconds).filter(|(_, seconds)| !seconds.0.is_empty()) {
            let milliseconds = seconds.map(|seconds| seconds * 1e3);
            let (median, min, max) = (milliseconds.median(), milliseconds.min(), milliseconds.max());
            line.points.push(Point { x, median, min, max });
        }
    }

    /// The points as a table in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut cells = vec![vec![self.x.clone()]];
        cells[0].extend(self.lines.iter().map(|line| format!("{}, ms", line.name)));
        for Point { x, .. } in self.lines.first().map_or(&[][..], |line| &line.points) {
            let mut places = vec![short(*x)];
            places.extend(self.lines.iter().map(|line| {
                line.points.iter().find(|point| point.x == *x).map_or_else(String::new, |point| {
                    format!("{} ({}…{})", short(point.median), short(point.min), short(point.max))
                })
            }));
            cells.push(places);
        }
        format!("\n{}\n\n{}", self.title, markdown(&cells))
    }

    /// The picture.
    pub(crate) fn svg(&self) -> Result<String> {
        chart::svg(self)
    }
}
