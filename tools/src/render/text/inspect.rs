//! The table of `inspect`, flat or as a tree.

use std::borrow::Cow;
use std::io::{self, Write};

use super::number;
use super::table::{Cell, Column, Table};
use crate::cmd::inspect::{Inspection, Row, Totals};
use crate::cmd::tree::{Child, Node};
use crate::histogram::Histogram;
use crate::number::Number;
use crate::opened::SliceFacts;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn inspect(inspection: &Inspection, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(columns(inspection), 0);
    match &inspection.tree {
        Some(tree) => Branches { inspection, table: &mut table }.children(&tree.root, "", false),
        None => {
            for row in &inspection.rows {
                table.push(cells(row, row.name.as_str(), inspection));
                if inspection.with_slices {
                    for slice in &row.slices {
                        table.push(slice_cells(slice, inspection.with_stats));
                    }
                }
            }
        }
    }
    table.print(ui, out)?;
    writeln!(out, "{}", summary(&inspection.totals, inspection.knows_trainable))?;
    let collections: Vec<String> =
        inspection.collections.iter().map(|(name, members)| format!("{} {members}", printable(name))).collect();
    if !collections.is_empty() {
        writeln!(out, "{} {}", ui.paint(Tone::Dim, "collections:"), collections.join(", "))?;
    }
    for (key, value) in &inspection.words {
        writeln!(out, "{} {}", ui.paint(Tone::Dim, &format!("{}:", printable(key))), printable(value))?;
    }
    for (name, why) in &inspection.refused {
        writeln!(out, "{} {}: {}", ui.paint(Tone::Bad, "no variable:"), printable(name), printable(why))?;
    }
    Ok(())
}

fn columns(inspection: &Inspection) -> Vec<Column> {
    let mut columns = vec![
        Column::left("NAME", 0),
        Column::left("DTYPE", 1),
        Column::left("SHAPE", 0),
        Column::right("BYTES", if inspection.tree.is_some() { 0 } else { 8 }),
        Column::right("SHARE", 9),
        Column::left("TRAIN", 10),
        Column::left("SLICES", 11),
        Column::left("ALIAS OF", 12),
        Column::left("COLLECTIONS", 13),
    ];
    if inspection.with_stats {
        columns.extend([
            Column::right("MIN", 4),
            Column::right("MAX", 4),
            Column::right("MEAN", 5),
            Column::right("STD", 6),
            Column::right("ZEROS", 7),
            Column::right("NAN", 2),
            Column::right("INF", 2),
            Column::left("HISTOGRAM", 3),
        ]);
    }
    columns
}

/// How many cells statistics take.
const STATS: usize = 8;

pub(super) fn summary(totals: &Totals, knows_trainable: bool) -> String {
    let mut summary = vec![units::counted(totals.variables, "variable")];
    if totals.aliases > 0 {
        summary.push(format!("{} alias{}", totals.aliases, if totals.aliases == 1 { "" } else { "es" }));
    }
    let elements = units::counted(totals.elements, "element");
    let trainable = match totals.elements_trainable {
        0 => "none trainable".to_owned(),
        all if all == totals.elements => "all trainable".to_owned(),
        some => format!("{} trainable", units::count(some)),
    };
    if totals.elements > 0 {
        summary.push(if knows_trainable { format!("{elements} ({trainable})") } else { elements });
    }
    summary.push(units::bytes(totals.bytes));
    summary.join(", ")
}

/// Puts scopes and variables into a table, with the lines of the tree before their names.
struct Branches<'a, 'b> {
    inspection: &'b Inspection,
    table: &'a mut Table<'b>,
}

