//! Tables that fit the terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::{is_printable, printable};
use crate::ui::{Tone, Ui};

const GAP: &str = "  ";

/// A column that may be squeezed keeps at least this.
const SQUEEZED_MIN: usize = 16;

/// On which side the cells of a column line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    heading: String,
    align: Align,
    /// Where there is no room, the column with the highest rank goes first; one of rank 0 stays.
    rank: u8,
}

impl Column {
    pub(super) fn left(heading: impl Into<String>, rank: u8) -> Self {
        Self { heading: heading.into(), align: Align::Left, rank }
    }

    pub(super) fn right(heading: impl Into<String>, rank: u8) -> Self {
        Self { heading: heading.into(), align: Align::Right, rank }
    }
}

/// One cell.
#[derive(Clone, Debug)]
pub(super) struct Cell<'a> {
    text: Cow<'a, str>,
    tone: Tone,
}

impl<'a> Cell<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>, tone: Tone) -> Self {
        let text = text.into();
        Self { text: if is_printable(&text) { text } else { printable(&text).into() }, tone }
    }

    pub(super) fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(text, Tone::Plain)
    }

    pub(super) fn empty() -> Self {
        Self::plain("")
    }
}

/// Rows under headings. A column without a single text is left out.
#[derive(Debug)]
pub(super) struct Table<'a> {
    columns: Vec<Column>,
    /// Which column gives way first where there is no room.
    squeezed: usize,
    rows: Vec<Vec<Cell<'a>>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(columns: Vec<Column>, squeezed: usize) -> Self {
        Self { columns, squeezed, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Vec<Cell<'a>>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Prints the table. What had to be left out is said beside it.
    pub(super) fn print(&self, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|i| self.natural_width(i)).collect();
        let mut left_out = self.fit(&mut widths, ui.width());
        let headings: Vec<Cell<'_>> =
            self.columns.iter().map(|column| Cell::new(column.heading.as_str(), Tone::Heading)).collect();
        if self.columns.iter().any(|column| !column.heading.trim().is_empty()) {
            self.print_row(&headings, &widths, ui, out)?;
        }
        for row in &self.rows {
            self.print_row(row, &widths, ui, out)?;
        }
        if !left_out.is_empty() {
            left_out.sort_unstable();
            let headings: Vec<&str> = left_out.iter().map(|i| self.columns[*i].heading.as_str()).collect();
            ui.note(&format!("(no room for {}: see --width and --json)", headings.join(", ")));
        }
        Ok(())
    }

    fn natural_width(&self, column: usize) -> usize {
        let widest = self.rows.iter().map(|row| width_of(&row[column].text)).max().unwrap_or(0);
        if widest == 0 { 0 } else { widest.max(self.columns[column].heading.width()) }
    }

    /// Squeezes one column, then leaves columns out, until the others fit.
    fn fit(&self, widths: &mut [usize], width: Option<usize>) -> Vec<usize> {
        let mut left_out = Vec::new();
        let Some(width) = width else { return left_out };
        loop {
            let total: usize = widths.iter().filter(|width| **width > 0).map(|width| width + GAP.len()).sum();
            let Some(excess) = total.saturating_sub(GAP.len()).checked_sub(width).filter(|excess| *excess > 0) else {
                return left_out;
            };
            let squeezed = &mut widths[self.squeezed];
            if *squeezed >= excess + SQUEEZED_MIN {
                *squeezed -= excess;
                return left_out;
            }
            let droppable = (0..widths.len()).filter(|i| widths[*i] > 0 && self.columns[*i].rank > 0);
            let Some(column) = droppable.max_by_key(|i| self.columns[*i].rank) else {
                let squeezed = &mut widths[self.squeezed];
                *squeezed = squeezed.saturating_sub(excess).max(SQUEEZED_MIN.min(*squeezed));
                return left_out;
            };
            widths[column] = 0;
            left_out.push(column);
        }
    }

    fn print_row(&self, row: &[Cell<'_>], widths: &[usize], ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
        let mut pending = 0;
        let mut is_first = true;
        for ((cell, column), width) in row.iter().zip(&self.columns).zip(widths).filter(|(_, width)| **width > 0) {
            let text = squeezed(&cell.text, *width);
            let text = if column.align == Align::Left { text.trim_end() } else { &*text };
            let room = width - width_of(text);
            if !is_first {
                pending += GAP.len();
            }
            is_first = false;
            let (before, after) = if column.align == Align::Left { (0, room) } else { (room, 0) };
            if text.is_empty() {
                pending += width;
                continue;
            }
            write!(out, "{:1$}{2}", "", pending + before, ui.paint(cell.tone, text))?;
            pending = after;
        }
        writeln!(out)
    }
}

/// As many columns as it takes; nearly all text is plain.
fn width_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text, its middle left out if it is too wide: of a name, the end says most.
fn squeezed(text: &str, width: usize) -> Cow<'_, str> {
    if width_of(text) <= width {
        return text.into();
    }
    let room = width.saturating_sub(1);
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += c.width().unwrap_or(0);
            used <= room
        };
        chars.take_while(fits).collect::<Vec<char>>()
    };
    let start: String = take(&mut text.chars(), room / 3).into_iter().collect();
    let mut end = take(&mut text.chars().rev(), room - start.width());
    end.reverse();
    format!("{start}…{}", end.into_iter().collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle_and_wide_characters_count_twice() {
        assert_eq!(squeezed("model/encoder/layer_0/kernel", 16), "model…r_0/kernel");
        assert_eq!(squeezed("日本語の変数", 8), "日…変数");
        assert_eq!(squeezed("short", 16), "short");
        assert!(squeezed("日本語の変数の名前", 9).width() <= 9);
    }
}
