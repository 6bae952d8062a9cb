//! The table of `log`.

use std::io::{self, Write};
use std::time::SystemTime;

use unicode_width::UnicodeWidthStr;

use super::graph::graph;
use super::table::{Cell, Column, Table};
use crate::cmd::log::{Log, Row};
use crate::histogram::sparkline;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

/// What stands for a tag where the newest commit has none.
const UNTAGGED: &str = "(head)";

/// A curve is no longer than this, and no shorter.
const CURVE_WIDTH: usize = 60;
const CURVE_WIDTH_MIN: usize = 8;

pub(crate) fn log(log: &Log, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    if log.rows.is_empty() {
        return writeln!(out, "no checkpoint yet");
    }
    let mut columns = vec![
        Column::left("", 0),
        Column::left("TAG", 0),
        Column::right("COMMIT", 7),
        Column::left("WHEN", 0),
        Column::left("LOCAL TIME", 5),
        Column::right("VARIABLES", 6),
        Column::right("NEW", 1),
        Column::right("SHARED", 3),
        Column::right("TOTAL", 2),
        Column::left("MADE FROM", 4),
    ];
    // What was asked for by name goes last.
    columns.extend(log.columns.iter().map(|column| Column::right(column, 1)));
    let mut table = Table::new(columns, 1);
    let now = SystemTime::now();
    // A head that only repeats a checkpoint is told by the mark of that one.
    let rows: Vec<&Row> = log.rows.iter().filter(|row| row.repeats.is_none() || ui.is_verbose()).collect();
    let graph = graph(&rows);
    for (i, row) in rows.iter().enumerate() {
        let mark = graph.as_ref().map_or(if row.is_live { "*" } else { "" }, |graph| &graph[i]);
        table.push(cells(log, row, mark, now));
    }
    table.print(ui, out)?;
    curves(log, ui, out)
}

/// A line for each metric: its curve, from which value to which, and the extremes.
pub(super) fn curves(log: &Log, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let name_width = log.plots.iter().map(|name| name.width()).max().unwrap_or(0);
    for name in &log.plots {
        let curve = log.curve(name);
        let present = || curve.iter().flatten().copied();
        let finite = || present().filter(|x| x.is_finite());
        let text = |x: f64| units::significant(x, 4);
        let ends = match (present().next(), present().last()) {
            (Some(first), Some(last)) => format!("{} → {}", text(first), text(last)),
            _ => String::new(),
        };
        let extremes = match (finite().reduce(f64::min), finite().reduce(f64::max)) {
            (Some(least), Some(most)) => format!("  (least {}, most {})", text(least), text(most)),
            _ => String::new(),
        };
        let room = ui.width().unwrap_or(CURVE_WIDTH).saturating_sub(name_width + ends.width() + extremes.width() + 4);
        let line = sparkline(&thinned(&curve, room.clamp(CURVE_WIDTH_MIN, CURVE_WIDTH)));
        let name = format!("{}{:2$}", printable(name), "", name_width - name.width());
        writeln!(
            out,
            "{}  {}  {ends}{}",
            ui.paint(Tone::Heading, &name),
            ui.paint(Tone::Good, &line),
            ui.paint(Tone::Dim, &extremes)
        )?;
    }
    Ok(())
}

/// Of a long curve, the last value of as many stretches as there is room for.
fn thinned(curve: &[Option<f64>], room: usize) -> Vec<Option<f64>> {
    if curve.len() <= room {
        return curve.to_vec();
    }
    (1..=room).map(|i| curve[i * curve.len() / room - 1]).collect()
}

fn cells<'a>(log: &'a Log, row: &'a Row, mark: &'a str, now: SystemTime) -> Vec<Cell<'a>> {
    let (tag, tone) = match &row.tag {
        Some(tag) => (tag.as_str(), Tone::Name),
        None => (UNTAGGED, Tone::Dim),
    };
    let made_from = match (&row.repeats, &row.branches_from) {
        (Some(repeats), _) => format!("= {repeats}"),
        (None, Some(from)) => from.clone(),
        (None, None) => String::new(),
    };
    let mut cells = vec![
        Cell::new(mark, Tone::Good),
        Cell::new(tag, tone),
        Cell::plain(row.number.to_string()),
        Cell::plain(units::ago(row.time, now)),
        Cell::new(units::local(row.time), Tone::Dim),
        Cell::plain(units::count(row.variables)),
        Cell::plain(units::bytes(row.bytes_new)),
        Cell::plain(units::bytes(row.bytes_shared)),
        Cell::plain(units::bytes(row.bytes_total)),
        Cell::plain(made_from),
    ];
    for column in &log.columns {
        let value = row.metadata.as_ref().and_then(|metadata| metadata.get(column));
        cells.push(value.map_or_else(|| Cell::new("-", Tone::Dim), |value| Cell::plain(value.to_string())));
    }
    cells
}
