//! The cases: each group makes a state, lets varkeep and the peers take turns at it, and gives rows of the table.

mod full_save;
mod open;

use anyhow::Result;

use crate::context::Context;
use crate::report::Row;

/// Cases that share a state and a run.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Bytes on the disk at full scale, at the most.
    pub(crate) disk_bytes: u64,
    pub(crate) run: fn(&Context) -> Result<Vec<Row>>,
}

pub(crate) const GIB: u64 = 1 << 30;

pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "full-save",
        about: "a full durable save of 1 GiB in 256 tensors",
        disk_bytes: 5 * GIB,
        run: full_save::large,
    },
    Group {
        name: "many-small",
        about: "a full durable save of 20,000 tensors of 50 KiB",
        disk_bytes: 5 * GIB,
        run: full_save::small,
    },
    Group {
        name: "open",
        about: "opening a checkpoint and reading its first tensor",
        disk_bytes: 4 * GIB,
        run: open::run,
    },
];
