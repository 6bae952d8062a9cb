//! What `stat` says.

use std::io::{self, Write};

use super::inspect::summary;
use super::table::{Cell, Column, Table};
use crate::cmd::stat::{Contents, Files, Stat, StoreFacts};
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn stat(stat: &Stat, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(vec![Column::left("", 0), Column::left("", 0)], 1);
    let mut row =
        |name: &'static str, text: String| table.push(vec![Cell::new(name, Tone::Heading), Cell::plain(text)]);
    if let Some(store) = &stat.store {
        of_store(store, &mut row);
    }
    if let Some(contents) = &stat.checkpoint {
        of_contents(contents, stat.store.is_some(), &mut row);
    }
    table.print(ui, out)
}

fn of_store(store: &StoreFacts, row: &mut dyn FnMut(&'static str, String)) {
    row("store", store.id.clone().unwrap_or_else(|| "without a checkpoint".to_owned()));
    if let (Some((oldest, from)), Some((newest, to))) = (&store.oldest, &store.newest) {
        let span = match store.checkpoints {
            1 => format!("{newest}, {}", units::local(*to)),
            _ => format!("{oldest} ({}) to {newest} ({})", units::local(*from), units::local(*to)),
        };
        row("checkpoints", format!("{}: {span}", units::count(store.checkpoints)));
    }
    let count: u64 = store.files.iter().map(|files| files.count).sum();
    let bytes: u64 = store.files.iter().map(|files| files.bytes).sum();
    row("on disk", format!("{}, {}", units::bytes(bytes), units::counted(count, "file")));
    for Files { kind, count, bytes } in &store.files {
        row("", format!("{kind} {}, {}", units::bytes(*bytes), units::counted(*count, "file")));
    }
    let shards = store.files.iter().find(|files| files.kind == "shards").map_or(0, |files| files.bytes);
    let saved = 1.0 - shards as f64 / store.bytes_if_apart.max(1) as f64;
    if saved > 0.0005 {
        let apart = units::bytes(store.bytes_if_apart);
        row("sharing", format!("{} saved: checkpoints kept apart would take {apart}", units::percent(saved)));
    }
}

fn of_contents(contents: &Contents, is_newest: bool, row: &mut dyn FnMut(&'static str, String)) {
    let Contents { subject, totals, knows_trainable, dtypes, largest } = contents;
    if !is_newest && subject.format != "varkeep" {
        row("format", subject.format.to_owned());
    }
    let summary = summary(totals, *knows_trainable);
    row(if is_newest { "newest" } else { "checkpoint" }, format!("{}: {summary}", subject.label()));
    for (i, (dtype, variables, bytes)) in dtypes.iter().enumerate() {
        let text = format!("{dtype}: {}, {}", units::counted(*variables, "variable"), units::bytes(*bytes));
        row(if i == 0 { "types" } else { "" }, text);
    }
    for (i, (name, bytes)) in largest.iter().enumerate() {
        let share = units::percent(*bytes as f64 / totals.bytes.max(1) as f64);
        row(if i == 0 { "largest" } else { "" }, format!("{name}: {}, {share}", units::bytes(*bytes)));
    }
}
