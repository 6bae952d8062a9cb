//! What `watch` shows: the table of `log` in place on a terminal, and elsewhere a line for each new checkpoint.

use std::io::{self, Write};

use super::log::log;
use crate::cmd::log::Log;
use crate::cmd::watch::View;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

/// How many lines are drawn besides the rows of the table.
const LINES_BESIDES: usize = 4;

/// Shows a view; gives how many lines of it the next one will take the place of. `before` is that of the one before.
pub(crate) fn watch(view: &View, store: &str, before: usize, ui: &Ui, out: &mut dyn Write) -> io::Result<usize> {
    if !ui.writes_to_terminal() {
        return lines(view, out).map(|()| 0);
    }
    let mut text: Vec<u8> = Vec::new();
    match &view.log {
        None => writeln!(text, "no store at {} yet", printable(store))?,
        Some(whole) => {
            let room = ui.height().saturating_sub(LINES_BESIDES + whole.plots.len()).max(3);
            let rows = whole.rows.iter().take(room).cloned().collect();
            // Curves are of all checkpoints, rows of the newest.
            let shown = Log { store: whole.store.clone(), rows, columns: whole.columns.clone(), plots: Vec::new() };
            log(&shown, &ui.without_notes(), &mut text)?;
            super::log::curves(whole, ui, &mut text)?;
            let more = whole.rows.len() - shown.rows.len();
            if more > 0 {
                writeln!(text, "{}", ui.paint(Tone::Dim, &format!("and {} before", units::count(more as u64))))?;
            }
        }
    }
    writeln!(text, "{}", ui.paint(Tone::Dim, &format!("{} · Ctrl-C ends", units::local(view.now))))?;
    if before > 0 {
        write!(out, "\x1b[{before}F\x1b[J")?;
    }
    out.write_all(&text)?;
    out.flush()?;
    Ok(String::from_utf8_lossy(&text).lines().count())
}

/// The checkpoints that are new, oldest first.
fn lines(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let Some(log) = &view.log else { return Ok(()) };
    let is_new = |number: u64| view.seen.is_none_or(|seen| number > seen);
    for row in log.rows.iter().rev().filter(|row| is_new(row.number) && row.repeats.is_none()) {
        let fields = log.columns.iter().chain(&log.plots).map(|field| {
            let value = row.metadata.as_ref().and_then(|metadata| metadata.get(field));
            format!("  {field} {}", value.map_or_else(|| "-".to_owned(), ToString::to_string))
        });
        let fields: String = fields.collect();
        let new = units::bytes(row.bytes_new);
        writeln!(out, "{}  {}  {new} new{}", units::local(row.time), row.label(), printable(&fields))?;
    }
    out.flush()
}
