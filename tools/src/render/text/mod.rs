//! Text for people: tables, and a line that sums up.

mod diff;
mod graph;
mod inspect;
mod interop;
mod log;
mod prune;
mod report;
mod restore;
mod salvage;
mod stat;
mod table;
mod verify;
mod watch;

use std::io::{self, Write};

use crate::failure::Failure;
use crate::number::Number;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) use diff::diff;
pub(crate) use inspect::inspect;
pub(crate) use interop::{export, import};
pub(crate) use log::log;
pub(crate) use prune::prune;
pub(crate) use report::report;
pub(crate) use restore::restore;
pub(crate) use salvage::salvage;
pub(crate) use stat::stat;
pub(crate) use verify::verify;
pub(crate) use watch::watch;

/// `error: …`, `caused by: …`, `hint: …`.
pub(crate) fn failure(failure: &Failure, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let line = |out: &mut dyn Write, tone, label, text: &str| {
        writeln!(out, "{} {}", ui.paint_err(tone, label), printable(text))
    };
    line(out, Tone::Bad, "error:", &failure.message)?;
    for cause in &failure.causes {
        line(out, Tone::Dim, "caused by:", cause)?;
    }
    match &failure.hint {
        Some(hint) => line(out, Tone::Good, "hint:", hint),
        None => Ok(()),
    }
}

/// A number in a few digits; integers in full as long as they are short.
fn number(x: Number) -> String {
    match x {
        Number::Int(x) if x.unsigned_abs() < 10_000_000_000 => x.to_string(),
        x => units::significant(x.to_f64(), 4),
    }
}
