//! The table of `log`.

use std::io::{self, Write};
use std::time::SystemTime;

use super::table::{Cell, Column, Table};
use crate::cmd::log::{Log, Row};
use crate::render::units;
use crate::ui::{Tone, Ui};

/// What stands for a tag where the newest commit has none.
const UNTAGGED: &str = "(head)";

pub(crate) fn log(log: &Log, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    if log.rows.is_empty() {
        return writeln!(out, "no checkpoint yet");
    }
    let mut columns = vec![
        Column::left("", 0),
        Column::left("TAG", 0),
        Column::right("COMMIT", 6),
        Column::left("WHEN", 0),
        Column::left("LOCAL TIME", 4),
        Column::right("VARIABLES", 5),
        Column::right("NEW", 1),
        Column::right("TOTAL", 2),
        Column::left("MADE FROM", 3),
    ];
    // What was asked for by name goes last.
    columns.extend(log.columns.iter().map(|column| Column::right(column, 1)));
    let mut table = Table::new(columns, 1);
    let now = SystemTime::now();
    for row in &log.rows {
        // A head that only repeats a checkpoint is told by the mark of that one.
        if row.repeats.is_none() || ui.is_verbose() {
            table.push(cells(log, row, now));
        }
    }
    table.print(ui, out)
}

fn cells(log: &Log, row: &Row, now: SystemTime) -> Vec<Cell> {
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
        Cell::new(if row.is_live { "*" } else { "" }, Tone::Good),
        Cell::new(tag, tone),
        Cell::plain(row.number.to_string()),
        Cell::plain(units::ago(row.time, now)),
        Cell::new(units::local(row.time), Tone::Dim),
        Cell::plain(units::count(row.variables)),
        Cell::plain(units::bytes(row.bytes_new)),
        Cell::plain(units::bytes(row.bytes_total)),
        Cell::plain(made_from),
    ];
    for column in &log.columns {
        let value = row.metadata.as_ref().and_then(|metadata| metadata.get(column));
        cells.push(value.map_or_else(|| Cell::new("-", Tone::Dim), |value| Cell::plain(value.to_string())));
    }
    cells
}
