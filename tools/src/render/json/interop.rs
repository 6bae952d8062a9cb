//! The objects of `import` and `export`.

use std::io::{self, Write};

use serde::Serialize;

use super::write;
use crate::cmd;

#[derive(Serialize)]
struct Imported<'a> {
    schema: &'static str,
    from: &'a str,
    format: &'static str,
    store: &'a str,
    tag: &'a str,
    commit: u64,
    variables: u64,
    bytes_new: u64,
    bytes_shared: u64,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Exported<'a> {
    schema: &'static str,
    from: &'a str,
    format: &'static str,
    files: Vec<String>,
    variables: u64,
    bytes: u64,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Note<'a> {
    variable: Option<&'a str>,
    what: &'a str,
}

pub(crate) fn import(imported: &cmd::import::Imported, out: &mut dyn Write) -> io::Result<()> {
    let cmd::import::Imported { from, format, store, tag, report } = imported;
    let object = Imported {
        schema: "varkeep.import/1",
        from,
        format: format.name(),
        store,
        tag,
        commit: report.save.number,
        variables: report.variables,
        bytes_new: report.save.bytes_new,
        bytes_shared: report.save.bytes_shared,
        notes: notes(&report.notes),
    };
    write(&object, out)
}

pub(crate) fn export(exported: &cmd::export::Exported, out: &mut dyn Write) -> io::Result<()> {
    let cmd::export::Exported { from, format, report } = exported;
    let object = Exported {
        schema: "varkeep.export/1",
        from,
        format: format.name(),
        files: report.files.iter().map(|file| file.display().to_string()).collect(),
        variables: report.variables,
        bytes: report.bytes,
        notes: notes(&report.notes),
    };
    write(&object, out)
}

fn notes(notes: &[varkeep::interop::Note]) -> Vec<Note<'_>> {
    notes.iter().map(|note| Note { variable: note.variable.as_deref(), what: &note.what }).collect()
}
