//! The object of `prune`.

use std::io::{self, Write};

use serde::Serialize;

use super::write;
use crate::cmd;

#[derive(Serialize)]
struct Pruned<'a> {
    schema: &'static str,
    store: &'a str,
    dry_run: bool,
    policy: &'a str,
    from_now_on: bool,
    deleted: &'a [String],
    kept: &'a [String],
    bytes_before: u64,
    bytes_after: u64,
}

pub(crate) fn prune(pruned: &cmd::prune::Pruned, out: &mut dyn Write) -> io::Result<()> {
    let cmd::prune::Pruned { store, is_dry_run, policy, is_kept, deleted, kept, bytes_before, bytes_after } = pruned;
    let object = Pruned {
        schema: "varkeep.prune/1",
        store,
        dry_run: *is_dry_run,
        policy,
        from_now_on: *is_kept,
        deleted,
        kept,
        bytes_before: *bytes_before,
        bytes_after: *bytes_after,
    };
    write(&object, out)
}
