//! What `report` says.

use std::io::{self, Write};

use crate::printable::printable;
use crate::render::{Written, units};
use crate::ui::{Tone, Ui};

pub(crate) fn report((report, bytes): &Written, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let path = printable(&report.path.display().to_string());
    let of = format!(
        "{}, {}, {}",
        units::counted(report.checkpoints.len() as u64, "checkpoint"),
        units::counted(report.variables.len() as u64, "name"),
        units::bytes(*bytes)
    );
    writeln!(out, "wrote {}: {of}; open it in a browser", ui.paint(Tone::Name, &path))?;
    for (series, flags) in &report.variables {
        for flag in flags {
            let kind = ui.paint(Tone::Bad, &format!("{}:", flag.kind.as_str()));
            writeln!(out, "{kind} {}: {}", printable(&series.facts.name), flag.what)?;
        }
    }
    if report.left_out > 0 {
        let count = units::counted(report.left_out as u64, "other checkpoint");
        ui.note(&format!("{count} between these can be shown with --checkpoints"));
    }
    Ok(())
}
