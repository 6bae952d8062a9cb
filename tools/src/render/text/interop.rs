//! What `import` and `export` say.

use std::io::{self, Write};

use varkeep::interop::Note;

use crate::cmd::export::Exported;
use crate::cmd::import::Imported;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn import(imported: &Imported, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let Imported { from, format, store, tag, report } = imported;
    notes(&report.notes, ui);
    let bytes = units::bytes(report.save.bytes_new + report.save.bytes_shared);
    writeln!(
        out,
        "imported {} of {} ({format}) into {} as {}, commit {}: {bytes} now, {} written",
        units::counted(report.variables, "variable"),
        printable(from),
        printable(store),
        ui.paint(Tone::Name, tag),
        report.save.number,
        units::bytes(report.save.bytes_new),
    )
}

pub(crate) fn export(exported: &Exported, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let Exported { from, format, report } = exported;
    notes(&report.notes, ui);
    let (variables, bytes) = (units::counted(report.variables, "variable"), units::bytes(report.bytes));
    writeln!(out, "exported {variables} of {} as {format}, {bytes}:", printable(from))?;
    for file in &report.files {
        writeln!(out, "  {}", printable(&file.display().to_string()))?;
    }
    Ok(())
}

/// What is otherwise on the other side: no part of the answer, so not on standard output.
fn notes(notes: &[Note], ui: &Ui) {
    for note in notes {
        ui.note(&format!("note: {}", printable(&note.to_string())));
    }
}
