//! The object of `verify`.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use varkeep::VerifyReport;

use super::write;
use crate::cmd::verify::Health;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    address: &'a str,
    sound: bool,
    files: u64,
    bytes: u64,
    chunks: u64,
    checkpoints: Vec<Checkpoint<'a>>,
    damage: Vec<Damage<'a>>,
    unused: Vec<String>,
    not_covered: [&'static str; 2],
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    tag: Option<&'a str>,
    commit: u64,
    variables: u64,
    readable: bool,
    damaged: &'a [String],
}

#[derive(Serialize)]
struct Damage<'a> {
    path: String,
    offset_bytes: Option<u64>,
    what: &'a str,
    variables: &'a [String],
    commits: &'a [u64],
    advice: Option<&'a str>,
}

pub(crate) fn verify(health: &Health, out: &mut dyn Write) -> io::Result<()> {
    let report = &health.report;
    let text = |path: &Path| path.display().to_string();
    let checkpoints = report.checkpoints.iter().map(|one| Checkpoint {
        tag: one.tag.as_deref(),
        commit: one.number,
        variables: one.variables,
        readable: one.readable,
        damaged: &one.damaged,
    });
    let damage = report.damage.iter().map(|one| Damage {
        path: text(&one.path),
        offset_bytes: one.offset_bytes,
        what: &one.what,
        variables: &one.variables,
        commits: &one.checkpoints,
        advice: one.advice.as_deref(),
    });
    let object = Report {
        schema: "varkeep.verify/1",
        address: &health.address,
        sound: report.is_sound(),
        files: report.files,
        bytes: report.bytes,
        chunks: report.chunks,
        checkpoints: checkpoints.collect(),
        damage: damage.collect(),
        unused: report.unused.iter().map(|path| text(path)).collect(),
        not_covered: VerifyReport::NOT_COVERED,
    };
    write(&object, out)
}
