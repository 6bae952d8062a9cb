//! Any words as a command line: an answer or a usage error, never a panic. A line end parts words. Where the first is the name
//! of a command, all are its command line. Otherwise it is read as everything on a command line that has a grammar of its own
//! (addresses, patterns, slices, ages, rules of renaming), and applied to the second as a name and to the lengths of the
//! others as a shape: these are many, and a parser of command lines is slow.

#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use libfuzzer_sys::fuzz_target;
use varkeep_tools::hidden::{parse_line, parse_word};

const COMMANDS: [&[u8]; 8] = [b"log", b"inspect", b"show", b"diff", b"restore", b"prune", b"import", b"export"];

/// More axes than any command line names.
const AXES_MAX: usize = 5;

fuzz_target!(|bytes: &[u8]| {
    // Paths need not be UTF-8; no system passes on a zero.
    let words = bytes.split(|byte| *byte == b'\n').filter(|word| !word.contains(&0));
    let words: Vec<&[u8]> = words.collect();
    if words.first().is_some_and(|word| COMMANDS.contains(word)) {
        let line = words.iter().map(|word| OsString::from_vec(word.to_vec()));
        return parse_line(&std::iter::once(OsString::from("varkeep")).chain(line).collect::<Vec<_>>());
    }
    let text = |i: usize| words.get(i).map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
    let sizes = |word: &&[u8]| if word.len() == 9 { u64::MAX / 2 } else { word.len() as u64 };
    parse_word(&text(0), &text(1), &words.iter().skip(2).take(AXES_MAX).map(sizes).collect::<Vec<_>>());
});
