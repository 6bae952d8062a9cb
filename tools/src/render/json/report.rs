//! The object of `report`: where the page is, and what it flags.

use std::io::{self, Write};

use serde::Serialize;

use super::{Subject, write};
use crate::render::Written;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    path: String,
    bytes: u64,
    checkpoints: Vec<Subject<'a>>,
    left_out: usize,
    variables: usize,
    flags: Vec<Flag<'a>>,
}

#[derive(Serialize)]
struct Flag<'a> {
    name: &'a str,
    kind: &'static str,
    what: &'a str,
}

pub(crate) fn report((report, bytes): &Written, out: &mut dyn Write) -> io::Result<()> {
    let flags = report.variables.iter().flat_map(|(series, flags)| {
        let name = &series.facts.name;
        flags.iter().map(|flag| Flag { name, kind: flag.kind.as_str(), what: &flag.what })
    });
    let object = Report {
        schema: "varkeep.report/1",
        path: report.path.display().to_string(),
        bytes: *bytes,
        checkpoints: report.checkpoints.iter().map(|one| (&one.subject).into()).collect(),
        left_out: report.left_out,
        variables: report.variables.len(),
        flags: flags.collect(),
    };
    write(&object, out)
}
