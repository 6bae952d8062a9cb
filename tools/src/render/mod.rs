//! Printing what commands found: [`text`] for people, [`json`] for programs, [`values`] for programs of others.

pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod text;
pub(crate) mod units;
mod values;

use std::io::{self, Write};

use crate::cmd::diff::Diff;
use crate::cmd::export::Exported;
use crate::cmd::import::Imported;
use crate::cmd::inspect::Inspection;
use crate::cmd::log::Log;
use crate::cmd::prune::Pruned;
use crate::cmd::report::Report;
use crate::cmd::restore::Restored;
use crate::cmd::salvage::Salvaged;
use crate::cmd::show::{Content, Shown};
use crate::cmd::stat::Stat;
use crate::cmd::verify::Health;
use crate::cmd::watch::View;
use crate::failure::Outcome;
use crate::ui::Ui;

/// A page, and how many bytes it has.
pub(crate) type Written = (Report, u64);

macro_rules! renderers {
    ($( $name:ident: $type:ty; )+) => { $(
        pub(crate) fn $name(data: &$type, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
            if ui.is_json() { json::$name(data, out) } else { text::$name(data, ui, out) }
        }
    )+ };
}

renderers! {
    log: Log;
    inspect: Inspection;
    diff: Diff;
    restore: Restored;
    verify: Health;
    report: Written;
    stat: Stat;
    prune: Pruned;
    salvage: Salvaged;
    import: Imported;
    export: Exported;
}

/// Values are the one answer that can be larger than memory, so most are read as they are written.
pub(crate) fn show(shown: &Shown, out: &mut dyn Write) -> Outcome<()> {
    match &shown.content {
        Content::Text(text) => Ok(writeln!(out, "{text}")?),
        Content::Json(selection) => json::show(shown, selection, out),
        Content::Csv(selection) => values::csv(selection, &shown.sizes, out),
        Content::Npy(selection) => values::npy(selection, &shown.sizes, out),
        Content::Raw(selection) => values::raw(selection, out),
    }
}

/// Shows a store that is watched; `lines` says how much of the terminal the view before took, and then this one.
pub(crate) fn watch(view: &View, store: &str, lines: &mut usize, ui: &Ui, out: &mut dyn Write) -> Outcome<()> {
    if ui.is_json() {
        return Ok(json::watch(view, out)?);
    }
    *lines = text::watch(view, store, *lines, ui, out)?;
    Ok(())
}
