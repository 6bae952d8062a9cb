//! The page of `report`: HTML, style, script and data in one file that asks nothing of any network.
//!
//! What the data look like is said in [`data`]; the script that draws them is in `page/`, one file for each part.

mod data;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cmd::report::Report;
use crate::failure::{Failure, Outcome};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");

/// In this order: each uses only what is before it.
const SCRIPTS: [&str; 9] = [
    include_str!("page/format.js"),
    include_str!("page/dom.js"),
    include_str!("page/chart.js"),
    include_str!("page/treemap.js"),
    include_str!("page/metrics.js"),
    include_str!("page/table.js"),
    include_str!("page/detail.js"),
    include_str!("page/diff.js"),
    include_str!("page/main.js"),
];

/// Writes the page, beside its place first and then into it, and gives its bytes.
pub(crate) fn write(report: &Report) -> Outcome<u64> {
    let path = &report.path;
    let place = |error: io::Error| Failure::cannot_write(path, &error);
    let beside = beside(path);
    let written = fill(report, &beside).and_then(|bytes| fs::rename(&beside, path).map(|()| bytes));
    if written.is_err() {
        // It may not even have been made.
        let _nothing_left = fs::remove_file(&beside);
    }
    written.map_err(place)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

fn fill(report: &Report, path: &Path) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut rest = PAGE;
    for (slot, fill) in
        [("{{title}}", Slot::Title), ("{{style}}", Slot::Style), ("{{data}}", Slot::Data), ("{{script}}", Slot::Script)]
    {
        let (before, after) = rest.split_once(slot).expect("the page has every slot, in this order");
        out.write_all(before.as_bytes())?;
        match fill {
            Slot::Title => out.write_all(escaped(&report.title).as_bytes())?,
            Slot::Style => out.write_all(STYLE.as_bytes())?,
            Slot::Data => data::write(report, &mut out)?,
            Slot::Script => {
                for script in SCRIPTS {
                    out.write_all(script.as_bytes())?;
                }
            }
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(file.metadata()?.len())
}

enum Slot {
    Title,
    Style,
    Data,
    Script,
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
