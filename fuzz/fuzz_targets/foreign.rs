//! Any bytes as a file of another format: a clear error, or values, never a panic, and never more memory than the file
//! is worth. The first byte says which format; a TensorFlow checkpoint is an index and a data file, divided by the
//! second and third. Checksums hold by themselves here: a fuzzer cannot guess them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use varkeep::hidden::read_foreign;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, file)) = bytes.split_first() else { return };
    read_foreign(*kind, file);
});
