//! The table of `inspect`.

use std::io::{self, Write};

use varkeep::SavedKind;

use super::number;
use super::table::{Cell, Column, Table};
use crate::cmd::inspect::{Inspection, Row, SliceRow};
use crate::number::Number;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn inspect(inspection: &Inspection, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let mut columns = vec![
        Column::left("NAME", 0),
        Column::left("DTYPE", 0),
        Column::left("SHAPE", 0),
        Column::right("BYTES", 7),
        Column::left("TRAIN", 8),
        Column::left("SLICES", 9),
        Column::left("ALIAS OF", 10),
    ];
    if inspection.with_stats {
        columns.extend([
            Column::right("MIN", 3),
            Column::right("MAX", 3),
            Column::right("MEAN", 4),
            Column::right("STD", 5),
            Column::right("ZEROS", 6),
            Column::right("NAN", 1),
            Column::right("INF", 1),
        ]);
    }
    let mut table = Table::new(columns, 0);
    for row in &inspection.rows {
        table.push(cells(row, inspection.with_stats));
        if inspection.with_slices {
            for slice in &row.slices {
                table.push(slice_cells(slice, inspection.with_stats));
            }
        }
    }
    table.print(ui, out)?;
    let totals = &inspection.totals;
    let mut summary = vec![units::counted(totals.variables, "variable")];
    if totals.aliases > 0 {
        summary.push(format!("{} alias{}", totals.aliases, if totals.aliases == 1 { "" } else { "es" }));
    }
    let trainable = match totals.elements_trainable {
        0 => "none trainable".to_owned(),
        all if all == totals.elements => "all trainable".to_owned(),
        some => format!("{} trainable", units::count(some)),
    };
    if totals.elements > 0 {
        summary.push(format!("{} ({trainable})", units::counted(totals.elements, "element")));
    }
    summary.push(units::bytes(totals.bytes));
    writeln!(out, "{}", summary.join(", "))?;
    let collections: Vec<String> = inspection
        .collections
        .iter()
        .map(|(name, members)| format!("{} {members}", super::table::printable(name)))
        .collect();
    if !collections.is_empty() {
        writeln!(out, "{} {}", ui.paint(Tone::Dim, "collections:"), collections.join(", "))?;
    }
    Ok(())
}

fn cells(row: &Row, with_stats: bool) -> Vec<Cell> {
    let alias_of = match &row.kind {
        SavedKind::AliasOf(target) => Some(target.as_str()),
        _ => None,
    };
    let partition = row.partition.as_ref().map(|counts| {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        counts.join("×")
    });
    let mut cells = vec![
        Cell::new(&row.name, if alias_of.is_some() { Tone::Dim } else { Tone::Name }),
        Cell::plain(row.dtype),
        Cell::plain(units::shape(&row.shape)),
        // The bytes of an alias are counted where they are.
        Cell::plain(if alias_of.is_some() { String::new() } else { units::bytes(row.bytes) }),
        Cell::plain(if row.is_trainable { "yes" } else { "" }),
        Cell::plain(partition.unwrap_or_default()),
        Cell::plain(alias_of.unwrap_or_default()),
    ];
    if !with_stats {
        return cells;
    }
    let Some(stats) = &row.stats else {
        cells.extend((0..7).map(|_| Cell::empty()));
        return cells;
    };
    let or_dash = |x: Option<Number>| x.map_or_else(|| Cell::new("-", Tone::Dim), |x| Cell::plain(number(x)));
    cells.extend([stats.min, stats.max, stats.mean().map(Number::Float), stats.std().map(Number::Float)].map(or_dash));
    let share = stats.zeros as f64 / row.elements.max(1) as f64;
    cells.push(Cell::plain(if stats.zeros == 0 { String::new() } else { units::percent(share) }));
    for count in [stats.nans, stats.infinities] {
        cells.push(if count == 0 { Cell::empty() } else { Cell::new(units::count(count), Tone::Bad) });
    }
    cells
}

fn slice_cells(slice: &SliceRow, with_stats: bool) -> Vec<Cell> {
    let mut cells = vec![
        Cell::new(format!("  {}", slice.name), Tone::Dim),
        Cell::empty(),
        Cell::plain(units::shape(&slice.shape)),
        Cell::new(units::bytes(slice.bytes), Tone::Dim),
        Cell::empty(),
        Cell::new(format!("at {}", units::shape(&slice.offset)), Tone::Dim),
        Cell::empty(),
    ];
    if with_stats {
        cells.extend((0..7).map(|_| Cell::empty()));
    }
    cells
}
