//! The table of `diff`.

use std::io::{self, Write};

use super::number;
use super::table::{Cell, Column, Table};
use crate::cmd::diff::{Diff, Differing};
use crate::compare::Change;
use crate::opened::Facts;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn diff(diff: &Diff, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    if ui.is_quiet() {
        return Ok(());
    }
    let mut table = Table::new(
        vec![
            Column::left("", 0),
            Column::left("NAME", 0),
            Column::left("DTYPE", 5),
            Column::left("SHAPE", 4),
            Column::right("CHANGED", 0),
            Column::right("MAX |Δ|", 1),
            Column::left("AT", 3),
            Column::right("REL L2", 2),
            Column::right("COSINE", 3),
            Column::right("NEW NAN", 1),
            Column::right("NEW INF", 1),
            Column::left("OTHERWISE", 1),
        ],
        1,
    );
    for removed in &diff.removed {
        table.push(one_sided("-", removed, Tone::Bad));
    }
    for added in &diff.added {
        table.push(one_sided("+", added, Tone::Good));
    }
    for (a, b) in &diff.renamed {
        table.push(renamed(a, b));
    }
    for differing in &diff.differing {
        table.push(both(differing));
    }
    if ui.is_verbose() {
        for equal in &diff.equal {
            table.push(one_sided("=", equal, Tone::Dim));
        }
    }
    table.print(ui, out)?;
    writeln!(out, "{}", summary(diff))
}

fn row<'a>(mark: &'static str, tone: Tone, facts: &'a Facts) -> Vec<Cell<'a>> {
    vec![
        Cell::new(mark, tone),
        Cell::new(facts.name.as_str(), tone),
        Cell::plain(facts.dtype.name()),
        Cell::plain(units::shape(&facts.shape)),
    ]
}

/// How many cells tell how the values changed.
const CHANGE: usize = 7;

fn renamed<'a>(a: &Facts, b: &'a Facts) -> Vec<Cell<'a>> {
    let mut cells = row(">", Tone::Changed, b);
    cells.extend((0..CHANGE).map(|_| Cell::empty()));
    cells.push(Cell::new(format!("was {}", a.name), Tone::Changed));
    cells
}

fn one_sided<'a>(mark: &'static str, facts: &'a Facts, tone: Tone) -> Vec<Cell<'a>> {
    let mut cells = row(mark, tone, facts);
    cells.extend((0..CHANGE).map(|_| Cell::empty()));
    cells.push(facts.alias_of().map_or_else(Cell::empty, |target| Cell::plain(format!("alias of {target}"))));
    cells
}

fn both(differing: &Differing) -> Vec<Cell<'_>> {
    let mut cells = row("~", Tone::Changed, &differing.b);
    match differing.change.as_ref().filter(|change| change.changed > 0) {
        Some(change) => cells.extend(change_cells(change)),
        None => cells.extend((0..CHANGE).map(|_| Cell::empty())),
    }
    cells.push(Cell::new(otherwise(differing), Tone::Changed));
    cells
}

fn change_cells(change: &Change) -> [Cell<'_>; CHANGE] {
    let count = |count: u64| if count == 0 { Cell::empty() } else { Cell::new(units::count(count), Tone::Bad) };
    [
        Cell::plain(units::percent(change.share())),
        change.max_delta.map_or_else(Cell::empty, |delta| Cell::plain(number(delta))),
        change
            .max_at
            .as_ref()
            .filter(|at| !at.is_empty())
            .map_or_else(Cell::empty, |at| Cell::new(units::shape(at), Tone::Dim)),
        change.l2_relative().map_or_else(Cell::empty, |l2| Cell::plain(units::significant(l2, 3))),
        change.cosine().map_or_else(Cell::empty, |cosine| Cell::plain(cosine_text(cosine))),
        count(change.new_nans),
        count(change.new_infinities),
    ]
}

/// Never 1 for what is not quite.
fn cosine_text(cosine: f64) -> String {
    let text = format!("{cosine:.4}");
    if text == "1.0000" && cosine < 1.0 { ">0.9999".to_owned() } else { text }
}

/// How the form differs.
fn otherwise(differing: &Differing) -> String {
    let Differing { a, b, .. } = differing;
    let mut parts = Vec::new();
    let (dtype, shape) = (a.dtype.name(), units::shape(&a.shape));
    match (differing.is_retyped(), differing.is_reshaped()) {
        (true, true) => parts.push(format!("was {dtype} {shape}")),
        (true, false) => parts.push(format!("was {dtype}")),
        (false, true) => parts.push(format!("was {shape}")),
        (false, false) => {}
    }
    if differing.is_repartitioned() {
        let cut = |facts: &Facts| {
            let slices = facts.partition.as_ref().map(|counts| counts.iter().product::<u64>());
            slices.map_or_else(|| "one piece".to_owned(), |slices| units::counted(slices, "slice"))
        };
        parts.push(format!("{}, was {}", cut(b), cut(a)));
    }
    if differing.is_retargeted() {
        let target =
            |facts: &Facts| facts.alias_of().map_or_else(|| "no alias".to_owned(), |of| format!("alias of {of}"));
        parts.push(format!("{}, was {}", target(b), target(a)));
    }
    parts.join("; ")
}

fn summary(diff: &Diff) -> String {
    let equal = diff.equal.len() as u64;
    let bytes_equal: u64 = diff.equal.iter().map(|facts| facts.bytes).sum();
    let is_exact = diff.tolerance.is_none();
    if diff.is_equal() {
        let how = if is_exact { "equal" } else { "equal within the tolerance" };
        return format!("{how}: {}, {}", units::counted(equal, "variable"), units::bytes(bytes_equal));
    }
    let changed = diff.differing.len() as u64;
    let counts = [
        (diff.removed.len() as u64, "removed"),
        (diff.added.len() as u64, "added"),
        (diff.renamed.len() as u64, "renamed"),
        (changed, "changed"),
        (equal, "equal"),
    ];
    let parts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", units::count(*n))).collect();
    format!("{} ({} against {})", parts.join(", "), diff.b.label(), diff.a.label())
}
