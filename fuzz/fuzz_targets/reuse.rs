//! Any program of scopes and gets, run against a store and against a naive model of the rules: any difference is a
//! crash, which prints the program and what differs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use varkeep_fuzz::{Program, run};

fuzz_target!(|bytes: &[u8]| {
    if let Some(program) = Program::of_bytes(bytes) {
        run(&program);
    }
});
