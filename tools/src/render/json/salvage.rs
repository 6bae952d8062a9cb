//! The object of `salvage`.

use std::io::{self, Write};

use serde::Serialize;

use super::write;
use crate::cmd;

#[derive(Serialize)]
struct Salvaged<'a> {
    schema: &'static str,
    store: &'a str,
    to: &'a str,
    bytes: u64,
    copied: &'a [String],
    left: Vec<Left<'a>>,
}

#[derive(Serialize)]
struct Left<'a> {
    checkpoint: &'a str,
    readable: bool,
    damaged: &'a [String],
}

pub(crate) fn salvage(salvaged: &cmd::salvage::Salvaged, out: &mut dyn Write) -> io::Result<()> {
    let left = salvaged.left.iter().map(|(checkpoint, damaged)| Left {
        checkpoint,
        readable: damaged.is_some(),
        damaged: damaged.as_deref().unwrap_or_default(),
    });
    let object = Salvaged {
        schema: "varkeep.salvage/1",
        store: &salvaged.store,
        to: &salvaged.to,
        bytes: salvaged.report.bytes_new,
        copied: &salvaged.report.copied,
        left: left.collect(),
    };
    write(&object, out)
}
