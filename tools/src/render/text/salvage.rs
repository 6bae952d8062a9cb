//! What `salvage` says.

use std::io::{self, Write};

use crate::cmd::salvage::Salvaged;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn salvage(salvaged: &Salvaged, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    for tag in &salvaged.report.copied {
        writeln!(out, "{} {}", ui.paint(Tone::Good, "+"), printable(tag))?;
    }
    for (label, damaged) in &salvaged.left {
        let why = match damaged {
            None => "cannot be opened".to_owned(),
            Some(names) => format!("{} damaged", units::counted(names.len() as u64, "name")),
        };
        writeln!(out, "{} {}: {why}", ui.paint(Tone::Bad, "-"), printable(label))?;
    }
    let copied = units::counted(salvaged.report.copied.len() as u64, "checkpoint");
    let left = salvaged.left.len() as u64;
    let size = units::bytes(salvaged.report.bytes_new);
    writeln!(out, "copied {copied} to {}, {size}; {} left behind", printable(&salvaged.to), units::count(left))?;
    if left > 0 {
        ui.note(&format!("what still reads of those can be shown and exported from {}", salvaged.store));
    }
    Ok(())
}
