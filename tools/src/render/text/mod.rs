//! Text for people: tables, and a line that sums up.

mod diff;
mod inspect;
mod interop;
mod log;
mod restore;
mod table;
mod verify;

use std::io::{self, Write};

use varkeep::SavedVariable;

use crate::failure::{Failure, Outcome};
use crate::number::Number;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) use diff::diff;
pub(crate) use inspect::inspect;
pub(crate) use interop::{export, import};
pub(crate) use log::log;
pub(crate) use restore::restore;
pub(crate) use verify::verify;

/// `error: …`, `caused by: …`, `hint: …`.
pub(crate) fn failure(failure: &Failure, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let line = |out: &mut dyn Write, tone, label, text: &str| {
        writeln!(out, "{} {}", ui.paint_err(tone, label), table::printable(text))
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

/// All bytes of a variable, read as they are written; of a partitioned one, put together first.
pub(crate) fn raw(variable: &SavedVariable, out: &mut dyn Write) -> Outcome<()> {
    const BLOCK_BYTES: u64 = varkeep::limits::CHUNK_BYTES_MAX;
    let pieces = variable.pieces();
    let [piece] = &*pieces else {
        out.write_all(variable.tensor()?.bytes())?;
        return Ok(());
    };
    let mut room = Vec::new();
    let mut at = 0;
    while at < piece.len_bytes() {
        room.resize((piece.len_bytes() - at).min(BLOCK_BYTES) as usize, 0);
        piece.read_into(at, &mut room)?;
        out.write_all(&room)?;
        at += room.len() as u64;
    }
    Ok(())
}

/// A number in a few digits; integers in full as long as they are short.
fn number(x: Number) -> String {
    match x {
        Number::Int(x) if x.unsigned_abs() < 10_000_000_000 => x.to_string(),
        x => units::significant(x.to_f64(), 4),
    }
}
