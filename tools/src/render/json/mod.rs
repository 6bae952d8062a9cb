//! One JSON object for each answer. The types here are the contract that `docs/JSON.md` describes, apart from those the
//! commands work with: a field is added when there is a use for it, and none is renamed or removed within a version.

mod diff;
mod inspect;
mod interop;
mod log;
mod prune;
mod report;
mod restore;
mod salvage;
mod show;
mod stat;
mod verify;

use std::io::{self, Write};

use serde::Serialize;

use crate::cmd;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::units;

pub(crate) use diff::diff;
pub(crate) use inspect::inspect;
pub(crate) use interop::{export, import};
pub(crate) use log::{log, watch};
pub(crate) use prune::prune;
pub(crate) use report::report;
pub(crate) use restore::restore;
pub(crate) use salvage::salvage;
pub(crate) use show::show;
pub(crate) use stat::stat;
pub(crate) use verify::verify;

/// Writes one object on one line.
fn write(object: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// The checkpoint that an answer is about.
#[derive(Serialize)]
struct Subject<'a> {
    address: &'a str,
    format: &'static str,
    tag: Option<&'a str>,
    commit: Option<u64>,
    time: Option<String>,
    variables: u64,
    bytes: u64,
}

impl<'a> From<&'a cmd::Subject> for Subject<'a> {
    fn from(subject: &'a cmd::Subject) -> Self {
        Self {
            address: &subject.address,
            format: subject.format,
            tag: subject.tag.as_deref(),
            commit: subject.number,
            time: subject.time.map(units::rfc3339),
            variables: subject.variables,
            bytes: subject.bytes,
        }
    }
}

#[derive(Serialize)]
struct Trouble<'a> {
    schema: &'static str,
    exit_code: u8,
    error: Cause<'a>,
}

#[derive(Serialize)]
struct Cause<'a> {
    kind: &'static str,
    message: &'a str,
    variable: Option<&'a str>,
    path: Option<String>,
    offset_bytes: Option<u64>,
    causes: &'a [String],
    hint: Option<&'a str>,
}

pub(crate) fn failure(failure: &Failure, out: &mut dyn Write) -> io::Result<()> {
    let error = Cause {
        kind: failure.kind,
        message: &failure.message,
        variable: failure.variable.as_deref(),
        path: failure.path.as_ref().map(|path| path.display().to_string()),
        offset_bytes: failure.offset_bytes,
        causes: &failure.causes,
        hint: failure.hint.as_deref(),
    };
    write(&Trouble { schema: "varkeep.error/1", exit_code: Exit::Trouble.code(), error }, out)
}
