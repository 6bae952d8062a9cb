//! The `varkeep` command.
fn main() {}
