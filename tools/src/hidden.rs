//! What the fuzz targets reach: command lines without a process. No part of any interface.

use std::ffi::{OsStr, OsString};

use clap::Parser;

use crate::address::Address;
use crate::args::Args;
use crate::cmd;
use crate::exit::Exit;
use crate::filter::Filter;
use crate::render;
use crate::slice::Slice;
use crate::ui::Ui;

/// Parses a command line as the command does; a usage that is refused is an answer.
pub fn parse_line(words: &[OsString]) {
    match Args::try_parse_from(words) {
        Ok(args) => drop(format!("{args:?}")),
        Err(error) => drop(error.render().to_string()),
    }
}

/// Parses a text as everything on a command line that has a grammar of its own, and applies it to a name and a shape.
pub fn parse_word(text: &str, name: &str, sizes: &[u64]) {
    if let Ok(address) = Address::parse(OsStr::new(text)) {
        // What an address prints as reads as the same address.
        let again = Address::parse(OsStr::new(&address.to_string()));
        assert_eq!(again.ok().as_ref(), Some(&address));
    }
    if let Ok(filter) = Filter::new(Some(text)) {
        // Only names with the prefix are ever looked at.
        assert!(!filter.matches(name) || name.starts_with(filter.prefix()), "{text:?} {name:?}");
    }
    if let Ok(axes) = Slice::parse(text).and_then(|slice| slice.axes(sizes)) {
        for (axis, size) in axes.iter().zip(sizes) {
            for i in [0, axis.len / 2, axis.len.saturating_sub(1)] {
                assert!(axis.len == 0 || axis.at(i) < *size, "{text:?} of {sizes:?}");
            }
        }
    }
    cmd::prune::parse_word(text);
    cmd::restore::parse_word(text, name);
}

/// Carries out a command line, and gives its exit code and all that it prints.
pub fn answer(words: &[&OsStr]) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let args = Args::try_parse_from(words).expect("the line is one that parses");
    let ui = Ui::new(&args.output).without_notes();
    let exit = crate::run(args.command, &ui, &mut out).unwrap_or_else(|failure| {
        if ui.is_json() {
            render::json::failure(&failure, &mut out).expect("memory takes everything");
        } else {
            render::text::failure(&failure, &ui, &mut out).expect("memory takes everything");
        }
        Exit::Trouble
    });
    (exit.code(), out)
}
