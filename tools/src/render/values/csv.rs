//! Comma-separated values: a line for each row, as `numpy.savetxt` writes them. An array of more than two axes has a line
//! for each of its rows too, with the row's index in the first columns.

use std::io::Write;

use crate::failure::Outcome;
use crate::numpy::{self, Values};
use crate::opened::flat::unravel;
use crate::select::Selection;

pub(crate) fn csv(selection: &Selection, sizes: &[u64], out: &mut dyn Write) -> Outcome<()> {
    // A row of one axis would be one long line: its elements stand below each other.
    let row = if sizes.len() < 2 { 1 } else { sizes[sizes.len() - 1] };
    let outer = &sizes[..sizes.len().saturating_sub(1)];
    let mut at = 0;
    selection.for_each_block(&mut |values| {
        for i in 0..values.len() {
            if at % row == 0 && outer.len() > 1 {
                for index in unravel(at / row, outer) {
                    write!(out, "{index},")?;
                }
            }
            let end = if (at + 1) % row == 0 { '\n' } else { ',' };
            write!(out, "{}{end}", field(values, i))?;
            at += 1;
        }
        Ok(())
    })
}

fn field(values: &Values, i: usize) -> String {
    match values {
        Values::Bytes(all) => quoted(&match std::str::from_utf8(&all[i]) {
            Ok(text) => text.to_owned(),
            Err(_) => numpy::bytes_literal(&all[i]),
        }),
        values => numpy::element(values, i),
    }
}

/// In quotes if it would end the field or the line (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
