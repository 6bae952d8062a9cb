//! What `prune` says.

use std::io::{self, Write};

use crate::cmd::prune::Pruned;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

pub(crate) fn prune(pruned: &Pruned, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let Pruned { deleted, kept, is_dry_run, .. } = pruned;
    for tag in deleted {
        writeln!(out, "{} {}", ui.paint(Tone::Bad, "-"), printable(tag))?;
    }
    if ui.is_verbose() {
        for tag in kept {
            writeln!(out, "{} {}", ui.paint(Tone::Dim, "="), printable(tag))?;
        }
    }
    let verb = if *is_dry_run { "would delete" } else { "deleted" };
    let count = units::counted(deleted.len() as u64, "checkpoint");
    let stay = units::count(kept.len() as u64);
    write!(out, "{verb} {count}, {stay} stay (kept: {})", printable(&pruned.policy))?;
    if *is_dry_run || deleted.is_empty() {
        writeln!(out)?;
    } else {
        let freed = pruned.bytes_before.saturating_sub(pruned.bytes_after);
        writeln!(out, "; {} freed, {} left", units::bytes(freed), units::bytes(pruned.bytes_after))?;
    }
    if pruned.is_kept && !is_dry_run {
        writeln!(out, "from now on each save deletes what this policy does not keep")?;
    }
    Ok(())
}