impl<'b> Branches<'_, 'b> {
    fn children(&mut self, node: &'b Node, before: &str, is_inner: bool) {
        for (i, child) in node.children.iter().enumerate() {
            let is_last = i + 1 == node.children.len();
            let (twig, below) = match (is_inner, is_last) {
                (false, _) => ("", ""),
                (true, true) => ("└─ ", "   "),
                (true, false) => ("├─ ", "│  "),
            };
            match child {
                Child::Variable(row) => {
                    let row = &self.inspection.rows[*row];
                    let own = row.name.rsplit('/').next().unwrap_or_default();
                    self.table.push(cells(row, format!("{before}{twig}{own}"), self.inspection));
                }
                Child::Scope(scope) => {
                    self.scope(scope, &format!("{before}{twig}"));
                    self.children(scope, &format!("{before}{below}"), true);
                }
            }
        }
    }

    fn scope(&mut self, scope: &'b Node, before: &str) {
        let Totals { variables, aliases, bytes, .. } = scope.totals;
        let own = scope.name.rsplit('/').next().unwrap_or_default();
        let more = if scope.is_cut { "…" } else { "" };
        let mut cells = vec![
            Cell::new(format!("{before}{own}/{more}"), Tone::Heading),
            Cell::empty(),
            Cell::new(units::counted(variables + aliases, "name"), Tone::Dim),
            Cell::new(units::bytes(bytes), Tone::Heading),
            Cell::new(share(bytes, &self.inspection.totals), Tone::Heading),
        ];
        let rest = 4 + if self.inspection.with_stats { STATS } else { 0 };
        cells.extend((0..rest).map(|_| Cell::empty()));
        self.table.push(cells);
    }
}

fn share(bytes: u64, totals: &Totals) -> String {
    if totals.bytes == 0 { String::new() } else { units::percent(bytes as f64 / totals.bytes as f64) }
}

fn cells<'a>(row: &'a Row, name: impl Into<Cow<'a, str>>, inspection: &Inspection) -> Vec<Cell<'a>> {
    let alias_of = row.alias_of();
    let partition =
        row.partition.as_ref().map(|counts| counts.iter().map(u64::to_string).collect::<Vec<_>>().join("×"));
    let has_share = inspection.tree.is_some() && alias_of.is_none();
    let mut cells = vec![
        Cell::new(name, if alias_of.is_some() { Tone::Dim } else { Tone::Name }),
        Cell::plain(row.dtype.name()),
        Cell::plain(units::shape(&row.shape)),
        // The bytes of an alias are counted where they are.
        Cell::plain(if alias_of.is_some() { String::new() } else { units::bytes(row.bytes) }),
        Cell::new(if has_share { share(row.bytes, &inspection.totals) } else { String::new() }, Tone::Dim),
        Cell::plain(if row.is_trainable() { "yes" } else { "" }),
        Cell::plain(partition.unwrap_or_default()),
        Cell::plain(alias_of.unwrap_or_default()),
        Cell::new(if inspection.with_collections { row.collections.join(", ") } else { String::new() }, Tone::Dim),
    ];
    if !inspection.with_stats {
        return cells;
    }
    let Some(stats) = &row.stats else {
        cells.extend((0..STATS).map(|_| Cell::empty()));
        return cells;
    };
    let or_dash = |x: Option<Number>| x.map_or_else(|| Cell::new("-", Tone::Dim), |x| Cell::plain(number(x)));
    cells.extend([stats.min, stats.max, stats.mean().map(Number::Float), stats.std().map(Number::Float)].map(or_dash));
    let share = stats.zeros as f64 / row.elements.max(1) as f64;
    cells.push(Cell::plain(if stats.zeros == 0 { String::new() } else { units::percent(share) }));
    for count in [stats.nans, stats.infinities] {
        cells.push(if count == 0 { Cell::empty() } else { Cell::new(units::count(count), Tone::Bad) });
    }
    cells.push(Cell::new(stats.histogram.as_ref().map(Histogram::bars).unwrap_or_default(), Tone::Good));
    cells
}

fn slice_cells(slice: &SliceFacts, with_stats: bool) -> Vec<Cell<'_>> {
    let mut cells = vec![
        Cell::new(format!("  {}", slice.name), Tone::Dim),
        Cell::empty(),
        Cell::plain(units::shape(&slice.shape)),
        Cell::new(units::bytes(slice.bytes), Tone::Dim),
        Cell::empty(),
        Cell::empty(),
        Cell::new(format!("at {}", units::shape(&slice.offset)), Tone::Dim),
    ];
    let rest = 2 + if with_stats { STATS } else { 0 };
    cells.extend((0..rest).map(|_| Cell::empty()));
    cells
}
