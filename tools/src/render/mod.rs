//! Printing what commands found: [`text`] for people, [`json`] for programs.

pub(crate) mod json;
pub(crate) mod text;
pub(crate) mod units;

use std::io::{self, Write};

use crate::cmd::diff::Diff;
use crate::cmd::export::Exported;
use crate::cmd::import::Imported;
use crate::cmd::inspect::Inspection;
use crate::cmd::log::Log;
use crate::cmd::restore::Restored;
use crate::cmd::show::{Content, Shown};
use crate::cmd::verify::Health;
use crate::failure::Outcome;
use crate::ui::Ui;

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
    import: Imported;
    export: Exported;
}

/// Values are the one answer that can be larger than memory, so they may be read as they are written.
pub(crate) fn show(shown: &Shown, _ui: &Ui, out: &mut dyn Write) -> Outcome<()> {
    match &shown.content {
        Content::Text(text) => writeln!(out, "{text}")?,
        Content::Values(values) => json::show(shown, values, out)?,
        Content::Raw(bytes) => out.write_all(bytes)?,
        Content::RawAll(variable) => text::raw(variable, out)?,
    }
    Ok(())
}
