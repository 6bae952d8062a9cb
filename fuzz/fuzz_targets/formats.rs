//! Any bytes for any of the four kinds of file: an error or an answer, never a panic. Checksums hold by themselves here
//! (a fuzzer cannot guess them), so everything rests on the checks of structure and meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use varkeep::hidden::{parse_commit, parse_manifest, parse_shard, parse_store_file};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, file)) = bytes.split_first() else { return };
    let parse = match kind % 4 {
        0 => parse_store_file,
        1 => parse_commit,
        2 => parse_manifest,
        _ => parse_shard,
    };
    // Both are answers.
    drop(parse(file));
});
