//! The `varkeep` command: see `lib.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    varkeep_tools::main()
}
